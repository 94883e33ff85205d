/* Reads files out of a built initramfs image; see cpio.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/cpio.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/run.h"

#define HEADER 110 /* bytes: the magic number and 13 fields of 8 hexadecimal digits */
#define NAME_SIZE_MAX 4096
#define FILE_SIZE_MAX (16u << 20) /* bytes of a file we look for */
#define PIPE_SIZE (64 << 10) /* bytes that a pipe holds */

/* Documentation/driver-api/early-userspace/buffer-format.rst; the field's number after the magic one. */
enum { FIELD_MODE = 1, FIELD_SIZE = 6, FIELD_NAME_SIZE = 11 };

static const struct {
	const char *magic;
	size_t len;
	const char *argv[4];
} decompressors[] = {
	{ "\x1f\x8b", 2, { "gzip", "-dc" } },
	{ "\xfd" "7zXZ", 5, { "xz", "-dc" } },
	{ "\x28\xb5\x2f\xfd", 4, { "zstd", "-dcq" } },
	{ "\x02\x21\x4c\x18", 4, { "lz4", "-dc" } },
	{ "\x04\x22\x4d\x18", 4, { "lz4", "-dc" } },
	{ "BZh", 3, { "bzip2", "-dc" } },
	{ "\x89LZO", 4, { "lzop", "-dc" } },
	{ "\x5d\x00\x00", 3, { "xz", "--format=lzma", "-dc" } },
};

static bool field(const char *header, int number, unsigned long *value)
{
	char text[9], *end;

	memcpy(text, header + 6 + 8 * number, 8);
	text[8] = '\0';
	*value = strtoul(text, &end, 16);
	return *end == '\0';
}

/* Reads exactly len bytes. */
static bool get(FILE *in, void *buf, size_t len)
{
	return fread(buf, 1, len, in) == len;
}

static bool skip(FILE *in, size_t len)
{
	char buf[4096];

	for (; len > 0; len -= len < sizeof(buf) ? len : sizeof(buf))
		if (!get(in, buf, len < sizeof(buf) ? len : sizeof(buf)))
			return false;
	return true;
}

static size_t padding(size_t len)
{
	return (4 - len % 4) % 4;
}

static int take_data(FILE *in, struct cpio_file *file, size_t size, mode_t mode)
{
	free(file->data);
	file->data = NULL;
	file->mode = mode;
	if (!S_ISREG(mode) || size > FILE_SIZE_MAX)
		return skip(in, size) ? 0 : -EBADMSG;
	file->data = malloc(size + 1);
	if (!file->data)
		return -ENOMEM;
	file->len = size;
	file->data[size] = '\0';
	return get(in, file->data, size) ? 0 : -EBADMSG;
}

/* Reads one member whose header's first six bytes are consumed. Returns 1 after the trailer, 0 otherwise, or -errno. */
static int read_member(FILE *in, struct cpio_file *files, size_t count)
{
	char header[HEADER], name[NAME_SIZE_MAX];
	unsigned long mode, size, name_size;

	if (!get(in, header + 6, HEADER - 6) || !field(header, FIELD_MODE, &mode) ||
	    !field(header, FIELD_SIZE, &size) || !field(header, FIELD_NAME_SIZE, &name_size) || name_size == 0 ||
	    name_size > sizeof(name) || !get(in, name, name_size) || name[name_size - 1] != '\0' ||
	    !skip(in, padding(HEADER + name_size)))
		return -EBADMSG;
	if (strcmp(name, "TRAILER!!!") == 0)
		return 1;

	const char *path = strncmp(name, "./", 2) == 0 ? name + 2 : name[0] == '/' ? name + 1 : name;
	size_t i = 0;
	while (i < count && strcmp(path, files[i].name) != 0)
		i++;
	int r = i < count ? take_data(in, &files[i], size, (mode_t)mode) : skip(in, size) ? 0 : -EBADMSG;
	return r == 0 && !skip(in, padding(size)) ? -EBADMSG : r;
}

/* Reads archives, with zero bytes between them, until something else comes: then its first six bytes are in magic and 1
 * is returned. 0 at the end, -errno on an error. *members counts what was read. */
static int read_archives(FILE *in, struct cpio_file *files, size_t count, char magic[6], size_t *members)
{
	for (;;) {
		int c;
		while ((c = getc(in)) == '\0')
			;
		if (c == EOF)
			return ferror(in) ? -EIO : 0;
		magic[0] = (char)c;
		if (!get(in, magic + 1, 5))
			return -EBADMSG;
		if (memcmp(magic, "070701", 6) != 0 && memcmp(magic, "070702", 6) != 0)
			return 1;

		int r = read_member(in, files, count);
		if (r < 0)
			return r;
		(*members)++;
	}
}

static int read_compressed(int fd, off_t offset, const char magic[6], struct cpio_file *files, size_t count)
{
	size_t i = 0, members = 0;
	char rest[6];
	FILE *in;

	while (i < sizeof(decompressors) / sizeof(decompressors[0]) &&
	       memcmp(magic, decompressors[i].magic, decompressors[i].len) != 0)
		i++;
	if (i == sizeof(decompressors) / sizeof(decompressors[0]))
		return -EBADMSG;
	if (lseek(fd, offset, SEEK_SET) < 0)
		return -errno;

	pid_t pid = run_filter(decompressors[i].argv, fd, &in);
	if (pid < 0)
		return pid == -ENOENT ? -ENOPKG : (int)pid;
	setvbuf(in, NULL, _IOFBF, PIPE_SIZE);
	int r = read_archives(in, files, count, rest, &members);
	/* What follows an archive inside the compressed part is nothing the kernel would read. */
	fclose(in);
	int status = run_wait(pid);
	if (r < 0)
		return r;
	return members > 0 && (status == 0 || r == 1) ? 0 : -EBADMSG;
}

int cpio_read(int fd, struct cpio_file *files, size_t count)
{
	size_t members = 0;
	char magic[6];

	for (size_t i = 0; i < count; i++) {
		files[i].data = NULL;
		files[i].len = 0;
		files[i].mode = 0;
	}
	int copy = dup(fd);
	FILE *in = copy < 0 ? NULL : fdopen(copy, "r");
	if (!in) {
		if (copy >= 0)
			close(copy);
		return -ENOMEM;
	}
	rewind(in);
	int r = read_archives(in, files, count, magic, &members);
	off_t offset = ftello(in) - 6;
	fclose(in);
	if (r == 1)
		r = read_compressed(fd, offset, magic, files, count);
	else if (r == 0 && members == 0)
		r = -EBADMSG;
	return r;
}
