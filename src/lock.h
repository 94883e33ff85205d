/* One change at a time: our own lock, and the package manager's.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef LOCK_H
#define LOCK_H

#define STATE_DIR "/var/lib/iommu" /* journal, backups, record: root's alone */

/* Makes the state directory and takes both locks, which are held until the process ends. The package manager's counts as
 * free if an ancestor of this process holds it (a maintainer script may call us). Returns 0, or -1 with one line told on
 * stderr. */
int lock_all(void);

#endif
