/* What people ask who want to give a device away; see passthrough.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/passthrough.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence/platform.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

enum { CLASS_HOST_BRIDGE = 0x0600, CLASS_PCI_BRIDGE = 0x0604, CLASS_PCI_BRIDGE_OTHER = 0x0609 };

static __attribute__((format(printf, 3, 4))) void add(char *buf, size_t size, const char *format, ...)
{
	size_t len = strlen(buf);
	va_list args;

	va_start(args, format);
	vsnprintf(buf + len, size - len, format, args);
	va_end(args);
}

/* --- Where a device is -------------------------------------------------------------------------------------------- */

/* Its directory, by its group or, group NULL, by its bus. */
static void place(const struct group *g, const char *name, const char *file, char *path, size_t size)
{
	const char *slash = file ? "/" : "";

	file = file ? file : "";
	if (g)
		snprintf(path, size, GROUPS_PATH "/%u/devices/%s%s%s", g->number, name, slash, file);
	else
		snprintf(path, size, "/sys/bus/pci/devices/%s%s%s", name, slash, file);
}

static bool link_name(const struct root *root, const struct group *g, const char *name, const char *file, char *buf,
		      size_t size)
{
	char path[400], text[512];

	place(g, name, file, path, sizeof(path));
	if (root_readlink(root, path, text, sizeof(text)) < 0)
		return false;
	const char *slash = strrchr(text, '/');
	snprintf(buf, size, "%.*s", (int)size - 1, slash ? slash + 1 : text);
	return true;
}

/* Its path below /sys, as the tree of buses has it: "devices/pci0000:00/0000:00:1c.0/0000:05:00.0"; "" if that can't be
 * told. */
static void bus_path(const struct root *root, const struct group *g, const char *name, char *buf, size_t size)
{
	char path[400], text[512];

	buf[0] = '\0';
	place(g, name, NULL, path, sizeof(path));
	if (root_readlink(root, path, text, sizeof(text)) < 0)
		return;
	const char *start = strstr(text, "devices/");
	if (start)
		snprintf(buf, size, "%.*s", (int)size - 1, start);
}

/* --- What it shares its group through ----------------------------------------------------------------------------- */

/* How long the part is that both paths have, up to a whole name; bridge: one of them may end there. */
static size_t shared_path(const char *a, const char *b)
{
	size_t at = 0, whole = 0;

	for (; a[at] && a[at] == b[at]; at++)
		if (a[at] == '/')
			whole = at;
	if ((a[at] == '\0' || a[at] == '/') && (b[at] == '\0' || b[at] == '/'))
		whole = at;
	return whole;
}

/* The lowest bridge that the device and any other of its group are below, or that is in the group itself. Its path
 * below /sys is written to buf; "" if they come together on a root bus. */
static void find_bridge(const struct root *root, const struct group *g, char *const *devices, size_t count,
			size_t which, char *buf, size_t size)
{
	char mine[512], other[512];
	size_t longest = 0;

	buf[0] = '\0';
	bus_path(root, g, devices[which], mine, sizeof(mine));
	for (size_t i = 0; i < count && mine[0]; i++) {
		if (i == which)
			continue;
		bus_path(root, g, devices[i], other, sizeof(other));
		size_t len = shared_path(mine, other);
		if (len > longest)
			longest = len;
	}
	mine[longest] = '\0';
	/* "devices/pci0000:00" is the root bus. */
	const char *bus = strchr(mine, '/');
	if (longest && bus && strchr(bus + 1, '/'))
		snprintf(buf, size, "%.*s", (int)size - 1, mine);
}

/* Where a tree does not tell paths: the one bridge of the group that is on another bus than the device. */
static void guess_bridge(const struct root *root, const struct group *g, char *const *devices, size_t count,
			 size_t which, char *buf, size_t size)
{
	size_t bus = strlen("0000:00"), found = 0;
	struct device d;

	for (size_t i = 0; i < count; i++) {
		if (strncmp(devices[i], devices[which], bus) == 0 ||
		    device_read(root, g->number, devices[i], &d) < 0 || !d.pci || d.class != CLASS_PCI_BRIDGE)
			continue;
		snprintf(buf, size, "%.*s", (int)size - 1, devices[i]);
		found++;
	}
	if (found != 1)
		buf[0] = '\0';
}

static unsigned word_at(const unsigned char *config, size_t at)
{
	return config[at] | (unsigned)config[at + 1] << 8;
}

/* drivers/pci/pci.c:pci_acs_flags_enabled() with REQ_ACS_FLAGS of drivers/iommu/iommu.c: what the port does not have is
 * not asked of it. */
static enum acs read_acs(const struct root *root, const char *dir)
{
	enum { FIRST = 0x100, SIZE = 4096, ID_ACS = 0x0d, REQUIRED = 0x1d };
	unsigned char config[SIZE + 1];
	char path[600];
	size_t at = FIRST;

