/* What the boot loaders of this machine offer to start, read once and asked by everybody.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * One is taken before a change, and one once the boot loader has been written: that is the read-back.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include "bootloader/backend.h"

#define BACKEND_COUNTED(row) + 1
enum { BACKENDS_COUNT = 0 BACKENDS(BACKEND_COUNTED) };

/* One boot loader's entries, as they were read. */
struct loader {
	const struct backend *backend;
	struct boot_entries entries;
	struct error error; /* of reading them: its code is 0, or there are none */
};

/* All that have been asked for. Begins as { 0 }. */
struct snapshot {
	struct loader list[BACKENDS_COUNT]; /* owned, with what it points to; snapshot_free() */
	size_t count;
};

/* That boot loader's entries, read at the first asking. The snapshot's own, until snapshot_free(). */
const struct loader *snapshot_of(struct snapshot *snapshot, const struct backend *backend);

/* The same; NULL with one line told on stderr if they could not be read. */
const struct boot_entries *snapshot_entries(struct snapshot *snapshot, const struct backend *backend);

/* Whether every own entry carries exactly words (NULL: whatever they are) and has its initramfs. Returns 0, or
 * -errno with one line that names file and line in *error. */
int loader_check(const struct loader *loader, const char *words, bool flush, struct error *error);

/* Forgets what may be another one by now: what is asked for next is read anew. */
void snapshot_refresh(struct snapshot *snapshot);

/* Forgets all of it: what is asked for next is read anew. */
void snapshot_free(struct snapshot *snapshot);

#endif
