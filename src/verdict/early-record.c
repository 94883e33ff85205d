/* /run/iommu/early.json read back; see early-record.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "verdict/early-record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define EARLY_MAX (4 << 20) /* bytes; thousands of outliers included */

/* A value as the target's file has it: true is yes, false no, and a list has commas. */
static void plain(const char *value, char text[64])
{
	const char *end = json_skip_value(value);
	size_t len = 0;

	for (; value < end && len < 63; value++)
		if (!strchr("\"[] \t\n", *value))
			text[len++] = *value;
	text[len] = '\0';
	if (strcmp(text, "true") == 0)
		strcpy(text, "yes");
	else if (strcmp(text, "false") == 0)
		strcpy(text, "no");
}

/* What is missing has its default, and what nobody knows is skipped: the record can be of another version. */
static bool get_target(const char *object, struct target *t)
{
	char name[32], text[64];
	const char *key;

	*t = (struct target){ .on_mismatch = POLICY_WARN };
	for (unsigned i = 0; (key = target_key(i)); i++) {
		size_t len = 0;
		for (; key[len]; len++)
			name[len] = key[len] == '-' ? '_' : key[len];
		name[len] = '\0';
		const char *value = json_member(object, name);
		if (!value && i == 0)
			return false; /* no target is without a mode */
		plain(value ? value : "", text);
		if (text[0] && !target_set(t, i, text))
			return false;
	}
	if (!json_member(object, "delay"))
		t->delay = policy_delay(t->on_mismatch);
	return true;
}

int early_parse(const char *text, struct early *early)
{
	const char *start = json_skip_space(text), *end = json_skip_value(start);
	char verdict[24];

	struct early read = { 0 };

	*early = (struct early){ 0 }; /* a damaged record tells nothing at all */
	if (!end || *json_skip_space(end) || !json_get_word(start, "verdict", verdict) ||
	    !verdict_parse(verdict, &read.verdict) || !json_get_bool(start, "override", &read.override))
		return -EINVAL;
	const char *target = json_member(start, "target");
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
