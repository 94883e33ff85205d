/* Module parameters, live from sysfs or as libkmod says they will be; see params.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "params.h"

#include <errno.h>
#include <libkmod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmdline.h"
#include "kconfig.h"
#include "root-libkmod.h"

/* drivers/vfio/vfio_main.c, drivers/vfio/vfio_iommu_type1.c, drivers/iommu/iommufd/device.c: all bool, mode 0644. */
static const struct {
	const char *module;
	const char *name;
	const char *option; /* of the kernel's configuration, that brings the parameter */
	unsigned since;     /* kernel in which it came, if after 5.10 */
} table[] = {
	[PARAM_NOIOMMU] = { "vfio", "enable_unsafe_noiommu_mode", "CONFIG_VFIO_NOIOMMU", 0 },
	[PARAM_TYPE1] = { "vfio_iommu_type1", "allow_unsafe_interrupts", "CONFIG_VFIO_IOMMU_TYPE1", 0 },
	[PARAM_IOMMUFD] = { "iommufd", "allow_unsafe_interrupts", "CONFIG_IOMMUFD", KERNEL(6, 5) },
};

/* Where modprobe(8) looks, first one first; the image's copy of the real root's lines stands before all of them, so
 * that it shadows a file of the same name (libkmod takes the first of each base name). */
static const char *const modprobe_dirs[] = {
	IMAGE_MODPROBE_DIR,        "/etc/modprobe.d",     "/run/modprobe.d",
	"/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d", NULL,
};

static const char *const sources[] = {
	[SOURCE_LIVE] = "live",
	[SOURCE_CONFIGURED] = "configured",
	[SOURCE_DEFAULT] = "default",
	[SOURCE_ABSENT] = "absent",
	[SOURCE_UNKNOWN] = "unknown",
};

const char *param_module(enum param param)
{
	return table[param].module;
}

const char *param_name(enum param param)
{
	return table[param].name;
}

const char *source_name(enum source source)
{
	return sources[source];
}

/* Whether the module is there, loaded or built in; if so, its parameter's live value. */
static bool read_live(const struct root *root, enum param param, struct param_state *state)
{
	char path[128], value[16];

	snprintf(path, sizeof(path), "/sys/module/%s", table[param].module);
	if (!root_exists(root, path))
		return false;
	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", table[param].module, table[param].name);
	ssize_t len = root_read_line(root, path, value, sizeof(value));
	if (len == -ENOENT) {
		*state = (struct param_state){ .value = -1, .source = SOURCE_ABSENT };
		return true;
	}
	*state = (struct param_state){ .value = len > 0 ? cmdline_bool(value) : -1, .source = SOURCE_LIVE };
	return true;
}

/* The last value that a string of options gives a parameter: 1, 0, or -1 if none does. As the module's own
 * parse_args() reads it: a bare name is Y; what is no boolean makes the load fail, and sets nothing. */
static int option_value(const char *options, const char *name)
{
	char word[256];
	int value = -1;

	while (options && cmdline_word(&options, word, sizeof(word))) {
		const char *text = cmdline_value(word, name);
		if (!text)
			continue;
		int on = strchr(word, '=') ? cmdline_bool(text) : 1;
		if (on >= 0)
			value = on;
	}
	return value;
}

/* Asks the module's own information, built in or a file, for the parameter. */
static enum presence in_modinfo(struct kmod_module *mod, const char *name)
{
	struct kmod_list *list = NULL, *item;
	enum presence found = PRESENCE_NO;
	size_t len = strlen(name);

	if (kmod_module_get_info(mod, &list) < 0)
		return PRESENCE_UNKNOWN; /* not there, or compressed and this libkmod can't unpack it */
	kmod_list_foreach(item, list) {
		const char *key = kmod_module_info_get_key(item), *value = kmod_module_info_get_value(item);
		if (strcmp(key, "parm") == 0 && strncmp(value, name, len) == 0 && value[len] == ':')
			found = PRESENCE_YES;
	}
	kmod_module_info_free_list(list);
	return found;
}

