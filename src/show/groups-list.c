/* Every IOMMU group with its devices; see groups-list.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/groups-list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "show/colour.h"
#include "show/passthrough.h"
#include "show/pci-names.h"

/* A device as it is printed. */
struct line {
	struct passthrough p;
	char name[256], class[128]; /* or "" */
};

/* What is asked once for all of them. */
struct lister {
	const struct survey *s;
	struct pci_names *names;
	struct told_of_devices told;
	bool redacted;
	bool first; /* nothing is printed yet */
};

static struct lister lister_open(const struct survey *s, bool redacted)
{
	return (struct lister){ .s = s, .names = pci_names_open(s->root), .redacted = redacted, .first = true,
				.told = passthrough_told(s) };
}

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

/* g NULL: a device that is in no group. */
static void read_line(const struct lister *l, const struct group *g, char *const *devices, size_t count, size_t which,
		      struct line *line)
{
	const struct device *d = &line->p.device;

	line->name[0] = line->class[0] = '\0';
	passthrough_take(l->s, g, devices, count, which, l->told, &line->p);
	/* No kernel has such names; a tree may, and they are printed. */
	for (char *c = line->p.address; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	if (!d->pci)
		return;
	pci_names_class(l->names, d->class, line->class, sizeof(line->class));
	pci_names_device(l->names, d->vendor, d->device, line->name, sizeof(line->name));
}

/* The group that the device is in, or NULL. */
static struct group *group_of(const struct survey *s, const char *address)
{
	struct groups *groups = &s->facts->evidence.groups;

