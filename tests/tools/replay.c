/* Replays what QEMU's blklogwrites driver has logged onto a copy of the disk, and stops at every flush, or at every
 * write: what is on the disk then is what a power cut would leave.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usage: replay LOG DISK [writes]. Prints the number of each flush or write and goes on when it can read a line.
 * The format: QEMU's block/blklogwrites.c, which follows the kernel's
 * Documentation/admin-guide/device-mapper/log-writes.rst.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FLUSH = 1, DISCARD = 4 };

static void die(const char *what)
{
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	struct { uint64_t magic, version, entries; uint32_t sector; } super;
	struct { uint64_t sector, sectors, flags, length; } entry;
	static char data[1 << 20];
	unsigned stops = 0;

	int log = argc >= 3 ? open(argv[1], O_RDONLY) : -1;
	int disk = argc >= 3 ? open(argv[2], O_WRONLY) : -1;
	if (log < 0 || disk < 0)
		die("replay LOG DISK [writes]");
	if (pread(log, &super, sizeof(super), 0) != sizeof(super) || super.magic != 0x6a736677736872)
		die("no log of writes");
	off_t at = super.sector;
	for (uint64_t i = 0; i < super.entries; i++) {
		if (pread(log, &entry, sizeof(entry), at) != sizeof(entry))
			die("log");
		at += super.sector;
		uint64_t left = entry.flags & DISCARD ? 0 : entry.sectors * super.sector;
		off_t to = (off_t)(entry.sector * super.sector);
		while (left > 0) {
			ssize_t n = pread(log, data, left < sizeof(data) ? left : sizeof(data), at);
			if (n <= 0 || pwrite(disk, data, n, to) != n)
				die("copying");
			at += n;
			to += n;
			left -= n;
		}
		if (argc < 4 && !(entry.flags & FLUSH))
			continue;
		printf("%u\n", ++stops);
		fflush(stdout);
		if (getchar() == EOF)
			return 1;
	}
	return 0;
}
