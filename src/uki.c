/* Boot loader back end: unified kernel images made on this machine by ukify(1) or dracut(8), one file of kernel, initramfs and
 * command line.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Each is made anew beside the old one and takes its place by one rename: line and image change together. What is signed
 * elsewhere is not ours to change.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "blsentry.h"
#include "cmdline.h"
#include "files.h"
#include "os-release.h"
#include "pe.h"
#include "refuse.h"
#include "run.h"
#include "text.h"
#include "words.h"

#define DRACUT_DROPIN "/etc/dracut.conf.d/zzz-iommu.conf"

/* Where the EFI system partition, or the extended boot partition, is mounted (bootctl(1)). */
static const char *const dirs[] = { "/efi/EFI/Linux", "/boot/efi/EFI/Linux", "/boot/EFI/Linux" };

static bool is_image(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".efi") == 0 && name[0] != '.' && !strchr(name, '\n');
}

/* The directory that has images; NULL if none has. */
static const char *image_dir(void)
{
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		bool found = false;
		DIR *list = opendir(dirs[i]);

		for (const struct dirent *entry; list && !found && (entry = readdir(list));)
			found = is_image(entry->d_name);
		if (list)
			closedir(list);
		if (found)
			return dirs[i];
	}
	return NULL;
}

/* Whether the image's system is this one: by ID, and by the kernel that it starts. */
static bool is_ours(int fd, const char *release)
{
	char path[128], theirs[64] = "", here[64] = "";
	char *of_image = pe_text(fd, ".osrel"), *of_system = file_read("/etc/os-release", NULL);

	bool ours = os_release_in(of_image, "ID", theirs, sizeof(theirs)) && os_release_in(of_system, "ID", here, sizeof(here)) &&
		    strcmp(theirs, here) == 0;
	free(of_image);
	free(of_system);
	snprintf(path, sizeof(path), "/lib/modules/%s", release);
	return ours && release[0] && access(path, F_OK) == 0;
}

static char *section_of(const char *path, const char *name)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd >= 0 ? pe_text(fd, name) : NULL;

	if (fd >= 0)
		close(fd);
	return text;
}

/* The kernel's release; dracut writes no section for it, so that the kernel itself is asked. */
static void name_release(int fd, char release[65])
{
	char *text = pe_text(fd, ".uname");
	off_t offset;
	size_t len;

	release[0] = '\0';
	if (text)
		snprintf(release, 65, "%.64s", text);
	else if (pe_section(fd, ".linux", &offset, &len) == 0 && !kernel_header(fd, offset, release))
		release[0] = '\0';
	free(text);
}

/* systemd-stub(7) puts what addons say behind an image's own line. */
static int add_addons(const char *dir, FILE *line)
{
	char path[PATH_MAX];
	int r = 0;

	DIR *list = opendir(dir);
	for (const struct dirent *entry; list && r == 0 && (entry = readdir(list));) {
		size_t len = strlen(entry->d_name);
		if (len <= 10 || strcmp(entry->d_name + len - 10, ".addon.efi") != 0)
			continue;
		r = snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) < (int)sizeof(path) ? 0 : -ENAMETOOLONG;
		char *words = r == 0 ? section_of(path, ".cmdline") : NULL;
		if (words)
			fprintf(line, " %s", words);
		free(words);
	}
	if (list)
		closedir(list);
	return r;
}

/* The whole line that the kernel gets: of the image, and of what is added to it. Owned by the caller, NULL without memory. */
static char *whole_line(const char *path, const char *words)
{
	struct text line;
	char dir[PATH_MAX];

	FILE *out = text_open(&line);
	if (!out)
		return NULL;
	fputs(words, out);
	int r = snprintf(dir, sizeof(dir), "%s.extra.d", path) < (int)sizeof(dir) ? add_addons(dir, out) : -ENAMETOOLONG;
	/* For every image: beside EFI/Linux. */
	const char *mount_end = strstr(path, "/EFI/Linux/");
	snprintf(dir, sizeof(dir), "%.*s/loader/addons", mount_end ? (int)(mount_end - path) : 0, path);
	if (r == 0)
		r = add_addons(dir, out);
	line.failed = line.failed || r < 0;
	return text_close(&line, NULL);
}

