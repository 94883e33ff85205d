/* Boot loader back end: GRUB of openSUSE and SLE, which perl-bootloader's update-bootloader configures by
 * /etc/default/grub.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The words stand on the lines that are there. A block of shell code at the end, as GRUB elsewhere has it, is not
 * for this file: YaST reads it with Augeas's sysconfig lens, which knows assignments and nothing else, and with the
 * block in it reads nothing at all. update-bootloader itself edits the line GRUB_CMDLINE_LINUX_DEFAULT= and no
 * other, so that what it adds and removes leaves ours, in GRUB_CMDLINE_LINUX, where they are; and that one the
 * recovery entries have too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "bootloader/backend.h"
#include "bootloader/cmdline-edit.h"
#include "bootloader/grub-cfg.h"
#include "bootloader/grub-default.h"
#include "bootloader/grub-lock.h"
#include "bootloader/grub-mkconfig.h"
#include "bootloader/suse.h"
#include "system/files.h"
#include "system/memstream.h"
#include "system/message.h"

static int detect(bool installed, const char **what)
{
	char path[256];

	*what = SUSE_SYSCONFIG " with LOADER_TYPE=grub2 or grub2-efi";
	if (!suse_loader_is("grub2") && !suse_loader_is("grub2-efi"))
		return -ENOENT;
	*what = "update-bootloader";
	if (!run_find("update-bootloader", path, sizeof(path)))
		return -ENOENT;
	*what = "grub2-mkconfig";
	if (!run_find("grub2-mkconfig", path, sizeof(path)))
		return -ENOENT;
	*what = grub_config();
	return installed && access(*what, F_OK) < 0 ? -ENOENT : 0;
}

/* --- /etc/default/grub -------------------------------------------------------------------------------------------- */

/* What every entry's line is made from (10_linux). The first one is in all of them. */
static const char *const variables[] = { "GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT",
					 "GRUB_CMDLINE_LINUX_RECOVERY" };

/* A line that assigns one of them. */
struct assignment {
	const char *value; /* without quotes */
	size_t len;
	char quote;  /* '"', '\'', or '\0' for none */
	bool first;  /* of GRUB_CMDLINE_LINUX */
	bool plain;  /* the value is all that the shell makes of it, but for backslashes */
	bool closed; /* it ends on this line */
};

/* Behind the value: nothing, or a comment. */
static bool ends(const char *rest)
{
	size_t blanks = strspn(rest, " \t\r");

	return rest[blanks] == '\n' || rest[blanks] == '\0' || (blanks > 0 && rest[blanks] == '#');
}

/* Whether the line is an assignment to one of them. */
static bool parse(const char *line, struct assignment *a)
{
	const char *name = line + strspn(line, " \t"), *equals = NULL;

	if (strncmp(name, "export", 6) == 0 && strchr(" \t", name[6]))
		name += 6 + strspn(name + 6, " \t");
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]) && !equals; i++) {
		size_t len = strlen(variables[i]);
		if (strncmp(name, variables[i], len) != 0 || name[len] != '=')
			continue;
		equals = name + len;
		*a = (struct assignment){ .first = i == 0, .plain = true, .closed = true };
	}
	if (!equals)
		return false;
	a->quote = equals[1] == '"' || equals[1] == '\'' ? equals[1] : '\0';
	a->value = equals + 1 + (a->quote != '\0');
	const char *p = a->value;
	for (; *p && *p != '\n' && (a->quote ? *p != a->quote : !strchr(" \t\r", *p)); p++) {
		if (a->quote == '\'')
			continue;
		if (strchr(a->quote ? "$`" : "$`\"'\\;&|<>()#", *p))
			a->plain = false;
		p += *p == '\\' && p[1] && p[1] != '\n';
	}
	a->len = (size_t)(p - a->value);
	a->closed = !a->quote || *p == a->quote;
	a->plain = a->plain && a->closed && ends(p + (a->quote != '\0'));
	return true;
}

static int bad_line(unsigned number, const char *what)
{
	fail(GRUB_DEFAULT ":%u: %s; write it as one line, NAME=\"PARAMETERS\", without $, ` or \\",
	     number, what);
	return -1;
}

/* Whether a line has words in it that a mode must not leave. */
static int has_words(const char *line, size_t len, bool flush)
{
	char *one = strndup(line, len), *gone = NULL, *rest = NULL;
	/* Of a list of items, each counts. */
	for (char *c = one; c && *c; c++)
		*c = strchr("\"'$`{}();\\", *c) ? ' ' : *c;
	rest = one ? words_apply(one, "", flush, &gone) : NULL;
	int r = rest ? gone[0] != '\0' : no_memory();
	free(one);
	free(rest);
	free(gone);
	return r;
}

/* Whether one of them is named on the line; those for Xen's entries are not. */
static bool names_one(const char *line, size_t len)
{
	const char *end = line + len, *found = line;
	size_t name = strlen(variables[0]);

	while ((found = memmem(found, (size_t)(end - found), variables[0], name))) {
		found += name;
		if (end - found < 4 || strncmp(found, "_XEN", 4) != 0)
			return true;
	}
	return false;
}

