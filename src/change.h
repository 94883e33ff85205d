/* Setting a mode: a plan that is data, then steps that can be undone, then read-back.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef CHANGE_H
#define CHANGE_H

#include <stdbool.h>

#include "target.h"

/* What the user asked for. Policy options not given keep the value in the existing target. */
struct request {
	enum mode mode;
	const char *on_mismatch, *on_late_mismatch, *delay, *flush, *unsafe_interrupts, *override; /* or NULL: not given */
	const char *backend, *initramfs; /* or NULL: found out */
	bool dry_run, force, verbose, quiet;
};

/* Does it, or with dry_run prints what it would do. Returns an exit code. */
int change(const struct request *request);

#endif