static int add(const char *path, struct boot_entries *entries, char **why)
{
	struct boot_entry e = { .id = (char *)path };
	off_t offset;
	size_t len;

	*why = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : 0;
	char *words = r == 0 ? pe_text(fd, ".cmdline") : NULL;
	if (r == 0 && !words)
		r = errno == ENOENT ? 0 : -errno; /* it gets its line from the boot loader */
	if (r == 0) {
		e.words = whole_line(path, words ? words : "");
		if (!e.words)
			r = -ENOMEM;
	}
	if (r == 0) {
		name_release(fd, e.release);
		r = pe_section(fd, ".initrd", &offset, &len);
		if (r == 0)
			snprintf(e.image, sizeof(e.image), "%.255s", path);
		r = r == -ENOENT ? 0 : r;
	}
	if (r == 0) {
		e.own = is_ours(fd, e.release);
		r = boot_entries_add(entries, &e);
	}
	if (r < 0 && asprintf(why, "%s: %s", path, r == -EBADMSG ? "is no unified kernel image, or cut short" : strerror(-r)) < 0)
		*why = NULL;
	if (fd >= 0)
		close(fd);
	free(e.words);
	free(words);
	return r;
}

static int by_id(const void *a, const void *b)
{
	return strverscmp(((const struct boot_entry *)a)->id, ((const struct boot_entry *)b)->id);
}

static int read_entries(struct boot_entries *entries, char **why)
{
	const char *dir = image_dir();
	char path[PATH_MAX];
	int r = 0;

	*entries = (struct boot_entries){ 0 };
	*why = NULL;
	DIR *list = dir ? opendir(dir) : NULL;
	if (!list)
		return dir ? -errno : -ENOENT;
	for (const struct dirent *entry; r == 0 && (entry = readdir(list));) {
		if (!is_image(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		r = add(path, entries, why);
	}
	closedir(list);
	if (r < 0)
		boot_entries_free(entries);
	else if (entries->count)
		qsort(entries->list, entries->count, sizeof(*entries->list), by_id);
	return r;
}

/* Who makes this machine's images. */
enum maker { MAKER_NONE, MAKER_UKIFY, MAKER_DRACUT };

/* kernel-install(8): the first file that is there counts. Whether it asks for unified images, and by whom; *generator is empty
 * if it does not say. */
static bool layout_is_uki(char generator[32])
{
	static const char *const files[] = { "/etc/kernel/install.conf", "/usr/lib/kernel/install.conf" };
	char layout[32];

	generator[0] = '\0';
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char *text = file_read(files[i], NULL);
		if (!text)
			continue;
		bool uki = os_release_in(text, "layout", layout, sizeof(layout)) && strcmp(layout, "uki") == 0;
		os_release_in(text, "uki_generator", generator, 32);
		free(text);
		return uki;
	}
	return false;
}

/* dracut.conf(5): a plain assignment in its configuration, whichever file has it. */
static bool dracut_value(const char *key, char *value, size_t size)
{
	static const char *const places[] = { "/etc/dracut.conf.d", "/usr/lib/dracut/dracut.conf.d" };
	char path[PATH_MAX];
	bool found = false;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]) && !found; i++) {
		DIR *list = opendir(places[i]);
		if (!list)
			continue;
		for (const struct dirent *entry; !found && (entry = readdir(list));) {
			size_t len = strlen(entry->d_name);
			if (len <= 5 || strcmp(entry->d_name + len - 5, ".conf") != 0 ||
			    snprintf(path, sizeof(path), "%s/%s", places[i], entry->d_name) >= (int)sizeof(path))
				continue;
			char *text = file_read(path, NULL);
			found = text && os_release_in(text, key, value, size);
			free(text);
		}
		closedir(list);
	}
	return found;
}

static enum maker find_maker(void)
{
	char generator[32], path[256], uefi[8];
	bool uki = layout_is_uki(generator), dracut = uki && strcmp(generator, "dracut") == 0;

	if (uki && !dracut && run_find("ukify", path, sizeof(path)))
		return MAKER_UKIFY;
	dracut = dracut || (dracut_value("uefi", uefi, sizeof(uefi)) && strcmp(uefi, "yes") == 0);
	return dracut && run_find("dracut", path, sizeof(path)) ? MAKER_DRACUT : MAKER_NONE;
}

