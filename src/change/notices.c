/* What else somebody must know of a change before the reboot; see notices.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/notices.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/keyval.h"
#include "model/cmdline-words.h"
#include "model/kernel-parameters.h"

const struct notice_row notice_table[NOTICES_MAX] = {
	[VFIO_DEVICES] = { "VFIO_DEVICES", "devices in use",
			   "Devices are bound to vfio-pci, and an off mode is set.",
			   "choose strict or pt, or give them back to the host's drivers before the reboot" },
	[UIO_DEVICES] = { "UIO_DEVICES", "devices in use",
			  "Devices are bound to uio_pci_generic or igb_uio, and strict or pt is set.",
			  "bind them to vfio-pci, see 'iommu-install show --groups=ADDRESS'" },
	[VFIO_IDS] = { "VFIO_IDS", "the kernel command line",
		       "vfio-pci.ids= is on the command line, and an off mode is set.",
		       "take that kernel parameter out" },
	[VFIO_IN_USE] = { "VFIO_IN_USE", "a running program",
			  "A process, for example a virtual machine, has a device of /dev/vfio open.",
			  "shut it down before the reboot" },
	[KEXEC_REBOOT] = { "KEXEC_REBOOT", "what a reboot starts",
			   "A reboot would start the next kernel by kexec, with the kernel parameters of now.",
			   "reboot through the boot loader: 'kexec -u', then 'coldreboot', or 'reboot' where there is "
			   "none" },
	[IMAGES_YOURS] = { "IMAGES_YOURS", "the initramfs",
			   "A stopping policy is set with --initramfs=none, and no initramfs has it yet.",
			   "make each kernel's initramfs before the reboot; 'iommu-install check' says when all is "
			   "right" },
	[ENTRY_UNCHECKED] = { "ENTRY_UNCHECKED", "a boot entry",
			      "A boot entry of this system has no initramfs, or one that nobody puts the check into.",
			      "have an initramfs made for it, or take that entry out" },
	[ENTRY_UNEDITED] = { "ENTRY_UNEDITED", "a boot entry",
			     "A boot entry of this system has other kernel parameters, and can't be edited.",
			     "put the mode's kernel parameters (iommu-modes(7)) into it where it is written" },
};

bool notice_parse(const char *word, enum notice_code *out)
{
	for (int i = 0; i < NOTICES_MAX; i++) {
		if (strcasecmp(word, notice_table[i].code) != 0)
			continue;
		*out = (enum notice_code)i;
		return true;
	}
	return false;
}

static __attribute__((format(printf, 3, 4))) void add(struct notices *n, enum notice_code code, const char *format, ...)
{
	const struct notice_row *row = &notice_table[code];
	char *message = NULL;
	va_list args;

	va_start(args, format);
	if (n->count == NOTICES_MAX || vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	if (message)
		n->list[n->count++] = (struct notice){ .code = row->code, .hint = row->hint, .message = message };
}

/* Names separated by commas, of which only the first few are kept. */
struct names {
	char text[200];
	unsigned count;
};

static void name_add(struct names *n, const char *name)
{
	size_t len = strlen(n->text);

	if (n->count < 4)
		snprintf(n->text + len, sizeof(n->text) - len, "%s%.60s", n->count ? ", " : "", name);
	else if (n->count == 4)
		snprintf(n->text + len, sizeof(n->text) - len, ", ...");
	n->count++;
}

/* --- Devices by their drivers ------------------------------------------------------------------------------------- */

static int take_address(int dirfd, const char *name, void *context)
{
	(void)dirfd;
	/* A driver's directory has links named by its devices, and files of its own. */
	if (isxdigit((unsigned char)name[0]) && strchr(name, ':') && strchr(name, '.'))
		name_add(context, name);
	return 0;
}

static struct names bound_to(const struct root *root, const char *driver)
{
	struct names names = { 0 };
	char path[80];

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s", driver);
	root_list(root, path, take_address, &names);
	return names;
}

static const char *plural(const struct names *n)
{
	return n->count == 1 ? "device is" : "devices are";
}

static void vfio_devices(const struct root *root, const struct target *t, struct notices *n)
{
	struct names devices = bound_to(root, "vfio-pci");

	if (devices.count && mode_is_off(t->mode))
		add(n, VFIO_DEVICES, "%u %s bound to vfio-pci (%s): under %s no virtual machine can have them",
		    devices.count, plural(&devices), devices.text, mode_name(t->mode));
}

