/* One change at a time: our own lock, and the package manager's.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef LOCK_H
#define LOCK_H

/* Takes both locks, which are held until the process ends; ours only where the state directory is there, as nothing is
 * left behind by a command that changes nothing. The package manager's counts as free if an ancestor of this process
 * holds it (a maintainer script may call us). Returns 0, or -1 with one line told on stderr. */
int lock_all(void);

/* Whether both are free, for who only looks: nothing is made, and nobody is kept waiting. Returns as lock_all(). */
int lock_look(void);

/* Before the first thing is written: makes the state directory and takes our lock, unless it is held already. Returns
 * as lock_all(), -1 too if another process has been at work since. */
int lock_begin(void);

/* Takes away again what lock_begin() has made, as nothing has come of it. */
void lock_undo(void);

#endif
