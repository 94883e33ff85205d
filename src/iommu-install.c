/* iommu-install: sets the IOMMU mode through the machine's own boot loader, and shows what it is.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/startup.h"
#include "bootloader/choose.h"
#include "bootloader/cmdline-edit.h"
#include "command/check.h"
#include "command/completion.h"
#include "command/explain.h"
#include "command/options.h"
#include "command/remove.h"
#include "command/renew-images.h"
#include "command/resume.h"
#include "command/rollback.h"
#include "command/set-mode.h"
#include "command/show.h"
#include "command/status.h"
#include "initramfs/populate.h"
#include "model/cmdline-words.h"
#include "model/mode.h"
#include "show/change-report.h"
#include "show/nfd.h"
#include "show/prometheus.h"

/* The command whose object is due on standard output, whatever becomes of it; NULL: none is. */
static const char *object_of;

static _Noreturn void end_badly(const char *why)
{
	if (object_of)
		change_json_failed(object_of, why);
	exit(EXIT_INVALID);
}

/* One line of what is wrong; subject, then why. */
static _Noreturn void bail(const char *what, const char *why)
{
	char line[512];

	fprintf(stderr, "iommu-install: %s: %s\n", what, why);
	snprintf(line, sizeof(line), "%.200s: %.300s", what, why);
	end_badly(line);
}

/* --- Internal commands: called by our own pieces, not by people --------------------------------------------------- */

static void open_root(struct root *root, const char *dir)
{
	int r = root_init(root, dir);
	if (r < 0)
		bail(dir, strerror(-r));
}

/* A tree says nothing of what boots it. */
static enum way_back find_way_back(const struct root *root)
{
	struct snapshot snapshot = { 0 };
	char line[CMDLINE_MAX];

	if (!root->live)
		return WAY_UNKNOWN;
	if (root_read_line(root, "/proc/cmdline", line, sizeof(line)) < 0)
		line[0] = '\0';
	enum way_back way = backend_way_back(line, &snapshot);
	snapshot_free(&snapshot);
	return way;
}

/* ROOT DEST KERNEL: the dracut module and the initramfs-tools hook fill an image. */
static int internal_image(char **args)
{
	struct root root, dest;

	if (strlen(args[1]) < 2)
		bail(args[1], "an image is never built in the root directory");
	open_root(&root, args[0]);
	open_root(&dest, args[1]);
	return image_build(&root, &dest, args[2], find_way_back(&root)) < 0 ? EXIT_INVALID : 0;
}

/* LINE WORDS: the GRUB drop-in filters a line. */
static int print_words(char **args, bool flush)
{
	char *line = words_apply(args[0], args[1], flush, NULL);

	if (!line || puts(line) == EOF || fflush(stdout) != 0)
		return EXIT_INVALID;
	free(line);
	return 0;
}

static int internal(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "internal-image") == 0)
		return internal_image(argv + 2);
	if (argc == 2 && strcmp(argv[1], "internal-images") == 0)
		return change_images(&(struct request){ .root = "/" });
	if (argc == 2 && strcmp(argv[1], "internal-reboot-required") == 0)
		return check_reboot_required();
	if (argc == 4 && strcmp(argv[1], "internal-words") == 0)
		return print_words(argv + 2, false);
	if (argc == 5 && strcmp(argv[1], "internal-words") == 0 && strcmp(argv[2], "--flush") == 0)
		return print_words(argv + 3, true);
	bail(argv[1], "wrong arguments for an internal command");
}

/* --- The command line --------------------------------------------------------------------------------------------- */

struct invocation {
	enum command command;
	struct request request;
	struct show_request show;
	enum check_output check;
	const char *kernel; /* to read a line by, or NULL */
	unsigned given; /* bit (1 << option) for each that was */
	const char *argument[OPTIONS]; /* or NULL */
	char **args;    /* behind the command */
	int arg_count;
};
_Static_assert(OPTIONS <= 32, "given holds a bit for each option");

/* However it is spelt, the running system's root is no tree. */
static const char *tree_or_root(const char *dir)
{
	char real[PATH_MAX];

	return realpath(dir, real) && strcmp(real, "/") == 0 ? "/" : dir;
}

