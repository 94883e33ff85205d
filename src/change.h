/* The commands that change a machine: setting a mode, going back, going on, taking everything out.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef CHANGE_H
#define CHANGE_H

#include <stdbool.h>

#include "modes.h"

/* What the user asked for. Policy options not given keep the value in the existing target. */
struct request {
	const char *root; /* a tree, or "/" */
	enum mode mode;
	const char *on_mismatch, *on_late_mismatch, *delay, *flush, *unsafe_interrupts, *override; /* or NULL: not given */
	const char *backend, *initramfs; /* or NULL: found out */
	const char *emit;                /* --emit=: print the words in that form, or NULL */
	bool after_boot;                 /* --commit=after-boot */
	bool dry_run, force, verbose, quiet;
};

/* Each does it, or tells in one line why not, and returns an exit code. An open change is finished first. */
int change_mode(const struct request *request); /* with dry_run it prints what would be done */
int change_rollback(const struct request *request);
int change_resume(const struct request *request);
int change_remove(const struct request *request);
int change_images(const struct request *request); /* for the packages: see transaction_images() */

#endif
