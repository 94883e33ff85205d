/* The compressions of initramfs images: the program for each, and where what is compressed ends.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMPRESSED_H
#define COMPRESSED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How the end of what is compressed is found. The programs do not tell it, and read on. */
enum compressed_end {
	END_BY_FRAME,  /* its own headers say it: end() */
	END_BY_OFFSET, /* the program leaves the descriptor there */
	END_BY_SUM,    /* checksum and length of the content, 32 bits each, stand there */
};

struct compression {
	unsigned char magic[2];  /* all that the kernel looks at */
	const char *argv[5];
	enum compressed_end how;
	/* -1 if it is cut short, or nothing that the kernel would take. */
	off_t (*end)(int fd, off_t start, off_t size);
};

/* The one that begins so, or NULL. */
const struct compression *compression_find(const unsigned char magic[2]);

/* Whether what begins there is of a kind that the kernel takes. */
bool compression_taken(const struct compression *compression, int fd, off_t start);

/* Behind the next place from start on where these 8 bytes stand, or -1. */
off_t compressed_find_sum(int fd, off_t start, off_t size, const unsigned char sum[8]);

/* CRC-32 as gzip has it, of what went before and this. Begins with 0. */
uint32_t compressed_crc(uint32_t crc, const unsigned char *data, size_t len);

#endif