/* Takes one option; arg is NULL where none was given. */
static void take_option(struct invocation *in, enum option_id option, const char *arg)
{
	struct request *q = &in->request;

	in->given |= 1u << option;
	in->argument[option] = arg;
	switch (option) {
	case OPTION_ROOT: q->root = in->show.root = tree_or_root(arg); break;
	case OPTION_JSON:
		in->show.json = q->json = true;
		in->check = CHECK_JSON;
		break;
	case OPTION_GROUPS:
		in->show.groups = true;
		in->show.device = arg;
		break;
	case OPTION_REPORT: in->show.report = true; break;
	case OPTION_PROMETHEUS:
		in->show.feed = prometheus_print;
		in->show.feed_file = arg;
		break;
	case OPTION_NFD:
		in->show.feed = nfd_print;
		in->show.feed_file = arg;
		break;
	case OPTION_NAGIOS: in->check = CHECK_NAGIOS; break;
	case OPTION_KERNEL: in->kernel = arg; break;
	case OPTION_VERBOSE: q->verbose = in->show.verbose = true; break;
	case OPTION_QUIET: q->quiet = in->show.quiet = true; break;
	case OPTION_DRY_RUN: q->dry_run = true; break;
	case OPTION_FORCE: q->force = true; break;
	case OPTION_ON_MISMATCH: q->on_mismatch = arg; break;
	case OPTION_ON_LATE_MISMATCH: q->on_late_mismatch = arg; break;
	case OPTION_DELAY: q->delay = arg; break;
	case OPTION_FLUSH: q->flush = arg; break;
	case OPTION_INTERRUPTS: q->interrupts = arg; break;
	case OPTION_EXPOSED: q->exposed = arg; break;
	case OPTION_UNSAFE_INTERRUPTS: q->unsafe_interrupts = arg ? arg : "yes"; break;
	case OPTION_OVERRIDE: q->override = arg ? arg : "yes"; break;
	case OPTION_COMMIT:
		q->after_boot = strcmp(arg, "after-boot") == 0;
		q->at_once = !q->after_boot;
		break;
	case OPTION_EMIT:
		q->emit = arg;
		q->dry_run = true;
		break;
	case OPTION_BACKEND: q->backend = arg; break;
	case OPTION_INITRAMFS: q->initramfs = arg; break;
	case OPTION_VERSION:
		puts("iommu-install " VERSION);
		exit(0);
	case OPTION_HELP:
		usage_print();
		exit(0);
	case OPTION_PRINT_COMPLETION:
		exit(completion_print(arg) < 0 ? EXIT_INVALID : 0);
	case OPTIONS:
		break;
	}
}

/* A word that is none of the option's. */
static void refuse_value(enum option_id option, const char *arg)
{
	char what[64], values[128], meant[128], why[384];

	if (!arg || option_takes(option, arg))
		return;
	snprintf(what, sizeof(what), "--%s", option_table[option].name);
	option_values(option, values, sizeof(values));
	value_meant(option, arg, meant, sizeof(meant));
	snprintf(why, sizeof(why), "use %s, not '%.64s'%s", values, arg, meant);
	bail(what, why);
}

/* What getopt found wrong: `word` is what was typed, `option` the row of it, or OPTIONS: there is none. */
static _Noreturn void refuse_option(char *word, enum option_id option, bool lacks)
{
	const struct option_row *o = &option_table[option];
	char why[256], meant[128] = "";

	if (word[0] == '-' && word[1] == '-')
		word[strcspn(word, "=")] = '\0';
	if (option == OPTIONS) {
		if (word[1] == '-')
			option_meant(word + 2, meant, sizeof(meant));
		snprintf(why, sizeof(why), "no such option%s%s", meant[0] ? meant : ";",
			 " see iommu-install --help");
	} else if (lacks) {
		snprintf(why, sizeof(why), "needs an argument: --%s=%s", o->name, o->argument);
	} else {
		snprintf(why, sizeof(why), "takes no argument");
	}
	bail(word, why);
}

static void parse_options(int argc, char **argv, struct invocation *in)
{
	enum { LETTERS = 256 }; /* getopt's values: a letter, or the option's number behind them */
	struct option longopts[OPTIONS + 1] = { 0 };
	char letters[OPTIONS + 2] = ":";

	for (int i = 0; i < OPTIONS; i++) {
		const struct option_row *o = &option_table[i];
		int argument = !o->argument ? no_argument : o->optional ? optional_argument : required_argument;
		longopts[i] = (struct option){ o->name, argument, NULL, LETTERS + i };
		if (o->letter) /* none of which takes an argument */
			letters[strlen(letters)] = o->letter;
	}
	for (int c; (c = getopt_long(argc, argv, letters, longopts, NULL)) != -1;) {
		enum option_id option = OPTIONS;
		bool wrong = c == '?' || c == ':';
		int which = wrong ? optopt : c;

		for (int i = 0; i < OPTIONS; i++)
			if (which == LETTERS + i || (!wrong && which == option_table[i].letter))
				option = (enum option_id)i;
		char letter[] = { '-', (char)optopt, '\0' };
		if (wrong && option == OPTIONS && optopt)
			refuse_option(letter, option, false);
		if (wrong)
			refuse_option(argv[optind - 1], option, c == ':');
		if (option == OPTION_PRINT_COMPLETION) /* which ends here */
			refuse_value(option, optarg);
		take_option(in, option, optarg);
	}
}

