/* Fuzzes the reader of modprobe.d: what goes into an image, and goes through it once more unchanged.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/modprobe-d.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = NULL, *again = NULL;
	size_t len, again_len;

	MUST(filter_file(fuzz_fd(data, size), size & 1, &text, &len) == 0);
	MUST(filter_file(fuzz_fd((uint8_t *)text, len), false, &again, &again_len) == 0);
	MUST(again_len <= len);
	/* The line that the file ends in gets its line break. */
	if (!(size & 1) && size && !memchr(data, '\0', size) && data[size - 1] != '\\')
		MUST(again_len == len && memcmp(text, again, len) == 0);
	free(again);
	free(text);
	return 0;
}