static void uio_devices(const struct root *root, const struct target *t, struct notices *n)
{
	static const char *const drivers[] = { "uio_pci_generic", "igb_uio" };

	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]) && !mode_is_off(t->mode); i++) {
		struct names devices = bound_to(root, drivers[i]);
		if (!devices.count)
			continue;
		add(n, UIO_DEVICES, "%u %s bound to %s (%s): %s", devices.count, plural(&devices), drivers[i],
		    devices.text,
		    t->mode == MODE_PT ?
			    "under pt their programs' addresses are right only while their groups are identity" :
			    "under strict the IOMMU refuses the physical addresses that their programs use");
		return;
	}
}

/* --- The lines ---------------------------------------------------------------------------------------------------- */

/* Whether it has vfio-pci.ids=, in whatever spelling; its value is copied. */
static bool find_ids(const char *line, char *ids, size_t size)
{
	char word[512];

	while (cmdline_word(&line, word, sizeof(word))) {
		const struct kernel_parameter *parameter = kernel_parameter_find(word);
		const char *value = strchr(word, '=');

		if (strcmp(word, "--") == 0)
			return false;
		if (!parameter || parameter->effect != EFFECT_VFIO_IDS || !value)
			continue;
		snprintf(ids, size, "%.*s", (int)size - 1, value + 1);
		return true;
	}
	return false;
}

static void vfio_ids(const struct evidence *now, const struct target *t, const char *const *lines, size_t count,
		     struct notices *n)
{
	char ids[120];
	bool found = find_ids(now->cmdline, ids, sizeof(ids));

	for (size_t i = 0; i < count && !found; i++)
		found = lines[i] && find_ids(lines[i], ids, sizeof(ids));
	if (found && mode_is_off(t->mode))
		add(n, VFIO_IDS, "vfio-pci.ids=%s is on the command line: under %s vfio-pci keeps those devices from "
		    "their drivers, and no virtual machine can have them", ids, mode_name(t->mode));
}

/* --- Who holds one ------------------------------------------------------------------------------------------------ */

/* One that stands for a device or group: /dev/vfio/vfio alone gives nothing. */
static bool is_vfio(const char *file)
{
	return strncmp(file, "/dev/vfio/", 10) == 0 && strcmp(file, "/dev/vfio/vfio") != 0;
}

static int find_vfio(int dirfd, const char *name, void *context)
{
	char file[64];
	ssize_t len = readlinkat(dirfd, name, file, sizeof(file) - 1);

	(void)context;
	file[len < 0 ? 0 : len] = '\0';
	return is_vfio(file);
}

struct holders {
	const struct root *root;
	struct names names;
};

