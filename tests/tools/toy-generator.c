/* A made-up image generator as a row: the exercise of tests/bootloader/new-row.bats, and an example to begin with.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "initramfs/generator.h"

static void command(const struct kernel *kernel, const char *out, const char *argv[8])
{
	const char *const words[] = { "toy-initramfs", "-c", "-k", kernel->release, NULL };

	(void)out;
	memcpy(argv, words, sizeof(words));
}

const struct generator generator_toy = {
	.name = "toy-initramfs",
	.program = "toy-initramfs",
	.command = command,
	.in_place = true,
};
