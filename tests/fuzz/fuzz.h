/* What the fuzzers of our parsers share. Each has a file of its own, and a directory of inputs in corpus/.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A file includes the source it tests, so that it reaches what is static there.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* libFuzzer's: is called with each input. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is. */
#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* A copy that ends where the input ends, with a NUL behind it, so that a sanitizer sees who reads on. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	MUST(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

/* The same; NULL for a text that the callers of a parser refuse: one with a NUL in it. */
static inline char *fuzz_line(const uint8_t *data, size_t size)
{
	return size && memchr(data, '\0', size) ? NULL : fuzz_text(data, size);
}

/* A file that holds the input. */
static inline int fuzz_fd(const uint8_t *data, size_t size)
{
	int fd = memfd_create("input", MFD_CLOEXEC);

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

#endif
