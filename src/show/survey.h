/* What the machine is, wants and will be, gathered for those who print it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SURVEY_H
#define SURVEY_H

#include <stdbool.h>

#include "bootloader/snapshot.h"
#include "change/matched.h"
#include "verdict/facts.h"
#include "verdict/verdict.h"

/* What an image that a counted entry reads wants. */
struct outlook_image {
	char path[256];
	int status;         /* of reading it: 0 or -errno */
	bool has_target;    /* a valid one, which wants this mode: */
	enum mode mode;
	enum policy policy; /* what the image does, whatever its target is */
};

enum { OUTLOOK_IMAGES = 16 }; /* more are not told of */

/* What the early check of the next boot would find, by the entries that count. It goes from process to process. */
struct outlook {
	bool foreseen; /* what follows is known: the entries could be read */
	unsigned counted, matching, mismatching, unknown; /* entries by what the early check would find */
	unsigned unchecked; /* those whose image holds no check */
	unsigned stopping;  /* those by which the check would stop the boot, or may */
	bool default_stops; /* one of them may be what is started where nobody chooses */
	enum policy stop;   /* what the first of them does */
	char why[100];      /* what is wrong with the worst one, or "" */
	bool reboot_required, reboot_safe;
	struct outlook_image images[OUTLOOK_IMAGES]; /* each once, in the order of the entries */
	unsigned nimages;
	bool change_open;  /* a change was begun and is not finished */
	bool change_waits; /* the same, and nothing is left to do about it before the next boot */
};

/* What is shown: gathered before anything is printed. */
struct survey {
	const struct root *root;
	struct facts *facts;
	struct judgement judgement;
	struct snapshot snapshot;    /* of the running machine's boot loaders; owned: survey_free() */
	const struct loader *loader; /* the one that boots it, or NULL if none is known */
	/* What every own boot entry asks for; MODE_MIXED if they differ, MODE_UNKNOWN if nobody can tell. */
	enum mode next_boot;
	bool needs_root;     /* to tell all of it */
	struct outlook next;
	const char *container; /* the file that says that this is one, or NULL */
	struct matched last;   /* of a mismatch: the match under another kernel, if there is one */
	bool iommufd;        /* /dev/iommu is there */
	unsigned cdevs;      /* devices in /dev/vfio/devices */
	char last_stop[256]; /* what stopped the boot before this one, or "" */
};

/* Takes it, and collects the facts for that: both root and facts must outlive it, and facts_free() is the caller's. */
void survey_take(const struct root *root, struct facts *facts, struct survey *survey);
void survey_free(struct survey *survey);

#endif
