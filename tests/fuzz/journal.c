/* Fuzzes the journal of a change.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/journal.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct edits edits = { 0 };
	struct journal j;

	if (parse(text, &j, &edits) == 0)
		MUST(j.command[0] && j.generator[0] && memchr(j.words, '\0', sizeof(j.words)));
	edits_free(&edits);
	free(text);
	return 0;
}
