/* What files were when they were read, and whether they still are.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * * A file that is written, replaced, made or removed has another device, inode, size or time of change. The kernel's
 * clock for files has steps, so two changes within one step can't be told apart: what has changed that lately is not
 * settled yet.
 */
#ifndef SEEN_H
#define SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>

/* One file or directory, as stat(2) has it. */
struct seen_file {
	char *path;
	bool there;
	struct stat st;
};

struct seen {
	struct seen_file *list; /* owned, with what it points to; seen_free() */
	size_t count;
	bool hasty; /* one of them had not settled when it was added */
};

/* Whether it is one file, and the same; if it had settled. */
bool seen_same_file(const struct stat *a, const struct stat *b);

/* Adds what path was before it was read; NULL: not there. Returns 0 or -ENOMEM. */
int seen_add(struct seen *seen, const char *path, const struct stat *st);

/* Takes over what other has, which is empty then. Returns as seen_add(), and then other is as it was. */
int seen_move(struct seen *seen, struct seen *other);

/* Whether each is still what it was, and had settled then. */
bool seen_same(const struct seen *seen);

/* One line for each. */
void seen_print(const struct seen *seen, FILE *out);

void seen_free(struct seen *seen);

/* How long until every later change of the file is sure to show, in nanoseconds; 0 or less: now. */
long long seen_settles(const struct stat *st);

/* Waits so long, two seconds at most. */
void seen_wait(long long nanoseconds);

#endif
