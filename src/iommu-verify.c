/* iommu-verify: compares the effective IOMMU mode with the wanted one, early in every boot.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The flow is evidence -> verdict -> action; each has its own file.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/startup.h"
#include "helper/enforce.h"
#include "verdict/decision.h"
#include "verdict/facts.h"
#include "verdict/report.h"
#include "verdict/verdict.h"

enum { LATE_SECONDS = 60 };

struct options {
	const char *root;
	const char *target; /* or NULL: the root's own */
	enum phase phase;
	bool enforce, json, quiet;
};

static const char usage[] =
	"usage: iommu-verify [OPTION]...   is the IOMMU in the mode of " TARGET_PATH "?\n"
	"  --root DIR     judge that tree\n"
	"  --target FILE  read the wanted mode from FILE\n"
	"  --phase early|late\n"
	"                 in the initramfs, or after (default)\n"
	"  --enforce      log, record, act as the target says\n"
	"  --json, -j     print JSON\n"
	"  --quiet, -q    print nothing\n"
	"  --version, -V\n"
	"  --help, -h\n"
	"exit status: 0 match, 1 usage or invalid target, 2 mismatch, 3 pending, 4 cannot tell, 6 no target;\n"
	"--enforce: 0 go on, else stop\n";

/* Prints one line of what is wrong and ends. */
static _Noreturn void bail(const char *what, const char *why)
{
	fprintf(stderr, "iommu-verify: %s: %s\n", what, why);
	exit(EXIT_INVALID);
}

/* The short forms are their letters. */
enum { OPT_ROOT = 256, OPT_TARGET, OPT_PHASE, OPT_ENFORCE };

static const struct option longopts[] = {
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "target", required_argument, NULL, OPT_TARGET },
	{ "phase", required_argument, NULL, OPT_PHASE },
	{ "enforce", no_argument, NULL, OPT_ENFORCE },
	{ "json", no_argument, NULL, 'j' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

/* An option that there is not, or whose argument is missing or too much: `word` is what was typed. */
static _Noreturn void bail_option(char *word, bool lacks)
{
	const char *name = word + strspn(word, "-");

	if (lacks)
		bail(word, "needs an argument; see iommu-verify --help");
	word[strcspn(word, "=")] = '\0';
	for (size_t i = 0; longopts[i].name; i++)
		if (strcmp(name, longopts[i].name) == 0)
			bail(word, "takes no argument");
	bail(word, "no such option; see iommu-verify --help");
}

static enum phase parse_phase(const char *word)
{
	char why[96];

	if (strcmp(word, "early") == 0)
		return PHASE_EARLY;
	if (strcmp(word, "late") == 0)
		return PHASE_LATE;
	snprintf(why, sizeof(why), "use early or late, not '%.32s'", word);
	bail("--phase", why);
}

static struct options parse_options(int argc, char **argv)
{
	struct options o = { .root = "/", .phase = PHASE_LATE };

	for (int c; (c = getopt_long(argc, argv, ":jqVh", longopts, NULL)) != -1;) {
		switch (c) {
		case OPT_ROOT:
			o.root = optarg;
			break;
		case OPT_TARGET:
			o.target = optarg;
			break;
		case OPT_PHASE:
			o.phase = parse_phase(optarg);
			break;
		case OPT_ENFORCE:
			o.enforce = true;
			break;
		case 'j':
			o.json = true;
			break;
		case 'q':
			o.quiet = true;
			break;
		case 'V':
			puts("iommu-verify " VERSION);
			exit(0);
		case 'h':
			fputs(usage, stdout);
			exit(0);
		default:
			if (optopt > 0 && optopt < OPT_ROOT && argv[optind - 1][1] != '-')
				bail_option((char[]){ '-', (char)optopt, '\0' }, false);
			bail_option(argv[optind - 1], c == ':');
		}
	}
	if (optind < argc)
		bail(argv[optind], "unexpected argument; see iommu-verify --help");
	return o;
}

/* What was named and can't be had. */
static _Noreturn void bail_place(const char *option, const char *path, int code)
{
	char why[300];

	if (!path[0])
		bail(option, "names nothing");
	snprintf(why, sizeof(why), "%.250s: %s", path, strerror(code));
	bail(option, why);
}

/* --enforce acts on the machine it runs on, so it must be sure which one that is. */
static void refuse_enforce(const struct options *o)
{
	if (strcmp(o->root, "/") != 0)
		bail("--enforce", "refused with --root: it acts on the running machine");
	if (o->phase == PHASE_EARLY && !in_initramfs())
		bail("--enforce", "refused with --phase early: this is not an initramfs");
	if (o->phase == PHASE_LATE && o->target)
		bail("--enforce", "refused with --target: the early check's counts");
	if (o->phase == PHASE_LATE && geteuid() != 0)
		bail("--enforce", "refused: needs root");
}

int main(int argc, char **argv)
{
	static struct facts facts; /* too large for a careful stack */
	static struct judgement judgement; /* so is this */
	struct root root;

	startup_settle();
	const struct options o = parse_options(argc, argv);
	if (o.enforce)
		refuse_enforce(&o);
	int r = root_init(&root, o.root);
	if (r < 0)
		bail_place("--root", o.root, -r);
	/* With --enforce a target that is missing is an answer, which the policy is for. */
	if (o.target && !o.enforce && access(o.target, F_OK) < 0)
		bail_place("--target", o.target, errno);

	/* A running system is never kept waiting by a check that hangs; enforce.c calls this off before it stops
	 * one. */
	if (o.enforce && o.phase == PHASE_LATE)
		alarm(LATE_SECONDS);
	facts_collect(&root, o.target, o.phase, &facts);
	judge(&facts, &judgement);
	const struct decision decision = decide(&facts, &judgement);

	if (o.json) {
		report_json(stdout, &facts, &judgement, decision.override, NULL);
		puts("}");
	} else if (!o.quiet && !o.enforce) {
		report_text(stdout, &facts, &judgement);
	}
	if (fflush(stdout) != 0 && !o.enforce)
		bail("standard output", strerror(errno));

	int status = decision.give_up ? EXIT_INVALID : 0;
	if (o.enforce)
		act(&facts, &judgement, &decision);
	else
		status = verdict_exit(&facts, &judgement);
	facts_free(&facts);
	root_close(&root);
	return status;
}
