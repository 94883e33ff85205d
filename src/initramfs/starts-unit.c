/* What starts the check in an image with systemd; see starts.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * systemd.unit(5), "Unit File Load Path"; systemd.service(5), "Command lines". Of a unit's settings those are read that
 * keep the check from running, from being waited for, or from stopping the machine if it fails.
 */
#include "initramfs/starts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/paths.h"
#include "model/image-conf.h"

#define UNIT "iommu-verify.service"
#define COMMAND HELPER_PATH " --enforce --phase early"

static const char *const dirs[] = {
	"/etc/systemd/system.control", "/run/systemd/system.control", "/run/systemd/transient",
	"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system", "/lib/systemd/system",
};
enum { DIRS = sizeof(dirs) / sizeof(dirs[0]), DROPINS_MAX = 32 }; /* more are not looked at */

/* What of the unit matters, and the file that said it last. */
struct unit {
	char command[256], failure[64], type[32];
	size_t commands;
	const char *condition; /* a setting that can keep it from running, static text */
	const char *success;
	char from[PATH_MAX]; /* of command */
};

/* Nothing in it, or a link to /dev/null: it masks what has the same name elsewhere. */
static bool is_mask(const struct rootfs *image, const char *path)
{
	const struct rootfs_file *link = rootfs_find_link(image, path), *file = rootfs_find(image, path);

	if (link && S_ISLNK(link->mode) && link->data && strcmp(link->data, "/dev/null") == 0)
		return true;
	return file && S_ISREG(file->mode) && file->len == 0;
}

static void set_command(struct unit *unit, const char *value, const char *path)
{
	if (!value[0]) {
		unit->commands = 0;
		return;
	}
	unit->commands++;
	snprintf(unit->command, sizeof(unit->command), "%s", value);
	snprintf(unit->from, sizeof(unit->from), "%s", path);
}

static void set(struct unit *unit, const char *section, const char *key, const char *value, const char *path)
{
	static const char *const keeping[] = { "Condition", "Assert", "ExecCondition" };

	bool service = strcmp(section, "[Service]") == 0;
	if (service && strcmp(key, "ExecStart") == 0)
		set_command(unit, value, path);
	else if (service && strcmp(key, "Type") == 0)
		snprintf(unit->type, sizeof(unit->type), "%s", value);
	else if (service && strcmp(key, "SuccessExitStatus") == 0)
		unit->success = value[0] ? "SuccessExitStatus" : NULL;
	else if (strcmp(section, "[Unit]") == 0 && strcmp(key, "FailureAction") == 0)
		snprintf(unit->failure, sizeof(unit->failure), "%s", value);
	for (size_t i = 0; i < sizeof(keeping) / sizeof(keeping[0]); i++)
		if (strncmp(key, keeping[i], strlen(keeping[i])) == 0)
			unit->condition = value[0] ? keeping[i] : NULL;
}

static char *trim(char *text)
{
	text += strspn(text, " \t");
	for (size_t len = strlen(text); len > 0 && strchr(" \t\r", text[len - 1]); len--)
		text[len - 1] = '\0';
	return text;
}

/* Reads a unit's file, or a drop-in. Returns false if there is no memory. */
static bool read_file(const struct rootfs *image, const char *path, struct unit *unit)
{
	const struct rootfs_file *file = rootfs_find(image, path);
	char section[32] = "", *next, *text = file && file->data ? strdup(file->data) : NULL;

	if (!text)
		return !file || !file->data;
	for (char *p = text; (p = strstr(p, "\\\n"));)
		memcpy(p, "  ", 2);
	for (char *line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line = trim(line);
		char *equals = strchr(line, '=');
		if (line[0] == '[') {
			snprintf(section, sizeof(section), "%s", line);
		} else if (equals && line[0] != '#' && line[0] != ';') {
			*equals = '\0';
			set(unit, section, trim(line), trim(equals + 1), path);
		}
	}
	free(text);
	return true;
}

/* The drop-ins by their names, each from the first directory that has it; those without anything in them mask it. */
struct dropin {
	const char *name;
	char path[PATH_MAX];
};

static void collect(const struct rootfs *image, const char *dir, struct dropin *list, size_t *count)
{
	const char *name;

	for (size_t i = 0; (name = rootfs_entry(image, dir, i)); i++) {
		size_t len = strlen(name), at = 0;
		if (len < 5 || strcmp(name + len - 5, ".conf") != 0 || *count == DROPINS_MAX)
			continue;
		while (at < *count && strcmp(list[at].name, name) < 0)
			at++;
		if (at < *count && strcmp(list[at].name, name) == 0)
			continue;
		memmove(&list[at + 1], &list[at], (*count - at) * sizeof(*list));
		list[at].name = name;
		if (snprintf(list[at].path, sizeof(list[at].path), "%s/%s", dir, name) < PATH_MAX)
			++*count;
	}
}

