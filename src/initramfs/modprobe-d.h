/* What a root's modprobe.d says of the vfio modules.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef MODPROBE_D_H
#define MODPROBE_D_H

#include <stdbool.h>

#include "base/root.h"
#include "initramfs/image-files.h"

/* Adds those lines to what belongs into an image: options, install, blacklist and alias lines of vfio, vfio_iommu_type1
 * and iommufd, each under its file's own name. With install_ignored install lines of vfio become comments: modprobe
 * passes over them for a reason that the image does not hold (params_presence()). Returns 0 or -errno, having said on
 * standard error what failed. */
int modprobe_filter(const struct root *root, bool install_ignored, struct image_files *files);

/* Calls visit() for each of them in the order in which libkmod reads them, the last one winning
 * (libkmod/libkmod-config.c:kmod_config_new()): files by base name, the first directory's of each. line counts from 1.
 * Returns 0, or -errno where memory or descriptors have run out. */
int modprobe_walk(const struct root *root,
                  void (*visit)(void *context, const char *path, unsigned line, const char *text), void *context);

#endif
