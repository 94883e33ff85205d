/* What this machine can boot: each entry's line, its image, and what the early check of that boot would find.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PREDICTION_H
#define PREDICTION_H

#include "bootloader/snapshot.h"
#include "evidence/evidence.h"
#include "initramfs/inspect.h"
#include "model/reason.h"
#include "model/target.h"
#include "nextboot/demanded.h"

/* What the system wants, apart from the mode. */
struct wanted {
	bool any;           /* there is a target, whatever it says */
	enum policy policy; /* what it does about a mismatch; one that is not valid: it stops */
};

struct prediction {
	char *id;         /* file, or file:line */
	char title[128];  /* as the menu shows it; "" if there is none */
	enum presence by_default; /* whether it is started where nobody chooses */
	char kernel[65];  /* release, as its file is named */
	char *words;      /* the kernel command line */
	bool doubt;       /* a variable of GRUB in it can't be told */
	char *fed_by;     /* who puts IOMMU parameters into it by a variable; NULL: nobody */
	char image[256];  /* its initramfs, "" if it has none */
	bool xen;         /* a kernel that runs under Xen */
	bool counted;     /* own, of this boot loader, and it can be edited; under a target that warns not one without
			   * a check that nobody would put into its image */
	bool unchecked;   /* that one */
	bool fixed;       /* own, but nothing that is edited feeds its line */
	const char *whose; /* whose it is and why; static text */
	enum mode mode;   /* by its line; MODE_DEFAULT, MODE_UNKNOWN */
	unsigned modes;   /* bit (1 << mode) for each mode that its line can give */
	struct sayings said; /* about what a target demands beside the mode, by the lines that it can come to */
	struct configured modprobe;
	int status;       /* of reading the image: 0 or -errno */
	enum hook hook;   /* what starts the check */
	char *unstarted;  /* what keeps it from being started, or from stopping; owned, NULL if nothing is known */
	int target_status; /* of the image's target: 0, -ENOENT or -EINVAL */
	struct target target;
	enum policy enforce; /* of the image, whatever its target is */
	struct wanted wanted; /* of the system's target, which counts late in a boot without an early check */
	enum verdict verdict; /* of the next boot by this entry */
	const char *mend;     /* what helps where setting the mode again does not; static text or NULL */
	const char *why;      /* static text, or unstarted; NULL on a match. Of one that is not counted why not */
};

struct predictions {
	struct prediction *list; /* owned; predictions_free() */
	size_t count;
};

/* Predicts for every entry of a boot loader that could be read, with the image that it will have by these edits
 * (NULL: that it has), which is read. now is the machine's evidence, or NULL where there is none to go by (a tree).
 * Returns 0 or
 * -errno, which modprobe.d and / give too. */
int predictions_make(const struct loader *loader, const struct edits *edits, const struct evidence *now,
		    struct wanted wanted, struct predictions *entries);
/* Adds those of a boot loader that does not start this machine, but for what is there already: none is counted. Returns
 * 0 or -ENOMEM. */
int predictions_add_other(const struct loader *other, const struct evidence *now, struct wanted wanted,
			  struct predictions *entries);

/* The same entry with another line, NULL: one that nobody can tell yet, and, if image is set, with an image made
 * anew for target, NULL: without the check. */
void prediction_assume(struct prediction *entry, const char *line, const struct target *target, bool image,
		       const struct evidence *now, struct wanted wanted);

/* The same by what target_read() has returned. */
struct wanted target_wanted(int status, const struct target *target);
#define facts_wanted(f) target_wanted((f)->target_status, &(f)->target)

/* By the system's target; NULL: it has none. */
struct wanted wanted_of(const struct target *target);

/* Whether a boot by it would be stopped: by the check in its image, or, where that has none, by the late one. */
bool prediction_stops(const struct prediction *entry);

/* What that would do then. */
enum policy prediction_policy(const struct prediction *entry);

void predictions_free(struct predictions *entries);

#endif
