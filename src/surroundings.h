/* What a process takes over from whoever starts it, and what must not matter.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SURROUNDINGS_H
#define SURROUNDINGS_H

/* To be called first: no file is opened as standard input, output or error, files get the modes they are given, and one that may
 * not grow is an error and no signal. */
void surroundings_settle(void);

#endif
