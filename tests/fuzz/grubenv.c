/* Fuzzes GRUB's environment block.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grubenv.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = strnlen((const char *)data, size);
	struct grubenv env = { .text = fuzz_text(data, len) };

	char name[64], value[256];
	unsigned line = 0;

	for (const char *next = env.text; grubenv_next(&next, name, sizeof(name), value, sizeof(value), &line);)
		MUST(name[0] != '#');
	char *made = grubenv_with(&env, "kernelopts", "a \\ b");
	if (made) {
		struct grubenv again = { .text = made };
		MUST(strlen(made) == len && strcmp(grubenv_value(&again, "kernelopts"), "a \\ b") == 0);
	}
	free(made);
	grubenv_free(&env);
	return 0;
}
