/* The list of entries, whatever boot loader they are of; see backend.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootloader/cmdline-edit.h"

int boot_entries_add(struct boot_entries *entries, const struct boot_entry *entry)
{
	struct boot_entry *more = reallocarray(entries->list, entries->count + 1, sizeof(*more)), copy = *entry;

	if (!more)
		return -ENOMEM;
	entries->list = more;
	copy.id = strdup(entry->id);
	copy.words = strdup(entry->words);
	copy.text = entry->text ? strdup(entry->text) : NULL;
	more[entries->count++] = copy;
	return copy.id && copy.words && (copy.text || !entry->text) ? 0 : -ENOMEM;
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
	}
	free(entries->list);
	seen_free(&entries->seen);
	*entries = (struct boot_entries){ 0 };
}

static const char *fault(const struct boot_entry *e, const char *words, bool flush)
{
	if (words && !words_right(e->words, words, flush))
		return "does not have exactly the mode's kernel parameters";
	if (e->image[0] == '\0')
		return "has no initramfs";
	return e->missing ? "has an initramfs that is not there" : NULL;
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
			return error_set(error, -EINVAL, "boot entry %s: it %s: %s", e->id, what, e->words);
	}
	return own > 0 ? 0 : error_set(error, -EINVAL, "%s: no entry of this system", file);
}
