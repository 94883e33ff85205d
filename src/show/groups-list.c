/* Every IOMMU group with its devices; see groups-list.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/groups-list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "evidence/pci-device.h"
#include "show/colour.h"
#include "show/pci-names.h"
#include "verdict/report.h"

/* A device as it is printed. */
struct line {
	char address[256];
	struct device device;
	char name[256], class[128]; /* or "" */
};

/* A group that is not like the rest: with an excuse it is tolerated, without one it is among the fewer of two kinds. */
static bool disagrees(const struct evidence *e, const struct group *g)
{
	bool identity = e->count.identity <= e->count.translated;

	return e->effective == MODE_MIXED && !g->gone && !g->excuse && g->type != DOMAIN_OTHER &&
	       (g->type == DOMAIN_IDENTITY) == identity;
}

static const char *outlier(const struct evidence *e, const struct group *g)
{
	return g->tolerated ? "tolerated" : disagrees(e, g) ? "disagrees" : NULL;
}

static const char *type_of(const struct group *g)
{
	return g->noiommu ? "noiommu" : domain_name(g->type);
}

/* --- Devices ------------------------------------------------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of a group's devices, sorted; they point into *text. Both are the caller's to free. Returns how many. */
static size_t list_devices(const struct survey *s, struct group *g, char **text, char ***list)
{
	size_t count = 0;
	char *next;

	*list = NULL;
	*text = groups_devices(s->root, g) == 0 && g->devices ? strdup(g->devices) : NULL;
	for (char *word = *text ? strtok_r(*text, " ", &next) : NULL; word; word = strtok_r(NULL, " ", &next)) {
		char **more = reallocarray(*list, count + 1, sizeof(*more));
		if (!more)
			break;
		*list = more;
		more[count++] = word;
	}
	if (count)
		qsort(*list, count, sizeof(**list), by_name);
	return count;
}

static void read_line(const struct survey *s, struct pci_names *names, unsigned group, const char *address,
                      struct line *l)
{
	*l = (struct line){ 0 };
	snprintf(l->address, sizeof(l->address), "%s", address);
	/* No kernel has such names; a tree may, and they are printed. */
	for (char *c = l->address; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	if (device_read(s->root, group, address, &l->device) < 0 || !l->device.pci)
		return;
	pci_names_class(names, l->device.class, l->class, sizeof(l->class));
	pci_names_device(names, l->device.vendor, l->device.device, l->name, sizeof(l->name));
}

/* --- For people --------------------------------------------------------------------------------------------------- */

static void print_device(const struct line *l, bool redacted)
{
	const struct device *d = &l->device;

	if (d->pci)
		printf("%s %s [%04x]: %s [%04x:%04x]", l->address, l->class[0] ? l->class : "class", d->class,
		       l->name[0] ? l->name : "device", d->vendor, d->device);
	else
		fputs(redacted ? "(a device of another bus than PCI)" : l->address, stdout);
}

static void print_group(const struct survey *s, struct pci_names *names, struct group *g, bool redacted, bool first)
{
	const struct evidence *e = &s->facts->evidence;
	const char *mark = outlier(e, g);
	char *text, **devices;

	size_t count = list_devices(s, g, &text, &devices);
	for (size_t i = 0; i < count || i == 0; i++) {
		struct line line;

		printf("%-11s %3u %-8s ", first && i == 0 ? "groups:" : "", g->number, type_of(g));
		if (count) {
			read_line(s, names, g->number, devices[i], &line);
			print_device(&line, redacted);
		} else {
			fputs("(no device)", stdout);
		}
		if (mark)
			printf("  %s<- %s%s%s%s", colour(g->tolerated ? COLOUR_WARN : COLOUR_BAD), mark,
			       g->tolerated ? ": " : "", g->tolerated ? g->excuse : "", colour(COLOUR_NONE));
		putchar('\n');
	}
	free(devices);
	free(text);
}

void groups_print(const struct survey *s, bool redacted)
{
	struct groups *groups = &s->facts->evidence.groups;
	struct pci_names *names = groups->count ? pci_names_open(s->root) : NULL;

	if (groups->count == 0)
		printf("%-11s none\n", "groups:");
	for (size_t i = 0; i < groups->count; i++)
		print_group(s, names, &groups->list[i], redacted, i == 0);
	pci_names_close(names);
}

/* --- For programs ------------------------------------------------------------------------------------------------- */

static void json_text(const char *key, const char *text)
{
	printf(", \"%s\": ", key);
	if (text && text[0])
		json_string(stdout, text);
	else
		fputs("null", stdout);
}

static void json_device(const struct line *l)
{
	char class[8] = "", id[16] = "";

	if (l->device.pci) {
		snprintf(class, sizeof(class), "%04x", l->device.class & 0xffff);
		snprintf(id, sizeof(id), "%04x:%04x", l->device.vendor & 0xffff, l->device.device & 0xffff);
	}
	fputs("{\"address\": ", stdout);
	json_string(stdout, l->address);
	json_text("class", class);
	json_text("class_name", l->class);
	json_text("id", id);
	json_text("name", l->name);
	fputc('}', stdout);
}

static void json_group(const struct survey *s, struct pci_names *names, struct group *g)
{
	char *text, **devices;

	size_t count = list_devices(s, g, &text, &devices);
	printf("{\"group\": %u, \"type\": \"%s\"", g->number, type_of(g));
	json_text("outlier", outlier(&s->facts->evidence, g));
	json_text("why", g->tolerated ? g->excuse : NULL);
	fputs(", \"devices\": [", stdout);
	for (size_t i = 0; i < count; i++) {
		struct line line;

		read_line(s, names, g->number, devices[i], &line);
		fputs(i ? ",\n     " : "\n     ", stdout);
		json_device(&line);
	}
	fputs("]}", stdout);
	free(devices);
	free(text);
}

void groups_json(const struct survey *s)
{
	struct groups *groups = &s->facts->evidence.groups;
	struct pci_names *names = groups->count ? pci_names_open(s->root) : NULL;

	fputs("\"groups_list\": [", stdout);
	for (size_t i = 0; i < groups->count; i++) {
		fputs(i ? ",\n   " : "\n   ", stdout);
		json_group(s, names, &groups->list[i]);
	}
	fputc(']', stdout);
	pci_names_close(names);
}
