/* Initramfs images; see initramfs.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "cpio.h"
#include "files.h"
#include "image.h"
#include "pe.h"
#include "refuse.h"
#include "run.h"

#define HELPER "/usr/sbin/iommu-verify"

/* What starts the check, by whoever made the image; in order of the files that are looked for. The last two read check.sh, which
 * is the one or the other. */
enum starter { STARTS_WARN, STARTS_STOP, STARTS_CHECK, STARTS_NAMED };
static const struct {
	const char *name;
	enum starter starter;
} starters[] = {
	{ "etc/systemd/system/sysinit.target.requires/iommu-verify.service", STARTS_STOP },
	{ "etc/systemd/system/sysinit.target.wants/iommu-verify.service", STARTS_WARN },
	{ "var/lib/dracut/hooks/cmdline/00-check-stop.sh", STARTS_STOP },
	{ "var/lib/dracut/hooks/cmdline/00-check-warn.sh", STARTS_WARN },
	{ "usr/lib/dracut/hooks/cmdline/00-check-stop.sh", STARTS_STOP },
	{ "usr/lib/dracut/hooks/cmdline/00-check-warn.sh", STARTS_WARN },
	{ "lib/dracut/hooks/cmdline/00-check-stop.sh", STARTS_STOP },
	{ "lib/dracut/hooks/cmdline/00-check-warn.sh", STARTS_WARN },
	{ "scripts/init-top/iommu-verify", STARTS_CHECK },
	{ "hooks/iommu-verify", STARTS_NAMED },
};

enum { FILE_TARGET, FILE_HELPER, FILE_MERGED, FILE_CONF, FILE_CHECK, FILE_CONFIG, FILE_STARTERS,
       FILES = FILE_STARTERS + sizeof(starters) / sizeof(starters[0]) };

/* The members besides the starters. Where /usr/sbin is a link to bin the helper is the second one. */
static const char *const members[FILE_STARTERS] = {
	[FILE_TARGET] = TARGET_PATH + 1,
	[FILE_HELPER] = HELPER + 1,
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

static enum hook find_hook(const struct cpio_file files[FILES])
{
	const struct cpio_file *check = &files[FILE_CHECK];
	size_t i = 0;

	while (i < sizeof(starters) / sizeof(starters[0]) && !files[FILE_STARTERS + i].mode)
		i++;
	if (i == sizeof(starters) / sizeof(starters[0]))
		return HOOK_NONE;
	switch (starters[i].starter) {
	case STARTS_WARN:
		return HOOK_WARNS;
	case STARTS_STOP:
		return HOOK_STOPS;
	case STARTS_NAMED:
		if (!is_first_hook(&files[FILE_CONFIG]))
			return HOOK_NONE;
		break;
	case STARTS_CHECK:
		break;
	}
	return !check->data ? HOOK_NONE : strstr(check->data, "iommu_verify_stop") ? HOOK_STOPS : HOOK_WARNS;
}

static bool is_our_helper(const struct cpio_file *file)
{
	size_t len;

	if (!file->data || !(file->mode & 0100))
		return false;
	char *helper = file_read(HELPER, &len);
	bool same = helper && file->len == len && memcmp(file->data, helper, len) == 0;
	free(helper);
	return same;
}

/* A unified kernel image has the archive in a section, with others behind it. */
static int read_unified(int fd, struct cpio_file files[FILES])
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
		r = cpio_read(alone, files, FILES);
	close(alone);
	return r;
}

int initramfs_read(const char *path, struct initramfs *image, const char **why)
{
	struct cpio_file files[FILES];

	*image = (struct initramfs){ 0 };
	for (size_t i = 0; i < FILES; i++)
		files[i] = (struct cpio_file){ .name = i < FILE_STARTERS ? members[i] : starters[i - FILE_STARTERS].name };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : pe_is(fd) ? read_unified(fd, files) : cpio_read(fd, files, FILES);
	if (fd >= 0)
		close(fd);
	if (r < 0) {
		*why = r == -EBADMSG ? "is no initramfs image, or cut short" :
		       r == -ENOPKG ? "can't be unpacked: its decompressor is missing" : strerror(-r);
	} else {
		image->target = files[FILE_TARGET].data;
		image->target_len = files[FILE_TARGET].len;
		files[FILE_TARGET].data = NULL;
		const struct cpio_file *helper = &files[files[FILE_HELPER].data ? FILE_HELPER : FILE_MERGED];
		image->helper = helper->data != NULL;
		image->same_helper = is_our_helper(helper);
		image->conf = files[FILE_CONF].data &&
			      image_parse(files[FILE_CONF].data, files[FILE_CONF].len, &image->image) == 0;
		image->hook = find_hook(files);
	}
	for (size_t i = 0; i < FILES; i++)
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
	const char *why;

	bool holds = initramfs_read(path, &image, &why) == 0 && (image.hook != HOOK_NONE || image.target || image.helper);
	initramfs_free(&image);
	return holds;
}

/* What is wrong with an image, or NULL. */
static const char *fault(const struct kernel *kernel, const struct initramfs *image, const struct image_want *want)
{
	if (!want->target_text)
		return image->target || image->hook != HOOK_NONE ? "still holds the check" : NULL;
	if (!image->target)
		return "holds no target";
	if (image->target_len != want->target_len || memcmp(image->target, want->target_text, want->target_len) != 0)
		return "holds another target";
	if (!image->same_helper)
		return image->helper ? "holds another helper than " HELPER : "holds no helper";
	if (!image->conf)
		return "holds no usable image.conf";
	if (image->image.enforce != want->on_mismatch || strcmp(image->image.kernel, kernel->release) != 0)
		return "holds an image.conf of another policy or kernel";
	if (image->hook != (want->on_mismatch == POLICY_WARN ? HOOK_WARNS : HOOK_STOPS))
		return image->hook == HOOK_NONE ? "has nothing that starts the check" : "starts the check of another policy";
	return NULL;
}

