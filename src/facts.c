/* Everything that is judged; see facts.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "facts.h"

#include <errno.h>
#include <fcntl.h>

static void read_target(const struct root *root, const char *path, struct facts *f)
{
	const struct root here = { .fd = AT_FDCWD, .live = true };

	f->target_path = path ? path : TARGET_PATH;
	f->target_status = target_read(path ? &here : root, f->target_path, &f->target, &f->target_error);
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
	cmdline_read(f->evidence.cmdline, f->evidence.vendor, f->evidence.kernel, &f->line);

	/* The early check's record belongs to the live system and its own target. */
	if (phase == PHASE_LATE && root->live && !target) {
		f->pending = root_exists(root, RUN_DIR "/pending");
		f->early_missing = !f->pending && !root_exists(root, RUN_DIR "/early.json");
	}
}
