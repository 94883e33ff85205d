/* What starts the check in an image without systemd, and who asks all; see starts.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/starts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/paths.h"
#include "initramfs/generator.h"
#include "model/image-conf.h"

#define CHECK_SH IMAGE_DIR "/check.sh"
#define SCRIPT "scripts/init-top/iommu-verify"
#define COMMAND "/usr/sbin/iommu-verify --enforce --phase early"

bool starts_found(struct starts *starts, enum hook hook, const char *format, ...)
{
	va_list args;

	starts->hook = hook;
	va_start(args, format);
	vsnprintf(starts->why, sizeof(starts->why), format, args);
	va_end(args);
	return true;
}

static const struct rootfs_file *text_file(const struct rootfs *image, const char *path)
{
	const struct rootfs_file *file = rootfs_find(image, path);

	return file && S_ISREG(file->mode) && file->data ? file : NULL;
}

/* The last line that begins so, behind blanks, or NULL. */
static const char *line_of(const char *text, const char *start)
{
	const char *last = NULL;

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		line += strspn(line, " \t");
		if (strncmp(line, start, strlen(start)) == 0)
			last = line;
	}
	return last;
}

/* What a shell is given to read: ours, with a line that runs the helper. */
static bool by_shell(const struct rootfs *image, const char *path, struct starts *starts)
{
	const struct rootfs_file *check = text_file(image, path);
	const char *line = check ? line_of(check->data, COMMAND) : NULL;

	if (!check)
		return starts_found(starts, HOOK_NONE, "%s is not in it", path);
	if (!line)
		return starts_found(starts, HOOK_NONE, "%s is empty, or does not run " HELPER_PATH, path);
	if (strncmp(line + sizeof(COMMAND) - 1, " || iommu_verify_stop", 21) == 0)
		return starts_found(starts, HOOK_STOPS, "%s", "");
	return starts_found(starts, HOOK_WARNS, "%s does not stop the boot if " HELPER_PATH " fails", path);
}

/* The file of root that such a shell reads. */
static const char *check_of(bool stop)
{
	return stop ? IMAGE_DIR "/check-stop.sh" : IMAGE_DIR "/check-warn.sh";
}

static int lay_check(const struct rootfs *image, bool stop, const struct root *root, struct image_files *files,
		     struct error *why)
{
	const struct rootfs_file *check = rootfs_find(image, CHECK_SH);
	mode_t mode = check ? check->mode & 07777 : 0644;

	return error_errno(why, image_files_copy(files, root, check_of(stop), CHECK_SH, mode, "#!"));
}

/* dracut 110 and later, its static ones, and before. */
static const char *const hook_dirs[] = { "/var/lib/dracut/hooks/cmdline", "/usr/lib/dracut/hooks/cmdline",
					 "/lib/dracut/hooks/cmdline" };
enum { HOOK_DIRS = sizeof(hook_dirs) / sizeof(hook_dirs[0]) };

static void hook_path(char path[64], size_t dir, bool stop)
{
	snprintf(path, 64, "%s/00-check-%s.sh", hook_dirs[dir], stop ? "stop" : "warn");
}

/* The one that is read: one without anything in it does nothing, beside another. False: none is there. */
static bool find_hook(const struct rootfs *image, char path[64])
{
	bool found = false;
	char one[64];

	for (size_t i = 0; i < 2 * HOOK_DIRS; i++) {
		hook_path(one, i / 2, i % 2 == 0);
		const struct rootfs_file *hook = rootfs_find_link(image, one);
		if (!hook || (found && hook->len == 0))
			continue;
		memcpy(path, one, sizeof(one));
		found = true;
		if (hook->len != 0)
			return true;
	}
	return found;
}

static bool read_dracut_hook(const struct rootfs *image, struct starts *starts)
{
	char path[64];

	return find_hook(image, path) && by_shell(image, path, starts);
}

/* dracut reads all that is there: the other one becomes empty. */
static int lay_dracut_hook(const struct rootfs *image, bool stop, const struct root *root, struct image_files *files,
			   struct error *why)
{
	char now[64], other[64];
	size_t dir = 0;

	if (!find_hook(image, now))
		return error_set(why, -ENOTSUP, "it has no hook of dracut");
	while (strncmp(now, hook_dirs[dir], strlen(hook_dirs[dir])) != 0)
		dir++;
	hook_path(other, dir, stop);
	int r = image_files_add(files, now, S_IFREG | 0755, "", 0);
	if (r == 0)
		r = image_files_copy(files, root, check_of(stop), other, 0755, "#!");
	return error_errno(why, r);
}

