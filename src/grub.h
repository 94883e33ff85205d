/* Boot loader back end: GRUB of the Debian family, by a drop-in in /etc/default/grub.d.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef GRUB_H
#define GRUB_H

#include <stdbool.h>
#include <stddef.h>

#define GRUB_DROPIN "/etc/default/grub.d/zzz-iommu.cfg"
#define GRUB_CONFIG "/boot/grub/grub.cfg"

/* A "linux" line of grub.cfg. */
struct grub_entry {
	unsigned line;      /* in grub.cfg, from 1 */
	const char *kernel; /* path as GRUB has it */
	const char *words;  /* the kernel command line */
	const char *initrd; /* path as GRUB has it, NULL if the entry has none */
	bool own;           /* made by grub-mkconfig for a kernel of this system; Xen, other systems and hand-made ones are not */
};

struct grub_config {
	char *text; /* owned; the entries point into it */
	struct grub_entry *entries;
	size_t count;
};

/* Reads a grub.cfg. Returns 0 or -errno. */
int grub_read(const char *path, struct grub_config *config);
void grub_free(struct grub_config *config);

/* Is this GRUB, and one that reads grub.d? A tree need not have it installed to a disk: then there is no grub.cfg to be
 * missed. Returns 0; -ENOENT if GRUB or its grub.cfg is not there; -ENOTSUP if its
 * grub-mkconfig does not read drop-ins. *what says what was looked for. */
int grub_detect(bool installed, const char **what);

/* The drop-in's text for words; owned by the caller, NULL without memory. */
char *grub_dropin(const char *mode, const char *words, bool flush);

/* The words that a drop-in of ours puts in, and whether it takes out the flush policy too. False if it is none. */
bool grub_dropin_words(const char *text, char *words, size_t size, bool *flush);

/* Checks that every own entry of a grub.cfg carries exactly words (NULL: whatever the configuration says) and has an initrd that is there. Returns 0, or -1 with
 * *why one line that names file and line, owned by the caller. */
int grub_check(const char *path, const char *words, bool flush, char **why);

/* Makes a new grub.cfg from the configuration as it now stands, checks it, and puts it in the old one's place. Returns 0,
 * or -1 with one line told on stderr; then grub.cfg is as it was, unless it is a wrapper's that writes there by itself. */
int grub_apply(const char *words, bool flush, bool verbose);

/* Removes what a grub_apply() that was cut short may have left. */
void grub_tidy(void);

#endif
