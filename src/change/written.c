/* Every file that a change writes; see written.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/written.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/paths.h"
#include "change/lock.h"
#include "system/mounts.h"
#include "system/place.h"
#include "system/refuse.h"

/* chattr(1) has been here: not even root can replace such a file, or give it another name. */
static const char *fixed(int dir, const char *name)
{
	struct statx st;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &st) < 0)
		return NULL;
	return st.stx_attributes & STATX_ATTR_IMMUTABLE ? "immutable" :
	       st.stx_attributes & STATX_ATTR_APPEND	? "append-only" : NULL;
}

static int check_fixed(const char *path, const struct place *place)
{
	const char *file = place->there ? fixed(place->dir, place->name) : NULL,
		   *dir = file ? NULL : fixed(place->dir, ".");

	if (!file && !dir)
		return 0;
	return refuse(BOOT_READONLY, "%s: %s is %s; run: chattr -%c on it", path, file ? place->real : "its directory",
		      file ? file : dir, strcmp(file ? file : dir, "immutable") == 0 ? 'i' : 'a');
}

static int check_file(const char *path)
{
	struct place place;

	/* What is missing may be there once it is mounted. */
	int code = mounts_check(path);
	if (code)
		return code;
	int r = place_find(path, false, &place);
	if (r == -ELOOP)
		code = refuse(LINK_UNSAFE, "%s: %s", path, place.why);
	if (code == 0 && r == 0 && strcmp(place.real, path) != 0)
		code = mounts_check(place.real);
	if (code == 0 && r == 0)
		code = check_fixed(path, &place);
	place_close(&place);
	return code; /* any other fault is told by whoever writes */
}

static int check_images(const struct kernels *kernels)
{
	int code = 0;

	for (size_t i = 0; i < kernels->count && code == 0; i++) {
		const struct kernel *kernel = &kernels->list[i];

		code = check_file(kernel->image);
		for (size_t c = 0; c < kernel->places && code == 0; c++)
			code = check_file(kernel->placed[c]);
		if (code == 0 && kernel->under[0])
			code = check_file(kernel->under);
	}
	return code;
}

int written_mounted(const struct edits *edits)
{
	int code = mounts_check("/boot");

	for (size_t i = 0; i < edits->count && code == 0; i++)
		code = mounts_check(edits->list[i].path);
	return code;
}

int written_check(const struct written *w)
{
	int code = check_file(STATE_DIR "/change");

	for (size_t i = 0; i < w->edits->count && code == 0; i++) {
		const struct edit *e = &w->edits->list[i];
		if (edit_changes(e) || (e->role == ROLE_MADE && w->backend))
			code = check_file(e->path);
	}
	if (code == 0 && w->kernels)
		code = check_images(w->kernels);
	if (code == 0 && w->backend && w->backend->location()[0] == '/')
		code = mounts_check(w->backend->location());
	return code;
}
