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
	static const char *const names[] = { "etc/iommu.target", "init", "usr/sbin/iommu-verify", "." };
	int fd = fuzz_fd(data, size);
	struct rootfs *root = rootfs_new();

	MUST(root);
	cpio_unpack(fd, root);
	for (int i = 0; i < 4; i++) {
		const struct rootfs_file *file = rootfs_find(root, names[i]);
		MUST(!file || !file->data || (file->len <= size && file->data[file->len] == '\0'));
	}
	for (size_t i = 0; rootfs_entry(root, "etc", i); i++)
		MUST(i == 0 || strcmp(rootfs_entry(root, "etc", i - 1), rootfs_entry(root, "etc", i)) < 0);
	rootfs_free(root);
	close(fd);
	return 0;
}
