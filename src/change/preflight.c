/* What speaks against a change of mode; see preflight.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/preflight.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "bootloader/choose.h"
#include "bootloader/cmdline-edit.h"
#include "change/sealed.h"
#include "change/tree.h"
#include "change/written.h"
#include "evidence/demands.h"
#include "initramfs/modprobe-says.h"
#include "model/cmdline-words.h"
#include "nextboot/left.h"
#include "nextboot/placement.h"
#include "system/container.h"
#include "system/message.h"
#include "system/refuse.h"

#define LINE_BYTES 2047 /* arch/x86/include/asm/setup.h:COMMAND_LINE_SIZE less its NUL */

/* --force overrides what only this machine or kernel can't do, never what would break the boot. */
#define REFUSE(p, code, ...) \
	((p)->force && reason_forcible(code) ? refuse_not(code, __VA_ARGS__) : refuse(code, __VA_ARGS__))

/* --- The machine -------------------------------------------------------------------------------------------------- */

static bool wants_on(const struct preflight *p)
{
	return !mode_is_off(p->target->mode);
}

static int check_container(const struct preflight *p)
{
	const char *sign = container_sign(p->root);

	return sign ? REFUSE(p, CONTAINER, "%s: this is a container; its host has the boot loader", sign) : 0;
}

/* What is written to a root like this is gone with the next boot. */
static int check_live(const struct preflight *p)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} passing[] = { { OVERLAYFS_SUPER_MAGIC, "an overlay" },
			{ SQUASHFS_MAGIC, "squashfs" },
			{ TMPFS_MAGIC, "a tmpfs" },
			{ RAMFS_MAGIC, "a ramfs" } };
	struct statfs fs;

	if (statfs("/", &fs) < 0)
		return 0;
	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		if ((unsigned long)fs.f_type == passing[i].magic)
			return REFUSE(p, LIVE_SYSTEM, "/ is %s: what is written here is gone at the next boot",
				      passing[i].name);
	return 0;
}

static int check_xen(const struct preflight *p)
{
	if (p->facts->evidence.platform.xen_dom0)
		return REFUSE(p, XEN_DOM0,
			      "this is Xen's dom0: Xen drives the IOMMU, and parameters of the Linux command line do "
			      "nothing");
	return 0;
}

static int check_virtio(const struct preflight *p)
{
	const struct evidence *e = &p->facts->evidence;

	if ((e->virtio_iommu || (e->nunits && e->units[0].kind == UNIT_OTHER)))
		return REFUSE(p, VIRTIO_IOMMU,
			      "this machine's IOMMU is a virtio-iommu: its driver loads late, and no kernel parameter "
			      "switches it off");
	return 0;
}

static int check_table(const struct preflight *p)
{
	const struct evidence *e = &p->facts->evidence;

	if (!wants_on(p) || e->table || e->nunits || (!e->platform.tables && !p->facts->line.acpi_off))
		return 0;
	if (e->platform.hypervisor)
		return REFUSE(p, NO_VIOMMU, "this virtual machine has no IOMMU (no DMAR or IVRS table)");
	return REFUSE(p, FIRMWARE_OFF, "the firmware offers no IOMMU (no DMAR or IVRS table)%s",
		      p->facts->line.acpi_off ? "; acpi=off hides them" : "");
}

static int check_evidence(const struct preflight *p)
{
	if (p->target->on_mismatch != POLICY_WARN && p->facts->evidence.missing[0])
		return REFUSE(p, CANNOT_JUDGE, "a policy that stops the boot needs to know the mode, and this "
					       "machine's can't be told now: %s", p->facts->evidence.missing);
	return 0;
}

/* Whoever demands remapping has it: what is missing today would stop the next boot. */
static int check_interrupts(const struct preflight *p)
{
	static const char *const answers[] = {
		[PRESENCE_UNKNOWN] = "whether they are today can't be told: no /sys/kernel/irq/*/chip_name can be read",
		[PRESENCE_NO] = "today they are not",
	};
	enum presence today = p->remapped ? interrupts_remapped(p->root) : PRESENCE_YES;

	if (today != PRESENCE_YES)
		return REFUSE(p, CANNOT_JUDGE, "interrupts are to be remapped, and %s", answers[today]);
	return 0;
}

