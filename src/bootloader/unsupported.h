/* Ways to boot that are known and not ours to change: how they are told, and what to do there by hand.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef UNSUPPORTED_H
#define UNSUPPORTED_H

#include <stdbool.h>

#include "base/root.h"
#include "model/reason.h"

/* A sign is a path ("/etc/NIXOS"), the ID of os-release ("ID=flatcar"), or the beginning of a word on the running
 * kernel's command line ("BOOTIF="). A tree that is not running has no such line, and then no such word. */
struct unsupported {
	const char *name;    /* where the command line comes from, as the message has it */
	enum reason code;
	bool strong;         /* true whatever boot loader is there too; else told only where none of ours is */
	const char *all[3];  /* signs that all have to be there, */
	const char *any[9];  /* one of these, if there are any, */
	const char *none[4]; /* and none of these */
	const char *advice;  /* what to do; unsupported.c says how it is filled in */
};

/* The one that this system is, of the strong ones or of the others, or NULL. cmdline is the running kernel's line,
 * NULL in a tree that is not running. */
const struct unsupported *unsupported_find(const struct root *root, const char *cmdline, bool strong);

/* What was seen, and the commands to run by hand, in one line. words are what is to come on the line, "" if it is
 * only to be rid of the mode's words. Returns a new string owned by the caller, or NULL without memory. */
char *unsupported_advice(const struct unsupported *u, const struct root *root, const char *cmdline, const char *words);

#endif
