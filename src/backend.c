/* Boot loaders; see backend.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmdline.h"
#include "refuse.h"
#include "unsupported.h"
#include "words.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* proxmox-boot-tool's partitions hold what others of these would be found by too. */
static const struct backend *const backends[] = { &backend_proxmox, &backend_grub, &backend_update_bootloader, &backend_grub_file,
						&backend_bls, &backend_sdbootutil, &backend_systemd_boot, &backend_uki };

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

/* --- Entries --------------------------------------------------------------------------------------------------------- */

int boot_entries_add(struct boot_entries *entries, const struct boot_entry *entry)
{
	struct boot_entry *more = reallocarray(entries->list, entries->count + 1, sizeof(*more)), copy = *entry;

	if (!more)
		return -ENOMEM;
	entries->list = more;
	copy.id = strdup(entry->id);
	copy.words = strdup(entry->words);
	more[entries->count++] = copy;
	return copy.id && copy.words ? 0 : -ENOMEM;
}

void boot_entries_free(struct boot_entries *entries)
{
	for (size_t i = 0; i < entries->count; i++) {
		free(entries->list[i].id);
		free(entries->list[i].words);
	}
	free(entries->list);
	*entries = (struct boot_entries){ 0 };
}

static const char *fault(const struct boot_entry *e, const char *words, bool flush)
{
	if (words && !words_right(e->words, words, flush))
		return "does not carry exactly the mode's words";
	if (e->image[0] == '\0')
		return "has no initrd";
	return e->missing ? "has an initrd that is not there" : NULL;
}

int boot_entries_check(const struct boot_entries *entries, const char *file, const char *words, bool flush, char **why)
{
	size_t own = 0;

	*why = NULL;
	for (size_t i = 0; i < entries->count; i++) {
		const struct boot_entry *e = &entries->list[i];
		const char *what = e->own ? fault(e, words, flush) : NULL;

		own += e->own;
		if (!what)
			continue;
		if (asprintf(why, "%s: the entry %s: %s", e->id, what, e->words) < 0)
			*why = NULL;
		return -1;
	}
	if (own > 0)
		return 0;
	if (asprintf(why, "%s: no entry of this system", file) < 0)
		*why = NULL;
	return -1;
}

int backend_read(const struct backend *backend, struct boot_entries *entries)
{
	char *why = NULL;

	int r = backend->read(entries, &why);
	if (r < 0)
		fail("%s", why ? why : strerror(-r));
	free(why);
	return r < 0 ? -1 : 0;
}

int backend_check(const struct backend *backend, const char *words, bool flush, char **why)
{
	struct boot_entries entries;

	int r = backend->read(&entries, why);
	if (r == 0)
		r = boot_entries_check(&entries, backend->layer ? backend->layer : backend->made(), words, flush, why);
	boot_entries_free(&entries);
	return r < 0 ? -1 : 0;
}

/* --- Proof ----------------------------------------------------------------------------------------------------------- */

/* Does not count: what a boot loader puts on the line by itself, what GRUB fills in when it boots, and what says how the
 * IOMMU is set, as a change that waits for its reboot has put other words there. */
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

/* The Boot Loader Interface's variable: four bytes of attributes, then UTF-16. GRUB sets it too, from 2.12 on, and puts
 * BOOT_IMAGE= on every line. */
static enum family booted_by(const struct facts *facts)
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
	return strncmp(facts->evidence.cmdline, "BOOT_IMAGE=", 11) == 0 || strstr(facts->evidence.cmdline, " BOOT_IMAGE=") ?
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
static int prove(const struct backend *backend, const struct facts *facts)
{
	const char *running = facts->evidence.cmdline;
	enum family booted = booted_by(facts);
	struct boot_entries entries;
	char *why = NULL;
	int proven = 0;

	if (!may_be(backend->family, booted))
		return 0;
	int r = backend->read(&entries, &why);
	for (size_t i = 0; r == 0 && i < entries.count && !proven; i++) {
		const struct boot_entry *e = &entries.list[i];
		proven = e->own && may_be(e->family, booted) && same_kernel(e->kernel, running) && same_line(e->words, running);
	}
	if (r == 0)
		boot_entries_free(&entries);
	free(why);
	return r < 0 ? r : proven;
}

