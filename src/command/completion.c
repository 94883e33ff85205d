/* Completion scripts for bash, zsh and fish; see completion.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * In all three an empty word offers commands and options, and once a command is on the line only what belongs to it.
 */
#include "command/completion.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command/options.h"
#include "show/explained.h"

/* Text for inside single quotes, which all three shells read alike. Those in the set get a backslash besides. */
static void quoted(const char *text, const char *set)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\'", stdout);
		else if (strchr(set, *text))
			putchar('\\');
		putchar(*text);
	}
}

#define EVERY ((1u << COMMANDS) - 1)

/* The commands of which the bit is set, each mode by its name. */
static void words_of(unsigned commands, const char *between)
{
	const char *sep = "";

	for (int i = 0; i < COMMANDS; i++) {
		for (int mode = 0; mode < MODES_WANTED && i == COMMAND_MODE && commands & (1u << i);
		     mode++, sep = between)
			printf("%s%s", sep, mode_name((enum mode)mode));
		if (i == COMMAND_MODE || !(commands & (1u << i)))
			continue;
		printf("%s%s", sep, command_table[i].name);
		sep = between;
	}
}

static void values_of(const struct option_row *o)
{
	for (size_t i = 0; o->value && o->value(i); i++)
		printf("%s%s", i ? " " : "", o->value(i));
}

/* What 'explain' knows beside parameters. */
static void codes(const char *between)
{
	const char *name;

	for (size_t i = 0; (name = explained_code_name(i)); i++)
		printf("%s%s", i ? between : "", name);
}

static bool needs_argument(const struct option_row *o)
{
	return o->argument && !o->optional;
}

static void each_command(void (*print)(const char *word, const char *help))
{
	for (int i = 0; i < COMMANDS; i++) {
		if (i != COMMAND_MODE)
			print(command_table[i].name, command_table[i].help);
		for (int mode = 0; mode < MODES_WANTED && i == COMMAND_MODE; mode++)
			print(mode_name((enum mode)mode), command_table[i].help);
	}
}

static void each_option(void (*print)(const struct option_row *o))
{
	for (int i = 0; i < OPTIONS; i++)
		print(&option_table[i]);
}

/* --- bash --------------------------------------------------------------------------------------------------------- */

static void bash_values(const struct option_row *o)
{
	if (o->directory) {
		printf("\t--%s) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -P \"$before\" -- \"$cur\"); "
		       "return ;;\n",
		       o->name);
	} else if (o->value) {
		printf("\t--%s) values='", o->name);
		values_of(o);
		puts("' ;;");
	}
}

static void bash_option(const struct option_row *o)
{
	fputs("\tcase $command in '' | ", stdout);
	words_of(o->commands, " | ");
	printf(") words+=' --%s%s' ;; esac\n", o->name, needs_argument(o) ? "=" : "");
}

