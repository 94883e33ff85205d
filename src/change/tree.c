/* A tree that is not running; see tree.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/tree.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/paths.h"
#include "system/files.h"
#include "system/refuse.h"

#define LINUX_ENTRIES "/etc/grub.d/10_linux"

/* Without them the image would be built and hold no check, or the hook would build none. */
int tree_check_package(const struct generator *generator)
{
	static const char *const programs[] = { HELPER_PATH, INSTALLER_PATH, NULL };
	const char *const *lists[] = { programs, generator ? generator->hooks : NULL };

	for (size_t i = 0; generator && i < sizeof(lists) / sizeof(lists[0]); i++)
		for (const char *const *file = lists[i]; file && *file; file++)
			if (access(*file, F_OK) < 0)
				return refuse(PACKAGE_MISSING, "%s is not in this tree, whose own %s puts the check "
							       "into an image", *file, generator->program);
	return 0;
}

/* What is mounted on /, as GRUB's tools take it from there: proc_pid_mountinfo(5). False if that can't be told. */
static bool root_source(char source[128])
{
	char *line = NULL, point[256], name[128];
	bool found = false;
	size_t size = 0;

	FILE *list = fopen("/proc/self/mountinfo", "re");
	while (list && getline(&line, &size, list) >= 0) {
		const char *rest = strstr(line, " - ");
		if (!rest || sscanf(line, "%*u %*u %*s %*s %255s", point) != 1 || strcmp(point, "/") != 0 ||
		    sscanf(rest, " - %*s %127s", name) != 1)
			continue;
		memcpy(source, name, sizeof(name));
		found = true;
	}
	if (list)
		fclose(list);
	free(line);
	return found;
}

/* It leaves out a root file system that is on a file: "We can't cope with devices loop-mounted from files here", but
 * looks for no more than one digit. */
int tree_check_device(const struct backend *backend)
{
	static const char loop[] = "/dev/loop";
	char source[128];

	if (!backend->needs_block_device || !root_source(source))
		return 0;
	const char *digit = source + sizeof(loop) - 1;
	if (strncmp(source, loop, sizeof(loop) - 1) != 0 || !isdigit((unsigned char)digit[0]) || digit[1])
		return 0;
	char *script = file_read(LINUX_ENTRIES, NULL);
	bool leaves_out = script && strstr(script, "/dev/loop[0-9])");
	free(script);
	return leaves_out ? refuse(NO_ENTRY, "this tree is on %s, and " LINUX_ENTRIES " makes no boot entry for a "
					     "system on such a device; attach the disk with 'losetup --partscan' and "
					     "mount its partition, or by qemu-nbd(8)", source) : 0;
}
