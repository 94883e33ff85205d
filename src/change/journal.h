/* What is written down about a change in /var/lib/iommu/change: enough to finish it, to undo it, and to go back later.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The first line says in which format it is; one without that line is older, and is read. One that is newer is not.
 *
 * A change is under way while there is a file `journal`, which becomes `done` at the end. Beside it are copies of the
 * files before the change, with owner, mode and extended attributes, and the texts they get.
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>

#include "system/edits.h"

enum progress {
	PROGRESS_OPEN,   /* the boot loader may still have the old words: every image accepts old and new */
	PROGRESS_BOOT,   /* it has the new ones; the images accept the old mode too until the machine has come up */
	PROGRESS_SEALING /* it has the new ones, and the images come to accept nothing else */
};

enum { JOURNAL_FIRST = 1 };

struct journal {
	int format; /* JOURNAL_FIRST: of 0.1.0; it stays in it to its end, as what is kept in it is that one's */
	char command[24]; /* the mode, "rollback" or "remove" */
	enum progress progress;
	bool after_boot;    /* --commit=after-boot */
	char backend[24];   /* by name */
	char generator[24]; /* of images, by name; "none": they are left to the caller */
	bool known;         /* the words of every entry are known; else they are what the files say */
	char words[256];
	bool flush;       /* the flush policy is ours to set */
	bool had_known;   /* before the change all entries had the same words about the IOMMU: */
	char had[256];
	char boot_id[40]; /* of the boot that made the change */
	bool over;        /* the change before it was still open, and is so again if this one is undone */
	char pending[40]; /* of the boot in which this is the first change, whose sign /run/iommu/pending is; or "" */
};

/* What is kept of a file: as it was, as it is to be, and what is there meanwhile: the text of a target that lets both
 * modes pass, or what the boot loader's own tool has made; and of a target that another change let both modes pass
 * until its boot, what that one was to end with. */
enum side { BEFORE, AFTER, PUT, MEANT };

/* Begins: keeps the files as they are now, and what they are to become; with back, the edits being those of the last
 * change turned round, that is what they were before it, owner and mode included, also of what a tool has made and that
 * is put back. The last change's copies stay until journal_close(). Returns 0 or -errno; if it is cut short there is no
 * new change. */
int journal_open(struct journal *journal, const struct edits *edits, bool back);

/* Reads the last change, *open if it is still under way, also where it can't be read. Returns 0, -ENOENT if there is
 * none, -EINVAL if the record is damaged, -ENOTSUP if it is in a format that only a newer program knows, or another
 * -errno. */
int journal_read(struct journal *journal, bool *open);

/* Whether nothing is left to do about it before the machine has booted: boot_id is this boot's, NULL in a tree. */
bool journal_waits(const struct journal *journal, const char *boot_id);

/* Reads what the change edits, both sides' texts included; of ROLE_MADE what is put back. Returns 0, or -errno and no
 * edits. */
int journal_edits(struct edits *edits);

/* What the target was to be after its boot, where the last change took the place of one that waited for it: *text,
 * owned by the caller, else NULL; number is the target's edit. Returns 0 or -errno. */
int journal_meant(size_t number, char **text);

/* Writes down how far the change has come. Returns 0 or -errno. */
int journal_update(const struct journal *journal, const struct edits *edits);

/* Ends a change that is done, or one that has been undone: then the last one before it is the last one again. Both
 * return 0 or -errno. */
int journal_close(void);
int journal_cancel(void);

/* Puts the edit of that number back as it is on one side of the change, with owner, mode and extended attributes, or
 * takes it away if there was none. Does nothing to one that has its text from before already. Returns 0 or -errno. */
int journal_restore(enum side side, const struct edits *edits, size_t number);

/* Keeps a text of the edit of that number on that side, NULL: none. Returns 0 or -errno. */
int journal_keep_text(enum side side, size_t number, const char *text);

/* Keeps the file of the edit of that number as it is now on that side, with owner, mode and attributes, a link beside
 * what it leads to. Returns 0 or -errno. */
int journal_keep_file(enum side side, const struct edits *edits, size_t number);

/* Whether the file of the edit of that number holds what is kept on that side; false where nothing is. */
bool journal_holds(enum side side, const struct edits *edits, size_t number);

/* Where the file of that number is kept on that side. */
void journal_copy_path(char path[static 128], enum side side, size_t number);

/* Notes that the image at path, as it is now, was made by this change. Returns 0 or -errno. */
int journal_note_image(const char *path);

/* Whether the image at path is the one that was noted. */
bool journal_made_image(const char *path);

#endif
