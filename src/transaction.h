/* One change of the machine's configuration, which a power cut at any instant leaves bootable.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What holds at every instant: the mode that a boot entry gives is accepted by that entry's image. So the images come to
 * accept the old mode and the new one, then the boot loader gets the new words, then the images come to accept nothing else.
 */
#ifndef TRANSACTION_H
#define TRANSACTION_H

#include "backend.h"
#include "facts.h"
#include "initramfs.h"
#include "journal.h"

struct transaction {
	struct journal journal;
	struct edits edits; /* owned: transaction_free() */
	const struct backend *backend;
	const struct generator *generator; /* NULL: images are left to the caller */
	struct kernels kernels;            /* owned */
	const struct facts *now; /* the running machine; NULL for a tree that is not running */
	bool loader;             /* the entries are ours to make, not the caller's */
	bool verbose, quiet;
	bool pending;  /* this change was the first since the boot */
};

/* Does it: writes the journal (unless resumed), goes as far as the commit says, and undoes all of it if that fails before
 * the boot loader has the new words. Returns an exit code, having said what happened. */
int transaction_run(struct transaction *transaction, bool resumed);

/* After an upgrade of the programs: makes anew, by the target there is, each image that holds another helper than the one
 * installed. One that can't be made stays as it was, and ends it. Uses kernels, generator, backend (which may be NULL unless
 * loader is true), no journal. Returns an exit code, having said what happened. */
int transaction_images(struct transaction *transaction);

void transaction_free(struct transaction *transaction);

/* Notes SIGINT, SIGTERM and SIGHUP from now on, so that a change ends in order. */
void transaction_signals(void);

#endif
