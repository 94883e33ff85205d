/* The list of entries, whatever boot loader they are of; see backend.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bootloader/cmdline-edit.h"
#include "bootloader/grub-script.h"
#include "system/refuse.h"

int boot_entries_add(struct boot_entries *entries, const struct boot_entry *entry)
{
	struct boot_entry *more = reallocarray(entries->list, entries->count + 1, sizeof(*more)), copy = *entry;

	if (!more)
		return -ENOMEM;
	entries->list = more;
	copy.id = strdup(entry->id);
	copy.words = strdup(entry->words);
	char **const texts[] = { &copy.text, &copy.written, &copy.also, &copy.doubt, &copy.fed, &copy.whole };
	bool failed = !copy.id || !copy.words;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *from = *texts[i];
		*texts[i] = from ? strdup(from) : NULL;
		failed = failed || (from && !*texts[i]);
	}
	more[entries->count++] = copy;
	return failed ? -ENOMEM : 0;
}

void boot_entries_doubt(struct boot_entries *entries, size_t first)
{
	bool known = false;

	for (size_t i = first; i < entries->count; i++)
		known = known || entries->list[i].by_default == PRESENCE_YES;
	for (size_t i = first; i < entries->count && !known; i++)
		entries->list[i].by_default = PRESENCE_UNKNOWN;
}

void boot_entries_free(struct boot_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		free(entries->list[i].id);
		free(entries->list[i].words);
		free(entries->list[i].text);
		free(entries->list[i].written);
		free(entries->list[i].also);
		free(entries->list[i].doubt);
		free(entries->list[i].fed);
		free(entries->list[i].whole);
	}
	free(entries->list);
	seen_free(&entries->seen);
	*entries = (struct boot_entries){ 0 };
}

/* --- The line ----------------------------------------------------------------------------------------------------- */

char *boot_entry_line(const struct boot_entry *entry, const char **at)
{
	if (!*at) {
		*at = entry->also ? entry->also : "";
		return strdup(entry->words);
	}
	size_t len = strcspn(*at, "\n");
	char *line = **at ? strndup(*at, len) : NULL;
	*at += len + ((*at)[len] == '\n');
	return line;
}

/* Whether all that a line has about the IOMMU is among words. */
static bool agrees(const char *line, const char *words, bool flush, char **removed)
{
	char *rest = words_apply(line, "", flush, removed);
	bool right = rest && words_among(*removed, words);

	free(rest);
	return right;
}

bool boot_entry_fed(const struct boot_entry *entry, const char *words, bool flush, char **parameters, char **origin)
{
	for (const char *at = entry->fed; at && *at; at += strcspn(at, "\n"), at += *at == '\n') {
		size_t len = strcspn(at, "\t");
		char *value = strndup(at, len);
		*parameters = NULL;
		bool right = value && agrees(value, words, flush, parameters);
		free(value);
		if (right) {
			free(*parameters);
			continue;
		}
		at += len + 1;
		char *from = strndup(at, strcspn(at, "\n"));
		*origin = from ? grub_origin(from) : NULL;
		free(from);
		return true;
	}
	*parameters = *origin = NULL;
	return false;
}

bool boot_entry_right(const struct boot_entry *entry, const char *words, bool flush)
{
	const char *at = NULL;
	bool right = words_right(entry->written ? entry->written : entry->words, words, flush);
	char *line, *removed = NULL;

	while (entry->written && right && (line = boot_entry_line(entry, &at))) {
		right = agrees(line, words, flush, &removed);
		free(removed);
		free(line);
		removed = NULL;
	}
	return right;
}

/* The user knows of it. */
static bool overridden(void)
{
	bool known = false;

	for (size_t i = 0; refused_not(i); i++)
		known = known || refused_not(i)->code == LINE_OVERRIDDEN;
	return known;
}

/* As grub-mkconfig looks for it. */
static bool has_image(const char *release)
{
	static const char *const names[][2] = { { "initrd.img-", "" }, { "initramfs-", ".img" }, { "initrd-", "" } };
	char path[96];

	for (size_t i = 0; release[0] && i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "/boot/%s%.64s%s", names[i][0], release, names[i][1]);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

static const char *fault(const struct boot_entry *e, const char *words, bool flush)
{
	if (words && !(overridden() ? words_right(e->written ? e->written : e->words, words, flush) :
				      boot_entry_right(e, words, flush)))
		return "does not have exactly the mode's kernel parameters";
	if (e->image[0] == '\0' && !e->text && !e->forced && has_image(e->release))
		return "has no initramfs, though there is one of its kernel";
	return e->missing ? "has an initramfs that is not there" : NULL;
}

const char *boot_entry_name(const char *title, const char *id)
{
	static char text[512];

	snprintf(text, sizeof(text), title[0] ? "%s (%s)" : "%s%s", title, id);
	return text;
}

bool boot_entries_own(const struct boot_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		if (entries->list[i].own)
			return true;
	return false;
}

int boot_entries_check(const struct boot_entries *entries, const char *file, const char *words, bool flush,
		       struct error *error)
{
	size_t own = 0;

	for (size_t i = 0; i < entries->count; i++) {
		const struct boot_entry *e = &entries->list[i];
		const char *what = e->own ? fault(e, words, flush) : NULL;

		own += e->own;
		if (what)
			return error_set(error, -EINVAL, "boot entry %s: it %s: %s",
					 boot_entry_name(e->title, e->id), what, e->words);
	}
	return own > 0 ? 0 : error_set(error, -EINVAL, "%s: no entry of this system", file);
}
