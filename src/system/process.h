/* Other processes: who started this one, and who has a file open.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What proc(5) tells, also where it is not mounted (a chroot), if this process may mount file systems.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Whether that process is an ancestor of this one. Where nobody can tell: whether this environment variable is set, or
 * false with NULL. */
bool process_is_ancestor(pid_t pid, const char *variable);

/* A process that has this file open, *pid. Returns 1, 0 if there is none, or -errno if nobody can tell. */
int process_that_has_open(const struct stat *file, pid_t *pid);

#endif
