/* Boot loader back end: openSUSE's systemd-boot or grub2-bls, whose entries sdbootutil makes: one for each kernel,
 * and of each for every snapshot of the root file system.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Kernels and images are in TOKEN/RELEASE/ of the EFI system partition, images as initrd-SHA1, and entries of other
 * snapshots share them. So an image that is there is never changed: for each set of words there is one of a name of
 * its own, and an entry gets that name and the words by one rename. The entries of other snapshots keep line and
 * image, which belong together; they are listed and not ours. sdbootutil copies our name to the entry of a new
 * snapshot, and makes an image by its own name, with the check and the target in it, when it makes one.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "bootloader/backend.h"
#include "bootloader/bls-entries.h"
#include "bootloader/bls-entry.h"
#include "bootloader/cmdline-edit.h"
#include "bootloader/esp-places.h"
#include "bootloader/kernel-cmdline.h"
#include "bootloader/owner-facts.h"
#include "bootloader/suse.h"
#include "model/cmdline-words.h"
#include "system/files.h"
#include "system/message.h"

#define PREFIX "initrd-iommu-"
#define ENTRIES "loader/entries"

/* Where the last reading has found entries, of this system if there are any, or NULL. */
static const char *found_in;

static int detect(bool installed, const char **what)
{
	char path[256];

	(void)installed;
	*what = SUSE_SYSCONFIG " with LOADER_TYPE=systemd-boot or grub2-bls, or none";
	if (!suse_has_sdbootutil())
		return -ENOENT;
	*what = "sdbootutil";
	if (!run_find("sdbootutil", path, sizeof(path)))
		return -ENOENT;
	*what = ESP_PLACES " with " ENTRIES;
	return 0;
}

/* GRUB reads an entry's first options line, systemd-boot all of them. */
static bool all_lines(void)
{
	return !suse_loader_is("grub2-bls");
}

/* --- Reading ------------------------------------------------------------------------------------------------------ */

/* A subvolume without the slash that it may begin with. */
static const char *subvolume(const char *name)
{
	return name + (*name == '/');
}

/* The subvolume that is /, as proc(5)'s mountinfo has it; "" if / is none, or no mount. */
static const char *root_subvolume(void)
{
	static char found[256];
	char line[1024], root[256], point[256];

	found[0] = '\0';
	FILE *file = fopen("/proc/self/mountinfo", "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %*s %*s %255s %255s", root, point) == 2 && strcmp(point, "/") == 0)
			snprintf(found, sizeof(found), "%s", subvolume(root));
	if (file)
		fclose(file);
	return found;
}

/* Whether the line makes / what it is now: the same snapshot, or none where there are none. */
static bool same_root(const char *line)
{
	char word[512], *name = NULL;

	while (cmdline_word(&line, word, sizeof(word))) {
		name = strncmp(word, "rootflags=", 10) == 0 ? strstr(word, "subvol=") : NULL;
		if (!name)
			continue;
		name += strlen("subvol=");
		name[strcspn(name, ",")] = '\0';
		return strcmp(subvolume(name), root_subvolume()) == 0;
	}
	return true;
}

static int add(const char *dir, const struct bls_entry *from, struct boot_entries *entries)
{
	struct boot_entry e = { .id = from->path, .words = from->line, .text = from->text };
	char kernel[200], value[200], path[256];
	const char *text = from->text;

	if (!bls_value(from->text, "linux", kernel, sizeof(kernel)))
		return bls_add_program(from, entries);
	bls_value(from->text, "title", e.title, sizeof(e.title));
	/* SNAPSHOT@RELEASE, or RELEASE alone. */
	if (bls_value(from->text, "version", value, sizeof(value))) {
		const char *at = strchr(value, '@');
		snprintf(e.release, sizeof(e.release), "%.64s", at ? at + 1 : value);
	}
	while (bls_next(&text, "initrd", value, sizeof(value))) {
		snprintf(e.image, sizeof(e.image), "%s/%s", dir, value + (value[0] == '/'));
		e.missing = e.missing || access(e.image, F_OK) < 0;
	}
	/* What its entries say is theirs: one of a kernel that was removed is taken away by its cleanup. */
	snprintf(path, sizeof(path), "%s/%s", dir, kernel + (kernel[0] == '/'));
	e.facts.lost = access(path, F_OK) < 0;
	if (!same_root(from->line))
		e.facts.root = PRESENCE_NO;
	return boot_entries_add(entries, &e);
}

