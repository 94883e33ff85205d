/* What a request comes to: the files, the words, the tools, before anything is done about it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PLAN_H
#define PLAN_H

#include "change.h"
#include "facts.h"
#include "initramfs.h"
#include "settings.h"

struct plan {
	const struct request *request;
	const struct root *root;
	const struct facts *facts; /* of the running machine; NULL in a tree */
	struct target target;
	char words[256]; /* what the mode puts on the command line */
	bool flush;      /* the flush policy is ours to set */
	struct kernels kernels;            /* owned */
	const struct generator *generator; /* NULL: images are left to the caller */
	bool loader;                       /* grub.cfg is ours to make */
	struct settings before, after;     /* owned */
};

/* Makes the plan; plan->request, root, facts and loader are the caller's. Returns 0 or an exit code, having said what is
 * wrong. Either way plan_free(). */
int plan_make(struct plan *plan);

/* Finds boot loader and generator; backend and initramfs are names or NULL: found out. words are what the user is told to put
 * there by hand. *generator is NULL if images are left to the caller. Returns 0 or an exit code. */
int plan_tools(const char *backend, const char *initramfs, const char *words, bool loader, const struct generator **generator);

/* Asks what speaks against it. Returns 0 or an exit code. */
int plan_check(const struct plan *plan);

bool plan_changes_files(const struct plan *plan);

void plan_free(struct plan *plan);

#endif
