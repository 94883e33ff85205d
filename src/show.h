/* What the machine is, wants and will be, for people and programs.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SHOW_H
#define SHOW_H

#include <stdbool.h>

/* Prints it. Returns an exit code: 0 once it is printed. */
int show(bool json);

#endif
