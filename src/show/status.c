/* The machine in one line; see status.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "show/other-kernel.h"

/* What each policy does, for the line and for its warnings. */
static const struct {
	const char *does, *will, *would;
} policies[] = {
	[POLICY_WARN] = { "warns on mismatch", "", "" },
	[POLICY_HALT] = { "halts on mismatch", "HALT", "halt" },
	[POLICY_POWEROFF] = { "powers off on mismatch", "POWER OFF", "power off" },
	[POLICY_REBOOT] = { "reboots on mismatch", "REBOOT", "reboot" },
};

static __attribute__((format(printf, 3, 4))) void add(char *buf, size_t size, const char *format, ...)
{
	size_t len = strlen(buf);
	va_list args;

	va_start(args, format);
	vsnprintf(buf + len, size - len, format, args);
	va_end(args);
}

/* Adds one more thing that is wrong. */
#define SAY(status, ...) \
	(add((status)->what, sizeof((status)->what), "%s", (status)->what[0] ? ", " : ""), \
	 add((status)->what, sizeof((status)->what), __VA_ARGS__))

/* The first thing to do stays: the worst is looked at first. */
static __attribute__((format(printf, 2, 3))) void todo(struct status *t, const char *format, ...)
{
	va_list args;

	if (t->todo[0])
		return;
	va_start(args, format);
	vsnprintf(t->todo, sizeof(t->todo), format, args);
	va_end(args);
}

static bool has_target(const struct survey *s)
{
	return s->facts->target_status == 0;
}

/* --- What the next boot will be ----------------------------------------------------------------------------------- */

/* Whether its entries should have been read, and were not. A tree need not have a boot loader. */
static bool next_unread(const struct survey *s)
{
	return s->root->live && !s->needs_root && !s->next.foreseen;
}

/* Without root images can't be read: what is known then is what the lines and the machine say. */
static bool next_unknown(const struct survey *s)
{
	return next_unread(s) || (s->next.unknown > 0 && !s->needs_root);
}

static bool next_wrong(const struct survey *s)
{
	return s->next.mismatching > 0 || s->next.stopping > 0;
}

/* Whether nothing but the firmware, or whoever makes the virtual machine, can mend it. */
static bool firmware_off(const struct survey *s)
{
	const struct evidence *e = &s->facts->evidence;

	return s->root->live && has_target(s) && !mode_is_off(s->facts->target.mode) && !e->table && e->nunits == 0;
}

static void mend(const struct survey *s, struct status *t)
{
	if (s->next.change_open && !s->next.change_waits)
		todo(t, "run iommu-install resume");
	else if (firmware_off(s) && !s->next.unchecked)
		todo(t, "%s, or run iommu-install off-for-uio", s->facts->evidence.platform.hypervisor ?
		     "give it one" : "switch VT-d or AMD-Vi on in the firmware's setup");
	else
		todo(t, "run iommu-install %s", has_target(s) ? mode_name(s->facts->target.mode) : "MODE");
}

static void say_next(const struct survey *s, struct status *t)
{
	const struct outlook *o = &s->next;

	if (o->default_stops)
		SAY(t, "NEXT BOOT %s %s", o->mismatching ? "WILL" : "MAY", policies[o->stop].will);
	else if (o->stopping)
		SAY(t, "%u of %u boot entries would %s", o->stopping, o->counted, policies[o->stop].would);
	else if (o->mismatching && o->unchecked)
		SAY(t, "NEXT BOOT IS NOT CHECKED");
	else if (o->mismatching && o->mismatching == o->counted)
		SAY(t, "the next boot would not match");
	else if (o->mismatching)
		SAY(t, "%u of %u boot entries would not match", o->mismatching, o->counted);
	else
		return;
	if (firmware_off(s) && !o->unchecked)
		SAY(t, "%s", s->facts->evidence.platform.hypervisor ? "this virtual machine has no IOMMU" :
								      "the firmware offers no IOMMU");
	mend(s, t);
}

/* --- What it is now ----------------------------------------------------------------------------------------------- */

/* Whether a boot by what is configured mends it. */
static bool reboot_mends(const struct survey *s, enum reason reason)
{
	return s->next.foreseen && s->next.reboot_safe &&
	       (reason == TOKEN_MISSING || reason == TOKEN_INVALID || reason == TOKEN_OVERRIDDEN ||
		reason == EARLY_CHECK_MISSING);
}

/* A change that waits for its reboot is judged by the next boot alone. */
static bool wrong_now(const struct survey *s)
{
	return s->judgement.verdict == VERDICT_MISMATCH && !s->facts->pending;
}

static void say_now(const struct survey *s, struct status *t)
{
	const struct findings *reasons = &s->judgement.reasons;
	const struct finding *first = reasons->count ? &reasons->list[0] : NULL;

	if (s->facts->target_status != 0 || !first)
		return;
	if (s->judgement.verdict == VERDICT_UNKNOWN)
		SAY(t, "it can't be told whether that is right (%s)", reason_code(first->reason));
	else if (wrong_now(s))
		SAY(t, "wrong now (%s)", reason_code(first->reason));
	if (wrong_now(s) && s->last.kernel[0])
		SAY(t, "right by the same parameters under kernel %s, this is %s", s->last.kernel,
		    s->last.here);
}

static void mend_now(const struct survey *s, struct status *t)
{
	const struct findings *reasons = &s->judgement.reasons;
	bool wrong = wrong_now(s) || s->judgement.verdict == VERDICT_UNKNOWN;

	if (!wrong || !reasons->count)
		return;
	if (reboot_mends(s, reasons->list[0].reason))
		todo(t, "reboot");
	else
		todo(t, "%s", reasons->list[0].hint);
}

