/* What the machine is, wants and will be, for people and programs.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef SHOW_H
#define SHOW_H

#include <stdbool.h>

/* Prints it, of the tree at dir ("/": the running system); verbose adds every item of evidence with its source. Returns
 * an exit code: 0 once it is printed. */
int show(const char *dir, bool json, bool verbose);

#endif
