/* Puts the early check into an initramfs image that is being built; see populate.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/populate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/paths.h"
#include "evidence/kconfig.h"
#include "evidence/module-params.h"
#include "initramfs/modprobe-d.h"
#include "model/image-conf.h"
#include "model/target.h"

#define FILE_MAX_SIZE (8 << 20) /* bytes; the helper is the largest file, and well under 1 MiB */

/* One line of what is wrong with a file, and the error back. */
static int told(const char *path, int r)
{
	if (r < 0)
		fprintf(stderr, "iommu-install: %s: %s\n", path, strerror(-r));
	return r;
}

static int copy(const struct root *root, const char *from, const struct root *dest, const char *to, mode_t mode,
		const char *magic)
{
	char *data = malloc(FILE_MAX_SIZE);
	if (!data)
		return told(from, -ENOMEM);

	ssize_t len = root_read(root, from, data, FILE_MAX_SIZE);
	int r = len < 0 ? (int)len : 0;
	if (r == 0 && strncmp(data, magic, strlen(magic)) != 0)
		r = -ENOEXEC; /* empty, or not what it should be */
	told(from, r);
	if (r == 0)
		r = told(to, root_write(dest, to, data, (size_t)len, mode));
	free(data);
	return r;
}

static int write_conf(const struct root *dest, const struct image *image)
{
	char text[512];
	int len = image_format(image, text, sizeof(text));

	return told(IMAGE_CONF, root_write(dest, IMAGE_CONF, text, (size_t)len, 0644));
}

/* What the shell prints where there is no helper. It changes nothing about the check, so it may be missing. */
static int copy_message(const struct root *root, const struct root *dest)
{
	static const char path[] = IMAGE_DIR "/stop-message.sh";

	return root_exists(root, path) ? copy(root, path, dest, path, 0755, "#!") : 0;
}

static int fill(const struct root *root, const struct root *dest, const char *osrelease, enum policy enforce,
		enum way_back way_back)
{
	static const char *const dirs[] = { "/etc", "/usr/sbin", IMAGE_MODPROBE_DIR };
	struct image image = { .enforce = enforce, .way_back = way_back };
	bool install_ignored = false;
	int r = 0;

	if (snprintf(image.kernel, sizeof(image.kernel), "%s", osrelease) >= (int)sizeof(image.kernel))
		return told(osrelease, -ENAMETOOLONG);
	/* Not to know is no failure: the early check then says so where it matters. */
	told("modules", params_presence(root, osrelease, image.has, &install_ignored));

	for (int i = 0; i < CONFIGS; i++)
		image.config[i] = kconfig_has(root, osrelease, config_option((enum config)i));

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && r == 0; i++)
		r = told(dirs[i], root_mkdirs(dest, dirs[i]));
	if (r == 0)
		r = copy(root, TARGET_PATH, dest, TARGET_PATH, 0644, "");
	if (r == 0)
		r = copy(root, HELPER_PATH, dest, HELPER_PATH, 0755, "\177ELF");
	if (r == 0)
		r = modprobe_filter(root, dest, install_ignored);
	if (r == 0 && enforce != POLICY_WARN)
		r = copy_message(root, dest);
	/* Last, because it says that the image is whole. */
	if (r == 0)
		r = write_conf(dest, &image);
	return r;
}

int image_build(const struct root *root, const struct root *dest, const char *osrelease, enum way_back way_back)
{
	struct error error;
	struct target target;

	int r = target_read(root, TARGET_PATH, &target, &error);
	if (r == -ENOENT)
		return 0;
	if (r < 0 && error.line)
		fprintf(stderr, "iommu-install: " TARGET_PATH ":%u: %s\n", error.line, error.text);
	else if (r < 0)
		fprintf(stderr, "iommu-install: " TARGET_PATH ": %s\n", error.text);
	if (r < 0 && target.on_mismatch != POLICY_WARN)
		return r;

	r = fill(root, dest, osrelease, target.on_mismatch, way_back);
	if (r < 0 && target.on_mismatch != POLICY_WARN) {
		fprintf(stderr, "iommu-install: the initramfs of kernel %s could not stop the boot as " TARGET_PATH
				" demands (on-mismatch=%s), so it is not built\n", osrelease,
			policy_name(target.on_mismatch));
		return -EINVAL;
	}
	if (r < 0)
		fprintf(stderr, "iommu-install: WARNING: the initramfs of kernel %s will not check the IOMMU "
				"mode\n", osrelease);
	else
		puts(target.on_mismatch == POLICY_WARN ? "warn" : "stop");
	return 0;
}
