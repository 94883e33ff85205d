/* Boot Loader Specification type 1 entries; see blsentry.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "blsentry.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "refuse.h"
#include "text.h"
#include "words.h"

#define CMDLINE "/etc/kernel/cmdline"

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

/* The options as one line, owned by the caller. */
static char *options_of(const char *text, bool all)
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
			fprintf(out, "%.*s%s%s%s", (int)(l.value - l.start), l.start, l.value == l.key + l.key_len ? " " : "", line,
				l.end);
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

/* --- Reading --------------------------------------------------------------------------------------------------------- */

static int no_entry(char **why, const char *path, const char *what)
{
	if (asprintf(why, "%s: %s", path, what) < 0)
		*why = NULL;
	return -EBADMSG;
}

static int add(const char *dir, const char *name, struct bls_entries *entries, char **why)
{
	struct bls_entry *more = reallocarray(entries->list, entries->count + 1, sizeof(*more)), *e;
	char value[8];
	size_t len = 0;

	if (!more)
		return -ENOMEM;
	entries->list = more;
	e = &more[entries->count++];
	*e = (struct bls_entry){ 0 };
	if (asprintf(&e->path, "%s/%s", dir, name) < 0) {
		e->path = NULL;
		return -ENOMEM;
	}
	e->text = file_read(e->path, &len);
	if (!e->text) {
		int r = -errno;
		no_entry(why, e->path, strerror(-r));
		return r;
	}
	size_t whole = strlen(e->text);
	if (whole != len) {
		unsigned line = 1;
		for (size_t i = 0; i < whole; i++)
			line += e->text[i] == '\n';
		if (asprintf(why, "%s:%u: a NUL byte; this is no boot entry: mend it or take it away", e->path, line) < 0)
			*why = NULL;
		return -EBADMSG;
	}
	if (!bls_value(e->text, "linux", value, sizeof(value)) && !bls_value(e->text, "efi", value, sizeof(value)) &&
	    !bls_value(e->text, "uki", value, sizeof(value)))
		return no_entry(why, e->path, "names no kernel (linux or efi); this is no boot entry: mend it or take it away");
	e->line = options_of(e->text, entries->all);
	return e->line ? 0 : -ENOMEM;
}

bool bls_any(const char *dir)
{
	char path[128];
	bool found = false;

	snprintf(path, sizeof(path), "%s/loader/entries", dir);
	DIR *list = opendir(path);
	for (const struct dirent *entry; list && !found && (entry = readdir(list));) {
		size_t len = strlen(entry->d_name);
		found = len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
	}
	if (list)
		closedir(list);
	return found;
}

static int by_path(const void *a, const void *b)
{
	return strverscmp(((const struct bls_entry *)a)->path, ((const struct bls_entry *)b)->path);
}

