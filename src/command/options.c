/* The tables of commands and options, and the usage text that is made from them; see options.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "command/options.h"

#include <stdio.h>
#include <string.h>

#include "base/nearest.h"
#include "bootloader/backend.h"
#include "bootloader/choose.h"
#include "command/completion.h"
#include "initramfs/generator.h"
#include "model/target.h"

const struct command_row command_table[COMMANDS] = {
	[COMMAND_SHOW] = { "show", NULL, "the mode now, the wanted one, and the next boot's (default)" },
	[COMMAND_STATUS] = { "status", NULL, "the same in one line, with an exit status" },
	[COMMAND_MODE] = { "off-for-uio|off-for-vfio|strict|pt", NULL,
			   "set that mode; it takes effect at the next boot" },
	[COMMAND_CHECK] = { "check", NULL, "would each boot entry start in the wanted mode?" },
	[COMMAND_ROLLBACK] = { "rollback", NULL, "undo the last change" },
	[COMMAND_RESUME] = { "resume", NULL,
			     "finish a change that was interrupted, or one made with --commit=after-boot" },
	[COMMAND_REMOVE] = { "remove", NULL, "take out everything that was set: kernel parameters, target, boot "
					     "checks" },
	[COMMAND_EXPLAIN] = { "explain", "[CMDLINE|-|CODE]",
			      "what each IOMMU parameter of a kernel command line does (default: the running one), or "
			      "what a code means" },
};

/* --- What arguments can be: the words are those of whoever reads them --------------------------------------------- */

static const char *policy_value(size_t i)
{
	return i <= POLICY_REBOOT ? policy_name((enum policy)i) : NULL;
}

static const char *flush_value(size_t i)
{
	return i <= FLUSH_LAZY ? flush_name((enum flush)i) : NULL;
}

static const char *interrupts_value(size_t i)
{
	static const char *const values[] = { "any", "remapped", NULL };
	return values[i];
}

static const char *exposed_value(size_t i)
{
	static const char *const values[] = { "any", "translated", NULL };
	return values[i];
}

static const char *late_value(size_t i)
{
	static const char *const values[] = { "warn", "same", NULL };
	return values[i];
}

static const char *yes_no_value(size_t i)
{
	static const char *const values[] = { "yes", "no", NULL };
	return values[i];
}

static const char *emit_value(size_t i)
{
	static const char *const values[] = { "kargs.d", "ukify-addon", "machineconfig", "talos", NULL };
	return values[i];
}

static const char *commit_value(size_t i)
{
	static const char *const values[] = { "now", "after-boot", NULL };
	return values[i];
}

const char *completion_shell(size_t i)
{
	static const char *const shells[SHELLS] = { [SHELL_BASH] = "bash", [SHELL_ZSH] = "zsh", [SHELL_FISH] = "fish" };

	return i < SHELLS ? shells[i] : NULL;
}

/* Behind the generators: leave the images alone. */
static const char *initramfs_value(size_t i)
{
	const struct generator *g = generator_at(i);

	if (g)
		return g->name;
	return i > 0 && generator_at(i - 1) ? "none" : NULL;
}

/* --- Options ------------------------------------------------------------------------------------------------------ */

#define OF(command) (1u << COMMAND_##command)
#define ANY ((1u << COMMANDS) - 1)

