/* What starts the check in an unpacked image: read as whoever starts it reads it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef STARTS_H
#define STARTS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/root.h"
#include "initramfs/image-files.h"
#include "initramfs/rootfs.h"

/* What starts the check, and what it does if the helper fails. */
enum hook { HOOK_NONE, HOOK_WARNS, HOOK_STOPS };

struct starts {
	enum hook hook;
	char why[192]; /* what keeps it from being started, or from stopping; "" if nothing of it is there */
};

/* One way for a generator's images: a row of its table. */
struct start {
	/* Fills *starts in if anything of this way is in the image, else returns false. */
	bool (*read)(const struct rootfs *image, struct starts *starts);
	/* Adds the files, of root, by which a check that starts already would stop the machine if the helper fails, or
	 * would go on. Returns 0; -ENOTSUP with *why where something would have to be taken away; or another
	 * -errno. */
	int (*lay)(const struct rootfs *image, bool stop, const struct root *root, struct image_files *files,
		   struct error *why);
};

/* systemd: the unit as its search path has it, with all drop-ins, masks, and what wants it. */
extern const struct start start_by_unit;
/* dracut without systemd: the hook that its init reads. */
extern const struct start start_by_dracut_hook;
/* initramfs-tools: the script, and its place in ORDER. */
extern const struct start start_by_order;
/* mkinitcpio without systemd: the hook, and its place among the early ones. */
extern const struct start start_by_early_hook;

/* Fills *starts in, for a reader; true. */
__attribute__((format(printf, 3, 4))) bool starts_found(struct starts *starts, enum hook hook, const char *format, ...);

/* Asks each generator's rows: the first way that starts it, else what is wrong with the first that is there. */
void starts_read(const struct rootfs *image, struct starts *starts);

/* Asks the one that starts it, as above. */
int starts_lay(const struct rootfs *image, bool stop, const struct root *root, struct image_files *files,
	       struct error *why);

#endif
