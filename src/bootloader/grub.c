/* Boot loader back ends: GRUB that is configured by grub-mkconfig; by a drop-in in /etc/default/grub.d where it reads
 * those (Debian's family), else by a block in /etc/default/grub.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "bootloader/backend.h"
#include "bootloader/grub-cfg.h"
#include "bootloader/grub-default.h"
#include "bootloader/grub-lock.h"
#include "bootloader/grub-mkconfig.h"
#include "system/files.h"
#include "system/memstream.h"
#include "system/message.h"
#include "system/refuse.h"

/* --- Detection ---------------------------------------------------------------------------------------------------- */

/* 1, 0, or -ENOMEM. */
static int holds(const char *path, const char *word)
{
	char *text = file_read(path, NULL);
	int found = text ? strstr(text, word) != NULL : errno == ENOMEM ? -ENOMEM : 0;

	free(text);
	return found;
}

/* Debian's patch; upstream does not read drop-ins. Returns as holds(). */
static int reads_dropins(void)
{
	char path[256];

	return run_find("grub-mkconfig", path, sizeof(path)) || run_find("grub2-mkconfig", path, sizeof(path)) ?
		       holds(path, "default/grub.d") : 0;
}

static int detect_config(bool installed, const char **what)
{
	*what = "/boot/grub/grub.cfg";
	return installed && access(grub_config(), F_OK) < 0 ? -ENOENT : 0;
}

static int detect_dropin(bool installed, const char **what)
{
	char path[256];

	int r = detect_config(installed, what);
	if (r < 0)
		return r;
	*what = "grub-mkconfig";
	if (!run_find("grub-mkconfig", path, sizeof(path)))
		return -ENOENT;
	*what = "update-grub";
	if (!run_find("update-grub", path, sizeof(path)))
		return -ENOENT;
	*what = "grub-mkconfig that reads /etc/default/grub.d";
	r = reads_dropins();
	return r > 0 ? 0 : r < 0 ? r : -ENOTSUP;
}

/* Where GRUB takes its entries from elsewhere, grub-mkconfig's are not the machine's. */
static int detect_file(bool installed, const char **what)
{
	int r = detect_config(installed, what);
	if (r < 0)
		return r;
	*what = "grub-mkconfig";
	if (!grub_mkconfig())
		return -ENOENT;
	/* grub-mkconfig does without it: on a disk somebody may have taken it away since. */
	*what = GRUB_DEFAULT;
	if (access(GRUB_DEFAULT, F_OK) < 0 && !(installed && access(grub_config(), F_OK) == 0 && grub_generated()))
		return -ENOENT;
	*what = "grub-mkconfig that reads " GRUB_DEFAULT " alone, and a grub.cfg with entries in it";
	r = reads_dropins();
	if (r == 0)
		r = holds(grub_config(), "blscfg");
	return r > 0 ? -ENOTSUP : r;
}

/* --- Writing ------------------------------------------------------------------------------------------------------ */

static int edit_dropin(const struct mode_words *wish, struct snapshot *snapshot, struct edits *edits)
{
	(void)snapshot; /* made anew, whatever they are */
	int r = grub_edit_dropin(wish, edits);

	if (r == 0)
		r = grub_check_generated();
	return r < 0 ? r : edits_add(edits, ROLE_MADE, grub_config(), NULL);
}

static int edit_file(const struct mode_words *wish, struct snapshot *snapshot, struct edits *edits)
{
	(void)snapshot; /* made anew, whatever they are */
	char *old = file_read(GRUB_DEFAULT, NULL);
	bool none = !old && !wish->words; /* none is made to say nothing */
	char *text = none ? NULL : grub_with_block(old, wish->mode, wish->words, wish->flush);

	free(old);
	if (!text && !none)
		return no_memory();
	int r = edits_add(edits, ROLE_SOURCE, GRUB_DEFAULT, text);
	free(text);
	if (r == 0)
		r = grub_check_generated();
	return r < 0 ? r : edits_add(edits, ROLE_MADE, grub_config(), NULL);
}

/* Our drop-in empties GRUB_FORCE_PARTUUID, unless another one sets it after it. */
static int read_dropin(struct boot_entries *entries, struct error *error)
{
	int r = grub_read(entries, error);

	for (size_t i = 0; i < entries->count; i++)
		entries->list[i].passing = entries->list[i].forced && !grub_later_forces();
	return r;
}

const struct backend backend_grub = {
	.name = "grub",
	.program = "GRUB",
	.family = FAMILY_GRUB,
	.detect = detect_dropin,
	.read = read_dropin,
	.edit = edit_dropin,
	.overridden = grub_later_dropin,
	.apply = grub_apply,
	.rehearse = grub_rehearse,
	.try = grub_try,
	.way_back = grub_way_back,
	.location = grub_config,
	.command = grub_command,
	.remove_temporaries = grub_remove_temporaries,
	.whole = grub_whole,
	.generated = grub_generated,
	.watched = grub_watched,
	.needs_block_device = true,
	.later = "run update-grub there",
	.config_file = GRUB_DROPIN,
};

const struct backend backend_grub_file = {
	.name = "grub-file",
	.program = "GRUB",
	.family = FAMILY_GRUB,
	.detect = detect_file,
	.read = grub_read,
	.edit = edit_file,
	.apply = grub_apply,
	.rehearse = grub_rehearse,
	.try = grub_try,
	.way_back = grub_way_back,
	.location = grub_config,
	.command = grub_command,
	.remove_temporaries = grub_remove_temporaries,
	.whole = grub_whole,
	.generated = grub_generated,
	.watched = grub_watched,
	.needs_block_device = true,
	.later = "run update-grub there",
	.config_file = GRUB_DEFAULT,
};
