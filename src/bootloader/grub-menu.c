/* GRUB's menu; see grub-menu.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grub-menu.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The text in quotes that p begins with, cut off; *rest is what is behind it. NULL if there is none, and *rest is p. */
static const char *quoted(char *p, char **rest)
{
	char *end = *p == '\'' || *p == '"' ? strchr(p + 1, *p) : NULL;

	*rest = end ? end + 1 : p;
	if (!end)
		return NULL;
	*end = '\0';
	return p + 1;
}

/* grub-mkconfig writes the id behind a variable, others behind the option that is in it. */
static const char *id_in(char *rest)
{
	static const char *const before[] = { "menuentry_id_option ", "--id " };
	char *behind;

	for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
		char *found = strstr(rest, before[i]);
		if (found)
			return quoted(found + strlen(before[i]), &behind);
	}
	return NULL;
}

static void begin(struct menu_item *item, char *rest)
{
	char *behind;

	item->number++;
	item->title = quoted(rest, &behind);
	item->id = id_in(behind);
}

/* The last one counts. What is started once, next_entry, is not what is started by default. */
static void take_default(struct grub_menu *menu, char *rest)
{
	static const char name[] = "default=";
	char *behind;

	if (strncmp(rest, name, sizeof(name) - 1) != 0)
		return;
	const char *value = quoted(rest + sizeof(name) - 1, &behind);
	if (!value || strstr(value, "next_entry"))
		return;
	menu->chosen = strcmp(value, "${saved_entry}") == 0 || strcmp(value, "$saved_entry") == 0 ? menu->saved : value;
}

void menu_line(struct grub_menu *menu, const char *word, char *rest)
{
	if (strcmp(word, "set") == 0)
		take_default(menu, rest);
	else if (strcmp(word, "submenu") == 0 && !menu->in_submenu) {
		begin(&menu->item[0], rest);
		menu->item[1] = (struct menu_item){ 0 };
		menu->in_submenu = true;
		menu->in_entry = false;
	} else if (strcmp(word, "menuentry") == 0) {
		begin(&menu->item[menu->in_submenu], rest);
		menu->in_entry = true;
	} else if (strcmp(word, "}") == 0) {
		menu->in_submenu = menu->in_submenu && menu->in_entry;
		menu->in_entry = false;
	}
}

static bool names(const char *text, size_t len, const struct menu_item *item)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", item->number - 1);
	const char *const texts[] = { number, item->title, item->id };
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i] && strlen(texts[i]) == len && strncmp(texts[i], text, len) == 0)
			return true;
	return false;
}

bool menu_is_default(const struct grub_menu *menu)
{
	const char *first = menu->chosen, *second = first ? strchr(first, '>') : NULL;

	if (!first || !menu->in_entry || menu->in_submenu != (second != NULL))
		return false;
	return names(first, second ? (size_t)(second - first) : strlen(first), &menu->item[0]) &&
	       (!second || names(second + 1, strlen(second + 1), &menu->item[1]));
}
