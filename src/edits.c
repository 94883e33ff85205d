/* The files of one change; see edits.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "edits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "refuse.h"

static const char *const roles[ROLES] = {
	[ROLE_TARGET] = "target", [ROLE_IMAGES] = "images", [ROLE_SOURCE] = "source", [ROLE_ENTRY] = "entry", [ROLE_MADE] = "made",
};

const char *role_name(enum role role)
{
	return roles[role];
}

bool role_parse(const char *word, enum role *out)
{
	for (int i = 0; i < ROLES; i++) {
		if (strcmp(word, roles[i]) != 0)
			continue;
		*out = (enum role)i;
		return true;
	}
	return false;
}

static bool absent(int error)
{
	return error == ENOENT || error == ENOTDIR;
}

/* What a file holds now. Returns 0, or -1 with one line told. */
static int read_now(const char *path, char **text)
{
	size_t len = 0;

	*text = file_read(path, &len);
	if (!*text)
		return absent(errno) ? 0 : (fail("%s: %s", path, strerror(errno)), -1);
	if (strlen(*text) == len)
		return 0;
	free(*text);
	*text = NULL;
	fail("%s: holds a NUL byte; it is no text file", path);
	return -1;
}

int edits_take(struct edits *edits, enum role role, const char *path, char *before, char *after)
{
	struct edit *more = reallocarray(edits->list, edits->count + 1, sizeof(*more));
	char *name = strdup(path);

	if (more)
		edits->list = more;
	if (!more || !name) {
		free(name);
		free(before);
		free(after);
		return -ENOMEM;
	}
	more[edits->count++] = (struct edit){ .role = role, .path = name, .before = before, .after = after };
	return 0;
}

int edits_add(struct edits *edits, enum role role, const char *path, const char *after)
{
	char *before = NULL, *copy = after ? strdup(after) : NULL;

	if (role != ROLE_MADE && read_now(path, &before) < 0) {
		free(copy);
		return -1;
	}
	if ((after && !copy) || edits_take(edits, role, path, before, copy) < 0) {
		fail("%s", strerror(ENOMEM));
		return -1;
	}
	return 0;
}

int edits_reread(struct edits *edits)
{
	for (size_t i = 0; i < edits->count; i++) {
		struct edit *e = &edits->list[i];

		free(e->before);
		e->before = NULL;
		if (e->role != ROLE_MADE && read_now(e->path, &e->before) < 0)
			return -1;
	}
	return 0;
}

void edits_free(struct edits *edits)
{
	for (size_t i = 0; i < edits->count; i++) {
		free(edits->list[i].path);
		free(edits->list[i].before);
		free(edits->list[i].after);
	}
	free(edits->list);
	*edits = (struct edits){ 0 };
}

const char *edits_target(const struct edits *edits, bool after)
{
	for (size_t i = 0; i < edits->count; i++)
		if (edits->list[i].role == ROLE_TARGET)
			return after ? edits->list[i].after : edits->list[i].before;
	return NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : !a && !b;
}

bool edit_changes(const struct edit *edit)
{
	return edit->role != ROLE_MADE && !same_text(edit->before, edit->after);
}

bool edits_change(const struct edits *edits)
{
	for (size_t i = 0; i < edits->count; i++)
		if (edit_changes(&edits->list[i]))
			return true;
	return false;
}

int edit_put(const char *path, const char *text)
{
	errno = 0;
	char *now = file_read(path, NULL);
	bool done = same_text(now, text) && (now || absent(errno));
	free(now);
	if (done)
		return 0;
	int r = text ? file_write(path, text, strlen(text), 0644) : file_remove(path);
	if (r == 0)
		return 1;
	fail("%s: %s", path, strerror(-r));
	return -1;
}
