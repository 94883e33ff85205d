/* Which boot loader it is; see choose.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/choose.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/run.h"
#include "bootloader/cmdline-edit.h"
#include "bootloader/esp-places.h"
#include "bootloader/uki-read.h"
#include "bootloader/unsupported.h"
#include "model/cmdline-words.h"
#include "model/cmdline.h"
#include "system/message.h"
#include "system/mounts.h"
#include "system/place.h"
#include "system/refuse.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#define ADDRESS(row) &row,
static const struct backend *const backends[] = { BACKENDS(ADDRESS) };

const struct backend *backend_named(const char *name)
{
	for (size_t i = 0; i < LENGTH(backends); i++)
		if (strcmp(name, backends[i]->name) == 0)
			return backends[i];
	return NULL;
}

const char *backend_name(size_t i)
{
	return i < LENGTH(backends) ? backends[i]->name : NULL;
}

void backend_environment(void)
{
	for (size_t i = 0; i < LENGTH(backends); i++)
		for (const char *const *v = backends[i]->environment; v && *v; v++)
			run_setting(*v);
}

/* --- Proof -------------------------------------------------------------------------------------------------------- */

/* Does not count: what a boot loader puts on the line by itself, a variable of GRUB's that can't be told, and what says
 * how the IOMMU is set, as a change that waits for its reboot has put other words there. */
static bool word_counts(const char *word)
{
	return word[0] && word[0] != '$' && strncmp(word, "BOOT_IMAGE=", 11) != 0 && strncmp(word, "initrd=", 7) != 0;
}

static bool same_line(const char *entry, const char *running)
{
	char *a = words_apply(entry, "", true, NULL), *b = words_apply(running, "", true, NULL);
	bool same = a && b && words_same(a, b, word_counts);

	free(a);
	free(b);
	return same;
}

bool backend_started(const struct boot_entry *e, const char *running)
{
	const char *at = NULL;
	bool same = false;

	for (char *line; !same && (line = boot_entry_line(e, &at)); free(line))
		same = same_line(line, running);
	return same;
}

/* The Boot Loader Interface's variable: four bytes of attributes, then UTF-16. GRUB sets it too, from 2.12 on, and puts
 * BOOT_IMAGE= on every line. */
static enum family booted_by(const char *running)
{
	static const char variable[] = "/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
	struct root live;
	char raw[256], name[130] = "";

	if (root_init(&live, "/") < 0)
		return FAMILY_UNKNOWN;
	ssize_t len = root_read(&live, variable, raw, sizeof(raw));
	root_close(&live);
	for (ssize_t i = 4; i + 1 < len; i += 2)
		name[(i - 4) / 2] = raw[i];
	if (strncmp(name, "systemd-boot", 12) == 0)
		return FAMILY_SYSTEMD;
	if (strncmp(name, "GRUB", 4) == 0)
		return FAMILY_GRUB;
	return strncmp(running, "BOOT_IMAGE=", 11) == 0 || strstr(running, " BOOT_IMAGE=") ?
		       FAMILY_GRUB : FAMILY_UNKNOWN;
}

/* What leaves no sign is not GRUB. */
static bool may_be(enum family family, enum family booted)
{
	return family == FAMILY_UNKNOWN || (booted == FAMILY_UNKNOWN ? family != FAMILY_GRUB : family == booted);
}

/* Whether the running line names this kernel, or none. */
static bool same_kernel(const char *kernel, const char *running)
{
	char word[512];

	while (kernel[0] && cmdline_word(&running, word, sizeof(word)))
		if (strncmp(word, "BOOT_IMAGE=", 11) == 0)
			return strcmp(word + 11, kernel) == 0;
	return true;
}

/* Returns 1 or 0, or -errno if it may be this one and its entries can't be read. */
static int prove(const struct loader *l, const char *running)
{
	enum family booted = booted_by(running);
	int proven = 0;

	if (!may_be(l->backend->family, booted))
		return 0;
	for (size_t i = 0; i < l->entries.count && !proven; i++) {
		const struct boot_entry *e = &l->entries.list[i];
		/* Unified images beside systemd-boot's entries are their own back end's. */
		bool here = e->own || (e->fixed && l->backend->family == FAMILY_GRUB);
		proven = here && may_be(e->family, booted) && same_kernel(e->kernel, running) &&
			 backend_started(e, running);
	}
	return l->error.code < 0 ? l->error.code : proven;
}

bool backend_proven(const struct loader *loader, const char *running)
{
	return prove(loader, running) > 0;
}

