/* Boot loader back end: systemd-boot with type 1 entries, those of kernel-install and those written by hand.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * We write the entries ourselves, one rename each, and /etc/kernel/cmdline for kernels to come; kernel-install
 * writes an entry and its image in place, with moments in between that have neither.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "bootloader/backend.h"
#include "bootloader/bls-entries.h"
#include "bootloader/bls-entry.h"
#include "bootloader/esp-places.h"
#include "bootloader/kernel-cmdline.h"
#include "bootloader/owner-facts.h"
#include "bootloader/uki-read.h"
#include "model/cmdline-words.h"
#include "system/files.h"
#include "system/refuse.h"

#define ENTRIES "loader/entries"

static bool has(const char *dir, const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return access(path, F_OK) == 0;
}

static bool has_loader(const char *dir)
{
	return has(dir, "EFI/systemd/systemd-bootx64.efi") || has(dir, "EFI/systemd/systemd-bootia32.efi");
}

/* Where the last reading has found entries, or NULL. */
static const char *found_in;

static int detect(bool installed, const char **what)
{
	bool here = false;

	(void)installed;
	*what = ESP_PLACES " with systemd-boot and loader/entries";
	for (size_t i = 0; esp_places[i] && !here; i++)
		here = has_loader(esp_places[i]);
	return here ? 0 : -ENOENT;
}

/* Where own ones are is where changes are told of. */
static int read_place(const char *place, struct boot_entries *entries, struct error *error)
{
	size_t first = entries->count;
	bool own = boot_entries_own(entries);
	int r = bls_read_entries(place, entries, error);

	if (r < 0 || (entries->count > first && !found_in) || (boot_entries_own(entries) && !own))
		found_in = place;
	return r;
}

/* In the loader's own file system and in the extended boot partition's; where neither has one, wherever they are. */
static int read_entries(struct boot_entries *entries, struct error *error)
{
	const char *what, *loader = NULL;

	*entries = (struct boot_entries){ 0 };
	found_in = NULL;
	int r = error_errno(error, detect(true, &what));
	for (size_t i = 0; esp_places[i] && !loader; i++)
		loader = has_loader(esp_places[i]) ? esp_places[i] : NULL;
	if (r == 0)
		r = read_place(loader, entries, error);
	for (size_t i = 0; esp_places[i] && r == 0; i++)
		if (esp_places[i] != loader && esp_first(i, ENTRIES) && (esp_extended(esp_places[i]) || !found_in))
			r = read_place(esp_places[i], entries, error);
	if (r < 0)
		return r;
	r = error_errno(error, uki_add_beside(entries));
	owner_decide(entries);
	bls_find_default(loader, entries, 0);
	return r;
}

/* What kernel-install makes has a directory of its own for each kernel. */
static bool is_tools(const struct boot_entry *e)
{
	char needle[80];

	snprintf(needle, sizeof(needle), "/%s/", e->release);
	return e->release[0] && strstr(e->image, needle);
}

/* Without what kernel-install adds by itself; owned by the caller. NULL if there is none. */
static char *seed(const struct boot_entries *entries, const struct mode_words *wish)
{
	char *line = cmdline_seed(entries, wish, true, is_tools);
	char *most = line ? line_without(line, "systemd.machine_id=") : NULL;

	free(line);
	return most;
}

static int edit(const struct mode_words *wish, struct snapshot *snapshot, struct edits *edits)
{
	char path[256];
	int r = edits_check_link(KERNEL_CMDLINE); /* to nothing, it is not "not there" */

	if (r < 0)
		return r;
	char *line = seed(&snapshot_of(snapshot, &backend_systemd_boot)->entries, wish);
	if (access(KERNEL_CMDLINE, F_OK) == 0 || (line && run_find("kernel-install", path, sizeof(path))))
		r = bls_edit_cmdline(line ? line : "", wish, edits);
	free(line);
	return r < 0 ? r : bls_edit(&backend_systemd_boot, snapshot, true, wish, edits);
}

static int apply(struct snapshot *snapshot, const char *words, bool flush, bool verbose)
{
	(void)verbose;
	return bls_apply(&backend_systemd_boot, snapshot, true, words, flush);
}

/* loader.conf(5): "editor no". */
static enum way_back way_back(void)
{
	char *text = NULL, path[64], word[8];
	enum way_back way = WAY_MENU;

	for (size_t i = 0; esp_places[i] && !text; i++) {
		snprintf(path, sizeof(path), "%s/loader/loader.conf", esp_places[i]);
		text = file_read(path, NULL);
	}
	for (const char *line = text; line && *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (sscanf(line, " editor%*[ \t]%7[a-z0-9]", word) == 1)
			way = cmdline_bool(word, 0) == 0 ? WAY_LOCKED : WAY_MENU;
	free(text);
	return way;
}

static const char *location(void)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/loader/entries", found_in ? found_in : "");
	return found_in ? path : "the EFI system partition";
}

static const char *const watched[] = { "/etc/kernel", NULL };

/* kernel-install(8) writes entries and images in place: that is done by us, whole. */
static const char *const environment[] = { "KERNEL_INSTALL_BYPASS=1", NULL };

const struct backend backend_systemd_boot = {
	.name = "systemd-boot",
	.program = "systemd-boot",
	.family = FAMILY_SYSTEMD,
	.detect = detect,
	.read = read_entries,
	.edit = edit,
	.apply = apply,
	.rehearse = read_entries,
	.way_back = way_back,
	.location = location,
	.watched = watched,
	.environment = environment,
	.by_entries = true,
	.config_file = KERNEL_CMDLINE,
};