bool backend_proven(const struct backend *backend, const struct facts *facts)
{
	return prove(backend, facts) > 0;
}

/* --- Choice ---------------------------------------------------------------------------------------------------------- */

/* Whether one of those found is a row for the same entries, but more to the point. */
static bool covered(const struct backend *backend, const struct backend *const found[], int count)
{
	for (int i = 0; i < count; i++)
		if (found[i]->over == backend)
			return true;
	return false;
}

/* Those that are here, into found. Returns how many, or -ENOMEM. In the table a row stands before one that it covers. */
static int detect(bool installed, const struct backend *found[LENGTH(backends)])
{
	const char *what;
	int count = 0;

	for (size_t i = 0; i < LENGTH(backends); i++) {
		if (covered(backends[i], found, count))
			continue;
		int r = backends[i]->detect(installed, &what);
		if (r == -ENOMEM)
			return r;
		if (r == 0)
			found[count++] = backends[i];
	}
	return count;
}

/* Of several the one that booted the machine, or that may have and can't be read: then that is said, and no other one's files
 * are changed for it. Where none is proven, the one whose family did. */
static const struct backend *best(const struct backend *const found[], int count, const struct facts *facts)
{
	if (count < 2 || !facts)
		return count > 0 ? found[0] : NULL;
	for (int i = 0; i < count; i++)
		if (prove(found[i], facts) != 0)
			return found[i];
	for (int i = 0; i < count; i++)
		if (may_be(found[i]->family, booted_by(facts)))
			return found[i];
	return found[0];
}

const struct backend *backend_guess(bool installed, const struct facts *facts)
{
	const struct backend *found[LENGTH(backends)] = { 0 };

	return best(found, detect(installed, found), facts);
}

/* Why it can't be this one. */
static int refuse_missing(int r, const char *what, const char *words)
{
	if (r == -ENOMEM)
		return fail("%s", strerror(ENOMEM));
	if (r == -ENOENT && !strpbrk(what, "/ ")) /* a program */
		return fail("%s is missing; install it, or put '%s' on the kernel command line by hand", what, words);
	return refuse(BOOTLOADER_UNSUPPORTED, "this is no boot loader that is known here (no %s); put '%s' on the kernel command "
		      "line by hand", what, words);
}

static int choose_named(const char *name, bool installed, const char *words, const struct backend **backend)
{
	const char *what;

	*backend = backend_named(name);
	if (!*backend)
		return fail("--backend=%s: no such back end", name);
	int r = (*backend)->detect(installed, &what);
	return r < 0 ? refuse_missing(r, what, words) : 0;
}

/* What is known and not ours to change: whatever else is there (strong), or where nothing else is. Returns 0 or an exit
 * code. */
static int refuse_unsupported(const struct root *root, const struct facts *facts, const char *words, bool strong)
{
	const char *cmdline = facts ? facts->evidence.cmdline : NULL;
	const struct unsupported *u = unsupported_find(root, cmdline, strong);

	if (!u)
		return 0;
	char *advice = unsupported_advice(u, root, cmdline, words);
	int code = advice ? refuse(u->code, "%s", advice) : fail("%s", strerror(ENOMEM));
	free(advice);
	return code;
}

int backend_choose(const char *name, bool installed, const struct root *root, const struct facts *facts, const char *words,
		   const struct backend **backend)
{
	const struct backend *found[LENGTH(backends)] = { 0 };
	const char *what;

	if (name)
		return choose_named(name, installed, words, backend);
	int code = refuse_unsupported(root, facts, words, true);
	if (code)
		return code;
	int count = detect(installed, found);
	if (count < 0)
		return fail("%s", strerror(-count));
	if (count > 1 && !facts)
		return fail("there are %s and %s; say which one boots it: --backend=%s or --backend=%s", found[0]->program,
			    found[1]->program, found[0]->name, found[1]->name);
	*backend = best(found, count, facts);
	if (*backend)
		return 0;
	if (backend_uki.detect(installed, &what) == -ENOTSUP)
		return refuse(UKI_SIGNED, "%s; where they are made put '%s' on the line, or add it beside the image: 'iommu-install "
			      "MODE --emit=ukify-addon > iommu.conf && ukify build --config=iommu.conf --output=iommu.addon.efi', "
			      "signed with a key that the firmware knows, and copied to %s/IMAGE.efi.extra.d", what, words,
			      backend_uki.made());
	code = refuse_unsupported(root, facts, words, false);
	if (code)
		return code;
	int r = backend_grub.detect(installed, &what);
	return refuse_missing(r, what, words);
}