static bool read_dropins(const struct rootfs *image, struct unit *unit)
{
	/* Of the unit, of all whose names begin so, of all services. */
	static const char *const of[] = { UNIT ".d", "iommu-.service.d", "service.d" };
	struct dropin *list = calloc(DROPINS_MAX + 1, sizeof(*list));
	char dir[PATH_MAX];
	size_t count = 0;
	bool whole = list;

	for (size_t o = 0; list && o < sizeof(of) / sizeof(of[0]); o++)
		for (size_t d = 0; d < DIRS; d++) {
			snprintf(dir, sizeof(dir), "%s/%s", dirs[d], of[o]);
			collect(image, dir, list, &count);
		}
	for (size_t i = 0; whole && i < count; i++)
		if (!is_mask(image, list[i].path))
			whole = read_file(image, list[i].path, unit);
	free(list);
	return whole;
}

/* A link of that name in the target's requires or wants. Of its name alone systemd knows the unit. */
static bool is_wanted(const struct rootfs *image)
{
	char path[PATH_MAX];

	for (size_t d = 0; d < DIRS; d++)
		for (int i = 0; i < 2; i++) {
			snprintf(path, sizeof(path), "%s/sysinit.target.%s/" UNIT, dirs[d], i ? "wants" : "requires");
			const struct rootfs_file *link = rootfs_find_link(image, path);
			if (link && S_ISLNK(link->mode) && !is_mask(image, path))
				return true;
		}
	return false;
}

static const char *find_unit(const struct rootfs *image, char path[PATH_MAX])
{
	for (size_t d = 0; d < DIRS; d++) {
		snprintf(path, PATH_MAX, "%s/" UNIT, dirs[d]);
		if (rootfs_find_link(image, path))
			return path;
	}
	return NULL;
}

static bool judge(const struct unit *unit, struct starts *starts)
{
	/* Those that all versions know, and that wait for nobody. */
	static const char *const at_once[] = { "poweroff-immediate", "poweroff-force", "reboot-immediate",
					       "reboot-force" };
	const char *command = unit->command + (unit->command[0] == '-');
	bool stops = false;

	if (unit->condition)
		return starts_found(starts, HOOK_NONE, UNIT " has %s...=, which can keep it from running",
				    unit->condition);
	if (unit->commands != 1 || strcmp(command, COMMAND) != 0)
		return starts_found(starts, HOOK_NONE, "ExecStart= of " UNIT " does not run " HELPER_PATH "%s%.90s",
				    unit->commands ? ": " : "", unit->commands ? unit->from : "");
	if (strcmp(unit->type, "oneshot") != 0)
		return starts_found(starts, HOOK_NONE, "Type= of " UNIT " is %s: the boot goes on beside it",
				    unit->type);
	for (size_t i = 0; i < sizeof(at_once) / sizeof(at_once[0]); i++)
		stops = stops || strcmp(unit->failure, at_once[i]) == 0;
	if (!stops)
		return starts_found(starts, HOOK_WARNS, "FailureAction= of " UNIT " is %s", unit->failure[0] ?
				    unit->failure : "not set");
	if (command != unit->command || unit->success)
		return starts_found(starts, HOOK_WARNS, UNIT " takes a failure of " HELPER_PATH " for success");
	return starts_found(starts, HOOK_STOPS, "%s", "");
}

/* Whether what the kernel starts is systemd. */
static bool has_systemd(const struct rootfs *image)
{
	const struct rootfs_file *init = rootfs_find_link(image, "init");
	const char *name = init && S_ISLNK(init->mode) && init->data ? strrchr(init->data, '/') : NULL;

	return name && strcmp(name, "/systemd") == 0;
}

static bool read_unit(const struct rootfs *image, struct starts *starts)
{
	struct unit unit = { .type = "simple" };
	char path[PATH_MAX];

	bool wanted = is_wanted(image);
	if (!find_unit(image, path))
		return wanted && starts_found(starts, HOOK_NONE, UNIT " is not in it");
	if (is_mask(image, path))
		return starts_found(starts, HOOK_NONE, UNIT " is masked: %.120s", path);
	if (!wanted)
		return starts_found(starts, HOOK_NONE, "sysinit.target neither requires nor wants " UNIT);
	if (!has_systemd(image))
		return starts_found(starts, HOOK_NONE, "/init is not systemd, which starts " UNIT);
	if (!read_file(image, path, &unit) || !read_dropins(image, &unit))
		return starts_found(starts, HOOK_NONE, UNIT " can't be read: no memory");
	return judge(&unit, starts);
}

/* What makes it stop a machine is a drop-in, and a link by which the boot waits for it in vain. */
static int lay_unit(const struct rootfs *image, bool stop, const struct root *root, struct image_files *files,
		    struct error *why)
{
	char path[PATH_MAX], dropin[PATH_MAX + 16];

	if (!stop)
		return error_set(why, -ENOTSUP, "what makes systemd stop the boot can't be taken out of it");
	if (!find_unit(image, path))
		return error_set(why, -ENOTSUP, UNIT " is not in it");
	snprintf(dropin, sizeof(dropin), "%s.d/stop.conf", path);
	int r = image_files_copy(files, root, IMAGE_DIR "/stop.conf", dropin, 0644, "#");
	if (r == 0)
		r = image_files_add(files, "/etc/systemd/system/sysinit.target.requires/" UNIT, S_IFLNK | 0777, path,
				    strlen(path));
	return error_errno(why, r);
}

const struct start start_by_unit = { read_unit, lay_unit };
