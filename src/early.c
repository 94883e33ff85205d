/* /run/iommu/early.json read back; see early.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The file is our own (report_json()), so this reads as much of JSON as is needed to be sure of that, and no more.
 */
#include "early.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EARLY_MAX (4 << 20) /* bytes; thousands of outliers included */
#define DEPTH_MAX 8

static const char *skip_space(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* Returns what is behind the string that starts at p, or NULL. */
static const char *skip_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	for (; *p != '"'; p++)
		if (*p == '\0' || (*p == '\\' && *++p == '\0'))
			return NULL;
	return p + 1;
}

/* Returns what is behind the value that starts at p, or NULL. */
static const char *skip_value(const char *p, int depth)
{
	if (*p == '"')
		return skip_string(p);
	if (*p != '{' && *p != '[') {
		size_t len = strcspn(p, ",]} \t\r\n\"{[:");
		return len ? p + len : NULL;
	}

	bool object = *p == '{';
	if (depth == DEPTH_MAX)
		return NULL;
	p = skip_space(p + 1);
	if (*p == (object ? '}' : ']'))
		return p + 1;
	for (;;) {
		if (object) {
			p = skip_string(p);
			if (!p || *(p = skip_space(p)) != ':')
				return NULL;
			p = skip_space(p + 1);
		}
		p = skip_value(p, depth + 1);
		if (!p)
			return NULL;
		p = skip_space(p);
		if (*p == (object ? '}' : ']'))
			return p + 1;
		if (*p != ',')
			return NULL;
		p = skip_space(p + 1);
	}
}

/* The value of a member of the well-formed object at p, or NULL. */
static const char *member(const char *p, const char *name)
{
	size_t len = strlen(name);

	if (*p != '{')
		return NULL;
	for (p = skip_space(p + 1); *p == '"'; p = skip_space(p + 1)) {
		bool found = strncmp(p + 1, name, len) == 0 && p[1 + len] == '"';
		p = skip_string(p);
		p = p ? skip_space(skip_space(p) + 1) : NULL;
		if (found || !p)
			return p;
		p = skip_value(p, 0);
		if (!p || *(p = skip_space(p)) != ',')
			break;
	}
	return NULL;
}

/* Copies a member that is a string without escapes. */
static bool get_word(const char *object, const char *name, char word[24])
{
	const char *value = member(object, name);
	size_t len = value && *value == '"' ? strcspn(value + 1, "\"\\") : 24;

	if (len >= 24 || value[1 + len] != '"')
		return false;
	memcpy(word, value + 1, len);
	word[len] = '\0';
	return true;
}

static bool get_bool(const char *object, const char *name, bool *out)
{
	const char *value = member(object, name);

	if (!value || (strncmp(value, "true", 4) != 0 && strncmp(value, "false", 5) != 0))
		return false;
	*out = *value == 't';
	return true;
}

static bool get_accept(const char *object, unsigned *accept)
{
	const char *p = member(object, "accept");

	if (!p || *p != '[')
		return false;
	for (p = skip_space(p + 1); *p == '"'; p = skip_space(p + (*p == ','))) {
		char word[24];
		enum mode mode;
		size_t len = strcspn(p + 1, "\"");

		snprintf(word, sizeof(word), "%.*s", (int)len, p + 1);
		if (!mode_parse(word, &mode))
			return false;
		*accept |= 1u << mode;
		p = skip_space(p + 2 + len);
	}
	return *p == ']';
}

static bool get_target(const char *object, struct target *t)
{
	char mode[24], on_mismatch[24], on_late[24], flush[24];
	const char *delay = member(object, "delay");

	if (!get_word(object, "mode", mode) || !get_word(object, "on_mismatch", on_mismatch) ||
	    !get_word(object, "on_late_mismatch", on_late) || !get_word(object, "flush", flush) || !delay)
		return false;
	t->late_same = strcmp(on_late, "same") == 0;
	size_t digits = strspn(delay, "0123456789");
	if (digits == 0 || digits > 3)
		return false;
	t->delay = (unsigned)strtoul(delay, NULL, 10);
	return mode_parse(mode, &t->mode) && policy_parse(on_mismatch, &t->on_mismatch) && flush_parse(flush, &t->flush) &&
	       (t->late_same || strcmp(on_late, "warn") == 0) && get_accept(object, &t->accept) &&
	       get_bool(object, "allow_unsafe_interrupts", &t->allow_unsafe_interrupts) &&
	       get_bool(object, "allow_override", &t->allow_override);
}

int early_parse(const char *text, struct early *early)
{
	const char *start = skip_space(text), *end = skip_value(start, 0);
	char verdict[24];

	struct early read = { 0 };

	*early = (struct early){ 0 }; /* a damaged record tells nothing at all */
	if (!end || *skip_space(end) || !get_word(start, "verdict", verdict) || !verdict_parse(verdict, &read.verdict) ||
	    !get_bool(start, "override", &read.override))
		return -EINVAL;
	const char *target = member(start, "target");
	if (!target)
		return -EINVAL;
	read.judged = *target == '{';
	if (read.judged && !get_target(target, &read.target))
		return -EINVAL;
	*early = read;
	return 0;
}

int early_read(const struct root *root, struct early *early)
{
	char *text = malloc(EARLY_MAX);
	if (!text)
		return -ENOMEM;

	ssize_t len = root_read(root, EARLY_JSON, text, EARLY_MAX);
	int r = len < 0 ? (int)len : strlen(text) == (size_t)len ? early_parse(text, early) : -EINVAL;
	free(text);
	return r;
}
