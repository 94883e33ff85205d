/* The fingerprint of the last read-back; see fingerprint.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/fingerprint.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/paths.h"
#include "change/lock.h"
#include "system/files.h"
#include "system/memstream.h"

#define RECORD STATE_DIR "/record"

static int look_at(struct seen *seen, const char *path, struct stat *st)
{
	return seen_add(seen, path, stat(path, st) < 0 ? NULL : st);
}

/* A file that is written in place leaves its directory as it is. */
static int look_into(struct seen *seen, const char *dir)
{
	struct dirent **list;
	struct stat st;
	int r = 0;

	int count = scandir(dir, &list, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		free(list[i]);
		if (r == 0 && stat(path, &st) == 0 && S_ISREG(st.st_mode))
			r = seen_add(seen, path, &st);
	}
	if (count >= 0)
		free(list);
	return r;
}

static int look_once(const char *const *paths, size_t count, struct seen *seen)
{
	struct stat st = { 0 };
	int r = 0;

	*seen = (struct seen){ 0 };
	for (size_t i = 0; i < count && r == 0; i++) {
		r = look_at(seen, paths[i], &st);
		if (r == 0 && seen->list[seen->count - 1].there && S_ISDIR(st.st_mode))
			r = look_into(seen, paths[i]);
	}
	if (r < 0)
		seen_free(seen);
	return r;
}

/* How long until all of them have settled. */
static long long left(const struct seen *seen)
{
	long long most = 0;

	for (size_t i = 0; i < seen->count; i++) {
		long long one = seen->list[i].there ? seen_settles(&seen->list[i].st) : 0;
		most = one > most ? one : most;
	}
	return most;
}

char *fingerprint_take(const char *const *paths, size_t count, const struct seen *read, bool settled)
{
	struct seen seen;
	struct text text;

	if (look_once(paths, count, &seen) < 0)
		return NULL;
	if (settled && seen.hasty) {
		seen_wait(left(&seen));
		seen_free(&seen);
		if (look_once(paths, count, &seen) < 0)
			return NULL;
	}
	/* Else somebody is writing, or a time lies in the future. */
	FILE *out = !seen.hasty && seen_same(read) ? text_open(&text) : NULL;
	if (out) {
		seen_print(read, out);
		seen_print(&seen, out);
	}
	seen_free(&seen);
	return out ? text_close(&text, NULL) : NULL;
}

int fingerprint_write(const char *fingerprint)
{
	struct stat st;

	/* A command that changes nothing leaves nothing behind. */
	return lstat(STATE_DIR, &st) < 0 ? 0 : file_write(RECORD, fingerprint, strlen(fingerprint), 0600);
}

bool fingerprint_matches(const char *fingerprint)
{
	char *then = file_read(RECORD, NULL);
	bool same = fingerprint && then && strcmp(fingerprint, then) == 0;

	free(then);
	return same;
}

bool fingerprint_after(const char *path)
{
	struct stat record, file;

	if (stat(RECORD, &record) < 0 || stat(path, &file) < 0)
		return false;
	return file.st_mtim.tv_sec < record.st_mtim.tv_sec ||
	       (file.st_mtim.tv_sec == record.st_mtim.tv_sec && file.st_mtim.tv_nsec < record.st_mtim.tv_nsec);
}
