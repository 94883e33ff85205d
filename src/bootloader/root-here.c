/* Whether root= is the file system that / is on; see root-here.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/root-here.h"

#include <linux/btrfs.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "model/cmdline-words.h"
#include "system/chroot.h"
#include "system/files.h"

/* The last root= counts; "" if there is none. */
static void root_word(const char *line, char value[256])
{
	char word[512];

	value[0] = '\0';
	while (cmdline_word(&line, word, sizeof(word)))
		if (strncmp(word, "root=", 5) == 0)
			snprintf(value, 256, "%.255s", word + 5);
}

/* The device that a value names, as udev has it; false if it names none. */
static bool device_named(const char *value, char path[300])
{
	static const struct {
		const char *prefix, *dir;
	} names[] = {
		{ "UUID=", "/dev/disk/by-uuid/" },   { "PARTUUID=", "/dev/disk/by-partuuid/" },
		{ "LABEL=", "/dev/disk/by-label/" }, { "PARTLABEL=", "/dev/disk/by-partlabel/" },
		{ "/dev/", "/dev/" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i].prefix);
		if (strncmp(value, names[i].prefix, len) != 0)
			continue;
		snprintf(path, 300, "%s%s", names[i].dir, value + len);
		return true;
	}
	return false;
}

/* A file system of several devices has a number that belongs to none of them. */
static enum presence in_btrfs(dev_t device)
{
	struct btrfs_ioctl_fs_info_args info;
	char link[64], target[256], path[400];

	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool btrfs = fd >= 0 && ioctl(fd, BTRFS_IOC_FS_INFO, &info) == 0;
	if (fd >= 0)
		close(fd);
	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(device), minor(device));
	ssize_t len = btrfs ? readlink(link, target, sizeof(target) - 1) : -1;
	if (len < 0)
		return PRESENCE_UNKNOWN;
	target[len] = '\0';
	const unsigned char *id = info.fsid;
	len = snprintf(path, sizeof(path), "/sys/fs/btrfs/");
	for (int i = 0; i < BTRFS_FSID_SIZE; i++)
		len += snprintf(path + len, sizeof(path) - (size_t)len, "%s%02x",
				i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
	snprintf(path + len, sizeof(path) - (size_t)len, "/devices/%s", file_name(target));
	return access(path, F_OK) == 0 ? PRESENCE_YES : PRESENCE_NO;
}

/* What / is mounted from, where that is a dataset of ZFS: "" else. */
static void dataset(char name[256])
{
	char line[1024], point[256], type[64], source[256];

	name[0] = '\0';
	FILE *list = fopen("/proc/self/mountinfo", "re");
	while (list && fgets(line, sizeof(line), list)) {
		const char *rest = strstr(line, " - ");
		if (rest && sscanf(line, "%*s %*s %*s %*s %255s", point) == 1 && strcmp(point, "/") == 0 &&
		    sscanf(rest, " - %63s %255s", type, source) == 2)
			snprintf(name, 256, "%s", strcmp(type, "zfs") == 0 ? source : "");
	}
	if (list)
		fclose(list);
}

/* A dataset of a pool that is imported is present. */
static enum presence same_dataset(const char *value)
{
	char here[256];

	dataset(here);
	size_t pool = strcspn(here, "/");
	if (!here[0] || strncmp(value, here, pool) != 0 || value[pool] != '/')
		return PRESENCE_UNKNOWN;
	return strcmp(value, here) == 0 ? PRESENCE_YES : PRESENCE_NO;
}

enum presence root_is_here(const char *line)
{
	char value[256], path[300];
	struct stat root, named;

	root_word(line, value);
	if (!value[0] || (tree_dir() && !tree_mounted()))
		return PRESENCE_UNKNOWN;
	if (strncmp(value, "ZFS=", 4) == 0 || strncmp(value, "zfs:", 4) == 0)
		return same_dataset(value + 4);
	if (!device_named(value, path) || stat("/", &root) < 0 || stat(path, &named) < 0 || !S_ISBLK(named.st_mode))
		return PRESENCE_UNKNOWN;
	if (major(root.st_dev) != 0)
		return root.st_dev == named.st_rdev ? PRESENCE_YES : PRESENCE_NO;
	return in_btrfs(named.st_rdev);
}
