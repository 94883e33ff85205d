/* What a person who stands before a machine that stops is told; see stop-message.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "helper/stop-message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/cmdline-advice.h"
#include "model/reason.h"

#define MANUAL "Manual: iommu-verify(8), \"A machine that stops at boot\""

/* An option for a machine that can't have the mode. */
static const char warn[] = " --on-mismatch=warn";

/* What brings a machine back that is stopped for a reason. */
enum remedy {
	REMEDY_OTHER, /* no kernel parameter: another boot entry, or a live system */
	REMEDY_PARAMETERS,
	REMEDY_FIRMWARE,
	REMEDY_VM,
	REMEDY_TARGET,
	REMEDY_IMAGE, /* a rescue boot is not stopped, and makes the image anew */
};

static const enum remedy remedies[REASON_COUNT] = {
	[TARGET_MISSING] = REMEDY_TARGET,
	[TARGET_INVALID] = REMEDY_TARGET,
	[FIRMWARE_OFF] = REMEDY_FIRMWARE,
	[NO_VIOMMU] = REMEDY_VM,
	[TOKEN_MISSING] = REMEDY_PARAMETERS,
	[TOKEN_INVALID] = REMEDY_PARAMETERS,
	[TOKEN_OVERRIDDEN] = REMEDY_PARAMETERS,
	[NOIOMMU_ENABLED] = REMEDY_PARAMETERS,
	[NOIOMMU_DISABLED] = REMEDY_PARAMETERS,
	[UNSAFE_INTERRUPTS] = REMEDY_PARAMETERS,
	[FLUSH_MISMATCH] = REMEDY_PARAMETERS,
	[EARLY_CHECK_MISSING] = REMEDY_IMAGE,
};

/* How each policy is told, and how the machine comes to its boot menu after it. */
static const struct {
	const char *doing, *restart;
} stops[] = {
	[POLICY_WARN] = { "", "" },
	[POLICY_HALT] = { "halting", "reset it" },
	[POLICY_POWEROFF] = { "powering off", "switch it on" },
	[POLICY_REBOOT] = { "rebooting", "at restart" },
};

/* --- Lines -------------------------------------------------------------------------------------------------------- */

struct page {
	char *text;
	unsigned lines;
};

/* Adds len bytes of text as a line. What a console or a serial line could take for something else is not printed. */
static void put_line(struct page *page, const char *text, size_t len)
{
	char *to = page->text + strlen(page->text);

	if (page->lines++ == STOP_LINES)
		return;
	for (size_t i = 0; i < len && i < STOP_COLUMNS; i++)
		*to++ = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	*to++ = '\n';
	*to = '\0';
}

/* Adds text as up to that many lines, broken at blanks, the second one indented; "..." where it is cut. */
static void put_wrapped(struct page *page, const char *text, unsigned lines, unsigned indent)
{
	char line[STOP_COLUMNS + 1];
	unsigned from = 0;

	for (; lines > 0 && *text; lines--) {
		size_t room = STOP_COLUMNS - from, len = strlen(text);
		bool cut = false;

		if (len > room) {
			cut = lines == 1;
			len = room - (cut ? 4 : 0);
			size_t blank = len;
			while (blank > room / 2 && text[blank] != ' ')
				blank--;
			len = blank > room / 2 ? blank : len;
		}
		int n = snprintf(line, sizeof(line), "%*s%.*s%s", (int)from, "", (int)len, text, cut ? " ..." : "");
		put_line(page, line, (size_t)n);
		text += len + strspn(text + len, " ");
		from = indent;
	}
}

static __attribute__((format(printf, 2, 3))) void put(struct page *page, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put_wrapped(page, text, 1, 0);
}

/* --- What was found ----------------------------------------------------------------------------------------------- */

static const struct finding *reason_of(const struct judgement *j)
{
	static const struct finding none = { .reason = EVIDENCE_MISSING };

	/* One that takes more than parameters decides. */
	for (unsigned i = 0; i < j->reasons.count; i++)
		if (remedies[j->reasons.list[i].reason] != REMEDY_PARAMETERS)
			return &j->reasons.list[i];
	return j->reasons.count ? &j->reasons.list[0] : &none;
}

/* The program's name in front, as in the log, unless the sentence needs its room. */
static void put_reason(struct page *page, const struct finding *finding, unsigned lines)
{
	static const char name[] = "iommu-verify: ";
	char text[sizeof(name) + 300];

	size_t len = (size_t)snprintf(text, sizeof(text), "%s%s: %s", name, reason_code(finding->reason),
				      finding->message);
	bool plain = len > STOP_COLUMNS && (lines == 1 || len - strlen(name) <= STOP_COLUMNS);
	put_wrapped(page, text + (plain ? strlen(name) : 0), lines, 2);
}