	snprintf(path, sizeof(path), "/sys/%s/config", dir);
	ssize_t len = root_read(root, path, (char *)config, sizeof(config));
	/* drivers/pci/pci-sysfs.c:pci_read_config() shows others no more than the first 64 bytes. */
	if (len <= 64)
		return geteuid() == 0 ? ACS_NOT_ASKED : ACS_NEEDS_ROOT;
	for (int left = SIZE / 8; left > 0 && at >= FIRST && at + 8 <= (size_t)len; left--) {
		if (word_at(config, at) == ID_ACS) {
			unsigned asked = REQUIRED & word_at(config, at + 4);
			return (word_at(config, at + 6) & asked) == asked ? ACS_ON : ACS_OFF;
		}
		at = word_at(config, at + 2) >> 4 & ~3u;
	}
	return ACS_NONE;
}

static void find_company(const struct survey *s, const struct group *g, char *const *devices, size_t count,
			 size_t which, struct passthrough *p)
{
	char bridge[512], mine[512];

	p->alone = count <= 1;
	p->functions = count > 1;
	for (size_t i = 0; i < count; i++) {
		if (i == which)
			continue;
		size_t slot = strcspn(devices[i], ".");
		p->functions = p->functions && strncmp(devices[i], devices[which], slot + 1) == 0;
		add(p->with, sizeof(p->with), "%s%s", p->with[0] ? " " : "", devices[i]);
	}
	if (p->alone || !p->device.pci)
		return;
	bus_path(s->root, g, devices[which], mine, sizeof(mine));
	if (p->functions) {
		p->acs = mine[0] ? read_acs(s->root, mine) : ACS_NOT_ASKED;
		return;
	}
	find_bridge(s->root, g, devices, count, which, bridge, sizeof(bridge));
	const char *slash = strrchr(bridge, '/');
	snprintf(p->through, sizeof(p->through), "%.63s", slash ? slash + 1 : "");
	if (bridge[0])
		p->acs = read_acs(s->root, bridge);
	else
		guess_bridge(s->root, g, devices, count, which, p->through, sizeof(p->through));
}

/* --- Reset -------------------------------------------------------------------------------------------------------- */

/* "flr bus" from Linux 5.15 on; before it a file that is there where the kernel knows a way. */
static bool read_reset(const struct root *root, const struct group *g, const char *name, char *buf, size_t size)
{
	char path[400];

	buf[0] = '\0';
	place(g, name, "reset_method", path, sizeof(path));
	if (root_read_line(root, path, buf, size) >= 0)
		return true;
	buf[0] = '\0';
	place(g, name, "reset", path, sizeof(path));
	if (!root_certain(root, path))
		return false;
	snprintf(buf, size, "unnamed");
	return true;
}

struct told_of_devices passthrough_told(const struct survey *s)
{
	struct groups *groups = &s->facts->evidence.groups;
	struct told_of_devices told = { .resets = s->root->live, .drivers = s->root->live };
	char text[128], path[64];

	for (size_t i = 0; i < groups->count && !(told.resets && told.drivers); i++) {
		const struct group *g = &groups->list[i];
		snprintf(path, sizeof(path), GROUPS_PATH "/%u/devices", g->number);
		DIR *dir = root_opendir(s->root, path);
		for (const struct dirent *entry; dir && (entry = readdir(dir));) {
			const char *name = entry->d_name;
			if (name[0] == '.')
				continue;
			told.resets = told.resets || read_reset(s->root, g, name, text, sizeof(text));
			told.drivers = told.drivers || link_name(s->root, g, name, "driver", text, sizeof(text));
		}
		if (dir)
			closedir(dir);
	}
	return told;
}

/* --- What stands in the way --------------------------------------------------------------------------------------- */

static bool is_bridge(const struct device *d)
{
	return d->pci && (d->class == CLASS_HOST_BRIDGE || d->class == CLASS_PCI_BRIDGE ||
			  d->class == CLASS_PCI_BRIDGE_OTHER);
}

/* Drivers that leave the DMA of a device to others (drivers/pci: driver_managed_dma), vfio-pci and its kin. */
static bool harmless(const char *driver)
{
	return !driver[0] || strcmp(driver, "pci-stub") == 0 || strcmp(driver, "pcieport") == 0 ||
	       strstr(driver, "vfio");
}

static void find_host_drivers(const struct survey *s, const struct group *g, char *const *devices, size_t count,
			      size_t which, struct passthrough *p)
{
	for (size_t i = 0; i < count; i++) {
		char driver[64] = "";
		struct device d;

		if (i == which || !link_name(s->root, g, devices[i], "driver", driver, sizeof(driver)))
			continue;
		if (harmless(driver) || (device_read(s->root, g->number, devices[i], &d) == 0 && is_bridge(&d)))
			continue;
		add(p->host, sizeof(p->host), "%s%s (%s)", p->host[0] ? ", " : "", devices[i], driver);
	}
}

