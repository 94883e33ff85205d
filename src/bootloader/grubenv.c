/* GRUB's environment block; see grubenv.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grubenv.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/files.h"
#include "system/memstream.h"

static const char header[] = "# GRUB Environment Block\n";

int grubenv_read(const char *path, struct grubenv *env, struct error *error)
{
	size_t len = 0;

	*env = (struct grubenv){ 0 };
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

bool grubenv_next(const char **text, char *name, size_t name_size, char *value, size_t size, unsigned *line)
{
	while (*text && **text) {
		const char *start = *text, *end = value_end(start);
		size_t len = strcspn(start, "=");

		*text = end + (*end == '\n');
		++*line;
		if (*start == '#' || start + len >= end || len >= name_size)
			continue;
		snprintf(name, name_size, "%.*s", (int)len, start);
		unescape(start + len + 1, end, value, size);
		return true;
	}
	return false;
}

const char *grubenv_value(const struct grubenv *env, const char *name)
{
	static char value[4096];
	const char *line = find(env, name);

	if (!line)
		return NULL;
	line += strlen(name) + 1;
	return unescape(line, value_end(line), value, sizeof(value));
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