static int read_in(const char *dir, struct boot_entries *entries, struct error *error)
{
	struct bls_entries found;
	char path[128];

	snprintf(path, sizeof(path), "%s/" ENTRIES, dir);
	int r = bls_read(path, all_lines(), &found, error);
	for (size_t i = 0; r == 0 && i < found.count; i++)
		r = error_errno(error, add(dir, &found.list[i], entries));
	if (r == 0)
		r = error_errno(error, seen_move(&entries->seen, &found.seen));
	bls_free(&found);
	if (r < 0)
		boot_entries_free(entries);
	owner_decide(entries);
	return r;
}

static int read_place(const char *place, struct boot_entries *entries, struct error *error)
{
	size_t first = entries->count;
	bool own = boot_entries_own(entries);
	int r = read_in(place, entries, error);

	if (r < 0 || (entries->count > first && !found_in) || (boot_entries_own(entries) && !own))
		found_in = place;
	return r;
}

/* On every file system of its own; where those have none of this system's, wherever they are. */
static int read_entries(struct boot_entries *entries, struct error *error)
{
	int r = 0;

	*entries = (struct boot_entries){ 0 };
	found_in = NULL;
	for (int apart = 1; apart >= 0; apart--)
		for (size_t i = 0; esp_places[i] && r >= 0; i++)
			if (esp_first(i, ENTRIES) && esp_extended(esp_places[i]) == apart &&
			    (apart || !boot_entries_own(entries)))
				r = read_place(esp_places[i], entries, error);
	return r;
}

/* How long the place is that the entry is in, whose paths begin there. */
static size_t place_of(const struct boot_entry *e)
{
	const char *end = strstr(e->id, "/" ENTRIES "/");

	return end ? (size_t)(end - e->id) : 0;
}

/* --- Writing ------------------------------------------------------------------------------------------------------ */

/* The name of the image for these words, beside the one that the entry has. (FNV-1a: names have to differ, no more.) */
static void name_image(const char *image, const char *words, char path[256])
{
	const char *slash = strrchr(image, '/');
	uint64_t hash = 0xcbf29ce484222325;

	for (; *words; words++)
		hash = (hash ^ (unsigned char)*words) * 0x100000001b3;
	snprintf(path, 256, "%.*s/" PREFIX "%016llx", (int)(slash - image), image, (unsigned long long)hash);
}

static int edit_entry(const struct boot_entry *e, const struct mode_words *wish, struct edits *edits)
{
	const char *words = wish->words ? wish->words : "";
	char path[256], *after = bls_with_words(e->text, all_lines(), e->whole, words, wish->flush);

	/* Without words only an image that has to be made anew is another one. */
	if (after && wish->images && e->image[0] && (wish->words || initramfs_holds_check(e->image))) {
		name_image(e->image, words, path);
		char *named = bls_with_value(after, "initrd", path + place_of(e));
		free(after);
		after = named;
	}
	int r = after ? edits_add_read(edits, ROLE_ENTRY, e->id, e->text, after) : no_memory();
	free(after);
	return r;
}

/* Without what sdbootutil puts there by itself; owned by the caller, NULL if there is none. */
static char *seed(const struct boot_entries *entries, const struct mode_words *wish)
{
	char *line = cmdline_seed(entries, wish, all_lines(), NULL);
	char *most = line ? line_without(line, "systemd.machine_id=") : NULL;
	char *rest = most ? line_without(most, "rootflags=subvol=") : NULL;

	free(line);
	free(most);
	return rest;
}

/* sdbootutil drops a last line that has no end. */
static int end_line(struct edit *e)
{
	size_t len = e->after ? strlen(e->after) : 0;
	char *whole = NULL;

	if (len == 0 || e->after[len - 1] == '\n')
		return 0;
	if (asprintf(&whole, "%s\n", e->after) < 0)
		return no_memory();
	free(e->after);
	e->after = whole;
	return 0;
}

/* What sdbootutil puts behind /etc/kernel/cmdline. */
static int edit_dropins(const struct mode_words *wish, struct edits *edits)
{
	static const char place[] = KERNEL_CMDLINE ".d";
	char path[300];
	int r = 0;

	DIR *list = opendir(place);
	for (const struct dirent *entry; list && r == 0 && (entry = readdir(list));) {
		if (entry->d_name[0] == '.' || strchr(entry->d_name, '\n'))
			continue;
		snprintf(path, sizeof(path), "%s/%s", place, entry->d_name);
		r = bls_edit_others(path, wish, edits);
	}
	if (list)
		closedir(list);
	return r;
}

/* The first line of a drop-in that brings what contradicts words. */
static bool contradicts(const char *path, const char *words, bool flush, char **parameters, char **origin)
{
	char *text = file_read(path, NULL);
	unsigned number = 0;

	for (char *next = text, *line; (line = strsep(&next, "\n")) && !*parameters;) {
		number++;
		char *removed = NULL, *rest = line[0] != '#' ? words_apply(line, "", flush, &removed) : NULL;
		if (rest && removed[0] && !words_among(removed, words) &&
		    asprintf(origin, "%s:%u, which sdbootutil puts behind " KERNEL_CMDLINE, path, number) >= 0)
			*parameters = removed;
		else
			free(removed);
		free(rest);
	}
	free(text);
	return *parameters != NULL;
}

