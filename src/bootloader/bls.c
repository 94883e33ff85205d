/* Boot loader back end: GRUB that takes its entries from loader/entries (Fedora, RHEL and their family), with grubby
 * or without.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Four places feed a line there: the entries themselves, $kernelopts in grubenv (EL 8), /etc/kernel/cmdline for
 * kernels to come, and /etc/default/grub, from which grub2-mkconfig writes the others anew when it is the newest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootloader/backend.h"
#include "bootloader/bls-entries.h"
#include "bootloader/bls-entry.h"
#include "bootloader/cmdline-edit.h"
#include "bootloader/grub-cfg.h"
#include "bootloader/grub-default.h"
#include "bootloader/grub-lock.h"
#include "bootloader/grubenv.h"
#include "bootloader/kernel-cmdline.h"
#include "initramfs/kernels.h"
#include "system/files.h"
#include "system/memstream.h"
#include "system/message.h"

#define ENTRIES "/boot/loader/entries"

static int detect(bool installed, const char **what)
{
	*what = "/boot/grub2/grub.cfg with blscfg in it";
	char *text = file_read(grub_config(), NULL);
	bool uses = text && strstr(text, "blscfg");

	free(text);
	if (!uses)
		return -ENOENT;
	*what = ENTRIES;
	return installed && access(ENTRIES, F_OK) < 0 ? -ENOENT : 0;
}

static const char *env_path(void)
{
	static char path[64];
	const char *config = grub_config();

	snprintf(path, sizeof(path), "%.*sgrubenv", (int)(strrchr(config, '/') + 1 - config), config);
	return path;
}

static bool on_boot(const char *path, char found[256])
{
	snprintf(found, 256, "/boot/%.240s", file_name(path));
	return access(found, F_OK) == 0;
}

/* A value can hold several paths, and variables that stand for none or one. */
static void name_images(const char *value, const struct grubenv *env, struct boot_entry *e)
{
	char *paths = grubenv_expand(env, value), *rest = paths;

	for (char *path; (path = strsep(&rest, " \t"));)
		if (*path && !on_boot(path, e->image))
			e->missing = true;
	free(paths);
}

static int add(const struct bls_entry *from, const struct grubenv *env, struct boot_entries *entries)
{
	struct boot_entry e = { .id = from->path, .text = from->text };
	char value[256], path[256];
	const char *text = from->text;

	if (!bls_value(from->text, "linux", value, sizeof(value)))
		return 0;
	bls_value(from->text, "title", e.title, sizeof(e.title));
	e.own = on_boot(value, path) && bls_is_ours(from);
	if (!bls_value(from->text, "version", e.release, sizeof(e.release)))
		kernel_release(path, e.release);
	while (bls_next(&text, "initrd", value, sizeof(value)))
		name_images(value, env, &e);
	e.words = grubenv_expand(env, from->line);
	int r = e.words ? boot_entries_add(entries, &e) : -ENOMEM;
	free(e.words);
	return r;
}

/* GRUB starts the entry whose file is named so; where none is, it has rules of its own. */
static void find_default(const struct grubenv *env, struct boot_entries *entries)
{
	const char *saved = grubenv_value(env, "saved_entry");
	size_t len = saved ? strlen(saved) : 0;

	for (size_t i = 0; i < entries->count && len; i++) {
		const char *name = file_name(entries->list[i].id);
		bool same = strncmp(name, saved, len) == 0 && strcmp(name + len, ".conf") == 0;
		entries->list[i].by_default = same ? PRESENCE_YES : PRESENCE_NO;
	}
	boot_entries_doubt(entries, 0);
}

/* What grub.cfg has beside them: Xen, other systems. */
static int add_others(struct boot_entries *entries, struct error *error)
{
	struct boot_entries others;

	int r = grub_read_config(grub_config(), &others, error);
	for (size_t i = 0; i < others.count && r == 0; i++) {
		others.list[i].own = false;
		r = error_errno(error, boot_entries_add(entries, &others.list[i]));
	}
	boot_entries_free(&others);
	return r;
}

static int read_entries(struct boot_entries *entries, struct error *error)
{
	struct bls_entries found;
	struct grubenv env;

	*entries = (struct boot_entries){ 0 };
	int r = grubenv_read(env_path(), grub_config(), &env, error);
	if (r < 0)
		return r;
	r = bls_read(ENTRIES, false, &found, error);
	for (size_t i = 0; r == 0 && i < found.count; i++)
		r = error_errno(error, add(&found.list[i], &env, entries));
	if (r == 0)
		find_default(&env, entries);
	if (r == 0)
		r = add_others(entries, error);
	if (r == 0)
		r = error_errno(error, seen_move(&entries->seen, &found.seen));
	bls_free(&found);
	grubenv_free(&env);
	if (r < 0)
		boot_entries_free(entries);
	return r;
}

/* The newest entry's line that is no rescue one's; owned by the caller, NULL if there is none. */
static char *seed(const struct boot_entries *entries)
{
	char *line = NULL;

	for (size_t i = entries->count; i-- > 0 && !line;)
		if (entries->list[i].own && !strstr(entries->list[i].release, "-rescue-"))
			line = strdup(entries->list[i].words);
	return line;
}

