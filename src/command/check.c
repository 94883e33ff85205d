/* Will the next boot be as it should? See check.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "command/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bootloader/choose.h"
#include "change/journal.h"
#include "change/reboot-required.h"
#include "change/started-by.h"
#include "nextboot/prediction.h"
#include "show/entries.h"
#include "show/nagios.h"
#include "show/other-kernel.h"
#include "system/chroot.h"
#include "system/message.h"
#include "verdict/facts.h"

/* The worst of the counted ones: one that would mismatch, then one that can't be told. Where none is, nothing is
 * known. */
static enum verdict overall(const struct predictions *entries, bool target_there)
{
	bool unknown = false, checked = false, counted = false;

	for (size_t i = 0; i < entries->count; i++) {
		const struct prediction *e = &entries->list[i];
		if (!e->counted)
			continue;
		if (e->verdict == VERDICT_MISMATCH)
			return VERDICT_MISMATCH;
		counted = true;
		unknown = unknown || e->verdict == VERDICT_UNKNOWN;
		checked = checked || e->hook != HOOK_NONE;
	}
	if (unknown || (!counted && target_there))
		return VERDICT_UNKNOWN;
	return target_there || checked ? VERDICT_MATCH : VERDICT_NO_TARGET;
}

/* Of the first entry whose check would find another mode, and that matched by the same words under another kernel. */
static struct matched last_match(const struct root *root, const struct predictions *entries,
				 const struct target *wanted)
{
	struct matched last = { 0 };

	for (size_t i = 0; i < entries->count && wanted && !last.kernel[0]; i++) {
		const struct prediction *e = &entries->list[i];
		if (e->counted && e->hook != HOOK_NONE && e->verdict == VERDICT_MISMATCH)
			last = matched_elsewhere(root, wanted->mode, e->words, e->kernel);
	}
	return last;
}

/* Nothing could be read: code is what check returns. */
static int cannot_tell(enum check_output output, int code, const char *why)
{
	if (output == CHECK_NAGIOS)
		return nagios_unknown(why);
	fail("%s", why);
	return code;
}

static int cannot_read(enum check_output output, const struct error *error)
{
	char text[ERROR_TEXT + 40];
	bool root = error->code == -EACCES;

	snprintf(text, sizeof(text), "%s%s", error->text, root ? "; run it as root" : "");
	return cannot_tell(output, root ? EXIT_UNKNOWN : EXIT_INVALID, text);
}

static int check_with(struct snapshot *snapshot, const struct request *q, const struct facts *now,
		      const struct root *root, enum check_output output)
{
	struct error error;
	struct predictions entries;
	struct target wanted;
	struct journal j;
	bool open = false;

	const struct backend *backend = started_by(facts_cmdline(now), snapshot);
	if (!backend)
		return cannot_tell(output, EXIT_UNKNOWN, "no boot loader was found that iommu-install can read");
	int target = target_read(root, TARGET_PATH, &wanted, &error);
	const struct wanted system = target_wanted(target, &wanted);
	const struct loader *l = snapshot_of(snapshot, backend);
	if (l->error.code < 0)
		return cannot_read(output, &l->error);
	int code = 0, r = predictions_make(l, NULL, now ? &now->evidence : NULL, system, &entries);
	const struct backend *other;
	for (size_t i = 0; r == 0 && (other = backend_here(i, true, snapshot)); i++)
		if (other != backend)
			r = predictions_add_other(snapshot_of(snapshot, other), now ? &now->evidence : NULL, system,
						  &entries);
	if (r < 0)
		return cannot_tell(output, EXIT_INVALID, strerror(-r));
	int journal = journal_read(&j, &open);
	bool waits = journal == 0 && open && journal_waits(&j, now ? now->evidence.boot_id : NULL);
	enum verdict verdict = overall(&entries, target != -ENOENT);
	struct matched last = last_match(root, &entries, target == 0 ? &wanted : NULL);
	if (output == CHECK_NAGIOS)
		code = nagios(now, &entries, target == 0 ? &wanted : NULL,
			      waits ? "waits for the next boot" :
			      open  ? "is not finished: run 'iommu-install resume'" : NULL);
	else if (output == CHECK_JSON)
		predictions_json(&entries, target == 0 ? &wanted : NULL, verdict, root, &last);
	else if (!q->quiet)
		predictions_text(backend, &entries, target == 0 ? &wanted : NULL, q->verbose);
	if (output == CHECK_TEXT && !q->quiet)
		other_kernel_print(root, &last);
	predictions_free(&entries);
	if (open && output != CHECK_NAGIOS)
		fprintf(stderr, "iommu-install: a change to %s %s\n", journal == 0 ? j.command : "another mode",
			waits ? "waits for the next boot" : "is not finished; run 'iommu-install resume'");
	if (fflush(stdout) != 0)
		return EXIT_INVALID;
	if (output == CHECK_NAGIOS)
		return code;
	return verdict == VERDICT_MATCH ? EXIT_MATCH : verdict == VERDICT_MISMATCH ? EXIT_MISMATCH :
	       verdict == VERDICT_UNKNOWN ? EXIT_UNKNOWN : EXIT_NO_TARGET;
}

static int check_entered(const struct request *q, const struct facts *now, const struct root *root,
			 enum check_output output)
{
	static struct snapshot snapshot; /* too large for a careful stack */
	int code = check_with(&snapshot, q, now, root, output);

	snapshot_free(&snapshot);
	return code;
}

int check_next_boot(const struct request *q, enum check_output output)
{
	static struct facts facts; /* too large for a careful stack */
	bool live = strcmp(q->root, "/") == 0, device;
	struct root root;

	if (!live && chroot_enter(q->root, &device) < 0)
		return output == CHECK_NAGIOS ? nagios_unknown("the tree can't be entered") : EXIT_INVALID;
	int r = root_init(&root, "/");
	if (r < 0)
		return cannot_tell(output, EXIT_INVALID, strerror(-r));
	if (live)
		facts_collect(&root, NULL, PHASE_LATE, &facts);
	int code = check_entered(q, live ? &facts : NULL, &root, output);
	if (live)
		facts_free(&facts);
	root_close(&root);
	return code;
}

int check_reboot_required(void)
{
	static struct facts facts; /* too large for a careful stack */
	static struct snapshot snapshot;
	struct root root;

	if (geteuid() != 0 || root_init(&root, "/") < 0)
		return EXIT_INVALID;
	facts_collect(&root, NULL, PHASE_LATE, &facts);
	matched_note(&facts);
	const struct backend *backend = started_by(facts_cmdline(&facts), &snapshot);
	if (backend)
		reboot_tell(snapshot_of(&snapshot, backend), &facts);
	snapshot_free(&snapshot);
	facts_free(&facts);
	root_close(&root);
	return backend ? 0 : EXIT_UNKNOWN;
}
