/* Unified kernel images, read; see uki-read.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/uki-read.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bootloader/esp-places.h"
#include "bootloader/owner-facts.h"
#include "initramfs/kernels.h"
#include "system/files.h"
#include "system/memstream.h"
#include "system/pe.h"

#define IMAGES "/EFI/Linux"

static bool is_image(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".efi") == 0 && name[0] != '.' && !strchr(name, '\n');
}

static bool has_image(const char *dir)
{
	bool found = false;
	DIR *list = opendir(dir);

	for (const struct dirent *entry; list && !found && (entry = readdir(list));)
		found = is_image(entry->d_name);
	if (list)
		closedir(list);
	return found;
}

const char *uki_image_dir(void)
{
	static char dir[64];

	for (size_t i = 0; esp_places[i]; i++) {
		snprintf(dir, sizeof(dir), "%s" IMAGES, esp_places[i]);
		if (has_image(dir))
			return dir;
	}
	return NULL;
}

const char *uki_location(void)
{
	const char *dir = uki_image_dir();

	return dir ? dir : "/efi" IMAGES;
}

char *uki_section(const char *path, const char *name)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd >= 0 ? pe_text(fd, name) : NULL;

	if (fd >= 0)
		close(fd);
	return text;
}

/* The kernel's release; dracut writes no section for it, so that the kernel itself is asked. */
static void name_release(int fd, char release[65])
{
	char *text = pe_text(fd, ".uname");
	off_t offset;
	size_t len;

	release[0] = '\0';
	if (text)
		snprintf(release, 65, "%.64s", text);
	else if (pe_section(fd, ".linux", &offset, &len) == 0 && !kernel_header(fd, offset, release))
		release[0] = '\0';
	free(text);
}

/* systemd-stub(7) puts what addons say behind an image's own line. */
static int add_addons(const char *dir, FILE *line)
{
	char path[PATH_MAX];
	int r = 0;

	DIR *list = opendir(dir);
	for (const struct dirent *entry; list && r == 0 && (entry = readdir(list));) {
		size_t len = strlen(entry->d_name);
		if (len <= 10 || strcmp(entry->d_name + len - 10, ".addon.efi") != 0)
			continue;
		r = snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) < (int)sizeof(path) ? 0 : -ENAMETOOLONG;
		char *words = r == 0 ? uki_section(path, ".cmdline") : NULL;
		if (words)
			fprintf(line, " %s", words);
		free(words);
	}
	if (list)
		closedir(list);
	return r;
}

/* The whole line that the kernel gets: of the image, and of what is added to it. Owned by the caller, NULL without
 * memory. */
static char *whole_line(const char *path, const char *words)
{
	struct text line;
	char dir[PATH_MAX];

	FILE *out = text_open(&line);
	if (!out)
		return NULL;
	fputs(words, out);
	int r = snprintf(dir, sizeof(dir), "%s.extra.d", path) < (int)sizeof(dir) ? add_addons(dir, out) :
										    -ENAMETOOLONG;
	/* For every image: beside EFI/Linux. */
	const char *mount_end = strstr(path, IMAGES "/");
	snprintf(dir, sizeof(dir), "%.*s/loader/addons", mount_end ? (int)(mount_end - path) : 0, path);
	if (r == 0)
		r = add_addons(dir, out);
	line.failed = line.failed || r < 0;
	return text_close(&line, NULL);
}

static int add(const char *path, struct boot_entries *entries, struct error *error)
{
	struct boot_entry e = { .id = (char *)path };
	off_t offset;
	size_t len;

	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;
	char *words = r == 0 ? pe_text(fd, ".cmdline") : NULL;
	if (r == 0 && !words)
		r = errno == ENOENT ? 0 : -errno; /* it gets its line from the boot loader */
	if (r == 0) {
		e.words = whole_line(path, words ? words : "");
		if (!e.words)
			r = -ENOMEM;
	}
	if (r == 0) {
		name_release(fd, e.release);
		r = pe_section(fd, ".initrd", &offset, &len);
		if (r == 0)
			snprintf(e.image, sizeof(e.image), "%.255s", path);
		r = r == -ENOENT ? 0 : r;
	}
	if (r == 0) {
		char *release = pe_text(fd, ".osrel");
		e.facts.sort_key = owner_of_release(release);
		free(release);
		r = boot_entries_add(entries, &e);
	}
	if (r < 0)
		error_set(error, r, "%s: %s", path,
			  r == -EBADMSG ? "is no unified kernel image, or cut short" : strerror(-r));
	if (fd >= 0)
		close(fd);
	free(e.words);
	free(words);
	return r;
}

static int by_id(const void *a, const void *b)
{
	return strverscmp(((const struct boot_entry *)a)->id, ((const struct boot_entry *)b)->id);
}

int uki_read(struct boot_entries *entries, struct error *error)
{
	const char *dir = uki_image_dir();
	char path[PATH_MAX];
	int r = 0;

	*entries = (struct boot_entries){ 0 };
	DIR *list = dir ? opendir(dir) : NULL;
	if (!list)
		return error_errno(error, dir ? -errno : -ENOENT);
	for (const struct dirent *entry; r == 0 && (entry = readdir(list));) {
		if (!is_image(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		r = add(path, entries, error);
	}
	closedir(list);
	if (r < 0)
		boot_entries_free(entries);
	else if (entries->count)
		qsort(entries->list, entries->count, sizeof(*entries->list), by_id);
	owner_decide(entries);
	return r;
}

bool uki_signed(void)
{
	struct boot_entries entries;
	bool found = false;

	if (uki_read(&entries, NULL) < 0)
		return false;
	for (size_t i = 0; i < entries.count && !found; i++) {
		int fd = entries.list[i].own ? open(entries.list[i].id, O_RDONLY | O_CLOEXEC) : -1;
		found = fd >= 0 && pe_signed(fd);
		if (fd >= 0)
			close(fd);
	}
	boot_entries_free(&entries);
	return found;
}
