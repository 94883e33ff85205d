/* Going on with a change; see resume.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "command/resume.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/paths.h"
#include "bootloader/backend.h"
#include "bootloader/choose.h"
#include "change/transaction.h"
#include "change/written.h"
#include "model/reason.h"
#include "nextboot/placement.h"
#include "system/message.h"
#include "verdict/verdict.h"

/* A transaction as the journal has it. Returns 0 or an exit code. */
static int reopen(const struct request *q, const struct machine *m, const struct journal *j, struct snapshot *snapshot,
		  struct transaction *t)
{
	const char *what;

	*t = (struct transaction){ .journal = *j, .snapshot = snapshot, .resumed = true, .now = m->now,
				   .verbose = q->verbose, .quiet = q->quiet };
	t->backend = backend_named(j->backend);
	int r = t->backend ? journal_edits(&t->edits) : -EINVAL;
	int code = r == 0 ? written_mounted(&t->edits) : 0;
	if (code)
		return code;
	if (r == 0)
		r = kernels_list(&t->kernels);
	if (r < 0)
		return fail("the journal of the last change: %s", strerror(-r));
	t->gone = strcmp(j->command, "remove") == 0 && !backend_is_here(t->backend, m->loader, snapshot);
	t->loader = !t->gone && (m->loader || !t->backend->needs_block_device);
	if (kernels_place(snapshot_of(snapshot, t->backend), &t->edits, &t->kernels) < 0)
		return fail("%s", strerror(ENOMEM));
	if (strcmp(j->generator, "none") == 0)
		return 0;
	t->generator = generator_find(j->generator, &what);
	if (t->generator)
		return 0;
	return fail("%s is missing, which builds the initramfs; install it, then 'iommu-install resume' finishes the "
		    "change to %s", what, j->command);
}

int resume_finish(const struct request *q, const struct machine *m, const struct journal *j)
{
	static struct snapshot snapshot; /* too large for a careful stack */
	struct transaction t;

	machine_say(q, "finishing the interrupted change to %s first\n", j->command);
	int code = reopen(q, m, j, &snapshot, &t);
	bool first = code == 0 && !m->outcome->backend; /* else it is told what is done before another change */
	if (first && outcome_take(&t, q->json, m->outcome) < 0)
		code = EXIT_INVALID;
	m->outcome->changed = true;
	if (code == 0)
		code = transaction_run(&t);
	if (code == 0 && first && q->json)
		outcome_read_back(&t, m->outcome);
	if (code == 0)
		machine_say(q, "the change to %s is finished\n", j->command);
	transaction_free(&t);
	snapshot_free(&snapshot);
	return code;
}

static const char *unreadable(int r)
{
	return r == -EINVAL ? "damaged" : r == -ENOTSUP ? "written by a newer iommu-install" : strerror(-r);
}

int resume_read_journal(bool way_out, struct journal *j, bool *open)
{
	int r = journal_read(j, open);

	if (r == 0)
		return 0;
	*j = (struct journal){ 0 };
	if (r == -ENOENT)
		return 0;
	if (r == -EACCES || r == -ENOMEM)
		return fail("the journal of the last change: %s", strerror(-r));
	if (*open && !way_out)
		return fail("the record of a change that was cut short (" STATE_DIR "/change/journal): %s; "
			    "left to do is 'iommu-install remove', or to set a mode with --on-mismatch=warn",
			    unreadable(r));
	fprintf(stderr, *open ? "iommu-install: the record of a change that was cut short: %s: it can neither be "
				"finished nor undone, and what it wrote stays as far as this command does not write it "
				"anew\n"
			      : "iommu-install: the record of the last change: %s: it can't be rolled back\n",
		unreadable(r));
	*open = false;
	return 0;
}

bool resume_is_open(void)
{
	struct journal j;
	bool open;

	return journal_read(&j, &open) == 0 && open && j.progress != PROGRESS_BOOT;
}

bool resume_waits(struct journal *j)
{
	bool open;

	return journal_read(j, &open) == 0 && open && j->progress == PROGRESS_BOOT;
}

int resume_finish_open(const struct request *q, const struct machine *m, bool way_out)
{
	struct journal j;
	bool open;

	int code = resume_read_journal(way_out, &j, &open);
	if (code || !open || j.progress == PROGRESS_BOOT)
		return code;
	return resume_finish(q, m, &j);
}

/* The target that the change is to end with. */
static int final_target(struct target *target)
{
	struct error error;
	struct edits edits;

	int r = journal_edits(&edits);
	if (r < 0)
		return r;
	const char *after = edits_target(&edits, true);
	char *text = after ? strdup(after) : NULL;
	r = text ? target_parse(text, strlen(text), target, &error) : -EINVAL;
	free(text);
	edits_free(&edits);
	return r;
}

enum waited resume_waited(const struct machine *m, const struct journal *j, struct target *target)
{
	static struct judgement judgement; /* too large for a careful stack */

	int r = final_target(target);
	if (r < 0) {
		fail("the journal of the last change: %s", r == -EINVAL ? "damaged" : strerror(-r));
		return WAITED_UNREADABLE;
	}
	if (!m->now || strcmp(j->boot_id, m->now->evidence.boot_id) == 0)
		return WAITED_NOT_YET;
	judge_against(m->now, target, &judgement);
	if (judgement.verdict == VERDICT_MATCH)
		return WAITED_RIGHT;
	const struct finding *first = &judgement.reasons.list[0];
	fprintf(stderr, "iommu-install: this boot is not in mode %s, so the old mode is still accepted: "
		"%s: %s. When that is mended, reboot and run 'iommu-install resume'\n", mode_name(target->mode),
		reason_code(first->reason), first->message);
	return WAITED_WRONG;
}

int resume_seal(const struct request *q, const struct machine *m, struct journal *j)
{
	struct edits edits;

	/* Written down, so that one that is cut short is finished by any command. */
	j->progress = PROGRESS_SEALING;
	int r = journal_edits(&edits);
	if (r == 0)
		r = journal_update(j, &edits);
	edits_free(&edits);
	return r < 0 ? fail("the journal of the last change: %s", strerror(-r)) : resume_finish(q, m, j);
}

/* A change that is sealed after the boot: has the machine come up as it should? */
static int seal_after_boot(const struct request *q, const struct machine *m, struct journal *j)
{
	struct target target;

	switch (resume_waited(m, j, &target)) {
	case WAITED_NOT_YET:
		machine_say(q, "the change to %s is finished after the next boot; run this again then\n", j->command);
		return 0;
	case WAITED_RIGHT: return resume_seal(q, m, j);
	case WAITED_WRONG: return EXIT_MISMATCH;
	case WAITED_UNREADABLE: break;
	}
	return EXIT_INVALID;
}

static int resume(const struct request *q, const struct machine *m)
{
	struct journal j;
	bool open;

	int code = resume_read_journal(false, &j, &open);
	if (code)
		return code;
	if (!open) {
		machine_say(q, "no change is unfinished\n");
		return 0;
	}
	return j.progress == PROGRESS_BOOT ? seal_after_boot(q, m, &j) : resume_finish(q, m, &j);
}

int change_resume(const struct request *q)
{
	return machine_run(q, resume);
}