/* --- A tree ------------------------------------------------------------------------------------------------------ */

static int check_tree(const struct preflight *p)
{
	int code = p->facts ? 0 : tree_check_package(p->generator);

	return code || p->facts || !p->loader ? code : tree_check_device(p->backend);
}

/* --- Its kernels -------------------------------------------------------------------------------------------------- */

static int check_flush(const struct preflight *p)
{
	for (size_t i = 0; p->flush && i < p->installed->count; i++) {
		const char *release = p->installed->list[i].release;
		unsigned version = kernel_version(release);

		if (version && version < KERNEL(5, 15))
			return REFUSE(p, FLUSH_UNSUPPORTED,
				      "kernel %s does not show its flush policy (5.15 and later do)", release);
	}
	return 0;
}

/* Nor can it be told on a kernel whose version can't be. */
static int check_exposed(const struct preflight *p)
{
	char device[32];

	for (size_t i = 0; p->translated && i < p->installed->count; i++)
		if (kernel_version(p->installed->list[i].release) < KERNEL_REMOVABLE)
			return REFUSE(p, CANNOT_JUDGE,
				      "kernel %s does not show which devices are removable (5.14 and later do)",
				      p->installed->list[i].release);
	if (p->translated && exposed_find(p->root, p->facts->evidence.kernel, device) == PRESENCE_UNKNOWN)
		return REFUSE(p, CANNOT_JUDGE, "which devices are removable can't be read from the running kernel");
	return 0;
}

/* From 6.12 on VT-d units that can't pass through translate, whatever the line says. */
static int check_passthrough(const struct preflight *p)
{
	const struct evidence *e = &p->facts->evidence;
	char names[512] = "";
	size_t len = 0;

	for (unsigned i = 0; i < e->nunits; i++)
		if (e->units[i].kind != UNIT_INTEL || e->units[i].passthrough != PRESENCE_NO)
			return 0;
	if (p->target->mode != MODE_PT || e->nunits == 0)
		return 0;
	for (size_t i = 0; i < p->installed->count; i++) {
		const char *release = p->installed->list[i].release;

		if (kernel_version(release) >= KERNEL(6, 12) && len < sizeof(names))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "", release);
	}
	if (len)
		return REFUSE(p, PASSTHROUGH_IMPOSSIBLE,
			      "none of this machine's units can pass through, and kernel %s then translates", names);
	return 0;
}

static int check_noiommu(const struct preflight *p)
{
	char names[512] = "";
	size_t len = 0;

	if (p->target->mode != MODE_OFF_FOR_VFIO)
		return 0;
	for (size_t i = 0; i < p->installed->count; i++) {
		const char *release = p->installed->list[i].release;
		enum presence has[PARAMS] = { 0 };

		if (params_presence(p->root, release, has, NULL) == 0 && has[PARAM_NOIOMMU] == PRESENCE_NO &&
		    len < sizeof(names))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "", release);
	}
	if (len)
		return REFUSE(p, NOIOMMU_UNSUPPORTED, "the vfio module of kernel %s has no parameter "
						      "enable_unsafe_noiommu_mode", names);
	return 0;
}

/* --- modprobe.d --------------------------------------------------------------------------------------------------- */

/* By modprobe(8), for every kernel there is. */
static bool install_ignored(const struct preflight *p)
{
	bool all = p->installed->count > 0;

	for (size_t i = 0; i < p->installed->count; i++) {
		enum presence has[PARAMS];
		bool ignored = false;

		params_presence(p->root, p->installed->list[i].release, has, &ignored);
		all = all && ignored;
	}
	return all;
}

