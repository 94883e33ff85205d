/* What is well and what is not; see checks.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/checks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "evidence/demands.h"
#include "evidence/platform.h"
#include "show/colour.h"
#include "verdict/report.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static __attribute__((format(printf, 4, 5))) bool say(struct check *h, enum result result, const char *hint,
						      const char *format, ...)
{
	va_list args;

	h->result = result;
	snprintf(h->hint, sizeof(h->hint), "%s", hint);
	va_start(args, format);
	vsnprintf(h->seen, sizeof(h->seen), format, args);
	va_end(args);
	return true;
}

static bool has_target(const struct survey *s)
{
	return s->facts->target_status == 0;
}

/* --- One thing each: false if there is nothing to say about it ---------------------------------------------------- */

static bool firmware(const struct survey *s, struct check *h)
{
	const struct evidence *e = &s->facts->evidence;
	const struct platform *p = &e->platform;

	if (p->dmar || p->ivrs)
		return say(h, RESULT_PASS, "", "offers an IOMMU (%s table)", p->dmar ? "DMAR" : "IVRS");
	if (e->nunits)
		return say(h, RESULT_PASS, "", "no DMAR or IVRS table, but an IOMMU all the same%s",
			   p->viot ? " (VIOT table)" : "");
	if (!p->tables)
		return say(h, RESULT_WARN, "look on the host, outside of a container", "its tables can't be seen here");
	if (has_target(s) && mode_is_off(s->facts->target.mode))
		return say(h, RESULT_PASS, "", "offers no IOMMU (no DMAR or IVRS table), and none is wanted");
	return say(h, has_target(s) ? RESULT_FAIL : RESULT_WARN, reason_hint(p->hypervisor ? NO_VIOMMU : FIRMWARE_OFF),
		   "%s no IOMMU (no DMAR or IVRS table)", p->hypervisor ? "this virtual machine has" : "offers");
}

static bool running_mode(const struct survey *s, struct check *h)
{
	const struct facts *f = s->facts;
	const char *wanted = mode_name(f->target.mode), *found = mode_name(f->evidence.effective);

	switch (s->judgement.verdict) {
	case VERDICT_MATCH:
		return say(h, RESULT_PASS, "",
			   s->judgement.transitional ? "%s, accepted until the change to %s is finished"
						     : "%s, as wanted",
			   found, wanted);
	case VERDICT_PENDING:
		return say(h, RESULT_WARN, "reboot", "%s; the change to %s waits for the reboot", found, wanted);
	case VERDICT_MISMATCH:
		return say(h, RESULT_FAIL, "see the reason below", f->evidence.effective == f->target.mode ?
			   "%s, but not all that goes with it is as wanted" : "%s, wanted is %s", found, wanted);
	case VERDICT_NO_TARGET:
		return say(h, RESULT_WARN, "set one with 'iommu-install MODE'",
			   "%s; no mode is wanted, so nothing is checked at boot", found);
	case VERDICT_UNKNOWN:
		break;
	}
	return say(h, f->target_status < 0 ? RESULT_FAIL : RESULT_WARN, "see the reason below", f->target_status < 0 ?
		   "the target file is not valid" : "the mode can't be told");
}

static bool early_check(const struct survey *s, struct check *h)
{
	const struct facts *f = s->facts;

	if (f->early_read)
		return say(h,
			   f->early.verdict == VERDICT_MATCH      ? RESULT_PASS
			   : f->early.verdict == VERDICT_MISMATCH ? RESULT_FAIL
								  : RESULT_WARN,
			   "", "ran in this boot: %s", verdict_name(f->early.verdict));
	if (!f->early_missing || !has_target(s))
		return false;
	return say(h, RESULT_FAIL, reason_hint(EARLY_CHECK_MISSING), "did not run in this boot");
}

static bool interrupts(const struct survey *s, struct check *h)
{
	enum result bad = has_target(s) && s->facts->target.remapped ? RESULT_FAIL : RESULT_WARN;

	if (s->facts->evidence.nunits == 0)
		return false;
	switch (interrupts_remapped(s->root)) {
	case PRESENCE_YES:
		return say(h, RESULT_PASS, "", "are remapped");
	case PRESENCE_NO:
		return say(h, bad, reason_hint(INTERRUPTS_NOT_REMAPPED),
			   "are not remapped: vfio hands out no device unless unsafe interrupts are allowed");
	case PRESENCE_UNKNOWN:
		break;
	}
	return bad == RESULT_FAIL &&
	       say(h, bad, "", "whether they are remapped can't be told: no chip_name in /sys/kernel/irq");
}