/* Asks the kernel's configuration. */
static enum presence in_config(const struct root *root, const char *osrelease, enum param param)
{
	unsigned kernel = kernel_version(osrelease);
	enum presence found = kconfig_has(root, osrelease, table[param].option);

	if (found == PRESENCE_YES && table[param].since && kernel < table[param].since)
		return kernel ? PRESENCE_NO : PRESENCE_UNKNOWN;
	return found;
}

static enum presence find_presence(const struct root *root, const char *osrelease, const struct image *image,
				   struct kmod_module *mod, enum param param)
{
	if (image)
		return strcmp(image->kernel, osrelease) == 0 ? image->has[param] : PRESENCE_UNKNOWN;

	enum presence presence = in_modinfo(mod, table[param].name);
	if (presence == PRESENCE_UNKNOWN)
		presence = in_config(root, osrelease, param);
	/* A module that is not there can't be loaded, and then its parameter is nobody's. */
	if (presence == PRESENCE_UNKNOWN && !kmod_module_get_path(mod))
		presence = PRESENCE_NO;
	return presence;
}

static void read_configured(const struct root *root, const char *osrelease, const struct image *image,
			    struct kmod_module *mod, enum param param, struct param_state *state)
{
	int value = option_value(kmod_module_get_options(mod), table[param].name);
	enum presence presence = find_presence(root, osrelease, image, mod, param);

	if (presence == PRESENCE_NO)
		*state = (struct param_state){ .value = -1, .source = SOURCE_ABSENT };
	else if (value < 0)
		*state = (struct param_state){ .value = 0, .source = SOURCE_DEFAULT };
	else if (presence == PRESENCE_UNKNOWN)
		*state = (struct param_state){ .value = value, .source = SOURCE_UNKNOWN };
	else
		*state = (struct param_state){ .value = value, .source = SOURCE_CONFIGURED };
}

static struct kmod_ctx *new_context(const struct root *root, const char *osrelease, const char *const *config)
{
	char path[160], dir[4096];

	snprintf(path, sizeof(path), "/lib/modules/%s", osrelease);
	return kmod_new(root_for_libkmod(root, path, dir, sizeof(dir)), config);
}

int params_presence(const struct root *root, const char *osrelease, enum presence has[PARAMS])
{
	static const char *const no_config[] = { NULL };
	int r = 0;

	struct kmod_ctx *ctx = new_context(root, osrelease, no_config);
	if (!ctx)
		return -ENOMEM;
	for (int i = 0; i < PARAMS && r == 0; i++) {
		struct kmod_module *mod;

		r = kmod_module_new_from_name(ctx, table[i].module, &mod);
		if (r < 0)
			break;
		has[i] = find_presence(root, osrelease, NULL, mod, (enum param)i);
		kmod_module_unref(mod);
	}
	kmod_unref(ctx);
	return r;
}

int params_read(const struct root *root, const char *osrelease, const struct image *image, struct params *params)
{
	bool live[PARAMS], all = true;
	int r = 0;

	*params = (struct params){ 0 };
	for (int i = 0; i < PARAMS; i++) {
		live[i] = read_live(root, (enum param)i, &params->state[i]);
		all = all && live[i];
	}
	params->vfio_loaded = live[PARAM_NOIOMMU];
	if (all)
		return 0;

	struct kmod_ctx *ctx = new_context(root, osrelease, modprobe_dirs);
	if (!ctx)
		return -ENOMEM;
	for (int i = 0; i < PARAMS && r == 0; i++) {
		struct kmod_module *mod;

		if (live[i])
			continue;
		r = kmod_module_new_from_name(ctx, table[i].module, &mod);
		if (r < 0)
			break;
		read_configured(root, osrelease, image, mod, (enum param)i, &params->state[i]);
		if (i == PARAM_NOIOMMU) {
			const char *command = kmod_module_get_install_commands(mod);
			snprintf(params->vfio_blocked, sizeof(params->vfio_blocked), "%s", command ? command : "");
		}
		kmod_module_unref(mod);
	}
	kmod_unref(ctx);
	return r;
}
