/* /etc/default/grub and its drop-ins; see grub-default.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grub-default.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bootloader/cmdline-edit.h"
#include "bootloader/grub-settings.h"
#include "system/files.h"
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
		"# Ubuntu's cloud images first try to boot without an initramfs, which would pass the check over.\n"
		"GRUB_FORCE_PARTUUID=\n"
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

/* What other tools' parsers of /etc/default/grub read too (Augeas, upgrade tools): plain assignments, each at the start
 * of its line. Contrary words are taken out of the file's own. */
static char *assignments(const char *mode, const char *words, bool flush)
{
	char *text = NULL;
	int len = asprintf(
		&text,
		"# Written by iommu-install for mode %s; 'iommu-install MODE' writes it anew. Do not edit.\n"
		"# iommu_words='%s'%s\n"
		"# Xen's kernels get what was set before this: under Xen the IOMMU is the hypervisor's.\n"
		"GRUB_CMDLINE_LINUX_XEN_REPLACE=\"${GRUB_CMDLINE_LINUX_XEN_REPLACE:-${GRUB_CMDLINE_LINUX:- }}\"\n"
		"GRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT="
			"\"${GRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT:-${GRUB_CMDLINE_LINUX_DEFAULT:- }}\"\n"
		"GRUB_CMDLINE_LINUX=\"${GRUB_CMDLINE_LINUX:+$GRUB_CMDLINE_LINUX }%s\"\n",
		mode, words, flush ? " --flush" : "", words);
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

/* The text without our block: what stands behind it follows what stands before it. Owned by the caller. */
static char *without_block(const char *text)
{
	const char *begin, *next = NULL;
	struct text made;

	FILE *out = text_open(&made);
	if (!out)
		return NULL;
	for (; (begin = find_block(text, &next)); text = next)
		fprintf(out, "%.*s", (int)(begin - text), text);
	fputs(text, out);
	return text_close(&made, NULL);
}

char *grub_with_block(const char *text, const char *mode, const char *words, bool flush)
{
	char *own = without_block(text ? text : ""), *with = NULL;

	if (!words || !own)
		return own;
	/* The block is out by then: a quote that nothing closes must not find one in it. */
	char *block = assignments(mode, words, flush), *plain = grub_settings_without(own, flush);
	if (block && plain) {
		size_t len = strlen(plain);
		bool open = len && plain[len - 1] != '\n';
		/* Ours is the last word. */
		if (asprintf(&with, "%s%s" BEGIN "\n%s" END "\n", plain, open ? "\n" : "", block) < 0)
			with = NULL;
	}
	free(plain);
	free(block);
	free(own);
	return with;
}

bool grub_text_words(const char *text, char *words, size_t size, bool *flush)
{
	static const char key[] = "\niommu_words='", in_block[] = "\n# iommu_words='";
	const char *start = text ? strstr(text, key) : NULL, *block = text ? strstr(text, in_block) : NULL;

	if (!start && !block)
		return false;
	start = start ? start + sizeof(key) - 1 : block + sizeof(in_block) - 1;
	*flush = strstr(text, "internal-words --flush") || strncmp(start + strcspn(start, "'"), "' --flush", 9) == 0;
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

/* --- Drop-ins after ours ------------------------------------------------------------------------------------------ */

/* The value of GRUB_CMDLINE_LINUX, or of one that is added to it, that a line sets; NULL: it sets none. *whole: ours is
 * not in it any more. */
static const char *value_set(const char *line, bool *whole)
{
	static const char name[] = "GRUB_CMDLINE_LINUX";

	line += strspn(line, " \t");
	line += strncmp(line, "export ", 7) == 0 ? 7 : 0;
	if (strncmp(line, name, sizeof(name) - 1) != 0)
		return NULL;
	const char *rest = line + sizeof(name) - 1;
	const char *equals = rest + strspn(rest, "_ABCDEFGHIJKLMNOPQRSTUVWXYZ");
	bool added = *equals == '+';
	equals += added;
	/* Xen's are set before ours. */
	if (*equals != '=' || strncmp(rest, "_XEN", 4) == 0)
		return NULL;
	size_t len = strcspn(equals, "\n");
	const char *own = memmem(equals, len, "GRUB_CMDLINE_LINUX", sizeof(name) - 1);
	bool kept = added || (own && (own[-1] == '$' || own[-1] == '{'));
	*whole = *rest == '=' && !kept;
	return equals + 1;
}

/* What that line of a drop-in has against words; NULL: nothing. Owned by the caller. */
static char *objection(const char *line, const char *words, bool flush)
{
	bool whole = false;
	const char *set = value_set(line, &whole);
	char *value = set ? strndup(set, strcspn(set, "\n")) : NULL, *removed = NULL, *rest = NULL;

	for (char *p = value; p && *p; p++)
		if (*p == '"' || *p == '\'')
			*p = ' ';
	if (value)
		rest = words_apply(value, "", flush, &removed);
	free(rest);
	bool harmless = !removed || words_among(removed, words);
	if (harmless && whole && !words_right(value, words, flush)) {
		free(removed);
		removed = strdup("GRUB_CMDLINE_LINUX=");
		harmless = false;
	}
	free(value);
	if (!harmless)
		return removed;
	free(removed);
	return NULL;
}

static bool search_dropin(const char *path, const char *words, bool flush, char **parameters, char **origin)
{
	char *text = file_read(path, NULL);
	unsigned number = 1;

	*parameters = *origin = NULL;
	for (const char *line = text; line && *line && !*parameters; number++) {
		*parameters = objection(line, words, flush);
		if (*parameters && asprintf(origin, "%s:%u, which is read after " GRUB_DROPIN, path, number) < 0)
			*origin = NULL;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	free(text);
	return *parameters != NULL;
}

/* In whatever language the shell sorts them. */
static bool is_later(const char *name)
{
	const char *ours = strrchr(GRUB_DROPIN, '/') + 1;
	size_t len = strlen(name);

	return len > 4 && name[0] != '.' && strcmp(name + len - 4, ".cfg") == 0 &&
	       (strcmp(name, ours) > 0 || strcasecmp(name, ours) > 0);
}

bool grub_later_forces(void)
{
	struct dirent **list;
	char path[512];
	bool found = false;

	int n = scandir(GRUB_DROPINS, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", GRUB_DROPINS, list[i]->d_name);
		char *text = is_later(list[i]->d_name) ? file_read(path, NULL) : NULL;
		found = found || (text && strstr(text, "GRUB_FORCE_PARTUUID="));
		free(text);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return found;
}

bool grub_later_dropin(const char *words, bool flush, char **parameters, char **origin)
{
	struct dirent **list;
	char path[512];
	bool found = false;

	int n = scandir(GRUB_DROPINS, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		snprintf(path, sizeof(path), "%s/%s", GRUB_DROPINS, name);
		if (!found && is_later(name))
			found = search_dropin(path, words, flush, parameters, origin);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return found;
}
