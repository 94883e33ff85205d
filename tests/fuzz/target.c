/* Fuzzes /etc/iommu.target: what is valid and written anew is read as the same.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <errno.h>

#include "fuzz.h"
#include "model/target.h"

static void check_written(const struct target *t)
{
	struct target again;
	struct error error;
	char text[512];

	int len = target_format(t, text, sizeof(text));
	MUST(len > 0 && (size_t)len < sizeof(text));
	MUST(target_parse(text, (size_t)len, &again, &error) == 0);
	MUST(again.mode == t->mode && again.accept == t->accept && again.on_mismatch == t->on_mismatch);
	MUST(again.late_same == t->late_same && again.flush == t->flush && again.delay == t->delay);
	MUST(again.allow_unsafe_interrupts == t->allow_unsafe_interrupts && again.allow_override == t->allow_override);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct target target;
	struct error error;

	int r = target_parse(text, size, &target, &error);
	MUST(r == 0 || (r == -EINVAL && error.text[0] && !strchr(error.text, '\n')));
	if (r == 0)
		check_written(&target);
	free(text);
	return 0;
}
