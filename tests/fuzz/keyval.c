/* Fuzzes the reader of "key = value" lines.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/keyval.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size);
	struct keyval kv;
	unsigned line = 0;

	keyval_init(&kv, text);
	while (keyval_next(&kv)) {
		MUST(kv.line > line && kv.key >= text && kv.key + strlen(kv.key) <= text + size);
		MUST(!kv.value || (kv.value >= text && kv.value + strlen(kv.value) <= text + size));
		line = kv.line;
	}
	free(text);
	return 0;
}
