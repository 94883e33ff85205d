/* Boot loader back end: unified kernel images made on this machine by ukify(1) or dracut(8), one file of kernel,
 * initramfs and command line.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Each is made anew beside the old one and takes its place by one rename: line and image change together. What is
 * signed elsewhere is not ours to change.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "bootloader/backend.h"
#include "bootloader/cmdline-edit.h"
#include "bootloader/esp-places.h"
#include "bootloader/kernel-cmdline.h"
#include "bootloader/snapshot.h"
#include "bootloader/uki-conf.h"
#include "bootloader/uki-read.h"
#include "system/boot-count.h"
#include "system/files.h"
#include "system/memstream.h"
#include "system/message.h"

#define DRACUT_DROPIN "/etc/dracut.conf.d/zzz-iommu.conf"

/* Who makes this machine's images. */
enum maker { MAKER_NONE, MAKER_UKIFY, MAKER_DRACUT };

static enum maker find_maker(void)
{
	char generator[32], path[256], uefi[8];
	bool uki = install_conf_uki(generator), dracut = uki && strcmp(generator, "dracut") == 0;

	if (uki && !dracut && run_find("ukify", path, sizeof(path)))
		return MAKER_UKIFY;
	dracut = dracut || (dracut_conf("uefi", uefi, sizeof(uefi)) && strcmp(uefi, "yes") == 0);
	return dracut && run_find("dracut", path, sizeof(path)) ? MAKER_DRACUT : MAKER_NONE;
}

/* An image made anew would not start where the firmware asks for a signature. */
static bool signed_elsewhere(void)
{
	char file[256];
	bool key = find_maker() == MAKER_DRACUT ? dracut_conf("uefi_secureboot_key", file, sizeof(file)) :
						  ukify_conf_signs();

	return !key && uki_signed();
}

/* Whose they are. Static text. */
static const char *made_elsewhere(void)
{
	static char text[PATH_MAX + 128];
	char preset[PATH_MAX];

	if (!mkinitcpio_makes_uki(preset, sizeof(preset)))
		return "unified kernel images start this machine that are not made here (no layout=uki in "
		       "/etc/kernel/install.conf, or no ukify; no uefi=yes in /etc/dracut.conf.d)";
	snprintf(text, sizeof(text), "unified kernel images start this machine that mkinitcpio makes (default_uki= in "
				     "%s)", preset);
	return text;
}

static int detect(bool installed, const char **what)
{
	(void)installed;
	*what = "EFI/Linux/*.efi on " ESP_PLACES;
	if (!uki_image_dir())
		return -ENOENT;
	*what = made_elsewhere();
	if (find_maker() == MAKER_NONE)
		return -ENOTSUP;
	*what = "the unified kernel images are signed, and uki.conf names no SecureBootPrivateKey (dracut: "
		"uefi_secureboot_key=) to sign others with";
	return signed_elsewhere() ? -ENOTSUP : 0;
}

/* Both lines have the same words, as a shell may have put other blanks between them; about the IOMMU too if mode is
 * set. Those have no place of their own. */
static bool same_line(const char *a, const char *b, bool mode)
{
	char *ours_a = NULL, *ours_b = NULL;
	char *rest_a = words_apply(a, "", true, &ours_a), *rest_b = words_apply(b, "", true, &ours_b);

	bool same = rest_a && rest_b && words_same(rest_a, rest_b, NULL) && (!mode || strcmp(ours_a, ours_b) == 0);
	free(rest_a);
	free(rest_b);
	free(ours_a);
	free(ours_b);
	return same;
}

