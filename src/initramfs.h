/* Installed kernels, and the programs that make their initramfs images.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef INITRAMFS_H
#define INITRAMFS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "image.h"
#include "target.h"

struct kernel {
	char release[65];
	char image[256];  /* its initramfs, /boot/initrd.img-RELEASE unless a boot entry says otherwise */
	/* Makes placed from image; returns 0, or -1 with one line told. NULL: it is a copy. */
	int (*place)(const struct kernel *kernel, bool verbose);
	char placed[256]; /* a copy of it that the boot loader reads instead; "" if it reads that */
	char under[256];  /* another image with the check in it, which is unpacked before placed; "" if there is none */
};

struct kernels {
	struct kernel *list; /* owned; kernels_free() */
	size_t count;
};

/* Lists what /boot/vmlinuz-* offers, sorted. Returns 0 or -errno. */
int kernels_list(struct kernels *kernels);
void kernels_free(struct kernels *kernels);

/* A generator: one row of the table in initramfs.c. */
struct generator {
	const char *name;
	const char *program; /* without it the generator is not here */
	const char *sign;    /* a file that tells it from another package's program of that name, or NULL */
	/* Fills argv (of 8) with the command that makes out for kernel; the texts must live as long as kernel and out. */
	void (*command)(const struct kernel *kernel, const char *out, const char *argv[8]);
	bool in_place; /* the program writes kernel->image by itself, whatever out says */
};

/* The one named, or with NULL the one that is installed. NULL if there is none: *what says what to look for. */
const struct generator *generator_find(const char *name, const char **what);

/* What of ours an image holds. */
enum hook { HOOK_NONE, HOOK_WARNS, HOOK_STOPS, HOOK_READS };
struct initramfs {
	char *target; /* owned; NUL behind it, NULL if there is none */
	size_t target_len;
	bool helper, same_helper; /* one at all, and the installed one */
	bool conf;                /* a usable image.conf: what it says is in image */
	struct image image;
	enum hook hook; /* what starts the check, and what it does if the helper fails */
};

/* Reads it. Returns 0, or -errno with *why (static text or strerror). */
int initramfs_read(const char *path, struct initramfs *image, const char **why);
void initramfs_free(struct initramfs *image);

/* What a built image has to hold. */
struct image_want {
	const char *target_text; /* NULL: nothing of ours */
	size_t target_len;
	enum policy on_mismatch;
};

/* Reads an image, and its copy, back by content: target, helper, image.conf, and what starts the check. Returns 0, or -errno
 * with *why as above and *path, which of both it is. */
int initramfs_check(const struct kernel *kernel, const struct image_want *want, const char **path, const char **why);

/* Makes both hold what they must: rebuilds the image if it does not, and copies it. The old one stays under a second name until initramfs_forget(), and whatever fails, the
 * image at its own name is whole. tick, if not NULL, is called every second. Returns 0, or -1 with one line told on stderr. */
int initramfs_rebuild(const struct generator *generator, const struct kernel *kernel, const struct image_want *want,
		      bool verbose, void (*tick)(void *context, unsigned seconds), void *context);

/* Whether an image of before is still kept beside it. */
bool initramfs_kept(const char *image);

/* Puts the old image back, or drops it. Both return 0 or -errno, and 0 where there is none. */
int initramfs_restore(const struct kernel *kernel);
int initramfs_forget(const struct kernel *kernel);

#endif
