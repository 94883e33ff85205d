/* Everything that is judged; see facts.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "verdict/facts.h"

#include <errno.h>
#include <fcntl.h>

#include "base/paths.h"
#include "evidence/classify.h"
#include "evidence/demands.h"

static void read_target(const struct root *root, const char *path, struct facts *f)
{
	const struct root here = { .fd = AT_FDCWD, .live = true };

	f->target_path = path ? path : TARGET_PATH;
	f->target_status = target_read(path ? &here : root, f->target_path, &f->target, &f->target_error);
}

static bool same_target(const struct target *a, const struct target *b)
{
	return a->mode == b->mode && a->accept == b->accept && a->on_mismatch == b->on_mismatch &&
	       a->late_same == b->late_same && a->flush == b->flush && a->remapped == b->remapped &&
	       a->translated == b->translated &&
	       a->allow_unsafe_interrupts == b->allow_unsafe_interrupts && a->allow_override == b->allow_override &&
	       a->delay == b->delay;
}

/* The early check's record belongs to the live system and its own target. What it judged by goes for the whole boot: a
 * later change of the file must not stop a machine that is as it was told to be. */
static void read_early(const struct root *root, struct facts *f)
{
	f->pending = root_certain(root, RUN_DIR "/pending");
	f->early_read = early_read(root, &f->early) == 0;
	f->early_missing = !f->early_read && !f->pending;
	if (f->pending || f->early_missing)
		return;
	if (f->early.judged)
		f->stale = f->target_status < 0 || !same_target(&f->target, &f->early.target);
	else
		f->stale = f->target_status != -ENOENT;
	f->target = f->early.target;
	f->target_status = f->early.judged ? 0 : -ENOENT;
}

/* What only explains a mismatch, and is not asked of a machine that agrees. */
static void ask_why(const struct root *root, struct facts *f)
{
	struct evidence *e = &f->evidence;

	if (f->target_status < 0)
		return;
	if (f->target.mode == MODE_PT && e->effective == MODE_STRICT)
		evidence_read_units(root, e);
	if (f->target.mode == MODE_STRICT && e->effective == MODE_PT && f->line.pt.result == UNSAID)
		evidence_config(root, e, CONFIG_DEFAULT_PASSTHROUGH);
}

void facts_collect(const struct root *root, const char *target, enum phase phase, struct facts *f)
{
	*f = (struct facts){ .phase = phase };
	read_target(root, target, f);
	f->image_status = image_read(root, &f->image);

	/* Damaged, it knows nothing about its kernel; outside an image there is none to ask. */
	if (f->image_status < 0 && f->image_status != -ENOENT)
		f->image = (struct image){ 0 };
	evidence_collect(root, f->image_status == -ENOENT && phase == PHASE_LATE ? NULL : &f->image, &f->evidence);
	classify(root, &f->evidence);
	cmdline_read(f->evidence.cmdline, f->evidence.vendor, f->evidence.kernel, &f->line);
	/* Asked only where nothing else explains it: the kernel log is long. */
	if (f->evidence.effective == MODE_PT && f->evidence.vendor == VENDOR_INTEL && f->line.pt.result != YES)
		f->opted_in = platform_opted_in(root);

	if (phase == PHASE_LATE && root->live && !target)
		read_early(root, f);
	if (f->target_status == 0)
		demands_read(root, &f->target, &f->evidence);
	ask_why(root, f);
}

void facts_free(struct facts *f)
{
	evidence_free(&f->evidence);
}