static int take_process(int dirfd, const char *name, void *context)
{
	struct holders *h = context;
	char path[300], comm[32], text[64];

	(void)dirfd;
	if (!isdigit((unsigned char)name[0]))
		return 0;
	snprintf(path, sizeof(path), "/proc/%.20s/fd", name);
	if (root_list(h->root, path, find_vfio, NULL) <= 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/%.20s/comm", name);
	if (root_read_line(h->root, path, comm, sizeof(comm)) < 0)
		comm[0] = '\0';
	snprintf(text, sizeof(text), "%.20s %s", name, comm);
	name_add(&h->names, text);
	return 0;
}

static void vfio_users(const struct root *root, const struct target *t, struct notices *n)
{
	struct holders h = { .root = root };

	root_list(root, "/proc", take_process, &h);
	if (h.names.count)
		add(n, VFIO_IN_USE, "%s %s a device of /dev/vfio: it goes on until the reboot%s%s", h.names.text,
		    h.names.count == 1 ? "holds" : "hold",
		    mode_is_off(t->mode) ? ", and after it has no device under " : "",
		    mode_is_off(t->mode) ? mode_name(t->mode) : "");
}

/* --- What comes between the change and the next boot -------------------------------------------------------------- */

/* Whether Debian's kexec-tools load the next kernel at each reboot (its init.d/kexec-load), with the line of now. */
static bool loads_at_reboot(const struct root *root)
{
	char text[4096];
	bool loads = false, by_menu = false;
	struct keyval kv;

	if (root_read(root, "/etc/default/kexec", text, sizeof(text)) <= 0)
		return false;
	for (keyval_init(&kv, text); keyval_next(&kv);) {
		const char *value = kv.value ? kv.value + (kv.value[0] == '"') : "";
		if (strcmp(kv.key, "LOAD_KEXEC") == 0)
			loads = strncmp(value, "true", 4) == 0;
		else if (strcmp(kv.key, "USE_GRUB_CONFIG") == 0)
			by_menu = strncmp(value, "true", 4) == 0;
	}
	return loads && !by_menu && root_exists(root, "/etc/init.d/kexec-load");
}

static void kexec_reboot(const struct root *root, struct notices *n)
{
	char loaded[8];

	if (root_read_line(root, "/sys/kernel/kexec_loaded", loaded, sizeof(loaded)) > 0 && loaded[0] == '1')
		add(n, KEXEC_REBOOT, "a kernel is loaded for kexec: a reboot can start that one, with the kernel "
		    "parameters that it was loaded with");
	else if (loads_at_reboot(root))
		add(n, KEXEC_REBOOT, "LOAD_KEXEC=true in /etc/default/kexec: 'reboot' starts the next kernel by kexec, "
		    "with the kernel parameters of now");
}

static void images_yours(const struct target *t, struct notices *n)
{
	if (t->on_mismatch != POLICY_WARN)
		add(n, IMAGES_YOURS, "--initramfs=none: the policy to %s comes with the next initramfs that is made of "
		    "each kernel", policy_name(t->on_mismatch));
}

/* --- All of it ---------------------------------------------------------------------------------------------------- */

void notices_take(const struct root *root, const struct evidence *now, const struct target *t, const char *const *lines,
		  size_t count, bool images_left, struct notices *n)
{
	*n = (struct notices){ 0 };
	if (images_left)
		images_yours(t, n);
	if (now->effective == t->mode)
		return;
	vfio_devices(root, t, n);
	uio_devices(root, t, n);
	vfio_ids(now, t, lines, count, n);
	vfio_users(root, t, n);
	kexec_reboot(root, n);
}

/* Those without a check, and those with other parameters: the first of each, and how many. */
static int count_left(const struct loader *l, const struct edits *edits, const struct kernels *kernels,
		      const struct target *t, const struct evidence *now, struct left first[2], size_t count[2])
{
	struct left left;
	int r = 0;

	for (size_t i = 0; l->error.code == 0 && i < l->entries.count && r == 0; i++) {
		r = left_find(l, i, edits, kernels, t, now, &left);
		if (!left.entry)
			continue;
		bool unedited = left.entry->fixed && !left.unchecked;
		if (count[unedited]++ == 0)
			first[unedited] = left;
	}
	return r;
}

int notices_left(const struct loader *loader, const struct edits *edits, const struct kernels *kernels,
		 const struct target *t, const struct evidence *now, struct notices *n)
{
	struct left first[2];
	size_t count[2] = { 0 };
	char more[2][40] = { "", "" };

	int r = count_left(loader, edits, kernels, t, now, first, count);
	for (int i = 0; i < 2; i++)
		if (count[i] > 1)
			snprintf(more[i], sizeof(more[i]), ", and %zu more", count[i] - 1);
	if (count[0])
		add(n, ENTRY_UNCHECKED, "boot entry %s%s: nothing checks the mode early in a boot by it, as it has %s",
		    boot_entry_name(first[0].entry->title, first[0].entry->id), more[0],
		    first[0].entry->image[0] ? "an initramfs that nobody puts the check "
		    "into" : "no initramfs");
	if (count[1])
		add(n, ENTRY_UNEDITED, "boot entry %s%s: its kernel parameters give %s, and it can't be edited",
		    boot_entry_name(first[1].entry->title, first[1].entry->id), more[1],
		    mode_name(first[1].mode));
	return r;
}

void notices_free(struct notices *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->list[i].message);
	*n = (struct notices){ 0 };
}

void notices_tell(const struct notices *n)
{
	for (size_t i = 0; i < n->count; i++)
		fprintf(stderr, "iommu-install: notice: %s; %s\n", n->list[i].message, n->list[i].hint);
}
