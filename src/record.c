/* The record of the last read-back; see record.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "record.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "files.h"
#include "lock.h"
#include "text.h"

#define RECORD STATE_DIR "/record"
#define MILLISECOND 1000000LL /* in nanoseconds */

struct look {
	FILE *out;
	long long settles; /* when a change of any of them has another time than it has now; nanoseconds since 1970 */
};

/* The kernel's clock for files has steps of 10 ms at most. FAT keeps even seconds, old ext4 whole ones. */
static long long step(const struct stat *st)
{
	return st->st_ctim.tv_nsec || st->st_mtim.tv_nsec ? 20 * MILLISECOND : 2000 * MILLISECOND;
}

static void look_at(struct look *look, const char *path, const struct stat *st)
{
	long long settles = st->st_ctim.tv_sec * 1000 * MILLISECOND + st->st_ctim.tv_nsec + step(st);

	look->settles = settles > look->settles ? settles : look->settles;
	fprintf(look->out, "%s %ju %ju %jd %jd.%09ld %jd.%09ld\n", path, (uintmax_t)st->st_dev, (uintmax_t)st->st_ino,
		(intmax_t)st->st_size, (intmax_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec, (intmax_t)st->st_ctim.tv_sec,
		st->st_ctim.tv_nsec);
}

/* A file that is written in place leaves its directory as it is. */
static void look_into(struct look *look, const char *dir)
{
	struct dirent **list;
	struct stat st;

	int count = scandir(dir, &list, NULL, alphasort);
	if (count < 0)
		fprintf(look->out, "%s can't be listed\n", dir);
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		free(list[i]);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			look_at(look, path, &st);
	}
	if (count >= 0)
		free(list);
}

static char *look_once(const char *const *paths, size_t count, long long *settles)
{
	struct text text;
	struct look look = { .out = text_open(&text) };

	if (!look.out)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct stat st;

		if (stat(paths[i], &st) < 0) {
			fprintf(look.out, "%s absent\n", paths[i]);
			continue;
		}
		look_at(&look, paths[i], &st);
		if (S_ISDIR(st.st_mode))
			look_into(&look, paths[i]);
	}
	*settles = look.settles;
	return text_close(&text, NULL);
}

/* How long until then, in nanoseconds. */
static long long left(long long settles)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return settles - (now.tv_sec * 1000 * MILLISECOND + now.tv_nsec);
}

char *record_look(const char *const *paths, size_t count, bool settled)
{
	long long settles;
	char *text = look_once(paths, count, &settles);
	long long wait = settled && text ? left(settles) : 0;

	if (wait > 0 && wait <= 2000 * MILLISECOND) {
		struct timespec time = { .tv_sec = (time_t)(wait / (1000 * MILLISECOND)), .tv_nsec = wait % (1000 * MILLISECOND) };

		nanosleep(&time, NULL);
		free(text);
		text = look_once(paths, count, &settles);
		wait = text ? left(settles) : 0;
	}
	/* Somebody is writing, or a time lies in the future. */
	if (wait > 0) {
		free(text);
		text = NULL;
	}
	return text;
}

int record_write(const char *seen)
{
	return file_write(RECORD, seen, strlen(seen), 0600);
}

bool record_matches(const char *seen)
{
	char *then = file_read(RECORD, NULL);
	bool same = seen && then && strcmp(seen, then) == 0;

	free(then);
	return same;
}
