/* The machine's consoles, all of them, written to without waiting for long.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef CONSOLES_H
#define CONSOLES_H

#include <stdbool.h>
#include <stddef.h>

/* Writes text to every console that there is, the graphical one and serial lines, on lines of its own, and waits until
 * it is out: what the drivers hold is lost when the machine stops. All calls together wait for at most five seconds. */
void consoles_write(const char *text);

/* Whether the kernel writes to no other console (netconsole) than those that consoles_write() reaches. */
bool consoles_all_have_terminals(void);

/* Writes as much as can be written without waiting. Returns how much. */
size_t write_some(int fd, const char *text, size_t len);

#endif
