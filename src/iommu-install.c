/* iommu-install: sets the IOMMU mode through the machine's own boot loader, and shows what it is.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "check.h"
#include "explain.h"
#include "image-build.h"
#include "modes.h"
#include "show.h"
#include "target.h"
#include "words.h"

static const char usage[] =
	"usage: iommu-install [OPTION]... [COMMAND]\n"
	"\n"
	"  show                                  what the machine does, wants and will do (default)\n"
	"  off-for-uio|off-for-vfio|strict|pt    set that mode; it takes effect with the next boot\n"
	"  check                                 will the next boot, by each entry, be as it should?\n"
	"  rollback                              back to what was before the last change\n"
	"  resume                                finish a change that was interrupted, or seal one committed after the boot\n"
	"  remove                                take words, target and checks out again\n"
	"  explain [CMDLINE|-]                   what each word of a kernel command line does (default: the running one)\n"
	"\n"
	"options of every command:\n"
	"  --root DIR                work on the tree at DIR instead of the running system\n"
	"  --json                    show, check: print JSON\n"
	"  --verbose, --quiet        say more (show: all evidence with its sources), say nothing but errors\n"
	"  --version, --help\n"
	"\n"
	"options of the commands that set a mode; policies not given stay as they are in " TARGET_PATH ":\n"
	"  --dry-run                 print what would be done; needs no root\n"
	"  --on-mismatch=WHAT        what an early check does: warn, halt, poweroff or reboot\n"
	"  --on-late-mismatch=WHAT   after the boot: warn or same\n"
	"  --delay=SECONDS           how long the message stays before a poweroff or reboot\n"
	"  --flush=POLICY            any, sync or lazy; the last two with strict only\n"
	"  --allow-unsafe-interrupts[=yes|no]\n"
	"  --allow-override[=yes|no] may rd.iommu.verify=warn soften the policy for one boot?\n"
	"  --emit=kargs.d|ukify-addon  print the words for bootc, or for an addon of a unified kernel image; changes nothing\n"
	"  --backend=NAME            grub, grub-file, bls, systemd-boot or uki\n"
	"  --initramfs=NAME          dracut, initramfs-tools or none\n"
	"  --commit=now|after-boot   when images stop accepting the old mode (default: now)\n"
	"  --force                   set a mode that this machine or kernel can't have\n"
	"\n"
	"exit status: 0 done or shown, 1 usage, missing tool or failure, 5 refused: this machine or kernel can't do that;\n"
	"check: 0 all entries match, 2 one would not, 4 can't tell, 6 no target\n";

static _Noreturn void bail(const char *what, const char *why)
{
	fprintf(stderr, "iommu-install: %s: %s\n", what, why);
	exit(EXIT_INVALID);
}

/* --- Internal commands: called by our own pieces, not by people --------------------------------------------------- */

static void open_root(struct root *root, const char *dir)
{
	int r = root_init(root, dir);
	if (r < 0)
		bail(dir, strerror(-r));
}

/* ROOT DEST KERNEL: the dracut module and the initramfs-tools hook fill an image. */
static int internal_image(char **args)
{
	struct root root, dest;

	if (strlen(args[1]) < 2)
		bail(args[1], "an image is never built in the root directory");
	open_root(&root, args[0]);
	open_root(&dest, args[1]);
	return image_build(&root, &dest, args[2]) < 0 ? EXIT_INVALID : 0;
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
	if (argc == 4 && strcmp(argv[1], "internal-words") == 0)
		return print_words(argv + 2, false);
	if (argc == 5 && strcmp(argv[1], "internal-words") == 0 && strcmp(argv[2], "--flush") == 0)
		return print_words(argv + 3, true);
	bail(argv[1], "wrong arguments for an internal command");
}

/* --- The command line ----------------------------------------------------------------------------------------------- */

struct options {
	struct request request;
	bool json, setting; /* setting: an option was given that only a mode can use; */
	bool tools;         /* one that says by which programs */
};

/* However it is spelt, the running system's root is no tree. */
static const char *tree_or_root(const char *dir)
{
	char real[PATH_MAX];

	return realpath(dir, real) && strcmp(real, "/") == 0 ? "/" : dir;
}

