/* Installed kernels; see kernels.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/kernels.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/files.h"

#define PREFIX "vmlinuz-"
#define RESCUE "0-rescue-" /* Fedora's rescue kernel is a copy, with an image that is made once and never again */

static int by_release(const void *a, const void *b)
{
	return strverscmp(((const struct kernel *)a)->release, ((const struct kernel *)b)->release);
}

bool kernel_has_modules(const char *release)
{
	char path[96];

	snprintf(path, sizeof(path), "/lib/modules/%.64s", release);
	return release[0] && access(path, F_OK) == 0;
}

bool kernel_is_named(const char *release)
{
	char path[96];

	snprintf(path, sizeof(path), "/boot/" PREFIX "%.64s", release);
	return access(path, F_OK) == 0;
}

/* The setup header: "HdrS" at 0x202, and at 0x20e where, after the first sector, the version's text is. */
bool kernel_header(int fd, off_t offset, char release[65])
{
	uint8_t header[14];

	if (pread(fd, header, sizeof(header), offset + 0x202) != (ssize_t)sizeof(header) ||
	    memcmp(header, "HdrS", 4) != 0)
		return false;
	ssize_t len = pread(fd, release, 64, offset + 0x200 + (header[12] | header[13] << 8));
	release[len > 0 ? len : 0] = '\0';
	release[strcspn(release, " \t\n")] = '\0';
	return release[0] && !strchr(release, '/');
}

bool kernel_built(const char *path, char release[65])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool found = fd >= 0 && kernel_header(fd, 0, release);

	if (fd >= 0)
		close(fd);
	return found;
}

void kernel_release(const char *path, char release[65])
{
	const char *base = file_name(path), *dash = strchr(base, '-');
	char in_header[65];

	snprintf(release, 65, "%s", dash ? dash + 1 : base);
	if (strncmp(base, PREFIX, sizeof(PREFIX) - 1) != 0 || strncmp(release, RESCUE, sizeof(RESCUE) - 1) == 0 ||
	    kernel_has_modules(release))
		return;
	if (kernel_built(path, in_header) && kernel_has_modules(in_header))
		memcpy(release, in_header, sizeof(in_header));
}

int kernels_add(struct kernels *kernels, const char *release, const char *image)
{
	struct kernel *more = realloc(kernels->list, (kernels->count + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	kernels->list = more;
	more = &kernels->list[kernels->count++];
	*more = (struct kernel){ 0 };
	snprintf(more->release, sizeof(more->release), "%s", release);
	snprintf(more->image, sizeof(more->image), "%s", image);
	return 0;
}

static int add_boot(struct kernels *kernels, const char *name)
{
	char path[300], image[300], release[65];

	if (strncmp(name, PREFIX, sizeof(PREFIX) - 1) != 0 || strlen(name) > 64 + sizeof(PREFIX) - 1 ||
	    strncmp(name + sizeof(PREFIX) - 1, RESCUE, sizeof(RESCUE) - 1) == 0)
		return 0;
	snprintf(path, sizeof(path), "/boot/%s", name);
	kernel_release(path, release);
	snprintf(image, sizeof(image), "/boot/initrd.img-%s", release);
	return kernels_add(kernels, release, image);
}

/* One that is in /boot under any name has been listed. */
static int add_modules(struct kernels *kernels, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "/lib/modules/%s/vmlinuz", name);
	if (name[0] == '.' || strlen(name) > 64 || access(path, F_OK) < 0)
		return 0;
	for (size_t i = 0; i < kernels->count; i++)
		if (strcmp(kernels->list[i].release, name) == 0)
			return 0;
	snprintf(path, sizeof(path), "/boot/initrd.img-%s", name);
	return kernels_add(kernels, name, path);
}

static int list_dir(const char *path, int (*add)(struct kernels *kernels, const char *name), struct kernels *kernels)
{
	DIR *dir = opendir(path);
	int r = 0;

	if (!dir)
		return -errno;
	for (const struct dirent *entry; r == 0 && (entry = readdir(dir));)
		r = add(kernels, entry->d_name);
	closedir(dir);
	return r;
}

int kernels_list(struct kernels *kernels)
{
	*kernels = (struct kernels){ 0 };
	int r = list_dir("/boot", add_boot, kernels);
	if (r == 0)
		r = list_dir("/lib/modules", add_modules, kernels);
	if (r < 0 && r != -ENOENT) {
		kernels_free(kernels);
		return r;
	}
	if (kernels->count)
		qsort(kernels->list, kernels->count, sizeof(*kernels->list), by_release);
	return 0;
}

int kernel_placed(struct kernel *kernel, const char *path)
{
	for (size_t i = 0; i < kernel->places; i++)
		if (strcmp(kernel->placed[i], path) == 0)
			return 0;
	char (*more)[256] = reallocarray(kernel->placed, kernel->places + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	kernel->placed = more;
	snprintf(more[kernel->places++], sizeof(*more), "%s", path);
	return 0;
}

void kernels_free(struct kernels *kernels)
{
	for (size_t i = 0; i < kernels->count; i++)
		free(kernels->list[i].placed);
	free(kernels->list);
	*kernels = (struct kernels){ 0 };
}
