/* Fuzzes the commands that are named for boot loaders that are not ours to change, on a machine with that line.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/unsupported.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = fuzz_line(data, size);
	struct root root;

	if (!line)
		return 0;
	MUST(root_init(&root, "/proc/self/fdinfo") == 0); /* a tree with nothing in it that is looked for */
	for (size_t i = 0; i < LENGTH(table); i++) {
		char *advice = unsupported_advice(&table[i], &root, line,
						  size & 1 ? "intel_iommu=on amd_iommu=on iommu=pt" : "");
		MUST(advice && strncmp(advice, "the kernel command line", 23) == 0);
		free(advice);
	}
	root_close(&root);
	free(line);
	return 0;
}
