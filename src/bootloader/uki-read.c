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
#include "system/boot-count.h"
#include "system/files.h"
#include "system/memstream.h"
#include "system/os-release.h"
#include "system/pe.h"

#define IMAGES "/EFI/Linux"

enum { PROFILES = 64 };

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

/* What its addons' directory is named by: the image without its boot counter (ID+3-0.efi). */
static int plain_name(const char *path, char name[PATH_MAX])
{
	return snprintf(name, PATH_MAX, "%.*s.efi.extra.d", (int)boot_count_stem(path), path) < PATH_MAX ?
		       0 : -ENAMETOOLONG;
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
	int r = plain_name(path, dir);
	if (r == 0)
		r = add_addons(dir, out);
	/* For every image: beside EFI/Linux. */
	const char *mount_end = strstr(path, IMAGES "/");
	snprintf(dir, sizeof(dir), "%.*s/loader/addons", mount_end ? (int)(mount_end - path) : 0, path);
	if (r == 0)
		r = add_addons(dir, out);
	line.failed = line.failed || r < 0;
	return text_close(&line, NULL);
}

/* The profiles behind the first one: the menu has each, and each has a line of its own (systemd-stub(7)). Nobody but
 * who makes the image can change it. */
static int add_profiles(int fd, const struct boot_entry *image, struct boot_entries *entries)
{
	char title[sizeof(image->title)];
	int r = 0;

	for (unsigned n = 1; r == 0 && n < PROFILES; n++) {
		struct boot_entry e = *image;
		char *text = pe_profile_text(fd, n, ".profile");
		char *words = text ? pe_profile_text(fd, n, ".cmdline") : NULL, *id = NULL;
		bool any = text != NULL;
		e.hand_made = true;
		if (os_release_in(text, "TITLE", title, sizeof(title)))
			memcpy(e.title, title, sizeof(e.title));
		if (any && asprintf(&id, "%s@%u", image->id, n) < 0)
			id = NULL;
		e.id = id;
		e.words = any ? whole_line(image->id, words ? words : "") : NULL;
		if (any)
			r = e.id && e.words ? boot_entries_add(entries, &e) : -ENOMEM;
		free(e.words);
		free(id);
		free(words);
		free(text);
		if (!any)
			break;
	}
	return r;
}

/* As what somebody else's entry has of it (NULL: it is an entry itself): that one's name, title, and line if it has
 * one. Returns 0 or -errno; -EBADMSG if it is no such image. */
static int add_as(const char *path, const struct boot_entry *as, struct boot_entries *entries)
{
	struct boot_entry e = as ? *as : (struct boot_entry){ .id = (char *)path };
	off_t offset;
	size_t len;

	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;
	char *words = r == 0 ? pe_text(fd, ".cmdline") : NULL;
	if (r == 0 && !words)
		r = errno == ENOENT ? 0 : -errno; /* it gets its line from the boot loader */
	if (r == 0) {
		e.words = as && as->words[0] ? strdup(as->words) : whole_line(path, words ? words : "");
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
		if (!e.title[0])
			os_release_in(release, "PRETTY_NAME", e.title, sizeof(e.title));
		free(release);
		r = boot_entries_add(entries, &e);
	}
	if (r == 0 && strcmp(e.id, path) == 0)
		r = add_profiles(fd, &e, entries);
	if (fd >= 0)
		close(fd);
	free(words);
	if (!as || e.words != as->words)
		free(e.words);
	return r;
}

static int add(const char *path, struct boot_entries *entries, struct error *error)
{
	int r = add_as(path, NULL, entries);

	return r == 0 ? 0 : error_set(error, r, "%s: %s", path, r == -EBADMSG ?
				      "is no unified kernel image, or cut short" : strerror(-r));
}

/* What is none is one that starts something else. */
static int add_beside(const char *path, struct boot_entries *entries)
{
	char none[] = "";
	struct boot_entry e = { .id = (char *)path, .words = none, .hand_made = true };
	int r = add_as(path, &e, entries);

	if (r == 0 || r == -ENOMEM)
		return r;
	e.facts.program = true;
	return boot_entries_add(entries, &e);
}

int uki_add_started(const char *path, const struct boot_entry *as, struct boot_entries *entries)
{
	return add_as(path, as, entries);
}

static int by_id(const void *a, const void *b)
{
	return strverscmp(((const struct boot_entry *)a)->id, ((const struct boot_entry *)b)->id);
}

/* beside: another kind of entries counts. */
static int read_dir(const char *dir, bool beside, struct boot_entries *entries, struct error *error)
{
	char path[PATH_MAX];
	int r = 0;

	DIR *list = opendir(dir);
	if (!list)
		return errno == ENOENT ? 0 : error_set(error, -errno, "%s: %s", dir, strerror(errno));
	for (const struct dirent *entry; r == 0 && (entry = readdir(list));) {
		if (!is_image(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		r = beside ? error_errno(error, add_beside(path, entries)) : add(path, entries, error);
	}
	closedir(list);
	return r;
}

static int add_all(bool beside, struct boot_entries *entries, struct error *error)
{
	size_t first = entries->count;
	char dir[64];
	int r = 0;

	for (size_t i = 0; esp_places[i] && r == 0; i++) {
		snprintf(dir, sizeof(dir), "%s" IMAGES, esp_places[i]);
		r = esp_first(i, IMAGES + 1) ? read_dir(dir, beside, entries, error) : 0;
	}
	if (r == 0 && entries->count > first)
		qsort(&entries->list[first], entries->count - first, sizeof(*entries->list), by_id);
	return r;
}

int uki_add_beside(struct boot_entries *entries)
{
	return add_all(true, entries, NULL);
}

int uki_read(struct boot_entries *entries, struct error *error)
{
	*entries = (struct boot_entries){ 0 };
	int r = uki_image_dir() ? add_all(false, entries, error) : error_errno(error, -ENOENT);

	if (r < 0)
		boot_entries_free(entries);
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
