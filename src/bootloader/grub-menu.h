/* GRUB's menu while grub.cfg is read: where in it a line stands, and which entry is started where nobody chooses.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * * GRUB's manual, "default": an entry's number from 0, its title or its id; within a submenu the submenu's, '>', the
 * entry's.
 */
#ifndef GRUB_MENU_H
#define GRUB_MENU_H

#include <stdbool.h>

/* An entry or a submenu; texts are the file's, NULL if they can't be told. */
struct menu_item {
	unsigned number; /* from 1 on; 0: none */
	const char *title, *id;
};

struct grub_menu {
	struct menu_item item[2]; /* in the menu itself, and in its submenu */
	bool in_submenu, in_entry;
	const char *chosen; /* what default is set to: the file's text, or saved; NULL if it is not */
	const char *saved;  /* grubenv's saved_entry, or "0" */
};

/* Takes the next line in: its first word, and the rest of it, which is cut up. */
void menu_line(struct grub_menu *menu, const char *word, char *rest);

/* Whether the entry that the last line stands in is the one that is started by default. */
bool menu_is_default(const struct grub_menu *menu);

#endif
