/* Installed kernels and their initramfs images; see initramfs.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpio.h"
#include "files.h"
#include "image.h"
#include "run.h"

#define HELPER "/usr/sbin/iommu-verify"

static int by_release(const void *a, const void *b)
{
	return strverscmp(((const struct kernel *)a)->release, ((const struct kernel *)b)->release);
}

int kernels_list(struct kernels *kernels)
{
	static const char prefix[] = "vmlinuz-";
	int r = 0;

	*kernels = (struct kernels){ 0 };
	DIR *dir = opendir("/boot");
	if (!dir)
		return -errno;
	for (const struct dirent *entry; r == 0 && (entry = readdir(dir));) {
		const char *release = entry->d_name + sizeof(prefix) - 1;
		struct kernel *more;

		if (strncmp(entry->d_name, prefix, sizeof(prefix) - 1) != 0 || strlen(release) > 64)
			continue;
		more = realloc(kernels->list, (kernels->count + 1) * sizeof(*more));
		if (!more) {
			r = -ENOMEM;
			break;
		}
		kernels->list = more;
		more = &kernels->list[kernels->count++];
		snprintf(more->release, sizeof(more->release), "%s", release);
		snprintf(more->image, sizeof(more->image), "/boot/initrd.img-%s", release);
	}
	closedir(dir);
	if (kernels->count)
		qsort(kernels->list, kernels->count, sizeof(*kernels->list), by_release);
	return r;
}

void kernels_free(struct kernels *kernels)
{
	free(kernels->list);
	*kernels = (struct kernels){ 0 };
}

static void dracut_command(const struct kernel *kernel, const char *out, const char *argv[8])
{
	const char *const command[] = { "dracut", "--force", "--quiet", out, kernel->release, NULL };

	memcpy(argv, command, sizeof(command));
}

static void initramfs_tools_command(const struct kernel *kernel, const char *out, const char *argv[8])
{
	/* -u does nothing, and calls it success, where there is no image yet. */
	const char *update = access(kernel->image, F_OK) == 0 ? "-u" : "-c";
	const char *const command[] = { "update-initramfs", update, "-k", kernel->release, NULL };

	(void)out;
	memcpy(argv, command, sizeof(command));
}

static const struct generator generators[] = {
	{ "initramfs-tools", "update-initramfs", "/usr/share/initramfs-tools/hook-functions", initramfs_tools_command, true },
	{ "dracut", "dracut", NULL, dracut_command, false },
};

const struct generator *generator_find(const char *name, const char **what)
{
	char path[256];

	*what = name ? name : "dracut or update-initramfs";
	for (size_t i = 0; i < sizeof(generators) / sizeof(generators[0]); i++) {
		const struct generator *g = &generators[i];
		if (name && strcmp(name, g->name) != 0)
			continue;
		*what = name ? g->program : *what;
		if (run_find(g->program, path, sizeof(path)) && (!g->sign || access(g->sign, F_OK) == 0))
			return g;
	}
	return NULL;
}

/* What starts the check, by whoever made the image; in order of the files that are looked for. */
static const struct {
	const char *name;
	enum hook hook;
} hooks[] = {
	{ "etc/systemd/system/sysinit.target.requires/iommu-verify.service", HOOK_STOPS },
	{ "etc/systemd/system/sysinit.target.wants/iommu-verify.service", HOOK_WARNS },
	{ "var/lib/dracut/hooks/cmdline/00-check-stop.sh", HOOK_STOPS },
	{ "var/lib/dracut/hooks/cmdline/00-check-warn.sh", HOOK_WARNS },
	{ "usr/lib/dracut/hooks/cmdline/00-check-stop.sh", HOOK_STOPS },
	{ "usr/lib/dracut/hooks/cmdline/00-check-warn.sh", HOOK_WARNS },
	{ "lib/dracut/hooks/cmdline/00-check-stop.sh", HOOK_STOPS },
	{ "lib/dracut/hooks/cmdline/00-check-warn.sh", HOOK_WARNS },
	{ "scripts/init-top/iommu-verify", HOOK_READS }, /* check.sh, which is the one or the other */
};