/* drivers/iommu/iommu.c:iommu_group_resv_type_string[]: "direct" regions are those of RMRR and IVMD that no driver has
 * said it can do without. */
static bool has_reserved(const struct root *root, const struct group *g)
{
	char path[64], text[4096], *next;

	if (!g)
		return false;
	snprintf(path, sizeof(path), GROUPS_PATH "/%u/reserved_regions", g->number);
	if (root_read(root, path, text, sizeof(text)) <= 0)
		return false;
	for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
		const char *word = strrchr(line, ' ');
		if (word && strcmp(word + 1, "direct") == 0)
			return true;
	}
	return false;
}

static bool interrupts_unsafe(const struct survey *s)
{
	const struct params *params = &s->facts->evidence.params;

	return interrupts_remapped(s->root) == PRESENCE_NO && params->state[PARAM_TYPE1].value != 1 &&
	       params->state[PARAM_IOMMUFD].value != 1;
}

static unsigned find_obstacles(const struct survey *s, const struct group *g, const struct passthrough *p)
{
	const struct evidence *e = &s->facts->evidence;
	bool off = !g || g->noiommu || e->nunits == 0;
	const bool there[OBSTACLES] = {
		[OBSTACLE_OFF] = off,
		[OBSTACLE_BRIDGE] = is_bridge(&p->device),
		[OBSTACLE_SHARED] = p->host[0] != '\0',
		[OBSTACLE_NO_RESET] = p->reset_known && !p->reset[0],
		[OBSTACLE_TYPE] = !off && g->type == DOMAIN_OTHER,
		[OBSTACLE_RESERVED] = has_reserved(s->root, g),
		[OBSTACLE_INTERRUPTS] = !off && interrupts_unsafe(s),
	};
	unsigned set = 0;

	for (int i = 0; i < OBSTACLES && p->device.pci; i++)
		set |= (unsigned)there[i] << i;
	return there[OBSTACLE_BRIDGE] ? 1u << OBSTACLE_BRIDGE : set;
}

/* --- All of it ---------------------------------------------------------------------------------------------------- */

static unsigned number(const struct root *root, const char *name, const char *file)
{
	char path[400], text[24];

	place(NULL, name, file, path, sizeof(path));
	return root_read_line(root, path, text, sizeof(text)) > 0 ? (unsigned)strtoul(text, NULL, 16) : 0;
}

/* One that is in no group. */
static void read_alone(const struct root *root, const char *name, struct device *d)
{
	*d = (struct device){ .pci = true, .vendor = number(root, name, "vendor"),
			      .device = number(root, name, "device"), .class = number(root, name, "class") >> 8 };
}

void passthrough_take(const struct survey *s, const struct group *g, char *const *devices, size_t count, size_t which,
		      struct told_of_devices told, struct passthrough *p)
{
	const char *name = devices[which];

	*p = (struct passthrough){ .group = g ? (int)g->number : -1 };
	snprintf(p->address, sizeof(p->address), "%.255s", name);
	if (!g)
		read_alone(s->root, name, &p->device);
	else if (device_read(s->root, g->number, name, &p->device) < 0)
		p->device = (struct device){ 0 };
	p->driver_known = link_name(s->root, g, name, "driver", p->driver, sizeof(p->driver)) || told.drivers;
	link_name(s->root, g, name, "physfn", p->physfn, sizeof(p->physfn));
	p->reset_known = read_reset(s->root, g, name, p->reset, sizeof(p->reset)) || told.resets;
	if (g) {
		find_company(s, g, devices, count, which, p);
		find_host_drivers(s, g, devices, count, which, p);
	}
	p->obstacles = find_obstacles(s, g, p);
}

const char *obstacle_name(enum obstacle obstacle)
{
	static const char *const names[OBSTACLES] = {
		[OBSTACLE_OFF] = "iommu-off",	   [OBSTACLE_BRIDGE] = "bridge",
		[OBSTACLE_SHARED] = "shared",	   [OBSTACLE_NO_RESET] = "no-reset",
		[OBSTACLE_TYPE] = "group-type",	   [OBSTACLE_RESERVED] = "reserved-memory",
		[OBSTACLE_INTERRUPTS] = "interrupts",
	};

	return names[obstacle];
}

const char *acs_name(enum acs acs)
{
	static const char *const names[] = {
		[ACS_NOT_ASKED] = NULL, [ACS_NEEDS_ROOT] = "needs-root", [ACS_NONE] = "none", [ACS_OFF] = "off",
		[ACS_ON] = "on",
	};

	return names[acs];
}

