/* Every file that a change writes, looked at before the first one is: whose it is, and what is there.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef WRITTEN_H
#define WRITTEN_H

#include "bootloader/backend.h"
#include "initramfs/inspect.h"
#include "system/edits.h"

/* What one change writes. */
struct written {
	const struct edits *edits;
	const struct kernels *kernels; /* their images; NULL: none is made */
	const struct backend *backend; /* its entries are made anew; NULL: they are not */
};

/* Refuses a link that must not be followed (LINK_UNSAFE), a file that can't be replaced (BOOT_READONLY) and a file
 * system that is not mounted (NOT_MOUNTED). Returns 0, or an exit code having said why. */
int written_check(const struct written *written);

/* The part of it that can be asked before anything is read of what may not be mounted: each file's file system. */
int written_mounted(const struct edits *edits);

#endif
