/* grub-mkconfig; see grub-mkconfig.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grub-mkconfig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "bootloader/grub-cfg.h"
#include "bootloader/grub-default.h"
#include "system/files.h"
#include "system/message.h"
#include "system/refuse.h"
#include "system/rehearsal.h"

const char *const grub_watched[] = { GRUB_DEFAULT, GRUB_DROPINS, "/boot/grub/grubenv", "/boot/grub/custom.cfg",
				     "/boot/grub2/grubenv", "/boot/grub2/custom.cfg", NULL };

/* Debian's wrapper knows where grub.cfg is; the path is said all the same. */
const char *grub_mkconfig(void)
{
	static const char *const programs[] = { "update-grub", "grub-mkconfig", "grub2-mkconfig" };
	char path[256];

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (run_find(programs[i], path, sizeof(path)))
			return programs[i];
	return NULL;
}

/* A grub.cfg in the making. */
static void new_name(char path[64])
{
	snprintf(path, 64, "%s.iommu", grub_config());
}

/* Whether the live file is still the one that was read before. */
static bool untouched(const char *old, size_t old_len)
{
	size_t len;
	char *now = file_read(grub_config(), &len);
	bool same = now && len == old_len && memcmp(now, old, len) == 0;

	free(now);
	return same;
}

void grub_remove_temporaries(void)
{
	char path[64], own[80];

	new_name(path);
	snprintf(own, sizeof(own), "%s.new", path); /* grub-mkconfig's own, of one that was cut short */
	unlink(path);
	unlink(own);
	file_tidy(grub_config());
}

static int check_file(const char *path, const char *words, bool flush, struct error *error)
{
	struct boot_entries entries;

	int r = grub_read_config(path, &entries, error);
	if (r == 0)
		r = boot_entries_check(&entries, path, words, flush, error);
	boot_entries_free(&entries);
	return r;
}

/* Checks what mkconfig has made, and puts it in grub.cfg's place. Returns 0, or -errno with *error. */
static int take_over(const char *path, const char *words, bool flush, const char *old, size_t old_len,
		     struct error *error)
{
	bool made = access(path, F_OK) == 0;

	if (!made && untouched(old, old_len))
		return error_set(error, -ENODATA, "%s reports success, but wrote nothing", grub_mkconfig());
	int r = check_file(made ? path : grub_config(), words, flush, error); /* a wrapper may ignore -o */
	if (r < 0 || !made)
		return r;
	r = file_replace(path, grub_config());
	return r < 0 ? error_set(error, r, "%s: %s", grub_config(), file_error(r)) : 0;
}

/* The language that grub.cfg was made in, as "LANG=NAME.UTF-8"; "" if it was made in none. 00_header writes it down. */
static void language_of(const char *config, char *setting, size_t size)
{
	static const char key[] = "\n  set lang=";
	const char *found = strstr(config, key), *name = found ? found + sizeof(key) - 1 : "";
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_@");

	setting[0] = '\0';
	if (len && (!name[len] || name[len] == '\n'))
		snprintf(setting, size, "LANG=%.*s.UTF-8", (int)len, name);
}

/* Has it make one there, as old was made. Returns its exit status, or -errno. */
static int make(const char *path, const char *old, bool verbose)
{
	const char *program = grub_mkconfig();
	char language[64];

	/* What it writes follows the language: titles, and the one that GRUB itself speaks. */
	language_of(old, language, sizeof(language));
	const char *const argv[] = { "env", "-u", "LC_ALL", language, program, "-o", path, NULL };
	return program ? run(language[0] ? argv : argv + 4, verbose) : -ENOENT;
}

int grub_apply(struct snapshot *snapshot, const char *words, bool flush, bool verbose)
{
	struct error error;
	char path[64];
	size_t old_len;

	(void)snapshot; /* made anew, whatever they are */
	if (grub_check_generated() < 0) /* by now */
		return -1;

	/* grub-mkconfig truncates and rewrites the file it is given, so that is never the live one. */
	new_name(path);
	char *old = file_read(grub_config(), &old_len);
	if (!old || (unlink(path) < 0 && errno != ENOENT)) {
		fail("%s: %s", grub_config(), strerror(errno));
		free(old);
		return -1;
	}
	int r = -1, status = make(path, old, verbose);
	if (status != 0)
		fail("%s failed (%s %d), so the boot entries can't be written; what it said stands "
		     "above", grub_mkconfig() ? grub_mkconfig() : "grub-mkconfig", status < 0 ? "error" : "status",
		     abs(status));
	else if ((r = take_over(path, words, flush, old, old_len, &error)) < 0)
		fail("%s", error.text);
	grub_remove_temporaries(); /* of a mkconfig that failed, too */
	free(old);
	return r < 0 ? -1 : 1;
}

int grub_try(bool verbose)
{
	char path[64], *old = file_read(grub_config(), NULL);

	new_name(path);
	int status = old ? make(path, old, verbose) : 0; /* what is missing is told of later */
	grub_remove_temporaries();
	free(old);
	if (status == 0)
		return 0;
	fail("%s failed (%s %d), so the boot entries could not be written; what it said stands above",
	     grub_mkconfig() ? grub_mkconfig() : "grub-mkconfig", status < 0 ? "error" : "status", abs(status));
	return -1;
}

int grub_rehearse(struct boot_entries *entries, struct error *error)
{
	static const char path[] = REHEARSAL_DIR "/grub.cfg.iommu";
	char *old = file_read(grub_config(), NULL);
	int status = old ? make(path, old, false) : -errno;
	char *text = status == 0 ? file_read(path, NULL) : NULL;
	int r = status < 0 ? status : status > 0 ? -ECHILD : !text ? -errno : 0;

	r = r < 0 ? error_errno(error, r) : grub_read_text(grub_config(), text, "/boot", entries, error);
	free(text);
	free(old);
	return r;
}

bool grub_whole_in(const char *boot, const char *copy, const char *path, const char *words, bool flush)
{
	struct boot_entries entries = { 0 };
	struct error error;

	char *text = file_read(copy, NULL);
	bool whole = text && grub_read_text(path, text, boot, &entries, &error) == 0 &&
		     (!words || boot_entries_check(&entries, path, words, flush, &error) == 0);
	for (size_t i = 0; i < entries.count && whole; i++) {
		const struct boot_entry *e = &entries.list[i];
		/* What no script makes of the kernels that are here can be on another disk. */
		whole = (e->hand_made && !e->xen) || (!e->missing && !e->facts.lost);
	}
	boot_entries_free(&entries);
	free(text);
	return whole;
}

bool grub_whole(const char *copy, const char *path, const char *words, bool flush)
{
	return grub_whole_in("/boot", copy, path, words, flush);
}

/* Each of its scripts begins with that line. Source: GRUB's util/grub-mkconfig.in. */
bool grub_generated(void)
{
	char *text = file_read(grub_config(), NULL);
	bool ours = !text || strstr(text, "### BEGIN /etc/grub.d/");

	free(text);
	return ours;
}

int grub_check_generated(void)
{
	return grub_generated() ? 0 : -refuse(GENERATED_ELSEWHERE, "%s was not written by grub-mkconfig",
					      grub_config());
}

const char *grub_command(void)
{
	static char line[128];

	snprintf(line, sizeof(line), "%s -o %s.iommu", grub_mkconfig(), grub_config());
	return line;
}