void stop_doing(const struct decision *d, char text[STOP_COLUMNS + 1])
{
	const char *doing = stops[d->policy].doing, *policy = policy_name(d->policy);
	size_t size = STOP_COLUMNS + 1;

	if (d->orderly)
		snprintf(text, size, "%s in order: on-late-mismatch=same, on-mismatch=%s", doing, policy);
	else if (d->policy == POLICY_HALT)
		snprintf(text, size, "%s this machine: on-mismatch=%s", doing, policy);
	else
		snprintf(text, size, "%s this machine in %u seconds: on-mismatch=%s", doing, d->delay, policy);
}

/* --- The ways back ------------------------------------------------------------------------------------------------ */

/* The line that every way back begins with. once: "" or " once". */
static void put_start(struct page *page, const char *once, const char *restart, const char *then)
{
	put(page, "On purpose (/etc/iommu.target). To start it%s: %s, %s", once, restart, then);
}

static void put_live(struct page *page, const char *mode, const char *options)
{
	put(page, "    /mnt/usr/sbin/iommu-install --root /mnt %s%s", mode, options);
}

/* What starts without this line, this image, or this check. */
static void put_other(struct page *page, const char *restart, const char *mode, const char *options)
{
	put_start(page, "", restart, "take another entry");
	put(page, "of the boot menu (an older kernel, rescue); or in a live system, disk at /mnt:");
	put_live(page, mode, options);
}

/* Words that the mode's own do not say, for the reasons that there are. */
static void choose_besides(const struct facts *f, const struct judgement *j, const char *besides[6])
{
	unsigned count = 0;

	/* The kernel's own default may be the other one. */
	if (f->target.mode == MODE_STRICT && f->evidence.effective == MODE_PT)
		besides[count++] = "iommu=nopt";
	for (unsigned i = 0; i < j->reasons.count; i++) {
		enum reason reason = j->reasons.list[i].reason;

		/* modprobe.d may have said so too; the line comes after it. */
		if (reason == NOIOMMU_ENABLED)
			besides[count++] = "vfio.enable_unsafe_noiommu_mode=0";
		if (reason == FLUSH_MISMATCH)
			besides[count++] = f->target.flush == FLUSH_SYNC ? "iommu.strict=1" : "iommu.strict=0";
	}
	for (unsigned i = 0; i < j->reasons.count; i++) {
		if (j->reasons.list[i].reason != UNSAFE_INTERRUPTS)
			continue;
		if (f->evidence.params.state[PARAM_TYPE1].value == 1)
			besides[count++] = "vfio_iommu_type1.allow_unsafe_interrupts=0";
		if (f->evidence.params.state[PARAM_IOMMUFD].value == 1)
			besides[count++] = "iommufd.allow_unsafe_interrupts=0";
		break;
	}
	besides[count] = NULL;
}

/* The page of a boot menu's editor. Returns false if the line has nothing to change. */
static bool put_editor(struct page *page, const char *restart, enum way_back way, const char *mode,
		       const struct cmdline_advice *advice)
{
	static const char add[] = "press e, and add: ", take[] = "press e, and take out: ", also[] = "and take out: ";
	char list[sizeof(take) + sizeof(advice->add) + 8];
	static const char *const after[] = {
		[WAY_UNKNOWN] = "If locked: another entry, live system. Once up, run:",
		[WAY_MENU] = "GRUB: line 'linux', then Ctrl-X. Once it is up, run:",
		[WAY_LOCKED] = "Locked: password, other entry, live system. Once up:",
		[WAY_ENTRY] = "",
	};
	const char *more = advice->cut ? " ..." : "";
	unsigned first = page->lines;

	if (!advice->add[0] && !advice->take_out[0])
		return false;
	put_start(page, " once", restart, "in the boot menu");
	if (advice->add[0]) {
		snprintf(list, sizeof(list), "%s%s", add, advice->add);
		put_wrapped(page, list, 2, sizeof(add) - 1);
	}
	if (advice->take_out[0]) {
		snprintf(list, sizeof(list), "%s%s%s", advice->add[0] ? also : take, advice->take_out, more);
		put_wrapped(page, list, page->lines - first > 2 ? 1 : 2,
			    (advice->add[0] ? sizeof(also) : sizeof(take)) - 1);
	}
	if (page->lines - first > 3)
		return true;
	put(page, "%s iommu-install %s", after[way], mode);
	return true;
}

