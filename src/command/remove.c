/* Taking everything out; see remove.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "command/remove.h"

#include <string.h>
#include <unistd.h>

#include "bootloader/backend.h"
#include "bootloader/choose.h"
#include "change/plan.h"
#include "change/steps.h"
#include "change/transaction.h"
#include "command/machine.h"
#include "command/resume.h"
#include "system/message.h"

/* A package that is removed asks this on every kind of machine; there may be no boot loader that is known then. */
static bool never_used(const struct request *q, const struct journal *last)
{
	struct edits edits = { 0 };

	if (q->backend || last->command[0] || access(backend_grub.config_file, F_OK) == 0)
		return false;
	bool none = plan_edits(NULL, NULL, false, &edits) == 0 && !edits_change(&edits);
	edits_free(&edits);
	return none;
}

/* The one that the words were put in by, whatever has been installed since. This is a way out: where nothing is there
 * any more that could make its entries, all else goes. */
static int choose(const struct request *q, const struct machine *m, const struct journal *last, struct transaction *t)
{
	const char *running = facts_cmdline(m->now), *name = last->backend[0] ? last->backend : NULL;
	bool here = true;

	/* Who names one, or has a tree in which nothing tells which one it is, is told what is wrong. */
	int code = q->backend || !running ?
			   backend_choose(q->backend ? q->backend : name, m->loader, &m->root, running, "", t->snapshot,
					  &t->backend) :
			   backend_choose_way_out(name, m->loader, &m->root, running, t->snapshot, &t->backend, &here);
	t->gone = !here;
	return code;
}

static void tell(const struct request *q, const struct transaction *t)
{
	if (t->gone)
		machine_say(q, "no mode is wanted any more: target and boot checks are removed; there is no boot "
			    "loader any more that iommu-install can change, so kernel parameters stay where they are, "
			    "and nothing checks them\n");
	else
		machine_say(q, "no mode is wanted any more: target, kernel parameters and boot checks are removed; it "
			    "takes effect at the next boot\n");
}

/* A flush policy that was ours goes too. The last change may have been a rollback, which compares a user's as well. */
static bool flush_is_ours(const struct machine *m, const struct journal *last)
{
	struct target target;
	struct error error;

	if (target_read(&m->root, TARGET_PATH, &target, &error) == 0)
		return target.flush != FLUSH_ANY;
	return last->flush && strcmp(last->command, "rollback") != 0;
}

static int take_out(const struct request *q, const struct machine *m)
{
	struct mode_words none = { .words = NULL };
	static struct snapshot snapshot; /* too large for a careful stack */
	struct transaction t = { .journal = { .command = "remove" }, .snapshot = &snapshot };
	struct journal last;
	bool open;

	int code = resume_read_journal(true, &last, &open);
	if (code == 0 && open && last.progress != PROGRESS_BOOT && !q->dry_run) {
		/* This is a way out, whatever becomes of the change before. */
		code = resume_finish(q, m, &last);
		if (code == 0 || step_go_on() == 0)
			code = resume_read_journal(true, &last, &open);
	}
	if (code)
		return code;
	if (never_used(q, &last)) {
		machine_say(q, "nothing of iommu-install is set\n");
		return 0;
	}
	code = choose(q, m, &last, &t);
	if (code == 0)
		code = plan_generator(q->initramfs, snapshot_of(&snapshot, t.backend), &last, &t.generator);
	if (code == 0)
		code = plan_edits(NULL, t.generator, false, &t.edits);
	none.flush = flush_is_ours(m, &last);
	none.images = t.generator != NULL;
	fail_mute(t.gone); /* then it is what it has told us of by then */
	if (code == 0)
		code = -t.backend->edit(&none, &snapshot, &t.edits);
	fail_mute(false);
	if (t.gone && t.edits.count)
		code = 0;
	/* GRUB's own tool, as dracut, makes the entries from what is configured then; the others are to have none of
	 * the words. */
	bool by_config = t.backend && !t.gone && t.backend->configured && t.backend->configured();
	t.journal.known = code == 0 && !t.backend->needs_block_device && !by_config;
	t.journal.flush = none.flush;
	bool nothing = code == 0 && !edits_change(&t.edits);
	if (nothing)
		machine_say(q, "nothing of iommu-install is set\n");
	else if (code == 0)
		code = machine_change(q, m, &t);
	if (code == 0 && !nothing && !q->dry_run)
		tell(q, &t);
	transaction_free(&t);
	snapshot_free(&snapshot);
	return code;
}

int change_remove(const struct request *q)
{
	return machine_run(q, take_out);
}
