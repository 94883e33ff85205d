/* Whether there is anything to do; see unchanged.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/unchanged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/paths.h"
#include "change/fingerprint.h"
#include "change/steps.h"
#include "evidence/module-params.h"
#include "initramfs/inspect.h"

static bool was_read(const struct seen *read, const char *path)
{
	for (size_t i = 0; i < read->count; i++)
		if (strcmp(read->list[i].path, path) == 0)
			return true;
	return false;
}

/* Everything whose change could make the next boot another one, but for what the snapshot was read from. Returns how
 * many paths it put into list. */
static size_t watched(const struct plan *p, const struct seen *read, const char *list[], size_t size)
{
	static const char *const always[] = { "/boot", HELPER_PATH, MODPROBE_DIRS };
	const char *const *more = p->backend->watched;
	size_t n = 0;

	if (read->count == 0)
		list[n++] = p->backend->location();
	for (size_t i = 0; i < p->edits.count && n < size; i++)
		if (!was_read(read, p->edits.list[i].path))
			list[n++] = p->edits.list[i].path;
	for (size_t i = 0; always[i] && n < size; i++)
		list[n++] = always[i];
	for (; more && *more && n < size; more++)
		list[n++] = *more;
	for (size_t i = 0; p->generator && i < p->kernels.count && n + p->kernels.list[i].places + 1 < size; i++) {
		const struct kernel *kernel = &p->kernels.list[i];
		list[n++] = kernel->image;
		for (size_t c = 0; c < kernel->places; c++)
			list[n++] = kernel->placed[c];
		if (kernel->under[0])
			list[n++] = kernel->under;
	}
	return n;
}

enum { WATCHED_MAX = 256 };

static bool right_already(struct plan *p)
{
	const struct image_want want = step_want_of(edits_target(&p->edits, true));
	const char *path;

	if (edits_change(&p->edits))
		return false;
	for (size_t i = 0; p->generator && i < p->kernels.count; i++)
		if (initramfs_check(&p->kernels.list[i], &want, &path, NULL) < 0)
			return false;
	return !p->loader || loader_check(snapshot_of(&p->snapshot, p->backend), p->words, p->flush, NULL) == 0;
}

static char *look(struct plan *p, bool settled)
{
	const struct seen *read = &snapshot_of(&p->snapshot, p->backend)->entries.seen;
	const char *list[WATCHED_MAX];
	size_t count = watched(p, read, list, WATCHED_MAX);

	return fingerprint_take(list, count, read, settled);
}

bool plan_done_before(struct plan *p)
{
	char *now = edits_change(&p->edits) ? NULL : look(p, false);
	bool same = fingerprint_matches(now);

	free(now);
	return same;
}

int plan_reread(struct plan *p)
{
	const struct boot_entries *entries = &snapshot_of(&p->snapshot, p->backend)->entries;

	for (size_t i = 0; i < p->edits.count; i++) {
		struct edit *e = &p->edits.list[i];
		const char *text = NULL;

		for (size_t k = 0; k < entries->count && !text; k++)
			if (strcmp(entries->list[k].id, e->path) == 0)
				text = entries->list[k].text;
		if (edit_reread(e, text) < 0)
			return -1;
	}
	return 0;
}

bool plan_read_back(struct plan *p)
{
	char *before = look(p, true);
	bool right = right_already(p);
	char *after = right && before ? look(p, false) : NULL;
	int r = after && strcmp(before, after) == 0 ? fingerprint_write(before) : 0;

	/* Without it the next run reads everything back, no more. */
	if (r < 0)
		fprintf(stderr, "iommu-install: " STATE_DIR ": %s\n", strerror(-r));
	free(before);
	free(after);
	return right;
}
