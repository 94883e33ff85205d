/* Completion scripts for bash, zsh and fish, made from the tables in options.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMPLETION_H
#define COMPLETION_H

#include <stddef.h>

/* The shells in turn, then NULL. */
const char *completion_shell(size_t i);

/* Prints the script for that shell. Returns 0 or -errno: -EINVAL for a shell that is not known. */
int completion_print(const char *shell);

#endif
