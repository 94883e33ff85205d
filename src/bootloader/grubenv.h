/* GRUB's environment block (grubenv).
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The block: a line "# GRUB Environment Block", then name=value lines with a backslash before backslash and line
 * break, padded with '#' to its size of 1,024 bytes (grub-core/lib/envblk.c).
 */
#ifndef GRUBENV_H
#define GRUBENV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct grubenv {
	char *text;   /* owned; the block as it is, NULL if there is none */
};

/* Reads it; it may be absent. Returns 0, or -errno with a line that names the file in *error, and nothing. */
int grubenv_read(const char *path, struct grubenv *env, struct error *error);
void grubenv_free(struct grubenv *env);

/* What a variable is set to in it. Static storage of the last call; NULL: not set. */
const char *grubenv_value(const struct grubenv *env, const char *name);

/* The next variable of a block from *text on, which is NULL or the block's beginning at first; *line counts. False at
 * the end. */
bool grubenv_next(const char **text, char *name, size_t name_size, char *value, size_t size, unsigned *line);

/* The block with name set to value, of the same size. Owned by the caller; NULL if it does not fit, or without
 * memory. */
char *grubenv_with(const struct grubenv *env, const char *name, const char *value);

#endif
