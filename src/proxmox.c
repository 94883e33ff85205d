/* Boot loader back end: machines whose EFI system partitions proxmox-boot-tool(8) keeps alike, each with kernels and images of
 * its own, and systemd-boot's entries for them or a grub.cfg.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What the tool would write is written by us, whole files by one rename each: `proxmox-boot-tool refresh` truncates every
 * kernel, image and entry and writes it in place, and a power cut meanwhile leaves a machine without. It runs for the next
 * kernel, and then finds what it would make: so the words go where it takes them from, too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "backend.h"
#include "blsentry.h"
#include "esp.h"
#include "files.h"
#include "freeze.h"
#include "grub.h"
#include "refuse.h"
#include "run.h"
#include "words.h"

#define CMDLINE "/etc/kernel/cmdline"

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

/* --- One partition ------------------------------------------------------------------------------------------------------ */

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
static int incomplete(const struct esp *esp, char **why)
{
	const char *lacks = is_grub(esp) ? "grub" : !has(esp, "loader/loader.conf") ? "loader/loader.conf" : "EFI/proxmox";

	if (has(esp, lacks))
		return 0;
	if (asprintf(why, "%s/%s: is not there, so proxmox-boot-tool keeps no boot loader on this partition; make it with "
		     "'proxmox-boot-tool reinit'", esp->dir, lacks) < 0)
		*why = NULL;
	return -ENOENT;
}

static int read_one(const struct esp *esp, struct boot_entries *entries, char **why)
{
	bool grub = is_grub(esp);
	size_t before = entries->count;
	char path[64];

	int r = incomplete(esp, why);
	if (r < 0)
		return r;
	grub_cfg(esp, path);
	r = grub ? grub_add_config(path, esp->dir, entries, why) : bls_read_entries(esp->dir, entries, why);
	for (size_t i = before; r == 0 && i < entries->count; i++) {
		struct boot_entry *e = &entries->list[i];
		e->family = grub ? FAMILY_GRUB : FAMILY_SYSTEMD;
		if (grub) /* it is /boot to the tool: not so in a /boot/grub/grub.cfg, unless /boot is a partition too */
			snprintf(e->kernel, sizeof(e->kernel), "/vmlinuz-%s", e->release);
	}
	return r;
}

static int read_entries(struct boot_entries *entries, char **why)
{
	const struct esp *esps;
	int r = 0;

	*entries = (struct boot_entries){ 0 };
	int n = esp_mount(&esps, why);
	for (int i = 0; i < n && r == 0; i++)
		r = read_one(&esps[i], entries, why);
	if (r < 0)
		boot_entries_free(entries);
	return n < 0 ? n : r;
}

/* --- Editing ------------------------------------------------------------------------------------------------------------ */

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
		     gone ? "its kernel is not in /boot, so that its image can't be made anew" : "its image is not there");
		return -1;
	}
	return 0;
}

/* The newest such entry's line; owned by the caller, NULL if there is none. */
static char *seed(const struct boot_entries *entries)
{
	const struct boot_entry *newest = NULL;

	for (size_t i = 0; i < entries->count; i++) {
		const struct boot_entry *e = &entries->list[i];
		if (is_tools(e) && (!newest || strverscmp(e->release, newest->release) > 0))
			newest = e;
	}
	return newest ? strdup(newest->words) : NULL;
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
	fail(CMDLINE ":1: %s", what);
	return -1;
}

/* The first line is what the tool takes, whatever follows. */
static int edit_cmdline(const struct boot_entries *entries, const struct mode_words *wish, struct edits *edits)
{
	char *line = NULL, *new = NULL, *text = NULL;
	size_t len = 0;

	char *old = file_read(CMDLINE, &len);
	if (!old && errno != ENOENT) {
		fail(CMDLINE ": %s", strerror(errno));
		return -1;
	}
	if (!old && !wish->words)
		return 0; /* nothing of ours to take out of it */
	size_t first = old ? strcspn(old, "\r\n") : 0;
	if (old)
		line = strndup(old, first);
	else
		line = seed(entries);
	int r = 0;
	if (old && strlen(old) != len)
		r = wrong("a NUL byte; this is no kernel command line: mend it");
	else if (!line || !has_word(line, "root="))
		r = wrong("no root= on this line, the one that proxmox-boot-tool reads; mend it");
	if (r == 0) {
		new = words_apply(line, wish->words ? wish->words : "", wish->flush, NULL);
		if (!new || asprintf(&text, "%s%s", new, old ? old + first : "\n") < 0)
			text = NULL;
		r = text ? edits_add(edits, ROLE_SOURCE, CMDLINE, text) : no_memory();
	}
	free(old);
	free(line);
	free(new);
	free(text);
	return r;
}

static int mount_told(const struct esp **esps, bool write)
{
	char *why = NULL;

	int n = write ? esp_mount_writable(esps, &why) : esp_mount(esps, &why);
	if (n < 0)
		fail("%s", why ? why : strerror(-n));
	free(why);
	return n;
}

