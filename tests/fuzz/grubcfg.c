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
	/* What grubenv says is started: the input's last line, as it may hold anything too. */
	const char *end = text ? strrchr(text, '\n') : NULL;
	char *saved = strdup(end ? end + 1 : "0");

	MUST(saved);
	if (text) {
		struct menu_of of = { .path = "grub.cfg", .boot = "/boot", .saved = saved };
		MUST(grub_script_run(of.path, text, &of.script) == 0);
		MUST(read_text(text, &of, &entries) == 0);
		grub_script_free(&of.script);
		boot_entries_check(&entries, "grub.cfg", "intel_iommu=on amd_iommu=on", false, &error);
	}
	boot_entries_free(&entries);
	free(saved);
	free(text);
	return 0;
}
