/* What an initramfs image becomes in memory: its files, as the kernel makes them while it unpacks.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A name is looked up as the kernel does it, through the links that are there by then; the last file of a name wins.
 */
#ifndef ROOTFS_H
#define ROOTFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct rootfs;

/* A file: what all its names share. */
struct rootfs_file {
	mode_t mode;
	const char *data; /* of a regular file, or a link's text; NUL behind it, NULL if it was not kept */
	size_t len;
	unsigned names;
};

/* What an archive says of a member. data is taken over, and freed in the end; NULL where it is not kept. */
struct rootfs_member {
	const char *name;
	mode_t mode;
	unsigned long links, id[3]; /* how many names it says it has; what tells it from others that have several */
	char *data;
	size_t len;
};

/* NULL if there is no memory. It goes when all that it was shared with have freed it. */
struct rootfs *rootfs_new(void);
const struct rootfs *rootfs_share(const struct rootfs *root);
void rootfs_free(const struct rootfs *root);

/* Whether the content of a member is worth to be kept: not of kernel modules, firmware and what is large. */
bool rootfs_keeps(const char *name, unsigned long links, size_t len);

/* Unpacks a member. Returns 0, or -ENOMEM. */
int rootfs_add(struct rootfs *root, struct rootfs_member *member);

/* The end of an archive: names in the next one are no further names of files in this one. */
void rootfs_end_archive(struct rootfs *root);

/* The file of that name, with or without a slash before it; links are followed. NULL if there is none. */
const struct rootfs_file *rootfs_find(const struct rootfs *root, const char *name);

/* The same, but a link at the end is not followed. */
const struct rootfs_file *rootfs_find_link(const struct rootfs *root, const char *name);

/* The name of the entry at index of a directory, in the order of strcmp(); NULL behind the last one. */
const char *rootfs_entry(const struct rootfs *root, const char *directory, size_t index);

#endif
