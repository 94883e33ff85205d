/* What speaks against a change of mode, looked at before anything is written.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PREFLIGHT_H
#define PREFLIGHT_H

#include <stdbool.h>

#include "change/plan.h"
#include "initramfs/inspect.h"
#include "model/target.h"
#include "verdict/facts.h"

struct preflight {
	const struct root *root;
	const struct facts *facts;   /* of the running machine; NULL in a tree, where nothing is asked of one */
	const struct target *target; /* the wanted one */
	const struct kernels *kernels;   /* whose images are made */
	const struct kernels *installed; /* all that can be booted */
	const struct edits *edits;
	const char *words; /* what the mode puts on the command line */
	bool flush;        /* the flush policy is ours to set */
	bool remapped, translated; /* is demanded by this change: interrupts=, exposed= */
	const struct generator *generator; /* NULL: no images are built */
	const struct backend *backend;
	const struct loader *entries; /* its, as they are */
	bool loader;       /* its entries are made anew */
	bool proven;       /* it is this boot loader: the user says so, or it was asked before in this boot */
	bool force, dry_run;
};

/* Returns 0, or an exit code having said on standard error what is wrong. */
int preflight(const struct preflight *preflight);

/* The same of a plan. */
int plan_check(struct plan *plan);

#endif
