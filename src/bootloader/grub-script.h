/* grub.cfg as GRUB runs it, as far as files tell: what variables are set to, and what each linux command gives its
 * kernel.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * All of it runs before the menu is shown; then what stands in the entry that is chosen. A submenu sees only what is
 * exported. A condition that files decide (is grubenv there?) is decided; of any other both ways are taken.
 */
#ifndef GRUB_SCRIPT_H
#define GRUB_SCRIPT_H

#include "bootloader/grub-variables.h"

/* What the linux command of one line comes to. */
struct grub_command {
	unsigned number;
	struct grub_line line;
};

struct grub_script {
	struct grub_variables vars;    /* when the menu is shown */
	struct grub_variables entries; /* when blscfg made entries; as vars where it is not run */
	bool made;                     /* it is run */
	struct grub_command *list;     /* owned, as the others; grub_script_free() */
	size_t count;
};

/* Runs text, which is path's; GRUB's own files are beside it. Returns 0 or -ENOMEM, and then it is empty. */
int grub_script_run(const char *path, const char *text, struct grub_script *script);

/* The same of the file; one that is not there is empty. */
int grub_script_read(const char *path, struct grub_script *script);

/* What the linux command in that line comes to; NULL: it is never run. */
const struct grub_line *grub_script_line(const struct grub_script *script, unsigned number);

/* Whoever has set a variable, for people: file and line, and the program that wrote it there where that is known. Owned
 * by the caller, NULL without memory. */
char *grub_origin(const char *origin);

void grub_script_free(struct grub_script *script);

#endif
