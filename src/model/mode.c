/* The tables behind mode.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "model/mode.h"

#include <string.h>

static const struct {
	const char *name;
	const char *tokens;
} modes[] = {
	[MODE_OFF_FOR_UIO] = { "off-for-uio", "intel_iommu=off amd_iommu=off" },
	[MODE_OFF_FOR_VFIO] = { "off-for-vfio", "intel_iommu=off amd_iommu=off vfio.enable_unsafe_noiommu_mode=1" },
	[MODE_STRICT] = { "strict", "intel_iommu=on amd_iommu=on" },
	[MODE_PT] = { "pt", "intel_iommu=on amd_iommu=on iommu=pt" },
	[MODE_MIXED] = { "mixed", "" },
	[MODE_UNKNOWN] = { "unknown", "" },
	[MODE_DEFAULT] = { "default", "" },
};

static const char *const policies[] = {
	[POLICY_WARN] = "warn",
	[POLICY_HALT] = "halt",
	[POLICY_POWEROFF] = "poweroff",
	[POLICY_REBOOT] = "reboot",
};

static const char *const flushes[] = {
	[FLUSH_ANY] = "any",
	[FLUSH_SYNC] = "sync",
	[FLUSH_LAZY] = "lazy",
	[FLUSH_UNKNOWN] = "unknown",
	[FLUSH_NONE] = "none",
};

const char *mode_name(enum mode mode)
{
	return modes[mode].name;
}

const char *mode_tokens(enum mode wanted)
{
	return modes[wanted].tokens;
}

const char *policy_name(enum policy policy)
{
	return policies[policy];
}

const char *flush_name(enum flush flush)
{
	return flushes[flush];
}

bool mode_is_off(enum mode mode)
{
	return mode == MODE_OFF_FOR_UIO || mode == MODE_OFF_FOR_VFIO;
}

bool mode_parse(const char *word, enum mode *out)
{
	for (int i = 0; i < MODES_WANTED; i++) {
		if (strcmp(word, modes[i].name) != 0)
			continue;
		*out = (enum mode)i;
		return true;
	}
	return false;
}

bool policy_parse(const char *word, enum policy *out)
{
	for (int i = POLICY_WARN; i <= POLICY_REBOOT; i++) {
		if (strcmp(word, policies[i]) != 0)
			continue;
		*out = (enum policy)i;
		return true;
	}
	return false;
}

bool flush_parse(const char *word, enum flush *out)
{
	for (int i = FLUSH_ANY; i <= FLUSH_LAZY; i++) {
		if (strcmp(word, flushes[i]) != 0)
			continue;
		*out = (enum flush)i;
		return true;
	}
	return false;
}
