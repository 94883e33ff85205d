/* Sections of a PE file; see pe.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/pe.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PE_OFFSET = 0x3c,     /* of the offset of the PE header, in the DOS header */
	PE_HEADER = 24,       /* "PE\0\0" and the COFF header */
	COFF_SECTIONS = 6,    /* their number; from "PE\0\0" on, as the next one */
	COFF_OPTIONAL = 20,   /* the optional header's size */
	OPTIONAL_32_PLUS = 0x20b,
	CERTIFICATES = 4,     /* in the data directories */
	SECTION = 40,         /* bytes of a section's header */
	SECTIONS_MAX = 96,    /* "the Windows loader limits the number of sections to 96" */
	TEXT_MAX = 64 << 10,
};

static uint16_t u16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t u32(const unsigned char *p)
{
	return u16(p) | (uint32_t)u16(p + 2) << 16;
}

/* Reads all of len bytes. Returns 0 or -EBADMSG for a file that ends before that. */
static int read_at(int fd, void *buf, size_t len, off_t offset)
{
	ssize_t n = pread(fd, buf, len, offset);

	return n < 0 ? -errno : (size_t)n == len ? 0 : -EBADMSG;
}

/* Reads "PE\0\0" and the COFF header; *at is where it is. */
static int read_header(int fd, unsigned char header[PE_HEADER], off_t *at)
{
	unsigned char dos[64];

	int r = read_at(fd, dos, sizeof(dos), 0);
	if (r == 0 && memcmp(dos, "MZ", 2) != 0)
		r = -EBADMSG;
	if (r < 0)
		return r;
	*at = u32(dos + PE_OFFSET);
	r = read_at(fd, header, PE_HEADER, *at);
	return r == 0 && memcmp(header, "PE\0\0", 4) != 0 ? -EBADMSG : r;
}

bool pe_is(int fd)
{
	unsigned char header[PE_HEADER];
	off_t at;

	return read_header(fd, header, &at) == 0;
}

/* The first section of that name from number first on, and before number end; *found is its own. */
static int find(int fd, const char *name, unsigned first, unsigned end, unsigned *found, off_t *offset, size_t *len)
{
	unsigned char header[PE_HEADER], section[SECTION];
	char padded[8] = { 0 };
	struct stat st;
	off_t at;

	int r = read_header(fd, header, &at);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	memcpy(padded, name, strnlen(name, sizeof(padded)));
	at += PE_HEADER + u16(header + COFF_OPTIONAL) + (off_t)first * SECTION;
	unsigned count = u16(header + COFF_SECTIONS);
	if (count > SECTIONS_MAX)
		return -EBADMSG;
	for (unsigned i = first; i < count && i < end; i++, at += SECTION) {
		r = read_at(fd, section, SECTION, at);
		if (r < 0)
			return r;
		if (memcmp(section, padded, sizeof(padded)) != 0)
			continue;
		*found = i;
		/* In memory it can be smaller than in the file, where it is padded. */
		uint32_t in_memory = u32(section + 8), in_file = u32(section + 16);
		*offset = u32(section + 20);
		*len = in_memory && in_memory < in_file ? in_memory : in_file;
		return *offset + (off_t)*len <= st.st_size ? 0 : -EBADMSG;
	}
	return -ENOENT;
}

int pe_section(int fd, const char *name, off_t *offset, size_t *len)
{
	unsigned found;

	return find(fd, name, 0, SECTIONS_MAX, &found, offset, len);
}

bool pe_signed(int fd)
{
	unsigned char header[PE_HEADER], optional[240] = { 0 };
	off_t at;

	if (read_header(fd, header, &at) < 0)
		return false;
	size_t size = u16(header + COFF_OPTIONAL);
	if (size > sizeof(optional))
		size = sizeof(optional);
	if (read_at(fd, optional, size, at + PE_HEADER) < 0)
		return false;
	size_t directories = u16(optional) == OPTIONAL_32_PLUS ? 112 : 96;
	const unsigned char *entry = optional + directories + CERTIFICATES * 8;
	return directories + CERTIFICATES * 8 + 8 <= size && u32(entry) != 0 && u32(entry + 4) != 0;
}

/* What find() or pe_section() has returned r for. */
static char *text_at(int fd, int r, off_t offset, size_t len)
{
	if (r == 0 && len > TEXT_MAX)
		r = -EFBIG;
	char *text = r == 0 ? malloc(len + 1) : NULL;
	if (r == 0 && !text)
		r = -ENOMEM;
	if (r == 0)
		r = read_at(fd, text, len, offset);
	if (r == 0) {
		while (len > 0 && (text[len - 1] == '\0' || strchr(" \t\r\n", text[len - 1])))
			len--;
		text[len] = '\0';
		if (strlen(text) != len)
			r = -EBADMSG;
	}
	if (r == 0)
		return text;
	free(text);
	errno = -r;
	return NULL;
}

char *pe_text(int fd, const char *name)
{
	off_t offset = 0;
	size_t len = 0;

	int r = pe_section(fd, name, &offset, &len);
	return text_at(fd, r, offset, len);
}

char *pe_profile_text(int fd, unsigned profile, const char *name)
{
	unsigned first = 0, end = SECTIONS_MAX, found = 0;
	off_t offset = 0;
	size_t len = 0;
	int r = 0;

	/* Each begins with a section of that name. */
	for (unsigned n = 0; n <= profile && r == 0; n++) {
		r = find(fd, ".profile", first, SECTIONS_MAX, &found, &offset, &len);
		first = found + 1;
	}
	if (r < 0) {
		errno = r == -ENOENT ? EDOM : -r;
		return NULL;
	}
	first = found;
	if (find(fd, ".profile", first + 1, SECTIONS_MAX, &found, &offset, &len) == 0)
		end = found;
	r = find(fd, name, first, end, &found, &offset, &len);
	if (r == -ENOENT && find(fd, ".profile", 0, SECTIONS_MAX, &end, &offset, &len) == 0)
		r = find(fd, name, 0, end, &found, &offset, &len);
	return text_at(fd, r, offset, len);
}