/* Our tokens come after modprobe.d, so only what they leave alone can contradict them. */
static int check_modprobe(const struct preflight *p)
{
	static struct modprobe_says c;

	if (modprobe_says_system(&c) < 0)
		return fail("modprobe.d: %s", strerror(ENOMEM));
	if (p->target->mode == MODE_OFF_FOR_VFIO && c.install[0] && !install_ignored(p))
		return REFUSE(p, MODPROBE_CONFLICT, "%s: an install line keeps the vfio module from "
						    "loading", c.install);
	if (p->target->mode != MODE_OFF_FOR_VFIO && c.yes[PARAM_NOIOMMU][0])
		return REFUSE(p, MODPROBE_CONFLICT,
			      "%s: it sets enable_unsafe_noiommu_mode of vfio, which mode %s excludes",
			      c.yes[PARAM_NOIOMMU], mode_name(p->target->mode));
	for (int i = PARAM_TYPE1; i <= PARAM_IOMMUFD; i++)
		if (wants_on(p) && !p->target->allow_unsafe_interrupts && c.yes[i][0])
			return REFUSE(p, MODPROBE_CONFLICT,
				      "%s: it sets %s %s; --allow-unsafe-interrupts would allow that", c.yes[i],
				      param_module((enum param)i), param_name((enum param)i));
	return 0;
}

/* --- Disks -------------------------------------------------------------------------------------------------------- */

/* A key that the TPM gives out only after the same boot. */
static int check_sealed(const struct preflight *p)
{
	char where[512];

	if (!sealed_find(p->root, p->entries ? &p->entries->entries : NULL, p->facts,
			 sealed_moved(p->backend && !p->backend->needs_block_device), where, sizeof(where)))
		return 0;
	return REFUSE(p, TPM_SEALED, "%s: the key of an encrypted disk is sealed to the TPM, which may not give it out "
				     "after the kernel command line or the initramfs changes", where);
}

/* --- /boot -------------------------------------------------------------------------------------------------------- */

/* Whether there are entries. Returns 0, 1 if a dry run of an ordinary user can't read them, which it says elsewhere,
 * or -1 with one line told. */
static int need_entries(const struct preflight *p)
{
	const struct loader *l = p->entries;

	if (l->error.code == -EACCES && p->dry_run)
		return 1;
	return l->error.code < 0 ? -fail("%s", l->error.text) : 0;
}

/* A machine can have one boot loader installed and be booted by another, which reads other files. */
static int check_proven(const struct preflight *p)
{
	if (p->proven)
		return 0;
	int r = need_entries(p);
	if (r)
		return r < 0 ? EXIT_INVALID : 0;
	if (backend_proven(p->entries, p->facts->evidence.cmdline))
		return 0;
	return REFUSE(p, BOOTLOADER_UNPROVEN,
		      "no boot entry of %s has the running kernel command line, or another boot loader started this "
		      "machine; if %s does boot it, add --backend=%s",
		      p->backend->location(), p->backend->program, p->backend->name);
}

/* What another program puts on an entry's line, by a variable of GRUB's or a drop-in, is not ours to take out. */
static int check_overridden(const struct preflight *p)
{
	const struct boot_entries *entries = &p->entries->entries;
	char *parameters = NULL, *origin = NULL;
	int code = 0;

	if (p->backend->overridden && p->backend->overridden(p->words, p->flush, &parameters, &origin)) {
		code = REFUSE(p, LINE_OVERRIDDEN, "'%s' is set in %s", parameters, origin ? origin : "");
		free(parameters);
		free(origin);
	}
	for (size_t i = 0; i < entries->count && code == 0; i++) {
		const struct boot_entry *e = &entries->list[i];
		if (!e->own || !boot_entry_fed(e, p->words, p->flush, &parameters, &origin))
			continue;
		code = REFUSE(p, LINE_OVERRIDDEN, "boot entry %s gets '%s' from a variable that is set in %s",
			      boot_entry_name(e->title, e->id), parameters ? parameters : "", origin ? origin : "");
		free(parameters);
		free(origin);
	}
	return code;
}

