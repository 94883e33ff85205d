/* What GRUB's blscfg does with the entries in loader/entries, and with the variables in them.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef BLS_GRUB_H
#define BLS_GRUB_H

#include <stdbool.h>

#include "base/error.h"
#include "bootloader/grub-script.h"

/* What an entry without options gets, where grub.cfg says so (Red Hat's blscfg). */
#define BLS_DEFAULT_OPTIONS "$default_kernelopts"

/* GRUB gives out memory in blocks of so many bytes: 16 under BIOS, 32 under UEFI. A machine can be started by both. */
enum { BLS_GRUB_BLOCK = 16 };

/* GRUB as it makes its menu of them. */
struct bls_grub {
	struct grub_script script;
	struct grub_variables ours; /* what stands for a part of the line that is ours to change, and nothing else */
};

/* Where GRUB's environment block is. Static text. */
const char *bls_grub_env(void);

/* Returns 0, or -errno with a line in *error. Either way bls_grub_free(). */
int bls_grub_read(struct bls_grub *grub, struct error *error);
void bls_grub_free(struct bls_grub *grub);

/* BLS_DEFAULT_OPTIONS, or "" where that stands for nothing. */
const char *bls_grub_default(const struct bls_grub *grub);

/* Whether $kernelopts is what the environment block has: else it is not ours to change. */
bool bls_grub_has_kernelopts(void);

/* Whether an entry with these options loses its initrd: GRUB 2.14's bls_get_linux() counts one byte too few for the
 * command that it makes of them, which counts where that fills whole blocks. kernelopts is what the
 * environment block is to have as that, NULL: what it has. */
bool bls_grub_breaks(const char *text, const char *options, const char *kernelopts);

#endif
