/* The programs that make initramfs images, behind one table.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef GENERATOR_H
#define GENERATOR_H

#include <stdbool.h>
#include <stddef.h>

#include "initramfs/kernels.h"
#include "initramfs/starts.h"

/* A generator: one row, in a file of its own. */
struct generator {
	const char *name;    /* as --initramfs= has it */
	const char *program; /* without it the generator is not here */
	const char *sign;    /* a file that tells it from another package's program of that name, or NULL */
	const char *const *hooks; /* our files that it reads, until NULL; or NULL */
	const char *made;    /* what only the images that it makes have in them, or NULL */
	/* Fills argv (of 8) with the command that makes out for kernel; the texts must live as long as kernel and
	 * out. */
	void (*command)(const struct kernel *kernel, const char *out, const char *argv[8]);
	bool in_place;       /* the program writes kernel->image by itself, whatever out says */
	/* What it leaves beside kernel->image when it is stopped: what is behind that name, until NULL; or NULL. */
	const char *const *leaves;
	const struct start *const *starters; /* what starts the check in its images, each way, until NULL; or NULL */
	const char *config;  /* a file of ours that it reads, or NULL */
	/* What config holds under a policy that stops a machine, or one that warns; static text. NULL: no such file. */
	const char *(*settings)(bool enforcing);
};

/* The rows, in the order in which they are looked for. */
#define GENERATORS(ROW) \
	ROW(generator_initramfs_tools) \
	ROW(generator_dracut) \
	ROW(generator_mkinitcpio)

#define GENERATOR_DECLARED(row) extern const struct generator row;
GENERATORS(GENERATOR_DECLARED)

/* The programs of all rows, and their names, as a sentence has them: "a, b or c". Static text. */
const char *generator_programs(void);
const char *generator_names(void);

/* The one named, or with NULL the one that is installed. NULL if there is none: *what says what to look for, and is
 * NULL where nothing has that name. */
const struct generator *generator_find(const char *name, const char **what);

/* Whether more than one is installed: then an image has to tell. */
bool generator_several(void);

/* The installed one that has made the image at path; NULL if none has, or it can't be read. */
const struct generator *generator_of(const char *path);

/* The row at index, or NULL behind the last one. */
const struct generator *generator_at(size_t index);

#endif
