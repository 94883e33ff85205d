/* The archive behind an image; see tail.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Documentation/driver-api/early-userspace/buffer-format.rst. The four bytes: lz4's legacy format ends with a size that
 * is none, and what stands behind without them would be read as one (lib/decompress_unlz4.c).
 */
#include "initramfs/tail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "initramfs/cpio.h"
#include "system/memstream.h"

#define TAIL_MAX (1 << 20) /* bytes; files of ours have some hundred */
#define LAST "TRAILER!!!"

enum { BEFORE = 4, ALIGNED = 512 }; /* zero bytes, bytes */

/* Where the archive of an image of base bytes begins. */
static off_t begin_behind(off_t base)
{
	return (base + BEFORE + ALIGNED - 1) / ALIGNED * ALIGNED;
}

/* --- Written ------------------------------------------------------------------------------------------------------ */

static void pad(FILE *out, size_t len, size_t to)
{
	for (; len % to != 0; len++)
		fputc('\0', out);
}

/* No time and no owner but root: the same files make the same archive. Each is a file of its own. */
static void put(FILE *out, unsigned inode, const char *path, mode_t mode, const char *data, size_t len)
{
	const char *name = path + (path[0] == '/');
	size_t name_size = strlen(name) + 1;

	fprintf(out, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", inode, (unsigned)mode, 0, 0, 1, 0,
		len, 0, 0, 0, 0, name_size, 0);
	fwrite(name, 1, name_size, out);
	pad(out, CPIO_HEADER + name_size, 4);
	if (len)
		fwrite(data, 1, len, out);
	pad(out, len, 4);
}

int tail_write(int fd, off_t base, const struct image_files *files)
{
	static const char zeros[BEFORE + ALIGNED];
	char note[64];
	struct text made;
	size_t len;
	unsigned inode = 1;

	FILE *out = text_open(&made);
	if (!out)
		return -ENOMEM;
	int note_len = snprintf(note, sizeof(note), "base=%jd\n", (intmax_t)base);
	put(out, inode++, TAIL_NOTE, S_IFREG | 0644, note, (size_t)note_len);
	for (size_t i = 0; i < files->count; i++) {
		const struct image_file *f = &files->list[i];
		put(out, inode++, f->path, f->mode, f->data, f->len);
	}
	put(out, 0, LAST, 0, NULL, 0);
	char *text = text_close(&made, &len);
	if (!text)
		return -ENOMEM;
	int r = len > TAIL_MAX - ALIGNED ? -EFBIG : write_all(fd, zeros, (size_t)(begin_behind(base) - base));
	if (r == 0)
		r = write_all(fd, text, len);
	free(text);
	size_t rest = len % ALIGNED ? ALIGNED - len % ALIGNED : 0;
	return r == 0 ? write_all(fd, zeros, rest) : r;
}

/* --- Found -------------------------------------------------------------------------------------------------------- */

static size_t padded(size_t len)
{
	return (len + 3) / 4 * 4;
}

/* A member at *at, which is moved behind it. */
static bool member(const char *buf, size_t size, size_t *at, const char **name, const char **data, size_t *len)
{
	size_t name_size;

	if (size - *at < CPIO_HEADER || memcmp(buf + *at, "070701", 6) != 0 ||
	    !cpio_field(buf + *at, FIELD_SIZE, len) || !cpio_field(buf + *at, FIELD_NAME_SIZE, &name_size) ||
	    name_size == 0 || name_size > size || *len > size)
		return false;
	size_t begin = *at + padded(CPIO_HEADER + name_size), end = begin + padded(*len);
	if (end > size || buf[*at + CPIO_HEADER + name_size - 1] != '\0')
		return false;
	*name = buf + *at + CPIO_HEADER;
	*data = buf + begin;
	*at = end;
	return true;
}

static bool all_zero(const char *buf, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (buf[i])
			return false;
	return true;
}

/* Whether what begins there is our archive, up to the end. *base is what its note says. */
static bool is_ours(const char *buf, size_t size, size_t at, off_t *base)
{
	const char *name, *data;
	size_t len;
	char text[32], *end;

	if (!member(buf, size, &at, &name, &data, &len) || strcmp(name, TAIL_NOTE + 1) != 0 || len >= sizeof(text))
		return false;
	memcpy(text, data, len);
	text[len] = '\0';
	if (strncmp(text, "base=", 5) != 0)
		return false;
	*base = (off_t)strtoll(text + 5, &end, 10);
	if (strcmp(end, "\n") != 0)
		return false;
	do
		if (!member(buf, size, &at, &name, &data, &len))
			return false;
	while (strcmp(name, LAST) != 0);
	return all_zero(buf + at, size - at);
}

/* Whether the archive at that place stands where one for that base has to, with nothing but zeros between. */
static bool fits(int fd, off_t base, off_t at)
{
	char between[BEFORE + ALIGNED];
	size_t len = (size_t)(at - base);

	return base > 0 && base < at && begin_behind(base) == at && len <= sizeof(between) &&
	       pread(fd, between, len, base) == (ssize_t)len && all_zero(between, len);
}

int tail_base(int fd, off_t *base)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*base = st.st_size;
	off_t start = st.st_size > TAIL_MAX ? (st.st_size - TAIL_MAX + ALIGNED - 1) / ALIGNED * ALIGNED : 0;
	size_t size = (size_t)(st.st_size - start);
	char *buf = malloc(size + 1);
	if (!buf)
		return -ENOMEM;
	ssize_t n = pread(fd, buf, size, start);
	int r = n < 0 ? -errno : (size_t)n < size ? -EIO : 0;
	/* The last that begins and reaches the end. */
	for (size_t count = r == 0 ? (size + ALIGNED - 1) / ALIGNED : 0; count > 0; count--) {
		size_t at = (count - 1) * ALIGNED;
		off_t said;
		if (!is_ours(buf, size, at, &said) || !fits(fd, said, start + (off_t)at))
			continue;
		*base = said;
		break;
	}
	free(buf);
	return r;
}
