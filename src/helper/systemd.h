/* What the late check must know of the running system, and how it stops one that has finished booting.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SYSTEMD_H
#define SYSTEMD_H

#include <stdbool.h>

#include "verdict/facts.h"

/* Whether a late check has left its verdict in this boot already: asked before the present one leaves its own. */
bool late_checked_before(void);

/* Asks systemd (systemctl(1): is-system-running), for five seconds at most; without an answer the first late check of a
 * boot is part of it, later ones are not. */
enum stage late_stage(bool first);

/* Tells systemd (sd_notify(3)) that this service takes as long as it takes: its time limit is for a check that hangs,
 * not for one that stops the machine after a delay. */
void late_hold(void);

/* Asks systemd, if there is one, to shut down in order, and waits 90 seconds, whatever becomes of the question: the
 * time that people and services have. Comes back if the system is still up then. policy is a stopping one. */
void late_shutdown(enum policy policy);

#endif