/* Nothing of the device: its address is in the verdict, where it is demanded, and with --verbose. */
static bool exposed(const struct survey *s, struct check *h)
{
	const struct evidence *e = &s->facts->evidence;
	enum result bad = has_target(s) && s->facts->target.translated ? RESULT_FAIL : RESULT_WARN;
	char device[32];

	if (e->nunits == 0)
		return false;
	switch (exposed_find(s->root, e->kernel, device)) {
	case PRESENCE_NO:
		return say(h, RESULT_PASS, "", "no removable device is in an identity group");
	case PRESENCE_YES:
		return say(h, bad, reason_hint(EXPOSED_DEVICE), "a removable device is in an identity group");
	case PRESENCE_UNKNOWN:
		break;
	}
	return bad == RESULT_FAIL && say(h, bad, "", e->kernel < KERNEL_REMOVABLE ?
		   "this kernel does not show which devices are removable (5.14 and later do)" :
		   "which devices are removable can't be read");
}

static bool next_boot(const struct survey *s, struct check *h)
{
	const char *wanted = mode_name(s->facts->target.mode);
	char hint[80];

	if (!has_target(s))
		return false;
	snprintf(hint, sizeof(hint), "run 'iommu-install %s'", wanted);
	if (s->next_boot == s->facts->target.mode && s->next.foreseen && !s->next.reboot_safe)
		return say(h, RESULT_FAIL, hint, s->next.unchecked ?
			   "every entry asks for %s, but the image of %u holds no check" :
			   "every entry asks for %s, but %u would not pass: 'iommu-install check' says why",
			   wanted, s->next.unchecked ? s->next.unchecked : s->next.mismatching + s->next.unknown);
	if (s->next_boot == s->facts->target.mode)
		return say(h, RESULT_PASS, "", "every entry asks for %s", wanted);
	if (s->next_boot == MODE_MIXED)
		return say(h, RESULT_FAIL, hint, "entries ask for different modes; 'iommu-install check' lists them");
	if (s->next_boot == MODE_DEFAULT)
		return say(h, RESULT_FAIL, hint, "no entry asks for any mode");
	if (s->next_boot != MODE_UNKNOWN)
		return say(h, RESULT_FAIL, hint, "entries ask for %s", mode_name(s->next_boot));
	if (s->needs_root)
		return say(h, RESULT_WARN, "run it as root", "only root can read the boot loader's entries");
	/* A tree need not have a boot loader. */
	return s->root->live &&
	       say(h, RESULT_WARN, "'iommu-install check' says why", "the boot loader's entries can't be read");
}

/* --- All of it ---------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	bool (*look)(const struct survey *s, struct check *h);
} looks[CHECKS_MAX] = {
	{ "firmware", firmware }, { "mode", running_mode },   { "early-check", early_check },
	{ "interrupts", interrupts }, { "exposed", exposed }, { "next-boot", next_boot },
};

static const struct {
	const char *name;
	enum colour colour;
} results[] = {
	[RESULT_PASS] = { "pass", COLOUR_GOOD },
	[RESULT_WARN] = { "warn", COLOUR_WARN },
	[RESULT_FAIL] = { "fail", COLOUR_BAD },
};

size_t checks_take(const struct survey *s, struct check list[CHECKS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < LENGTH(looks); i++) {
		list[count].name = looks[i].name;
		count += looks[i].look(s, &list[count]);
	}
	return count;
}

void checks_print(const struct survey *s)
{
	struct check list[CHECKS_MAX];
	size_t count = checks_take(s, list);

	for (size_t i = 0; i < count; i++) {
		const struct check *h = &list[i];
		printf("%-11s %s%s%s  %-11s  %s\n", i ? "" : "checks:", colour(results[h->result].colour),
		       results[h->result].name, colour(COLOUR_NONE), h->name, h->seen);
		if (h->hint[0])
			printf("%-11s       -> %s\n", "", h->hint);
	}
}

void checks_json(const struct survey *s)
{
	struct check list[CHECKS_MAX];
	size_t count = checks_take(s, list);

	fputs("\"checks\": [", stdout);
	for (size_t i = 0; i < count; i++) {
		printf("%s{\"name\": \"%s\", \"result\": \"%s\", \"seen\": ", i ? ",\n   " : "", list[i].name,
		       results[list[i].result].name);
		json_string(stdout, list[i].seen);
		fputs(", \"hint\": ", stdout);
		json_string(stdout, list[i].hint);
		fputc('}', stdout);
	}
	fputc(']', stdout);
}
