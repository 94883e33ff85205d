/* The kernel command line, read as the kernel reads it.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What a line asks for is never taken for what the machine does: it explains a verdict, it does not make one.
 */
#ifndef CMDLINE_H
#define CMDLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "modes.h"

#define CMDLINE_MAX 4096 /* bytes with NUL; x86 has COMMAND_LINE_SIZE 2048 (arch/x86/include/asm/setup.h) */

enum vendor { VENDOR_UNKNOWN, VENDOR_INTEL, VENDOR_AMD };

/* A kernel release as a number that compares: KERNEL(6, 1). 0 is unknown, and counts as new. */
#define KERNEL(major, minor) ((unsigned)(major) << 16 | (unsigned)(minor))
unsigned kernel_version(const char *osrelease);

/* A wish of the line: what was said last, and what was said at all. */
struct wish {
	bool said_yes, said_no;
	bool near_yes, near_no;          /* a near miss that the kernel does not know would have asked for it */
	enum { UNSAID, YES, NO } result; /* what the kernel makes of it */
};

struct cmdline {
	struct wish power; /* IOMMU on */
	struct wish pt;    /* passthrough; "no" is translated */
	char near[64];     /* the first near miss as it stands on the line, or "" */
	bool noiommu;      /* vfio.enable_unsafe_noiommu_mode is on by the line */
	bool soften;       /* rd.iommu.verify=warn */
	bool rescue;       /* single-user, rescue or emergency boot */
};

/* Copies the next word of *line to word (cut to size) as lib/cmdline.c:next_arg() does: a word ends at white space
 * outside double quotes; quotes around a word or its value are dropped. Returns false at the end of the line. */
bool cmdline_word(const char **line, char *word, size_t size);

/* The value of "key=value" or "key" (then ""), or NULL if word has another key. '-' and '_' are the same in keys, as in
 * kernel/params.c:parameq(). */
const char *cmdline_value(const char *word, const char *key);

/* A boolean as lib/kstrtox.c:kstrtobool() reads it: 1, 0, or -1 if it is none. */
int cmdline_bool(const char *value);

/* Reads the line for a vendor and a kernel (0: unknown). Words after a bare "--" are init's and are left out. */
void cmdline_read(const char *line, enum vendor vendor, unsigned kernel, struct cmdline *out);

/* The mode the line asks for: a wanted mode, MODE_DEFAULT if nothing on it decides, or MODE_UNKNOWN if the vendor can't
 * be told and the two differ. */
enum mode cmdline_mode(const char *line, enum vendor vendor, unsigned kernel);

#endif
