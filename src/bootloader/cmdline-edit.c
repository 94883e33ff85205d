/* Writing kernel command lines; see cmdline-edit.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/cmdline-edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/cmdline-words.h"
#include "model/kernel-parameters.h"
#include "system/memstream.h"

/* The word without its quotes. A boot loader's configuration may hold the kernel's quotes behind a backslash. */
static void unquote(const char *word, size_t len, char *plain, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size; i++)
		if (word[i] != '"' && word[i] != '\'' && !(word[i] == '\\' && i + 1 < len && word[i + 1] == '"'))
			plain[n++] = word[i];
	plain[n] = '\0';
}

/* An item with a blank in it is known to no kernel, and would fall apart without its quotes. */
static bool has_space(const char *item)
{
	while (*item && !cmdline_space(*item))
		item++;
	return *item != '\0';
}

/* Looks at one word of len bytes. Returns false if it stays as it is. Otherwise kept has what is left of it, maybe
 * nothing, and what was taken out is written to removed, if not NULL. */
static bool take(const char *word, size_t len, bool flush, char *kept, size_t size, FILE *removed)
{
	char plain[512];
	bool taken = false;

	if (len >= sizeof(plain))
		return false;
	unquote(word, len, plain, sizeof(plain));
	const struct kernel_parameter *parameter = kernel_parameter_find(plain);
	if (!parameter || parameter->ours == NOT_OURS)
		return false;

	int key = (int)strcspn(plain, "=");
	key += plain[key] == '=';
	size_t n = (size_t)snprintf(kept, size, "%.*s", key, plain), start = n;
	for (const char *next = plain + key; next; ) {
		char item[sizeof(plain)];
		size_t item_len = strcspn(next, ",");

		snprintf(item, sizeof(item), "%.*s", (int)item_len, next);
		next = next[item_len] ? next + item_len + 1 : NULL;
		if (parameter_is_ours(parameter, item, flush) || has_space(item)) {
			taken = true;
			if (removed)
				fprintf(removed, " %.*s%s", key, plain, item);
		} else if (item[0]) {
			n += (size_t)snprintf(kept + n, size - n, "%s%s", n > start ? "," : "", item);
		}
	}
	if (n == start)
		kept[0] = '\0';
	/* "intel_iommu=" says nothing to anybody. */
	return taken || (n == start && key > 0 && plain[key - 1] == '=');
}

/* The end of the word that starts at p: white space outside double and single quotes. A quote that is never closed is a
 * letter (an apostrophe): then words end at white space. */
static const char *word_end(const char *p)
{
	const char *start = p;
	char quote = '\0';

	for (; *p && (quote || !cmdline_space(*p)); p++)
		if (*p == quote)
			quote = '\0';
		else if (!quote && (*p == '"' || *p == '\''))
			quote = *p;
	for (p = quote ? start : p; quote && *p && !cmdline_space(*p); p++)
		;
	return p;
}

/* What stands behind it is init's; the kernel takes quotes off first (lib/cmdline.c:next_arg()). */
static bool is_end(const char *word, size_t len)
{
	return (len == 2 && strncmp(word, "--", 2) == 0) || (len == 4 && strncmp(word, "\"--\"", 4) == 0);
}

static void filter(const char *line, const char *ours, bool flush, FILE *out, FILE *removed)
{
	bool any = false;

	for (const char *p = line; *p;) {
		const char *start = p;
		while (cmdline_space(*p))
			p++;
		size_t gap = (size_t)(p - start);
		const char *end = word_end(p);
		size_t len = (size_t)(end - p);

		if (is_end(p, len)) {
			fprintf(out, "%s%s", any && *ours ? " " : "", ours);
			any = any || *ours;
			fprintf(out, "%s%s", any ? " " : "", p);
			return;
		}

		char kept[512];
		if (len && take(p, len, flush, kept, sizeof(kept), removed)) {
			if (kept[0]) {
				fprintf(out, "%s%s", any ? " " : "", kept);
				any = true;
			}
		} else if (len) {
			/* The user's own blanks between words stay, a leading one only where nothing was taken out. */
			fprintf(out, "%.*s%.*s", any || start == line ? (int)gap : 0, start, (int)len, p);
			any = true;
		}
		p = end;
	}
	fprintf(out, "%s%s", any && *ours ? " " : "", ours);
}

char *words_apply(const char *line, const char *ours, bool flush, char **removed)
{
	struct text made, gone;

	if (text_open(&made) && text_open(&gone))
		filter(line, ours, flush, made.out, gone.out);
	else
		gone.out = NULL;
	char *text = text_close(&made, NULL), *taken = text_close(&gone, NULL);
	if (!text || !taken) {
		free(text);
		free(taken);
		return NULL;
	}
	if (taken[0])
		memmove(taken, taken + 1, strlen(taken)); /* the first blank */
	if (removed)
		*removed = taken;
	else
		free(taken);
	return text;
}

/* Whether the kernel, too, reads ours and nothing else that is about it: to the kernel an apostrophe is a letter,
 * and a double quote that is never closed swallows what follows. Ours may be items of a list that has others: what
 * was there before. */
static bool read_right(const char *line, const char *ours, bool flush)
{
	char word[512], kept[512];
	struct text made;

	FILE *out = text_open(&made);
	if (!out)
		return false;
	bool plain = true; /* a quote that is left is a letter to the kernel, and none to take() */
	while (cmdline_word(&line, word, sizeof(word)) && strcmp(word, "--") != 0)
		plain &= !take(word, strlen(word), flush, kept, sizeof(kept), out) || !strpbrk(word, "\"'\\");
	char *read = text_close(&made, NULL);
	bool right = plain && read && strcmp(read[0] ? read + 1 : read, ours) == 0;
	free(read);
	return right;
}

bool words_among(const char *text, const char *words)
{
	char word[512], other[512];

	while (cmdline_word(&text, word, sizeof(word))) {
		const char *rest = words;
		bool found = false;
		while (!found && cmdline_word(&rest, other, sizeof(other)))
			found = strcmp(word, other) == 0;
		if (!found)
			return false;
	}
	return true;
}

bool words_same(const char *a, const char *b, bool (*counts)(const char *word))
{
	char word_a[512], word_b[512];
	bool more_a, more_b;

	do {
		while ((more_a = cmdline_word(&a, word_a, sizeof(word_a))) && counts && !counts(word_a))
			;
		while ((more_b = cmdline_word(&b, word_b, sizeof(word_b))) && counts && !counts(word_b))
			;
	} while (more_a && more_b && strcmp(word_a, word_b) == 0);
	return !more_a && !more_b;
}

bool words_right(const char *line, const char *ours, bool flush)
{
	char *removed = NULL;
	char *text = words_apply(line, "", flush, &removed);
	bool right = text && strcmp(removed, ours) == 0 && read_right(line, ours, flush);

	free(text);
	free(removed);
	return right;
}
