/* One change of the machine's configuration, which a power cut at any instant leaves bootable.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What holds at every instant: the mode that a boot entry gives is accepted by that entry's image. So the images
 * come to accept the old mode and the new one, then the boot loader gets the new words, then the images come to
 * accept nothing else.
 */
#ifndef TRANSACTION_H
#define TRANSACTION_H

#include "bootloader/snapshot.h"
#include "change/journal.h"
#include "initramfs/generator.h"
#include "initramfs/inspect.h"
#include "verdict/facts.h"

struct transaction {
	struct journal journal;
	struct edits edits; /* owned: transaction_free() */
	const struct backend *backend;
	struct snapshot *snapshot; /* the caller's; at the end that of the boot loader as it was written */
	const struct generator *generator; /* NULL: images are left to the caller */
	struct kernels kernels;            /* owned */
	const struct facts *now; /* the running machine; NULL for a tree that is not running */
	bool loader;             /* the entries are ours to make, not the caller's */
	bool gone;               /* nothing is there any more that could make them */
	bool builds;             /* an image has to be built, which takes minutes: what can fail is tried before */
	bool verbose, quiet;
	bool dry_run;            /* it is not to be run: only told */
	bool resumed; /* one that was cut short: what is written already is as it is to be */
	const char *other; /* a file that somebody else has changed since it was read, the edits' own; NULL: none */
};

/* Does it: writes the journal (unless it is resumed), goes as far as the commit says, and undoes all of it if that
 * fails before the boot loader has the new words. Returns an exit code, having said what happened. */
int transaction_run(struct transaction *transaction);

/* The target that every image can have as soon as the change begins: *text, owned by the caller, or NULL for none;
 * *final if it is the last one. Returns 0, or -1 with one line told. */
int transaction_first_target(const struct transaction *transaction, char **text, bool *final);

void transaction_free(struct transaction *transaction);

#endif
