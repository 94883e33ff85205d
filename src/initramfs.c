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

static int check_files(const struct kernel *kernel, const struct cpio_file files[3], const struct image_want *want,
		       const char **why)
{
	struct image image;
	size_t len;

	if (!files[0].data || files[0].len != want->target_len ||
	    memcmp(files[0].data, want->target_text, want->target_len) != 0) {
		*why = files[0].data ? "holds another target" : "holds no target";
		return -ENOENT;
	}
	char *helper = file_read(HELPER, &len);
	bool same = helper && files[1].data && files[1].len == len && memcmp(files[1].data, helper, len) == 0;
	free(helper);
	if (!same || !(files[1].mode & 0100)) {
		*why = files[1].data ? "holds another helper than " HELPER : "holds no helper";
		return -ENOENT;
	}
	if (!files[2].data || image_parse(files[2].data, files[2].len, &image) < 0) {
		*why = "holds no usable image.conf";
		return -ENOENT;
	}
	if (image.enforce != want->on_mismatch || strcmp(image.kernel, kernel->release) != 0) {
		*why = "holds an image.conf of another policy or kernel";
		return -ENOENT;
	}
	return 0;
}

int initramfs_check(const struct kernel *kernel, const char *path, const struct image_want *want, const char **why)
{
	struct cpio_file files[] = { { .name = TARGET_PATH + 1 }, { .name = HELPER + 1 }, { .name = IMAGE_CONF + 1 } };

	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : cpio_read(fd, files, 3);
	if (fd >= 0)
		close(fd);
	if (r < 0)
		*why = r == -EBADMSG ? "is no initramfs image, or cut short" :
		       r == -ENOPKG ? "can't be unpacked: its decompressor is missing" : strerror(-r);
	else
		r = check_files(kernel, files, want, why);
	for (size_t i = 0; i < 3; i++)
		free(files[i].data);
	return r;
}

/* A second name of the image that stays when the first one gets another file. */
static void old_name(const struct kernel *kernel, char *path, size_t size)
{
	snprintf(path, size, "%s.iommu-old", kernel->image);
}

static int keep_old(const struct kernel *kernel)
{
	char old[PATH_MAX];

	old_name(kernel, old, sizeof(old));
	if (unlink(old) < 0 && errno != ENOENT)
		return -errno;
	if (link(kernel->image, old) == 0 || errno == ENOENT)
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

	old_name(kernel, old, sizeof(old));
	return file_remove(old);
}

static int told(const char *path, const char *why)
{
	fprintf(stderr, "iommu-install: %s: %s\n", path, why);
	return -1;
}

int initramfs_rebuild(const struct generator *generator, const struct kernel *kernel, const struct image_want *want,
		      bool verbose)
{
	const char *argv[8], *why = NULL;
	char out[PATH_MAX], message[128];

	int r = keep_old(kernel);
	if (r < 0)
		return told(kernel->image, strerror(-r));
	snprintf(out, sizeof(out), "%s%s", kernel->image, generator->in_place ? "" : ".iommu-new");
	generator->command(kernel, out, argv);

	int status = run(argv, verbose);
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