static int run_ukify(const char *new, const char *release, const char *line, bool verbose)
{
	char linux_image[128], initrd[128], output[PATH_MAX + 16], uname[96], *cmdline = NULL, *config = NULL;

	snprintf(linux_image, sizeof(linux_image), "--linux=/boot/vmlinuz-%.64s", release);
	snprintf(initrd, sizeof(initrd), "--initrd=/boot/initrd.img-%.64s", release);
	snprintf(uname, sizeof(uname), "--uname=%.64s", release);
	snprintf(output, sizeof(output), "--output=%s", new);
	if (asprintf(&cmdline, "--cmdline=%s", line) < 0)
		return -ENOMEM;
	const char *conf = ukify_conf();
	if (conf && asprintf(&config, "--config=%s", conf) < 0) {
		free(cmdline);
		return -ENOMEM;
	}
	const char *const argv[] = { "ukify", "build", linux_image, initrd, uname, cmdline, output,
				     config, NULL };
	int status = run(argv, verbose);
	free(config);
	free(cmdline);
	return status;
}

/* It takes the line from its configuration. Debian's kernel hook and our own rebuild make /boot's image a unified one
 * too, where dracut makes no others: that will do, if it has the line. */
static int run_dracut(const char *new, const char *release, const char *line, bool verbose)
{
	const char *const argv[] = { "dracut", "--force", "--quiet", "--uefi", new, release, NULL };
	char made[128];

	snprintf(made, sizeof(made), "/boot/initrd.img-%.64s", release);
	char *has = uki_section(made, ".cmdline");
	bool same = has && line && same_line(has, line, true);
	free(has);
	return same ? file_place(made, new) : run(argv, verbose);
}

/* Whether an image is right but for its line: dracut reports success of images that hold next to nothing. Returns as
 * initramfs_read(). */
static int check_image(const char *path, struct error *error)
{
	struct initramfs image;
	size_t len = 0;

	char *target = file_read(TARGET_PATH, &len);
	int r = initramfs_read(path, &image, error);
	bool same = r == 0 && (target ? image.target && image.target_len == len &&
					memcmp(image.target, target, len) == 0 && image.hook != HOOK_NONE :
					!image.target);
	if (r == 0 && !same)
		r = error_set(error, -ENOENT, target ? "does not hold " TARGET_PATH " and the check" :
						       "still holds a target");
	initramfs_free(&image);
	free(target);
	return r;
}

/* Under the name that a boot has given it while the new one was made. */
static int put_image(const char *new, const char *path)
{
	char place[PATH_MAX];

	snprintf(place, sizeof(place), "%s", path);
	boot_count_follow(place, sizeof(place));
	return file_replace(new, place);
}

/* Makes an image anew with that line, NULL: the one that is configured, and puts it in the old one's place, old being
 * the line of that. Returns 0, or -1 with one line told. */
static int make_image(const char *path, const char *release, const char *old, const char *line, bool verbose)
{
	bool dracut = find_maker() == MAKER_DRACUT;
	const char *program = dracut ? "dracut" : "ukify";
	struct error error;
	char new[PATH_MAX];
	int r = -1;

	snprintf(new, sizeof(new), "%s.iommu-new", path);
	int status = dracut ? run_dracut(new, release, line, verbose) :
			      run_ukify(new, release, line ? line : old, verbose);
	char *now = status == 0 ? uki_section(new, ".cmdline") : NULL;
	if (status != 0)
		fail("%s failed (%s %d), so no unified kernel image can be made; what it said stands "
		     "above", program, status < 0 ? "error" : "status", abs(status));
	else if (!now || !same_line(now, line ? line : old, line != NULL))
		fail("%s: %s made it with another kernel command line than was asked for: %s", path, program,
		     now ? now : "none");
	else if (dracut && check_image(new, &error) < 0)
		fail("%s: dracut reports success, but the image %s", path, error.text);
	else if ((r = put_image(new, path)) < 0)
		fail("%s: %s", path, file_error(r));
	unlink(new);
	free(now);
	return r < 0 ? -1 : 0;
}

/* What a line becomes: trailing blanks are none of it in an image. */
static char *line_with(const char *words, const char *ours, bool flush)
{
	char *line = words_apply(words, ours, flush, NULL);

	for (size_t len = line ? strlen(line) : 0; len > 0 && strchr(" \t\r\n", line[len - 1]);)
		line[--len] = '\0';
	return line;
}

