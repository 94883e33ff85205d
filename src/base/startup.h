/* What a process takes over from whoever starts it, and what must not matter.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef STARTUP_H
#define STARTUP_H

/* To be called first: no file is opened as standard input, output or error, files get the modes they are given, and
 * one that may not grow is an error and no signal. */
void startup_settle(void);

/* What a change may have open at a time, far from it: taking back one that fails half-way must not need more than it
 * had. */
#define FILES_NEEDED 32

/* Whether so many more files can be opened. Returns 0 or -errno. */
int startup_room(void);

#endif
