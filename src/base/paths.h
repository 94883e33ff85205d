/* What is ours on a machine.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PATHS_H
#define PATHS_H

#define RUN_DIR "/run/iommu"       /* what this boot was judged as; everybody may read it */
#define STATE_DIR "/var/lib/iommu" /* journal, backups, fingerprint, last match: root's alone */
#define STATUS_FILE "status.json"  /* in RUN_DIR: the last verdict of this boot */
#define LAST_STOP_PATH RUN_DIR "/last-stop" /* what stopped the boot before this one, where the machine has kept it */
#define HELPER_PATH "/usr/sbin/iommu-verify"
#define INSTALLER_PATH "/usr/sbin/iommu-install"

#endif
