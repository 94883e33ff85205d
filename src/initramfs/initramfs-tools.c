/* initramfs-tools as an image generator; see generator.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <string.h>
#include <unistd.h>

#include "initramfs/generator.h"

static void command(const struct kernel *kernel, const char *out, const char *argv[8])
{
	/* -u does nothing, and calls it success, where there is no image yet. */
	const char *update = access(kernel->image, F_OK) == 0 ? "-u" : "-c";
	const char *const words[] = { "update-initramfs", update, "-k", kernel->release, NULL };

	(void)out;
	memcpy(argv, words, sizeof(words));
}

static const struct start *const starters[] = { &start_by_order, NULL };

/* Its backup too, which else is the administrator's (update-initramfs.conf(5), backup_initramfs). */
static const char *const leaves[] = { ".new", ".dpkg-bak", NULL };

static const char *const hooks[] = { "/usr/share/initramfs-tools/hooks/iommu-verify",
				     "/usr/share/initramfs-tools/scripts/init-top/iommu-verify", NULL };

const struct generator generator_initramfs_tools = {
	.name = "initramfs-tools",
	.program = "update-initramfs",
	.sign = "/usr/share/initramfs-tools/hook-functions", /* sid's dracut has an update-initramfs too */
	.hooks = hooks,
	.made = "conf/arch.conf",
	.command = command,
	.starters = starters,
	.in_place = true,
	.leaves = leaves,
};