/* Refuses for what is left of an entry that is, or may be, started where nobody chooses. */
static int refuse_left(const struct preflight *p, const struct left *left)
{
	const struct boot_entry *e = left->entry;
	const char *name = boot_entry_name(e->title, e->id);
	const char *which = e->by_default == PRESENCE_YES ? "is the default" : "may be the default";

	if (left->unchecked && !e->fixed)
		return REFUSE(p, IMAGE_WITHOUT_CHECK, "boot entry %s %s, and has %s", name, which,
			      e->image[0] ? "an initramfs that nobody puts the check into" : "no initramfs");
	return REFUSE(p, ENTRY_WOULD_STOP, "boot entry %s %s, can't be edited, and %s", name, which,
		      left->unchecked ? "no check starts by it early in the boot" : "the check would stop it");
}

/* A policy that stops must not stop what is started by default. */
static int check_left(const struct preflight *p)
{
	const struct boot_entries *entries = &p->entries->entries;
	int code = 0;

	if (!p->loader || p->entries->error.code < 0 || p->target->on_mismatch == POLICY_WARN)
		return 0;
	for (size_t i = 0; i < entries->count && code == 0; i++) {
		struct left left;
		if (entries->list[i].by_default == PRESENCE_NO)
			continue;
		if (left_find(p->entries, i, p->edits, p->kernels, p->target, p->facts ? &p->facts->evidence : NULL,
			      &left) < 0)
			return fail("%s", strerror(ENOMEM));
		code = left.entry ? refuse_left(p, &left) : 0;
	}
	return code;
}

/* What nobody makes is not there after the change either. Entries that are made anew name what is there. */
static int check_missing(const struct preflight *p)
{
	const struct boot_entries *entries = &p->entries->entries;

	for (size_t i = 0; p->loader && i < entries->count; i++) {
		const struct boot_entry e = entry_after(p->backend, p->edits, &entries->list[i]);
		if (e.own && e.text && e.missing && !image_is_made(p->kernels, e.image))
			return fail("boot entry %s: it has an initramfs that is not there: %s",
				    boot_entry_name(e.title, e.id), e.image);
	}
	return 0;
}

static int check_line(const struct preflight *p)
{
	const struct boot_entries *entries = &p->entries->entries;

	if (!p->loader)
		return 0;
	int code = need_entries(p) < 0 ? EXIT_INVALID : 0;
	for (size_t i = 0; i < entries->count && code == 0; i++) {
		const struct boot_entry *e = &entries->list[i];
		char *line = e->own ? words_apply(e->words, p->words, p->flush, NULL) : NULL;
		/* A boot loader puts a word of its own in front. */
		size_t len = line ? strlen(line) + strlen("BOOT_IMAGE=/boot/vmlinuz- ") + strlen(e->release) : 0;
		if (len > LINE_BYTES)
			code = REFUSE(p, CMDLINE_TOO_LONG, "boot entry %s: its kernel command line would have %zu "
							   "bytes, and the kernel reads %d",
				      boot_entry_name(e->title, e->id), len, LINE_BYTES);
		free(line);
	}
	return code;
}

/* One directory's share of the change: room for need bytes, and for a few small files. ours: it will be made
 * writable. */
static int check_room(const struct preflight *p, const char *dir, bool ours, unsigned long long need)
{
	struct statvfs fs;

	if (statvfs(dir, &fs) < 0)
		return fail("%s: %s", dir, strerror(errno));
	if (!ours && (fs.f_flag & ST_RDONLY))
		return REFUSE(p, BOOT_READONLY, "%s is mounted read-only; run: mount -o remount,rw %s", dir,
			      dir);
	if ((unsigned long long)fs.f_bavail * fs.f_frsize < need)
		return REFUSE(p, BOOT_SPACE, "%s has %llu KiB free, the change needs %llu KiB", dir,
			      (unsigned long long)fs.f_bavail * fs.f_frsize / 1024, need / 1024);
	return 0;
}

static unsigned long long size_of(const char *image)
{
	struct stat st;

	return stat(image, &st) == 0 ? (unsigned long long)st.st_size + (unsigned long long)st.st_size / 8 : 0;
}

static bool on_same(const char *path, const char *other)
{
	struct stat a, b;

	return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev;
}

