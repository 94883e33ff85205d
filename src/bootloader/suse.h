/* What openSUSE and SLE write down about their boot loader.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SUSE_H
#define SUSE_H

#include <stdbool.h>

#define SUSE_SYSCONFIG "/etc/sysconfig/bootloader"

/* Whether LOADER_TYPE of /etc/sysconfig/bootloader is that. */
bool suse_loader_is(const char *type);

/* Whether its entries are sdbootutil's, which takes one of its two loaders by itself where nothing is said. Then
 * kernels and images are on the EFI system partition, and none has to be in /boot. */
bool suse_has_sdbootutil(void);

#endif
