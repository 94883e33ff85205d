/* What a request comes to: the files, the words, the tools, before anything is done about it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PLAN_H
#define PLAN_H

#include "bootloader/snapshot.h"
#include "change/journal.h"
#include "change/request.h"
#include "initramfs/generator.h"
#include "initramfs/inspect.h"
#include "verdict/facts.h"

struct plan {
	const struct request *request;
	const struct root *root;
	const struct facts *facts; /* of the running machine; NULL in a tree */
	struct target target;
	char words[256]; /* what the mode puts on the command line */
	bool flush;      /* the flush policy is ours to set */
	struct kernels kernels;            /* whose images are made; owned */
	struct kernels installed;          /* those and the ones that do without an image; owned */
	const struct backend *backend;
	const struct generator *generator; /* NULL: images are left to the caller */
	bool proven;                       /* it is that boot loader: the user says so, or it was asked before */
	bool loader;                       /* the entries are ours to make */
	struct edits edits;                /* owned */
	struct snapshot snapshot;          /* of the boot loader as it is now; owned */
};

/* Makes the plan; plan->request, root, facts and loader are the caller's. Returns 0 or an exit code, having said
 * what is wrong. Either way plan_free(). */
int plan_make(struct plan *plan);

/* Parts of it: the wanted target, from the options and the target that is there, and the words for the command line.
 * The first returns 0 or an exit code, having said what is wrong. */
int plan_target(struct plan *plan);
void plan_words(struct plan *plan);

/* Finds the generator of images; name is the user's, or NULL: the one that is installed, or of several the one that
 * made the image of an own entry, or, in a change that takes back (last, its record), of the change before. *generator
 * is NULL if images are left to the caller. Returns 0 or an exit code. */
int plan_generator(const char *name, const struct loader *loader, const struct journal *last,
		   const struct generator **generator);

/* Adds what every change edits, whatever the boot loader: the target, and what makes dracut build the check in
 * (NULL: not). Returns 0 or an exit code. */
int plan_edits(const char *target, const struct generator *generator, bool enforcing, struct edits *edits);

void plan_free(struct plan *plan);

#endif
