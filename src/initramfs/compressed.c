/* The compressions of initramfs images; see compressed.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * lib/decompress.c of Linux 5.10 and 7.2, and for each kind lib/decompress_*.c.
 */
#include "initramfs/compressed.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (256 << 10) /* bytes looked through at once */

static bool get(int fd, off_t at, void *buf, size_t len)
{
	return at >= 0 && pread(fd, buf, len, at) == (ssize_t)len;
}

static uint32_t little(const unsigned char *b)
{
	return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static uint32_t big(const unsigned char *b)
{
	return b[3] | (uint32_t)b[2] << 8 | (uint32_t)b[1] << 16 | (uint32_t)b[0] << 24;
}

/* RFC 8878: a header of 2 to 14 bytes behind the magic number, then blocks, of which one says that it is the last. */
static off_t zstd_end(int fd, off_t start, off_t size)
{
	static const unsigned char dictionary[] = { 0, 1, 2, 4 }, content[] = { 0, 2, 4, 8 };
	unsigned char b[5];

	if (!get(fd, start, b, 5) || little(b) != 0xfd2fb528)
		return -1;
	bool single = b[4] & 0x20, sum = b[4] & 0x04;
	off_t at = start + 5 + !single + dictionary[b[4] & 3] + content[b[4] >> 6] + (single && !(b[4] >> 6));
	for (bool last = false; !last;) {
		if (at > size || !get(fd, at, b, 3))
			return -1;
		uint32_t block = b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16;
		last = block & 1;
		/* A block of one byte that is repeated. */
		at += 3 + ((block >> 1 & 3) == 1 ? 1 : (off_t)(block >> 3));
	}
	at += sum ? 4 : 0;
	return at <= size ? at : -1;
}

/* The legacy format: blocks with their size before them, until it is none, or the end. */
static off_t lz4_end(int fd, off_t start, off_t size)
{
	const uint32_t magic = 0x184c2102, bound = (8u << 20) + (8u << 20) / 255 + 16;
	unsigned char b[4];
	off_t at = start;

	if (!get(fd, at, b, 4) || little(b) != magic)
		return -1;
	for (at += 4; size - at >= 4;) {
		if (!get(fd, at, b, 4))
			return -1;
		uint32_t len = little(b);
		if (len == 0)
			break;
		if (len != magic && len > bound)
			return -1;
		at += 4 + (len == magic ? 0 : (off_t)len);
	}
	return at <= size ? at : -1;
}

/* lzop: a header with a name, then blocks: two sizes and the checksums that the header's flags ask for. */
static off_t lzo_end(int fd, off_t start, off_t size)
{
	static const unsigned char magic[] = { 0x89, 'L', 'Z', 'O', 0, '\r', '\n', 0x1a, '\n' };
	unsigned char b[9 + 4];
	off_t at = start + 9;

	if (!get(fd, start, b, 9) || memcmp(b, magic, 9) != 0 || !get(fd, at, b, 2))
		return -1;
	bool later = (b[0] << 8 | b[1]) >= 0x0940; /* version */
	at += later ? 8 : 7; /* versions, method, level */
	if (!get(fd, at, b, 4))
		return -1;
	uint32_t flags = big(b);
	at += 4 + (flags & 0x800 ? 4 : 0) + 8 + (later ? 4 : 0); /* filter; mode and time */
	if (!get(fd, at, b, 1))
		return -1;
	at += 1 + b[0] + 4; /* the name, a checksum */
	off_t sums_plain = (flags & 0x1 ? 4 : 0) + (flags & 0x100 ? 4 : 0);
	off_t sums_packed = (flags & 0x2 ? 4 : 0) + (flags & 0x200 ? 4 : 0);
	for (;;) {
		if (at > size || !get(fd, at, b, 4))
			return -1;
		uint32_t plain = big(b);
		if (plain == 0)
			return at + 4;
		if (!get(fd, at + 4, b, 4))
			return -1;
		uint32_t packed = big(b);
		at += 8 + sums_plain + (packed < plain ? sums_packed : 0) + (off_t)packed;
	}
}

/* bzip2: blocks that begin at any bit with 48 that are always the same, and 32 of checksum; so does the end, with a
 * checksum of theirs, by which it is known. */
static off_t bzip2_end(int fd, off_t start, off_t size)
{
	static const uint64_t block = 0x314159265359, end = 0x177245385090, mask = 0xffffffffffff;
	unsigned char *buf = malloc(CHUNK);
	uint64_t high = 0, low = 0; /* the last 80 bits: high has the 48 that stood before the low 32 */
	uint32_t sum = 0;
	off_t found = -1;
	ssize_t n = 0;

	for (off_t at = start + 4; buf && found < 0 && at < size; at += n) {
		n = pread(fd, buf, CHUNK, at);
		if (n <= 0)
			break;
		for (ssize_t i = 0; found < 0 && i < n; i++)
			for (int bit = 7; found < 0 && bit >= 0; bit--) {
				high = (high << 1 | (low >> 31 & 1)) & mask;
				low = (low << 1 | (buf[i] >> bit & 1)) & 0xffffffff;
				if (high == block)
					sum = (sum << 1 | sum >> 31) ^ (uint32_t)low;
				else if (high == end && low == sum)
					found = at + i + 1;
			}
	}
	free(buf);
	return found;
}

static const struct compression compressions[] = {
	{ { 0x1f, 0x8b }, { "gzip", "-dc" }, END_BY_SUM, NULL },
	{ { 0xfd, 0x37 }, { "xz", "-dc", "--single-stream" }, END_BY_OFFSET, NULL },
	{ { 0x28, 0xb5 }, { "zstd", "-dcq" }, END_BY_FRAME, zstd_end },
	{ { 0x02, 0x21 }, { "lz4", "-dc" }, END_BY_FRAME, lz4_end },
	{ { 0x42, 0x5a }, { "bzip2", "-dc" }, END_BY_FRAME, bzip2_end },
	{ { 0x89, 0x4c }, { "lzop", "-dc" }, END_BY_FRAME, lzo_end },
	{ { 0x5d, 0x00 }, { "xz", "--format=lzma", "-dc", "--single-stream" }, END_BY_OFFSET, NULL },
};

const struct compression *compression_find(const unsigned char magic[2])
{
	for (size_t i = 0; i < sizeof(compressions) / sizeof(compressions[0]); i++)
		if (memcmp(magic, compressions[i].magic, 2) == 0)
			return &compressions[i];
	return NULL;
}

bool compression_taken(const struct compression *compression, int fd, off_t start)
{
	unsigned char flags[8];

	/* Of the checksums of xz the kernel knows none and CRC32. */
	return compression->magic[0] != 0xfd || (get(fd, start, flags, sizeof(flags)) && flags[7] <= 1);
}

off_t compressed_find_sum(int fd, off_t start, off_t size, const unsigned char sum[8])
{
	unsigned char *buf = malloc(CHUNK);
	off_t found = -1;
	unsigned char last[8];

	/* Nearly always it ends where the file does. */
	if (size - 8 >= start && get(fd, size - 8, last, 8) && memcmp(last, sum, 8) == 0)
		found = size;
	for (off_t at = start; buf && found < 0 && at < size; at += CHUNK - 7) {
		ssize_t n = pread(fd, buf, CHUNK, at);
		unsigned char *there = n < 8 ? NULL : memmem(buf, (size_t)n, sum, 8);
		if (n < 8)
			break;
		if (there)
			found = at + (there - buf) + 8;
	}
	free(buf);
	return found;
}

uint32_t compressed_crc(uint32_t crc, const unsigned char *data, size_t len)
{
	static uint32_t table[256];

	for (uint32_t i = 0; !table[1] && i < 256; i++) {
		uint32_t value = 255 - i; /* the one that tells that all are there comes last but one */
		for (int bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
		table[255 - i] = value;
	}
	for (crc = ~crc; len > 0; len--)
		crc = table[(crc ^ *data++) & 255] ^ crc >> 8;
	return ~crc;
}
