/* Keeps an image of before under a second name, until what took its place has proved good.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Where the image's path is a link, both have a second name: the link, which a program can replace by a file, and the
 * file that it leads to.
 */
#ifndef KEPT_H
#define KEPT_H

#include <stdbool.h>

/* Keeps what is at path now. One that is kept already is the true one: a change that was cut short has been here
 * before. No file is fine. Returns 0 or -errno; -ELOOP for a link that must not be followed. */
int kept_keep(const char *path);

/* Whether something is kept. */
bool kept_any(const char *path);

/* What is kept of the name that path had before a boot has counted in it is kept of path; what was begun under that
 * name goes. */
void kept_follow(const char *path);

/* After a program has made path anew by itself: mode, owner and the rest are what they were, and what was a link is one
 * again, and leads to the new file. Returns 0 or -errno. */
int kept_settle(const char *path);

/* Whether what is at path is what is kept: nothing has taken its place. */
bool kept_same(const char *path);

/* Puts back what is kept, or settles and drops it. Both return 0 or -errno, and 0 where nothing is. */
int kept_restore(const char *path);
int kept_forget(const char *path);

#endif