/* --- Images ---------------------------------------------------------------------------------------------------------- */

/* GRUB reads /boot itself, and its entries say by which name: Fedora's images are initramfs-RELEASE.img. */
static void name_image(const struct boot_entries *entries, struct kernel *kernel)
{
	const struct boot_entry *found = NULL;

	for (size_t i = 0; i < entries->count; i++) {
		const struct boot_entry *e = &entries->list[i];
		if (!e->own || e->missing || e->image[0] == '\0' || strcmp(e->release, kernel->release) != 0)
			continue;
		if (strcmp(e->image, kernel->image) == 0)
			return;
		found = found ? found : e;
	}
	if (found)
		memcpy(kernel->image, found->image, sizeof(kernel->image));
}

/* Dracut's plug-in of kernel-install makes an image of its own beside the one in /boot, with whatever target there is. */
static void name_under(const struct boot_entry *e, struct kernel *kernel)
{
	if (e->under[0] && (initramfs_kept(e->under) || initramfs_holds_check(e->under)))
		memcpy(kernel->under, e->under, sizeof(kernel->under));
}

/* A boot loader that can't read /boot has a copy of its own. */
static void place(const struct backend *backend, const struct boot_entries *entries, struct kernel *kernel)
{
	for (size_t i = 0; i < entries->count; i++) {
		const struct boot_entry *e = &entries->list[i];
		if (!e->own || e->missing || strcmp(e->release, kernel->release) != 0 || strcmp(e->image, kernel->image) == 0 ||
		    strstr(e->image, "-rescue"))
			continue;
		if (kernel_placed(kernel, e->image) < 0)
			return;
		kernel->place = backend->place;
		name_under(e, kernel);
	}
}

/* Kernels that are not in /boot by the name of their release (vmlinuz-linux, or in /lib/modules only) have the images that
 * their entries name: none, one or several. */
static int add_images(const struct boot_entries *entries, struct kernels *kernels)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < entries->count; i++) {
		const struct boot_entry *e = &entries->list[i];
		size_t k = 0;

		if (!e->own || e->missing || !e->image[0] || !kernel_has_modules(e->release) || kernel_is_named(e->release))
			continue;
		while (k < kernels->count && strcmp(kernels->list[k].image, e->image) != 0)
			k++;
		if (k < kernels->count)
			continue;
		r = kernels_add(kernels, e->release, e->image);
		if (r == 0)
			name_under(e, &kernels->list[k]);
	}
	return r;
}

/* The names of images in /boot follow from their kernels'. */
static void drop_unnamed(struct kernels *kernels)
{
	size_t kept = 0;

	for (size_t i = 0; i < kernels->count; i++)
		if (kernel_is_named(kernels->list[i].release))
			kernels->list[kept++] = kernels->list[i];
	kernels->count = kept;
}

int backend_read_after(const struct backend *backend, const struct edits *edits, struct boot_entries *entries, char **why)
{
	int r = backend->read(entries, why);

	for (size_t i = 0; r == 0 && edits && backend->follow && i < entries->count; i++)
		backend->follow(edits, &entries->list[i]);
	return r;
}

int backend_place(const struct backend *backend, const struct edits *edits, struct kernels *kernels)
{
	struct boot_entries entries;
	char *why = NULL;
	int r = 0;

	drop_unnamed(kernels);
	if (backend_read_after(backend, edits, &entries, &why) < 0) {
		free(why);
		return 0;
	}
	for (size_t i = 0; i < kernels->count; i++)
		if (backend->family == FAMILY_GRUB || backend->follow)
			name_image(&entries, &kernels->list[i]);
		else
			place(backend, &entries, &kernels->list[i]);
	if (!backend->place)
		r = add_images(&entries, kernels);
	boot_entries_free(&entries);
	return r;
}
