/* Images after an upgrade; see renew-images.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "command/renew-images.h"

#include <errno.h>
#include <string.h>

#include "bootloader/backend.h"
#include "bootloader/choose.h"
#include "change/renew.h"
#include "change/transaction.h"
#include "command/machine.h"
#include "command/resume.h"
#include "nextboot/placement.h"
#include "system/message.h"

static int renew_images(const struct request *q, const struct machine *m)
{
	static struct snapshot snapshot; /* too large for a careful stack */
	struct transaction t = { .snapshot = &snapshot, .now = m->now, .quiet = q->quiet, .verbose = q->verbose };
	struct journal last;
	const char *what;
	bool open;

	int code = resume_read_journal(true, &last, &open);
	if (code || strcmp(last.generator, "none") == 0)
		return code;
	/* One that waits for its boot has the images it is to have until then; any other ends with new ones. */
	if (open && last.progress != PROGRESS_BOOT)
		return resume_finish(q, m, &last);
	t.backend = last.backend[0] ? backend_named(last.backend) :
				      backend_guess(m->loader, facts_cmdline(m->now), &snapshot);
	t.loader = t.backend && m->loader;
	int r = kernels_list(&t.kernels);
	if (r < 0)
		return r == -ENOENT ? 0 : fail("/boot: %s", strerror(-r));
	if (t.backend)
		kernels_place(snapshot_of(&snapshot, t.backend), &t.edits, &t.kernels);
	t.generator = generator_find(NULL, &what);
	code = transaction_images(&t);
	transaction_free(&t);
	snapshot_free(&snapshot);
	return code;
}

int change_images(const struct request *q)
{
	return machine_run(q, renew_images);
}
