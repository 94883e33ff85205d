/* What this machine can boot: each entry's line, its image, and what the early check of that boot would find.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef ENTRIES_H
#define ENTRIES_H

#include "backend.h"
#include "evidence.h"
#include "initramfs.h"
#include "target.h"

struct entry {
	char *id;         /* file, or file:line */
	char kernel[65];  /* release, as its file is named */
	char *words;      /* the kernel command line */
	char image[256];  /* its initramfs, "" if it has none */
	bool xen;         /* a kernel that runs under Xen */
	bool counted;     /* of this system, and no rescue entry without the check */
	enum mode mode;   /* by its line; MODE_DEFAULT, MODE_UNKNOWN */
	unsigned modes;   /* bit (1 << mode) for each mode that its line can give */
	int status;       /* of reading the image: 0 or -errno */
	enum hook hook;   /* what starts the check */
	int target_status; /* of the image's target: 0, -ENOENT or -EINVAL */
	struct target target;
	enum policy enforce; /* of the image, whatever its target is */
	enum verdict verdict; /* of the next boot by this entry */
	const char *why;      /* static text; NULL on a match */
};

struct entries {
	struct entry *list; /* owned; entries_free() */
	size_t count;
};

/* Reads all entries of a boot loader, with the images that they will have by these edits (NULL: that they have). now is the
 * machine's evidence, or NULL where there is none to go by (a tree); target_there says whether the system has a target. Returns
 * 0, or -errno with *why a line that names the file, owned by the caller (NULL without memory). */
int entries_read(const struct backend *backend, const struct edits *edits, const struct evidence *now, bool target_there,
		 struct entries *entries, char **why);
void entries_free(struct entries *entries);

#endif