int bls_read(const char *dir, bool all, struct bls_entries *entries, char **why)
{
	int r = 0;

	*entries = (struct bls_entries){ .all = all };
	*why = NULL;
	DIR *list = opendir(dir);
	if (!list && errno == ENOENT)
		return 0;
	if (!list) {
		r = -errno;
		no_entry(why, dir, strerror(-r));
		return r;
	}
	for (const struct dirent *entry; r == 0 && (entry = readdir(list));) {
		size_t len = strlen(entry->d_name);
		/* A name with a line break in it could not be told in a line. */
		if (len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0 && entry->d_name[0] != '.' && !strchr(entry->d_name, '\n'))
			r = add(dir, entry->d_name, entries, why);
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
	*entries = (struct bls_entries){ .all = entries->all };
}

/* --- Whose it is ----------------------------------------------------------------------------------------------------- */

bool bls_is_ours(const struct bls_entry *entry)
{
	const char *name = file_name(entry->path);
	char id[64];

	char *own = file_read("/etc/machine-id", NULL);
	if (own)
		own[strcspn(own, "\n")] = '\0';
	bool named = strspn(name, "0123456789abcdef") == 32;
	bool ours = true;
	if (own && bls_value(entry->text, "machine-id", id, sizeof(id)))
		ours = strcmp(id, own) == 0;
	else if (own && named)
		ours = strncmp(name, own, 32) == 0;
	free(own);
	return ours;
}

/* --- systemd-boot's ---------------------------------------------------------------------------------------------------- */

/* An entry need not say its kernel's release: kernel-install's path does, and the file. */
static void name_release(const struct bls_entry *from, const char *kernel, const char *path, struct boot_entry *e)
{
	const char *slash = strrchr(kernel, '/'), *base = slash ? slash + 1 : kernel;

	if (bls_value(from->text, "version", e->release, sizeof(e->release)) && e->release[0])
		return;
	e->release[0] = '\0';
	if (strncmp(base, "vmlinuz-", 8) == 0) {
		kernel_release(path, e->release);
		return;
	}
	const char *end = slash, *start = slash;
	while (start && start > kernel && start[-1] != '/')
		start--;
	if (start && end > start)
		snprintf(e->release, sizeof(e->release), "%.*s", (int)(end - start), start);
}

static int add_entry(const char *dir, const struct bls_entry *from, struct boot_entries *entries)
{
	struct boot_entry e = { .id = from->path, .words = from->line };
	char value[200], path[256];
	const char *text = from->text;

	/* One that starts another loader or a system that is not Linux. */
	if (!bls_value(from->text, "linux", value, sizeof(value)))
		return 0;
	snprintf(path, sizeof(path), "%s/%s", dir, value + (value[0] == '/'));
	e.own = bls_is_ours(from) && access(path, F_OK) == 0;
	name_release(from, value, path, &e);
	while (bls_next(&text, "initrd", value, sizeof(value))) {
		memcpy(e.under, e.image, sizeof(e.under));
		snprintf(e.image, sizeof(e.image), "%s/%s", dir, value + (value[0] == '/'));
		e.missing = e.missing || access(e.image, F_OK) < 0;
	}
	return boot_entries_add(entries, &e);
}

int bls_read_entries(const char *dir, struct boot_entries *entries, char **why)
{
	struct bls_entries found;
	char path[128];

	snprintf(path, sizeof(path), "%s/loader/entries", dir);
	int r = bls_read(path, true, &found, why);
	if (r < 0)
		return r;
	for (size_t i = 0; r == 0 && i < found.count; i++)
		r = add_entry(dir, &found.list[i], entries);
	bls_free(&found);
	if (r < 0)
		boot_entries_free(entries);
	return r;
}

/* --- Changing -------------------------------------------------------------------------------------------------------- */

/* The text of an entry with the words in it; a variable that stands for the whole line gets them where it is set. */
char *bls_with_words(const char *text, bool all, const char *words, bool flush)
{
	char *line = options_of(text, all), *made = NULL;
	const char *ours = line && strstr(line, "$kernelopts") ? "" : words;
	char *new = line ? words_apply(line, ours, flush, NULL) : NULL;

	if (new)
		made = all && strcmp(new, line) == 0 ? strdup(text) : bls_with_options(text, new, all, flush);
	free(line);
	free(new);
	return made;
}

/* GRUB's own are lines of one file. */
static bool is_file(const struct boot_entry *e)
{
	return e->family != FAMILY_GRUB;
}

int bls_edit(const struct backend *backend, bool all, const struct mode_words *wish, struct edits *edits)
{
	struct boot_entries entries;

	int r = backend_read(backend, &entries);
	for (size_t i = 0; r == 0 && i < entries.count; i++) {
		if (!entries.list[i].own || !is_file(&entries.list[i]))
			continue;
		char *text = file_read(entries.list[i].id, NULL);
		char *after = text ? bls_with_words(text, all, wish->words ? wish->words : "", wish->flush) : NULL;
		r = after ? edits_add(edits, ROLE_ENTRY, entries.list[i].id, after) : no_memory();
		free(text);
		free(after);
	}
	boot_entries_free(&entries);
	return r < 0 ? -1 : 0;
}

int bls_put_words(const char *path, bool all, const char *words, bool flush)
{
	char *text = file_read(path, NULL), *after = text ? bls_with_words(text, all, words, flush) : NULL;

	int r = after ? edit_put(path, after) : no_memory();
	free(text);
	free(after);
	return r < 0 ? -1 : 0;
}

int bls_apply(const struct backend *backend, bool all, const char *words, bool flush)
{
	struct boot_entries entries;

	if (!words)
		return 0; /* what they carry is put back from copies */
	int r = backend_read(backend, &entries);
	for (size_t i = 0; r >= 0 && i < entries.count; i++) {
		const struct boot_entry *e = &entries.list[i];
		if (e->own && is_file(e) && !words_right(e->words, words, flush))
			r = bls_put_words(e->id, all, words, flush);
	}
	boot_entries_free(&entries);
	return r < 0 ? -1 : 0;
}

/* --- /etc/kernel/cmdline --------------------------------------------------------------------------------------------- */

char *line_without(const char *line, const char *prefix)
{
	char *made = malloc(strlen(line) + 1), *to = made;

	if (!made)
		return NULL;
	while (*line) {
		size_t blanks = strspn(line, " \t\n"), len = strcspn(line + blanks, " \t\n");
		if (strncmp(line + blanks, prefix, strlen(prefix)) != 0) {
			memcpy(to, line, blanks + len);
			to += blanks + len;
		}
		line += blanks + len;
	}
	*to = '\0';
	return made;
}

static bool is_comment(const char *line)
{
	return line[strspn(line, " \t")] == '#';
}

/* Each line but comments without what is to go; the last one of them gets the words. */
static char *cmdline_with(const char *text, const struct mode_words *wish)
{
	const char *last = NULL;
	struct text made;
	bool failed = false;

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (!is_comment(line) && strspn(line, " \t\r") != strcspn(line, "\n"))
			last = line;
	FILE *out = text_open(&made);
	if (!out)
		return NULL;
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");
		char *one = strndup(line, len);
		const char *ours = line == last && wish->words ? wish->words : "";
		char *new = one && !is_comment(line) ? words_apply(one, ours, wish->flush, NULL) : one;

		failed = failed || !new;
		fprintf(out, "%s%s", new ? new : "", line[len] ? "\n" : "");
		if (new != one)
			free(new);
		free(one);
		line += len + (line[len] == '\n');
	}
	if (!last && wish->words)
		fprintf(out, "%s\n", wish->words);
	made.failed = made.failed || failed;
	return text_close(&made, NULL);
}