/* The distribution's drop-ins are not ours to edit; one of the same name in /etc takes its place. */
static bool vendor_overrides(const char *words, bool flush, char **parameters, char **origin)
{
	static const char place[] = "/usr/kernel/cmdline.d";
	char path[300], mask[300];
	bool found = false;

	*parameters = *origin = NULL;
	DIR *list = opendir(place);
	for (const struct dirent *entry; list && !found && (entry = readdir(list));) {
		snprintf(path, sizeof(path), "%s/%s", place, entry->d_name);
		snprintf(mask, sizeof(mask), KERNEL_CMDLINE ".d/%s", entry->d_name);
		found = entry->d_name[0] != '.' && access(mask, F_OK) < 0 &&
			contradicts(path, words, flush, parameters, origin);
	}
	if (list)
		closedir(list);
	return found;
}

static int edit(const struct mode_words *wish, struct snapshot *snapshot, struct edits *edits)
{
	const struct boot_entries *entries = snapshot_entries(snapshot, &backend_sdbootutil);
	size_t first = edits->count;

	if (!entries)
		return -1;
	char *line = seed(entries, wish);
	int r = bls_edit_cmdline(line ? line : "", wish, edits);
	if (r == 0)
		r = edit_dropins(wish, edits);
	for (size_t i = first; i < edits->count && r == 0; i++)
		r = end_line(&edits->list[i]);
	for (size_t i = 0; i < entries->count && r == 0; i++)
		if (entries->list[i].own)
			r = edit_entry(&entries->list[i], wish, edits);
	free(line);
	return r;
}

static int apply(struct snapshot *snapshot, const char *words, bool flush, bool verbose)
{
	(void)verbose;
	return bls_apply(&backend_sdbootutil, snapshot, all_lines(), words, flush);
}

static void image_after(const struct edits *edits, struct boot_entry *e)
{
	char value[200];

	for (size_t i = 0; i < edits->count; i++) {
		const struct edit *edit = &edits->list[i];
		if (edit->role != ROLE_ENTRY || !edit->after || strcmp(edit->path, e->id) != 0 ||
		    !bls_value(edit->after, "initrd", value, sizeof(value)))
			continue;
		snprintf(e->image, sizeof(e->image), "%.*s/%s", (int)place_of(e), e->id, value + (value[0] == '/'));
		e->missing = false; /* or it is to be made */
	}
}

static const char *location(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/" ENTRIES, found_in ? found_in : esp_places[0]);
	return path;
}

/* --- Images that nothing starts with any more --------------------------------------------------------------------- */

static bool needed(const struct boot_entries *entries, const char *path)
{
	for (size_t i = 0; i < entries->count; i++)
		if (strcmp(entries->list[i].image, path) == 0)
			return true;
	return false;
}

static int sweep_dir(const char *dir, const struct boot_entries *entries)
{
	char path[600];
	int left = 0;

	DIR *list = opendir(dir);
	for (const struct dirent *entry; list && (entry = readdir(list));) {
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		int r = needed(entries, path) ? 0 : file_remove(path);
		if (r < 0)
			left = fail("%s: no boot entry needs it, and it can't be removed: %s", path, file_error(r));
	}
	if (list)
		closedir(list);
	return left ? -1 : 0;
}

static int collect_garbage(struct snapshot *snapshot)
{
	const struct boot_entries *entries = &snapshot_of(snapshot, &backend_sdbootutil)->entries;
	char dir[256];
	int r = 0;

	for (size_t i = 0; i < entries->count; i++) {
		const struct boot_entry *e = &entries->list[i];
		const char *slash = strrchr(e->image, '/');

		snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - e->image) : 0, e->image);
		if (e->own && slash && sweep_dir(dir, entries) < 0)
			r = -1;
	}
	return r;
}

static const char *const watched[] = { "/etc/kernel", NULL };

const struct backend backend_sdbootutil = {
	.name = "sdbootutil",
	.program = "openSUSE's systemd-boot or grub2-bls",
	.family = FAMILY_UNKNOWN, /* either */
	.detect = detect,
	.read = read_entries,
	.edit = edit,
	.apply = apply,
	.rehearse = read_entries,
	.location = location,
	.watched = watched,
	.by_entries = true,
	.overridden = vendor_overrides,
	.image_after = image_after,
	.collect_garbage = collect_garbage,
	.supersedes = &backend_systemd_boot,
	.config_file = KERNEL_CMDLINE,
};
