/* What of ours belongs into an image; see image-files.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/image-files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/paths.h"
#include "evidence/kconfig.h"
#include "evidence/module-params.h"
#include "initramfs/modprobe-d.h"
#include "model/target.h"

#define FILE_MAX_SIZE (8 << 20) /* bytes; the helper is the largest file, and well under 1 MiB */

void image_files_free(struct image_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free(files->list[i].path);
		free(files->list[i].data);
	}
	free(files->list);
	*files = (struct image_files){ 0 };
}

struct image_file *image_files_find(const struct image_files *files, const char *path)
{
	for (size_t i = 0; i < files->count; i++)
		if (strcmp(files->list[i].path, path) == 0)
			return &files->list[i];
	return NULL;
}

int image_files_add(struct image_files *files, const char *path, mode_t mode, const void *data, size_t len)
{
	struct image_file *file = image_files_find(files, path);
	char *copy = malloc(len + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, len);
	copy[len] = '\0';
	if (!file) {
		struct image_file *more = reallocarray(files->list, files->count + 1, sizeof(*more));
		char *name = strdup(path);
		if (more)
			files->list = more;
		if (!more || !name) {
			free(name);
			free(copy);
			return -ENOMEM;
		}
		file = &files->list[files->count++];
		*file = (struct image_file){ .path = name };
	}
	free(file->data);
	file->mode = mode;
	file->data = copy;
	file->len = len;
	return 0;
}

/* One line of what is wrong with a file, and the error back. */
static int told(const char *path, int r)
{
	if (r < 0)
		fprintf(stderr, "iommu-install: %s: %s\n", path, strerror(-r));
	return r;
}

int image_files_copy(struct image_files *files, const struct root *root, const char *from, const char *path,
		     mode_t mode, const char *magic)
{
	char *data = malloc(FILE_MAX_SIZE);
	if (!data)
		return told(from, -ENOMEM);

	ssize_t len = root_read(root, from, data, FILE_MAX_SIZE);
	int r = len < 0 ? (int)len : 0;
	if (r == 0 && strncmp(data, magic, strlen(magic)) != 0)
		r = -ENOEXEC; /* empty, or not what it should be */
	if (r == 0)
		r = image_files_add(files, path, S_IFREG | mode, data, (size_t)len);
	free(data);
	return told(from, r);
}

/* What the shell prints where there is no helper. It changes nothing about the check, so it may be missing. */
static int take_message(struct image_files *files, const struct root *root)
{
	static const char path[] = IMAGE_DIR "/stop-message.sh";

	return root_exists(root, path) ? image_files_copy(files, root, path, path, 0755, "#!") : 0;
}

void image_modules_read(const struct root *root, const char *osrelease, struct image_modules *modules)
{
	*modules = (struct image_modules){ 0 };
	/* Not to know is no failure: the early check then says so where it matters. */
	told("modules", params_presence(root, osrelease, modules->has, &modules->install_ignored));
}

int image_files_take(struct image_files *files, const struct root *root, const char *osrelease, const char *target,
		     size_t target_len, enum policy enforce, enum way_back way_back,
		     const struct image_modules *modules)
{
	struct image image = { .enforce = enforce, .way_back = way_back };
	char text[512];

	if (snprintf(image.kernel, sizeof(image.kernel), "%s", osrelease) >= (int)sizeof(image.kernel))
		return told(osrelease, -ENAMETOOLONG);
	memcpy(image.has, modules->has, sizeof(image.has));
	for (int i = 0; i < CONFIGS; i++)
		image.config[i] = kconfig_has(root, osrelease, config_option((enum config)i));

	int r = told(TARGET_PATH, image_files_add(files, TARGET_PATH, S_IFREG | 0644, target, target_len));
	if (r == 0)
		r = image_files_copy(files, root, HELPER_PATH, HELPER_PATH, 0755, "\177ELF");
	if (r == 0)
		r = modprobe_filter(root, modules->install_ignored, files);
	if (r == 0 && enforce != POLICY_WARN)
		r = take_message(files, root);
	if (r < 0)
		return r;
	/* Last, because it says that the image is whole. */
	int len = image_format(&image, text, sizeof(text));
	return told(IMAGE_CONF, image_files_add(files, IMAGE_CONF, S_IFREG | 0644, text, (size_t)len));
}
