/* Keys of disks that a TPM gives out only to the same boot: where they are, and what they are bound to.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SEALED_H
#define SEALED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/root.h"
#include "bootloader/backend.h"

/* Bit (1 << PCR) for each register that a change of the kernel command line or the initramfs gives another value. */
unsigned sealed_moved(bool unified);

/* The first key that is bound to one of these registers, or to nobody knows which: where (of size) is its place and
 * names the registers. disks: those of this machine are looked at, not only what files say. False: there is none. */
bool sealed_find(const struct root *root, const struct boot_entries *entries, bool disks, unsigned moved, char *where,
		 size_t size);

#endif
