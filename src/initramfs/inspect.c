/* Initramfs images; see inspect.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "base/paths.h"
#include "initramfs/cpio.h"
#include "initramfs/generator.h"
#include "model/image-conf.h"
#include "system/files.h"
#include "system/pe.h"


enum { FILE_TARGET, FILE_HELPER, FILE_MERGED, FILE_CONF, FILE_CHECK, FILE_CONFIG, FILE_STARTERS,
       STARTERS_MAX = 32, FILES_MAX = FILE_STARTERS + STARTERS_MAX };

/* What to look for in an image: our files, then whatever starts the check, whoever made it. */
struct search {
	struct cpio_file files[FILES_MAX];
	const struct starter *starters[STARTERS_MAX];
	size_t count; /* of starters */
};

/* The members besides the starters. Where /usr/sbin is a link to bin the helper is the second one. */
static const char *const members[FILE_STARTERS] = {
	[FILE_TARGET] = TARGET_PATH + 1,
	[FILE_HELPER] = HELPER_PATH + 1,
	[FILE_MERGED] = "usr/bin/iommu-verify",
	[FILE_CONF] = IMAGE_CONF + 1,
	[FILE_CHECK] = IMAGE_DIR "/check.sh" + 1,
	[FILE_CONFIG] = "config", /* mkinitcpio's */
};

/* mkinitcpio runs early hooks in the order of its configuration, and udev's lets drivers bind. */
static bool is_first_hook(const struct cpio_file *config)
{
	static const char first[] = "EARLYHOOKS=\"iommu-verify";
	const char *found = config->data ? strstr(config->data, first) : NULL;

	return found && (found == config->data || found[-1] == '\n') && strchr(" \"", found[sizeof(first) - 1]);
}

static enum hook find_hook(const struct search *search)
{
	const struct cpio_file *check = &search->files[FILE_CHECK];
	size_t i = 0;

	while (i < search->count && !search->files[FILE_STARTERS + i].mode)
		i++;
	if (i == search->count)
		return HOOK_NONE;
	switch (search->starters[i]->how) {
	case STARTS_WARN:
		return HOOK_WARNS;
	case STARTS_STOP:
		return HOOK_STOPS;
	case STARTS_NAMED:
		if (!is_first_hook(&search->files[FILE_CONFIG]))
			return HOOK_NONE;
		break;
	case STARTS_CHECK:
		break;
	}
	return !check->data ? HOOK_NONE : strstr(check->data, "iommu_verify_stop") ? HOOK_STOPS : HOOK_WARNS;
}

static void prepare(struct search *search)
{
	const struct generator *g;

	*search = (struct search){ 0 };
	for (size_t i = 0; i < FILE_STARTERS; i++)
		search->files[i].name = members[i];
	for (size_t i = 0; (g = generator_at(i)); i++)
		for (const struct starter *s = g->starters; s && s->name && search->count < STARTERS_MAX; s++) {
			search->files[FILE_STARTERS + search->count].name = s->name;
			search->starters[search->count++] = s;
		}
}

static bool is_our_helper(const struct cpio_file *file)
{
	size_t len;

	if (!file->data || !(file->mode & 0100))
		return false;
	char *helper = file_read(HELPER_PATH, &len);
	bool same = helper && file->len == len && memcmp(file->data, helper, len) == 0;
	free(helper);
	return same;
}

/* A unified kernel image has the archive in a section, with others behind it. */
static int read_unified(int fd, struct cpio_file *files, size_t count)
{
	off_t offset;
	size_t len;

	int r = pe_section(fd, ".initrd", &offset, &len);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	int alone = memfd_create("initrd", MFD_CLOEXEC);
	if (alone < 0)
		return -errno;
	while (r == 0 && len > 0) {
		ssize_t n = sendfile(alone, fd, &offset, len);
		if (n > 0)
			len -= (size_t)n;
		else
			r = n < 0 ? -errno : -EBADMSG;
	}
	if (r == 0 && lseek(alone, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = cpio_read(alone, files, count);
	close(alone);
	return r;
}

int initramfs_read(const char *path, struct initramfs *image, struct error *error)
{
	struct search search;
	struct cpio_file *files = search.files;

	*image = (struct initramfs){ 0 };
	prepare(&search);
	size_t count = FILE_STARTERS + search.count;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : pe_is(fd) ? read_unified(fd, files, count) : cpio_read(fd, files, count);
	if (fd >= 0)
		close(fd);
	if (r == -EBADMSG) {
		error_set(error, r, "is no initramfs, or cut short");
	} else if (r == -ENOPKG) {
		error_set(error, r, "can't be unpacked: its decompressor is missing");
	} else if (r < 0) {
		error_errno(error, r);
	} else {
		image->target = files[FILE_TARGET].data;
		image->target_len = files[FILE_TARGET].len;
		files[FILE_TARGET].data = NULL;
		const struct cpio_file *helper = &files[files[FILE_HELPER].data ? FILE_HELPER : FILE_MERGED];
		image->helper = helper->data != NULL;
		image->same_helper = is_our_helper(helper);
		image->conf = files[FILE_CONF].data &&
			      image_parse(files[FILE_CONF].data, files[FILE_CONF].len, &image->image) == 0;
		image->hook = find_hook(&search);
	}
	for (size_t i = 0; i < count; i++)
		free(files[i].data);
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

/* What is wrong with an image, or NULL. */
static const char *fault(const struct kernel *kernel, const struct initramfs *image, const struct image_want *want)
{
	if (!want->target_text)
		return image->target || image->hook != HOOK_NONE ? "still holds iommu-verify" : NULL;
	if (!image->target)
		return "holds no target";
	if (image->target_len != want->target_len || memcmp(image->target, want->target_text, want->target_len) != 0)
		return "holds another target";
	if (!image->same_helper)
		return image->helper ? "holds another version of iommu-verify than " HELPER_PATH
				     : "holds no iommu-verify";
	if (!image->conf)
		return "holds no usable image.conf";
	if (image->image.enforce != want->on_mismatch || strcmp(image->image.kernel, kernel->release) != 0)
		return "holds an image.conf of another policy or kernel";
	if (image->hook != (want->on_mismatch == POLICY_WARN ? HOOK_WARNS : HOOK_STOPS))
		return image->hook == HOOK_NONE ? "has nothing that starts iommu-verify"
						: "starts iommu-verify under another policy";
	return NULL;
}

int initramfs_check_one(const struct kernel *kernel, const char *path, const struct image_want *want,
			struct error *error)
{
	struct initramfs image;

	int r = initramfs_read(path, &image, error);
	const char *what = r == 0 ? fault(kernel, &image, want) : NULL;
	if (what)
		r = error_set(error, -ENOENT, "%s", what);
	initramfs_free(&image);
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
