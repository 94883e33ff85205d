/* Where the EFI system partition is mounted; see esp-places.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/esp-places.h"

#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "system/chroot.h"

const char *const esp_places[] = { "/efi", "/boot", "/boot/efi", NULL };

static bool look(size_t i, const char *dir, struct stat *st)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", esp_places[i], dir);
	return stat(path, st) == 0;
}

bool esp_extended(const char *place)
{
	char grub[64], grub2[64];
	struct statfs fs;
	struct stat st, root;

	if (statfs(place, &fs) == 0 && fs.f_type == MSDOS_SUPER_MAGIC)
		return true;
	snprintf(grub, sizeof(grub), "%s/grub/grub.cfg", place);
	snprintf(grub2, sizeof(grub2), "%s/grub2/grub.cfg", place);
	if (access(grub, F_OK) == 0 || access(grub2, F_OK) == 0)
		return false;
	return stat(place, &st) == 0 && stat("/", &root) == 0 && (st.st_dev != root.st_dev || tree_adrift());
}

bool esp_first(size_t i, const char *dir)
{
	struct stat here, other;

	if (!look(i, dir, &here))
		return false;
	for (size_t k = 0; k < i; k++)
		if (look(k, dir, &other) && other.st_dev == here.st_dev && other.st_ino == here.st_ino)
			return false;
	return true;
}
