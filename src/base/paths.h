/* What is ours on a machine.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PATHS_H
#define PATHS_H

#define RUN_DIR "/run/iommu"       /* what this boot was judged as; everybody may read it */
#define STATE_DIR "/var/lib/iommu" /* journal, backups, fingerprint, last match: root's alone */
#define STATUS_FILE "status.json"  /* in RUN_DIR: the last verdict of this boot */
#define HELPER_PATH "/usr/sbin/iommu-verify"

#endif
