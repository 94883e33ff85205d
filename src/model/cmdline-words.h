/* The words of a kernel command line, cut and read as the kernel does.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef CMDLINE_WORDS_H
#define CMDLINE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#define CMDLINE_MAX 4096 /* bytes with NUL; x86 has COMMAND_LINE_SIZE 2048 (arch/x86/include/asm/setup.h) */

/* A kernel release as a number that compares: KERNEL(6, 1). 0 is unknown, and counts as new. */
#define KERNEL(major, minor) ((unsigned)(major) << 16 | (unsigned)(minor))
unsigned kernel_version(const char *osrelease);

/* lib/ctype.c: to the kernel a no-break space is white space too, also as the second half of a UTF-8 character. */
bool cmdline_space(char c);

/* '_' for '-', any other character as it is: in keys the two are the same (kernel/params.c:dash2underscore()). */
char cmdline_dash(char c);

/* Copies the next word of *line to word (cut to size) as lib/cmdline.c:next_arg() does: a word ends at white space
 * outside double quotes; quotes around a word or its value are dropped. Returns false at the end of the line. */
bool cmdline_word(const char **line, char *word, size_t size);

/* The value of "key=value" or "key" (then ""), or NULL if word has another key. '-' and '_' are the same in keys, as in
 * kernel/params.c:parameq(). */
const char *cmdline_value(const char *word, const char *key);

/* A boolean as lib/kstrtox.c:kstrtobool() of that kernel reads it: 1, 0, or -1 if it is none. */
int cmdline_bool(const char *value, unsigned kernel);

/* A boolean module parameter's word: as above, and Y for a bare key (include/linux/moduleparam.h: a bool takes
 * none). */
int cmdline_param(const char *word, const char *key, unsigned kernel);

#endif