enum { FILE_TARGET, FILE_HELPER, FILE_CONF, FILE_CHECK, FILE_HOOKS, FILES = FILE_HOOKS + sizeof(hooks) / sizeof(hooks[0]) };

static enum hook find_hook(const struct cpio_file files[FILES])
{
	enum hook found = HOOK_NONE;

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		if (files[FILE_HOOKS + i].mode && found == HOOK_NONE)
			found = hooks[i].hook;
	if (found != HOOK_READS)
		return found;
	const struct cpio_file *check = &files[FILE_CHECK];
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

int initramfs_read(const char *path, struct initramfs *image, const char **why)
{
	struct cpio_file files[FILES] = {
		[FILE_TARGET] = { .name = TARGET_PATH + 1 },
		[FILE_HELPER] = { .name = HELPER + 1 },
		[FILE_CONF] = { .name = IMAGE_CONF + 1 },
		[FILE_CHECK] = { .name = IMAGE_DIR "/check.sh" + 1 },
	};

	*image = (struct initramfs){ 0 };
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		files[FILE_HOOKS + i].name = hooks[i].name;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : cpio_read(fd, files, FILES);
	if (fd >= 0)
		close(fd);
	if (r < 0) {
		*why = r == -EBADMSG ? "is no initramfs image, or cut short" :
		       r == -ENOPKG ? "can't be unpacked: its decompressor is missing" : strerror(-r);
	} else {
		image->target = files[FILE_TARGET].data;
		image->target_len = files[FILE_TARGET].len;
		files[FILE_TARGET].data = NULL;
		image->helper = files[FILE_HELPER].data != NULL;
		image->same_helper = is_our_helper(&files[FILE_HELPER]);
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

int initramfs_check(const struct kernel *kernel, const char *path, const struct image_want *want, const char **why)
{
	struct initramfs image;

	*why = NULL;
	int r = initramfs_read(path, &image, why);
	if (r == 0)
		*why = fault(kernel, &image, want);
	initramfs_free(&image);
	return r == 0 && *why ? -ENOENT : r;
}

/* A second name of the image that stays when the first one gets another file. */
static void old_name(const struct kernel *kernel, char *path, size_t size)
{
	snprintf(path, size, "%s.iommu-old", kernel->image);
}

/* One that is there already is the true one: a change that was cut short has been at this image before. */
static int keep_old(const struct kernel *kernel)
{
	char old[PATH_MAX];

	old_name(kernel, old, sizeof(old));
	if (link(kernel->image, old) == 0 || errno == ENOENT || errno == EEXIST)
		return 0;
	return -errno;
}

int initramfs_restore(const struct kernel *kernel)
{
	char old[PATH_MAX];

	old_name(kernel, old, sizeof(old));
	if (access(old, F_OK) < 0)
		return 0;
	/* rename(2) does nothing between two names of one file. */
	if (rename(old, kernel->image) < 0 || (unlink(old) < 0 && errno != ENOENT))
		return -errno;
	return file_sync_dir(kernel->image);
}

int initramfs_forget(const struct kernel *kernel)
{
	char old[PATH_MAX];

	file_tidy(kernel->image);
	old_name(kernel, old, sizeof(old));
	return file_remove(old);
}

static int told(const char *path, const char *why)
{
	fprintf(stderr, "iommu-install: %s: %s\n", path, why);
	return -1;
}

int initramfs_rebuild(const struct generator *generator, const struct kernel *kernel, const struct image_want *want,
		      bool verbose, void (*tick)(void *context, unsigned seconds), void *context)
{
	const char *argv[8], *why = NULL;
	char out[PATH_MAX], message[128];

	int r = keep_old(kernel);
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
		initramfs_check(kernel, out, want, &why);
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
