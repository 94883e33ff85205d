/* Which boot loader it is: the table of all of them, and what picks one.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * * running is always the running kernel's command line, NULL in a tree, which nothing was booted from. What entries
 * there are is asked of the snapshot.
 */
#ifndef CHOOSE_H
#define CHOOSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/root.h"
#include "bootloader/backend.h"
#include "bootloader/snapshot.h"

/* The one of that name, or NULL. */
const struct backend *backend_named(const char *name);

/* All names in turn, then NULL. */
const char *backend_name(size_t i);

/* Gives the programs that are run from now on what the rows want in their environment. */
void backend_environment(void);

/* Finds the boot loader; name is the user's or NULL. In a running machine it is the one that has an entry with the
 * running line. words are what the user is told to put there by hand. Returns 0 or an exit code, having said why. */
int backend_choose(const char *name, bool installed, const struct root *root, const char *running, const char *words,
		   struct snapshot *snapshot, const struct backend **backend);

/* For a way out, which no boot loader's absence is in the way of: the one of that name, by which the words were put in
 * (NULL: it is not known), if it is here; else the one that is. Where none is, the one of that name again, and *here
 * false: its entries are nobody's to make then. Returns as backend_choose(). */
int backend_choose_way_out(const char *name, bool installed, const struct root *root, const char *running,
			   struct snapshot *snapshot, const struct backend **backend, bool *here);

/* Whether it is, and its tool may make its entries. */
bool backend_is_here(const struct backend *backend, bool installed, struct snapshot *snapshot);

/* All that are here, i from 0 on: their entries; NULL behind the last one. */
const struct backend *backend_here(size_t i, bool installed, struct snapshot *snapshot);

/* As backend_choose(), without a word; NULL if there is none. */
const struct backend *backend_guess(bool installed, const char *running, struct snapshot *snapshot);

/* Whether somebody at the console can edit the entries of this system's boot loader, without a word; unknown if it
 * can't be told which one it is. */
enum way_back backend_way_back(const char *running, struct snapshot *snapshot);

/* Whether one of the lines that the entry can come to is the running one. */
bool backend_started(const struct boot_entry *entry, const char *running);

/* Whether one of its entries has the command line that the machine was booted with, and nothing says that another boot
 * loader started it. running is not NULL. */
bool backend_proven(const struct loader *loader, const char *running);

#endif
