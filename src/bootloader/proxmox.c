/* Boot loader back end: machines whose EFI system partitions proxmox-boot-tool(8) keeps alike, each with kernels and
 * images of its own, and systemd-boot's entries for them or a grub.cfg.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the tool would write is written by us, whole files by one rename each: `proxmox-boot-tool refresh` truncates
 * every kernel, image and entry and writes it in place, and a power cut meanwhile leaves a machine without. It runs
 * for the next kernel, and then finds what it would make: so the words go where it takes them from, too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "base/run.h"
#include "bootloader/backend.h"
#include "bootloader/bls-entries.h"
#include "bootloader/cmdline-edit.h"
#include "bootloader/grub-cfg.h"
#include "bootloader/grub-default.h"
#include "bootloader/grub-mkconfig.h"
#include "bootloader/kernel-cmdline.h"
#include "bootloader/proxmox-esp.h"
#include "system/files.h"
#include "system/message.h"
#include "system/sync-for-boot.h"

static int detect(bool installed, const char **what)
{
	char path[256];

	(void)installed;
	*what = ESP_LIST;
	if (!esp_listed())
		return -ENOENT;
	*what = "proxmox-boot-tool";
	return run_find(*what, path, sizeof(path)) ? 0 : -ENOENT;
}

/* --- One partition ------------------------------------------------------------------------------------------------ */

static bool has(const struct esp *esp, const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", esp->dir, file);
	return access(path, F_OK) == 0;
}

/* By the tool's own rule: GRUB under Secure Boot, and wherever the machine has no UEFI. */
static bool is_grub(const struct esp *esp)
{
	return has(esp, "EFI/proxmox/grubx64.efi") || access("/sys/firmware/efi", F_OK) < 0;
}

static void grub_cfg(const struct esp *esp, char path[64])
{
	snprintf(path, 64, "%s/grub/grub.cfg", esp->dir);
}

/* The tool passes over one that lacks these, and it grows old. */
static int incomplete(const struct esp *esp, struct error *error)
{
	const char *lacks = is_grub(esp)                      ? "grub"
			    : !has(esp, "loader/loader.conf") ? "loader/loader.conf"
							      : "EFI/proxmox";

	if (has(esp, lacks))
		return 0;
	return error_set(error, -ENOENT,
			 "%s/%s: is not there, so proxmox-boot-tool keeps no boot loader on this partition; make it "
			 "with 'proxmox-boot-tool reinit'",
			 esp->dir, lacks);
}

static int read_one(const struct esp *esp, struct boot_entries *entries, struct error *error)
{
	bool grub = is_grub(esp);
	size_t before = entries->count;
	char path[64];

	int r = incomplete(esp, error);
	if (r < 0)
		return r;
	grub_cfg(esp, path);
	r = grub ? grub_add_config(path, esp->dir, entries, error) : bls_read_entries(esp->dir, entries, error);
	if (r == 0 && !grub)
		bls_find_default(esp->dir, entries, before);
	for (size_t i = before; r == 0 && i < entries->count; i++) {
		struct boot_entry *e = &entries->list[i];
		e->family = grub ? FAMILY_GRUB : FAMILY_SYSTEMD;
		/* It is /boot to the tool: not so in a /boot/grub/grub.cfg, unless /boot is a partition too. */
		if (grub)
			snprintf(e->kernel, sizeof(e->kernel), "/vmlinuz-%s", e->release);
	}
	return r;
}

static int read_entries(struct boot_entries *entries, struct error *error)
{
	const struct esp *esps;
	int r = 0;

	*entries = (struct boot_entries){ 0 };
	int n = esp_mount(&esps, error);
	for (int i = 0; i < n && r == 0; i++)
		r = read_one(&esps[i], entries, error);
	if (r < 0)
		boot_entries_free(entries);
	return n < 0 ? n : r;
}

/* --- Editing ------------------------------------------------------------------------------------------------------ */

/* What the tool makes from /etc/kernel/cmdline; others are written by hand. */
static bool is_tools(const struct boot_entry *e)
{
	const char *slash = strrchr(e->id, '/');

	return e->own && e->family == FAMILY_SYSTEMD && slash && strncmp(slash + 1, "proxmox-", 8) == 0;
}

/* What only the tool can mend, as it chooses the kernels. Returns 0, or -1 with one line told. */
static int out_of_step(const struct boot_entries *entries)
{
	char path[96];

	for (size_t i = 0; i < entries->count; i++) {
		const struct boot_entry *e = &entries->list[i];
		if (!is_tools(e) && !(e->own && e->family == FAMILY_GRUB))
			continue;
		snprintf(path, sizeof(path), "/boot/vmlinuz-%s", e->release);
		bool gone = access(path, F_OK) < 0;
		if (!gone && e->image[0] && !e->missing)
			continue;
		fail("%s: %s; 'proxmox-boot-tool refresh' makes the partitions agree with /boot", e->id,
		     gone ? "its kernel is not in /boot, so that its image can't be made anew"
			  : "its image is not there");
		return -1;
	}
	return 0;
}