static struct options parse_options(int argc, char **argv)
{
	enum { ROOT = 1, JSON, VERBOSE, QUIET, VERSION_OPT, HELP, DRY_RUN, FORCE, ON_MISMATCH, ON_LATE, DELAY, FLUSH, UNSAFE,
	       OVERRIDE, COMMIT, EMIT, BACKEND, INITRAMFS };
	static const struct option longopts[] = {
		{ "root", required_argument, NULL, ROOT },
		{ "json", no_argument, NULL, JSON },
		{ "verbose", no_argument, NULL, VERBOSE },
		{ "quiet", no_argument, NULL, QUIET },
		{ "version", no_argument, NULL, VERSION_OPT },
		{ "help", no_argument, NULL, HELP },
		{ "dry-run", no_argument, NULL, DRY_RUN },
		{ "force", no_argument, NULL, FORCE },
		{ "on-mismatch", required_argument, NULL, ON_MISMATCH },
		{ "on-late-mismatch", required_argument, NULL, ON_LATE },
		{ "delay", required_argument, NULL, DELAY },
		{ "flush", required_argument, NULL, FLUSH },
		{ "allow-unsafe-interrupts", optional_argument, NULL, UNSAFE },
		{ "allow-override", optional_argument, NULL, OVERRIDE },
		{ "commit", required_argument, NULL, COMMIT },
		{ "emit", required_argument, NULL, EMIT },
		{ "backend", required_argument, NULL, BACKEND },
		{ "initramfs", required_argument, NULL, INITRAMFS },
		{ 0 },
	};
	struct options o = { .request = { .root = "/" } };
	struct request *q = &o.request;

	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		o.setting = o.setting || (c >= DRY_RUN && c < BACKEND);
		o.tools = o.tools || c >= BACKEND;
		switch (c) {
		case ROOT: q->root = tree_or_root(optarg); break;
		case JSON: o.json = true; break;
		case VERBOSE: q->verbose = true; break;
		case QUIET: q->quiet = true; break;
		case DRY_RUN: q->dry_run = true; break;
		case FORCE: q->force = true; break;
		case ON_MISMATCH: q->on_mismatch = optarg; break;
		case ON_LATE: q->on_late_mismatch = optarg; break;
		case DELAY: q->delay = optarg; break;
		case FLUSH: q->flush = optarg; break;
		case UNSAFE: q->unsafe_interrupts = optarg ? optarg : "yes"; break;
		case OVERRIDE: q->override = optarg ? optarg : "yes"; break;
		case COMMIT:
			q->after_boot = strcmp(optarg, "after-boot") == 0;
			if (!q->after_boot && strcmp(optarg, "now") != 0)
				bail("--commit", "use now or after-boot");
			break;
		case EMIT:
			q->emit = optarg;
			q->dry_run = true;
			break;
		case BACKEND: q->backend = optarg; break;
		case INITRAMFS: q->initramfs = optarg; break;
		case VERSION_OPT:
			puts("iommu-install " VERSION);
			exit(0);
		case HELP:
			fputs(usage, stdout);
			exit(0);
		default:
			fputs("iommu-install: see iommu-install --help\n", stderr);
			exit(EXIT_INVALID);
		}
	}
	return o;
}

/* The commands that take no argument. */
static const struct {
	const char *name;
	int (*run)(const struct request *);
	bool tools; /* --backend and --initramfs make sense */
} commands[] = {
	{ "rollback", change_rollback, true },
	{ "resume", change_resume, false },
	{ "remove", change_remove, true },
};

static int run_command(const char *command, struct options *o)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(command, commands[i].name) != 0)
			continue;
		if (o->setting || (o->tools && !commands[i].tools))
			bail(command, "takes none of the options that set a mode");
		if (o->json)
			bail("--json", "only show and check print JSON");
		return commands[i].run(&o->request);
	}
	if (strcmp(command, "show") != 0 && strcmp(command, "check") != 0)
		bail(command, "no such command or mode; see iommu-install --help");
	if (o->setting || o->tools)
		bail(command, "takes none of the options that set a mode");
	return command[0] == 's' ? show(o->request.root, o->json, o->request.verbose) : check(&o->request, o->json);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strncmp(argv[1], "internal-", 9) == 0)
		return internal(argc, argv);

	struct options o = parse_options(argc, argv);
	const char *command = optind < argc ? argv[optind] : "show";
	if (strcmp(command, "explain") == 0) {
		if (o.setting || o.tools || o.json)
			bail("explain", "takes a command line, and no options");
		return explain(o.request.root, argv + optind + 1, argc - optind - 1);
	}
	if (optind + 1 < argc)
		bail(argv[optind + 1], "unexpected argument; see iommu-install --help");
	if (!mode_parse(command, &o.request.mode))
		return run_command(command, &o);
	if (o.json)
		bail("--json", "only show and check print JSON");
	return change_mode(&o.request);
}
