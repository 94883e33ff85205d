/* Unpacks an initramfs image; see cpio.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * init/initramfs.c of Linux 5.10 and 7.2: unpack_to_rootfs(), flush_buffer() and the states that they drive.
 */
#include "initramfs/cpio.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/run.h"
#include "initramfs/compressed.h"

#define BUFFER_SIZE (64 << 10) /* bytes that are read at once */
#define PIPE_SIZE (1 << 20)    /* bytes that a pipe is to hold: what anybody may ask for */

/* Why archives end: there is nothing more, something else follows, or it is what the kernel goes no further at. What
 * was unpacked before stays in any case. */
enum { AT_END = 1, AT_OTHER, AT_JUNK };

/* Where archives are read from: the image itself, or what a program makes of a part of it. */
struct source {
	FILE *in;
	off_t pos; /* by which archives are aligned */
	bool seekable; /* it is the image itself, of that size */
	/* Of what is compressed with a sum of its content behind it: that sum, the file, where the part begins and,
	 * once that is known, ends. */
	bool sums;
	uint32_t crc;
	int fd;
	off_t start, size, end;
};

static void count(struct source *source, const void *data, size_t len)
{
	source->pos += (off_t)len;
	if (source->sums)
		source->crc = compressed_crc(source->crc, data, len);
}

/* Reads exactly len bytes. */
static bool get(struct source *source, void *buf, size_t len)
{
	if (fread(buf, 1, len, source->in) != len)
		return false;
	count(source, buf, len);
	return true;
}

static bool skip(struct source *source, size_t len)
{
	static char buf[BUFFER_SIZE];

	if (source->seekable && len > sizeof(buf)) {
		if (source->pos + (off_t)len > source->size || fseeko(source->in, (off_t)len, SEEK_CUR) < 0)
			return false;
		source->pos += (off_t)len;
		return true;
	}

	for (; len > 0; len -= len < sizeof(buf) ? len : sizeof(buf))
		if (!get(source, buf, len < sizeof(buf) ? len : sizeof(buf)))
			return false;
	return true;
}

/* The next byte that is not zero, which stays to be read; EOF at the end. */
static int skip_zeros(struct source *source)
{
	int c;

	while ((c = getc(source->in)) == '\0')
		count(source, "", 1);
	return c == EOF ? EOF : ungetc(c, source->in);
}

static size_t padding(size_t len)
{
	return (4 - len % 4) % 4;
}

bool cpio_field(const char *header, int number, unsigned long *value)
{
	char text[9], *end;

	memcpy(text, header + 6 + 8 * number, 8);
	text[8] = '\0';
	*value = strtoul(text, &end, 16);
	return *end == '\0';
}

/* Returns 0, AT_JUNK, or -EBADMSG. */
static int read_header(struct source *source, struct rootfs_member *member, unsigned long *size, char name[PATH_MAX])
{
	unsigned long mode, name_size;
	char header[CPIO_HEADER];

	if (!get(source, header, CPIO_HEADER))
		return -EBADMSG;
	/* With checksums, 070702, 5.19 and later would take it, others not: no answer. */
	if (memcmp(header, "070701", 6) != 0)
		return memcmp(header, "070702", 6) == 0 ? -EBADMSG : AT_JUNK;
	if (!cpio_field(header, FIELD_MODE, &mode) || !cpio_field(header, FIELD_LINKS, &member->links) ||
	    !cpio_field(header, FIELD_INODE, &member->id[0]) || !cpio_field(header, FIELD_MAJOR, &member->id[1]) ||
	    !cpio_field(header, FIELD_MINOR, &member->id[2]) || !cpio_field(header, FIELD_SIZE, size) ||
	    !cpio_field(header, FIELD_NAME_SIZE, &name_size) || name_size == 0 || name_size > PATH_MAX ||
	    !get(source, name, name_size) || name[name_size - 1] != '\0' ||
	    !skip(source, padding(CPIO_HEADER + name_size)))
		return -EBADMSG;
	member->mode = (mode_t)mode;
	member->name = name;
	return 0;
}

/* Reads one member. Returns 0, AT_END after the one that ends an archive, AT_JUNK, or -errno. */
static int read_member(struct source *source, struct rootfs *root)
{
	struct rootfs_member member = { 0 };
	char name[PATH_MAX];
	unsigned long size;

	int r = read_header(source, &member, &size, name);
	if (r != 0)
		return r;
	bool last = strcmp(name, "TRAILER!!!") == 0, link = S_ISLNK(member.mode);
	bool has_data = link || S_ISREG(member.mode);
	/* What is passed over by the kernel too: a link that is too long, data of what has none. */
	bool made = !last && (link ? size <= PATH_MAX : has_data || size == 0);
	member.len = has_data ? size : 0;
	if (made && has_data && (link || rootfs_keeps(name, member.links, size))) {
		member.data = malloc(size + 1);
		if (!member.data)
			return -ENOMEM;
		member.data[size] = '\0';
	}
	if (!(member.data ? get(source, member.data, size) : skip(source, size)) || !skip(source, padding(size))) {
		free(member.data);
		return -EBADMSG;
	}
	if (last)
		rootfs_end_archive(root);
	return last ? AT_END : made ? rootfs_add(root, &member) : 0;
}

