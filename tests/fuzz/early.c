/* Fuzzes early.json, as the late check reads it back.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "fuzz.h"
#include "verdict/early-record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_line(data, size);
	struct early early;

	if (text && early_parse(text, &early) < 0)
		MUST(!early.judged && !early.override);
	free(text);
	return 0;
}
