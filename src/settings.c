/* The configuration files that are ours; see settings.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "grub.h"
#include "refuse.h"
#include "target.h"

static const struct {
	const char *name, *path;
} table[] = {
	[SETTING_TARGET] = { "target", TARGET_PATH },
	[SETTING_DROPIN] = { "grub-dropin", GRUB_DROPIN },
	[SETTING_DRACUT] = { "dracut-conf", "/etc/dracut.conf.d/50-iommu-verify.conf" },
};

const char *setting_path(enum setting setting)
{
	return table[setting].path;
}

const char *setting_name(enum setting setting)
{
	return table[setting].name;
}

int settings_read(struct settings *s)
{
	*s = (struct settings){ 0 };
	for (int i = 0; i < SETTINGS; i++) {
		s->text[i] = file_read(table[i].path, NULL);
		if (s->text[i] || errno == ENOENT || errno == ENOTDIR)
			continue;
		fail("%s: %s", table[i].path, strerror(errno));
		settings_free(s);
		return -1;
	}
	return 0;
}

void settings_free(struct settings *s)
{
	for (int i = 0; i < SETTINGS; i++)
		free(s->text[i]);
	*s = (struct settings){ 0 };
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : !a && !b;
}

bool settings_same(const struct settings *a, const struct settings *b, enum setting setting)
{
	return same_text(a->text[setting], b->text[setting]);
}

int setting_put(enum setting setting, const char *text)
{
	const char *path = table[setting].path;

	errno = 0;
	char *now = file_read(path, NULL);
	bool done = same_text(now, text) && (now || errno == ENOENT || errno == ENOTDIR);
	free(now);
	if (done)
		return 0;
	int r = text ? file_write(path, text, strlen(text), 0644) : file_remove(path);
	if (r == 0)
		return 1;
	fail("%s: %s", path, strerror(-r));
	return -1;
}
