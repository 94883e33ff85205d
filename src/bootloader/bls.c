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
#include "bootloader/bls-grub.h"
#include "bootloader/cmdline-edit.h"
#include "bootloader/grub-cfg.h"
#include "bootloader/grub-default.h"
#include "bootloader/grub-lock.h"
#include "bootloader/grub-path.h"
#include "bootloader/grubenv.h"
#include "bootloader/kernel-cmdline.h"
#include "bootloader/owner-facts.h"
#include "system/files.h"
#include "system/memstream.h"
#include "system/message.h"
#include "system/refuse.h"

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

/* A value can hold several paths, and variables that stand for none or one. */
static void name_images(const char *value, struct bls_grub *state, struct boot_entry *e)
{
	struct grub_line line = { 0 };

	grub_options_line(&state->script.entries, &state->script.vars, value, &line);
	char *rest = line.text;
	for (char *path; (path = strsep(&rest, " \t"));)
		if (*path && *path != '$' && !grub_file("/boot", path, strlen(path), e->image))
			e->missing = true;
	grub_line_free(&line);
}

/* Its line, now and as it is written. What e gets is in line and written, which are the caller's. */
static int expand_line(const char *options, struct bls_grub *state, struct boot_entry *e, struct grub_line *line,
		       struct grub_line *written)
{
	grub_options_line(&state->script.entries, &state->script.vars, options, line);
	if (strchr(options, '$')) {
		grub_options_line(&state->ours, &state->ours, options, written);
		e->written = written->text;
	}
	e->words = line->text;
	e->also = line->also;
	e->doubt = line->doubt;
	e->fed = line->fed;
	bool failed = state->script.entries.failed || state->script.vars.failed || state->ours.failed;
	return failed || !e->words || (strchr(options, '$') && !e->written) ? -ENOMEM : 0;
}

static int add(const struct bls_entry *from, struct bls_grub *state, struct boot_entries *entries)
{
	struct grub_line line = { 0 }, written = { 0 };
	struct boot_entry e = { .id = from->path, .text = from->text };
	const char *text = from->text;
	char value[256];

	if (!bls_value(from->text, "linux", value, sizeof(value)))
		return bls_add_program(from, entries);
	bls_value(from->text, "title", e.title, sizeof(e.title));
	e.facts.lost = !grub_file("/boot", value, strlen(value), e.file);
	bls_release(from->text, value, e.file, e.release);
	while (bls_next(&text, "initrd", value, sizeof(value)))
		name_images(value, state, &e);
	bool has_options = bls_value(from->text, "options", value, sizeof(value));
	int r = expand_line(has_options ? from->line : bls_grub_default(state), state, &e, &line, &written);
	if (r == 0)
		r = boot_entries_add(entries, &e);
	grub_line_free(&line);
	grub_line_free(&written);
	return r;
}

/* GRUB starts the entry whose file is named so; where none is, it has rules of its own. */
static void find_default(const struct bls_grub *state, struct boot_entries *entries)
{
	const char *saved = grub_variable_value(&state->script.vars, "saved_entry", NULL);
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
		others.list[i].hand_made = true;
		r = error_errno(error, boot_entries_add(entries, &others.list[i]));
	}
	boot_entries_free(&others);
	return r;
}

/* A line for those that have none: never a part of one. */
static int name_whole(const struct bls_grub *state, struct boot_entries *entries)
{
	static const struct mode_words none = { .words = NULL };
	const char *by_default = bls_grub_default(state);
	char *line = by_default[0] ? strdup(by_default) : cmdline_seed(entries, &none, false, NULL);
	char value[8];
	int r = 0;

	for (size_t i = 0; i < entries->count && line && r == 0; i++) {
		struct boot_entry *e = &entries->list[i];
		if (!e->text || bls_value(e->text, "options", value, sizeof(value)))
			continue;
		e->whole = strdup(line);
		r = e->whole ? 0 : -ENOMEM;
	}
	free(line);
	return r;
}

