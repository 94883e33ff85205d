/* Says what our reader of images makes of some, as the /init of tools/image-shapes does in a machine.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usage: unpack DIRECTORY NAME... < names of images
 *        unpack --starts IMAGE         what starts the check in it: none, warns or stops, and why no more than that
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "initramfs/inspect.h"
#include "initramfs/unpack.h"

int main(int argc, char **argv)
{
	static const char *const hooks[] = { [HOOK_NONE] = "none", [HOOK_WARNS] = "warns", [HOOK_STOPS] = "stops" };
	char image[256], path[512];

	if (strcmp(argv[1], "--starts") == 0) {
		struct initramfs found;
		if (initramfs_read(argv[2], &found, NULL) < 0)
			return 1;
		printf("%s %s\n", hooks[found.hook], found.why);
		initramfs_free(&found);
		return 0;
	}
	while (scanf("%255s", image) == 1) {
		const struct rootfs *root;
		snprintf(path, sizeof(path), "%s/%s", argv[1], image);
		int r = initramfs_unpack(path, &root, NULL);
		printf("%s", image);
		for (int i = 2; r == 0 && i < argc; i++) {
			const struct rootfs_file *file = rootfs_find(root, argv[i]);
			if (file && S_ISREG(file->mode))
				printf(" %s=%s", argv[i], file->data ? file->data : "?");
		}
		printf(r == -EBADMSG ? " cut\n" : r < 0 ? " %s\n" : "\n", strerror(-r));
		rootfs_free(r == 0 ? root : NULL);
	}
	return 0;
}
