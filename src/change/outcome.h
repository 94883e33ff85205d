/* What a change does, or would do: decided once, from what is there, and then carried out or only told.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef OUTCOME_H
#define OUTCOME_H

#include <stdbool.h>
#include <stddef.h>

#include "change/notices.h"
#include "change/transaction.h"
#include "model/image-conf.h"
#include "model/target.h"

/* Of a command that changes; unknown: an ordinary user's dry run, which can't read everything. */
enum result {
	RESULT_UNCHANGED,
	RESULT_DONE,
	RESULT_REFUSED,
	RESULT_FAILED,      /* all is as it was before */
	RESULT_INTERRUPTED, /* resume goes on with it */
	RESULT_UNKNOWN,
};

struct outcome_file {
	char *path;
	char *before, *after; /* texts; NULL: no such file. Of one that a tool makes neither is known */
	char *diff;           /* as diff(1) has it, of those that are not made; NULL: not asked for */
	bool made;            /* by the boot loader's own tool */
};

struct outcome_image {
	char path[256];
	char kernel[65];  /* release */
	const char *how;  /* "built", "laid-over", "copied" from one that is, "kept" */
	bool wrong;       /* it is not what it is to be */
	char why[320];    /* it is made anew, and why it has to be built; "" where it is kept */
};

struct outcome_entry {
	char *id, *title;
	char kernel[65];
	enum presence by_default; /* whether the boot loader starts it where nobody chooses */
	char *before, *after;   /* the kernel command line; after NULL: only the tool that makes it can tell */
	bool foreseen;          /* who makes it could not be asked for after */
	bool gone;              /* who makes it makes it no more; after is NULL */
};

struct outcome {
	bool changed;   /* some file, image or entry was, or would be, another */
	bool read_before; /* all is as it was when it was read back last; the lists are empty then */
	bool left;      /* the boot loader is left to whoever makes the disk */
	const char *unread; /* why its entries could not be read; NULL: they were */
	bool takes_two; /* images accept the old mode too until the boot loader has been written */
	struct outcome_file *files;
	struct outcome_image *images;
	struct outcome_entry *entries;
	size_t nfiles, nimages, nentries; /* owned, with what they point to; outcome_free() */
	struct target before, after;
	bool had_target, has_target; /* that are valid */
	const struct backend *backend;     /* or NULL: none was chosen */
	const struct generator *generator; /* or NULL: none is to be used */
	char *commands[16];                /* that are run, for people; owned */
	size_t ncommands;
	struct notices notices;            /* of devices that are in use; owned */
	bool reboot_required; /* an entry has other parameters about the IOMMU than the running kernel */
	bool reboot_safe;     /* the early check would find no counted entry wrong */
	enum policy stop;     /* what it would do to the entry below, POLICY_WARN: to none; where that is known */
	char stop_entry[200]; /* by its title and place, one that starts by default before others */
	const char *stop_why; /* static text */
};

/* Gathers what the transaction would change, before it has changed anything; where that is told to somebody, with the
 * diff of each file, and the next boot. Returns 0, or -1 with one line told on stderr; either way outcome_free(). */
int outcome_take(const struct transaction *transaction, bool told, struct outcome *outcome);

/* What the next boot will be as it all is now. */
void outcome_look_ahead(const struct transaction *transaction, struct outcome *outcome);

/* After it has been carried out: the entries as they are now, and the next boot. */
void outcome_read_back(const struct transaction *transaction, struct outcome *outcome);

void outcome_free(struct outcome *outcome);

#endif
