/* Fuzzes /etc/iommu.target: what is valid and written anew is read as the same, and what stands around it stays.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <errno.h>

#include "fuzz.h"
#include "model/target.h"

static bool same(const struct target *a, const struct target *b)
{
	return a->mode == b->mode && a->accept == b->accept && a->on_mismatch == b->on_mismatch &&
	       a->late_same == b->late_same && a->flush == b->flush && a->delay == b->delay &&
	       a->allow_unsafe_interrupts == b->allow_unsafe_interrupts && a->allow_override == b->allow_override;
}

static bool reads_as(const char *text, size_t len, const struct target *t)
{
	struct target again;
	struct error error;
	char *copy = fuzz_text((const uint8_t *)text, len);

	bool read = target_parse(copy, len, &again, &error) == 0 && same(&again, t);
	free(copy);
	return read;
}

/* Goes to the next line that is a comment or blank. */
static bool next_note(const char **text, const char **line, size_t *len)
{
	while (**text) {
		const char *end = strchr(*text, '\n');

		*line = *text;
		*len = end ? (size_t)(end - *text) : strlen(*text);
		*text += *len + (end != NULL);
		size_t blanks = strspn(*line, " \t\r");
		if (blanks >= *len || (*line)[blanks] == '#')
			return true;
	}
	return false;
}

static void check_notes(const char *old, const char *new)
{
	const char *a, *b;
	size_t len_a, len_b;

	while (next_note(&old, &a, &len_a)) {
		MUST(next_note(&new, &b, &len_b) && len_a == len_b && memcmp(a, b, len_a) == 0);
	}
	MUST(!next_note(&new, &b, &len_b));
}

/* Whatever old is, target is what is read afterwards, and a second time changes nothing. */
static void check_rewritten(const char *old, const struct target *t)
{
	char once[TARGET_MAX + 1], twice[TARGET_MAX + 1], plain[512];

	int len = target_rewrite(old, t, once);
	MUST(len > 0 && len <= TARGET_MAX && once[len] == '\0' && strlen(once) == (size_t)len);
	MUST(reads_as(once, (size_t)len, t));
	MUST(target_rewrite(once, t, twice) == len && memcmp(once, twice, (size_t)len) == 0);
	MUST(target_format(t, plain, sizeof(plain)) > 0);
	if (strcmp(once, plain) != 0)
		check_notes(old, once);
}

static void check_written(const struct target *t)
{
	char text[512];

	int len = target_format(t, text, sizeof(text));
	MUST(len > 0 && (size_t)len < sizeof(text));
	MUST(reads_as(text, (size_t)len, t));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct target others[] = {
		{ .mode = MODE_PT, .on_mismatch = POLICY_WARN, .delay = 10 },
		{ .mode = MODE_STRICT, .accept = 1u << MODE_PT | 1u << MODE_OFF_FOR_UIO, .on_mismatch = POLICY_REBOOT,
		  .late_same = true, .flush = FLUSH_SYNC, .allow_unsafe_interrupts = true, .allow_override = true,
		  .delay = 45 },
		{ .mode = MODE_OFF_FOR_VFIO, .on_mismatch = POLICY_HALT, .delay = 10 },
	};
	char *text = fuzz_text(data, size), *old = fuzz_text(data, size), written[TARGET_MAX + 1];
	struct target target;
	struct error error;

	int r = target_parse(text, size, &target, &error);
	MUST(r == 0 || (r == -EINVAL && error.text[0] && !strchr(error.text, '\n')));
	if (r == 0) {
		check_written(&target);
		check_rewritten(old, &target);
		/* Nothing is to be changed. */
		if (size <= TARGET_MAX)
			MUST(target_rewrite(old, &target, written) == (int)size && memcmp(old, written, size) == 0);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		check_rewritten(old, &others[i]);
	free(text);
	free(old);
	return 0;
}
