/* A made-up boot loader as a back end: the exercise of tests/bootloader/new-row.bats, and an example to begin with.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * It starts /boot/vmlinuz-RELEASE with /boot/initrd.img-RELEASE; /boot/toy.conf has a line "RELEASE PARAMETERS" each.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bootloader/backend.h"
#include "bootloader/cmdline-edit.h"
#include "system/files.h"
#include "system/memstream.h"
#include "system/message.h"

#define CONFIG "/boot/toy.conf"

static int detect(bool installed, const char **what)
{
	(void)installed;
	*what = CONFIG;
	return access(CONFIG, F_OK) == 0 ? 0 : -ENOENT;
}

/* Cuts a line up; NULL at the end. */
static char *next_line(char **text, char **parameters)
{
	char *line = strsep(text, "\n");

	if (!line || !*line)
		return NULL;
	*parameters = line;
	strsep(parameters, " ");
	return *parameters ? line : NULL;
}

static int read_entries(struct boot_entries *entries, struct error *error)
{
	char *text = file_read(CONFIG, NULL), *rest = text, *parameters;
	int r = text ? 0 : -errno;

	*entries = (struct boot_entries){ 0 };
	for (char *release; r == 0 && (release = next_line(&rest, &parameters));) {
		struct boot_entry e = { .id = (char *)CONFIG, .words = parameters, .own = true };
		snprintf(e.release, sizeof(e.release), "%s", release);
		snprintf(e.image, sizeof(e.image), "/boot/initrd.img-%s", release);
		e.missing = access(e.image, F_OK) < 0;
		r = boot_entries_add(entries, &e);
	}
	free(text);
	if (r < 0)
		boot_entries_free(entries);
	return error_errno(error, r);
}

static int edit(const struct mode_words *wish, struct snapshot *snapshot, struct edits *edits)
{
	(void)snapshot;
	char *text = file_read(CONFIG, NULL), *rest = text, *parameters;
	struct text made;
	FILE *out = text ? text_open(&made) : NULL;

	for (char *release; out && (release = next_line(&rest, &parameters));) {
		char *line = words_apply(parameters, wish->words ? wish->words : "", wish->flush, NULL);
		fprintf(out, "%s %s\n", release, line ? line : parameters);
		free(line);
	}
	char *after = out ? text_close(&made, NULL) : NULL;
	int r = after ? edits_add(edits, ROLE_ENTRY, CONFIG, after) : no_memory();
	free(after);
	free(text);
	return r;
}

static int apply(struct snapshot *snapshot, const char *words, bool flush, bool verbose)
{
	(void)snapshot, (void)words, (void)flush, (void)verbose;
	return 0; /* the entries are what was edited */
}

static const char *location(void)
{
	return CONFIG;
}

const struct backend backend_toy = {
	.name = "toy",
	.program = "the toy boot loader",
	.detect = detect,
	.read = read_entries,
	.edit = edit,
	.apply = apply,
	.location = location,
	.config_file = CONFIG,
};
