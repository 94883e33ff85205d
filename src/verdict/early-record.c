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

static bool get_accept(const char *object, unsigned *accept)
{
	const char *p = json_member(object, "accept");

	if (!p || *p != '[')
		return false;
	for (p = json_skip_space(p + 1); *p == '"'; p = json_skip_space(p + (*p == ','))) {
		char word[24];
		enum mode mode;
		size_t len = strcspn(p + 1, "\"");

		snprintf(word, sizeof(word), "%.*s", (int)len, p + 1);
		if (!mode_parse(word, &mode))
			return false;
		*accept |= 1u << mode;
		p = json_skip_space(p + 2 + len);
	}
	return *p == ']';
}

static bool get_target(const char *object, struct target *t)
{
	char mode[24], on_mismatch[24], on_late[24], flush[24];
	const char *delay = json_member(object, "delay");

	if (!json_get_word(object, "mode", mode) || !json_get_word(object, "on_mismatch", on_mismatch) ||
	    !json_get_word(object, "on_late_mismatch", on_late) || !json_get_word(object, "flush", flush) || !delay)
		return false;
	t->late_same = strcmp(on_late, "same") == 0;
	size_t digits = strspn(delay, "0123456789");
	if (digits == 0 || digits > 3)
		return false;
	t->delay = (unsigned)strtoul(delay, NULL, 10);
	return mode_parse(mode, &t->mode) && policy_parse(on_mismatch, &t->on_mismatch) &&
	       flush_parse(flush, &t->flush) && (t->late_same || strcmp(on_late, "warn") == 0) &&
	       get_accept(object, &t->accept) &&
	       json_get_bool(object, "allow_unsafe_interrupts", &t->allow_unsafe_interrupts) &&
	       json_get_bool(object, "allow_override", &t->allow_override);
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
