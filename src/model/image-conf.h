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

/* Whether somebody at the console can change the kernel parameters of a boot entry. */
enum way_back {
	WAY_UNKNOWN,
	WAY_MENU,   /* in the boot menu's editor */
	WAY_LOCKED, /* the same, which asks for a password or is switched off */
	WAY_ENTRY,  /* no: a unified kernel image; another entry, or a live system */
};

/* Options of a kernel's configuration that decide which default domain a device gets. */
enum config {
	CONFIG_DEFAULT_PASSTHROUGH, /* CONFIG_IOMMU_DEFAULT_PASSTHROUGH */
	CONFIG_IGFX_IDENTITY,       /* CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF, Debian's */
	CONFIG_GFX_WA,              /* CONFIG_INTEL_IOMMU_BROKEN_GFX_WA */
	CONFIGS,
};

struct image {
	char kernel[65];                /* release it was built for, as struct utsname has it */
	enum policy enforce;            /* "no" is POLICY_WARN */
	enum presence has[PARAMS];      /* do that kernel's modules have the parameter? */
	enum way_back way_back;         /* by the boot loader that there was when it was built */
	enum presence config[CONFIGS];  /* was it built so? */
};

/* Static: "CONFIG_IOMMU_DEFAULT_PASSTHROUGH". */
const char *config_option(enum config option);

/* Reads image.conf below root. Returns 0, -ENOENT if there is none, -EINVAL if it is damaged, or another -errno. */
int image_read(const struct root *root, struct image *image);

/* Reads its text of len bytes, cut up in place; text[len] must be NUL. A key that is not known is a later version's,
 * and passed over. Returns 0 or -EINVAL. */
int image_parse(char *text, size_t len, struct image *image);

/* Writes its text. Returns the length, as snprintf(). */
int image_format(const struct image *image, char *buf, size_t size);

#endif
