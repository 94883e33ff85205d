/* The assignments of /etc/default/grub; see grub-settings.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grub-settings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootloader/cmdline-edit.h"
#include "system/memstream.h"

/* Where the value begins that is assigned at p; NULL: nothing is, or to what Xen or the hypervisor gets. */
static const char *value_at(const char *p)
{
	p += strncmp(p, "export ", 7) == 0 ? 7 : 0;
	size_t len = 0;
	while (isalnum((unsigned char)p[len]) || p[len] == '_')
		len++;
	size_t behind = len + (p[len] == '+');
	if (len == 0 || isdigit((unsigned char)*p) || p[behind] != '=')
		return NULL;
	return memmem(p, len, "_XEN", 4) ? NULL : p + behind + 1;
}

/* Lines that go on are one to the shell. */
static void join_lines(char *text)
{
	for (char *p = text; (p = strstr(p, "\\\n"));)
		p = memset(p, ' ', 2);
}

/* Whether text would take what follows it for escaped. */
static bool escapes(const char *text)
{
	size_t len = strlen(text), n = 0;

	while (n < len && text[len - 1 - n] == '\\')
		n++;
	return n % 2;
}

/* Takes words out of text, which it owns, until none is left: where a quote goes with one, what stood behind it reads
 * otherwise. Returns what is left, owned by the caller; NULL without memory. */
static char *without_words(char *text, bool flush)
{
	while (text) {
		char *removed = NULL, *rest = words_apply(text, "", flush, &removed);
		bool none = rest && !removed[0];
		free(removed);
		if (none) {
			free(rest);
			return text;
		}
		free(text);
		text = rest;
	}
	return NULL;
}

/* What stands between two quotes, or outside of any, up to end. Returns false without memory. */
static bool put(FILE *out, const char *start, const char *end, char quote, bool flush)
{
	size_t len = (size_t)(end - start);
	char *part = strndup(start, len), *joined = part ? strdup(part) : NULL;

	if (joined && quote != '\'')
		join_lines(joined);
	char *rest = without_words(joined ? strdup(joined) : NULL, flush);
	bool same = rest && strcmp(rest, joined) == 0;
	/* Every byte is the user's where nothing goes. */
	if (rest)
		fputs(same ? part : rest, out);
	/* A blank that a backslash stood before can have gone with the word behind it. */
	if (rest && !same && quote != '\'' && escapes(rest))
		fputc(' ', out);
	free(rest);
	free(joined);
	free(part);
	return rest != NULL;
}

static const char *part_end(const char *p, char quote)
{
	for (; *p && *p != quote; p++) {
		if (*p == '\\' && quote != '\'' && p[1])
			p++;
		else if (!quote && (strchr("\"' \t\n;&|#()", *p)))
			break;
	}
	return p;
}

/* The value at p, which may go on over several lines. Returns behind it; NULL without memory. */
static const char *put_value(FILE *out, const char *p, bool flush)
{
	while (*p && !strchr(" \t\n;&|#()", *p)) {
		char quote = *p == '"' || *p == '\'' ? *p : '\0';
		if (quote)
			fputc(*p++, out);
		const char *end = part_end(p, quote);
		/* Nothing closes it: that is no file for a shell. */
		bool plain = quote && !*end;
		if (plain)
			fprintf(out, "%.*s", (int)(end - p), p);
		else if (!put(out, p, end, quote, flush))
			return NULL;
		p = end;
		if (quote && *p)
			fputc(*p++, out);
	}
	return p;
}

char *grub_settings_without(const char *text, bool flush)
{
	struct text made;

	FILE *out = text_open(&made);
	if (!out)
		return NULL;
	for (const char *p = text; p && *p;) {
		size_t blanks = strspn(p, " \t");
		const char *value = value_at(p + blanks), *end = NULL;
		if (value) {
			fprintf(out, "%.*s", (int)(value - p), p);
			end = put_value(out, value, flush);
			made.failed = made.failed || !end;
			p = end ? end : value;
		}
		size_t len = strcspn(p, "\n");
		fprintf(out, "%.*s", (int)(len + (p[len] == '\n')), p);
		p += len + (p[len] == '\n');
	}
	return text_close(&made, NULL);
}
