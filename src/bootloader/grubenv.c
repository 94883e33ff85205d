/* GRUB's environment block; see grubenv.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grubenv.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/files.h"
#include "system/memstream.h"

static const char header[] = "# GRUB Environment Block\n";

int grubenv_read(const char *path, const char *config, struct grubenv *env, struct error *error)
{
	size_t len = 0;

	*env = (struct grubenv){ .config = file_read(config, NULL) };
	env->text = file_read(path, &len);
	int r = env->text || errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (r < 0)
		error_set(error, r, "%s: %s", path, strerror(-r));
	if (env->text && (strlen(env->text) != len || strncmp(env->text, header, sizeof(header) - 1) != 0))
		r = error_set(error, -EBADMSG,
			      "%s:1: this is no GRUB environment block; make one with grub2-editenv", path);
	if (r < 0)
		grubenv_free(env);
	return r;
}

void grubenv_free(struct grubenv *env)
{
	free(env->text);
	free(env->config);
	*env = (struct grubenv){ 0 };
}

/* The line of the block that sets name, or NULL. */
static const char *find(const struct grubenv *env, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = env->text; line && *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, name, len) == 0 && line[len] == '=')
			return line;
	return NULL;
}

/* Where a value ends: at a line break that no backslash stands before. */
static const char *value_end(const char *value)
{
	while (*value && *value != '\n')
		value += 1 + (*value == '\\' && value[1]);
	return value;
}

static const char *unescape(const char *from, const char *end, char *to, size_t size)
{
	char *start = to;

	for (; from < end && size > 1; from++, size--) {
		from += *from == '\\' && from + 1 < end;
		*to++ = *from;
	}
	*to = '\0';
	return start;
}

/* "set name=value" or "set name=\"value\"" of grub.cfg, the last one. */
static const char *set_line(const struct grubenv *env, const char *name, char *value, size_t size)
{
	const char *found = NULL;
	size_t len = strlen(name);

	for (const char *line = env->config; line && *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *word = line + strspn(line, " \t");
		if (strncmp(word, "set ", 4) != 0 || strncmp(word + 4, name, len) != 0 || word[4 + len] != '=')
			continue;
		const char *start = word + 5 + len, *stop = strchr("\"'", *start) && *start ? start : NULL;
		size_t n = stop ? strcspn(start + 1, *start == '"' ? "\"\n" : "'\n") : strcspn(start, " \t\n");
		snprintf(value, size, "%.*s", (int)n, stop ? start + 1 : start);
		found = value;
	}
	return found;
}

const char *grubenv_value(const struct grubenv *env, const char *name)
{
	static char value[4096];
	const char *line = find(env, name);

	if (!line)
		return set_line(env, name, value, sizeof(value));
	line += strlen(name) + 1;
	return unescape(line, value_end(line), value, sizeof(value));
}

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

char *grubenv_expand(const struct grubenv *env, const char *line)
{
	struct text made;
	char name[64];

	FILE *out = text_open(&made);
	if (!out)
		return NULL;
	while (*line) {
		bool braces = line[0] == '$' && line[1] == '{';
		const char *start = line + 1 + braces;
		size_t len = 0;

		while (*line == '$' && is_name(start[len]) && len < sizeof(name) - 1)
			len++;
		if (len == 0 || (braces && start[len] != '}')) {
			fputc(*line++, out);
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)len, start);
		const char *value = grubenv_value(env, name);
		fputs(value ? value : "", out);
		line = start + len + braces;
	}
	return text_close(&made, NULL);
}

char *grubenv_with(const struct grubenv *env, const char *name, const char *value)
{
	const char *line = find(env, name), *rest = line ? value_end(line) : NULL;
	struct text made;

	if (!line)
		return NULL;
	size_t size = strlen(env->text);
	rest += *rest == '\n';
	FILE *out = text_open(&made);
	if (!out)
		return NULL;
	fprintf(out, "%.*s%s=", (int)(line - env->text), env->text, name);
	for (; *value; value++)
		fprintf(out, "%s%c", *value == '\\' || *value == '\n' ? "\\" : "", *value);
	/* What stands behind the last line is padding, which is made anew. */
	size_t tail = strlen(rest);
	while (tail > 0 && rest[tail - 1] == '#')
		tail--;
	fprintf(out, "\n%.*s", (int)tail, rest);
	fflush(out);
	for (size_t used = made.len; used < size; used++)
		fputc('#', out);
	made.failed = made.failed || made.len > size;
	return text_close(&made, NULL);
}
