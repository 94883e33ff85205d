/* What tells whose an entry is; see owner-facts.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/owner-facts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootloader/bls-entry.h"
#include "bootloader/choose.h"
#include "bootloader/root-here.h"
#include "initramfs/kernels.h"
#include "system/boot-count.h"
#include "system/chroot.h"
#include "system/files.h"
#include "system/os-release.h"

enum { ID_LEN = 32 };

/* This system, as entries name it. */
struct here {
	char machine_id[ID_LEN + 1]; /* "" if it has none: missing, empty, uninitialized */
	char token[128];
	char id[64], image_id[64];  /* of os-release(5) */
	char line[4096], release[65]; /* of the running kernel; "" in a tree, which nothing was booted from */
};

/* --- This system -------------------------------------------------------------------------------------------------- */

static bool is_machine_id(const char *text, size_t len)
{
	return len == ID_LEN && strspn(text, "0123456789abcdef") >= ID_LEN;
}

/* The first word of the first line that is no comment. */
static void first_word(const char *path, char *word, size_t size)
{
	char *text = file_read(path, NULL);
	const char *start = text ? text + strspn(text, " \t\r\n") : "";

	snprintf(word, size, "%.*s", (int)strcspn(start, " \t\r\n"), start);
	free(text);
}

/* /proc knows no size of what is in it. */
static void read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(line, size, file))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (file)
		fclose(file);
}

static void look_here(struct here *here)
{
	char id[64];

	*here = (struct here){ 0 };
	first_word("/etc/machine-id", id, sizeof(id));
	if (is_machine_id(id, strlen(id)))
		memcpy(here->machine_id, id, sizeof(here->machine_id));
	first_word("/etc/kernel/entry-token", here->token, sizeof(here->token));
	char *text = file_read("/etc/os-release", NULL);
	text = text ? text : file_read("/usr/lib/os-release", NULL);
	os_release_in(text, "ID", here->id, sizeof(here->id));
	os_release_in(text, "IMAGE_ID", here->image_id, sizeof(here->image_id));
	free(text);
	if (tree_dir())
		return;
	read_line("/proc/cmdline", here->line, sizeof(here->line));
	read_line("/proc/sys/kernel/osrelease", here->release, sizeof(here->release));
}

/* --- Names -------------------------------------------------------------------------------------------------------- */

static enum presence same_system(const struct here *here, const char *id)
{
	if (!id[0] || !here->id[0])
		return PRESENCE_UNKNOWN;
	return strcmp(id, here->id) == 0 || strcmp(id, here->image_id) == 0 ? PRESENCE_YES : PRESENCE_NO;
}

/* kernel-install(8) names files TOKEN-RELEASE.conf, and puts kernels into TOKEN/RELEASE/. False, and "", if neither is
 * so. */
static bool token_of(const struct boot_entry *e, char token[128])
{
	const char *name = file_name(e->id);
	size_t len = boot_count_stem(name), tail = strlen(e->release);
	char path[256], dir[80];

	token[0] = '\0';
	if (!tail)
		return false;
	if (len > tail + 1 && name[len - tail - 1] == '-' && strncmp(name + len - tail, e->release, tail) == 0)
		return snprintf(token, 128, "%.*s", (int)(len - tail - 1), name) > 0;
	if (!e->text || !bls_value(e->text, "linux", path, sizeof(path)))
		return false;
	snprintf(dir, sizeof(dir), "/%s/", e->release);
	const char *start = path + (path[0] == '/'), *end = strstr(start, dir);
	return end && !memchr(start, '/', (size_t)(end - start)) &&
	       snprintf(token, 128, "%.*s", (int)(end - start), start) > 0;
}

static enum presence token_here(const struct here *here, const struct boot_entry *e)
{
	const char *const ours[] = { here->token, here->id, here->image_id, "Default" };
	char token[128];