/* A line as grubby writes it, GRUB_CMDLINE_LINUX="words" with nothing for the shell in it, without the words about
 * the IOMMU: grubby copies ours from the block to it. Any other line stays. */
static void put_plain(FILE *out, const char *line, size_t len, bool flush)
{
	static const char key[] = "GRUB_CMDLINE_LINUX=\"";
	const char *start = line + sizeof(key) - 2;
	bool plain = strncmp(line, key, sizeof(key) - 1) == 0 && line[len - 1] == '"' && start < line + len - 1;
	char *value = plain ? strndup(start + 1, (size_t)(line + len - 2 - start)) : NULL;
	char *rest = value && !strpbrk(value, "\"\\$`") ? words_apply(value, "", flush, NULL) : NULL;

	if (rest)
		fprintf(out, "%.*s\"%s\"", (int)(start - line), line, rest);
	else
		fprintf(out, "%.*s", (int)len, line);
	free(rest);
	free(value);
}

static char *without_words(const char *text, bool flush)
{
	struct text made;

	FILE *out = text_open(&made);
	if (!out)
		return NULL;
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");
		if (len)
			put_plain(out, line, len, flush);
		line += len;
		if (*line)
			fputc(*line++, out);
	}
	return text_close(&made, NULL);
}

static int edit_default(const struct mode_words *wish, struct edits *edits)
{
	int r = edits_check_link(GRUB_DEFAULT); /* to nothing, it is not "not there" */

	if (r < 0)
		return r;
	char *old = file_read(GRUB_DEFAULT, NULL);
	if (!old && errno == ENOENT)
		return 0;
	char *text = grub_with_block(old, wish->mode, wish->words, wish->flush);
	if (text && !wish->words) {
		char *plain = without_words(text, wish->flush);
		free(text);
		text = plain;
	}
	free(old);
	r = text ? edits_add(edits, ROLE_SOURCE, GRUB_DEFAULT, text) : no_memory();
	free(text);
	return r;
}

static int edit_env(const struct mode_words *wish, struct edits *edits)
{
	struct grubenv env;
	struct error error;
	char *text = NULL;

	int r = grubenv_read(env_path(), grub_config(), &env, &error);
	if (r < 0)
		return fail("%s", error.text), -1;
	const char *value = grubenv_value(&env, "kernelopts");
	if (value && env.text) {
		char *line = words_apply(value, wish->words ? wish->words : "", wish->flush, NULL);
		text = line ? grubenv_with(&env, "kernelopts", line) : NULL;
		free(line);
		r = text ? edits_add(edits, ROLE_ENTRY, env_path(), text) :
			   (fail("%s: no room for the mode's kernel parameters in kernelopts", env_path()), -1);
	}
	free(text);
	grubenv_free(&env);
	return r;
}

/* In this order: what grub2-mkconfig reads is older than what the next kernel's entry is made from. */
static int edit(const struct mode_words *wish, struct snapshot *snapshot, struct edits *edits)
{
	int r = edits_check_link(env_path());
	if (r < 0)
		return r;
	char *line = seed(&snapshot_of(snapshot, &backend_bls)->entries);
	r = edit_default(wish, edits);
	if (r == 0)
		r = bls_edit_cmdline(line ? line : "", wish, edits);
	if (r == 0)
		r = edit_env(wish, edits);
	free(line);
	return r < 0 ? r : bls_edit(&backend_bls, snapshot, false, wish, edits);
}

/* With /etc/kernel/cmdline older than /etc/default/grub the next kernel's installation begins with grub2-mkconfig
 * (Fedora's 20-grub.install). */
static int apply(struct snapshot *snapshot, const char *words, bool flush, bool verbose)
{
	struct stat newer, older;

	(void)verbose;
	if (stat(GRUB_DEFAULT, &newer) == 0 && stat(KERNEL_CMDLINE, &older) == 0 &&
	    (newer.st_mtim.tv_sec > older.st_mtim.tv_sec ||
	     (newer.st_mtim.tv_sec == older.st_mtim.tv_sec && newer.st_mtim.tv_nsec > older.st_mtim.tv_nsec)) &&
	    utimensat(AT_FDCWD, KERNEL_CMDLINE, NULL, 0) < 0) {
		fail(KERNEL_CMDLINE ": %s", strerror(errno));
		return -1;
	}
	return bls_apply(&backend_bls, snapshot, false, words, flush);
}

static const char *location(void)
{
	return ENTRIES;
}

static const char *const watched[] = { GRUB_DEFAULT, "/etc/kernel", NULL };

const struct backend backend_bls = {
	.name = "bls",
	.program = "GRUB with boot entries of its own",
	.family = FAMILY_GRUB,
	.detect = detect,
	.read = read_entries,
	.edit = edit,
	.apply = apply,
	.way_back = grub_way_back,
	.location = location,
	.watched = watched,
	.config_file = KERNEL_CMDLINE,
};
