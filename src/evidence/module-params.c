/* Module parameters, live from sysfs or as libkmod says they will be; see module-params.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "evidence/module-params.h"

#include <errno.h>
#include <libkmod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/kconfig.h"
#include "evidence/libkmod-root.h"
#include "model/cmdline-words.h"

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

/* The image's copy of the real root's lines stands before all of them, so that it shadows a file of the same name. */
static const char *const modprobe_dirs[] = { IMAGE_MODPROBE_DIR, MODPROBE_DIRS };

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
	*state = (struct param_state){ .value = len > 0 ? cmdline_bool(value, 0) : -1, .source = SOURCE_LIVE };
	return true;
}

/* The last value that a string of options gives a parameter: 1, 0, or -1 if none does. As the module's own
 * parse_args() reads it (kernel/module/main.c:load_module()): up to a bare "--". A word that is no boolean makes the
 * load fail: bad has it, else "", and then no other counts. */
static int option_value(const char *options, const char *name, unsigned kernel, char bad[80])
{
	char word[256];
	int value = -1;

	bad[0] = '\0';
	while (options && cmdline_word(&options, word, sizeof(word)) && strcmp(word, "--") != 0) {
		if (!cmdline_value(word, name))
			continue;
		int on = cmdline_param(word, name, kernel);
		if (on < 0)
			snprintf(bad, 80, "%.79s", word);
		else
			value = on;
	}
	return bad[0] ? -1 : value;
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
			    struct kmod_module *mod, enum param param, struct params *params)
{
	struct param_state *state = &params->state[param];
	char bad[80];
	int value = option_value(kmod_module_get_options(mod), table[param].name, kernel_version(osrelease), bad);
	enum presence presence = find_presence(root, osrelease, image, mod, param);

	if (presence == PRESENCE_NO)
		*state = (struct param_state){ .value = -1, .source = SOURCE_ABSENT };
	else if (value < 0)
		*state = (struct param_state){ .value = 0, .source = SOURCE_DEFAULT };
	else if (presence == PRESENCE_UNKNOWN)
		*state = (struct param_state){ .value = value, .source = SOURCE_UNKNOWN };
	else
		*state = (struct param_state){ .value = value, .source = SOURCE_CONFIGURED };
	if (bad[0] && param == PARAM_NOIOMMU && presence != PRESENCE_NO)
		snprintf(params->vfio_blocked, sizeof(params->vfio_blocked), "vfio can't load: '%s' is no yes or no",
			 bad);
}

/* kernel/module/main.c:module_blacklist, a core_param: a comma list of names, the last occurrence counts. */
static bool kernel_blacklists(const char *line, const char *module)
{
	char word[512];
	bool found = false;

	while (cmdline_word(&line, word, sizeof(word)) && strcmp(word, "--") != 0) {
		const char *value = cmdline_value(word, "module_blacklist");
		if (!value)
			continue;
		for (found = false; *value; value += value[0] == ',') {
			size_t len = strcspn(value, ",");
			found = found || (len == strlen(module) && strncmp(value, module, len) == 0);
			value += len;
		}
	}
	return found;
}

/* modprobe(8) passes over the install command of a module that has soft dependencies it can resolve
 * (libkmod/libkmod-module.c:__kmod_module_fill_softdep()); vfio has one, on vfio_iommu_type1. */
static bool has_softdeps(const struct kmod_module *mod)
{
	struct kmod_list *before = NULL, *after = NULL;
	bool any = kmod_module_get_softdeps(mod, &before, &after) == 0 && (before || after);

	kmod_module_unref_list(before);
	kmod_module_unref_list(after);
	return any;
}

/* What keeps vfio from loading. An install command that calls modprobe past itself does load it. */
static void read_blocked(const char *cmdline, const struct kmod_module *mod, struct params *params)
{
	const char *command = kmod_module_get_install_commands(mod);

	if (command && !has_softdeps(mod) && !strstr(command, "--ignore-install") && !strstr(command, " -i "))
		snprintf(params->vfio_blocked, sizeof(params->vfio_blocked),
			 "modprobe runs '%s' instead of loading vfio", command);
	else if (kernel_blacklists(cmdline, "vfio"))
		snprintf(params->vfio_blocked, sizeof(params->vfio_blocked),
			 "module_blacklist= on the kernel command line keeps vfio from loading");
}

/* Everything that libkmod does between this and end_context() is below root. */
static struct kmod_ctx *new_context(const struct root *root, const char *osrelease, const char *const *config)
{
	char path[160];

	root_libkmod_begin(root);
	snprintf(path, sizeof(path), "/lib/modules/%s", osrelease);
	struct kmod_ctx *ctx = kmod_new(path, config);
	if (ctx)
		kmod_set_log_priority(ctx, -1); /* what it misses is said in our words */
	else
		root_libkmod_end();
	return ctx;
}

/* r is how it went so far. Returns that, or -errno if libkmod has passed over something that it could not have. */
static int end_context(struct kmod_ctx *ctx, int r)
{
	kmod_unref(ctx);
	int missed = root_libkmod_end();
	return r < 0 ? r : missed;
}

int params_presence(const struct root *root, const char *osrelease, enum presence has[PARAMS], bool *install_ignored)
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
		if (i == PARAM_NOIOMMU && install_ignored)
			*install_ignored = has_softdeps(mod);
		kmod_module_unref(mod);
	}
	return end_context(ctx, r);
}

int params_read(const struct root *root, const char *osrelease, const char *cmdline, const struct image *image,
		struct params *params)
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
		read_configured(root, osrelease, image, mod, (enum param)i, params);
		if (i == PARAM_NOIOMMU)
			read_blocked(cmdline, mod, params);
		kmod_module_unref(mod);
	}
	return end_context(ctx, r);
}
