/* What openSUSE and SLE write down about their boot loader; see suse.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/suse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/keyval.h"
#include "system/files.h"

/* A file that a shell sources: the last assignment counts. "" if there is none. */
static const char *loader_type(void)
{
	static char type[32];
	char *text = file_read(SUSE_SYSCONFIG, NULL);
	struct keyval kv;

	type[0] = '\0';
	if (!text)
		return type;
	keyval_init(&kv, text);
	while (keyval_next(&kv)) {
		if (strcmp(kv.key, "LOADER_TYPE") != 0 || !kv.value)
			continue;
		const char *value = kv.value + (kv.value[0] == '"' || kv.value[0] == '\'');
		snprintf(type, sizeof(type), "%.*s", (int)strcspn(value, "\"' \t"), value);
	}
	free(text);
	return type;
}

bool suse_loader_is(const char *type)
{
	return strcmp(loader_type(), type) == 0;
}

bool suse_has_sdbootutil(void)
{
	return suse_loader_is("systemd-boot") || suse_loader_is("grub2-bls") ||
	       (suse_loader_is("") && access("/usr/bin/sdbootutil", F_OK) == 0);
}
