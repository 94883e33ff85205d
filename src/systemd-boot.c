/* Boot loader back end: systemd-boot with type 1 entries, those of kernel-install and those written by hand.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * We write the entries ourselves, one rename each, and /etc/kernel/cmdline for kernels to come; kernel-install writes an
 * entry and its image in place, with moments in between that have neither.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "blsentry.h"
#include "refuse.h"
#include "run.h"

/* Where the EFI system partition, or the extended boot partition, is mounted (bootctl(1)). */
static const char *const mounts[] = { "/efi", "/boot/efi", "/boot" };

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

/* The file system with the entries: the loader's own one, else (an extended boot partition) another. NULL if the loader is
 * not here, or has no entry. */
static const char *boot_dir(void)
{
	bool loader = false;

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		bool here = has_loader(mounts[i]);
		if (here && bls_any(mounts[i]))
			return mounts[i];
		loader = loader || here;
	}
	for (size_t i = 0; loader && i < sizeof(mounts) / sizeof(mounts[0]); i++)
		if (bls_any(mounts[i]))
			return mounts[i];
	return NULL;
}

static int detect(bool installed, const char **what)
{
	(void)installed;
	*what = "/efi, /boot/efi or /boot with systemd-boot and loader/entries";
	return boot_dir() ? 0 : -ENOENT;
}

static int read_entries(struct boot_entries *entries, char **why)
{
	const char *dir = boot_dir();

	*entries = (struct boot_entries){ 0 };
	*why = NULL;
	return dir ? bls_read_entries(dir, entries, why) : -ENOENT;
}

/* What kernel-install makes has a directory of its own for each kernel: the line of the newest such entry, without what
 * kernel-install adds by itself; owned by the caller. NULL if there is none. */
static char *seed(void)
{
	struct boot_entries entries;
	char *why = NULL, *line = NULL, needle[80];

	if (read_entries(&entries, &why) == 0)
		for (size_t i = entries.count; i-- > 0 && !line;) {
			const struct boot_entry *e = &entries.list[i];
			snprintf(needle, sizeof(needle), "/%s/", e->release);
			if (e->own && e->release[0] && strstr(e->image, needle))
				line = line_without(e->words, "systemd.machine_id=");
		}
	boot_entries_free(&entries);
	free(why);
	return line;
}

static int edit(const struct mode_words *wish, struct edits *edits)
{
	char path[256], *line = seed();
	int r = 0;

	if (access("/etc/kernel/cmdline", F_OK) == 0 || (line && run_find("kernel-install", path, sizeof(path))))
		r = bls_edit_cmdline(line ? line : "", wish, edits);
	free(line);
	return r < 0 ? r : bls_edit(&backend_systemd_boot, true, wish, edits);
}

static int apply(const char *words, bool flush, bool verbose)
{
	(void)verbose;
	return bls_apply(&backend_systemd_boot, true, words, flush);
}

static const char *made(void)
{
	static char path[128];
	const char *dir = boot_dir();

	snprintf(path, sizeof(path), "%s/loader/entries", dir ? dir : "");
	return path;
}

const struct backend backend_systemd_boot = {
	.name = "systemd-boot",
	.program = "systemd-boot",
	.family = FAMILY_SYSTEMD,
	.detect = detect,
	.read = read_entries,
	.edit = edit,
	.apply = apply,
	.made = made,
	.layer = "/etc/kernel/cmdline",
};
