/* What this machine can boot; see entries.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "entries.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmdline.h"

#define BIT(mode) (1u << (mode))

static unsigned line_modes(enum mode mode)
{
	if (mode < MODES_WANTED)
		return BIT(mode);
	/* Nothing on it decides: then the kernel's configuration does, and that is on or translated or not. */
	return BIT(MODE_STRICT) | BIT(MODE_PT);
}

/* --- Verdicts --------------------------------------------------------------------------------------------------------- */

static enum verdict predict(const struct entry *e, const struct evidence *now, bool target_there, const char **why)
{
	/* What no firmware table offers no token switches on. */
	bool no_table = now && !now->table && now->nunits == 0 && e->mode != MODE_OFF_FOR_VFIO;
	unsigned modes = no_table ? BIT(MODE_OFF_FOR_UIO) : e->modes;

	*why = NULL;
	if (e->image[0] == '\0' || e->status < 0) {
		*why = e->image[0] ? "its image can't be read" : "it has no initramfs, so nothing checks it";
		return target_there ? e->image[0] ? VERDICT_UNKNOWN : VERDICT_MISMATCH : VERDICT_NO_TARGET;
	}
	if (e->hook == HOOK_NONE || (e->target_status == -ENOENT && e->enforce == POLICY_WARN)) {
		*why = target_there ? "its image holds no check" : "no target";
		return target_there ? VERDICT_MISMATCH : VERDICT_NO_TARGET;
	}
	if (e->target_status < 0) {
		*why = e->target_status == -ENOENT ? "its image must not start without a target, and holds none" :
						     "its image's target is no valid one";
		return e->target_status == -ENOENT ? VERDICT_MISMATCH : VERDICT_UNKNOWN;
	}

	unsigned accepted = target_accepts(&e->target);
	if ((modes & ~accepted) == 0)
		return VERDICT_MATCH;
	*why = modes & accepted ? "nothing on its line decides" :
	       no_table ? "the firmware offers no IOMMU" : "its line does not give what its image demands";
	return modes & accepted ? VERDICT_UNKNOWN : VERDICT_MISMATCH;
}

/* --- Reading ---------------------------------------------------------------------------------------------------------- */

static void read_image(struct entry *e)
{
	struct target_error error;
	struct initramfs image;
	const char *why;

	e->status = initramfs_read(e->image, &image, &why);
	e->hook = image.hook;
	e->enforce = image.conf ? image.image.enforce : POLICY_WARN;
	e->target_status = -ENOENT;
	if (image.target)
		e->target_status = target_parse(image.target, image.target_len, &e->target, &error);
	/* One that can't be read stops as much as its image does. */
	if (e->target_status == 0)
		e->enforce = e->target.on_mismatch;
	initramfs_free(&image);
}

/* Normal and recovery entries share an image, which takes a while to unpack. */
static void take_image(const struct entries *entries, struct entry *e)
{
	for (size_t i = 0; i < entries->count; i++) {
		const struct entry *other = &entries->list[i];
		if (strcmp(other->image, e->image) != 0)
			continue;
		e->status = other->status;
		e->hook = other->hook;
		e->target_status = other->target_status;
		e->target = other->target;
		e->enforce = other->enforce;
		return;
	}
	read_image(e);
}

static int add(struct entries *entries, const struct boot_entry *from, const struct evidence *now, bool target_there)
{
	struct entry *more = reallocarray(entries->list, entries->count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	entries->list = more;

	struct entry *e = &more[entries->count];
	*e = (struct entry){ .xen = from->xen, .counted = from->own, .words = strdup(from->words), .id = strdup(from->id) };
	if (!e->words || !e->id) {
		free(e->words);
		free(e->id);
		return -ENOMEM;
	}
	snprintf(e->kernel, sizeof(e->kernel), "%s", from->release);
	snprintf(e->image, sizeof(e->image), "%s", from->image);
	enum vendor vendor = now ? now->vendor : VENDOR_UNKNOWN;
	e->mode = cmdline_mode(e->words, vendor, kernel_version(e->kernel));
	e->modes = line_modes(e->mode);
	if (e->image[0])
		take_image(entries, e);
	if (e->hook == HOOK_NONE && strstr(e->image, "-rescue"))
		e->counted = false;
	e->verdict = predict(e, now, target_there, &e->why);
	entries->count++;
	return 0;
}

int entries_read(const struct backend *backend, const struct edits *edits, const struct evidence *now, bool target_there,
		 struct entries *entries, char **why)
{
	struct boot_entries found;

	*entries = (struct entries){ 0 };
	int r = backend_read_after(backend, edits, &found, why);
	for (size_t i = 0; i < found.count && r == 0; i++)
		r = add(entries, &found.list[i], now, target_there);
	boot_entries_free(&found);
	if (r < 0)
		entries_free(entries);
	return r;
}

void entries_free(struct entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		free(entries->list[i].id);
		free(entries->list[i].words);
	}
	free(entries->list);
	*entries = (struct entries){ 0 };
}