static void print_bash(void)
{
	puts("# Completion of iommu-install for bash; made by iommu-install --print-completion bash\n"
	     "_iommu_install()\n"
	     "{\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
	     "\tlocal option before values command words i\n"
	     "\tCOMPREPLY=()\n"
	     "\t# '=' is a word of its own, unless somebody took it out of COMP_WORDBREAKS.\n"
	     "\tif [[ $cur == '=' ]]; then\n"
	     "\t\toption=$previous cur=''\n"
	     "\telif [[ $previous == '=' ]]; then\n"
	     "\t\toption=${COMP_WORDS[COMP_CWORD - 2]}\n"
	     "\telif [[ $cur == --*=* ]]; then\n"
	     "\t\toption=${cur%%=*} before=${cur%%=*}= cur=${cur#*=}\n"
	     "\telse\n"
	     "\t\tcase $previous in");
	for (int i = 0; i < OPTIONS; i++)
		if (needs_argument(&option_table[i]))
			printf("\t\t--%s) option=$previous ;;\n", option_table[i].name);
	puts("\t\tesac\n"
	     "\tfi\n"
	     "\tcase $option in");
	each_option(bash_values);
	puts("\tesac\n"
	     "\tif [[ $option ]]; then\n"
	     "\t\tmapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$values\" -- \"$cur\")\n"
	     "\t\treturn\n"
	     "\tfi");
	fputs("\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i]} in ", stdout);
	words_of(EVERY, " | ");
	fputs(") command=${COMP_WORDS[i]} ;; esac\n"
	      "\tdone\n"
	      "\t[[ $command ]] || words='", stdout);
	words_of(EVERY, " ");
	puts("'");
	each_option(bash_option);
	printf("\t[[ $command != %s ]] || words+=' ", command_table[COMMAND_EXPLAIN].name);
	codes(" ");
	puts("'\n"
	     "\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	     "\t[[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n"
	     "}\n"
	     "complete -F _iommu_install iommu-install");
}

/* --- zsh ---------------------------------------------------------------------------------------------------------- */

static void zsh_command(const char *word, const char *help)
{
	printf("\t'%s:", word);
	quoted(help, "");
	puts("'");
}

/* One for the empty word, where the dashes are not typed yet, and one for _arguments. */
static void zsh_option(const struct option_row *o)
{
	fputs("case $command in (''|", stdout);
	words_of(o->commands, "|");
	printf(")\n\t%s+=('--%s%s:", needs_argument(o) ? "assigned" : "plain", o->name, needs_argument(o) ? "=" : "");
	quoted(o->help, "");
	printf("')\n\tspecs+=('--%s%s[", o->name, needs_argument(o) ? "=" : o->optional ? "=-" : "");
	quoted(o->help, "[]");
	putchar(']');
	if (o->argument)
		printf("%s%s:%s", o->optional ? "::" : ":", o->argument, o->directory ? "_directories" : "(");
	if (o->argument && !o->directory) {
		values_of(o);
		putchar(')');
	}
	puts("');;\nesac");
}

static void print_zsh(void)
{
	puts("#compdef iommu-install\n"
	     "# Completion of iommu-install for zsh; made by iommu-install --print-completion zsh\n"
	     "local command word state\n"
	     "local -a commands plain assigned specs codes\n"
	     "commands=(");
	each_command(zsh_command);
	puts(")\n"
	     "for word in ${words[2,CURRENT - 1]}; do\n"
	     "\t[[ -n ${commands[(r)$word:*]} ]] && command=$word\n"
	     "done");
	each_option(zsh_option);
	printf("[[ $command == %s ]] && codes=(", command_table[COMMAND_EXPLAIN].name);
	codes(" ");
	puts(")\n"
	     "_arguments -S $specs '*:command:->word'\n"
	     "[[ $state == word ]] || return\n"
	     "[[ -n $command ]] || _describe -t commands command commands\n"
	     "_describe -t codes code codes\n"
	     "_describe -O option plain -- assigned -S ''");
}

/* --- fish --------------------------------------------------------------------------------------------------------- */

static void fish_command(const char *word, const char *help)
{
	printf("complete -c iommu-install -n __iommu_install_no_command -a %s -d '", word);
	quoted(help, "\\");
	puts("'");
}

/* A second line for the empty word: fish itself offers options only behind a dash. */
static void fish_option(const struct option_row *o)
{
	fputs("complete -c iommu-install -n '__iommu_install_takes ", stdout);
	words_of(o->commands, " ");
	printf("' -l %s -f", o->name);
	if (o->letter)
		printf(" -s %c", o->letter);
	if (needs_argument(o))
		fputs(" -r", stdout);
	if (o->directory) {
		fputs(" -a '(__fish_complete_directories (commandline -ct | string replace -r -- \"^-[^=]*=\" \"\"))'",
		      stdout);
	} else if (o->value) {
		fputs(" -a '", stdout);
		values_of(o);
		putchar('\'');
	}
	fputs(" -d '", stdout);
	quoted(o->help, "\\");
	fputs("'\ncomplete -c iommu-install -n '__iommu_install_empty; and __iommu_install_takes ", stdout);
	words_of(o->commands, " ");
	printf("' -a --%s%s -d '", o->name, needs_argument(o) ? "=" : "");
	quoted(o->help, "\\");
	puts("'");
}

static void print_fish(void)
{
	fputs("# Completion of iommu-install for fish; made by iommu-install --print-completion fish\n"
	      "function __iommu_install_no_command\n"
	      "\tnot __fish_seen_subcommand_from ", stdout);
	words_of(EVERY, " ");
	puts("\nend\n"
	     "function __iommu_install_takes\n"
	     "\t__iommu_install_no_command; or __fish_seen_subcommand_from $argv\n"
	     "end\n"
	     "function __iommu_install_empty\n"
	     "\ttest -z (commandline -ct)\n"
	     "end\n"
	     "complete -c iommu-install -f");
	each_command(fish_command);
	each_option(fish_option);
	printf("complete -c iommu-install -n '__fish_seen_subcommand_from %s' -a '",
	       command_table[COMMAND_EXPLAIN].name);
	codes(" ");
	puts("'");
}

/* --- All of them -------------------------------------------------------------------------------------------------- */

static void (*const printers[SHELLS])(void) = {
	[SHELL_BASH] = print_bash,
	[SHELL_ZSH] = print_zsh,
	[SHELL_FISH] = print_fish,
};

int completion_print(const char *shell)
{
	for (size_t i = 0; i < SHELLS; i++) {
		if (strcmp(shell, completion_shell(i)) != 0)
			continue;
		printers[i]();
		return fflush(stdout) == 0 ? 0 : -errno;
	}
	return -EINVAL;
}