static void put_parameters(struct page *page, const struct facts *f, const struct judgement *j, const char *restart)
{
	const char *besides[6];
	const struct cmdline_wish wish = { f->target.mode, f->evidence.vendor, f->evidence.kernel, besides };
	const char *mode = mode_name(f->target.mode);
	struct cmdline_advice advice;

	choose_besides(f, j, besides);
	cmdline_advise(f->evidence.cmdline, &wish, &advice);
	if (f->image.way_back == WAY_ENTRY || !put_editor(page, restart, f->image.way_back, mode, &advice))
		put_other(page, restart, mode, "");
}

/* A line that is not the reason, by what is put there once: the policy softened, or a rescue boot. */
static void put_once(struct page *page, const struct facts *f, const char *restart, const char *word)
{
	struct cmdline_advice advice = { .add = "" };

	snprintf(advice.add, sizeof(advice.add), "%s", word);
	if (f->image.way_back == WAY_ENTRY)
		put_other(page, restart, mode_name(f->target.mode), "");
	else
		put_editor(page, restart, f->image.way_back, mode_name(f->target.mode), &advice);
}

static void put_hardware(struct page *page, const struct facts *f, const char *restart, enum remedy remedy)
{
	static const char *const names[] = {
		[VENDOR_UNKNOWN] = "VT-d (Intel), or AMD-Vi, also called IOMMU (AMD)",
		[VENDOR_INTEL] = "VT-d (Intel)",
		[VENDOR_AMD] = "AMD-Vi, also called IOMMU",
	};

	if (remedy == REMEDY_VM) {
		put_start(page, "", "power it off", "give it an IOMMU");
		put(page, "(QEMU: -device intel-iommu; libvirt: <iommu model='intel'/>), and start it.");
	} else {
		put_start(page, "", restart, "in the firmware's");
		put(page, "setup (F2, Del) switch on %s.", names[f->evidence.vendor]);
	}
	if (f->target.allow_override && f->image.way_back != WAY_ENTRY) {
		put(page, "Or once as it is: in the boot menu press e, and add: rd.iommu.verify=warn");
		return;
	}
	put(page, "Or as it is: from a live system, disk at /mnt:");
	put_live(page, mode_name(f->target.mode), warn);
}

static void put_target(struct page *page, const char *restart)
{
	put_other(page, restart, "MODE", "");
	if (page->lines + 1 < STOP_LINES)
		put(page, "(MODE: off-for-uio, off-for-vfio, strict or pt)");
}

static void put_unmendable(struct page *page, const struct facts *f, const struct finding *reason, const char *restart)
{
	bool once = f->target.allow_override && f->image.way_back != WAY_ENTRY;

	if (page->lines == 3)
		put(page, "What to do: %s", reason->hint);
	if (once)
		put_once(page, f, restart, "rd.iommu.verify=warn");
	else
		put_other(page, restart, mode_name(f->target.mode), warn);
}

static enum remedy remedy_of(const struct facts *f, enum reason reason)
{
	enum remedy remedy = remedies[reason];

	/* No table is seen because the line, or Xen, hides it. */
	if ((remedy == REMEDY_FIRMWARE || remedy == REMEDY_VM) && f->line.acpi_off)
		return REMEDY_PARAMETERS;
	if (remedy == REMEDY_FIRMWARE && f->evidence.platform.xen_dom0)
		return REMEDY_OTHER;
	return remedy;
}

void stop_message(const struct facts *f, const struct judgement *j, const struct decision *d,
		  char text[STOP_MESSAGE_MAX])
{
	struct page page = { text, 0 };
	const char *restart = stops[d->policy].restart;
	const struct finding *reason = reason_of(j);
	enum remedy remedy = remedy_of(f, reason->reason);
	const char *target = f->target_status == 0 ? mode_name(f->target.mode) :
			     f->target_status == -ENOENT ? "none" : "invalid";
	char doing[STOP_COLUMNS + 1];

	text[0] = '\0';
	put(&page, "iommu-verify: %s: target %s, effective %s", verdict_name(j->verdict), target,
	    mode_name(f->evidence.effective));
	put_reason(&page, reason, remedy == REMEDY_OTHER || remedy == REMEDY_TARGET ? 2 : 1);
	stop_doing(d, doing);
	put(&page, "iommu-verify: %s", doing);
	switch (remedy) {
	case REMEDY_OTHER: put_unmendable(&page, f, reason, restart); break;
	case REMEDY_PARAMETERS: put_parameters(&page, f, j, restart); break;
	case REMEDY_FIRMWARE:
	case REMEDY_VM: put_hardware(&page, f, restart, remedy); break;
	case REMEDY_TARGET: put_target(&page, restart); break;
	case REMEDY_IMAGE: put_once(&page, f, restart, "single"); break;
	}
	put(&page, MANUAL);
}