/* Whether anything is left of it without the words about the IOMMU: some tools write a file with nothing else in it, and the
 * next kernel would not find its root. */
static bool of_use(const char *text)
{
	static const struct mode_words none = { .flush = true };
	char *rest = text ? cmdline_with(text, &none) : NULL;
	bool use = false;

	for (const char *line = rest; line && *line && !use; line += strcspn(line, "\n"), line += *line == '\n')
		use = !is_comment(line) && strspn(line, " \t\r") < strcspn(line, "\n");
	free(rest);
	return use;
}

/* Adds an edit of path; seed as for bls_edit_cmdline(), NULL: what the file holds is all of it. */
static int edit_lines(const char *path, const char *seed, const struct mode_words *wish, struct edits *edits)
{
	size_t len = 0;

	char *old = file_read(path, &len), *text = NULL, *base = NULL;
	if (!old && errno != ENOENT && errno != ENOTDIR) {
		fail("%s: %s", path, strerror(errno));
		return -1;
	}
	size_t whole = old ? strlen(old) : 0;
	if (old && whole != len) {
		unsigned line = 1;
		for (size_t i = 0; i < whole; i++)
			line += old[i] == '\n';
		free(old);
		fail("%s:%u: a NUL byte; this is no kernel command line: mend it or take it away", path, line);
		return -1;
	}
	/* Nothing of ours to take out of it. */
	bool leave = !old && (!seed || !wish->words);
	if (!leave && seed && !of_use(old) && asprintf(&base, "%s\n", seed) < 0)
		base = NULL;
	if (!leave)
		text = cmdline_with(base ? base : old ? old : "", wish);
	int r = leave ? 0 : text ? edits_add(edits, ROLE_SOURCE, path, text) : no_memory();
	free(old);
	free(base);
	free(text);
	return r;
}

int bls_edit_cmdline(const char *seed, const struct mode_words *wish, struct edits *edits)
{
	return edit_lines(CMDLINE, seed, wish, edits);
}

int bls_edit_others(const char *path, const struct mode_words *wish, struct edits *edits)
{
	const struct mode_words none = { .flush = wish->flush };

	return edit_lines(path, NULL, &none, edits);
}
