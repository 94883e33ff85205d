/* The effective mode, from the groups' types; see classify.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Groups of one kind give that mode. Some devices get another default domain than the rest by the kernel's own choice
 * (excuses.c): a group with one is an outlier that is tolerated, but never decides. Anything else that disagrees is
 * MODE_MIXED.
 */
#include "evidence/classify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/excuses.h"
#include "model/cmdline-words.h"

static bool is_translated(const struct group *g)
{
	return g->type == DOMAIN_DMA || g->type == DOMAIN_DMA_FQ;
}

static bool is_identity(const struct group *g)
{
	return g->type == DOMAIN_IDENTITY;
}

static void missing_device(struct evidence *e, const struct group *g, int r)
{
	if (r == -EPERM)
		evidence_missing(e, "groups disagree, and only root can read whether that is the kernel's choice for "
				 "group %u (%s)", g->number, g->devices ? g->devices : "");
	else
		evidence_missing(e, GROUPS_PATH "/%u/devices: %s", g->number, strerror(-r));
}

/* Looks for an excuse for every group of one kind. Returns whether they all have one. */
static bool all_excused(const struct root *root, struct evidence *e, const struct choices *choices,
			bool (*kind)(const struct group *))
{
	struct groups *groups = &e->groups;
	bool all = true;

	for (size_t i = 0; i < groups->count && !e->missing[0]; i++) {
		struct group *g = &groups->list[i];
		const char *why = NULL;

		if (!kind(g))
			continue;
		int r = excuse_find(root, e, choices, g, &why);
		if (r < 0)
			missing_device(e, g, r);
		if (r > 0)
			g->excuse = why;
		all = all && (r > 0 || g->gone);
	}
	return all;
}

static void tolerate(struct groups *groups, bool (*kind)(const struct group *))
{
	for (size_t i = 0; i < groups->count; i++)
		if (kind(&groups->list[i]))
			groups->list[i].tolerated = groups->list[i].excuse != NULL;
}

static void count(struct evidence *e)
{
	struct counts *c = &e->count;

	*c = (struct counts){ 0 };
	for (size_t i = 0; i < e->groups.count; i++) {
		const struct group *g = &e->groups.list[i];
		if (g->gone)
			continue;
		if (g->tolerated)
			c->outliers++;
		else
			c->of[g->type]++;
		c->noiommu += g->noiommu;
		c->untyped += g->untyped || g->noiommu;
	}
	c->translated = c->of[DOMAIN_DMA] + c->of[DOMAIN_DMA_FQ];
	c->identity = c->of[DOMAIN_IDENTITY];
}

/* Some groups are identity, some translated: which of the two is the machine's mode, and which are outliers? */
static enum mode settle(const struct root *root, struct evidence *e)
{
	struct choices choices;

	choices_read(root, e, &choices);
	groups_sort(&e->groups);
	bool pt = all_excused(root, e, &choices, is_translated);
	bool strict = all_excused(root, e, &choices, is_identity);

	/* What is in identity against the kernel's choice makes no mode. */
	for (size_t i = 0; i < e->groups.count; i++)
		pt = pt && !e->groups.list[i].contrary;
	/* Where either could be the rule, nothing tells which. */
	if (strict && !pt)
		tolerate(&e->groups, is_identity);
	if (pt && !strict)
		tolerate(&e->groups, is_translated);
	count(e);
	if (e->missing[0])
		return MODE_UNKNOWN;
	/* A group that was unplugged meanwhile counts no more. */
	if (e->count.identity && e->count.translated)
		return MODE_MIXED;
	if (e->count.identity + e->count.translated == 0)
		evidence_missing(e, "the IOMMU groups changed while they were read");
	return e->count.translated ? MODE_STRICT : e->count.identity ? MODE_PT : MODE_UNKNOWN;
}

static enum mode off_mode(struct evidence *e)
{
	const struct param_state *noiommu = &e->params.state[PARAM_NOIOMMU];

	/* Set to N, it is off whether the kernel has it or not. */
	if (noiommu->source == SOURCE_UNKNOWN && noiommu->value == 1) {
		evidence_missing(
			e, "vfio.enable_unsafe_noiommu_mode: set, but whether this kernel's vfio has it can't be told");
		return MODE_UNKNOWN;
	}
	return noiommu->value == 1 ? MODE_OFF_FOR_VFIO : MODE_OFF_FOR_UIO;
}

static enum mode find_mode(const struct root *root, struct evidence *e)
{
	const struct counts *c = &e->count;

	for (int i = 0; i < PARAMS; i++)
		if (e->params.state[i].source == SOURCE_LIVE && e->params.state[i].value < 0 &&
		    (i == PARAM_NOIOMMU || e->nunits))
			evidence_missing(e, "/sys/module/%s/parameters/%s: not readable", param_module((enum param)i),
					 param_name((enum param)i));
	if (e->missing[0])
		return MODE_UNKNOWN;
	if (e->nunits == 0 && c->identity + c->translated + c->of[DOMAIN_OTHER] == c->untyped)
		return off_mode(e);
	if (e->nunits == 0) {
		evidence_missing(e, GROUPS_PATH " has groups, but /sys/class/iommu has no unit");
		return MODE_UNKNOWN;
	}
	if (c->identity + c->translated == 0) {
		evidence_missing(e, "/sys/class/iommu has units, but no group has a usable type");
		return MODE_UNKNOWN;
	}
	if (c->identity && c->translated)
		return settle(root, e);
	return c->translated ? MODE_STRICT : MODE_PT;
}

static enum flush find_flush(const struct evidence *e)
{
	if (e->effective == MODE_UNKNOWN)
		return FLUSH_UNKNOWN;
	if (e->count.of[DOMAIN_DMA_FQ])
		return FLUSH_LAZY;
	if (e->count.of[DOMAIN_DMA] == 0)
		return FLUSH_NONE;
	/* Before 5.15 "DMA" meant both. */
	return e->kernel && e->kernel < KERNEL(5, 15) ? FLUSH_UNKNOWN : FLUSH_SYNC;
}

void classify(const struct root *root, struct evidence *e)
{
	count(e);
	e->effective = find_mode(root, e);
	e->flush = find_flush(e);
}
