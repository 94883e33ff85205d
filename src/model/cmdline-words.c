/* The words of a kernel command line; see cmdline-words.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "model/cmdline-words.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

unsigned kernel_version(const char *osrelease)
{
	char *dot;
	unsigned long major = strtoul(osrelease, &dot, 10);

	if (dot == osrelease || *dot != '.')
		return 0;
	return KERNEL(major, strtoul(dot + 1, NULL, 10));
}

bool cmdline_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\xa0';
}

bool cmdline_word(const char **line, char *word, size_t size)
{
	const char *p = *line;
	bool quoted = false, whole = false;
	size_t len = 0;

	while (cmdline_space(*p))
		p++;
	if (*p == '\0')
		return false;
	if (*p == '"') {
		whole = quoted = true;
		p++;
	}

	const char *start = p, *equals = NULL;
	while (*p && (quoted || !cmdline_space(*p))) {
		if (*p == '=' && !equals)
			equals = p;
		if (*p == '"')
			quoted = !quoted;
		p++;
	}

	/* Drop the quotes around the word, or around its value. */
	const char *end = p, *skip = NULL;
	if (whole && end > start && end[-1] == '"')
		end--;
	if (equals && equals + 1 < end && equals[1] == '"') {
		skip = equals + 1;
		if (!whole && end > skip + 1 && end[-1] == '"')
			end--;
	}
	for (const char *c = start; c < end; c++)
		if (c != skip && len + 1 < size)
			word[len++] = *c;
	word[len] = '\0';
	*line = p;
	return true;
}

char cmdline_dash(char c)
{
	return c == '-' ? '_' : c;
}

const char *cmdline_value(const char *word, const char *key)
{
	/* A word has its NUL. NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
	while (*key && cmdline_dash(*word) == cmdline_dash(*key)) {
		word++;
		key++;
	}
	/* The same. NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Branch) */
	if (*key || (*word && *word != '='))
		return NULL;
	return *word ? word + 1 : word;
}

int cmdline_bool(const char *value, unsigned kernel)
{
	static const struct {
		const char *first; /* only the first letter is looked at */
		int value;
		unsigned since;
	} letters[] = {
		{ "yY1", 1, 0 }, { "nN0", 0, 0 }, { "tT", 1, KERNEL(5, 19) }, { "fF", 0, KERNEL(5, 19) },
		{ "eE", 1, KERNEL(6, 16) }, { "dD", 0, KERNEL(6, 16) },
	};

	if (value[0] == '\0')
		return -1;
	for (size_t i = 0; i < LENGTH(letters); i++)
		if (strchr(letters[i].first, value[0]))
			return kernel && kernel < letters[i].since ? -1 : letters[i].value;
	if (value[0] != 'o' && value[0] != 'O')
		return -1;
	return value[1] == 'n' || value[1] == 'N' ? 1 : value[1] == 'f' || value[1] == 'F' ? 0 : -1;
}

int cmdline_param(const char *word, const char *key, unsigned kernel)
{
	const char *value = cmdline_value(word, key);

	if (!value)
		return -1;
	return strchr(word, '=') ? cmdline_bool(value, kernel) : 1;
}