/* The line that is to have the words: the last one of GRUB_CMDLINE_LINUX, as what is assigned before it is lost.
 * Returns its number, 0 if there is none, or -1 with one line told. */
static int find_line(const char *text, bool flush)
{
	struct assignment a;
	unsigned number = 1, doubtful = 0;
	int found = 0;

	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n', number++) {
		size_t len = strcspn(line, "\n");
		const char *start = line + strspn(line, " \t");
		if (*start == '#' || !names_one(line, len))
			continue;
		bool known = parse(line, &a);
		if (known && !a.closed)
			return bad_line(number, "the value does not end on this line");
		int r = known && a.plain ? 0 : has_words(line, len, flush);
		if (r)
			return r < 0 ? -1 : bad_line(number, "words about the IOMMU where they can't be told for sure");
		if (known && a.plain && a.first)
			found = (int)number;
		else if (!known || (a.first && !a.plain))
			doubtful = number;
	}
	if (found == 0 && doubtful)
		return bad_line(doubtful, "GRUB_CMDLINE_LINUX has no plain value");
	return found;
}

static bool put_line(FILE *out, const char *line, size_t len, const struct mode_words *wish, bool chosen)
{
	struct assignment a;

	if (!parse(line, &a) || !a.plain) {
		fprintf(out, "%.*s", (int)len, line);
		return true;
	}
	char *value = strndup(a.value, a.len);
	char *new = value ? words_apply(value, chosen && wish->words ? wish->words : "", wish->flush, NULL) : NULL;
	bool same = new && strcmp(new, value) == 0;
	const char *end = a.value + a.len;

	if (new && !same)
		fprintf(out, "%.*s%s%s%s", (int)(a.value - line), line, a.quote ? "" : "\"", new, a.quote ? "" : "\"");
	else
		fprintf(out, "%.*s", (int)(end - line), line);
	fprintf(out, "%.*s", (int)(line + len - end), end);
	free(value);
	free(new);
	return new != NULL;
}

/* The text with the wished words in it. Owned by the caller, NULL without memory. */
static char *changed(const char *text, const struct mode_words *wish, int chosen)
{
	struct text made;
	bool good = true, open = false;
	int number = 1;

	FILE *out = text_open(&made);
	if (!out)
		return NULL;
	for (const char *line = text; *line; number++) {
		size_t len = strcspn(line, "\n");
		good = put_line(out, line, len, wish, number == chosen) && good;
		open = line[len] == '\0';
		if (!open)
			fputc('\n', out);
		line += len + !open;
	}
	if (chosen == 0 && wish->words && wish->words[0])
		fprintf(out, "%s%s=\"%s\"\n", open ? "\n" : "", variables[0], wish->words);
	made.failed = made.failed || !good;
	return text_close(&made, NULL);
}

static int no_text(const char *text)
{
	unsigned line = 1;

	for (; *text; text++)
		line += *text == '\n';
	fail(GRUB_DEFAULT ":%u: is no text file (it holds a NUL byte); mend it", line);
	return -1;
}

static int edit(const struct mode_words *wish, struct snapshot *snapshot, struct edits *edits)
{
	(void)snapshot; /* made anew, whatever they are */
	size_t len = 0;

	int r = edits_check_link(GRUB_DEFAULT);
	if (r == 0)
		r = grub_check_generated();
	if (r < 0)
		return r;
	char *text = file_read(GRUB_DEFAULT, &len);
	if (!text && errno == ENOENT && !wish->words) /* somebody has taken it away, and none of ours is left */
		return edits_add(edits, ROLE_MADE, grub_config(), NULL);
	if (!text) {
		fail(GRUB_DEFAULT ": %s", strerror(errno));
		return -1;
	}
	if (strlen(text) != len) {
		r = no_text(text);
		free(text);
		return r;
	}
	int chosen = find_line(text, wish->flush);
	r = -1;
	if (chosen >= 0) {
		char *after = changed(text, wish, chosen);
		r = after ? edits_add(edits, ROLE_SOURCE, GRUB_DEFAULT, after) : no_memory();
		free(after);
	}
	free(text);
	return r < 0 ? r : edits_add(edits, ROLE_MADE, grub_config(), NULL);
}

const struct backend backend_update_bootloader = {
	.name = "update-bootloader",
	.program = "SUSE's GRUB",
	.family = FAMILY_GRUB,
	.detect = detect,
	.read = grub_read,
	.edit = edit,
	.apply = grub_apply,
	.rehearse = grub_rehearse,
	.try = grub_try,
	.way_back = grub_way_back,
	.location = grub_config,
	.command = grub_command,
	.remove_temporaries = grub_remove_temporaries,
	.whole = grub_whole,
	.generated = grub_generated,
	.watched = grub_watched,
	.needs_block_device = true,
	.later = "run update-bootloader --refresh there",
	.supersedes = &backend_grub_file,
	.config_file = GRUB_DEFAULT,
};
