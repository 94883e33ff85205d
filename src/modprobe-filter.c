/* Copies into an image what the real root's modprobe.d says of the vfio modules; see modprobe-filter.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "modprobe-filter.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image.h"
#include "params.h"

/* In the order in which modprobe(8) looks; the first file of a base name hides the later ones. */
static const char *const dirs[] = {
	"/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d",
};

static bool is_our_module(const char *name, size_t len)
{
	for (int p = 0; p < PARAMS; p++) {
		const char *module = param_module((enum param)p);
		size_t i = 0;

		while (i < len && module[i] && (name[i] == '-' ? '_' : name[i]) == module[i])
			i++;
		if (i == len && module[i] == '\0')
			return true;
	}
	return false;
}

/* Whether a line, continuations joined, is one that belongs into the image. */
static bool is_ours(const char *line)
{
	static const struct {
		const char *command;
		int module; /* which word names the module */
	} commands[] = { { "options", 1 }, { "install", 1 }, { "blacklist", 1 }, { "alias", 2 } };
	const char *words[3] = { "", "", "" };
	size_t lengths[3] = { 0 };

	for (int i = 0; i < 3; i++) {
		line += strspn(line, " \t");
		words[i] = line;
		lengths[i] = strcspn(line, " \t\r\n");
		line += lengths[i];
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strlen(commands[i].command) == lengths[0] && strncmp(words[0], commands[i].command, lengths[0]) == 0)
			return is_our_module(words[commands[i].module], lengths[commands[i].module]);
	return false;
}

/* Reads one line of any length with its continuations (a backslash before the newline) joined by a blank. Returns NULL
 * at the end or on an error; the caller frees. */
static char *read_line(FILE *file)
{
	char *whole = NULL, *part = NULL;
	size_t size = 0, len = 0;
	ssize_t n;

	while ((n = getline(&part, &size, file)) > 0) {
		bool more = n >= 2 && part[n - 1] == '\n' && part[n - 2] == '\\';
		if (part[n - 1] == '\n')
			n--;
		if (more)
			part[n - 1] = ' ';

		char *longer = realloc(whole, len + (size_t)n + 1);
		if (!longer)
			break;
		whole = longer;
		memcpy(whole + len, part, (size_t)n);
		len += (size_t)n;
		whole[len] = '\0';
		if (!more)
			break;
	}
	free(part);
	return whole;
}

/* Collects the lines of a file that are ours. Returns 0 with *text owned by the caller (maybe ""), or -errno. */
static int filter_file(int fd, char **text, size_t *len)
{
	FILE *in = fdopen(fd, "r");
	if (!in) {
		close(fd);
		return -errno;
	}
	FILE *out = open_memstream(text, len);
	if (!out) {
		fclose(in);
		return -ENOMEM;
	}

	for (char *line; (line = read_line(in)); free(line))
		if (is_ours(line))
			fprintf(out, "%s\n", line);
	int r = ferror(in) ? -EIO : 0;
	fclose(in);
	return fclose(out) == 0 ? r : -ENOMEM;
}

/* Is a file of this name in one of the directories before dirs[before]? */
static bool shadowed(const struct root *root, const char *name, size_t before)
{
	char path[512];

	for (size_t i = 0; i < before; i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		if (root_exists(root, path))
			return true;
	}
	return false;
}

static int take_file(const struct root *root, const struct root *dest, size_t dir, const char *name)
{
	char path[512], *text = NULL;
	size_t len = 0;

	snprintf(path, sizeof(path), "%s/%s", dirs[dir], name);
	int fd = root_open(root, path, O_RDONLY);
	int r = fd < 0 ? fd : filter_file(fd, &text, &len);
	if (r == -EISDIR || (r == -ENOENT && dir > 0)) {
		free(text);
		return 0;
	}
	if (r < 0)
		fprintf(stderr, "iommu-install: %s: %s\n", path, strerror(-r));

	/* A file that hides lines of ours further down must go on hiding them in the image. */
	if (r == 0 && len > 0) {
		bool hidden = shadowed(root, name, dir);
		snprintf(path, sizeof(path), IMAGE_MODPROBE_DIR "/%s", name);
		if (!hidden || !root_exists(dest, path))
			r = root_write(dest, path, text, hidden ? 0 : len, 0644);
		if (r < 0)
			fprintf(stderr, "iommu-install: %s: %s\n", path, strerror(-r));
	}
	free(text);
	return r;
}

/* libkmod/libkmod-config.c:conf_files_filter_out() */
static bool is_config_name(const char *name)
{
	size_t len = strlen(name);

	return name[0] != '.' && ((len > 5 && strcmp(name + len - 5, ".conf") == 0) ||
				  (len > 6 && strcmp(name + len - 6, ".alias") == 0));
}

int modprobe_filter(const struct root *root, const struct root *dest)
{
	int r = 0;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && r == 0; i++) {
		int fd = root_open(root, dirs[i], O_RDONLY | O_DIRECTORY);
		DIR *dir = fd < 0 ? NULL : fdopendir(fd);
		if (!dir)
			continue;
		for (const struct dirent *entry; r == 0 && (entry = readdir(dir));)
			if (is_config_name(entry->d_name))
				r = take_file(root, dest, i, entry->d_name);
		closedir(dir);
	}
	return r;
}