static bool has_word(const char *line, const char *prefix)
{
	char *without = line_without(line, prefix);
	bool has_it = without && strcmp(without, line) != 0;

	free(without);
	return has_it;
}

static int wrong(const char *what)
{
	fail(KERNEL_CMDLINE ":1: %s", what);
	return -1;
}

/* The first line is what the tool takes, whatever follows. */
static int edit_cmdline(const struct boot_entries *entries, const struct mode_words *wish, struct edits *edits)
{
	char *line = NULL, *new = NULL, *text = NULL;
	size_t len = 0;

	int r = edits_check_link(KERNEL_CMDLINE);
	if (r < 0)
		return r;
	char *old = file_read(KERNEL_CMDLINE, &len);
	if (!old && errno != ENOENT) {
		fail(KERNEL_CMDLINE ": %s", strerror(errno));
		return -1;
	}
	if (!old && !wish->words)
		return 0; /* nothing of ours to take out of it */
	size_t first = old ? strcspn(old, "\r\n") : 0;
	if (old)
		line = strndup(old, first);
	else
		line = cmdline_seed(entries, wish, true, is_tools);
	if (old && strlen(old) != len)
		r = wrong("a NUL byte; this is no kernel command line: mend it");
	else if (!line || !has_word(line, "root="))
		r = wrong("no root= on this line, the one that proxmox-boot-tool reads; mend it");
	if (r == 0) {
		new = words_apply(line, wish->words ? wish->words : "", wish->flush, NULL);
		if (!new || asprintf(&text, "%s%s", new, old ? old + first : "\n") < 0)
			text = NULL;
		r = text ? edits_add(edits, ROLE_SOURCE, KERNEL_CMDLINE, text) : no_memory();
	}
	if (r == 0 && !old)
		r = cmdline_note_made(line, edits);
	if (r == 0 && !wish->words)
		r = cmdline_take_made(edits);
	free(old);
	free(line);
	free(new);
	free(text);
	return r;
}

static int mount_told(const struct esp **esps, bool write)
{
	struct error error;

	int n = write ? esp_mount_writable(esps, &error) : esp_mount(esps, &error);
	if (n < 0)
		fail("%s", error.text);
	return n;
}

static int edit(const struct mode_words *wish, struct snapshot *snapshot, struct edits *edits)
{
	bool efi = access("/sys/firmware/efi", F_OK) == 0, systemd = false, grub = false;
	const struct loader *l = snapshot_of(snapshot, &backend_proxmox);
	const struct esp *esps;
	char path[64];

	int r = l->error.code, n = r == 0 ? mount_told(&esps, false) : 0;
	for (int i = 0; i < n; i++)
		*(is_grub(&esps[i]) ? &grub : &systemd) = true;
	if (r == -EACCES && geteuid() != 0) { /* a dry run: what such a machine mostly has */
		systemd = efi;
		grub = !efi;
		r = 0;
	} else if (r < 0) {
		r = -fail("%s", l->error.text);
	}
	if (r == 0)
		r = out_of_step(&l->entries);
	if (r == 0 && systemd)
		r = edit_cmdline(&l->entries, wish, edits);
	if (r == 0 && systemd && n > 0)
		r = bls_edit(&backend_proxmox, snapshot, true, wish, edits);
	if (r == 0 && grub)
		r = grub_edit_dropin(wish, edits);
	for (int i = 0; i < n && r == 0; i++) {
		grub_cfg(&esps[i], path);
		if (is_grub(&esps[i]))
			r = edits_add(edits, ROLE_MADE, path, NULL);
	}
	return n < 0 ? -1 : r;
}

/* --- Making ------------------------------------------------------------------------------------------------------- */

/* With the partition at /boot, as the tool runs update-grub. */
static int make_grub_cfg(const struct esp *esp, struct snapshot *snapshot, const char *words, bool flush, bool verbose)
{
	if (mount(esp->dir, "/boot", NULL, MS_BIND, NULL) < 0) {
		fail("%s at /boot: %s", esp->dir, strerror(errno));
		return -1;
	}
	int r = backend_grub.apply(snapshot, words, flush, verbose);
	if (umount2("/boot", 0) < 0 && r >= 0) {
		fail("/boot: %s", strerror(errno));
		r = -1;
	}
	if (r < 0)
		fail("%s: its grub.cfg was not made", esp->dir);
	return r;
}

/* The words that the tool puts into entries of kernels to come; owned by the caller, NULL if nothing says. */
static char *configured(void)
{
	char *line = file_read(KERNEL_CMDLINE, NULL), *words = NULL;

	if (line) {
		line[strcspn(line, "\r\n")] = '\0';
		free(words_apply(line, "", true, &words));
	}
	free(line);
	return words;
}

