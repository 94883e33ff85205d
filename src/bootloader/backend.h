/* Boot loaders: what a back end has to know of one, and the list of entries that it reads.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A back end reads every entry its boot loader has, says which files a change of mode edits, and makes or writes the
 * entries. What it has made is read back by its own reader: no tool's exit status is believed.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "bootloader/owner.h"
#include "initramfs/inspect.h"
#include "model/image-conf.h"
#include "system/edits.h"
#include "system/seen.h"

/* Who started the kernel, as far as the machine tells. */
enum family { FAMILY_UNKNOWN, FAMILY_GRUB, FAMILY_SYSTEMD };

/* An entry as the boot loader has it. */
struct boot_entry {
	char *id;         /* file, or file:line */
	char *words;      /* the kernel command line, as far as files tell; of several the first one */
	char *written;    /* as the file has it, where variables of GRUB are in it; NULL: that is words */
	char *also;       /* what else it can come to, each with a line break behind it; NULL: nothing */
	char *doubt;      /* a variable in it that can't be told; NULL: none */
	char *whole;      /* the line to give it where its file has none; NULL: it has one, or nobody knows */
	char *fed;        /* IOMMU parameters that variables put in: "value\torigin\n" each; NULL: none */
	char *text;       /* what its file holds that it alone is in; NULL: it has none of its own */
	char title[128];  /* as its menu shows it; "" if there is none */
	enum presence by_default; /* whether it is started where nobody chooses */
	char release[65]; /* of the kernel; "" if it can't be told */
	char image[256];  /* its initramfs, the last one if there are several; "" if there is none */
	char under[256];  /* the one that is unpacked before it; "" if there is none */
	char kernel[256]; /* as BOOT_IMAGE= on its line would name it; "" if that proves nothing */
	enum family family; /* what starts it, where a back end has entries of both kinds; else FAMILY_UNKNOWN */
	bool missing;     /* an initramfs of it is not there */
	bool xen;         /* a kernel that runs under Xen */
	char file[256];   /* its kernel here; "" if that can't be told */
	bool hand_made;   /* nothing that the back end edits feeds its line */
	bool forced;      /* what GRUB tries first without an initramfs, as GRUB_FORCE_PARTUUID has it (Ubuntu's) */
	bool passing;     /* it is not made again with the others: what makes it is switched off */
	struct owner_facts facts; /* whose it is: owner-facts.h */
	enum owner owner;
	bool own;         /* of this system, and its back end can edit it */
	bool fixed;       /* of this system, and it can't */
};

struct boot_entries {
	struct boot_entry *list; /* owned, with what it points to; boot_entries_free() */
	size_t count;
	struct seen seen; /* the files of their own and the directory that they are in, before they were read */
};

struct snapshot;

/* What the entries are to carry. */
struct mode_words {
	const char *mode;  /* for people */
	const char *words; /* NULL: take ours out */
	bool flush;        /* the flush policy is ours to set */
	bool images;       /* images are made, so that an entry can name another one */
	const char *running; /* the line that this machine was booted with; NULL: none was, or it is not asked */
};

