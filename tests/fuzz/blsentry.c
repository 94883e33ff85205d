/* Fuzzes boot entries and /etc/kernel/cmdline: read, and written anew.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/bls-entry.c"
#include "bootloader/kernel-cmdline.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mode_words wish = { .mode = "pt", .words = "intel_iommu=on amd_iommu=on iommu=pt",
					      .flush = true };
	char *text = fuzz_line(data, size), value[40];

	if (!text)
		return 0;
	const char *rest = text;
	while (bls_next(&rest, "initrd", value, sizeof(value)))
		;
	bls_value(text, "linux", value, sizeof(value));
	for (int all = 0; all < 2; all++) {
		char *made = bls_with_words(text, all, "root=x", wish.words, wish.flush);
		char *line = made ? bls_options(made, all) : NULL;
		char *before = bls_options(text, all);
		/* A quote in it can take our words in, and a word of ours $kernelopts: then they are not right, and the
		 * change is refused. */
		MUST(line && before && (strpbrk(line, "\"'") || strstr(before, "$kernelopts") ||
					words_right(line, wish.words, wish.flush)));
		free(before);
		free(line);
		free(made);
	}
	char *cmdline = cmdline_with(text, &wish), *without = line_without(text, "systemd.machine_id=");
	MUST(cmdline && without);
	of_use(text);
	free(without);
	free(cmdline);
	free(text);
	return 0;
}
