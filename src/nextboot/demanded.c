/* What a target demands beside the mode; see demanded.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "nextboot/demanded.h"

#include <stdio.h>
#include <string.h>

#include "evidence/module-params.h"

#define BIT(n) (1u << (n))
#define ON (BIT(MODE_STRICT) | BIT(MODE_PT))

enum { SAYS_NOTHING = 1, SAYS_YES = 2, SAYS_NO = 4 };

struct reading {
	unsigned says[DEMANDS];
	bool sync; /* by a vendor's own word, which is read after all iommu.strict= */
};

static void note(void *context, const struct mention *m)
{
	struct reading *r = context;
	enum demand safe = strncmp(m->word, "iommufd", strlen("iommufd")) == 0 ? DEMAND_SAFE_IOMMUFD :
										 DEMAND_SAFE_TYPE1;

	switch (m->effect) {
	case EFFECT_NOIOMMU: r->says[DEMAND_NO_NOIOMMU] = SAYS_NO; break;
	case EFFECT_NO_NOIOMMU: r->says[DEMAND_NO_NOIOMMU] = SAYS_YES; break;
	case EFFECT_UNSAFE: r->says[safe] = SAYS_NO; break;
	case EFFECT_NOT_UNSAFE: r->says[safe] = SAYS_YES; break;
	case EFFECT_REMAP: r->says[DEMAND_REMAPPED] = SAYS_YES; break;
	case EFFECT_NO_REMAP: r->says[DEMAND_REMAPPED] = SAYS_NO; break;
	case EFFECT_LAZY: r->says[DEMAND_FLUSH] = SAYS_NO; break;
	case EFFECT_SYNC:
		r->says[DEMAND_FLUSH] = SAYS_YES;
		r->sync = r->sync || strncmp(m->word, "iommu.", strlen("iommu.")) != 0;
		break;
	default: break;
	}
}

void said_by_line(struct sayings *said, const char *line, enum vendor vendor, unsigned kernel)
{
	struct reading r = { 0 };

	cmdline_walk(line, vendor, kernel, note, &r);
	if (r.sync)
		r.says[DEMAND_FLUSH] = SAYS_YES;
	for (size_t i = 0; i < DEMANDS; i++)
		said->of[i] |= r.says[i] ? r.says[i] : SAYS_NOTHING;
}

/* What each is met by; 0: this target does not demand it. */
static unsigned met_by(enum demand demand, const struct target *t, unsigned modes)
{
	if (demand == DEMAND_NO_NOIOMMU)
		return modes & BIT(MODE_OFF_FOR_VFIO) ? 0 : SAYS_YES | SAYS_NOTHING;
	if (!(modes & ON))
		return 0;
	switch (demand) {
	case DEMAND_SAFE_TYPE1:
	case DEMAND_SAFE_IOMMUFD: return t->allow_unsafe_interrupts ? 0 : SAYS_YES | SAYS_NOTHING;
	case DEMAND_REMAPPED: return t->remapped ? SAYS_YES | SAYS_NOTHING : 0;
	case DEMAND_FLUSH:
		if (modes != BIT(MODE_STRICT) || t->flush == FLUSH_ANY) /* in passthrough nothing is flushed */
			return 0;
		return t->flush == FLUSH_SYNC ? SAYS_YES : SAYS_NO;
	default: return 0;
	}
}

#define UNSAFE "its kernel parameters allow unsafe interrupts, and its target does not"

/* The first ones are those of the module parameters, in their order. */
static const struct {
	const char *wrong, *mend;
} texts[] = {
	[DEMAND_NO_NOIOMMU] = { "its kernel parameters switch vfio's noiommu mode on", NULL },
	[DEMAND_SAFE_TYPE1] = { UNSAFE, NULL },
	[DEMAND_SAFE_IOMMUFD] = { UNSAFE, NULL },
	[DEMAND_REMAPPED] = { "its kernel parameters switch off interrupt remapping, which its target demands",
			      "take intremap=off or nointremap out" },
	[DEMAND_FLUSH] = { "its kernel parameters set another flush policy than its target demands", NULL },
};

/* modprobe.d sets a parameter to Y that the target wants to be N. */
static void by_modprobe(enum param param, const char *where, const char **why, const char **mend)
{
	static char text[PARAMS][800];

	snprintf(text[param], sizeof(text[param]), "%s sets %s of %s, which its target excludes",
		 where[0] ? where : "a modprobe.d line that its initramfs holds", param_name(param),
		 param_module(param));
	*why = text[param];
	*mend = where[0] ? "put a # before that line" : NULL;
}

static const char by_default[] = "its kernel parameters leave the flush policy to the kernel's default";
static const char differs[] = "a variable of GRUB on its command line, which could break what its target demands, "
			      "can't be told";

enum verdict demanded(const struct sayings *said, const struct configured *modprobe, const struct target *target,
		      unsigned modes, const char **why, const char **mend)
{
	*why = *mend = NULL;
	for (int i = 0; i < DEMANDS; i++) {
		unsigned met = met_by((enum demand)i, target, modes), says = said->of[i];
		bool set = i < PARAMS && (modprobe->system->yes[i][0] || (modprobe->image & BIT(i)));

		if (i < PARAMS && (modprobe->absent & BIT(i))) /* then nothing sets it */
			continue;

		if (met && says == SAYS_NOTHING && set) {
			by_modprobe((enum param)i, modprobe->system->yes[i], why, mend);
			return VERDICT_MISMATCH;
		}
		if (met && says && !(says & (met | SAYS_NOTHING))) {
			*why = texts[i].wrong;
			*mend = texts[i].mend;
			return VERDICT_MISMATCH;
		}
		/* One that is surely wrong may still come. */
		if (met && ((says & ~met) || ((says & SAYS_NOTHING) && set)) && !*why)
			*why = says == SAYS_NOTHING ? by_default : differs;
	}
	return *why ? VERDICT_UNKNOWN : VERDICT_MATCH;
}