/* --- All of it ---------------------------------------------------------------------------------------------------- */

/* What is known to be wrong ranks before what is not known. */
static enum verdict overall(const struct survey *s)
{
	enum verdict now = s->judgement.verdict;

	if (now == VERDICT_MISMATCH || s->next.mismatching)
		return VERDICT_MISMATCH;
	if (s->facts->target_status == -EINVAL || now == VERDICT_UNKNOWN || next_unknown(s))
		return VERDICT_UNKNOWN;
	return s->next.change_open && now != VERDICT_NO_TARGET ? VERDICT_PENDING : now;
}

static int code_of(const struct survey *s, enum verdict verdict)
{
	static const int codes[] = {
		[VERDICT_MATCH] = EXIT_MATCH,	    [VERDICT_MISMATCH] = EXIT_MISMATCH,
		[VERDICT_UNKNOWN] = EXIT_UNKNOWN,   [VERDICT_NO_TARGET] = EXIT_NO_TARGET,
		[VERDICT_PENDING] = EXIT_PENDING,
	};

	return verdict == VERDICT_UNKNOWN && s->facts->target_status == -EINVAL ? EXIT_INVALID : codes[verdict];
}

static void say_rest(const struct survey *s, struct status *t)
{
	const struct findings *reasons = &s->judgement.reasons;

	if (s->facts->target_status == -EINVAL) {
		SAY(t, "%s", reasons->count ? reasons->list[0].message : "the target is invalid");
		todo(t, "mend it, or run iommu-install MODE");
	}
	if (s->next.change_open) {
		SAY(t, s->next.change_waits ? "a change waits for the next boot" : "a change is not finished");
		todo(t, s->next.change_waits ? "reboot" : "run iommu-install resume");
	} else if (s->judgement.verdict == VERDICT_PENDING) {
		SAY(t, "pending");
		if (!s->needs_root)
			todo(t, "reboot");
	}
	mend_now(s, t);
	if (next_unread(s) && s->container) {
		SAY(t, "this is a container");
		todo(t, "ask its host about the next boot");
	} else if (next_unread(s)) {
		SAY(t, "the next boot can't be told (%s)",
		    s->loader ? "its entries can't be read" : "no boot loader that is known here");
		todo(t, "run iommu-install check");
	} else if (next_unknown(s) && !s->next.stopping) {
		SAY(t, "the next boot can't be told (%s)", s->next.why);
		todo(t, "run iommu-install check");
	}
	if (s->facts->target_status == -ENOENT && !t->what[0]) {
		SAY(t, "nothing is checked");
		todo(t, "set a mode with iommu-install MODE");
	}
}

static void next_words(const struct survey *s, char *buf, size_t size)
{
	if (s->needs_root)
		snprintf(buf, size, "next boot: needs root");
	else if (s->next_boot == MODE_MIXED)
		snprintf(buf, size, "different modes at next boot");
	else if (s->next_boot == MODE_DEFAULT)
		snprintf(buf, size, "the kernel's default at next boot");
	else
		snprintf(buf, size, "%s at next boot", mode_name(s->next_boot));
}

void status_take(const struct survey *s, struct status *t)
{
	const struct facts *f = s->facts;
	char next[64];

	*t = (struct status){ .next_wrong = next_wrong(s) || next_unknown(s), .would_stop = s->next.stopping > 0 };
	t->verdict = overall(s);
	t->code = code_of(s, t->verdict);
	say_now(s, t);
	say_next(s, t);
	say_rest(s, t);
	next_words(s, next, sizeof(next));
	snprintf(t->line, sizeof(t->line), "%s now, %s, %s: %s%s%s", mode_name(f->evidence.effective), next,
		 has_target(s)                    ? policies[f->target.on_mismatch].does
		 : f->target_status == -ENOENT ? "no target"
						  : "invalid target",
		 t->what[0] ? t->what : "ok", t->todo[0] ? ": " : "", t->todo);
}

static void word(const char *key, const char *text)
{
	printf("\"%s\": ", key);
	if (text)
		json_string(stdout, text);
	else
		fputs("null", stdout);
}

static const char *truth(bool b)
{
	return b ? "true" : "false";
}

void status_json(const struct survey *s, const struct status *t)
{
	const struct facts *f = s->facts;

	word("line", t->line);
	printf(", \"exit\": %d, \"verdict\": \"%s\",\n  \"now\": \"%s\", ", t->code, verdict_name(t->verdict),
	       mode_name(f->evidence.effective));
	bool differ = s->next_boot == MODE_UNKNOWN || s->next_boot == MODE_MIXED;
	word("next_boot", differ ? NULL : mode_name(s->next_boot));
	printf(", \"needs_root\": %s, ", truth(s->needs_root));
	word("wanted", has_target(s) ? mode_name(f->target.mode) : NULL);
	fputs(", ", stdout);
	word("on_mismatch", has_target(s) ? policy_name(f->target.on_mismatch) : NULL);
	printf(", \"would_stop\": %s, \"change_open\": %s,\n  ", truth(t->would_stop), truth(s->next.change_open));
	word("seen", t->what[0] ? t->what : NULL);
	fputs(", ", stdout);
	word("hint", t->todo[0] ? t->todo : NULL);
	fputs(", ", stdout);
	other_kernel_json(s->root, &s->last);
}
