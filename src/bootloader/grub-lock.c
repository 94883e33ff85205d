/* Whether GRUB lets somebody at the console edit an entry; see grub-lock.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * With superusers set it asks for a name and a password. Fedora's grub.cfg sets them if there is one in user.cfg.
 */
#include "bootloader/grub-lock.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootloader/grub-cfg.h"
#include "system/files.h"

static bool begins(const char *line, const char *word)
{
	return strncmp(line, word, strlen(word)) == 0;
}

/* A file beside grub.cfg; owned by the caller, NULL if it can't be read. */
static char *read_beside(const char *name)
{
	const char *config = grub_config();
	char path[80];

	snprintf(path, sizeof(path), "%.*s%s", (int)(strrchr(config, '/') + 1 - config), config, name);
	return file_read(path, NULL);
}

static bool has_password(void)
{
	char *text = read_beside("user.cfg");
	const char *line = text ? strstr(text, "GRUB2_PASSWORD=") : NULL;
	bool found = line && (line == text || line[-1] == '\n');

	free(text);
	return found;
}

/* An "if" that ends on its own line encloses no other one. */
static bool ends_with_fi(const char *line, const char *end)
{
	while (end > line && strchr(" \t;", end[-1]))
		end--;
	return end - line > 3 && strncmp(end - 3, " fi", 3) == 0;
}

/* Frees text. */
static bool sets_superusers(char *text)
{
	int depth = 0;
	bool found = false;

	for (char *line = text; line && *line && !found;) {
		char *next = line + strcspn(line, "\n");

		line += strspn(line, " \t");
		if (begins(line, "if "))
			depth += !ends_with_fi(line, next);
		else if (begins(line, "fi") && strchr(" \t\n;", line[2]) && depth > 0)
			depth--;
		else if (begins(line, "set superusers=") || begins(line, "superusers="))
			found = depth == 0 || has_password();
		line = next + (*next == '\n');
	}
	free(text);
	return found;
}

enum way_back grub_way_back(void)
{
	char *config = file_read(grub_config(), NULL);

	if (!config)
		return WAY_UNKNOWN;
	/* 41_custom reads the second one. */
	return sets_superusers(config) || sets_superusers(read_beside("custom.cfg")) ? WAY_LOCKED : WAY_MENU;
}
