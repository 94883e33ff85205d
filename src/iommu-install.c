/* iommu-install: sets the IOMMU mode. So far it has only the part that fills initramfs images.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image-build.h"
#include "modes.h"

static const char usage[] = "usage: iommu-install internal-image ROOT DEST KERNEL\n"
			    "\n"
			    "Called by the dracut module and the initramfs-tools hook: puts the early check into the\n"
			    "image that is being built in DEST for KERNEL, as ROOT/etc/iommu.target demands.\n";

static _Noreturn void bail(const char *what, const char *why)
{
	fprintf(stderr, "iommu-install: %s: %s\n", what, why);
	exit(EXIT_INVALID);
}

static void open_root(struct root *root, const char *dir)
{
	int r = root_init(root, dir);
	if (r < 0)
		bail(dir, strerror(-r));
}

static int internal_image(char **args)
{
	struct root root, dest;

	if (strlen(args[1]) < 2)
		bail(args[1], "an image is never built in the root directory");
	open_root(&root, args[0]);
	open_root(&dest, args[1]);
	return image_build(&root, &dest, args[2]) < 0 ? EXIT_INVALID : 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		puts("iommu-install " VERSION);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc == 5 && strcmp(argv[1], "internal-image") == 0)
		return internal_image(argv + 2);
	fputs(usage, stderr);
	return EXIT_INVALID;
}
