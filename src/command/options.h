/* The commands and options of iommu-install, each written down once: usage text, parser and completions are made
 * from them.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/mode.h"

/* COMMAND_MODE is each of the four modes. */
enum command {
	COMMAND_SHOW,
	COMMAND_STATUS,
	COMMAND_MODE,
	COMMAND_CHECK,
	COMMAND_ROLLBACK,
	COMMAND_RESUME,
	COMMAND_REMOVE,
	COMMAND_EXPLAIN,
	COMMANDS,
};

struct command_row {
	const char *name;     /* for COMMAND_MODE all of them */
	const char *argument; /* for people, or NULL: it takes none */
	const char *help;     /* one line */
};

/* In the order of the usage text. */
enum option_id {
	OPTION_ROOT,
	OPTION_JSON,
	OPTION_GROUPS,
	OPTION_REPORT,
	OPTION_PROMETHEUS,
	OPTION_NFD,
	OPTION_NAGIOS,
	OPTION_KERNEL,
	OPTION_VERBOSE,
	OPTION_QUIET,
	OPTION_VERSION,
	OPTION_HELP,
	OPTION_PRINT_COMPLETION,
	OPTION_DRY_RUN,
	OPTION_ON_MISMATCH,
	OPTION_ON_LATE_MISMATCH,
	OPTION_DELAY,
	OPTION_FLUSH,
	OPTION_INTERRUPTS,
	OPTION_EXPOSED,
	OPTION_UNSAFE_INTERRUPTS,
	OPTION_OVERRIDE,
	OPTION_EMIT,
	OPTION_COMMIT,
	OPTION_FORCE,
	OPTION_BACKEND,
	OPTION_INITRAMFS,
	OPTIONS,
};

struct option_row {
	const char *name;                /* without its dashes */
	const char *argument;            /* a placeholder, for people; NULL: it takes none */
	bool optional;                   /* the argument may be left out */
	bool directory;                  /* the argument is one */
	const char *(*value)(size_t i);  /* the words that the argument can be, until NULL; NULL: not a list */
	unsigned commands;               /* bit (1 << command) for each that takes it */
	const char *help;                /* one line; the values are not in it */
	char letter;                     /* its short form, or NUL: it has none */
};

extern const struct command_row command_table[COMMANDS];
extern const struct option_row option_table[OPTIONS];

/* Whether it is one that changes the machine. */
bool command_changes(enum command command);

/* Sets *command, and for COMMAND_MODE *mode; returns false if there is no such command. */
bool command_parse(const char *word, enum command *command, enum mode *mode);

/* Which command, mode, option or value of an option somebody may have meant: "; did you mean A or B?", or "" if none is
 * near; to buf, cut off at size. */
void command_meant(const char *word, char *buf, size_t size);
void option_meant(const char *word, char *buf, size_t size);
void value_meant(enum option_id option, const char *word, char *buf, size_t size);

/* Whether the option's argument can be that word; true of an option without a list. */
bool option_takes(enum option_id option, const char *word);

/* Writes the option's values, as "a, b or c", to buf, cut off at size. */
void option_values(enum option_id option, char *buf, size_t size);

/* The shells that there are completions for. */
enum { SHELL_BASH, SHELL_ZSH, SHELL_FISH, SHELLS };

/* The shells in turn, then NULL. */
const char *completion_shell(size_t i);

/* The text of --help. */
void usage_print(void);

#endif
