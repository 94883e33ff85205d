/* Entries that a change can't make right; see left.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "nextboot/left.h"

#include <string.h>

#include "nextboot/placement.h"

bool image_is_made(const struct kernels *kernels, const char *image)
{
	for (size_t i = 0; image[0] && i < kernels->count; i++) {
		const struct kernel *kernel = &kernels->list[i];
		if (strcmp(kernel->image, image) == 0)
			return true;
		for (size_t c = 0; c < kernel->places; c++)
			if (strcmp(kernel->placed[c], image) == 0)
				return true;
	}
	return false;
}

/* The check in an image that nobody makes anew, against the mode that the entry's line is to give. */
static bool refuses(const struct prediction *p, const struct target *target)
{
	return p->enforce != POLICY_WARN && (p->target_status < 0 ||
					     !(target_accepts(&p->target) & 1u << target->mode));
}

static void look_at(struct prediction *p, bool made, const struct target *target, const struct evidence *now,
		    struct left *left)
{
	if (made)
		prediction_assume(p, p->words, target, true, now, wanted_of(target));
	left->mode = p->mode;
	left->unchecked = p->hook == HOOK_NONE;
	left->stopped = !left->unchecked && (p->fixed ? p->verdict != VERDICT_MATCH : refuses(p, target));
}

int left_find(const struct loader *loader, size_t i, const struct edits *edits, const struct kernels *kernels,
	      const struct target *target, const struct evidence *now, struct left *left)
{
	struct boot_entry entry = entry_after(loader->backend, edits, &loader->entries.list[i]);
	const struct loader one = { .backend = loader->backend, .entries = { .list = &entry, .count = 1 } };
	struct predictions predictions;

	*left = (struct left){ 0 };
	bool made = image_is_made(kernels, entry.image);
	if ((!entry.own || made || entry.passing) && !entry.fixed)
		return 0;
	int r = predictions_make(&one, NULL, now, wanted_of(target), &predictions);
	if (r < 0)
		return r;
	look_at(&predictions.list[0], made, target, now, left);
	predictions_free(&predictions);
	if (left->unchecked || left->stopped)
		left->entry = &loader->entries.list[i];
	return 0;
}
