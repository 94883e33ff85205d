/* GRUB's environment block (grubenv) and the variables that grub.cfg sets: what a boot entry's $name stands for.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The block: a line "# GRUB Environment Block", then name=value lines with a backslash before backslash and line
 * break, padded with '#' to its size of 1,024 bytes (grub-core/lib/envblk.c).
 */
#ifndef GRUBENV_H
#define GRUBENV_H

#include <stddef.h>

#include "base/error.h"

struct grubenv {
	char *text;   /* owned; the block as it is, NULL if there is none */
	char *config; /* owned; grub.cfg, NULL if there is none */
};

/* Reads both; either may be absent. Returns 0, or -errno with a line that names the file in *error, and neither. */
int grubenv_read(const char *path, const char *config, struct grubenv *env, struct error *error);
void grubenv_free(struct grubenv *env);

/* What a variable is set to: in the block, else by grub.cfg's last "set" line. Static storage of the last call;
 * NULL: not set. */
const char *grubenv_value(const struct grubenv *env, const char *name);

/* line with each $name and ${name} replaced; one that is not set stands for nothing. Owned by the caller, NULL without
 * memory. */
char *grubenv_expand(const struct grubenv *env, const char *line);

/* The block with name set to value, of the same size. Owned by the caller; NULL if it does not fit, or without
 * memory. */
char *grubenv_with(const struct grubenv *env, const char *name, const char *value);

#endif