static int edit(const struct mode_words *wish, struct edits *edits)
{
	bool efi = access("/sys/firmware/efi", F_OK) == 0, systemd = false, grub = false;
	struct boot_entries entries;
	const struct esp *esps;
	char path[64], *why;

	int r = read_entries(&entries, &why), n = r == 0 ? mount_told(&esps, false) : 0;
	for (int i = 0; i < n; i++)
		*(is_grub(&esps[i]) ? &grub : &systemd) = true;
	if (r == -EACCES && geteuid() != 0) { /* a dry run: what such a machine mostly has */
		systemd = efi;
		grub = !efi;
		r = 0;
	} else if (r < 0) {
		fail("%s", why ? why : strerror(-r));
	}
	free(why);
	if (r == 0)
		r = out_of_step(&entries);
	if (r == 0 && systemd)
		r = edit_cmdline(&entries, wish, edits);
	if (r == 0 && systemd && n > 0)
		r = bls_edit(&backend_proxmox, true, wish, edits);
	if (r == 0 && grub)
		r = grub_edit_dropin(wish, edits);
	for (int i = 0; i < n && r == 0; i++) {
		grub_cfg(&esps[i], path);
		if (is_grub(&esps[i]))
			r = edits_add(edits, ROLE_MADE, path, NULL);
	}
	boot_entries_free(&entries);
	return r < 0 || n < 0 ? -1 : 0;
}

/* --- Making ------------------------------------------------------------------------------------------------------------- */

/* Calls that with the partition at /boot, as the tool runs update-grub. */
static int with_boot(const struct esp *esp, int (*call)(const char *words, bool flush, bool verbose), const char *words, bool flush,
		     bool verbose)
{
	if (mount(esp->dir, "/boot", NULL, MS_BIND, NULL) < 0) {
		fail("%s at /boot: %s", esp->dir, strerror(errno));
		return -1;
	}
	int r = call(words, flush, verbose);
	if (umount2("/boot", 0) < 0 && r == 0) {
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
	char *line = file_read(CMDLINE, NULL), *words = NULL;

	if (line) {
		line[strcspn(line, "\r\n")] = '\0';
		free(words_apply(line, "", true, &words));
	}
	free(line);
	return words;
}

/* Entries that are there are put back from copies; those of kernels that came since are made as the tool would. */
static int apply_configured(void)
{
	struct boot_entries entries;
	char *words = configured();

	int r = words ? backend_read(&backend_proxmox, &entries) : 0;
	for (size_t i = 0; words && i < entries.count && r == 0; i++)
		if (is_tools(&entries.list[i]) && !words_right(entries.list[i].words, words, true))
			r = bls_put_words(entries.list[i].id, true, words, true);
	if (words)
		boot_entries_free(&entries);
	free(words);
	return r;
}

static int apply(const char *words, bool flush, bool verbose)
{
	const struct esp *esps;

	int n = mount_told(&esps, true);
	if (n < 0)
		return -1;
	int r = words ? bls_apply(&backend_proxmox, true, words, flush) : apply_configured();
	for (int i = 0; i < n && r == 0; i++)
		if (is_grub(&esps[i]))
			r = with_boot(&esps[i], backend_grub.apply, words, flush, verbose);
	for (int i = 0; i < n && r == 0; i++) {
		r = sync_for_boot(esps[i].dir);
		if (r < 0)
			fail("%s: %s", esps[i].dir, strerror(-r));
	}
	return r < 0 ? -1 : 0;
}

static int open_all(void)
{
	const struct esp *esps;

	return mount_told(&esps, true) < 0 ? -1 : 0;
}

static void tidy(void)
{
	const struct esp *esps;
	char path[64], new[80];
	char *why;

	int n = esp_mount_writable(&esps, &why);
	for (int i = 0; i < n; i++) {
		grub_cfg(&esps[i], path);
		file_tidy(path);
		snprintf(new, sizeof(new), "%s.iommu", path);
		unlink(new);
		snprintf(new, sizeof(new), "%s.iommu.new", path);
		unlink(new);
	}
	if (n < 0)
		free(why);
}

static const char *made(void)
{
	return "the partitions in " ESP_LIST;
}

static const char *command(void)
{
	const struct esp *esps;
	char *why;
	bool grub = false;

	int n = esp_mount(&esps, &why);
	for (int i = 0; i < n; i++)
		grub = grub || is_grub(&esps[i]);
	if (n < 0)
		free(why);
	return grub ? "update-grub -o /boot/grub/grub.cfg.iommu, with each partition of " ESP_LIST " at /boot" : NULL;
}

const struct backend backend_proxmox = {
	.name = "proxmox",
	.program = "proxmox-boot-tool's boot loader",
	.family = FAMILY_UNKNOWN,
	.detect = detect,
	.read = read_entries,
	.edit = edit,
	.apply = apply,
	.open = open_all,
	.made = made,
	.command = command,
	.tidy = tidy,
	.device = true,
};