/* Entries that are there are put back from copies; those of kernels that came since are made as the tool would. */
static int apply_configured(struct snapshot *snapshot)
{
	char *words = configured();
	const struct boot_entries *entries = words ? snapshot_entries(snapshot, &backend_proxmox) : NULL;
	int r = words && !entries ? -1 : 0, made = 0;

	for (size_t i = 0; entries && i < entries->count && r >= 0; i++) {
		const struct boot_entry *e = &entries->list[i];
		r = is_tools(e) && !words_right(e->words, words, true) ? bls_put_words(e, true, words, true) : 0;
		made = made || r > 0;
	}
	free(words);
	return r < 0 ? r : made;
}

static int apply(struct snapshot *snapshot, const char *words, bool flush, bool verbose)
{
	const struct esp *esps;

	int n = mount_told(&esps, true);
	if (n < 0)
		return -1;
	int r = words ? bls_apply(&backend_proxmox, snapshot, true, words, flush) : apply_configured(snapshot);
	int made = r > 0;
	for (int i = 0; i < n && r >= 0; i++)
		if (is_grub(&esps[i])) {
			r = make_grub_cfg(&esps[i], snapshot, words, flush, verbose);
			made = 1;
		}
	for (int i = 0; i < n && r >= 0; i++) {
		r = sync_for_boot(esps[i].dir);
		if (r < 0)
			fail("%s: %s", esps[i].dir, strerror(-r));
	}
	return r < 0 ? -1 : made;
}

/* Its grub.cfg is made with the partition at /boot. */
static int rehearse_one(const struct esp *esp, struct boot_entries *entries, struct error *error)
{
	struct boot_entries own = { 0 };

	if (!is_grub(esp))
		return read_one(esp, entries, error);
	if (mount(esp->dir, "/boot", NULL, MS_BIND, NULL) < 0)
		return error_errno(error, -errno);
	int r = grub_rehearse(&own, error);
	for (size_t i = 0; i < own.count && r == 0; i++)
		r = error_errno(error, boot_entries_add(entries, &own.list[i]));
	boot_entries_free(&own);
	return umount2("/boot", 0) < 0 && r == 0 ? error_errno(error, -errno) : r;
}

static int rehearse_all(struct boot_entries *entries, struct error *error)
{
	const struct esp *esps;
	int r = 0;

	*entries = (struct boot_entries){ 0 };
	int n = esp_mount(&esps, error);
	for (int i = 0; i < n && r == 0; i++)
		r = rehearse_one(&esps[i], entries, error);
	if (r < 0)
		boot_entries_free(entries);
	return n < 0 ? n : r;
}

/* Of the partition that the file is on. */
static bool whole(const char *copy, const char *path, const char *words, bool flush)
{
	const struct esp *esps;
	char own[64];

	int n = esp_mount(&esps, NULL);
	for (int i = 0; i < n; i++) {
		grub_cfg(&esps[i], own);
		if (strcmp(own, path) == 0)
			return grub_whole_in(esps[i].dir, copy, path, words, flush);
	}
	return false;
}

static int open_all(void)
{
	const struct esp *esps;

	return mount_told(&esps, true) < 0 ? -1 : 0;
}

static void remove_temporaries(void)
{
	const struct esp *esps;
	char path[64], new[80];

	int n = esp_mount_writable(&esps, NULL);
	for (int i = 0; i < n; i++) {
		grub_cfg(&esps[i], path);
		file_tidy(path);
		snprintf(new, sizeof(new), "%s.iommu", path);
		unlink(new);
		snprintf(new, sizeof(new), "%s.iommu.new", path);
		unlink(new);
	}
}

static const char *location(void)
{
	return "the partitions in " ESP_LIST;
}

static const char *command(void)
{
	const struct esp *esps;
	bool grub = false;

	int n = esp_mount(&esps, NULL);
	for (int i = 0; i < n; i++)
		grub = grub || is_grub(&esps[i]);
	return grub ? "update-grub -o /boot/grub/grub.cfg.iommu, with each partition of " ESP_LIST " at /boot" : NULL;
}

static const char *const watched[] = { GRUB_DEFAULT, GRUB_DROPINS, "/etc/kernel", NULL };

/* The tool writes in place: it is left out where a kernel's hook would call it, and where its partition is at /boot,
 * in a mount namespace of its own. */
static const char *const environment[] = { "INITRAMFS_TOOLS_KERNEL_HOOK=1", "PVE_EFIBOOT_UNSHARED=1", NULL };

const struct backend backend_proxmox = {
	.name = "proxmox",
	.program = "proxmox-boot-tool's boot loader",
	.family = FAMILY_UNKNOWN,
	.detect = detect,
	.read = read_entries,
	.edit = edit,
	.apply = apply,
	.rehearse = rehearse_all,
	.open = open_all,
	.location = location,
	.watched = watched,
	.environment = environment,
	.command = command,
	.remove_temporaries = remove_temporaries,
	.whole = whole,
	.needs_block_device = true,
	.later = "run 'proxmox-boot-tool refresh' there",
};