/* Each is a form of its own, or goes with no other form; nothing is said at once more and less. */
static void refuse_together(unsigned given)
{
	static const enum option_id forms[][2] = {
		{ OPTION_JSON, OPTION_REPORT },       { OPTION_JSON, OPTION_PROMETHEUS },
		{ OPTION_JSON, OPTION_NAGIOS },       { OPTION_REPORT, OPTION_PROMETHEUS },
		{ OPTION_GROUPS, OPTION_PROMETHEUS }, { OPTION_GROUPS, OPTION_REPORT },
		{ OPTION_JSON, OPTION_NFD },          { OPTION_REPORT, OPTION_NFD },
		{ OPTION_GROUPS, OPTION_NFD },        { OPTION_PROMETHEUS, OPTION_NFD },
		{ OPTION_QUIET, OPTION_VERBOSE },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char what[64];

		if (!(given & (1u << forms[i][0])) || !(given & (1u << forms[i][1])))
			continue;
		snprintf(what, sizeof(what), "--%s and --%s", option_table[forms[i][0]].name,
			 option_table[forms[i][1]].name);
		bail(what, "use one of them");
	}
}

/* Before anything is known to be right: whether a command that changes is asked for, and its object. */
static void note_object(int argc, char **argv)
{
	const char *found = NULL;
	enum command command = COMMANDS;
	bool json = false;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		enum mode mode;

		json = json || strcmp(argv[i], "--json") == 0 ||
		       (argv[i][0] == '-' && argv[i][1] != '-' && strchr(argv[i], 'j'));
		if (!found && command_parse(argv[i], &command, &mode))
			found = argv[i];
	}
	object_of = json && found && command_changes(command) ? found : NULL;
}

static _Noreturn void refuse_command(const char *word)
{
	char meant[128], why[256];

	command_meant(word, meant, sizeof(meant));
	snprintf(why, sizeof(why), "no such command or mode%s see iommu-install --help", meant[0] ? meant : ";");
	bail(word[0] ? word : "''", why);
}

/* What a tree is read from has to be one. */
static void refuse_tree(const char *dir)
{
	char what[PATH_MAX + 16];
	struct stat st;

	if (!dir)
		return;
	if (!dir[0])
		bail("--root", "names no directory");
	snprintf(what, sizeof(what), "--root: %s", dir);
	if (stat(dir, &st) < 0)
		bail(what, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		bail(what, "is no directory");
}

static struct invocation parse(int argc, char **argv)
{
	struct invocation in = { .request = { .root = "/" }, .show = { .root = "/" } };

	note_object(argc, argv);
	parse_options(argc, argv, &in);
	const char *command = optind < argc ? argv[optind] : command_table[COMMAND_SHOW].name;
	if (!command_parse(command, &in.command, &in.request.mode))
		refuse_command(command);
	for (int i = 0; i < OPTIONS; i++) {
		char why[64];

		if (!(in.given & (1u << i)) || option_table[i].commands & (1u << in.command))
			continue;
		snprintf(why, sizeof(why), "takes no --%s; see iommu-install --help", option_table[i].name);
		bail(command, why);
	}
	for (int i = 0; i < OPTIONS; i++)
		refuse_value((enum option_id)i, in.argument[i]);
	refuse_together(in.given);
	refuse_tree(in.argument[OPTION_ROOT]);
	in.request.command = command;
	in.args = argv + optind + 1;
	in.arg_count = optind + 1 < argc ? argc - optind - 1 : 0;
	if (in.arg_count && !command_table[in.command].argument)
		bail(in.args[0], "unexpected argument; see iommu-install --help");
	return in;
}

int main(int argc, char **argv)
{
	startup_settle();
	unsetenv("POSIXLY_CORRECT"); /* options may stand behind the command */
	if (argc > 1 && strncmp(argv[1], "internal-", 9) == 0)
		return internal(argc, argv);

	const struct invocation in = parse(argc, argv);
	const struct request *q = &in.request;
	switch (in.command) {
	case COMMAND_SHOW: return show(&in.show);
	case COMMAND_STATUS: return status(&in.show);
	case COMMAND_MODE: return change_mode(q);
	case COMMAND_CHECK: return check_next_boot(q, in.check);
	case COMMAND_ROLLBACK: return change_rollback(q);
	case COMMAND_RESUME: return change_resume(q);
	case COMMAND_REMOVE: return change_remove(q);
	case COMMAND_EXPLAIN:
		return explain(&(struct explain_request){ q->root, in.kernel, in.args, in.arg_count, q->json });
	case COMMANDS: break;
	}
	return EXIT_INVALID;
}
