/* Installed kernels, and the initramfs images that their boot entries have.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef KERNELS_H
#define KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct kernel {
	char release[65];
	char image[256];  /* its initramfs, /boot/initrd.img-RELEASE unless a boot entry says otherwise */
	/* Makes one of placed from image; returns 0, or -1 with one line told. NULL: it is a copy. */
	int (*place)(const struct kernel *kernel, const char *placed, bool verbose);
	char (*placed)[256]; /* the copies of it that the boot loader reads instead; owned, NULL if it reads that */
	size_t places;
	char under[256]; /* another image with the check in it, which is unpacked before placed; "" if there is none */
};

struct kernels {
	struct kernel *list; /* owned; kernels_free() */
	size_t count;
};

/* Lists /boot/vmlinuz-* and /lib/modules/RELEASE/vmlinuz, sorted. Returns 0, or -errno and none. */
int kernels_list(struct kernels *kernels);

/* Adds one with that image. Returns 0 or -ENOMEM. */
int kernels_add(struct kernels *kernels, const char *release, const char *image);

/* Notes another copy of its image, which may be known already. Returns 0 or -ENOMEM. */
int kernel_placed(struct kernel *kernel, const char *path);

/* The release of the kernel at path: what follows "vmlinuz-" in its name, unless that has no modules and what its
 * header says has (vmlinuz-linux). Source: "The Linux/x86 Boot Protocol", kernel_version. */
void kernel_release(const char *path, char release[65]);

/* The release in the header of the kernel at path. False if that is no kernel. */
bool kernel_built(const char *path, char release[65]);

/* The same of the kernel that begins there in fd. */
bool kernel_header(int fd, off_t offset, char release[65]);

/* Whether the kernel of that release has modules, and a name that tells its release. */
bool kernel_has_modules(const char *release);
bool kernel_is_named(const char *release);
void kernels_free(struct kernels *kernels);

#endif
