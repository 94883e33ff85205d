/* mkinitcpio (Arch Linux and its relatives) as an image generator; see generator.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>

#include "initramfs/generator.h"

/* Presets say how an image is made, in bash, so a script of ours reads them. */
static void command(const struct kernel *kernel, const char *out, const char *argv[8])
{
	const char *const words[] = { "/usr/lib/iommu-verify/mkinitcpio-image", kernel->image, out, NULL };

	memcpy(argv, words, sizeof(words));
}

/* A hook has no say in where it stands, and udev's lets drivers bind: ours is the first, whatever the policy. */
static const char *settings(bool enforcing)
{
	(void)enforcing;
	return "# Written by iommu-install: the check of the IOMMU mode comes before udev.\n"
	       "HOOKS=(iommu-verify $(printf '%s ' \"${HOOKS[@]}\" | sed 's/iommu-verify //g'))\n";
}

static const struct start *const starters[] = { &start_by_early_hook, &start_by_unit, NULL };

static const char *const hooks[] = { "/usr/lib/initcpio/install/iommu-verify", NULL };

const struct generator generator_mkinitcpio = {
	.name = "mkinitcpio",
	.program = "mkinitcpio",
	.hooks = hooks,
	.made = "buildconfig",
	.command = command,
	.starters = starters,
	.config = "/etc/mkinitcpio.conf.d/zz-iommu-verify.conf",
	.settings = settings,
};
