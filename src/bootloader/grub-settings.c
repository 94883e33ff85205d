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

/* What stands between two quotes, or outside of any, up to end. Returns false without memory. */
static bool put(FILE *out, const char *start, const char *end, char quote, bool flush)
{
	char *part = strndup(start, (size_t)(end - start)), *copy = part ? strdup(part) : NULL, *removed = NULL;

	if (copy && quote != '\'')
		join_lines(copy);
	char *rest = copy ? words_apply(copy, "", flush, &removed) : NULL;
	/* Every byte is the user's where nothing goes. */
	if (rest)
		fputs(removed[0] ? rest : part, out);
	bool done = rest != NULL;
	free(rest);
	free(removed);
	free(copy);
	free(part);
	return done;
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
