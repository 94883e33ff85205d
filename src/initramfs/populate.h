/* Puts the early check into an initramfs image that is being built.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef POPULATE_H
#define POPULATE_H

#include "base/root.h"
#include "model/image-conf.h"

/* Called by the dracut module and the initramfs-tools hook. Takes target, helper and modprobe.d of root and writes
 * what belongs into the image for kernel osrelease to the directory dest. Without a target nothing is written.
 * Prints the kind of check that the caller has to install, "warn" or "stop", or nothing; tells on stderr what is
 * wrong. way_back goes into image.conf. Returns 0 if the build may go on, -EINVAL if it must fail: the target stops a
 * machine on a mismatch, and the image would not do so. */
int image_build(const struct root *root, const struct root *dest, const char *osrelease,
		enum way_back way_back);

#endif