static int check(const struct kernel *kernel, const char *path, const struct image_want *want, const char **why)
{
	struct initramfs image;

	*why = NULL;
	int r = initramfs_read(path, &image, why);
	if (r == 0)
		*why = fault(kernel, &image, want);
	initramfs_free(&image);
	return r == 0 && *why ? -ENOENT : r;
}

int initramfs_check(const struct kernel *kernel, const struct image_want *want, const char **path, const char **why)
{
	*path = kernel->image;
	int r = check(kernel, *path, want, why);
	for (size_t i = 0; r == 0 && i < kernel->places; i++) {
		*path = kernel->placed[i];
		r = check(kernel, *path, want, why);
	}
	if (r == 0 && kernel->under[0]) {
		*path = kernel->under;
		r = check(kernel, *path, want, why);
	}
	return r;
}

/* A second name of an image that stays when the first one gets another file. */
static void old_name(const char *image, char *path, size_t size)
{
	snprintf(path, size, "%s.iommu-old", image);
}

/* One that is there already is the true one: a change that was cut short has been at this image before. FAT has no second
 * names: there it is a copy. */
static int keep_old(const char *image)
{
	char old[PATH_MAX];

	old_name(image, old, sizeof(old));
	if (link(image, old) == 0 || errno == ENOENT || errno == EEXIST)
		return 0;
	if (errno != EPERM || access(old, F_OK) == 0)
		return errno == EPERM ? 0 : -errno;
	return file_place(image, old);
}

bool initramfs_kept(const char *image)
{
	char old[PATH_MAX];

	old_name(image, old, sizeof(old));
	return access(old, F_OK) == 0;
}

static int restore(const char *image)
{
	char old[PATH_MAX];

	old_name(image, old, sizeof(old));
	if (access(old, F_OK) < 0)
		return 0;
	/* rename(2) does nothing between two names of one file. */
	int r = file_move(old, image);
	if (r < 0 || (unlink(old) < 0 && errno != ENOENT))
		return r < 0 ? r : -errno;
	return file_sync_dir(image);
}

int initramfs_restore(const struct kernel *kernel)
{
	int r = restore(kernel->image);

	for (size_t i = 0; r == 0 && i < kernel->places; i++)
		r = restore(kernel->placed[i]);
	return r == 0 && kernel->under[0] ? restore(kernel->under) : r;
}

static int forget(const char *image)
{
	char old[PATH_MAX];

	file_tidy(image);
	old_name(image, old, sizeof(old));
	file_tidy(old);
	return file_remove(old);
}

int initramfs_forget(const struct kernel *kernel)
{
	int r = forget(kernel->image);

	for (size_t i = 0; r == 0 && i < kernel->places; i++)
		r = forget(kernel->placed[i]);
	return r == 0 && kernel->under[0] ? forget(kernel->under) : r;
}

static int told(const char *path, const char *why)
{
	fail("%s: %s", path, why);
	return -1;
}

static int build(const struct generator *generator, const struct kernel *kernel, const struct image_want *want, bool verbose,
		 void (*tick)(void *context, unsigned seconds), void *context)
{
	const char *argv[8], *why = NULL;
	char out[PATH_MAX], message[128];

	int r = keep_old(kernel->image);
	if (r < 0)
		return told(kernel->image, strerror(-r));
	snprintf(out, sizeof(out), "%s%s", kernel->image, generator->in_place ? "" : ".iommu-new");
	generator->command(kernel, out, argv);

	int status = run_ticking(argv, verbose, tick, context);
	if (status != 0) {
		snprintf(message, sizeof(message), "%s failed (%s %d)", generator->program,
			 status < 0 ? "error" : "status", status < 0 ? -status : status);
		why = message;
	} else {
		check(kernel, out, want, &why);
	}
	if (!why && !generator->in_place) {
		r = file_replace(out, kernel->image);
		why = r < 0 ? strerror(-r) : NULL;
	}
	if (!why)
		return 0;
	if (!generator->in_place)
		unlink(out);
	return told(out, why);
}

static int copy_to(const struct kernel *kernel, const char *path)
{
	int r = keep_old(path);
	if (r == 0)
		r = file_place(kernel->image, path);
	return r < 0 ? told(path, strerror(-r)) : 0;
}

int initramfs_rebuild(const struct generator *generator, const struct kernel *kernel, const struct image_want *want,
		      bool verbose, void (*tick)(void *context, unsigned seconds), void *context)
{
	const char *why;

	if (check(kernel, kernel->image, want, &why) < 0 && build(generator, kernel, want, verbose, tick, context) < 0)
		return -1;
	/* What is unpacked last wins. */
	if (kernel->under[0] && copy_to(kernel, kernel->under) < 0)
		return -1;
	int r = 0;
	for (size_t i = 0; r == 0 && i < kernel->places; i++) {
		const char *path = kernel->placed[i];
		if (!kernel->place)
			r = copy_to(kernel, path);
		else if ((r = keep_old(path)) < 0)
			r = told(path, strerror(-r));
		else
			r = kernel->place(kernel, path, verbose);
	}
	return r;
}