static int read_entries(struct boot_entries *entries, struct error *error)
{
	struct bls_entries found;
	struct bls_grub state;
	struct grubenv env;

	*entries = (struct boot_entries){ 0 };
	int r = grubenv_read(bls_grub_env(), &env, error); /* one that is damaged is told */
	grubenv_free(&env);
	if (r < 0)
		return r;
	found = (struct bls_entries){ 0 };
	r = bls_grub_read(&state, error);
	if (r == 0)
		r = bls_read(ENTRIES, false, &found, error);
	for (size_t i = 0; r == 0 && i < found.count; i++)
		r = error_errno(error, add(&found.list[i], &state, entries));
	if (r == 0) {
		owner_decide(entries);
		find_default(&state, entries);
		r = error_errno(error, name_whole(&state, entries));
	}
	if (r == 0)
		r = add_others(entries, error);
	if (r == 0)
		owner_decide(entries);
	if (r == 0)
		r = error_errno(error, seen_move(&entries->seen, &found.seen));
	bls_free(&found);
	bls_grub_free(&state);
	if (r < 0)
		boot_entries_free(entries);
	return r;
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

/* Whether an entry loses its initrd with that for $kernelopts, of this system or not. */
static bool breaks_one(const struct boot_entries *entries, const struct mode_words *wish, const char *kernelopts)
{
	const char *words = wish->words ? wish->words : "";
	bool breaks = false;

	for (size_t i = 0; i < entries->count && !breaks; i++) {
		const struct boot_entry *e = &entries->list[i];
		bool edited = e->text && e->own;
		char *after = edited ? bls_with_words(e->text, false, e->whole, words, wish->flush) : NULL;
		const char *text = after ? after : e->text;
		char *options = text ? bls_options(text, false) : NULL;
		breaks = options && strstr(options, "$kernelopts") && bls_grub_breaks(text, options, kernelopts);
		free(options);
		free(after);
	}
	return breaks;
}

/* What $kernelopts is to be, no line of any entry ending where GRUB 2.14 would break it: entries have paths of several
 * lengths. NULL without memory. */
static char *kernelopts_with(const struct boot_entries *entries, const struct mode_words *wish, const char *value)
{
	char *line = words_apply(value, wish->words ? wish->words : "", wish->flush, NULL);

	if (line && strcmp(line, value) == 0)
		return line;
	for (int tries = 0; line && tries < BLS_GRUB_BLOCK && breaks_one(entries, wish, line); tries++)
		line = bls_widen(line);
	return line;
}

static int edit_env(const struct boot_entries *entries, const struct mode_words *wish, struct edits *edits)
{
	struct grubenv env;
	struct error error;
	char *text = NULL;

	int r = grubenv_read(bls_grub_env(), &env, &error);
	if (r < 0)
		return fail("%s", error.text), -1;
	const char *value = grubenv_value(&env, "kernelopts");
	if (value) {
		char *line = kernelopts_with(entries, wish, value);
		text = line ? grubenv_with(&env, "kernelopts", line) : NULL;
		free(line);
		r = text ? edits_add(edits, ROLE_ENTRY, bls_grub_env(), text) :
			   (fail("%s: no room for the mode's kernel parameters in kernelopts", bls_grub_env()), -1);
	}
	free(text);
	grubenv_free(&env);
	return r;
}

/* Words alone are no line: the kernel would not find its root. Returns 0, or minus the exit code having refused it. */
static int check_whole(const struct boot_entries *entries)
{
	char value[8];

	for (size_t i = 0; i < entries->count; i++) {
		const struct boot_entry *e = &entries->list[i];
		if (e->own && e->text && !e->whole && !bls_value(e->text, "options", value, sizeof(value)))
			return -refuse(BOOTLOADER_UNSUPPORTED,
				       "%s has no options line, and no other entry of this system has one to take: "
				       "give it one, with root=", e->id);
	}
	return 0;
}

/* In this order: what grub2-mkconfig reads is older than what the next kernel's entry is made from. */
static int edit(const struct mode_words *wish, struct snapshot *snapshot, struct edits *edits)
{
	int r = edits_check_link(bls_grub_env());
	if (r < 0)
		return r;
	const struct boot_entries *entries = &snapshot_of(snapshot, &backend_bls)->entries;
	r = wish->words ? check_whole(entries) : 0;
	if (r < 0)
		return r;
	char *line = cmdline_seed(entries, wish, false, NULL);
	r = edit_default(wish, edits);
	if (r == 0)
		r = bls_edit_cmdline(line ? line : "", wish, edits);
	if (r == 0)
		r = edit_env(entries, wish, edits);
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

static const char *const watched[] = { GRUB_DEFAULT, "/etc/kernel", "/boot/grub/grub.cfg", "/boot/grub/grubenv",
				       "/boot/grub2/grub.cfg", "/boot/grub2/grubenv", NULL };

const struct backend backend_bls = {
	.name = "bls",
	.program = "GRUB with boot entries of its own",
	.family = FAMILY_GRUB,
	.detect = detect,
	.read = read_entries,
	.edit = edit,
	.apply = apply,
	.rehearse = read_entries,
	.way_back = grub_way_back,
	.location = location,
	.watched = watched,
	.config_file = KERNEL_CMDLINE,
};
