/* Initramfs images; see inspect.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/inspect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/paths.h"
#include "initramfs/modprobe-says.h"
#include "initramfs/unpack.h"
#include "model/image-conf.h"
#include "system/files.h"

static const struct rootfs_file *read_file(const struct rootfs *root, const char *path)
{
	const struct rootfs_file *file = rootfs_find(root, path);

	return file && S_ISREG(file->mode) && file->data ? file : NULL;
}

static bool is_our_helper(const struct rootfs_file *file)
{
	size_t len;

	if (!file || !(file->mode & 0100))
		return false;
	char *helper = file_read(HELPER_PATH, &len);
	bool same = helper && file->len == len && memcmp(file->data, helper, len) == 0;
	free(helper);
	return same;
}

/* A copy, as it is cut up; what was unpacked belongs to others too. */
static int take_conf(const struct rootfs_file *conf, struct initramfs *image)
{
	char *text = conf ? malloc(conf->len + 1) : NULL;

	if (!text)
		return conf ? -ENOMEM : 0;
	memcpy(text, conf->data, conf->len + 1);
	image->conf = image_parse(text, conf->len, &image->image) == 0;
	free(text);
	return 0;
}

int initramfs_take(const struct rootfs *root, struct initramfs *image)
{
	const struct rootfs_file *target = read_file(root, TARGET_PATH), *conf = read_file(root, IMAGE_CONF);
	const struct rootfs_file *helper = read_file(root, HELPER_PATH);
	struct modprobe_says says;
	struct starts starts;

	*image = (struct initramfs){ 0 };
	if (target) {
		image->target = malloc(target->len + 1);
		if (!image->target)
			return -ENOMEM;
		memcpy(image->target, target->data, target->len + 1);
		image->target_len = target->len;
	}
	if (take_conf(conf, image) < 0 || modprobe_says_image(root, &says) < 0) {
		initramfs_free(image);
		return -ENOMEM;
	}
	image->helper = helper != NULL;
	image->same_helper = is_our_helper(helper);
	image->executable = helper && (helper->mode & 0100);
	image->sets = modprobe_sets(&says);
	starts_read(root, &starts);
	image->hook = starts.hook;
	memcpy(image->why, starts.why, sizeof(image->why));
	return 0;
}

int initramfs_read(const char *path, struct initramfs *image, struct error *error)
{
	const struct rootfs *root;

	*image = (struct initramfs){ 0 };
	int r = initramfs_unpack(path, &root, error);
	if (r < 0)
		return r;
	if (initramfs_take(root, image) < 0)
		r = error_errno(error, -ENOMEM);
	rootfs_free(root);
	return r;
}

void initramfs_free(struct initramfs *image)
{
	free(image->target);
	image->target = NULL;
}

bool initramfs_holds_check(const char *path)
{
	struct initramfs image;

	bool holds =
		initramfs_read(path, &image, NULL) == 0 && (image.hook != HOOK_NONE || image.target || image.helper);
	initramfs_free(&image);
	return holds;
}

/* What is wrong with an image, or NULL; sets are the module parameters that the system's modprobe.d sets to Y. */
static const char *fault(const struct kernel *kernel, const struct initramfs *image, const struct image_want *want,
			 unsigned sets)
{
	if (!want->target_text)
		return image->target || image->hook != HOOK_NONE ? "still holds iommu-verify" : NULL;
	if (!image->target)
		return "holds no target";
	if (image->target_len != want->target_len || memcmp(image->target, want->target_text, want->target_len) != 0)
		return "holds another target";
	if (!image->helper)
		return "holds no iommu-verify";
	if (!image->executable)
		return "holds an iommu-verify that is not executable";
	if (!image->same_helper)
		return "holds another version of iommu-verify than " HELPER_PATH;
	if (!image->conf)
		return "holds no usable image.conf";
	if (image->image.enforce != want->on_mismatch || strcmp(image->image.kernel, kernel->release) != 0)
		return "holds an image.conf of another policy or kernel";
	if (image->sets != sets)
		return "holds other modprobe.d lines about vfio than the system has";
	if (image->hook == (want->on_mismatch == POLICY_WARN ? HOOK_WARNS : HOOK_STOPS))
		return NULL;
	if (image->why[0] && (image->hook == HOOK_NONE || want->on_mismatch != POLICY_WARN))
		return image->why;
	return image->hook == HOOK_NONE ? "has nothing that starts iommu-verify" :
					  "starts iommu-verify under another policy";
}

int initramfs_check_unpacked(const struct kernel *kernel, const struct rootfs *root, const struct image_want *want,
			     struct error *error)
{
	struct modprobe_says system;
	struct initramfs image;

	int r = initramfs_take(root, &image);
	if (r == 0)
		r = modprobe_says_system(&system);
	const char *what = r == 0 ? fault(kernel, &image, want, modprobe_sets(&system)) : NULL;
	if (r < 0)
		error_errno(error, r);
	if (what)
		r = error_set(error, -ENOENT, "%s", what);
	initramfs_free(&image);
	return r;
}

int initramfs_check_one(const struct kernel *kernel, const char *path, const struct image_want *want,
			struct error *error)
{
	const struct rootfs *root;

	int r = initramfs_unpack(path, &root, error);
	if (r == 0)
		r = initramfs_check_unpacked(kernel, root, want, error);
	rootfs_free(root);
	return r;
}

int initramfs_check(const struct kernel *kernel, const struct image_want *want, const char **path,
		    struct error *error)
{
	*path = kernel->image;
	int r = initramfs_check_one(kernel, *path, want, error);
	for (size_t i = 0; r == 0 && i < kernel->places; i++) {
		*path = kernel->placed[i];
		r = initramfs_check_one(kernel, *path, want, error);
	}
	if (r == 0 && kernel->under[0]) {
		*path = kernel->under;
		r = initramfs_check_one(kernel, *path, want, error);
	}
	return r;
}