/* What the file system of that copy needs. Old and new ones are there together until all is read back; on FAT, which
 * has no second names, one is there once more while it takes the other's place. */
static int check_placed(const struct preflight *p, const char *placed)
{
	unsigned long long need = 1 << 20, largest = 0;
	char dir[256];

	for (size_t i = 0; i < p->kernels->count; i++) {
		const struct kernel *kernel = &p->kernels->list[i];
		for (size_t c = 0; c < kernel->places; c++) {
			if (!on_same(kernel->placed[c], placed))
				continue;
			unsigned long long size =
				size_of(kernel->placed[c]) + (kernel->under[0] ? size_of(kernel->under) : 0);
			need += size;
			largest = size > largest ? size : largest;
		}
	}
	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(placed, '/') - placed), placed);
	return check_room(p, dir, p->backend->open != NULL, need + largest);
}

/* Entries whose images are shared get others beside those that are there; and one takes another's place once more
 * when the target becomes the final one. */
static int check_shared(const struct preflight *p)
{
	unsigned long long need = 1 << 20, largest = 0;
	const struct boot_entries *entries = &p->entries->entries;

	int r = need_entries(p);
	for (size_t i = 0; i < entries->count; i++) {
		unsigned long long size = entries->list[i].own ? size_of(entries->list[i].image) : 0;
		need += size;
		largest = size > largest ? size : largest;
	}
	return r ? (r < 0 ? EXIT_INVALID : 0) : check_room(p, p->backend->location(), false, need + largest);
}

static int check_written(const struct preflight *p)
{
	return written_check(&(struct written){ .edits = p->edits, .kernels = p->generator ? p->kernels : NULL,
						.backend = p->loader ? p->backend : NULL });
}

static int check_space(const struct preflight *p)
{
	unsigned long long boot = 1 << 20;
	bool copies = false;

	if (p->generator && p->backend->image_after)
		return check_shared(p);
	for (size_t i = 0; p->generator && i < p->kernels->count; i++) {
		boot += size_of(p->kernels->list[i].image);
		copies = copies || p->kernels->list[i].places;
	}
	int code = check_room(p, "/boot", false, boot);
	for (size_t i = 0; copies && code == 0 && i < p->kernels->count; i++)
		for (size_t c = 0; c < p->kernels->list[i].places && code == 0; c++)
			code = check_placed(p, p->kernels->list[i].placed[c]);
	if (code == 0 && p->loader && !p->backend->needs_block_device && !copies)
		code = check_room(p, p->backend->location(), false, 1 << 20);
	return code;
}

int preflight(const struct preflight *p)
{
	static const struct {
		int (*check)(const struct preflight *);
		bool running; /* asks the running machine */
	} checks[] = {
		{ check_tree, false },
		{ check_container, true }, { check_live, true },      { check_xen, true },     { check_virtio, true },
		{ check_table, true },     { check_evidence, true },  { check_flush, false },  { check_noiommu, false },
		{ check_interrupts, true }, { check_exposed, true },  { check_passthrough, true },
		{ check_written, false },  { check_modprobe, false }, { check_sealed, false }, { check_proven, true },
		{ check_overridden, false }, { check_left, false },  { check_missing, false },
		{ check_line, false },
		{ check_space, false },
	};
	int code = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && code == 0; i++)
		if (p->facts || !checks[i].running)
			code = checks[i].check(p);
	return code;
}

int plan_check(struct plan *p)
{
	const struct preflight view = {
		.root = p->root,
		.facts = p->facts,
		.target = &p->target,
		.kernels = &p->kernels,
		.installed = &p->installed,
		.edits = &p->edits,
		.words = p->words,
		.flush = p->flush,
		.remapped = p->request->interrupts && p->target.remapped,
		.translated = p->request->exposed && p->target.translated,
		.generator = p->generator,
		.loader = p->loader,
		.backend = p->backend,
		.entries = snapshot_of(&p->snapshot, p->backend),
		.proven = p->proven,
		.force = p->request->force,
		.dry_run = p->request->dry_run,
	};

	return preflight(&view);
}
