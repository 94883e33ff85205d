/* /usr/lib/iommu-verify/image.conf; see image-conf.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "model/image-conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/keyval.h"

static const char *const presences[] = {
	[PRESENCE_UNKNOWN] = "unknown",
	[PRESENCE_NO] = "no",
	[PRESENCE_YES] = "yes",
};

static const char *const param_keys[] = {
	[PARAM_NOIOMMU] = "noiommu",
	[PARAM_TYPE1] = "type1",
	[PARAM_IOMMUFD] = "iommufd",
};

static const char *const ways[] = {
	[WAY_UNKNOWN] = "unknown",
	[WAY_MENU] = "menu",
	[WAY_LOCKED] = "locked-menu",
	[WAY_ENTRY] = "entry",
};

/* By enum config: the key in image.conf and the option it is about. */
static const struct {
	const char *key, *option;
} configs[] = {
	[CONFIG_DEFAULT_PASSTHROUGH] = { "default-passthrough", "CONFIG_IOMMU_DEFAULT_PASSTHROUGH" },
	[CONFIG_IGFX_IDENTITY] = { "igfx-identity", "CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF" },
	[CONFIG_GFX_WA] = { "gfx-wa", "CONFIG_INTEL_IOMMU_BROKEN_GFX_WA" },
};

const char *config_option(enum config option)
{
	return configs[option].option;
}

static const char *enforce_name(enum policy enforce)
{
	return enforce == POLICY_WARN ? "no" : policy_name(enforce);
}

static bool enforce_parse(const char *value, enum policy *out)
{
	if (strcmp(value, "no") == 0) {
		*out = POLICY_WARN;
		return true;
	}
	return policy_parse(value, out) && *out != POLICY_WARN;
}

static bool presence_parse(const char *value, enum presence *out)
{
	for (int i = PRESENCE_UNKNOWN; i <= PRESENCE_YES; i++) {
		if (strcmp(value, presences[i]) != 0)
			continue;
		*out = (enum presence)i;
		return true;
	}
	return false;
}

/* What a later version calls otherwise is as good as unknown: it only chooses the words of a message. */
static enum way_back way_parse(const char *value)
{
	for (int i = WAY_UNKNOWN; i <= WAY_ENTRY; i++)
		if (strcmp(value, ways[i]) == 0)
			return (enum way_back)i;
	return WAY_UNKNOWN;
}

static bool read_key(struct image *image, const char *key, const char *value, bool *enforce_seen)
{
	if (strcmp(key, "kernel") == 0)
		return snprintf(image->kernel, sizeof(image->kernel), "%s", value) < (int)sizeof(image->kernel);
	if (strcmp(key, "enforce") == 0)
		return *enforce_seen = enforce_parse(value, &image->enforce);
	for (int i = 0; i < PARAMS; i++)
		if (strcmp(key, param_keys[i]) == 0)
			return presence_parse(value, &image->has[i]);
	for (int i = 0; i < CONFIGS; i++)
		if (strcmp(key, configs[i].key) == 0)
			return presence_parse(value, &image->config[i]);
	if (strcmp(key, "way-back") == 0)
		image->way_back = way_parse(value);
	return true;
}

int image_parse(char *text, size_t len, struct image *image)
{
	bool enforce_seen = false;
	struct keyval kv;

	*image = (struct image){ 0 };
	if (strlen(text) != len)
		return -EINVAL;
	keyval_init(&kv, text);
	while (keyval_next(&kv))
		if (!kv.value || !read_key(image, kv.key, kv.value, &enforce_seen))
			return -EINVAL;
	return enforce_seen ? 0 : -EINVAL;
}

int image_read(const struct root *root, struct image *image)
{
	char text[1024];

	*image = (struct image){ 0 };
	ssize_t len = root_read(root, IMAGE_CONF, text, sizeof(text));
	if (len < 0)
		return len == -EFBIG ? -EINVAL : (int)len;
	return image_parse(text, (size_t)len, image);
}

int image_format(const struct image *image, char *buf, size_t size)
{
	int len = snprintf(buf, size, "kernel=%s\nenforce=%s\n", image->kernel, enforce_name(image->enforce));

	for (int i = 0; i < PARAMS + CONFIGS; i++) {
		const char *key = i < PARAMS ? param_keys[i] : configs[i - PARAMS].key;
		enum presence is = i < PARAMS ? image->has[i] : image->config[i - PARAMS];
		size_t at = (size_t)len < size ? (size_t)len : size;

		len += snprintf(buf + at, size - at, "%s=%s\n", key, presences[is]);
	}
	size_t at = (size_t)len < size ? (size_t)len : size;
	return len + snprintf(buf + at, size - at, "way-back=%s\n", ways[image->way_back]);
}