/* An image made anew would not start where the firmware asks for a signature. */
static bool signed_elsewhere(void)
{
	struct boot_entries entries;
	char *why = NULL, *config = file_read("/etc/kernel/uki.conf", NULL), file[256];
	bool found = false, key = find_maker() == MAKER_DRACUT ? dracut_value("uefi_secureboot_key", file, sizeof(file)) :
								 config && strstr(config, "SecureBootPrivateKey=");

	if (!key && read_entries(&entries, &why) == 0) {
		for (size_t i = 0; i < entries.count && !found; i++) {
			int fd = entries.list[i].own ? open(entries.list[i].id, O_RDONLY | O_CLOEXEC) : -1;
			found = fd >= 0 && pe_signed(fd);
			if (fd >= 0)
				close(fd);
		}
		boot_entries_free(&entries);
	}
	free(why);
	free(config);
	return found;
}

static int detect(bool installed, const char **what)
{
	(void)installed;
	*what = "EFI/Linux/*.efi on /efi, /boot/efi or /boot";
	if (!image_dir())
		return -ENOENT;
	*what = "unified kernel images start this machine that are not made here (no layout=uki in /etc/kernel/install.conf, or "
		"no ukify; no uefi=yes in /etc/dracut.conf.d)";
	if (find_maker() == MAKER_NONE)
		return -ENOTSUP;
	*what = "the unified kernel images are signed, and /etc/kernel/uki.conf names no SecureBootPrivateKey (dracut: "
		"uefi_secureboot_key=) to sign others with";
	return signed_elsewhere() ? -ENOTSUP : 0;
}

/* Both lines have the same words, as a shell may have put other blanks between them; about the IOMMU too if mode is set. Those
 * have no place of their own. */
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
	char linux_image[128], initrd[128], output[PATH_MAX + 16], uname[96], *cmdline = NULL;

	snprintf(linux_image, sizeof(linux_image), "--linux=/boot/vmlinuz-%.64s", release);
	snprintf(initrd, sizeof(initrd), "--initrd=/boot/initrd.img-%.64s", release);
	snprintf(uname, sizeof(uname), "--uname=%.64s", release);
	snprintf(output, sizeof(output), "--output=%s", new);
	if (asprintf(&cmdline, "--cmdline=%s", line) < 0)
		return -ENOMEM;
	bool config = access("/etc/kernel/uki.conf", F_OK) == 0;
	const char *const argv[] = { "ukify", "build", linux_image, initrd, uname, cmdline, output,
				     config ? "--config=/etc/kernel/uki.conf" : NULL, NULL };
	int status = run(argv, verbose);
	free(cmdline);
	return status;
}

/* It takes the line from its configuration. Debian's kernel hook and our own rebuild make /boot's image a unified one too,
 * where dracut makes no others: that will do, if it has the line. */
static int run_dracut(const char *new, const char *release, const char *line, bool verbose)
{
	const char *const argv[] = { "dracut", "--force", "--quiet", "--uefi", new, release, NULL };
	char made[128];

	snprintf(made, sizeof(made), "/boot/initrd.img-%.64s", release);
	char *has = section_of(made, ".cmdline");
	bool same = has && line && same_line(has, line, true);
	free(has);
	return same ? file_place(made, new) : run(argv, verbose);
}

/* What is wrong with an image beside its line, or NULL. dracut reports success of images that hold next to nothing. */
static const char *fault(const char *path)
{
	struct initramfs image;
	const char *why = NULL;
	size_t len = 0;

	char *target = file_read(TARGET_PATH, &len);
	bool read = initramfs_read(path, &image, &why) == 0;
	bool same = read && (target ? image.target && image.target_len == len && memcmp(image.target, target, len) == 0 &&
				      image.hook != HOOK_NONE : !image.target);
	if (read)
		why = same ? NULL : target ? "does not hold " TARGET_PATH " and the check" : "still holds a target";
	initramfs_free(&image);
	free(target);
	return why;
}

/* Makes an image anew with that line, NULL: the one that is configured, and puts it in the old one's place, old being the line
 * of that. Returns 0, or -1 with one line told. */
