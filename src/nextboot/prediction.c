/* What this machine can boot; see prediction.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "nextboot/prediction.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "initramfs/modprobe-says.h"
#include "model/cmdline-words.h"
#include "model/cmdline.h"
#include "nextboot/left.h"
#include "nextboot/placement.h"

#define BIT(mode) (1u << (mode))

static unsigned line_modes(enum mode mode)
{
	if (mode < MODES_WANTED)
		return BIT(mode);
	/* Nothing on it decides: then the kernel's configuration does, and that is on or translated or not. */
	return BIT(MODE_STRICT) | BIT(MODE_PT);
}

/* --- Verdicts ----------------------------------------------------------------------------------------------------- */

static enum verdict find(const struct prediction *e, const struct evidence *now, const char **why, const char **mend)
{
	bool target_there = e->wanted.any;
	/* What no firmware table offers no token switches on. */
	bool no_table = now && !now->table && now->nunits == 0 && e->mode != MODE_OFF_FOR_VFIO;
	unsigned modes = no_table ? BIT(MODE_OFF_FOR_UIO) : e->modes;

	*why = *mend = NULL;
	if (e->image[0] == '\0' || e->status < 0) {
		*why = e->image[0] ? "its initramfs can't be read" : "it has no initramfs, so nothing checks the mode "
								     "early in the boot";
		return target_there ? e->image[0] ? VERDICT_UNKNOWN : VERDICT_MISMATCH : VERDICT_NO_TARGET;
	}
	if (e->hook == HOOK_NONE || (e->target_status == -ENOENT && e->enforce == POLICY_WARN)) {
		*why = !target_there ? "no target" : e->unstarted ? e->unstarted :
								    "its initramfs does not check the mode";
		return target_there ? VERDICT_MISMATCH : VERDICT_NO_TARGET;
	}
	if (e->target_status < 0) {
		*why = e->target_status == -ENOENT ? "its initramfs stops the boot without a target, and holds none" :
						     "the target in its initramfs is not valid";
		return e->target_status == -ENOENT ? VERDICT_MISMATCH : VERDICT_UNKNOWN;
	}

	if (e->hook == HOOK_WARNS && e->enforce != POLICY_WARN) {
		*why = e->unstarted ? e->unstarted : "its initramfs goes on if the check fails";
		return VERDICT_MISMATCH;
	}

	unsigned accepted = target_accepts(&e->target);
	if ((modes & ~accepted) == 0)
		return demanded(&e->said, &e->modprobe, &e->target, modes, why, mend);
	if (e->doubt && (modes & accepted)) {
		*why = "a variable of GRUB on its command line, which could set another mode, can't be told";
		return VERDICT_UNKNOWN;
	}
	*why = modes & accepted ? "its kernel parameters leave the mode to the kernel's default" :
	       no_table ? "the firmware offers no IOMMU" : "its kernel parameters give another mode than its "
							   "initramfs wants";
	return modes & accepted ? VERDICT_UNKNOWN : VERDICT_MISMATCH;
}

static void predict(struct prediction *e, const struct evidence *now)
{
	e->verdict = find(e, now, &e->why, &e->mend);
}

/* --- Reading ------------------------------------------------------------------------------------------------------ */

