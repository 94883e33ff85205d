/* Why something failed: filled in by whoever finds it out, handed up, and told once by whoever answers for it.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * It owns nothing: none is to be freed, and running out of memory has words too. A function that takes one fills it in
 * whenever it fails; what else it hands out is empty then, and may be freed.
 */
#ifndef ERROR_H
#define ERROR_H

#include <stdarg.h>

/* A path of NAME_MAX, what is wrong, and the longest command line that a kernel on x86 or ARM takes (2 KiB). */
enum { ERROR_TEXT = 2560 };

struct error {
	int code;      /* -errno, as returned; 0: none */
	unsigned line; /* of the file that the text is about, if the text does not name it; 0: no single one */
	char text[ERROR_TEXT]; /* for people, without a line break */
};

/* Fills it in. error may be NULL: nobody asks why. Returns code. */
__attribute__((format(printf, 3, 4))) int error_set(struct error *error, int code, const char *format, ...);
__attribute__((format(printf, 3, 0))) int error_vset(struct error *error, int code, const char *format, va_list args);

/* The same with what strerror(3) says of code, where no more is known. 0 or more is no error, and leaves it alone. */
int error_errno(struct error *error, int code);

#endif
