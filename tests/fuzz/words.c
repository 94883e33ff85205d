/* Fuzzes the writer of kernel command lines: what it has written it finds right and leaves alone, and the kernel's
 * reader finds in it the mode that was wanted.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/cmdline-edit.h"
#include "fuzz.h"
#include "model/cmdline-words.h"
#include "model/cmdline.h"
#include "model/mode.h"

/* What we write is not all that there is: words that we leave alone can switch the IOMMU off too. */
static bool decides(const char *line)
{
	return strstr(line, "acpi") || strstr(line, "swiotlb");
}

/* Shells and the kernel read it alike: to the kernel an apostrophe is a letter, and a double quote that is never closed
 * swallows what follows. Other lines are refused. */
static bool plain(const char *line)
{
	size_t quotes = 0;

	for (const char *c = line; *c; c++)
		quotes += *c == '"';
	return quotes % 2 == 0 && !strchr(line, '\'');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = fuzz_line(data, size), *removed = NULL;

	for (int mode = 0; line && mode < MODES_WANTED; mode++)
		for (int flush = 0; flush < 2; flush++) {
			const char *ours = mode_tokens((enum mode)mode);
			char *made = words_apply(line, ours, flush, &removed);
			MUST(made && removed);
			MUST(words_right(made, ours, flush) || !plain(line));
			/* as a rollback finds it again */
			MUST(words_right(line, removed, flush) || strpbrk(line, "\"'\\"));
			MUST(!words_right(made, ours, flush) || decides(line) ||
			     cmdline_mode(made, VENDOR_INTEL, KERNEL(6, 1)) == (enum mode)mode);
			char *again = words_apply(made, ours, flush, NULL);
			MUST(again && (strcmp(again, made) == 0 || !plain(line)));
			/* what is not right is refused */
			MUST(words_right(again, ours, flush) || !words_right(made, ours, flush));
			free(again);
			free(removed);
			free(made);
		}
	free(line);
	return 0;
}
