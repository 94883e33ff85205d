/* Fuzzes the reader of grub.cfg.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grub-cfg.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boot_entries entries = { 0 };
	struct error error;
	char *text = fuzz_line(data, size);

	if (text) {
		MUST(read_text(text, "grub.cfg", "/boot", &entries) == 0);
		boot_entries_check(&entries, "grub.cfg", "intel_iommu=on amd_iommu=on", false, &error);
	}
	boot_entries_free(&entries);
	free(text);
	return 0;
}
