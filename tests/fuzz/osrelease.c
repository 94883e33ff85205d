/* Fuzzes the reader of plain assignments: os-release, kernel-install's and dracut's settings.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/os-release.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = { "ID", "layout", "uki_generator" };
	char *text = fuzz_text(data, size);

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char value[8], whole[6002];

		bool found = os_release_in(text, keys[i], value, sizeof(value));
		MUST(strlen(value) < sizeof(value) && (found || value[0] == '\0'));
		MUST(os_release_in(text, keys[i], whole, sizeof(whole)) == found);
		/* It is a piece of one line, cut if there is no room. */
		MUST(!strpbrk(whole, "\r\n") && strstr(text, whole) && strncmp(whole, value, strlen(value)) == 0);
	}
	free(text);
	return 0;
}
