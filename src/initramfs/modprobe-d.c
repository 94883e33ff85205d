/* What a root's modprobe.d says of the vfio modules; see modprobe-d.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/modprobe-d.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/module-params.h"
#include "model/image-conf.h"
#include "system/memstream.h"

static const char *const dirs[] = { MODPROBE_DIRS };

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
		if (strlen(commands[i].command) == lengths[0] &&
		    strncmp(words[0], commands[i].command, lengths[0]) == 0)
			return is_our_module(words[commands[i].module], lengths[commands[i].module]);
	return false;
}

static bool is_vfio_install(const char *line)
{
	line += strspn(line, " \t");
	if (strncmp(line, "install", 7) != 0)
		return false;
	line += 7 + strspn(line + 7, " \t");
	return strncmp(line, "vfio", 4) == 0 && strchr(" \t", line[4]);
}

/* Reads one line of any length with its continuations (a backslash before the newline) joined by a blank, and counts in
 * *lines what it took. Returns NULL at the end, or with *failed on an error; the caller frees. */
static char *read_line(FILE *file, unsigned *lines, bool *failed)
{
	char *whole = NULL, *part = NULL;
	size_t size = 0, len = 0;
	ssize_t n;

	while ((n = getline(&part, &size, file)) > 0) {
		++*lines;
		bool more = n >= 2 && part[n - 1] == '\n' && part[n - 2] == '\\';
		if (part[n - 1] == '\n')
			n--;
		if (more)
			part[n - 1] = ' ';

		char *longer = realloc(whole, len + (size_t)n + 1);
		if (!longer) {
			*failed = true;
			break;
		}
		whole = longer;
		memcpy(whole + len, part, (size_t)n);
		len += (size_t)n;
		whole[len] = '\0';
		if (!more)
			break;
	}
	*failed = *failed || (n < 0 && !feof(file)); /* getline(3) may have had no memory */
	free(part);
	if (!*failed)
		return whole;
	free(whole);
	return NULL;
}

/* Collects the lines of a file that are ours. Returns 0 with *text owned by the caller (maybe ""), or -errno. */
static int filter_file(int fd, bool install_ignored, char **text, size_t *len)
{
	unsigned lines = 0;
	bool failed = false;
	struct text made;
	FILE *in = fdopen(fd, "r");
	if (!in) {
		close(fd);
		return -errno;
	}
	FILE *out = text_open(&made);
	if (!out) {
		fclose(in);
		return -ENOMEM;
	}

	for (char *line; (line = read_line(in, &lines, &failed)); free(line))
		if (is_ours(line))
			fprintf(out, "%s%s\n",
				install_ignored && is_vfio_install(line)
					? "# passed over, as vfio has soft dependencies: "
					: "",
				line);
	int r = ferror(in) ? -EIO : failed ? -ENOMEM : 0;
	fclose(in);
	*text = text_close(&made, len);
	if (r == 0 && *text)
		return 0;
	free(*text);
	*text = NULL;
	return r < 0 ? r : -ENOMEM;
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

static int take_file(const struct root *root, struct image_files *files, size_t dir, const char *name,
		     bool install_ignored)
{
	char path[512], *text = NULL;
	size_t len = 0;

	snprintf(path, sizeof(path), "%s/%s", dirs[dir], name);
	int fd = root_open(root, path, O_RDONLY);
	struct stat st;
	/* A dangling link, or a directory: libkmod passes over it, and so does this. */
	if (fd == -ENOENT || (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	int r = fd < 0 ? fd : filter_file(fd, install_ignored, &text, &len);
	if (r < 0)
		fprintf(stderr, "iommu-install: %s: %s\n", path, strerror(-r));

	/* A file that hides lines of ours further down must go on hiding them in the image. */
	if (r == 0 && len > 0) {
		bool hidden = shadowed(root, name, dir);
		snprintf(path, sizeof(path), IMAGE_MODPROBE_DIR "/%s", name);
		if (!hidden || !image_files_find(files, path))
			r = image_files_add(files, path, S_IFREG | 0644, text, hidden ? 0 : len);
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

int modprobe_filter(const struct root *root, bool install_ignored, struct image_files *files)
{
	int r = 0;

	for (size_t i = 0; dirs[i] && r == 0; i++) {
		DIR *dir = root_opendir(root, dirs[i]);
		if (!dir && (errno == ENOENT || errno == ENOTDIR))
			continue;
		if (!dir) {
			r = -errno;
			fprintf(stderr, "iommu-install: %s: %s\n", dirs[i], strerror(errno));
			break;
		}
		for (const struct dirent *entry; r == 0 && (entry = readdir(dir));)
			if (is_config_name(entry->d_name))
				r = take_file(root, files, i, entry->d_name, install_ignored);
		closedir(dir);
	}
	return r;
}

/* --- Walking ------------------------------------------------------------------------------------------------------ */

struct file {
	size_t dir;
	char name[256];
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

/* The files that count, in order. Returns their number, or -errno; *files is the caller's to free. */
static ssize_t list_files(const struct root *root, struct file **files)
{
	size_t count = 0, size = 0;

	*files = NULL;
	for (size_t i = 0; dirs[i]; i++) {
		DIR *dir = root_opendir(root, dirs[i]);
		if (!dir && (errno == ENOMEM || errno == EMFILE))
			return -errno;
		for (const struct dirent *entry; dir && (entry = readdir(dir));) {
			if (!is_config_name(entry->d_name) || shadowed(root, entry->d_name, i))
				continue;
			if (count == size) {
				struct file *more = reallocarray(*files, size * 2 + 32, sizeof(*more));
				if (!more) {
					closedir(dir);
					return -ENOMEM;
				}
				*files = more;
				size = size * 2 + 32;
			}
			(*files)[count].dir = i;
			snprintf((*files)[count++].name, sizeof((*files)[0].name), "%s", entry->d_name);
		}
		if (dir)
			closedir(dir);
	}
	if (count)
		qsort(*files, count, sizeof((*files)[0]), by_name);
	return (ssize_t)count;
}

int modprobe_walk(const struct root *root,
                  void (*visit)(void *context, const char *path, unsigned line, const char *text), void *context)
{
	struct file *files;
	ssize_t count = list_files(root, &files);
	bool failed = count < 0;

	for (ssize_t i = 0; files && i < count && !failed; i++) {
		char path[512];
		unsigned lines = 0, first = 1;

		snprintf(path, sizeof(path), "%s/%s", dirs[files[i].dir], files[i].name);
		int fd = root_open(root, path, O_RDONLY);
		FILE *in = fd < 0 ? NULL : fdopen(fd, "r");
		if (!in && fd >= 0)
			close(fd);
		for (char *text; in && (text = read_line(in, &lines, &failed)); free(text), first = lines + 1)
			if (is_ours(text))
				visit(context, path, first, text);
		if (in)
			fclose(in);
	}
	free(files);
	return failed ? -ENOMEM : 0;
}
