/* Completion scripts for bash, zsh and fish, made from the tables in options.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef COMPLETION_H
#define COMPLETION_H

/* Prints the script for that shell. Returns 0 or -errno: -EINVAL for a shell that is not known. */
int completion_print(const char *shell);

#endif
