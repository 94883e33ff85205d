/* Fuzzes GRUB's environment block and the variables of its configuration. The input is both, with a NUL between them.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grubenv.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = strnlen((const char *)data, size);
	struct grubenv env = { .text = fuzz_text(data, len) };

	if (len < size && !(env.config = fuzz_line(data + len + 1, size - len - 1))) {
		grubenv_free(&env);
		return 0;
	}
	char *line = grubenv_expand(&env, "root=$root $kernelopts ${kernelopts} $ ${ ${x $tuned_params");
	char *made = grubenv_with(&env, "kernelopts", "a \\ b");
	MUST(line);
	if (made) {
		struct grubenv again = { .text = made };
		MUST(strlen(made) == len && strcmp(grubenv_value(&again, "kernelopts"), "a \\ b") == 0);
	}
	free(made);
	free(line);
	grubenv_free(&env);
	return 0;
}
