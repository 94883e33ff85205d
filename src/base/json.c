/* JSON: strings as they are printed, and our own objects as they are read back; see json.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/json.h"

#include <ctype.h>
#include <string.h>

#define DEPTH_MAX 8

/* How many bytes of a well-formed UTF-8 sequence start at s; 0 if none does. */
static size_t utf8_length(const unsigned char *s)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : s[0] >= 0xe0 && s[0] < 0xf0 ? 3 :
		     s[0] >= 0xf0 && s[0] < 0xf5 ? 4 : 0;

	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates and what lies past U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

/* Bytes that are no UTF-8 become the character of the same number, so that nothing is lost silently. */
void json_string(FILE *out, const char *text)
{
	fputc('"', out);
	for (const unsigned char *s = (const unsigned char *)text; *s;) {
		size_t len = utf8_length(s);
		if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f || len == 0)
			fprintf(out, "\\u%04x", *s);
		else
			fwrite(s, 1, len, out);
		s += len ? len : 1;
	}
	fputc('"', out);
}

const char *json_skip_space(const char *p)
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

/* As json_skip_value(), at a depth. */
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
	p = json_skip_space(p + 1);
	if (*p == (object ? '}' : ']'))
		return p + 1;
	for (;;) {
		if (object) {
			p = skip_string(p);
			if (!p || *(p = json_skip_space(p)) != ':')
				return NULL;
			p = json_skip_space(p + 1);
		}
		p = skip_value(p, depth + 1);
		if (!p)
			return NULL;
		p = json_skip_space(p);
		if (*p == (object ? '}' : ']'))
			return p + 1;
		if (*p != ',')
			return NULL;
		p = json_skip_space(p + 1);
	}
}

const char *json_skip_value(const char *p)
{
	return skip_value(p, 0);
}

const char *json_member(const char *p, const char *name)
{
	size_t len = strlen(name);

	if (*p != '{')
		return NULL;
	for (p = json_skip_space(p + 1); *p == '"'; p = json_skip_space(p + 1)) {
		bool found = strncmp(p + 1, name, len) == 0 && p[1 + len] == '"';
		p = skip_string(p);
		p = p ? json_skip_space(json_skip_space(p) + 1) : NULL;
		if (found || !p)
			return p;
		p = json_skip_value(p);
		if (!p || *(p = json_skip_space(p)) != ',')
			break;
	}
	return NULL;
}

bool json_get_word(const char *object, const char *name, char word[24])
{
	const char *value = json_member(object, name);
	size_t len = value && *value == '"' ? strcspn(value + 1, "\"\\") : 24;

	if (len >= 24 || value[1 + len] != '"')
		return false;
	memcpy(word, value + 1, len);
	word[len] = '\0';
	return true;
}

bool json_get_bool(const char *object, const char *name, bool *out)
{
	const char *value = json_member(object, name);

	if (!value || (strncmp(value, "true", 4) != 0 && strncmp(value, "false", 5) != 0))
		return false;
	*out = *value == 't';
	return true;
}
