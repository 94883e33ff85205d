/* A tree that is not running: what it lacks, looked at before images are built in it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef TREE_H
#define TREE_H

#include "bootloader/backend.h"
#include "initramfs/generator.h"

/* Whether our package is there, as far as the generator needs it (NULL: images are left to the caller). Returns 0, or
 * an exit code having refused it. */
int tree_check_package(const struct generator *generator);

/* Whether the boot loader's tool makes entries for the device that the tree is on. Returns as above. */
int tree_check_device(const struct backend *backend);

#endif