	for (size_t i = 0; i < groups->count; i++) {
		char *text, **devices;
		size_t count = list_devices(s, &groups->list[i], &text, &devices), k = 0;

		while (k < count && strcmp(devices[k], address) != 0)
			k++;
		free(devices);
		free(text);
		if (k < count)
			return &groups->list[i];
	}
	return NULL;
}

/* --- For people --------------------------------------------------------------------------------------------------- */

static void print_device(const struct line *line, bool redacted)
{
	const struct device *d = &line->p.device;

	if (d->pci)
		printf("%s %s [%04x]: %s [%04x:%04x]", line->p.address,
		       line->class[0] ? line->class : "class", d->class, line->name[0] ? line->name : "device",
		       d->vendor, d->device);
	else
		fputs(redacted ? "(a device of another bus than PCI)" : line->p.address, stdout);
}

/* Below it: who has it, who is with it, how it is reset, and what stands in the way. */
static void print_surroundings(const struct line *line)
{
	static const char *const acs[] = { [ACS_NOT_ASKED] = "", [ACS_NEEDS_ROOT] = ", ACS: needs root",
					   [ACS_NONE] = ", no ACS", [ACS_OFF] = ", ACS not enabled",
					   [ACS_ON] = ", ACS enabled" };
	const struct passthrough *p = &line->p;

	if (!p->device.pci)
		return;
	printf("%-24s %s%s", "",
	       p->driver[0]      ? "driver "
	       : p->driver_known ? "no driver"
				 : "driver unknown",
	       p->driver);
	if (p->physfn[0])
		printf("; a virtual function of %s", p->physfn);
	if (p->group >= 0 && p->alone)
		fputs("; alone in its group", stdout);
	else if (p->group >= 0)
		printf("; with %s (%s%s%s)", p->with,
		       p->functions    ? "functions of one device"
		       : p->through[0] ? "through "
				       : "on one bus",
		       p->functions ? "" : p->through, acs[p->acs]);
	if (p->reset_known)
		printf("; reset: %s", p->reset[0] ? p->reset : "none");
	putchar('\n');
	for (int i = 0; i < OBSTACLES; i++) {
		if (!(p->obstacles & 1u << i))
			continue;
		printf("%-24s not to be given away: ", "");
		obstacle_print(stdout, p, (enum obstacle)i);
		putchar('\n');
	}
}

static void print_group(struct lister *l, struct group *g)
{
	const char *mark = outlier(&l->s->facts->evidence, g);
	char *text, **devices;

	size_t count = list_devices(l->s, g, &text, &devices);
	for (size_t i = 0; i < count || i == 0; i++, l->first = false) {
		struct line line;

		printf("%-11s %3u %-8s ", l->first ? "groups:" : "", g->number, type_of(g));
		if (count) {
			read_line(l, g, devices, count, i, &line);
			print_device(&line, l->redacted);
		} else {
			fputs("(no device)", stdout);
		}
		if (mark)
			printf("  %s<- %s%s%s%s", colour(g->tolerated ? COLOUR_WARN : COLOUR_BAD), mark,
			       g->tolerated ? ": " : "", g->tolerated ? g->excuse : "", colour(COLOUR_NONE));
		putchar('\n');
		if (count && !l->redacted)
			print_surroundings(&line);
	}
	free(devices);
	free(text);
}

static void print_next(const char *text, void *context)
{
	bool *first = context;

	printf("%-11s %s\n", *first ? "to give it:" : "", text);
	*first = false;
}

/* The chosen one: its line again where it is in no group, and what to do. */
static void print_chosen(struct lister *l, struct group *g, const char *address)
{
	char *text = NULL, **devices = NULL, *alone = strdup(address);
	size_t count = g ? list_devices(l->s, g, &text, &devices) : 1, which = 0;
	struct line line;
	bool first = true;

	if (alone) {
		while (g && which < count && strcmp(devices[which], address) != 0)
			which++;
		read_line(l, g, g ? devices : &alone, count, which, &line);
		if (!g) {
			printf("%-11s none              ", "groups:");
			print_device(&line, false);
			putchar('\n');
			print_surroundings(&line);
		}
		passthrough_next(l->s, &line.p, print_next, &first);
	}
	free(devices);
	free(text);
	free(alone);
}

static void print_all(struct lister *l)
{
	struct groups *groups = &l->s->facts->evidence.groups;

	if (groups->count == 0)
		printf("%-11s none\n", "groups:");
	for (size_t i = 0; i < groups->count; i++)
		print_group(l, &groups->list[i]);
}

void groups_print(const struct survey *s, const char *only)
{
	struct lister l = lister_open(s, false);
	struct group *g = only ? group_of(s, only) : NULL;

	if (g)
		print_group(&l, g);
	if (only)
		print_chosen(&l, g, only);
	else
		print_all(&l);
	if (!l.names)
		printf("%-11s devices have no names here: pciutils is not installed\n", "");
	pci_names_close(l.names);
}

void groups_print_redacted(const struct survey *s)
{
	struct lister l = lister_open(s, true);

	print_all(&l);
	pci_names_close(l.names);
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

/* Words separated by blanks. */
static void json_words(const char *key, const char *text)
{
	char copy[512], *next;
	const char *sep = "";

	snprintf(copy, sizeof(copy), "%s", text);
	printf(", \"%s\": [", key);
	for (char *word = strtok_r(copy, " ", &next); word; word = strtok_r(NULL, " ", &next), sep = ", ") {
		fputs(sep, stdout);
		json_string(stdout, word);
	}
	putchar(']');
}

/* But for its closing brace. */
static void json_device(const struct line *line)
{
	const struct passthrough *p = &line->p;
	char class[8] = "", id[16] = "", obstacles[128] = "";
	size_t len = 0;

	if (p->device.pci) {
		snprintf(class, sizeof(class), "%04x", p->device.class & 0xffff);
		snprintf(id, sizeof(id), "%04x:%04x", p->device.vendor & 0xffff, p->device.device & 0xffff);
	}
	for (int i = 0; i < OBSTACLES; i++)
		if (p->obstacles & 1u << i)
			len += (size_t)snprintf(obstacles + len, sizeof(obstacles) - len, "%s ",
						obstacle_name((enum obstacle)i));
	fputs("{\"address\": ", stdout);
	json_string(stdout, p->address);
	json_text("class", class);
	json_text("class_name", line->class);
	json_text("id", id);
	json_text("name", line->name);
	json_text("driver", p->driver);
	json_text("physfn", p->physfn);
	printf(",\n      \"alone\": %s", p->group < 0 ? "null" : p->alone ? "true" : "false");
	json_words("with", p->with);
	json_text("through", p->through);
	json_text("acs", acs_name(p->acs));
	if (p->reset_known)
		json_words("reset", p->reset);
	else
		fputs(", \"reset\": null", stdout);
	json_words("obstacles", obstacles);
}

static void json_group(const struct lister *l, struct group *g)
{
	char *text, **devices;

	size_t count = list_devices(l->s, g, &text, &devices);
	printf("{\"group\": %u, \"type\": \"%s\"", g->number, type_of(g));
	json_text("outlier", outlier(&l->s->facts->evidence, g));
	json_text("why", g->tolerated ? g->excuse : NULL);
	fputs(", \"devices\": [", stdout);
	for (size_t i = 0; i < count; i++) {
		struct line line;

		read_line(l, g, devices, count, i, &line);
		fputs(i ? ",\n     " : "\n     ", stdout);
		json_device(&line);
		putchar('}');
	}
	fputs("]}", stdout);
	free(devices);
	free(text);
}

static void json_next(const char *text, void *context)
{
	bool *first = context;

	fputs(*first ? "" : ", ", stdout);
	json_string(stdout, text);
	*first = false;
}

static void json_chosen(const struct lister *l, struct group *g, const char *address)
{
	char *text = NULL, **devices = NULL, *alone = strdup(address);
	size_t count = g ? list_devices(l->s, g, &text, &devices) : 1, which = 0;
	struct line line;
	bool first = true;

	fputs(",\n \"chosen\": ", stdout);
	if (alone) {
		while (g && which < count && strcmp(devices[which], address) != 0)
			which++;
		read_line(l, g, g ? devices : &alone, count, which, &line);
		json_device(&line);
		if (g)
			printf(", \"group\": %u, \"next\": [", g->number);
		else
			fputs(", \"group\": null, \"next\": [", stdout);
		passthrough_next(l->s, &line.p, json_next, &first);
		fputs("]}", stdout);
	} else {
		fputs("null", stdout);
	}
	free(devices);
	free(text);
	free(alone);
}

void groups_json(const struct survey *s, const char *only)
{
	struct lister l = lister_open(s, false);
	struct groups *groups = &s->facts->evidence.groups;
	struct group *g = only ? group_of(s, only) : NULL;

	fputs("\"groups_list\": [", stdout);
	for (size_t i = 0; i < groups->count && !only; i++) {
		fputs(i ? ",\n   " : "\n   ", stdout);
		json_group(&l, &groups->list[i]);
	}
	if (g) {
		fputs("\n   ", stdout);
		json_group(&l, g);
	}
	fputc(']', stdout);
	if (only)
		json_chosen(&l, g, only);
	pci_names_close(l.names);
}