const struct option_row option_table[OPTIONS] = {
	[OPTION_ROOT] = { "root", "DIR", .directory = true, .commands = ANY,
			  .help = "work on the system installed at DIR, not on the running one" },
	[OPTION_JSON] = { "json", .letter = 'j', .commands = ANY, .help = "print JSON" },
	[OPTION_GROUPS] = { "groups", "ADDRESS", .optional = true, .commands = OF(SHOW),
			    .help = "every IOMMU group with its devices, or that of one device to give away" },
	[OPTION_REPORT] = { "report", .commands = OF(SHOW),
			    .help = "text for a public issue, without names, addresses and serial numbers" },
	[OPTION_PROMETHEUS] = { "prometheus", "FILE", .optional = true, .commands = OF(SHOW),
				.help = "metrics for node_exporter's textfile collector" },
	[OPTION_NFD] = { "nfd", "FILE", .optional = true, .commands = OF(SHOW),
			 .help = "a feature file for Kubernetes' Node Feature Discovery" },
	[OPTION_NAGIOS] = { "nagios", .commands = OF(CHECK),
			    .help = "one line and the exit codes of a monitoring plug-in" },
	[OPTION_KERNEL] = { "kernel", "RELEASE", .commands = OF(EXPLAIN),
			    .help = "as that kernel reads it; it need not be installed" },
	[OPTION_VERBOSE] = { "verbose", .letter = 'v', .commands = ANY,
			     .help = "print more; show: each fact with the file it was read from" },
	[OPTION_QUIET] = { "quiet", .letter = 'q', .commands = ANY, .help = "print errors only" },
	[OPTION_VERSION] = { "version", .letter = 'V', .commands = ANY, .help = "print the version" },
	[OPTION_HELP] = { "help", .letter = 'h', .commands = ANY, .help = "print this" },
	[OPTION_PRINT_COMPLETION] = { "print-completion", "SHELL", .value = completion_shell, .commands = ANY,
				      .help = "print a completion script" },
	[OPTION_DRY_RUN] = { "dry-run", .letter = 'n', .commands = OF(MODE) | OF(ROLLBACK) | OF(REMOVE),
			     .help = "print what would be changed, and change nothing; needs no root" },
	[OPTION_ON_MISMATCH] = { "on-mismatch", "WHAT", .value = policy_value, .commands = OF(MODE),
				 .help = "what the boot does when the mode is not the wanted one" },
	[OPTION_ON_LATE_MISMATCH] = { "on-late-mismatch", "WHAT", .value = late_value, .commands = OF(MODE),
				      .help = "what happens when that is found after the boot" },
	[OPTION_DELAY] = { "delay", "SECONDS", .commands = OF(MODE),
			   .help = "how long the message stays before the machine stops; 0 to 300" },
	[OPTION_FLUSH] = { "flush", "POLICY", .value = flush_value, .commands = OF(MODE),
			   .help = "how soon unmapped memory is out of a device's reach; sync and lazy with strict "
				   "only" },
	[OPTION_INTERRUPTS] = { "interrupts", "WHAT", .value = interrupts_value, .commands = OF(MODE),
				.help = "whether interrupts must be remapped; with strict and pt only" },
	[OPTION_EXPOSED] = { "exposed", "WHAT", .value = exposed_value, .commands = OF(MODE),
			     .help = "whether every removable device must be translated; with strict and pt only" },
	[OPTION_UNSAFE_INTERRUPTS] = { "allow-unsafe-interrupts", "yes|no", .optional = true, .value = yes_no_value,
				       .commands = OF(MODE),
				       .help = "allow device pass-through without interrupt remapping" },
	[OPTION_OVERRIDE] = { "allow-override", "yes|no", .optional = true, .value = yes_no_value, .commands = OF(MODE),
			      .help = "allow rd.iommu.verify=warn on the kernel command line to suspend the policy "
				      "for one boot" },
	[OPTION_EMIT] = { "emit", "FORM", .value = emit_value, .commands = OF(MODE),
			  .help = "print the kernel parameters for an image builder, and change nothing" },
	[OPTION_COMMIT] = { "commit", "WHEN", .value = commit_value, .commands = OF(MODE),
			    .help = "when the initramfs stops accepting the old mode" },
	[OPTION_FORCE] = { "force", .commands = OF(MODE), .help = "set the mode although this machine or kernel can't "
								  "have it" },
	[OPTION_BACKEND] = { "backend", "NAME", .value = backend_name, .commands = OF(MODE) | OF(ROLLBACK) | OF(REMOVE),
			     .help = "the boot loader" },
	[OPTION_INITRAMFS] = { "initramfs", "NAME", .value = initramfs_value,
			       .commands = OF(MODE) | OF(ROLLBACK) | OF(REMOVE), .help = "the program that builds the "
											 "initramfs" },
};

bool command_changes(enum command command)
{
	return command == COMMAND_MODE || command == COMMAND_ROLLBACK || command == COMMAND_RESUME ||
	       command == COMMAND_REMOVE;
}

bool command_parse(const char *word, enum command *command, enum mode *mode)
{
	if (mode_parse(word, mode)) {
		*command = COMMAND_MODE;
		return true;
	}
	for (int i = 0; i < COMMANDS; i++) {
		if (i == COMMAND_MODE || strcmp(word, command_table[i].name) != 0)
			continue;
		*command = (enum command)i;
		return true;
	}
	return false;
}

