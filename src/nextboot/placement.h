/* Which image each entry reads, and so which files the image of a kernel has to be in.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PLACEMENT_H
#define PLACEMENT_H

#include "bootloader/snapshot.h"
#include "initramfs/kernels.h"
#include "system/edits.h"

/* The entry as it will be with these edits (NULL: as it is), as far as its image goes. Its texts are the loader's. */
struct boot_entry entry_after(const struct backend *backend, const struct edits *edits, const struct boot_entry *entry);

/* Notes by which name the boot loader will read the kernels' images, and where it has copies of them; where its entries
 * can't be read it is /boot/initrd.img-RELEASE, and there are none. Kernels that are not named by their release are
 * those that entries have, once for each image. Returns 0 or -ENOMEM. */
int kernels_place(const struct loader *loader, const struct edits *edits, struct kernels *kernels);

#endif