/* --- Choice ------------------------------------------------------------------------------------------------------- */

/* Whether one of those found is a row for the same entries, but more to the point. */
static bool covered(const struct backend *backend, const struct backend *const found[], int count)
{
	for (int i = 0; i < count; i++)
		if (found[i]->supersedes == backend)
			return true;
	return false;
}

static bool any_linux(const struct boot_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		if (!entries->list[i].facts.program && !entries->list[i].hand_made)
			return true;
	return false;
}

/* Returns as the member detect. Without a snapshot an entry is taken to be there. */
static int detect_one(const struct backend *backend, bool installed, struct snapshot *snapshot, const char **what)
{
	int r = backend->detect(installed, what);

	if (r < 0 || !backend->by_entries || !snapshot)
		return r;
	const struct loader *l = snapshot_of(snapshot, backend);
	return l->error.code == 0 && !any_linux(&l->entries) ? -ENOENT : 0;
}

/* Those that are here, into found. Returns how many, or -ENOMEM. In the table a row stands before one that it
 * covers. */
static int detect(bool installed, struct snapshot *snapshot, const struct backend *found[LENGTH(backends)])
{
	const char *what;
	int count = 0;

	for (size_t i = 0; i < LENGTH(backends); i++) {
		if (covered(backends[i], found, count))
			continue;
		int r = detect_one(backends[i], installed, snapshot, &what);
		if (r == -ENOMEM)
			return r;
		if (r == 0)
			found[count++] = backends[i];
	}
	return count;
}

/* Of several the one that booted the machine, or that may have and can't be read: then that is said, and no other one's
 * files are changed for it. Where none is proven, the one whose family did. */
static const struct backend *best(const struct backend *const found[], int count, const char *running,
				  struct snapshot *snapshot)
{
	if (count < 2 || !running)
		return count > 0 ? found[0] : NULL;
	for (int i = 0; i < count; i++)
		if (prove(snapshot_of(snapshot, found[i]), running) != 0)
			return found[i];
	for (int i = 0; i < count; i++)
		if (may_be(found[i]->family, booted_by(running)))
			return found[i];
	return found[0];
}

const struct backend *backend_here(size_t i, bool installed, struct snapshot *snapshot)
{
	const struct backend *found[LENGTH(backends)] = { 0 };
	int count = detect(installed, snapshot, found);

	return (int)i < count ? found[i] : NULL;
}

const struct backend *backend_guess(bool installed, const char *running, struct snapshot *snapshot)
{
	const struct backend *found[LENGTH(backends)] = { 0 };

	return best(found, detect(installed, snapshot, found), running, snapshot);
}

enum way_back backend_way_back(const char *running, struct snapshot *snapshot)
{
	const struct backend *found[LENGTH(backends)] = { 0 };
	enum way_back way = WAY_UNKNOWN;
	bool any = false;

	/* Where there is but one, no entry need be read; this is asked by each image that is built. */
	int count = detect(true, NULL, found);
	if (count > 1)
		count = detect(true, snapshot, found);
	for (int i = 0; i < count; i++) {
		if (count > 1 && !may_be(found[i]->family, booted_by(running)))
			continue;
		enum way_back one = found[i]->way_back ? found[i]->way_back() : WAY_UNKNOWN;
		if (any && one != way)
			return WAY_UNKNOWN;
		way = one;
		any = true;
	}
	return way;
}

/* Whether what was looked for is not gone, but behind a link that is not followed. Returns 0 or an exit code. */
static int refuse_link(const char *what)
{
	struct place place = { .dir = -1 };

	bool unsafe = what[0] == '/' && place_find(what, false, &place) == -ELOOP;
	place_close(&place);
	return unsafe ? refuse(LINK_UNSAFE, "%s: %s", what, place.why) : 0;
}

/* Why it can't be this one. */
static int refuse_missing(int r, const char *what, const char *words)
{
	if (r == -ENOMEM)
		return fail("%s", strerror(ENOMEM));
	int code = refuse_link(what);
	if (code)
		return code;
	if (r == -ENOENT && !strpbrk(what, "/ ")) /* a program */
		return fail("%s is missing; install it, or add the kernel parameters '%s' by hand", what, words);
	/* A tree whose boot loader was installed and never ran yet. */
	char mkconfig[64];
	if (strcmp(what, "/boot/grub/grub.cfg") == 0 &&
	    (run_find("update-grub", mkconfig, sizeof(mkconfig)) ||
	     run_find("grub-mkconfig", mkconfig, sizeof(mkconfig))))
		return refuse(NO_ENTRY, "GRUB is installed and has no boot entries yet (no %s); run "
			      "'%s', then this again; where another boot loader starts this machine, add the kernel "
			      "parameters '%s' by hand", what, strstr(mkconfig, "update-grub") ? "update-grub" :
			      "grub-mkconfig -o /boot/grub/grub.cfg", words);
	return refuse(BOOTLOADER_UNSUPPORTED, "no boot loader was found that iommu-install can change (looked for %s "
		      "last); add the kernel parameters '%s' by hand, or see iommu-bootloaders(7)", what, words);
}

