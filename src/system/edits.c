/* The files of one change; see edits.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/edits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/files.h"
#include "system/message.h"
#include "system/place.h"
#include "system/refuse.h"

static const char *const roles[ROLES] = {
	[ROLE_TARGET] = "target", [ROLE_IMAGES] = "images", [ROLE_SOURCE] = "source",
	[ROLE_ENTRY] = "entry",   [ROLE_MADE] = "made",
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

static int no_text(const char *path)
{
	fail("%s: is no text file (it holds a NUL byte)", path);
	return -1;
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
	return no_text(path);
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

int edits_check_link(const char *path)
{
	struct place place;

	int r = place_find(path, false, &place);
	place_close(&place);
	return r == -ELOOP ? -refuse(LINK_UNSAFE, "%s: %s", path, place.why) : 0;
}

static int add(struct edits *edits, enum role role, const char *path, char *before, const char *after)
{
	char *copy = after ? strdup(after) : NULL;

	if (after && !copy) {
		free(before);
		return no_memory();
	}
	return edits_take(edits, role, path, before, copy) < 0 ? no_memory() : 0;
}

int edits_add(struct edits *edits, enum role role, const char *path, const char *after)
{
	char *before = NULL;

	int r = edits_check_link(path);
	if (r == 0 && role != ROLE_MADE)
		r = read_now(path, &before);
	return r < 0 ? r : add(edits, role, path, before, after);
}

int edits_add_read(struct edits *edits, enum role role, const char *path, const char *before, const char *after)
{
	int r = edits_check_link(path);
	char *copy = r == 0 ? strdup(before) : NULL;

	return r < 0 ? r : copy ? add(edits, role, path, copy, after) : no_memory();
}

int edits_add_ours(struct edits *edits, enum role role, const char *path, const char *after)
{
	static const char sign[] = "# Written by iommu-install";
	char *before = NULL;

	int r = edits_check_link(path);
	if (r == 0)
		r = read_now(path, &before);
	if (r < 0)
		return r;
	if (!before || strncmp(before, sign, strlen(sign)) == 0)
		return add(edits, role, path, before, after);
	free(before);
	return after ? -refuse(FILE_FOREIGN, "%s was not written by iommu-install, which needs that name for a file "
					     "of its own",
			       path)
		     : 0;
}

int edit_reread(struct edit *edit, const char *text)
{
	free(edit->before);
	edit->before = text ? strdup(text) : NULL;
	if (text)
		return edit->before ? 0 : no_memory();
	return edit->role == ROLE_MADE ? 0 : read_now(edit->path, &edit->before);
}

int edits_reread(struct edits *edits)
{
	for (size_t i = 0; i < edits->count; i++)
		if (edit_reread(&edits->list[i], NULL) < 0)
			return -1;
	return 0;
}

int edit_now(const struct edit *edit, char **text)
{
	return read_now(edit->path, text);
}

bool edit_knows(const struct edit *edit, const char *text)
{
	return same_text(text, edit->before) || same_text(text, edit->after) ||
	       (edit->put && same_text(text, edit->put));
}

void edits_free(struct edits *edits)
{
	for (size_t i = 0; i < edits->count; i++) {
		free(edits->list[i].put);
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

bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : !a && !b;
}

bool edits_put_made(const struct edits *edits)
{
	for (size_t i = 0; i < edits->count; i++)
		if (edits->list[i].role == ROLE_MADE && edits->list[i].after)
			return true;
	return false;
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

struct condition {
	const struct edit *edit;
	edit_may *may;
	void *arg;
	bool told; /* or there is nothing to tell */
};

static int asked(const char *now, size_t len, void *arg)
{
	struct condition *c = arg;

	if (now && strlen(now) != len) {
		c->told = true;
		return no_text(c->edit->path);
	}
	int r = c->may(now, c->arg);
	c->told = r < 0;
	return r;
}

int edit_put_if(const struct edit *edit, const char *text, edit_may *may, void *arg)
{
	struct condition c = { .edit = edit, .may = may, .arg = arg };
	char *now;

	if (text) {
		int r = file_put_if(edit->path, text, strlen(text), 0644, asked, &c);
		if (r < 0 && !c.told)
			fail("%s: %s", edit->path, file_error(r));
		return r < 0 ? -1 : r;
	}
	if (read_now(edit->path, &now) < 0)
		return -1;
	int r = may(now, arg);
	free(now);
	return r > 0 ? edit_put(edit->path, NULL) : r;
}

int edit_put(const char *path, const char *text)
{
	bool there = text || access(path, F_OK) == 0 || !absent(errno);
	int r = text ? file_put(path, text, strlen(text), 0644) : there ? file_remove(path) : 0;

	if (r < 0)
		fail("%s: %s", path, file_error(r));
	return r < 0 ? -1 : text ? r : there;
}