static int make_image(const char *path, const char *release, const char *old, const char *line, bool verbose)
{
	bool dracut = find_maker() == MAKER_DRACUT;
	const char *program = dracut ? "dracut" : "ukify";
	const char *why = NULL;
	char new[PATH_MAX];
	int r = -1;

	snprintf(new, sizeof(new), "%s.iommu-new", path);
	int status = dracut ? run_dracut(new, release, line, verbose) : run_ukify(new, release, line ? line : old, verbose);
	char *now = status == 0 ? section_of(new, ".cmdline") : NULL;
	if (status != 0)
		fail("%s failed with %s %d", program, status < 0 ? "error" : "status", abs(status));
	else if (!now || !same_line(now, line ? line : old, line != NULL))
		fail("%s: %s makes it with another command line than it is to have: %s", path, program, now ? now : "none");
	else if (dracut && (why = fault(new)))
		fail("%s: dracut reports success, but the image %s", path, why);
	else if ((r = file_replace(new, path)) < 0)
		fail("%s: %s", path, strerror(-r));
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
	char *config = file_read("/etc/kernel/uki.conf", NULL);
	unsigned number = 1;
	int r = 0;

	for (const char *line = config; line && *line && r == 0; line += strcspn(line, "\n"), line += *line == '\n', number++)
		if (strncmp(line, "Cmdline=", 8) == 0) {
			fail("/etc/kernel/uki.conf:%u: Cmdline= takes the place of /etc/kernel/cmdline for the next kernel; move it there",
			     number);
			r = -1;
		}
	free(config);
	return r;
}

/* dracut's configuration is bash's, read in the order of the names. */
static int edit_dracut(const struct mode_words *wish, struct edits *edits)
{
	char *text = NULL;

	int len = !wish->words ? 0 : asprintf(&text,
		"# Written by iommu-install for mode %s; 'iommu-install MODE' writes it anew. Do not edit.\n"
		"# Takes contrary words out of what was set before this, and puts the mode's words in.\n"
		"kernel_cmdline=$(/usr/sbin/iommu-install internal-words%s \"$kernel_cmdline\" '%s' 2>/dev/null ||\n"
		"\tprintf '%%s\\n' \"$kernel_cmdline %s\")\n", wish->mode, wish->flush ? " --flush" : "", wish->words, wish->words);
	int r = len < 0 ? no_memory() : edits_add(edits, ROLE_SOURCE, DRACUT_DROPIN, text);
	free(text);
	return r;
}

static int edit(const struct mode_words *wish, struct edits *edits)
{
	struct boot_entries entries;
	char *seed = NULL;

	if (find_maker() == MAKER_DRACUT)
		return edit_dracut(wish, edits);
	if (config_has_line() < 0)
		return -1;
	int r = backend_read(&backend_uki, &entries);
	for (size_t i = entries.count; i-- > 0 && r == 0 && !seed;) {
		char *own = entries.list[i].own ? section_of(entries.list[i].id, ".cmdline") : NULL;
		seed = own ? line_without(own, "systemd.machine_id=") : NULL;
		free(own);
	}
	boot_entries_free(&entries);
	if (r == 0)
		r = bls_edit_cmdline(seed ? seed : "", wish, edits);
	free(seed);
	return r < 0 ? -1 : 0;
}

/* ukify makes images of lines that are known, dracut of its configuration. */
static bool configured(void)
{
	return find_maker() == MAKER_DRACUT;
}

static int apply(const char *words, bool flush, bool verbose)
{
	bool anew = words || configured();
	struct boot_entries entries;

	int r = backend_read(&backend_uki, &entries);
	for (size_t i = 0; anew && i < entries.count && r == 0; i++) {
		const struct boot_entry *e = &entries.list[i];
		if (!e->own || (words && words_right(e->words, words, flush)))
			continue;
		/* Its own alone: an addon that contradicts is found out when all is read back. */
		char *own = section_of(e->id, ".cmdline"), *line = words ? line_with(own ? own : "", words, flush) : NULL;
		r = words && !line ? no_memory() : make_image(e->id, e->release, own ? own : "", line, verbose);
		free(own);
		free(line);
	}
	boot_entries_free(&entries);
	return r < 0 ? -1 : 0;
}

static int place(const struct kernel *kernel, const char *placed, bool verbose)
{
	char *line = section_of(placed, ".cmdline");
	int r = -1;

	if (line)
		r = make_image(placed, kernel->release, line, line, verbose);
	else
		fail("%s: %s", placed, strerror(errno));
	free(line);
	return r;
}

static const char *made(void)
{
	const char *dir = image_dir();

	return dir ? dir : dirs[0];
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
	.read = read_entries,
	.edit = edit,
	.apply = apply,
	.place = place,
	.configured = configured,
	.made = made,
	.command = command,
	.layer = "/etc/kernel/cmdline",
};
