/* Fuzzes our block in /etc/default/grub: put in, read back, put in again, taken out.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grub-default.h"
#include "fuzz.h"

/* Marks within marks are nobody's: what is taken out can leave others that fit together. */
static bool more_than_one(const char *text)
{
	const char *begin = strstr(text, "# BEGIN iommu-install"), *end = strstr(text, "# END iommu-install");

	return (begin && strstr(begin + 1, "# BEGIN iommu-install")) || (end && strstr(end + 1, "# END iommu-install"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char words[] = "intel_iommu=on amd_iommu=on iommu=pt";
	char *text = fuzz_line(data, size), read[256];
	bool flush;

	if (!text)
		return 0;
	grub_text_words(text, read, sizeof(read), &flush);
	char *with = grub_with_block(text, "pt", words, true), *without = grub_with_block(text, NULL, NULL, false);
	MUST(with && without);
	char *again = grub_with_block(with, "pt", words, true);
	MUST(again && (strcmp(with, again) == 0 || more_than_one(text)));
	free(again);
	free(without);
	free(with);
	free(text);
	return 0;
}