const struct start start_by_dracut_hook = { read_dracut_hook, lay_dracut_hook };

static bool read_order(const struct rootfs *image, struct starts *starts)
{
	const struct rootfs_file *script = rootfs_find(image, SCRIPT);
	const struct rootfs_file *order = text_file(image, "scripts/init-top/ORDER");

	if (!script && !rootfs_find(image, CHECK_SH))
		return false;
	if (!script)
		return rootfs_find(image, "scripts/init-top") &&
		       starts_found(starts, HOOK_NONE, "/" SCRIPT " is not in it");
	if (!(script->mode & 0100))
		return starts_found(starts, HOOK_NONE, "/" SCRIPT " is not executable");
	if (!script->data || !line_of(script->data, ". " CHECK_SH))
		return starts_found(starts, HOOK_NONE, "/" SCRIPT " is empty, or does not read " CHECK_SH);
	if (!order)
		return starts_found(starts, HOOK_NONE, "/scripts/init-top/ORDER is not in it");
	const char *ours = line_of(order->data, "/" SCRIPT " ");
	const char *udev = line_of(order->data, "/scripts/init-top/udev ");
	if (!ours)
		return starts_found(starts, HOOK_NONE, "/scripts/init-top/ORDER does not name /" SCRIPT);
	if (udev && udev < ours)
		return starts_found(starts, HOOK_NONE, "/scripts/init-top/ORDER has /" SCRIPT " behind udev");
	/* The script writes there what init's own shell is to run. */
	const char *handed = strstr(ours, ". /conf/param.conf");
	if (!handed || (udev && udev < handed))
		return starts_found(starts, HOOK_NONE, "/scripts/init-top/ORDER does not read /conf/param.conf behind "
				    "/" SCRIPT);
	return by_shell(image, CHECK_SH, starts);
}

const struct start start_by_order = { read_order, lay_check };

static bool read_early_hook(const struct rootfs *image, struct starts *starts)
{
	static const char first[] = "EARLYHOOKS=";
	const struct rootfs_file *hook = text_file(image, "hooks/iommu-verify"), *config = text_file(image, "config");
	const char *line = config ? line_of(config->data, first) : NULL;

	if (!hook)
		return rootfs_find(image, "hooks") && rootfs_find(image, CHECK_SH) &&
		       starts_found(starts, HOOK_NONE, "/hooks/iommu-verify is not in it");
	if (!line_of(hook->data, "run_earlyhook()") || !strstr(hook->data, "\t. " CHECK_SH))
		return starts_found(starts, HOOK_NONE, "/hooks/iommu-verify is empty, or does not read " CHECK_SH);
	/* They run in this order, and udev's lets drivers bind. */
	if (line)
		line += sizeof(first) - 1 + strspn(line + sizeof(first) - 1, "\"'");
	if (!line || strncmp(line, "iommu-verify", 12) != 0 || !strchr(" \"'\n", line[12]))
		return starts_found(starts, HOOK_NONE, "/config does not have iommu-verify as the first of EARLYHOOKS");
	return by_shell(image, CHECK_SH, starts);
}

const struct start start_by_early_hook = { read_early_hook, lay_check };

/* Fills *starts in with the first way that starts it, which is returned, or with what is wrong with the first that is
 * there. */
static const struct start *find_start(const struct rootfs *image, struct starts *starts)
{
	struct starts one;
	const struct generator *g;

	*starts = (struct starts){ 0 };
	for (size_t i = 0; (g = generator_at(i)); i++)
		for (const struct start *const *way = g->starters; way && *way; way++) {
			one = (struct starts){ 0 };
			if (!(*way)->read(image, &one))
				continue;
			if (one.hook != HOOK_NONE || !starts->why[0])
				*starts = one;
			if (one.hook != HOOK_NONE)
				return *way;
		}
	return NULL;
}

void starts_read(const struct rootfs *image, struct starts *starts)
{
	find_start(image, starts);
}

int starts_lay(const struct rootfs *image, bool stop, const struct root *root, struct image_files *files,
	       struct error *why)
{
	struct starts starts;
	const struct start *way = find_start(image, &starts);

	return way ? way->lay(image, stop, root, files, why) : error_set(why, -ENOTSUP, "nothing starts the check");
}
