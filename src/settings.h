/* The configuration files that are ours, and what is in them.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdbool.h>

enum setting { SETTING_TARGET, SETTING_DROPIN, SETTING_DRACUT, SETTINGS };

struct settings {
	char *text[SETTINGS]; /* owned; NULL where there is no such file */
};

const char *setting_path(enum setting setting);

/* A short name, for the journal. */
const char *setting_name(enum setting setting);

/* Reads all of them. Returns 0, or -1 with one line told on stderr. */
int settings_read(struct settings *settings);
void settings_free(struct settings *settings);

bool settings_same(const struct settings *a, const struct settings *b, enum setting setting);

/* Makes one file hold that text, or takes it away with NULL; does nothing where it is so already. Returns 1 if it did
 * something, 0 if not, or -1 with one line told on stderr. */
int setting_put(enum setting setting, const char *text);

#endif
