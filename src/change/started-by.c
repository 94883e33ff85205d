/* Which boot loader starts this system; see started-by.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/started-by.h"

#include "bootloader/choose.h"
#include "change/journal.h"

const struct backend *started_by(const char *running, struct snapshot *snapshot)
{
	struct journal last;
	bool open;

	const struct backend *named = !running && journal_read(&last, &open) == 0 ? backend_named(last.backend) : NULL;
	return named && backend_is_here(named, true, snapshot) ? named : backend_guess(true, running, snapshot);
}
