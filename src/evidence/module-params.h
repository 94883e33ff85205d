/* The module parameters of vfio, vfio_iommu_type1 and iommufd: what they are, or what they will be once loaded.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef MODULE_PARAMS_H
#define MODULE_PARAMS_H

#include <stdbool.h>

#include "base/root.h"
#include "model/image-conf.h"

/* Where modprobe(8) looks, first one first, then NULL; the first file of a base name hides the later ones. */
#define MODPROBE_DIRS "/etc/modprobe.d", "/run/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", \
	"/lib/modprobe.d", NULL

enum source {
	SOURCE_LIVE,       /* sysfs: the module is loaded or built in */
	SOURCE_CONFIGURED, /* libkmod: modprobe.d and command line */
	SOURCE_DEFAULT,    /* nothing sets it */
	SOURCE_ABSENT,     /* no such module or parameter */
	SOURCE_UNKNOWN,    /* the configuration sets it, and nobody can tell whether it exists */
};

struct param_state {
	int value; /* 1 (Y), 0 (N), -1 (none or not known) */
	enum source source;
};

/* What was found out about all three. */
struct params {
	struct param_state state[PARAMS];
	bool vfio_loaded;       /* loaded or built in */
	char vfio_blocked[200]; /* what keeps vfio from loading, as a sentence, or "" */
};

/* Static strings: "vfio", "enable_unsafe_noiommu_mode", "live". */
const char *param_module(enum param param);
const char *param_name(enum param param);
const char *source_name(enum source source);

/* Finds the three parameters. osrelease is the kernel's release, cmdline its command line. image is the image's own
 * account of its kernel, or NULL outside an image; then module information and DIR/boot/config-* are asked. Returns
 * 0 or -errno if libkmod can't be used; live values are filled in all the same. */
int params_read(const struct root *root, const char *osrelease, const char *cmdline, const struct image *image,
		struct params *params);

/* Finds out for image.conf whether a kernel's modules have the parameters: from the modules themselves, else from the
 * kernel's configuration. install_ignored, unless NULL, says whether modprobe(8) passes over install lines of vfio.
 * Returns 0 or -errno. */
int params_presence(const struct root *root, const char *osrelease, enum presence has[PARAMS], bool *install_ignored);

#endif