void obstacle_print(FILE *out, const struct passthrough *p, enum obstacle obstacle)
{
	static const char *const texts[OBSTACLES] = {
		[OBSTACLE_OFF] = "the IOMMU is off for it",
		[OBSTACLE_BRIDGE] = "it is a bridge, which stays with the host",
		[OBSTACLE_NO_RESET] = "it has no reset: what one owner leaves in it the next one finds",
		[OBSTACLE_TYPE] = "the type of its group is unknown",
		[OBSTACLE_RESERVED] = "the firmware has reserved memory for it (RMRR or IVMD)",
		[OBSTACLE_INTERRUPTS] = "interrupts are not remapped: see allow_unsafe_interrupts in iommu-modes(7)",
	};

	if (obstacle == OBSTACLE_SHARED)
		fprintf(out, "the host's drivers have others of its group: %s", p->host);
	else
		fputs(texts[obstacle], out);
}

/* --- What to do next ---------------------------------------------------------------------------------------------- */

static __attribute__((format(printf, 3, 4))) void tell(void (*put)(const char *text, void *context), void *context,
						       const char *format, ...)
{
	char text[700];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put(text, context);
}

/* Whether the next boot, as far as is known, has an IOMMU. */
static bool mode_is_coming(const struct survey *s)
{
	return s->next_boot == MODE_STRICT || s->next_boot == MODE_PT;
}

void passthrough_next(const struct survey *s, const struct passthrough *p,
		      void (*put)(const char *text, void *context), void *context)
{
	const struct evidence *e = &s->facts->evidence;
	const struct device *d = &p->device;
	char host[sizeof(p->host)], *next;

	if (p->obstacles & 1u << OBSTACLE_BRIDGE || !d->pci)
		return;
	if (p->group < 0 && e->nunits) {
		tell(put, context, "no IOMMU unit has it: look for igfx_off on the command line, or a newer firmware");
		return;
	}
	if (p->obstacles & 1u << OBSTACLE_OFF && mode_is_coming(s))
		tell(put, context, "reboot: the next boot has an IOMMU");
	else if (p->obstacles & 1u << OBSTACLE_OFF)
		tell(put, context, "%siommu-install pt && reboot",
		     e->table || e->nunits    ? ""
		     : e->platform.hypervisor ? "give this virtual machine an IOMMU, then "
					      : "switch VT-d or AMD-Vi on in the firmware's setup, then ");
	if (strstr(p->driver, "vfio")) {
		tell(put, context, "it is bound to %s: give it away (QEMU: -device vfio-pci,host=%s)", p->driver,
		     p->address);
	} else {
		tell(put, context, "driverctl set-override %s vfio-pci", p->address);
		tell(put, context,
		     "or, for every device of that ID, in /etc/modprobe.d/vfio.conf: options vfio-pci ids=%04x:%04x",
		     d->vendor & 0xffff, d->device & 0xffff);
		if (p->driver[0])
			tell(put, context, "and there, so that %s comes later: softdep %s pre: vfio-pci", p->driver,
			     p->driver);
	}
	snprintf(host, sizeof(host), "%s", p->host);
	for (char *word = strtok_r(host, ",", &next); word; word = strtok_r(NULL, ",", &next)) {
		word += strspn(word, " ");
		word[strcspn(word, " ")] = '\0';
		tell(put, context, "driverctl set-override %s vfio-pci", word);
	}
}

/* --- Addresses ---------------------------------------------------------------------------------------------------- */

/* As many hexadecimal digits as min to max, then what follows; moves on. */
static bool digits(const char **text, size_t min, size_t max, char end)
{
	size_t n = 0;

	while (isxdigit((unsigned char)(*text)[n]))
		n++;
	if (n < min || n > max || (*text)[n] != end)
		return false;
	*text += n + (end != '\0');
	return true;
}

bool pci_address(const char *text, char address[32])
{
	const char *at = text;
	bool domain = digits(&at, 4, 8, ':');

	if (!digits(&at, 2, 2, ':') || !digits(&at, 2, 2, '.') || *at < '0' || *at > '7' || at[1])
		return false;
	snprintf(address, 32, "%s%s", domain ? "" : "0000:", text);
	for (char *c = address; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return true;
}

bool pci_device_there(const struct survey *s, const char *address)
{
	struct groups *groups = &s->facts->evidence.groups;
	char path[400];

	place(NULL, address, NULL, path, sizeof(path));
	if (root_certain(s->root, path))
		return true;
	for (size_t i = 0; i < groups->count; i++) {
		place(&groups->list[i], address, NULL, path, sizeof(path));
		if (root_certain(s->root, path))
			return true;
	}
	return false;
}
