/* What is written down about a change in /var/lib/iommu/change: enough to finish it, to undo it, and to go back later.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A change is under way while there is a file `journal`, which becomes `done` at the end. Beside it are copies of the
 * files before the change, with owner, mode and extended attributes, and the texts they get.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>

#include "settings.h"

enum progress {
	PROGRESS_OPEN,   /* the boot loader may still have the old words: every image accepts old and new */
	PROGRESS_BOOT,   /* it has the new ones; the images accept the old mode too until the machine has come up */
	PROGRESS_SEALING /* it has the new ones, and the images come to accept nothing else */
};

struct journal {
	char command[24]; /* the mode, "rollback" or "remove" */
	enum progress progress;
	bool after_boot;    /* --commit=after-boot */
	char generator[24]; /* of images, by name; "none": they are left to the caller */
	bool known;         /* the words of every entry are known; else they are what the files say */
	char words[256];
	bool flush;       /* the flush policy is ours to set */
	char boot_id[40]; /* of the boot that made the change */
};

enum side { BEFORE, AFTER };

/* Begins: keeps the files as they are now, and what they are to become, or with after NULL what they were before the last
 * change, owner and mode included; the last change's copies stay until journal_close(). grub_config is a file that is made from others, kept so that it can be put back, or NULL. Returns 0 or
 * -errno; if it is cut short there is no new change. */
int journal_open(const struct journal *journal, const struct settings *after, const char *grub_config);

/* Reads the last change, *open if it is still under way. Returns 0, -ENOENT if there is none, -EINVAL if the record is
 * damaged, or another -errno. */
int journal_read(struct journal *journal, bool *open);

/* Reads the texts of one side. Returns 0 or -errno. */
int journal_settings(enum side side, struct settings *settings);

/* Writes down how far the change has come. Returns 0 or -errno. */
int journal_update(const struct journal *journal);

/* Ends a change that is done, or one that has been undone: then the last one before it is the last one again. Both return
 * 0 or -errno. */
int journal_close(void);
int journal_cancel(void);

/* Put a file back as it is on one side of the change, with owner, mode and extended attributes; a grub.cfg as it was
 * before. Both return 0 or -errno. */
int journal_restore(enum side side, enum setting setting);
int journal_restore_grub(const char *path);

#endif
