/* Fuzzes the reader of initramfs images. What is compressed is taken as if it were not: the decompressors are not ours.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <errno.h>

#include "base/run.h"
#include "fuzz.h"
#include "initramfs/cpio.h"

/* In place of run.c's. */
pid_t run_filter(const char *const argv[], int fd, FILE **out)
{
	char magic[6];

	(void)argv;
	int copy = read(fd, magic, sizeof(magic)) == sizeof(magic) ? dup(fd) : -1;
	*out = copy < 0 ? NULL : fdopen(copy, "r");
	return *out ? 1 : -EIO;
}

int run_wait(pid_t pid)
{
	(void)pid;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpio_file files[] = { { .name = "etc/iommu.target" }, { .name = "init" } };
	int fd = fuzz_fd(data, size);

	int r = cpio_read(fd, files, 2);
	for (int i = 0; i < 2; i++) {
		MUST(r < 0 || !files[i].data || (files[i].len <= size && files[i].data[files[i].len] == '\0'));
		free(files[i].data);
	}
	close(fd);
	return 0;
}
