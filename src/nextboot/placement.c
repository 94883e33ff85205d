/* Which image each entry reads; see placement.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "nextboot/placement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "initramfs/inspect.h"
#include "initramfs/kept.h"

struct boot_entry entry_after(const struct backend *backend, const struct edits *edits, const struct boot_entry *entry)
{
	struct boot_entry after = *entry;

	if (edits && backend->image_after)
		backend->image_after(edits, &after);
	return after;
}

/* What is asked for each kernel. */
struct view {
	const struct loader *loader;
	const struct edits *edits;
};

static struct boot_entry entry_at(const struct view *v, size_t i)
{
	return entry_after(v->loader->backend, v->edits, &v->loader->entries.list[i]);
}

/* GRUB reads /boot itself, and its entries say by which name: Fedora's images are initramfs-RELEASE.img. */
static void name_image(const struct view *v, struct kernel *kernel)
{
	char first[sizeof(kernel->image)] = "";

	for (size_t i = 0; i < v->loader->entries.count; i++) {
		const struct boot_entry e = entry_at(v, i);
		if (!e.own || e.missing || e.image[0] == '\0' || strcmp(e.release, kernel->release) != 0)
			continue;
		if (strcmp(e.image, kernel->image) == 0)
			return;
		if (!first[0])
			memcpy(first, e.image, sizeof(first));
	}
	if (first[0])
		memcpy(kernel->image, first, sizeof(kernel->image));
}

/* Dracut's plug-in of kernel-install makes an image of its own beside the one in /boot, with whatever target there
 * is. */
static void name_under(const struct boot_entry *e, struct kernel *kernel)
{
	if (e->under[0] && (kept_any(e->under) || initramfs_holds_check(e->under)))
		memcpy(kernel->under, e->under, sizeof(kernel->under));
}

/* Somebody has taken the copy away that the entry reads, and nothing else: it is made again with the others. */
static bool copy_lost(const struct boot_entry *e)
{
	const char *end = strrchr(e->image, '/');
	char dir[sizeof(e->image)];

	if (!e->missing || !end || access(e->image, F_OK) == 0)
		return false;
	snprintf(dir, sizeof(dir), "%.*s", (int)(end - e->image), e->image);
	return access(dir, F_OK) == 0;
}

/* A boot loader that can't read /boot has a copy of its own. */
static void place(const struct view *v, struct kernel *kernel)
{
	for (size_t i = 0; i < v->loader->entries.count; i++) {
		const struct boot_entry e = entry_at(v, i);
		if (!e.own || !e.image[0] || (e.missing && !copy_lost(&e)) || strcmp(e.release, kernel->release) != 0 ||
		    strcmp(e.image, kernel->image) == 0 || strstr(e.image, "-rescue"))
			continue;
		if (kernel_placed(kernel, e.image) < 0)
			return;
		kernel->place = v->loader->backend->place;
		name_under(&e, kernel);
	}
}

/* Kernels that are not in /boot by the name of their release (vmlinuz-linux, or in /lib/modules only) have the images
 * that their entries name: none, one or several. */
static int add_images(const struct view *v, struct kernels *kernels)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->loader->entries.count; i++) {
		const struct boot_entry e = entry_at(v, i);
		size_t k = 0;

		if (!e.own || e.missing || !e.image[0] || !kernel_has_modules(e.release) || kernel_is_named(e.release))
			continue;
		while (k < kernels->count && strcmp(kernels->list[k].image, e.image) != 0)
			k++;
		if (k < kernels->count)
			continue;
		r = kernels_add(kernels, e.release, e.image);
		if (r == 0)
			name_under(&e, &kernels->list[k]);
	}
	return r;
}

/* The names of images in /boot follow from their kernels'. */
static void drop_unnamed(struct kernels *kernels)
{
	size_t kept = 0;

	for (size_t i = 0; i < kernels->count; i++)
		if (kernel_is_named(kernels->list[i].release))
			kernels->list[kept++] = kernels->list[i];
	kernels->count = kept;
}

/* Entries of this system that have that kernel, and those of them that have an initramfs. */
static size_t entries_with(const struct view *v, const char *release, bool image)
{
	size_t count = 0;

	for (size_t i = 0; i < v->loader->entries.count; i++) {
		const struct boot_entry *e = &v->loader->entries.list[i];
		count += (e->own || e->fixed) && (!image || e->image[0]) && strcmp(e->release, release) == 0;
	}
	return count;
}

static bool any_modules(const struct kernels *kernels)
{
	for (size_t i = 0; i < kernels->count; i++)
		if (kernel_has_modules(kernels->list[i].release))
			return true;
	return false;
}

/* One whose entries all do without an initramfs does without, and one that was left over without modules beside others
 * gets none, unless one of this system's entries has it. */
static void drop_without_image(const struct view *v, struct kernels *kernels)
{
	bool modules = any_modules(kernels);
	size_t kept = 0;

	for (size_t i = 0; i < kernels->count; i++) {
		const char *release = kernels->list[i].release;
		bool any = entries_with(v, release, false) > 0, image = entries_with(v, release, true) > 0;
		if (image || (!any && (!modules || kernel_has_modules(release))))
			kernels->list[kept++] = kernels->list[i];
	}
	kernels->count = kept;
}

int kernels_place(const struct loader *loader, const struct edits *edits, struct kernels *kernels)
{
	const struct backend *backend = loader->backend;
	const struct view view = { .loader = loader, .edits = edits };

	drop_unnamed(kernels);
	if (loader->error.code == 0)
		drop_without_image(&view, kernels);
	for (size_t i = 0; loader->error.code == 0 && i < kernels->count; i++)
		if (backend->family == FAMILY_GRUB || backend->image_after)
			name_image(&view, &kernels->list[i]);
		else
			place(&view, &kernels->list[i]);
	return backend->place ? 0 : add_images(&view, kernels);
}