static void read_image(struct prediction *e)
{
	struct error error;
	struct initramfs image;

	e->status = initramfs_read(e->image, &image, NULL);
	e->hook = image.hook;
	e->modprobe.image = image.sets;
	for (int i = 0; i < PARAMS && image.conf; i++)
		e->modprobe.absent |= image.image.has[i] == PRESENCE_NO ? BIT(i) : 0;
	if (image.why[0] && asprintf(&e->unstarted, "its initramfs %s: %s", image.hook == HOOK_NONE ?
				     "does not check the mode" : "goes on if the check fails", image.why) < 0)
		e->unstarted = NULL;
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
static void take_image(const struct predictions *entries, struct prediction *e)
{
	for (size_t i = 0; i < entries->count; i++) {
		const struct prediction *other = &entries->list[i];
		if (strcmp(other->image, e->image) != 0)
			continue;
		e->status = other->status;
		e->hook = other->hook;
		e->modprobe = other->modprobe;
		e->unstarted = other->unstarted ? strdup(other->unstarted) : NULL;
		e->target_status = other->target_status;
		e->target = other->target;
		e->enforce = other->enforce;
		return;
	}
	read_image(e);
}

/* What all the lines that it can come to have in common, and each mode that one of them gives. */
static void take_modes(struct prediction *e, const struct boot_entry *from, enum vendor vendor)
{
	const char *at = NULL;
	bool any = false;

	for (char *line; (line = boot_entry_line(from, &at)); free(line)) {
		enum mode mode = cmdline_mode(line, vendor, kernel_version(e->kernel));
		e->doubt = e->doubt || (any && mode != e->mode);
		e->mode = any && mode != e->mode ? MODE_UNKNOWN : mode;
		e->modes |= line_modes(mode);
		said_by_line(&e->said, line, vendor, kernel_version(e->kernel));
		any = true;
	}
	e->doubt = e->doubt || from->doubt;
	if (from->doubt) {
		e->mode = MODE_UNKNOWN;
		e->modes = BIT(MODES_WANTED) - 1;
	}
}

static const char *not_counted(const struct prediction *e)
{
	return e->fixed ? "it is this system's, but nothing that is edited feeds its line" : e->whose;
}

static struct modprobe_says system_modprobe; /* for all that is predicted, as it was read last */

/* What the loader's kernels' images are, once somebody asks. */
struct images {
	const struct loader *loader;
	const struct edits *edits;
	struct kernels kernels;
	bool known;
};

static bool made_by_us(struct images *images, const char *image)
{
	if (!images->known && kernels_list(&images->kernels) == 0)
		kernels_place(images->loader, images->edits, &images->kernels);
	images->known = true;
	return image_is_made(&images->kernels, image);
}

/* One that nobody puts a check into says nothing of what is set up: under a target that warns it is named alone. */
static bool is_unchecked(const struct prediction *e, struct images *images)
{
	return e->wanted.any && e->wanted.policy == POLICY_WARN && e->hook == HOOK_NONE && e->status >= 0 &&
	       !made_by_us(images, e->image);
}

static int add(struct predictions *entries, const struct boot_entry *from, const struct evidence *now,
	       struct wanted wanted, struct images *images)
{
	struct prediction *more = reallocarray(entries->list, entries->count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	entries->list = more;

	struct prediction *e = &more[entries->count];
	*e = (struct prediction){
		.xen = from->xen, .counted = from->own, .fixed = from->fixed, .whose = owner_why(from->owner),
		.by_default = from->by_default, .wanted = wanted, .modprobe = { .system = &system_modprobe },
		.words = strdup(from->words), .id = strdup(from->id)
	};
	if (!e->words || !e->id) {
		free(e->words);
		free(e->id);
		return -ENOMEM;
	}
	memcpy(e->title, from->title, sizeof(e->title));
	snprintf(e->kernel, sizeof(e->kernel), "%s", from->release);
	snprintf(e->image, sizeof(e->image), "%s", from->image);
	enum vendor vendor = now ? now->vendor : VENDOR_UNKNOWN;
	take_modes(e, from, vendor);
	char *parameters;
	if (boot_entry_fed(from, "", true, &parameters, &e->fed_by))
		free(parameters);
	if (e->image[0])
		take_image(entries, e);
	predict(e, now);
	if (!e->counted)
		e->why = not_counted(e);
	else
		e->unchecked = is_unchecked(e, images);
	e->counted = e->counted && !e->unchecked;
	entries->count++;
	return 0;
}

void prediction_assume(struct prediction *e, const char *line, const struct target *target, bool image,
		       const struct evidence *now, struct wanted wanted)
{
	char *words = line ? strdup(line) : NULL;
	bool same = words && strcmp(words, e->words) == 0;

	if (words) {
		free(e->words);
		e->words = words;
	}
	/* What can't be told stays so, whatever else is on it. */
	if (!same && !e->doubt) {
		e->mode = words ? cmdline_mode(words, now ? now->vendor : VENDOR_UNKNOWN, kernel_version(e->kernel)) :
				  MODE_UNKNOWN;
		e->modes = line_modes(e->mode);
		e->said = (struct sayings){ 0 };
		if (words)
			said_by_line(&e->said, words, now ? now->vendor : VENDOR_UNKNOWN, kernel_version(e->kernel));
	}
	e->wanted = wanted;
	if (image && e->image[0] && (e->counted || e->unchecked || e->fixed)) {
		e->status = 0;
		e->modprobe.image = 0;
		e->hook = !target ? HOOK_NONE : target->on_mismatch == POLICY_WARN ? HOOK_WARNS : HOOK_STOPS;
		e->target_status = target ? 0 : -ENOENT;
		e->target = target ? *target : (struct target){ 0 };
		e->enforce = target ? target->on_mismatch : POLICY_WARN;
	}
	predict(e, now);
	if (e->fixed)
		e->why = not_counted(e);
}

int predictions_make(const struct loader *loader, const struct edits *edits, const struct evidence *now,
		    struct wanted wanted, struct predictions *entries)
{
	struct images images = { .loader = loader, .edits = edits };

	*entries = (struct predictions){ 0 };
	int r = modprobe_says_system(&system_modprobe);
	for (size_t i = 0; i < loader->entries.count && r == 0; i++) {
		const struct boot_entry e = entry_after(loader->backend, edits, &loader->entries.list[i]);
		r = add(entries, &e, now, wanted, &images);
	}
	kernels_free(&images.kernels);
	if (r < 0)
		predictions_free(entries);
	return r;
}

static bool is_there(const struct predictions *entries, const char *id)
{
	for (size_t i = 0; i < entries->count; i++)
		if (strcmp(entries->list[i].id, id) == 0)
			return true;
	return false;
}

int predictions_add_other(const struct loader *other, const struct evidence *now, struct wanted wanted,
			  struct predictions *entries)
{
	struct images images = { .loader = other };

	int r = modprobe_says_system(&system_modprobe);
	for (size_t i = 0; other->error.code == 0 && i < other->entries.count && r == 0; i++) {
		struct boot_entry e = other->entries.list[i];
		if (is_there(entries, e.id))
			continue;
		e.own = e.fixed = false;
		r = add(entries, &e, now, wanted, &images);
		struct prediction *p = r == 0 ? &entries->list[entries->count - 1] : NULL;
		if (p && owner_is_here(e.owner))
			p->why = "another boot loader has it, which does not start this machine";
	}
	kernels_free(&images.kernels);
	return r;
}

struct wanted wanted_of(const struct target *target)
{
	return (struct wanted){ .any = target, .policy = target ? target->on_mismatch : POLICY_WARN };
}

struct wanted target_wanted(int status, const struct target *target)
{
	/* One that is damaged stops. */
	return status == 0 || status == -ENOENT ? wanted_of(status == 0 ? target : NULL) :
						  (struct wanted){ .any = true, .policy = POLICY_HALT };
}

bool prediction_stops(const struct prediction *e)
{
	bool early = e->hook == HOOK_STOPS && e->enforce != POLICY_WARN &&
		     (e->verdict == VERDICT_MISMATCH || e->verdict == VERDICT_UNKNOWN);
	bool late = e->hook == HOOK_NONE && e->status >= 0 && e->wanted.policy != POLICY_WARN;

	return (e->counted || e->fixed) && (early || late);
}

enum policy prediction_policy(const struct prediction *e)
{
	return e->hook == HOOK_NONE ? e->wanted.policy : e->enforce;
}

void predictions_free(struct predictions *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		free(entries->list[i].id);
		free(entries->list[i].words);
		free(entries->list[i].fed_by);
		free(entries->list[i].unstarted);
	}
	free(entries->list);
	*entries = (struct predictions){ 0 };
}
