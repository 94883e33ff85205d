/* What a command works on; see machine.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "command/machine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/startup.h"
#include "bootloader/choose.h"
#include "change/interrupt.h"
#include "change/lock.h"
#include "change/matched.h"
#include "change/steps.h"
#include "change/written.h"
#include "command/resume.h"
#include "nextboot/placement.h"
#include "show/change-report.h"
#include "system/chroot.h"
#include "system/message.h"

static struct facts facts; /* too large for a careful stack */

void machine_say(const struct request *q, const char *format, ...)
{
	va_list args;

	if (q->quiet)
		return;
	va_start(args, format);
	vfprintf(progress(), format, args);
	va_end(args);
}

static int enter(const struct request *q, struct machine *m)
{
	*m = (struct machine){ .root.fd = -1, .live = strcmp(q->root, "/") == 0, .loader = true };
	if ((!q->dry_run || !m->live) && geteuid() != 0)
		return fail(m->live && !q->dry_run ? "needs root" : "--root: needs root");
	backend_environment();
	if (!m->live && chroot_enter(q->root, &m->loader) < 0)
		return EXIT_INVALID;
	int r = root_init(&m->root, "/");
	if (r < 0)
		return fail("/: %s", strerror(-r));
	if (q->dry_run && geteuid() == 0 && lock_look() < 0)
		return EXIT_INVALID;
	if (!q->dry_run) {
		r = startup_room();
		if (r < 0)
			return fail("too few files can be opened: %d are needed (%s); run: ulimit -n "
				    "1024", FILES_NEEDED,
				    strerror(-r));
		if (lock_all() < 0)
			return EXIT_INVALID;
		interrupt_listen();
	}
	if (m->live) {
		facts_collect(&m->root, NULL, PHASE_LATE, &facts);
		evidence_read_units(&m->root, &facts.evidence);
		m->now = &facts;
	}
	return 0;
}

static void leave(struct machine *m)
{
	if (m->now)
		facts_free(&facts);
	root_close(&m->root);
}

/* What has come of it, by the exit code. */
static enum result result_of(const struct request *q, int code, const struct outcome *outcome)
{
	if (code == 0)
		return outcome->changed ? RESULT_DONE : RESULT_UNCHANGED;
	if (code == EXIT_REFUSED)
		return RESULT_REFUSED;
	if (code == EXIT_UNKNOWN && q->dry_run)
		return RESULT_UNKNOWN;
	return !q->dry_run && resume_is_open() ? RESULT_INTERRUPTED : RESULT_FAILED;
}

int machine_run(const struct request *q, int (*command)(const struct request *q, const struct machine *m))
{
	struct outcome outcome = { 0 };
	struct error error;
	struct machine m;

	if (q->json)
		progress_to(stderr);
	int code = enter(q, &m);
	m.outcome = &outcome;
	if (code == 0) {
		outcome.had_target = target_read(&m.root, TARGET_PATH, &outcome.before, &error) == 0;
		code = command(q, &m);
	}
	if ((code == 0 || (code == EXIT_UNKNOWN && q->dry_run)) && !q->emit)
		change_warnings(q, &outcome);
	if (q->json && !q->emit)
		change_json(q, &outcome, result_of(q, code, &outcome));
	if (code == 0 && !q->dry_run && m.now)
		matched_note(m.now);
	outcome_free(&outcome);
	leave(&m);
	return code;
}

int machine_preview(const struct request *q, const struct machine *m)
{
	if (!q->json && !q->quiet)
		change_text(q, m->outcome);
	return geteuid() == 0 ? 0 : EXIT_UNKNOWN;
}

void machine_set_boot_id(const struct machine *m, struct journal *j)
{
	snprintf(j->boot_id, sizeof(j->boot_id), "%s", m->now ? m->now->evidence.boot_id : "");
}

int machine_change(const struct request *q, const struct machine *m, struct transaction *t)
{
	struct journal *j = &t->journal;

	t->now = m->now;
	t->loader = !t->gone && (m->loader || !t->backend->needs_block_device);
	t->verbose = q->verbose;
	t->quiet = q->quiet;
	t->dry_run = q->dry_run;
	snprintf(j->backend, sizeof(j->backend), "%s", t->backend->name);
	snprintf(j->generator, sizeof(j->generator), "%s", t->generator ? t->generator->name : "none");
	machine_set_boot_id(m, j);
	int r = kernels_list(&t->kernels);
	if (r == 0)
		r = kernels_place(snapshot_of(t->snapshot, t->backend), &t->edits, &t->kernels);
	if (r < 0)
		return fail("/boot: %s", strerror(-r));
	int code = written_check(&(struct written){ .edits = &t->edits, .kernels = t->generator ? &t->kernels : NULL,
						    .backend = t->loader ? t->backend : NULL });
	if (code == 0 && outcome_take(t, q->json || q->dry_run, m->outcome) < 0)
		code = EXIT_INVALID;
	if (code || q->dry_run)
		return code ? code : machine_preview(q, m);
	code = transaction_run(t);
	if (code == 0 && (q->json || (m->outcome->has_target && m->outcome->after.on_mismatch != POLICY_WARN)))
		outcome_read_back(t, m->outcome);
	return code;
}
