/* Boot Loader Specification type 1 entries; see bls-entry.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/bls-entry.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bootloader/bls-grub.h"
#include "bootloader/cmdline-edit.h"
#include "system/files.h"
#include "system/memstream.h"

/* A line: its first word is the key, the rest of it the value, without the blanks around it. */
struct line {
	const char *start, *next; /* next: after the line's end */
	const char *key, *value;
	size_t key_len, value_len;
	const char *end; /* "\n", "\r\n" or "" */
};

static bool next_line(const char *text, struct line *l)
{
	if (!*text)
		return false;
	size_t len = strcspn(text, "\n");
	l->start = text;
	l->next = text + len + (text[len] == '\n');
	l->end = text[len] != '\n' ? "" : len > 0 && text[len - 1] == '\r' ? "\r\n" : "\n";
	while (len > 0 && strchr(" \t\r", text[len - 1]))
		len--;
	const char *stop = text + len;
	l->key = text + strspn(text, " \t");
	if (l->key > stop)
		l->key = stop;
	l->key_len = strcspn(l->key, " \t\r\n");
	if (l->key + l->key_len > stop)
		l->key_len = (size_t)(stop - l->key);
	l->value = l->key + l->key_len;
	while (l->value < stop && strchr(" \t", *l->value))
		l->value++;
	l->value_len = (size_t)(stop - l->value);
	return true;
}

static bool is_key(const struct line *l, const char *key)
{
	return l->key_len == strlen(key) && strncmp(l->key, key, l->key_len) == 0;
}

bool bls_next(const char **text, const char *key, char *value, size_t size)
{
	for (struct line l; next_line(*text, &l);) {
		*text = l.next;
		if (!is_key(&l, key))
			continue;
		snprintf(value, size, "%.*s", (int)l.value_len, l.value);
		return true;
	}
	return false;
}

bool bls_value(const char *text, const char *key, char *value, size_t size)
{
	bool found = false;

	while (bls_next(&text, key, value, size))
		found = true;
	return found;
}

char *bls_options(const char *text, bool all)
{
	struct text line;
	bool any = false;

	FILE *out = text_open(&line);
	if (!out)
		return NULL;
	for (struct line l; next_line(text, &l); text = l.next) {
		if (!is_key(&l, "options") || (any && !all))
			continue;
		fprintf(out, "%s%.*s", any ? " " : "", (int)l.value_len, l.value);
		any = true;
	}
	return text_close(&line, NULL);
}

/* Returns false without memory. */
static bool put_stripped(FILE *out, const struct line *l, bool flush)
{
	char *value = strndup(l->value, l->value_len), *rest = value ? words_apply(value, "", flush, NULL) : NULL;

	fprintf(out, "%.*s%s%s", (int)(l->value - l->start), l->start, rest ? rest : "", l->end);
	bool done = rest != NULL;
	free(rest);
	free(value);
	return done;
}

char *bls_with_options(const char *text, const char *line, bool all, bool flush)
{
	bool done = false, open = false;
	struct text made;

	FILE *out = text_open(&made);
	if (!out)
		return NULL;
	for (struct line l; next_line(text, &l); text = l.next) {
		open = *l.end == '\0';
		if (done && !all && is_key(&l, "options")) {
			made.failed = !put_stripped(out, &l, flush) || made.failed;
			continue;
		}
		if (!is_key(&l, "options")) {
			fprintf(out, "%.*s", (int)(l.next - l.start), l.start);
			continue;
		}
		if (!done) /* the blanks that were there stay */
			fprintf(out, "%.*s%s%s%s", (int)(l.value - l.start), l.start,
				l.value == l.key + l.key_len ? " " : "", line, l.end);
		done = true;
	}
	if (!done)
		fprintf(out, "%soptions %s\n", open ? "\n" : "", line);
	return text_close(&made, NULL);
}

char *bls_with_value(const char *text, const char *key, const char *value)
{
	const char *end = text;
	char *made = NULL;
	struct line last = { 0 };

	for (struct line l; next_line(end, &l); end = l.next)
		if (is_key(&l, key))
			last = l;
	if (!last.value)
		return strdup(text);
	if (asprintf(&made, "%.*s%s%s", (int)(last.value - text), text, value, last.value + last.value_len) < 0)
		return NULL;
	return made;
}

char *bls_widen(char *line)
{
	size_t at = strcspn(line, " \"'");
	char *wide = NULL;

	if (line[at] != ' ')
		return line;
	if (asprintf(&wide, "%.*s %s", (int)at, line, line + at) < 0)
		wide = NULL;
	free(line);
	return wide;
}

