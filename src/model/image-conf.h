/* /usr/lib/iommu-verify/image.conf: what an initramfs image knows about itself, written when it was built.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef IMAGE_CONF_H
#define IMAGE_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/root.h"
#include "model/mode.h"

#define IMAGE_DIR "/usr/lib/iommu-verify"
#define IMAGE_CONF IMAGE_DIR "/image.conf"
#define IMAGE_MODPROBE_DIR IMAGE_DIR "/modprobe.d"

enum presence { PRESENCE_UNKNOWN, PRESENCE_NO, PRESENCE_YES };

/* The module parameters that decide, and their order wherever there are three of something. */
enum param { PARAM_NOIOMMU, PARAM_TYPE1, PARAM_IOMMUFD, PARAMS };

struct image {
	char kernel[65];                /* release it was built for, as struct utsname has it */
	enum policy enforce;            /* "no" is POLICY_WARN */
	enum presence has[PARAMS];      /* do that kernel's modules have the parameter? */
};

/* Reads image.conf below root. Returns 0, -ENOENT if there is none, -EINVAL if it is damaged, or another -errno. */
int image_read(const struct root *root, struct image *image);

/* Reads its text of len bytes, cut up in place; text[len] must be NUL. Returns 0 or -EINVAL. */
int image_parse(char *text, size_t len, struct image *image);

/* Writes its text. Returns the length, as snprintf(). */
int image_format(const struct image *image, char *buf, size_t size);

#endif
