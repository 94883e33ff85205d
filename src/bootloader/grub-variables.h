/* GRUB's variables: what each can be set to, and what a command line comes to with them.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Where a file can't tell (an `if`, a `source`) a variable has several values, or is unknown; it is never guessed at.
 */
#ifndef GRUB_VARIABLES_H
#define GRUB_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>

enum { GRUB_VALUES = 8 };

struct grub_value {
	char *text;   /* NULL: not set */
	char *origin; /* who has set it: see grub_origin() */
};

struct grub_variable {
	char *name;
	struct grub_value values[GRUB_VALUES];
	size_t count;
	size_t pick;   /* which of them is looked at */
	bool unknown;  /* it can be anything */
	bool exported; /* to submenus */
};

struct grub_variables {
	struct grub_variable *list; /* owned, with what it points to; grub_variables_free() */
	size_t count;
	bool unknown; /* any name may be set */
	bool failed;  /* memory has run out */
};

/* What a text with variables in it comes to. */
struct grub_line {
	char *text;  /* owned, as all of it; grub_line_free(). A variable that can't be told is still in it */
	char *also;  /* what else it can come to, each with a line break behind it; NULL: nothing */
	char *doubt; /* a variable in it that can't be told; NULL: none */
	char *fed;   /* values with IOMMU parameters that variables put in, each "value\torigin\n"; NULL: none */
};

/* Copies all of them, or those alone that a submenu sees, over nothing. */
void grub_variables_copy(const struct grub_variables *from, bool exported, struct grub_variables *to);
/* Either these or those: where they differ a variable has the values of both. */
void grub_variables_merge(struct grub_variables *into, const struct grub_variables *other);
void grub_variables_free(struct grub_variables *vars);

/* The one of that name; NULL: there is none. */
struct grub_variable *grub_variable_find(const struct grub_variables *vars, const char *name);
/* The same, made with the value that it has where nobody has set it; NULL: without memory. */
struct grub_variable *grub_variable_need(struct grub_variables *vars, const char *name);

/* Sets one; text NULL: unset. */
void grub_variable_set(struct grub_variables *vars, const char *name, const char *text, const char *origin);
/* It can be that too. */
void grub_variable_add(struct grub_variables *vars, const char *name, const char *text, const char *origin);
void grub_variable_doubt(struct grub_variables *vars, const char *name);
void grub_variable_export(struct grub_variables *vars, const char *name);
/* From now on any of them can be anything. */
void grub_variables_doubt(struct grub_variables *vars);

/* What it is set to for certain, or NULL. */
const char *grub_variable_value(const struct grub_variables *vars, const char *name, const char **origin);

/* Sets a variable as the words of a "set" command say, name=value, in each of the ways that they can come to. */
void grub_assign(struct grub_variables *vars, const char *words, const char *origin);

/* The arguments of a command, with '\1' behind each; NULL if that can't be told. Owned by the caller. */
char *grub_arguments(struct grub_variables *vars, const char *words);

/* What the kernel gets of a linux command's arguments, of which the first one is the kernel. */
void grub_kernel_line(struct grub_variables *vars, const char *words, struct grub_line *line);
/* The same of the options of a boot entry, which blscfg expands with the variables that it finds (at), and GRUB once
 * more when it starts the entry (vars). */
void grub_options_line(struct grub_variables *at, struct grub_variables *vars, const char *options,
		       struct grub_line *line);

/* Takes over what other says; it is empty then. */
/* What blscfg makes of options, before GRUB reads it; owned by the caller. */
char *grub_options_text(struct grub_variables *vars, const char *options);

void grub_line_merge(struct grub_line *into, struct grub_line *other);
void grub_line_free(struct grub_line *line);

#endif