void command_meant(const char *word, char *buf, size_t size)
{
	struct nearest near = { .word = word };

	for (int i = 0; i < COMMANDS; i++)
		if (i != COMMAND_MODE)
			nearest_try(&near, command_table[i].name);
	for (int i = 0; i < MODES_WANTED; i++)
		nearest_try(&near, mode_name((enum mode)i));
	nearest_text(&near, "", buf, size);
}

void option_meant(const char *word, char *buf, size_t size)
{
	struct nearest near = { .word = word };

	for (int i = 0; i < OPTIONS; i++)
		nearest_try(&near, option_table[i].name);
	nearest_text(&near, "--", buf, size);
}

void value_meant(enum option_id option, const char *word, char *buf, size_t size)
{
	const char *(*value)(size_t i) = option_table[option].value;
	struct nearest near = { .word = word };

	for (size_t i = 0; value && value(i); i++)
		nearest_try(&near, value(i));
	nearest_text(&near, "", buf, size);
}

bool option_takes(enum option_id option, const char *word)
{
	const char *(*value)(size_t i) = option_table[option].value;

	if (!value)
		return true;
	for (size_t i = 0; value(i); i++)
		if (strcmp(word, value(i)) == 0)
			return true;
	return false;
}

void option_values(enum option_id option, char *buf, size_t size)
{
	const char *(*value)(size_t i) = option_table[option].value;
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; value && value(i) && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s",
					!i             ? ""
					: value(i + 1) ? ", "
						       : " or ",
					value(i));
}

/* --- The usage text ----------------------------------------------------------------------------------------------- */

static void print_command(const struct command_row *c)
{
	char left[64];

	snprintf(left, sizeof(left), "%s%s%s", c->name, c->argument ? " " : "", c->argument ? c->argument : "");
	printf("  %-36s  %s\n", left, c->help);
}

/* Under which heading an option stands. */
static unsigned heading_of(const struct option_row *o)
{
	if (o->commands == ANY || o->commands & OF(SHOW) || !(o->commands & OF(MODE)))
		return 0;
	return o->commands == OF(MODE) ? 1 : 2;
}

static void print_option(enum option_id id)
{
	const struct option_row *o = &option_table[id];
	const char letter[] = { ',', ' ', '-', o->letter, '\0' };
	char left[64], values[128];
	const char *sep = "";

	snprintf(left, sizeof(left), "--%s%s%s%s%s", o->name, !o->argument ? "" : o->optional ? "[=" : "=",
		 o->argument ? o->argument : "", o->optional ? "]" : "", o->letter ? letter : "");
	printf("  %-34s  ", left);
	for (int i = 0; i < COMMANDS && heading_of(o) == 0 && o->commands != ANY; i++) {
		if (!(o->commands & (1u << i)))
			continue;
		printf("%s%s", sep, command_table[i].name);
		sep = ", ";
	}
	option_values(id, values, o->optional ? 1 : sizeof(values)); /* those stand on the left already */
	printf("%s%s%s%s\n", *sep ? ": " : "", o->help, values[0] ? ": " : "", values);
}

void usage_print(void)
{
	static const char *const headings[] = {
		"options of every command, or of those named",
		"options of the commands that set a mode; policies not given stay as they are in " TARGET_PATH,
		"options of the same, and of rollback and remove",
	};
	const char *heading = NULL;

	puts("usage: iommu-install [OPTION]... [COMMAND]\n");
	for (int i = 0; i < COMMANDS; i++)
		print_command(&command_table[i]);
	for (int i = 0; i < OPTIONS; i++) {
		if (heading != headings[heading_of(&option_table[i])])
			printf("\n%s:\n", heading = headings[heading_of(&option_table[i])]);
		print_option((enum option_id)i);
	}
	puts("\n"
	     "exit status: 0 done or shown; 1 wrong usage, missing program, or failure; 5 refused, nothing changed;\n"
	     "status: 0 as wanted now and next, 2 a mismatch in either, 1 invalid target, 4 can't tell, 3 pending, "
	     "6 no target;\n"
	     "check: 0 all entries match, 2 one would not, 4 can't tell, 6 no target;\n"
	     "check --nagios: 0 OK, 1 pending, or a mismatch under warn, 2 a mismatch under a stopping policy, 3 can't "
	     "tell");
}
