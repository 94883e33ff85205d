/* What the late check must know of the running system, and how it stops one that has finished booting.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SYSTEMD_H
#define SYSTEMD_H

#include "verdict/facts.h"

/* Asks systemd (systemctl(1): is-system-running); without an answer the first late check of a boot is part of it. */
enum stage late_stage(void);

/* Asks systemd, if there is one, to shut down in order, and waits 90 seconds: the time that people and services
 * have. Comes back if the system is still up then. policy is a stopping one. */
void late_shutdown(enum policy policy);

#endif
