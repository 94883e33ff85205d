/* Images made anew after an upgrade of the programs; see renew.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/renew.h"

#include <stdlib.h>

#include "change/interrupt.h"
#include "change/lock.h"
#include "change/steps.h"
#include "initramfs/generator.h"
#include "initramfs/inspect.h"
#include "initramfs/rebuild.h"
#include "system/files.h"
#include "system/message.h"

/* An image that has no check was not meant to have one, or was made without us. */
static bool is_outdated(const char *path)
{
	struct initramfs image;

	bool found = initramfs_read(path, &image, NULL) == 0 && image.helper && !image.same_helper;
	initramfs_free(&image);
	return found;
}

static bool outdated(const struct kernel *kernel)
{
	bool found = is_outdated(kernel->image) || (kernel->under[0] && is_outdated(kernel->under));

	for (size_t i = 0; i < kernel->places && !found; i++)
		found = is_outdated(kernel->placed[i]);
	return found;
}

static int renew(const struct transaction *t, size_t i, const struct image_want *want)
{
	const struct kernel *kernel = &t->kernels.list[i];

	if (!t->generator)
		return fail("%s: holds another version of iommu-verify than the installed one, and no program is here "
			    "to build it anew; "
			    "install one: %s",
			    kernel->image, generator_programs()), -1;
	if (lock_begin() < 0 || !interrupt_stage_unless(STAGE_CHANGE))
		return -1;
	if (step_build_image(t, i, want) == 0 && step_sync_boot(t) == 0)
		return step_forget(kernel);
	interrupt_stage(STAGE_UNDO);
	step_told(kernel->image, initramfs_restore(kernel, NULL));
	return -1;
}

int transaction_images(struct transaction *t)
{
	char *target = file_read(TARGET_PATH, NULL);
	const struct image_want want = step_want_of(target);
	int r = target ? step_open_loader(t) : 0;

	for (size_t i = 0; target && i < t->kernels.count && r == 0; i++)
		r = outdated(&t->kernels.list[i]) ? renew(t, i, &want) : step_forget(&t->kernels.list[i]);
	if (r == 0)
		r = step_go_on();
	free(target);
	lock_undo();
	return r == 0 ? 0 : EXIT_INVALID;
}
