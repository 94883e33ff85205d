/* /etc/default/grub and its drop-ins; see grub-default.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grub-default.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/memstream.h"
#include "system/message.h"
#include "system/refuse.h"

#define BEGIN "# BEGIN iommu-install"
#define END "# END iommu-install"

/* What the shell of grub-mkconfig runs after the settings. Indented, as grubby rewrites every line that starts with
 * GRUB_CMDLINE_LINUX. */
static char *shell(const char *mode, const char *words, bool flush)
{
	char *text = NULL;
	int len = asprintf(
		&text,
		"# Written by iommu-install for mode %s; 'iommu-install MODE' writes it anew. Do not edit.\n"
		"# Takes contrary words out of what was set before this, and puts the mode's words in. Without the\n"
		"# program it only puts them in; making a grub.cfg never fails because of it. Xen's kernels get what\n"
		"# was set before: under Xen the IOMMU is the hypervisor's.\n"
		"iommu_words='%s'\n"
		"iommu_apply() {\n"
		"\t/usr/sbin/iommu-install internal-words%s \"$1\" \"$2\" 2>/dev/null || "
			"printf '%%s\\n' \"$1${2:+ $2}\"\n"
		"}\n"
		"\tGRUB_CMDLINE_LINUX_XEN_REPLACE=${GRUB_CMDLINE_LINUX_XEN_REPLACE:-${GRUB_CMDLINE_LINUX:- }}\n"
		"\tGRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT="
			"${GRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT:-${GRUB_CMDLINE_LINUX_DEFAULT:- }}\n"
		"\tGRUB_CMDLINE_LINUX=$(iommu_apply \"${GRUB_CMDLINE_LINUX-}\" \"$iommu_words\")\n"
		"\tGRUB_CMDLINE_LINUX_DEFAULT=$(iommu_apply \"${GRUB_CMDLINE_LINUX_DEFAULT-}\" '')\n"
		"if [ -n \"${GRUB_CMDLINE_LINUX_RECOVERY-}\" ]; then\n"
		"\tGRUB_CMDLINE_LINUX_RECOVERY=$(iommu_apply \"$GRUB_CMDLINE_LINUX_RECOVERY\" '')\n"
		"fi\n",
		mode, words, flush ? " --flush" : "");
	return len < 0 ? NULL : text;
}

/* The first whole block from text on: where it begins, and *next behind it. NULL if there is none. A BEGIN that another
 * one follows before the END has lost its own END: what stands behind it is the user's. */
static const char *find_block(const char *text, const char **next)
{
	const char *end = NULL, *begin = strstr(text, BEGIN);

	if (begin)
		end = strstr(begin, END);
	if (!end)
		return NULL;
	for (const char *later; (later = strstr(begin + 1, BEGIN)) && later < end;)
		begin = later;
	*next = end + strcspn(end, "\n");
	*next += **next == '\n';
	return begin;
}

char *grub_with_block(const char *text, const char *mode, const char *words, bool flush)
{
	const char *old = text ? text : "", *begin, *next = NULL;
	char *block = words ? shell(mode, words, flush) : NULL;
	struct text made;
	bool open = false;

	FILE *out = words && !block ? NULL : text_open(&made);
	if (!out) {
		free(block);
		return NULL;
	}
	/* What stands behind the block is put before it: ours is the last word. */
	for (bool more = true; more; old = next) {
		begin = find_block(old, &next);
		more = begin;
		size_t len = begin ? (size_t)(begin - old) : strlen(old);
		fprintf(out, "%.*s", (int)len, old);
		open = len ? old[len - 1] != '\n' : open;
	}
	if (block)
		fprintf(out, "%s" BEGIN "\n%s" END "\n", open ? "\n" : "", block);
	free(block);
	return text_close(&made, NULL);
}

bool grub_text_words(const char *text, char *words, size_t size, bool *flush)
{
	static const char key[] = "\niommu_words='";
	const char *start = text ? strstr(text, key) : NULL;

	if (!start)
		return false;
	start += sizeof(key) - 1;
	*flush = strstr(text, "internal-words --flush") != NULL;
	return (size_t)snprintf(words, size, "%.*s", (int)strcspn(start, "'"), start) < size;
}

int grub_edit_dropin(const struct mode_words *wish, struct edits *edits)
{
	char *text = wish->words ? shell(wish->mode, wish->words, wish->flush) : NULL;

	if (wish->words && !text)
		return no_memory();
	int r = edits_add_ours(edits, ROLE_SOURCE, GRUB_DROPIN, text);
	free(text);
	return r;
}