struct backend {
	const char *name;    /* as --backend= has it */
	const char *program; /* what boots the machine, for messages */
	enum family family;  /* FAMILY_UNKNOWN: either, its entries say which */
	/* Is it here? installed: on a disk, not in a tree that is only going to be put on one. Returns 0; -ENOENT if a
	 * file or program is not there; -ENOTSUP if one is there that does not do. *what says what was looked for. */
	int (*detect)(bool installed, const char **what);
	/* Reads every entry. Returns 0, or -errno with a line that names the file in *error, and no entries. */
	int (*read)(struct boot_entries *entries, struct error *error);
	/* Adds what a change edits. Returns 0, or minus the exit code with one line told on stderr. */
	int (*edit)(const struct mode_words *wish, struct snapshot *snapshot, struct edits *edits);
	/* Makes the entries from what has been edited, as they are not in the snapshot already. words NULL: whatever
	 * the configuration says. Returns 1 if it has made any, 0 if not, or -1 with one line told on stderr; then
	 * the files may be old ones and new ones. */
	int (*apply)(struct snapshot *snapshot, const char *words, bool flush, bool verbose);
	/* Reads the entries as apply would make them of what is configured, where nothing can be written but in
	 * REHEARSAL_DIR. Returns as read. NULL: only who makes them can tell. */
	int (*rehearse)(struct boot_entries *entries, struct error *error);
	/* Tries whether its tool makes entries at all, under another name, before images are built. Returns 0, or -1
	 * with one line told on stderr. NULL: there is no tool that can be tried. */
	int (*try)(bool verbose);
	/* Makes one of kernel->placed from kernel->image, with the command line that it has. Returns as apply. NULL: it
	 * is a copy. */
	int (*place)(const struct kernel *kernel, const char *placed, bool verbose);
	/* Makes writable what the entries are on, before any of the edits is done or read back. Returns 0, or -1 with
	 * one line told on stderr. NULL: it is. */
	int (*open)(void);
	/* Whether another program's configuration that is read after ours brings parameters that contradict words, or
	 * takes ours away: which, and where, for people, owned by the caller. NULL: there is nothing like that. */
	bool (*overridden)(const char *words, bool flush, char **parameters, char **origin);
	/* Whether entries get what is configured, and no more is known of them once our words are taken out; NULL:
	 * no. */
	bool (*configured)(void);
	/* Whether somebody at the console can edit an entry. NULL: it is not known. */
	enum way_back (*way_back)(void);
	const char *(*location)(void);    /* the file or directory that the entries are in, or words for several */
	const char *(*command)(void); /* what apply runs, for people; NULL, or it returns NULL: nothing */
	void (*remove_temporaries)(void); /* removes what an apply that was cut short may have left; or NULL */
	/* Names in entry the image that these edits give it, where that is another one than it has. NULL: they never
	 * do. */
	void (*image_after)(const struct edits *edits, struct boot_entry *entry);
	/* Whether a file of the tool's that is kept as copy can stand at path again: all that it names is there,
	 * kernels and images, and its entries carry words (NULL: whatever they are). NULL: the tool makes no file. */
	bool (*whole)(const char *copy, const char *path, const char *words, bool flush);
	/* Whether what its tool makes was made by it last: else it is not made anew. NULL: nobody asks. */
	bool (*generated)(void);
	/* Removes what no entry needs, as the last thing of a change. Returns 0, or -1 with a line told on stderr for
	 * each that stays. NULL: there is never anything. */
	int (*collect_garbage)(struct snapshot *snapshot);
	/* A more general row that finds the same entries, and does not count beside this one. */
	const struct backend *supersedes;
	/* Files and directories that its next entries are made from too, then NULL; or NULL. */
	const char *const *watched;
	const char *const *environment; /* "NAME=VALUE" for every program that is run, then NULL; or NULL */
	const char *later; /* what is left to do where its tools can't run, for people; or NULL */
	bool by_entries;    /* detect() can't tell whether it has an entry, and without one it is not here */
	bool needs_block_device;        /* its tools need the disk: none of them runs in a tree that is not on one */
	const char *config_file;  /* what feeds an entry's line, for people; NULL: several files do */
};

/* The rows, each in a file of its own, in the order in which they are asked: proxmox-boot-tool's partitions hold what
 * others of these would be found by too. */
#define BACKENDS(ROW) \
	ROW(backend_proxmox) \
	ROW(backend_grub) \
	ROW(backend_update_bootloader) \
	ROW(backend_grub_file) \
	ROW(backend_bls) \
	ROW(backend_sdbootutil) \
	ROW(backend_systemd_boot) \
	ROW(backend_uki)

#define BACKEND_DECLARED(row) extern const struct backend row;
BACKENDS(BACKEND_DECLARED)

/* Whether every own entry carries exactly words (NULL: whatever they are) and has its initramfs; file names where
 * they are from. Returns 0, or -EINVAL with one line that names file and line in *error. */
int boot_entries_check(const struct boot_entries *entries, const char *file, const char *words, bool flush,
		       struct error *error);

/* An entry for people: its title in the menu, and in brackets where it is; or that alone. Static text. */
const char *boot_entry_name(const char *title, const char *id);

/* Whether an entry carries exactly words, and variables bring it nothing that contradicts them. */
bool boot_entry_right(const struct boot_entry *entry, const char *words, bool flush);

/* The first of what variables bring it that contradicts words: its parameters and who has set them, for people, owned
 * by the caller. Returns false if there is none. */
bool boot_entry_fed(const struct boot_entry *entry, const char *words, bool flush, char **parameters, char **origin);

/* The next line that it can come to, *at NULL at first; owned by the caller, NULL at the end or without memory. */
char *boot_entry_line(const struct boot_entry *entry, const char **at);

/* Whether one of them is this system's, and can be edited. */
bool boot_entries_own(const struct boot_entries *entries);

/* Adds a copy of entry, whose texts stay the caller's. Returns 0 or -ENOMEM. */
int boot_entries_add(struct boot_entries *entries, const struct boot_entry *entry);
/* Where none of the entries from first on is known to be started by default, nobody can tell of any. */
void boot_entries_doubt(struct boot_entries *entries, size_t first);

void boot_entries_free(struct boot_entries *entries);

#endif
