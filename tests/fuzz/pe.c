/* Fuzzes the reader of PE files: sections, texts, signatures.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "fuzz.h"
#include "system/pe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { ".cmdline", ".osrel", ".uname", ".initrd" };
	int fd = fuzz_fd(data, size);
	off_t offset;
	size_t len;

	pe_is(fd);
	pe_signed(fd);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (pe_section(fd, names[i], &offset, &len) == 0)
			MUST(offset >= 0 && len <= size && (size_t)offset <= size - len);
		free(pe_text(fd, names[i]));
		for (unsigned profile = 0; profile < 3; profile++)
			free(pe_profile_text(fd, profile, names[i]));
	}
	close(fd);
	return 0;
}
