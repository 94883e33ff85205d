/* Where a path really is: the directory held open and the name in it, found without trusting a link that others can
 * turn.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A link is followed if every directory on the way, and the last one, belongs to root and nobody else may write there,
 * and if it leads to a regular file. So nobody but root decides what is written, and the link stays one.
 */
#ifndef PLACE_H
#define PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

struct place {
	int dir;             /* the directory, owned; place_close() */
	char real[PATH_MAX]; /* the path without a link in it */
	const char *name;    /* the last component, in real */
	bool there;          /* a regular file is there */
	struct stat st;      /* of it */
	char why[2 * NAME_MAX + 128]; /* with -ELOOP: which link, and what is wrong with it */
};

/* Follows path, an absolute one. In our own directories (/run/iommu, /var/lib/iommu) the last component is never
 * followed. make: directories that are missing are made, 0755. Returns 0, there is a regular file or nothing; -ELOOP
 * for a link that must not be followed, with why; -EISDIR or -ENXIO for what is no file; or another -errno, -ENOENT if
 * a directory is missing. Unless it returns 0 nothing is open. */
int place_find(const char *path, bool make, struct place *place);

/* The same for a file that is there, which is opened to be read. Returns a file descriptor owned by the caller, or
 * -errno. */
int place_open(const char *path, struct place *place);

void place_close(struct place *place);

#endif
