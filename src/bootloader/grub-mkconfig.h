/* grub-mkconfig: runs it, and puts what it made in the place of grub.cfg once that is found right.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef GRUB_MKCONFIG_H
#define GRUB_MKCONFIG_H

#include <stdbool.h>

struct boot_entries;
struct error;
struct snapshot;

/* The program that makes grub.cfg here, by the name that it has in this distribution; NULL if there is none. */
const char *grub_mkconfig(void);

/* What the rows of struct backend share that have grub-mkconfig make grub.cfg: each as its member says. */
int grub_apply(struct snapshot *snapshot, const char *words, bool flush, bool verbose);
int grub_try(bool verbose);
int grub_rehearse(struct boot_entries *entries, struct error *error);
const char *grub_command(void);
extern const char *const grub_watched[];
void grub_remove_temporaries(void);
bool grub_whole(const char *copy, const char *path, const char *words, bool flush);

/* grub_whole() of one whose images are in the directory boot. */
bool grub_whole_in(const char *boot, const char *copy, const char *path, const char *words, bool flush);

/* Whether grub-mkconfig has written the grub.cfg that is there, or there is none: else it can't be made anew without a
 * loss. */
bool grub_generated(void);

/* The same as 0, or minus the exit code having refused it: GENERATED_ELSEWHERE. */
int grub_check_generated(void);

#endif
