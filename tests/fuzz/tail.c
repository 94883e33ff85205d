/* Fuzzes the search for what was laid behind an image: what it finds stands where it has to, and is found again once it
 * was written anew.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "fuzz.h"
#include "initramfs/tail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = fuzz_fd(data, size);
	off_t base, again;

	MUST(tail_base(fd, &base) == 0);
	MUST(base >= 0 && (size_t)base <= size);
	if (base > 0 && ftruncate(fd, base) == 0 && lseek(fd, 0, SEEK_END) == base) {
		MUST(tail_write(fd, base, &(struct image_files){ 0 }) == 0);
		MUST(tail_base(fd, &again) == 0 && again == base);
	}
	close(fd);
	return 0;
}
