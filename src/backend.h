/* Boot loaders: what is known of each, behind one table.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A back end reads every entry its boot loader has, says which files a change of mode edits, and makes or writes the entries.
 * What it has made is read back by its own reader: no tool's exit status is believed.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include <stdbool.h>
#include <stddef.h>

#include "edits.h"
#include "facts.h"
#include "initramfs.h"

/* Who started the kernel, as far as the machine tells. */
enum family { FAMILY_UNKNOWN, FAMILY_GRUB, FAMILY_SYSTEMD };

/* An entry as the boot loader has it. */
struct boot_entry {
	char *id;         /* file, or file:line */
	char *words;      /* the kernel command line, as far as files tell */
	char release[65]; /* of the kernel; "" if it can't be told */
	char image[256];  /* its initramfs, the last one if there are several; "" if there is none */
	char under[256];  /* the one that is unpacked before it; "" if there is none */
	char kernel[256]; /* as BOOT_IMAGE= on its line would name it; "" if that proves nothing */
	enum family family; /* what starts it, where a back end has entries of both kinds; else FAMILY_UNKNOWN */
	bool missing;     /* an initramfs of it is not there */
	bool xen;         /* a kernel that runs under Xen */
	bool own;         /* of this system; Xen, other systems and hand-made ones of GRUB are not */
};

struct boot_entries {
	struct boot_entry *list; /* owned, with what it points to; boot_entries_free() */
	size_t count;
};

/* What the entries are to carry. */
struct mode_words {
	const char *mode;  /* for people */
	const char *words; /* NULL: take ours out */
	bool flush;        /* the flush policy is ours to set */
	bool images;       /* images are made, so that an entry can name another one */
};

struct backend {
	const char *name;    /* as --backend= has it */
	const char *program; /* what boots the machine, for messages */
	enum family family;  /* FAMILY_UNKNOWN: either, its entries say which */
	/* Is it here? installed: on a disk, not in a tree that is only going to be put on one. Returns 0; -ENOENT if a file or
	 * program is not there; -ENOTSUP if one is there that does not do. *what says what was looked for. */
	int (*detect)(bool installed, const char **what);
	/* Reads every entry. Returns 0, or -errno with *why a line that names the file, owned by the caller (NULL without
	 * memory). */
	int (*read)(struct boot_entries *entries, char **why);
	/* Adds what a change edits. Returns 0, or -1 with one line told on stderr. */
	int (*edit)(const struct mode_words *wish, struct edits *edits);
	/* Makes the entries from what has been edited. words NULL: whatever the configuration says. Returns 0, or -1 with one
	 * line told on stderr; then the files may be old ones and new ones. */
	int (*apply)(const char *words, bool flush, bool verbose);
	/* Makes one of kernel->placed from kernel->image, with the command line that it has. Returns as apply. NULL: it is a copy. */
	int (*place)(const struct kernel *kernel, const char *placed, bool verbose);
	/* Makes writable what the entries are on, before any of the edits is done or read back. Returns 0, or -1 with one line told
	 * on stderr. NULL: it is. */
	int (*open)(void);
	/* Whether entries get what is configured, and no more is known of them once our words are taken out; NULL: no. */
	bool (*configured)(void);
	const char *(*made)(void);    /* the file or directory that the entries are in, or words for several */
	const char *(*command)(void); /* what apply runs, for people; NULL, or it returns NULL: nothing */
	void (*tidy)(void); /* removes what an apply that was cut short may have left; or NULL */
	/* Names in entry the image that these edits give it, where that is another one than it has. NULL: they never do. */
	void (*follow)(const struct edits *edits, struct boot_entry *entry);
	void (*sweep)(void); /* removes what no entry needs, once a change has ended; or NULL */
	const struct backend *over; /* a more general row that finds the same entries, and does not count beside this one */
	bool device;        /* its tools need the disk: none of them runs in a tree that is not on one */
	const char *layer;  /* what feeds an entry's line, for people; NULL: several files do */
};

/* The rows: one file each has them. */
extern const struct backend backend_grub, backend_grub_file, backend_update_bootloader, backend_bls, backend_sdbootutil,
	backend_systemd_boot, backend_uki, backend_proxmox;

/* The one of that name, or NULL. */
const struct backend *backend_named(const char *name);

/* All names in turn, then NULL. */
const char *backend_name(size_t i);

/* Finds the boot loader; name is the user's or NULL. In a running machine (facts not NULL) it is the one that has an entry
 * with the running line. words are what the user is told to put there by hand. Returns 0 or an exit code, having said why. */
int backend_choose(const char *name, bool installed, const struct root *root, const struct facts *facts, const char *words,
		   const struct backend **backend);

/* The same, without a word; NULL if there is none. */
const struct backend *backend_guess(bool installed, const struct facts *facts);

/* Whether an entry of its has the command line that the machine was booted with, and nothing says that another boot loader
 * started it. */
bool backend_proven(const struct backend *backend, const struct facts *facts);

/* Reads every entry. Returns 0, or -1 with one line told on stderr and no entries. */
int backend_read(const struct backend *backend, struct boot_entries *entries);

/* Reads all entries back: every own one carries exactly words (NULL: whatever they are) and has its initramfs. Returns 0, or
 * -1 with *why one line that names file and line, owned by the caller. */
int backend_check(const struct backend *backend, const char *words, bool flush, char **why);

/* The same of entries that have been read; file names where they are from. */
int boot_entries_check(const struct boot_entries *entries, const char *file, const char *words, bool flush, char **why);

/* Adds a copy of entry, whose texts stay the caller's. Returns 0 or -ENOMEM. */
int boot_entries_add(struct boot_entries *entries, const struct boot_entry *entry);
void boot_entries_free(struct boot_entries *entries);

/* Reads every entry as it will be with these edits (NULL: as it is), as far as its image goes. Returns as backend->read(). */
int backend_read_after(const struct backend *backend, const struct edits *edits, struct boot_entries *entries, char **why);

/* Notes by which name the boot loader will read the kernels' images, and where it has copies of them; where its entries can't be
 * read it is /boot/initrd.img-RELEASE, and there are none. Kernels that are not named by their release are those that entries
 * have, once for each image. Returns 0 or -ENOMEM. */
int backend_place(const struct backend *backend, const struct edits *edits, struct kernels *kernels);

#endif
