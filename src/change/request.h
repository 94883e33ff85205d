/* What the user asked for.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdbool.h>

#include "model/mode.h"

/* Policy options not given keep the value in the existing target. */
struct request {
	const char *command; /* as the user has it */
	const char *root; /* a tree, or "/" */
	enum mode mode;
	const char *on_mismatch, *on_late_mismatch, *delay, *flush, *interrupts, *exposed, *unsafe_interrupts,
		*override;               /* or NULL: not given */
	const char *backend, *initramfs; /* or NULL: found out */
	const char *emit;                /* --emit=: print the words in that form, or NULL */
	bool after_boot;                 /* --commit=after-boot */
	bool at_once;                    /* --commit=now was said: what waits for its boot is not waited for */
	bool dry_run, force, verbose, quiet, json;
};

#endif