/* What is not there may be on a partition that is not mounted. */
static int check_mounted(void)
{
	int code = 0;

	for (size_t i = 0; esp_places[i] && code == 0; i++)
		code = mounts_check(esp_places[i]);
	return code;
}

static int choose_named(const char *name, bool installed, const char *words, struct snapshot *snapshot,
			const struct backend **backend)
{
	const char *what;

	*backend = backend_named(name);
	if (!*backend)
		return fail("--backend=%s: no such back end", name);
	int r = detect_one(*backend, installed, snapshot, &what);
	/* Not where a program is missing, or one that is there does not do. */
	int code = r == -ENOENT && strchr(what, '/') ? check_mounted() : 0;
	return r < 0 && code == 0 ? refuse_missing(r, what, words) : code;
}

/* What is known and not ours to change: whatever else is there (strong), or where nothing else is. Returns 0 or an exit
 * code. */
static int refuse_unsupported(const struct root *root, const char *running, const char *words, bool strong)
{
	const struct unsupported *u = unsupported_find(root, running, strong);

	if (!u)
		return 0;
	char *advice = unsupported_advice(u, root, running, words);
	int code = advice ? refuse(u->code, "%s", advice) : fail("%s", strerror(ENOMEM));
	free(advice);
	return code;
}

int backend_choose(const char *name, bool installed, const struct root *root, const char *running, const char *words,
		   struct snapshot *snapshot, const struct backend **backend)
{
	const struct backend *found[LENGTH(backends)] = { 0 };
	const char *what;

	if (name)
		return choose_named(name, installed, words, snapshot, backend);
	int code = refuse_unsupported(root, running, words, true);
	if (code)
		return code;
	int count = detect(installed, snapshot, found);
	if (count < 0)
		return fail("%s", strerror(-count));
	if (count > 1 && !running)
		return fail("the tree has two boot loaders, %s and %s; name the one that boots it: --backend=%s or "
			    "--backend=%s",
			    found[0]->program, found[1]->program, found[0]->name, found[1]->name);
	*backend = best(found, count, running, snapshot);
	if (*backend)
		return 0;
	if (backend_uki.detect(installed, &what) == -ENOTSUP)
		return refuse(uki_signed() ? UKI_SIGNED : UKI_FOREIGN,
			      "%s; add the kernel parameters '%s' where the images are made, or in an addon beside "
			      "the image: 'iommu-install MODE --emit=ukify-addon > iommu.conf && ukify build "
			      "--config=iommu.conf --output=iommu.addon.efi', signed with a key that the firmware "
			      "knows, and copied to %s/IMAGE.efi.extra.d", what, words, backend_uki.location());
	code = refuse_unsupported(root, running, words, false);
	if (code == 0)
		code = check_mounted();
	if (code)
		return code;
	int r = backend_grub.detect(installed, &what);
	return refuse_missing(r, what, words);
}

bool backend_is_here(const struct backend *backend, bool installed, struct snapshot *snapshot)
{
	const char *what;

	return detect_one(backend, installed, snapshot, &what) == 0 && (!backend->generated || backend->generated());
}

int backend_choose_way_out(const char *name, bool installed, const struct root *root, const char *running,
			   struct snapshot *snapshot, const struct backend **backend, bool *here)
{
	const struct backend *known = name ? backend_named(name) : NULL;

	*backend = known;
	*here = known && backend_is_here(known, installed, snapshot);
	if (*here)
		return 0;
	const char *what;
	int code = known && detect_one(known, installed, snapshot, &what) < 0 ? refuse_link(what) : 0;
	if (code == 0)
		code = check_mounted();
	if (code)
		return code;
	fail_mute(true);
	*here = backend_choose(NULL, installed, root, running, "", snapshot, backend) == 0 &&
		backend_is_here(*backend, installed, snapshot);
	fail_mute(false);
	if (!*here)
		*backend = known ? known : &backend_grub;
	return 0;
}
