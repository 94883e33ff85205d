/* Where the EFI system partition is mounted; see esp-places.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/esp-places.h"

#include <stdio.h>
#include <sys/stat.h>

const char *const esp_places[] = { "/efi", "/boot", "/boot/efi", NULL };

static bool look(size_t i, const char *dir, struct stat *st)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", esp_places[i], dir);
	return stat(path, st) == 0;
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