	bool any = token_of(e, token);
	size_t len = strlen(token);
	/* A machine-id is one thing, wherever it stands: of openSUSE's grub2-bls in system-ID. */
	if (!any || (len >= ID_LEN && is_machine_id(token + len - ID_LEN, ID_LEN)) || (!here->token[0] && !here->id[0]))
		return PRESENCE_UNKNOWN;
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(token, ours[i]) == 0)
			return PRESENCE_YES;
	return PRESENCE_NO;
}

/* "" if it has none. */
static void machine_id_of(const struct boot_entry *e, char id[ID_LEN + 1])
{
	const char *name = file_name(e->id);
	char value[64] = "";

	if (e->text)
		bls_value(e->text, "machine-id", value, sizeof(value));
	bool in_name = !value[0] && is_machine_id(name, strspn(name, "0123456789abcdef"));
	bool whole = in_name || is_machine_id(value, strlen(value));
	snprintf(id, ID_LEN + 1, "%.*s", whole ? ID_LEN : 0, in_name ? name : value);
}

/* Those that are this system's but for their names. */
static size_t bearing(const struct boot_entries *entries, const char *id)
{
	size_t count = 0;
	char other[ID_LEN + 1];

	for (size_t i = 0; i < entries->count; i++) {
		const struct owner_facts *f = &entries->list[i].facts;
		if (!f->modules || f->lost || f->program || f->root == PRESENCE_NO)
			continue;
		machine_id_of(&entries->list[i], other);
		count += strcmp(other, id) == 0;
	}
	return count;
}

static enum presence machine_id_here(const struct here *here, const struct boot_entries *entries,
				     const struct boot_entry *e)
{
	char id[ID_LEN + 1];

	machine_id_of(e, id);
	if (!id[0] || !here->machine_id[0])
		return PRESENCE_UNKNOWN;
	if (strcmp(id, here->machine_id) == 0)
		return PRESENCE_YES;
	return bearing(entries, id) > 1 ? PRESENCE_UNKNOWN : PRESENCE_NO;
}

/* --- What it starts ----------------------------------------------------------------------------------------------- */

static bool has_started(const struct here *here, const struct boot_entry *e)
{
	char release[65];

	if (!here->line[0] || !here->release[0])
		return false;
	bool same = strcmp(e->release, here->release) == 0 ||
		    (e->file[0] && kernel_built(e->file, release) && strcmp(release, here->release) == 0);
	return same && backend_started(e, here->line);
}

static void look_at(const struct here *here, struct boot_entry *e)
{
	struct owner_facts *f = &e->facts;
	char release[65], id[64];

	f->xen = e->xen;
	f->rescue = strstr(file_name(e->image), "0-rescue") != NULL;
	/* A copy of a kernel has a version of its own: Fedora's rescue entry. */
	f->modules = kernel_has_modules(e->release) ||
		     (e->file[0] && kernel_built(e->file, release) && kernel_has_modules(release));
	f->started = has_started(here, e);
	if (f->root != PRESENCE_NO)
		f->root = root_is_here(e->words);
	f->token = token_here(here, e);
	if (e->text)
		f->sort_key = bls_value(e->text, "sort-key", id, sizeof(id)) ? same_system(here, id) :
									       PRESENCE_UNKNOWN;
}

void owner_decide(struct boot_entries *entries)
{
	struct here here;

	look_here(&here);
	for (size_t i = 0; i < entries->count; i++)
		look_at(&here, &entries->list[i]);
	for (size_t i = 0; i < entries->count; i++) {
		struct boot_entry *e = &entries->list[i];
		e->facts.machine_id = machine_id_here(&here, entries, e);
		e->owner = owner_of(&e->facts);
		e->own = owner_is_here(e->owner) && !e->hand_made;
		e->fixed = owner_is_here(e->owner) && e->hand_made;
	}
}

enum presence owner_of_release(const char *text)
{
	struct here here;
	char id[64];

	look_here(&here);
	return os_release_in(text, "ID", id, sizeof(id)) ? same_system(&here, id) : PRESENCE_UNKNOWN;
}
