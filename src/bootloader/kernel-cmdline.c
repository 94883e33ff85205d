/* The kernel command line of kernels to come; see kernel-cmdline.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/kernel-cmdline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "bootloader/bls-entry.h"
#include "bootloader/choose.h"
#include "bootloader/cmdline-edit.h"
#include "model/cmdline-words.h"
#include "system/files.h"
#include "system/memstream.h"
#include "system/message.h"
#include "system/refuse.h"

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

/* Into root: what an entry's line has as that. */
static void root_of(const struct boot_entry *e, char *root, size_t size)
{
	const char *line = e->words;
	char word[512];

	root[0] = '\0';
	while (cmdline_word(&line, word, sizeof(word)))
		if (strncmp(word, "root=", 5) == 0)
			snprintf(root, size, "%.200s", word);
}

static bool is_seed(const struct boot_entry *e, bool (*fits)(const struct boot_entry *))
{
	return e->own && e->text && !strstr(e->release, "-rescue-") && !strstr(e->image, "-rescue") &&
	       (!fits || fits(e));
}

/* How many have its root=. */
static size_t alike(const struct boot_entries *entries, const char *root, bool (*fits)(const struct boot_entry *))
{
	char other[256];
	size_t count = 0;

	for (size_t i = 0; i < entries->count; i++) {
		root_of(&entries->list[i], other, sizeof(other));
		count += is_seed(&entries->list[i], fits) && strcmp(root, other) == 0;
	}
	return count;
}

char *cmdline_seed(const struct boot_entries *entries, const struct mode_words *wish, bool all,
		   bool (*fits)(const struct boot_entry *entry))
{
	const struct boot_entry *best = NULL;
	size_t most = 0;
	bool started = false;
	char root[256];

	for (size_t i = 0; i < entries->count; i++) {
		const struct boot_entry *e = &entries->list[i];
		root_of(e, root, sizeof(root));
		if (!is_seed(e, fits) || !root[0])
			continue;
		size_t count = alike(entries, root, fits);
		bool this = wish->running && backend_started(e, wish->running);
		bool newer = !best || strverscmp(e->release, best->release) > 0;
		if (this < started || (this == started && best && count < most))
			continue;
		if (this == started && best && count == most && !newer)
			continue;
		best = e;
		most = count;
		started = this;
	}
	return best ? bls_options(best->text, all) : NULL;
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

/* Whether anything is left of it without the words about the IOMMU: some tools write a file with nothing else in it,
 * and the next kernel would not find its root. */
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

	int r = edits_check_link(path);
	if (r < 0)
		return r;
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
		fail("%s:%u: is no kernel command line (it holds a NUL byte); mend it", path, line);
		return -1;
	}
	/* Nothing of ours to take out of it. */
	bool leave = (!old && (!seed || !wish->words)) || (seed && !*seed && !of_use(old));
	if (!leave && seed && !of_use(old) && asprintf(&base, "%s\n", seed) < 0)
		base = NULL;
	if (!leave)
		text = cmdline_with(base ? base : old ? old : "", wish);
	r = leave ? 0 : text ? edits_add(edits, ROLE_SOURCE, path, text) : no_memory();
	free(old);
	free(base);
	free(text);
	return r;
}

/* What the file that we made held but for our words, kept so that it goes with them: but not what somebody has added to
 * it. */
#define MADE STATE_DIR "/kernel-cmdline"

static char *plain(const char *text)
{
	static const struct mode_words none = { .flush = true };

	return text ? cmdline_with(text, &none) : NULL;
}

int cmdline_note_made(const char *seed, struct edits *edits)
{
	char *text = NULL, *line = words_apply(seed, "", true, NULL);

	if (!line || asprintf(&text, "%s\n", line) < 0)
		text = NULL;
	int r = text ? edits_add(edits, ROLE_SOURCE, MADE, text) : no_memory();
	free(line);
	free(text);
	return r;
}

int cmdline_take_made(struct edits *edits)
{
	char *made = file_read(MADE, NULL);

	if (!made)
		return 0;
	for (size_t i = 0; i < edits->count; i++) {
		struct edit *e = &edits->list[i];
		char *now = strcmp(e->path, KERNEL_CMDLINE) == 0 ? plain(e->before) : NULL;
		if (now && strcmp(now, made) == 0) {
			free(e->after);
			e->after = NULL;
		}
		free(now);
	}
	free(made);
	return edits_add(edits, ROLE_SOURCE, MADE, NULL);
}

int bls_edit_cmdline(const char *seed, const struct mode_words *wish, struct edits *edits)
{
	bool made = wish->words && *seed && access(KERNEL_CMDLINE, F_OK) < 0;
	int r = edit_lines(KERNEL_CMDLINE, seed, wish, edits);

	if (r == 0 && made)
		r = cmdline_note_made(seed, edits);
	return r == 0 && !wish->words ? cmdline_take_made(edits) : r;
}

int bls_edit_others(const char *path, const struct mode_words *wish, struct edits *edits)
{
	const struct mode_words none = { .flush = wish->flush };

	return edit_lines(path, NULL, &none, edits);
}
