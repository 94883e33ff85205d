/* The list of entries in files of their own; see bls-entries.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/bls-entries.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bootloader/cmdline-edit.h"
#include "bootloader/owner-facts.h"
#include "bootloader/uki-read.h"
#include "initramfs/kernels.h"
#include "system/files.h"
#include "system/message.h"
#include "system/refuse.h"

/* --- systemd-boot's ----------------------------------------------------------------------------------------------- */

/* TOKEN/RELEASE/linux: the directory. */
static void release_of_dir(const char *kernel, char release[65])
{
	const char *end = strrchr(kernel, '/'), *start = end;

	while (start && start > kernel && start[-1] != '/')
		start--;
	snprintf(release, 65, "%.*s", start ? (int)(end - start) : 0, start ? start : "");
}

void bls_release(const char *text, const char *kernel, const char *file, char release[65])
{
	const char *base = file_name(kernel);
	char dir[65];

	if (text && bls_value(text, "version", release, 65) && release[0])
		return;
	release_of_dir(kernel, dir);
	if (text ? strncmp(base, "vmlinuz-", 8) != 0 : strcmp(base, "linux") == 0 && kernel_has_modules(dir))
		memcpy(release, dir, sizeof(dir));
	else
		kernel_release(file, release);
}

/* loader.conf(5): the pattern of names whose first match is started; of several it is not told which is first. */
void bls_find_default(const char *dir, struct boot_entries *entries, size_t first)
{
	char path[128], pattern[256];
	struct boot_entry *found = NULL;
	bool several = false;

	snprintf(path, sizeof(path), "%s/loader/loader.conf", dir);
	char *text = file_read(path, NULL);
	bool any = text && bls_value(text, "default", pattern, sizeof(pattern));
	free(text);
	for (size_t i = first; i < entries->count && any; i++) {
		if (fnmatch(pattern, file_name(entries->list[i].id), 0) != 0)
			continue;
		several = several || found;
		found = &entries->list[i];
	}
	for (size_t i = first; i < entries->count && found && !several; i++)
		entries->list[i].by_default = &entries->list[i] == found ? PRESENCE_YES : PRESENCE_NO;
}

int bls_add_program(const struct bls_entry *from, struct boot_entries *entries)
{
	struct boot_entry e = { .id = from->path, .words = from->line, .facts.program = true };

	bls_value(from->text, "title", e.title, sizeof(e.title));
	return boot_entries_add(entries, &e);
}

/* A unified image that it starts is Linux all the same. */
static int add_program(const char *dir, const struct bls_entry *from, struct boot_entries *entries)
{
	struct boot_entry e = { .id = from->path, .words = from->line, .hand_made = true };
	char value[200], path[256];

	if (!bls_value(from->text, "uki", value, sizeof(value)) && !bls_value(from->text, "efi", value, sizeof(value)))
		return bls_add_program(from, entries);
	bls_value(from->text, "title", e.title, sizeof(e.title));
	snprintf(path, sizeof(path), "%s/%s", dir, value + (value[0] == '/'));
	int r = uki_add_started(path, &e, entries);
	return r == 0 || r == -ENOMEM ? r : bls_add_program(from, entries);
}

static int add_entry(const char *dir, const struct bls_entry *from, struct boot_entries *entries)
{
	struct boot_entry e = { .id = from->path, .words = from->line, .text = from->text };
	char value[200], path[256];
	const char *text = from->text;

	if (!bls_value(from->text, "linux", value, sizeof(value)))
		return add_program(dir, from, entries);
	bls_value(from->text, "title", e.title, sizeof(e.title));
	snprintf(path, sizeof(path), "%s/%s", dir, value + (value[0] == '/'));
	bls_release(from->text, value, path, e.release);
	e.facts.lost = access(path, F_OK) < 0;
	memcpy(e.file, path, sizeof(e.file));
	while (bls_next(&text, "initrd", value, sizeof(value))) {
		memcpy(e.under, e.image, sizeof(e.under));
		snprintf(e.image, sizeof(e.image), "%s/%s", dir, value + (value[0] == '/'));
		e.missing = e.missing || access(e.image, F_OK) < 0;
	}
	return boot_entries_add(entries, &e);
}

int bls_read_entries(const char *dir, struct boot_entries *entries, struct error *error)
{
	struct bls_entries found;
	char path[128];

	snprintf(path, sizeof(path), "%s/loader/entries", dir);
	int r = bls_read(path, true, &found, error);
	for (size_t i = 0; r == 0 && i < found.count; i++)
		r = error_errno(error, add_entry(dir, &found.list[i], entries));
	if (r == 0)
		r = error_errno(error, seen_move(&entries->seen, &found.seen));
	bls_free(&found);
	if (r < 0)
		boot_entries_free(entries);
	else
		owner_decide(entries);
	return r;
}

/* --- Changing ----------------------------------------------------------------------------------------------------- */

/* Of the entries that can't be read one may be a link that leads to nothing. Returns as edits_check_link(). */
static int check_links(const char *dir)
{
	char path[512];
	int r = 0;

	DIR *list = dir[0] == '/' ? opendir(dir) : NULL;
	for (const struct dirent *e; list && r == 0 && (e = readdir(list));) {
		snprintf(path, sizeof(path), "%.250s/%s", dir, e->d_name);
		r = strcmp(path + strlen(path) - strlen(".conf"), ".conf") == 0 ? edits_check_link(path) : 0;
	}
	if (list)
		closedir(list);
	return r;
}

static int edit_entry(const struct boot_entry *e, bool all, const struct mode_words *wish, struct edits *edits)
{
	char *after = bls_with_words(e->text, all, e->whole, wish->words ? wish->words : "", wish->flush);
	int r = after ? edits_add_read(edits, ROLE_ENTRY, e->id, e->text, after) : no_memory();

	free(after);
	return r;
}

int bls_edit(const struct backend *backend, struct snapshot *snapshot, bool all, const struct mode_words *wish,
	     struct edits *edits)
{
	const struct loader *l = snapshot_of(snapshot, backend);
	int r = l->error.code < 0 ? check_links(backend->location()) : 0;

	if (l->error.code < 0)
		return r < 0 ? r : -fail("%s", l->error.text);
	for (size_t i = 0; r == 0 && i < l->entries.count; i++)
		if (l->entries.list[i].own && l->entries.list[i].text)
			r = edit_entry(&l->entries.list[i], all, wish, edits);
	return r;
}

int bls_put_words(const struct boot_entry *entry, bool all, const char *words, bool flush)
{
	char *after = bls_with_words(entry->text, all, entry->whole, words, flush);
	int r = after ? edit_put(entry->id, after) : no_memory();

	free(after);
	return r < 0 ? -1 : r;
}

int bls_apply(const struct backend *backend, struct snapshot *snapshot, bool all, const char *words, bool flush)
{
	int r = 0, made = 0;

	if (!words)
		return 0; /* what they carry is put back from copies */
	const struct boot_entries *entries = snapshot_entries(snapshot, backend);
	if (!entries)
		return -1;
	for (size_t i = 0; r >= 0 && i < entries->count; i++) {
		const struct boot_entry *e = &entries->list[i];
		const char *line = e->written ? e->written : e->words;
		r = e->own && e->text && !words_right(line, words, flush) ? bls_put_words(e, all, words, flush) : 0;
		made = made || r > 0;
	}
	return r < 0 ? -1 : made;
}