/* One that we have made stays only as long as our words are on it; it can have been widened. */
static bool is_bare(const char *line, const char *words)
{
	size_t len = sizeof(BLS_DEFAULT_OPTIONS) - 1;

	return !*words && strncmp(line, BLS_DEFAULT_OPTIONS, len) == 0 && !line[len + strspn(line + len, " ")];
}

static char *without_options(const char *text)
{
	struct text made;

	FILE *out = text_open(&made);
	if (!out)
		return NULL;
	for (struct line l; next_line(text, &l); text = l.next)
		if (!is_key(&l, "options"))
			fprintf(out, "%.*s", (int)(l.next - l.start), l.start);
	return text_close(&made, NULL);
}

char *bls_with_words(const char *text, bool all, const char *whole, const char *words, bool flush)
{
	char value[8], *made = NULL;
	bool has_options = bls_value(text, "options", value, sizeof(value));

	if (!has_options && (!*words || (!all && !whole)))
		return strdup(text);
	char *line = has_options || !whole ? bls_options(text, all) : strdup(whole);
	bool elsewhere = line && !all && strstr(line, "$kernelopts") && bls_grub_has_kernelopts();
	char *new = line ? words_apply(line, elsewhere ? "" : words, flush, NULL) : NULL;

	if (new && !all && is_bare(new, words))
		made = without_options(text);
	else if (new && !all && !elsewhere && bls_grub_breaks(text, new, NULL) && strcmp(new, line) != 0)
		new = bls_widen(new);
	if (new && !made)
		made = all && strcmp(new, line) == 0 ? strdup(text) : bls_with_options(text, new, all, flush);
	free(line);
	free(new);
	return made;
}

/* --- Reading ------------------------------------------------------------------------------------------------------ */

static int add(const char *dir, const char *name, struct bls_entries *entries, struct error *error)
{
	struct bls_entry *more = reallocarray(entries->list, entries->count + 1, sizeof(*more)), *e;
	struct stat st;
	size_t len = 0;

	if (!more)
		return error_errno(error, -ENOMEM);
	entries->list = more;
	e = &more[entries->count++];
	*e = (struct bls_entry){ 0 };
	if (asprintf(&e->path, "%s/%s", dir, name) < 0) {
		e->path = NULL;
		return error_errno(error, -ENOMEM);
	}
	e->text = file_read_at(e->path, &len, &st);
	if (!e->text && errno == EISDIR)
		e->text = stat(e->path, &st) == 0 ? strdup("") : NULL;
	if (!e->text)
		return error_set(error, -errno, "%s: %s", e->path, strerror(errno));
	if (seen_add(&entries->seen, e->path, &st) < 0)
		return error_errno(error, -ENOMEM);
	if (strlen(e->text) != len)
		e->text[0] = '\0';
	e->line = bls_options(e->text, entries->all);
	return e->line ? 0 : error_errno(error, -ENOMEM);
}

static int by_path(const void *a, const void *b)
{
	return strverscmp(((const struct bls_entry *)a)->path, ((const struct bls_entry *)b)->path);
}

int bls_read(const char *dir, bool all, struct bls_entries *entries, struct error *error)
{
	struct stat st;

	*entries = (struct bls_entries){ .all = all };
	DIR *list = opendir(dir);
	if (!list && errno == ENOENT)
		return error_errno(error, seen_add(&entries->seen, dir, NULL));
	if (!list)
		return error_set(error, -errno, "%s: %s", dir, strerror(errno));
	int r = error_errno(error, fstat(dirfd(list), &st) == 0 ? seen_add(&entries->seen, dir, &st) : -errno);
	for (const struct dirent *entry; r == 0 && (entry = readdir(list));) {
		size_t len = strlen(entry->d_name);
		/* A name with a line break in it could not be told in a line. */
		if (len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0 && entry->d_name[0] != '.' &&
		    !strchr(entry->d_name, '\n'))
			r = add(dir, entry->d_name, entries, error);
	}
	closedir(list);
	if (r < 0)
		bls_free(entries);
	else if (entries->count)
		qsort(entries->list, entries->count, sizeof(*entries->list), by_path);
	return r;
}

void bls_free(struct bls_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		free(entries->list[i].path);
		free(entries->list[i].text);
		free(entries->list[i].line);
	}
	free(entries->list);
	seen_free(&entries->seen);
	*entries = (struct bls_entries){ .all = entries->all };
}