/* From systemd 262 on it wins over /etc/kernel/cmdline. */
static int config_has_line(void)
{
	unsigned number = ukify_conf_cmdline();

	if (!number)
		return 0;
	fail("%s:%u: Cmdline= takes the place of /etc/kernel/cmdline for the next kernel; move it there", ukify_conf(),
	     number);
	return -1;
}

/* dracut's configuration is bash's, read in the order of the names. */
static int edit_dracut(const struct mode_words *wish, struct edits *edits)
{
	char *text = NULL;

	int len = !wish->words ? 0 : asprintf(&text,
		"# Written by iommu-install for mode %s; 'iommu-install MODE' writes it anew. Do not edit.\n"
		"# Takes contrary words out of what was set before this, and puts the mode's words in.\n"
		"kernel_cmdline=$(/usr/sbin/iommu-install internal-words%s \"$kernel_cmdline\" '%s' 2>/dev/null ||\n"
		"\tprintf '%%s\\n' \"$kernel_cmdline %s\")\n", wish->mode, wish->flush ? " --flush" : "", wish->words,
		wish->words);
	int r = len < 0 ? no_memory() : edits_add_ours(edits, ROLE_SOURCE, DRACUT_DROPIN, text);
	free(text);
	return r;
}

static int edit(const struct mode_words *wish, struct snapshot *snapshot, struct edits *edits)
{
	char *seed = NULL;

	if (find_maker() == MAKER_DRACUT)
		return edit_dracut(wish, edits);
	if (config_has_line() < 0)
		return -1;
	const struct boot_entries *entries = snapshot_entries(snapshot, &backend_uki);
	if (!entries)
		return -1;
	for (size_t i = entries->count; i-- > 0 && !seed;) {
		char *own = entries->list[i].own ? uki_section(entries->list[i].id, ".cmdline") : NULL;
		seed = own ? line_without(own, "systemd.machine_id=") : NULL;
		free(own);
	}
	int r = bls_edit_cmdline(seed ? seed : "", wish, edits);
	free(seed);
	return r;
}

/* ukify makes images of lines that are known, dracut of its configuration. */
static bool configured(void)
{
	return find_maker() == MAKER_DRACUT;
}

static int apply(struct snapshot *snapshot, const char *words, bool flush, bool verbose)
{
	bool anew = words || configured();
	const struct boot_entries *entries = snapshot_entries(snapshot, &backend_uki);
	int r = 0, made = 0;

	if (!entries)
		return -1;
	for (size_t i = 0; anew && i < entries->count && r == 0; i++) {
		const struct boot_entry *e = &entries->list[i];
		if (!e->own || (words && words_right(e->words, words, flush)))
			continue;
		/* Its own alone: an addon that contradicts is found out when all is read back. */
		char *own = uki_section(e->id, ".cmdline");
		char *line = words ? line_with(own ? own : "", words, flush) : NULL;
		r = words && !line ? no_memory() : make_image(e->id, e->release, own ? own : "", line, verbose);
		free(own);
		free(line);
		made = 1;
	}
	return r < 0 ? -1 : made;
}

static int place(const struct kernel *kernel, const char *placed, bool verbose)
{
	char *line = uki_section(placed, ".cmdline");
	int r = -1;

	if (line)
		r = make_image(placed, kernel->release, line, line, verbose);
	else
		fail("%s: %s", placed, strerror(errno));
	free(line);
	return r;
}

/* The line is in the image, and under Secure Boot no other one is taken. */
static enum way_back way_back(void)
{
	return WAY_ENTRY;
}

static const char *command(void)
{
	return find_maker() == MAKER_DRACUT ? "dracut --uefi, for each unified kernel image" :
					      "ukify build, for each unified kernel image";
}

const struct backend backend_uki = {
	.name = "uki",
	.program = "systemd-stub (a unified kernel image)",
	.family = FAMILY_SYSTEMD,
	.detect = detect,
	.read = uki_read,
	.edit = edit,
	.apply = apply,
	.place = place,
	.configured = configured,
	.way_back = way_back,
	.location = uki_location,
	.watched = uki_conf_dirs,
	.command = command,
	.config_file = KERNEL_CMDLINE,
};
