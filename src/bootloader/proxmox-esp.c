/* EFI system partitions that are not mounted; see proxmox-esp.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/proxmox-esp.h"

#include <ctype.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/paths.h"
#include "system/chroot.h"
#include "system/files.h"

#define PLACE RUN_DIR "/esp"
#define FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

enum { ESPS_MAX = 64 };

static struct esp esps[ESPS_MAX];
static int count; /* of those that are mounted; 0: none is yet */
static bool writable;

/* --- The list ----------------------------------------------------------------------------------------------------- */

/* What the tool passes over too. */
static bool is_nothing(const char *line)
{
	return line[0] == '\n' || line[0] == '#';
}

bool esp_listed(void)
{
	char *text = file_read(ESP_LIST, NULL);
	bool any = !text && errno != ENOENT && errno != ENOTDIR;

	for (const char *line = text; line && *line && !any; line += strcspn(line, "\n"), line += *line == '\n')
		any = !is_nothing(line);
	free(text);
	return any;
}

/* As udev names them; nothing else becomes part of a path. */
static bool is_uuid(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (i == 4 ? word[i] != '-' : !isxdigit((unsigned char)word[i]))
			return false;
	return len == 9;
}

static bool is_known(const char *uuid, int n)
{
	for (int i = 0; i < n; i++)
		if (strncmp(esps[i].uuid, uuid, 9) == 0)
			return true;
	return false;
}

static int parse(const char *text, size_t whole, struct error *error)
{
	unsigned number = 1;
	int n = 0;

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n', number++) {
		size_t len = strcspn(line, "\n");
		if (line[len] == '\0' && strlen(text) != whole)
			return error_set(error, -EBADMSG,
					 ESP_LIST
					 ":%u: a NUL byte; 'proxmox-boot-tool init PARTITION' makes the list anew",
					 number);
		if (is_nothing(line))
			continue;
		if (!is_uuid(line, len))
			return error_set(error, -EBADMSG,
					 ESP_LIST
					 ":%u: no UUID of a FAT file system (XXXX-XXXX); mend that line or take it "
					 "away",
					 number);
		if (line[len] == '\0')
			return error_set(error, -EBADMSG,
					 ESP_LIST ":%u: without a line end proxmox-boot-tool passes over %s; add one",
					 number, line);
		if (is_known(line, n))
			continue;
		if (n == ESPS_MAX)
			return error_set(error, -E2BIG, ESP_LIST ":%u: more than %d partitions", number, ESPS_MAX);
		snprintf(esps[n].uuid, sizeof(esps[n].uuid), "%.9s", line);
		snprintf(esps[n].dir, sizeof(esps[n].dir), PLACE "/%.9s", line);
		n++;
	}
	return n;
}

static int read_list(struct error *error)
{
	size_t len = 0;

	char *text = file_read(ESP_LIST, &len);
	if (!text)
		return error_set(error, -errno, ESP_LIST ": %s", strerror(errno));
	int n = parse(text, len, error);
	free(text);
	return n != 0 ? n : error_set(error, -ENOENT, ESP_LIST ": no partition in it");
}

/* --- Mounting ----------------------------------------------------------------------------------------------------- */

/* A place that is nobody else's, with a directory for each, and no other file: what is not mounted can't be written
 * to. */
static int make_place(int n)
{
	if (unshare(CLONE_NEWNS) < 0)
		return -errno;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	if ((mkdir(RUN_DIR, 0755) < 0 && errno != EEXIST) || (mkdir(PLACE, 0700) < 0 && errno != EEXIST))
		return -errno;
	if (mount("tmpfs", PLACE, "tmpfs", FLAGS, "mode=700") < 0 || mount(NULL, PLACE, NULL, MS_PRIVATE, NULL) < 0)
		return -errno;
	for (int i = 0; i < n; i++)
		if (mkdir(esps[i].dir, 0700) < 0)
			return -errno;
	return mount(NULL, PLACE, NULL, MS_REMOUNT | MS_RDONLY | FLAGS, NULL) < 0 ? -errno : 0;
}

static int mount_type(const char *device, const char *dir, const char *type, bool write)
{
	if (mount(device, dir, type, FLAGS | (write ? 0 : MS_RDONLY), NULL) == 0)
		return 0;
	/* Somebody else has it mounted to write to it. */
	if (errno != EBUSY || write || mount(device, dir, type, FLAGS, NULL) < 0)
		return -errno;
	return mount(NULL, dir, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | FLAGS, NULL) < 0 ? -errno : 0;
}

/* FAT; if it is not that, whatever this kernel can read, as the tool leaves it to mount(8). */
static int mount_any(const char *device, const char *dir, bool write)
{
	char line[64], type[60];
	bool mounted = false;

	int r = mount_type(device, dir, "vfat", write);
	FILE *types = r == -EINVAL || r == -ENODEV ? fopen("/proc/filesystems", "re") : NULL;
	while (types && !mounted && fgets(line, sizeof(line), types)) /* "nodev\tsysfs", "\text4" */
		mounted =
			line[0] == '\t' && sscanf(line, "%59s", type) == 1 && mount_type(device, dir, type, write) == 0;
	if (types)
		fclose(types);
	return mounted ? 0 : r;
}

static int mount_one(const struct esp *esp, bool write, struct error *error)
{
	char device[64];

	snprintf(device, sizeof(device), "/dev/disk/by-uuid/%.9s", esp->uuid);
	if (access(device, F_OK) < 0)
		return error_set(error, -ENODEV,
				 ESP_LIST
				 ": %s is on no disk that is there; put its disk back in, or take it off the list with "
				 "'proxmox-boot-tool clean'",
				 esp->uuid);
	int r = mount_any(device, esp->dir, write);
	if (r == 0)
		return 0;
	return error_set(error, r,
			 ESP_LIST
			 ": %s can't be mounted%s (%s); mend that partition, or take that line out",
			 esp->uuid, write ? " to write to it" : "",
			 r == -EINVAL || r == -ENODEV ? "it is no FAT file system, or a damaged one" : strerror(-r));
}

static void unmount(int n)
{
	while (n-- > 0)
		umount2(esps[n].dir, 0);
}

static int mount_all(bool write, struct error *error)
{
	static bool placed;
	int r = 0, i;

	int n = read_list(error);
	if (n < 0)
		return n;
	if (tree_adrift())
		return error_set(error, -ENOTSUP,
				 ESP_LIST
				 ": the partitions it lists are looked for only where the tree is on a disk of its "
				 "own");
	if (!placed) {
		r = make_place(n);
		if (r < 0)
			return error_set(error, r == -EPERM ? -EACCES : r, PLACE ": %s", strerror(-r));
		placed = true;
	}
	for (i = 0; i < n && r == 0; i++)
		r = mount_one(&esps[i], write, error);
	if (r < 0) {
		unmount(i - 1);
		return r;
	}
	writable = write;
	return count = n;
}

static int done(int n, const struct esp **list)
{
	*list = n < 0 ? NULL : esps;
	return n;
}

int esp_mount(const struct esp **list, struct error *error)
{
	return done(count ? count : mount_all(false, error), list);
}

int esp_mount_writable(const struct esp **list, struct error *error)
{
	if (count && !writable) {
		unmount(count);
		count = 0;
	}
	return done(count ? count : mount_all(true, error), list);
}
