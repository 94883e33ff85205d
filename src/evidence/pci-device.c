/* A PCI device of an IOMMU group; see pci-device.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "evidence/pci-device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "evidence/groups.h"

static void path_of(char path[400], unsigned group, const char *name, const char *file)
{
	snprintf(path, 400, GROUPS_PATH "/%u/devices/%s/%s", group, name, file);
}

/* Returns 0 or -errno. */
static int read_number(const struct root *root, unsigned group, const char *name, const char *file, unsigned *out)
{
	char path[400], text[24];

	path_of(path, group, name, file);
	ssize_t len = root_read_line(root, path, text, sizeof(text));
	if (len < 0)
		return (int)len;
	*out = (unsigned)strtoul(text, NULL, 16);
	return 0;
}

int device_read(const struct root *root, unsigned group, const char *name, struct device *d)
{
	char path[400], text[256];
	unsigned class;

	*d = (struct device){ 0 };
	path_of(path, group, name, "");
	int fd = root_open(root, path, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return fd;
	close(fd);

	/* Other buses have no such files. */
	int r = read_number(root, group, name, "vendor", &d->vendor);
	if (r == 0)
		r = read_number(root, group, name, "device", &d->device);
	if (r == 0)
		r = read_number(root, group, name, "class", &class);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	d->pci = true;
	d->class = class >> 8;

	path_of(path, group, name, "removable");
	d->removable = root_read_line(root, path, text, sizeof(text)) > 0 && strcmp(text, "removable") == 0;
	path_of(path, group, name, "iommu");
	if (root_readlink(root, path, text, sizeof(text)) == 0) {
		const char *slash = strrchr(text, '/');
		snprintf(d->unit, sizeof(d->unit), "%.31s", slash ? slash + 1 : text);
	}
	return 0;
}

static unsigned word_at(const unsigned char *config, size_t at)
{
	return config[at] | (unsigned)config[at + 1] << 8 | (unsigned)config[at + 2] << 16 |
	       (unsigned)config[at + 3] << 24;
}

int device_port(const struct root *root, unsigned group, const char *name, char port[32])
{
	char path[400], target[1024], *rest = NULL;

	snprintf(path, sizeof(path), GROUPS_PATH "/%u/devices/%s", group, name);
	int r = root_readlink(root, path, target, sizeof(target));
	if (r < 0)
		return r;
	/* devices/pci0000:00/0000:00:1c.0/0000:01:00.0; a bridge may open a domain of its own: .../pci10000:e0/... */
	for (char *at = target; (at = strstr(at, "/pci")); at++)
		rest = at + 1;
	rest = rest ? strchr(rest, '/') : NULL;
	const char *below = rest ? strchr(rest + 1, '/') : NULL;
	snprintf(port, 32, "%.*s", below ? (int)(below - rest - 1) : 0, below ? rest + 1 : "");
	return 0;
}

int device_capabilities(const struct root *root, unsigned group, const char *name, bool physical)
{
	enum { FIRST = 0x100, ID_ATS = 0x0f, ID_PRI = 0x13, ID_PASID = 0x1b, SIZE = 4096 };
	unsigned char config[SIZE + 1];
	char path[400], function[256];
	int found = 0;

	path_of(path, group, name, "physfn");
	physical = physical && root_readlink(root, path, function, sizeof(function)) == 0;
	path_of(path, group, name, physical ? "physfn/config" : "config");
	ssize_t len = root_read(root, path, (char *)config, sizeof(config));
	if (len < 0)
		return (int)len;
	/* drivers/pci/pci-sysfs.c:pci_read_config() shows others no more than the first 64 bytes. */
	if (len < FIRST)
		return -EPERM;

	/* A list of capabilities: id, version, and where the next one is, with no end but the space's. */
	size_t at = FIRST;
	for (int left = SIZE / 8; left > 0 && at >= FIRST && at + 4 <= (size_t)len; left--) {
		unsigned header = word_at(config, at), id = header & 0xffff;

		found |= id == ID_ATS ? CAPABILITY_ATS : id == ID_PRI ? CAPABILITY_PRI :
			 id == ID_PASID ? CAPABILITY_PASID : 0;
		at = header >> 20 & ~3u;
	}
	return found;
}