/* Whether what is compressed ends here: what was read has the sum that stands there. */
static bool ends_here(struct source *source)
{
	unsigned char sum[8];

	if (!source->sums || source->pos == 0)
		return false;
	for (int i = 0; i < 4; i++) {
		sum[i] = (unsigned char)(source->crc >> 8 * i);
		sum[4 + i] = (unsigned char)((uint64_t)source->pos >> 8 * i);
	}
	source->end = compressed_find_sum(source->fd, source->start, source->size, sum);
	return source->end >= 0;
}

/* Reads archives, with zero bytes between them. Returns why they end, or -errno. */
static int read_archives(struct source *source, struct rootfs *root, size_t *members)
{
	const size_t before = *members;
	int r = 0;

	for (;;) {
		int c = skip_zeros(source);
		if (c == EOF)
			return ferror(source->in) ? -EIO : AT_END;
		if (r == AT_END && ends_here(source))
			return AT_END;
		bool aligned = source->pos % 4 == 0;
		if (c != '0')
			return aligned || *members == before ? AT_OTHER : AT_JUNK;
		r = aligned ? read_member(source, root) : AT_JUNK;
		if (r < 0 || r == AT_JUNK)
			return r;
		++*members;
	}
}

/* glibc goes by a size only where it is given the buffer too. One source is open at a time. */
static int read_buffered(struct source *source, struct rootfs *root, size_t *members)
{
	static char buffer[BUFFER_SIZE];

	setvbuf(source->in, buffer, _IOFBF, sizeof(buffer));
	return read_archives(source, root, members);
}

/* Alone, as programs read on behind it, and complain. */
int cpio_part(int fd, off_t start, off_t end)
{
	int alone = memfd_create("part", MFD_CLOEXEC);

	if (alone < 0)
		return -errno;
	while (start < end) {
		ssize_t n = sendfile(alone, fd, &start, (size_t)(end - start));
		if (n > 0)
			continue;
		int r = n < 0 ? -errno : -EBADMSG;
		close(alone);
		return r;
	}
	lseek(alone, 0, SEEK_SET);
	return alone;
}

/* Reads what the program makes of in, at whose offset it begins. */
static int run_program(const struct compression *kind, int in, struct source *source, struct rootfs *root,
		       size_t *members)
{
	pid_t pid = run_filter(kind->argv, in, &source->in);
	if (pid < 0)
		return pid == -ENOENT ? -ENOPKG : (int)pid;
	fcntl(fileno(source->in), F_SETPIPE_SZ, PIPE_SIZE); /* else it takes longer */
	int r = read_buffered(source, root, members);
	/* gzip calls what follows an error: its sum tells that it is whole. */
	if (r == AT_END && source->sums && source->end < 0 && !ends_here(source))
		r = -EBADMSG;
	fclose(source->in);
	int status = run_wait(pid);
	if (r == AT_END && !source->sums && status != 0)
		r = -EBADMSG;
	return r;
}

/* Reads what is compressed at *offset, and moves that behind it. Returns AT_END, AT_JUNK, or -errno. */
static int read_compressed(int fd, off_t *offset, off_t size, struct rootfs *root, size_t *members)
{
	struct source source = { .fd = fd, .start = *offset, .size = size, .end = -1 };
	unsigned char magic[2];
	const size_t before = *members;

	const struct compression *kind = pread(fd, magic, 2, *offset) == 2 ? compression_find(magic) : NULL;
	if (!kind || !compression_taken(kind, fd, *offset))
		return AT_JUNK;
	source.sums = kind->how == END_BY_SUM;
	if (kind->end && (source.end = kind->end(fd, *offset, size)) < 0)
		return -EBADMSG;

	int alone = source.end >= 0 && source.end < size ? cpio_part(fd, *offset, source.end) : -1;
	if (alone < -1)
		return alone;
	int r = lseek(alone >= 0 ? alone : fd, alone >= 0 ? 0 : *offset, SEEK_SET) < 0 ? -errno : 0;
	if (r == 0)
		r = run_program(kind, alone >= 0 ? alone : fd, &source, root, members);
	if (alone >= 0)
		close(alone);
	if (kind->how == END_BY_OFFSET)
		source.end = lseek(fd, 0, SEEK_CUR);
	if (r < 0)
		return r;
	*offset = source.end;
	return r == AT_END && *members > before && *offset > source.start ? AT_END : AT_JUNK;
}

static int read_plain(int fd, off_t *offset, off_t size, struct rootfs *root, size_t *members)
{
	struct source source = { .pos = *offset, .fd = fd, .size = size, .seekable = true };

	int copy = dup(fd);
	source.in = copy < 0 || lseek(copy, *offset, SEEK_SET) < 0 ? NULL : fdopen(copy, "r");
	if (!source.in) {
		if (copy >= 0)
			close(copy);
		return -ENOMEM;
	}
	int r = read_buffered(&source, root, members);
	fclose(source.in);
	*offset = source.pos;
	return r;
}

int cpio_unpack(int fd, struct rootfs *root)
{
	struct stat st;
	size_t members = 0;
	off_t offset = 0;

	int r = fstat(fd, &st) < 0 ? -errno : AT_OTHER;
	while (r == AT_OTHER) {
		r = read_plain(fd, &offset, st.st_size, root, &members);
		if (r != AT_OTHER)
			break;
		r = read_compressed(fd, &offset, st.st_size, root, &members);
		r = r == AT_END ? AT_OTHER : r;
	}
	return r < 0 ? r : members > 0 ? 0 : -EBADMSG;
}
