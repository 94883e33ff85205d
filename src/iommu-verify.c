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
#include "helper/systemd.h"
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
	"usage: iommu-verify [OPTION]...\n"
	"Compares what the IOMMU really does with the mode wanted in " TARGET_PATH ".\n"
	"  --root DIR     read that tree, not the running system\n"
	"  --target FILE  read the wanted mode from FILE\n"
	"  --phase early|late\n"
	"                 in the initramfs, or after (default)\n"
	"  --enforce      log, record, act as the target says\n"
	"  --json, --quiet, --version, --help\n"
	"exit status: 0 match, 1 usage or invalid target, 2 mismatch, 3 pending, 4 cannot tell, 6 no target;\n"
	"with --enforce: 0 go on, anything else stop\n";

/* Prints one line of what is wrong and ends. */
static _Noreturn void bail(const char *what, const char *why)
{
	fprintf(stderr, "iommu-verify: %s: %s\n", what, why);
	exit(EXIT_INVALID);
}

static struct options parse_options(int argc, char **argv)
{
	enum { OPT_ROOT = 1, OPT_TARGET, OPT_PHASE, OPT_ENFORCE, OPT_JSON, OPT_QUIET, OPT_VERSION, OPT_HELP };
	static const struct option longopts[] = {
		{ "root", required_argument, NULL, OPT_ROOT },
		{ "target", required_argument, NULL, OPT_TARGET },
		{ "phase", required_argument, NULL, OPT_PHASE },
		{ "enforce", no_argument, NULL, OPT_ENFORCE },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "quiet", no_argument, NULL, OPT_QUIET },
		{ "version", no_argument, NULL, OPT_VERSION },
		{ "help", no_argument, NULL, OPT_HELP },
		{ 0 },
	};
	struct options o = { .root = "/", .phase = PHASE_LATE };

	for (int c; (c = getopt_long(argc, argv, "", longopts, NULL)) != -1;) {
		switch (c) {
		case OPT_ROOT:
			o.root = optarg;
			break;
		case OPT_TARGET:
			o.target = optarg;
			break;
		case OPT_PHASE:
			if (strcmp(optarg, "early") != 0 && strcmp(optarg, "late") != 0)
				bail("--phase", "use early or late");
			o.phase = optarg[0] == 'e' ? PHASE_EARLY : PHASE_LATE;
			break;
		case OPT_ENFORCE:
			o.enforce = true;
			break;
		case OPT_JSON:
			o.json = true;
			break;
		case OPT_QUIET:
			o.quiet = true;
			break;
		case OPT_VERSION:
			puts("iommu-verify " VERSION);
			exit(0);
		case OPT_HELP:
			fputs(usage, stdout);
			exit(0);
		default:
			fputs("iommu-verify: see iommu-verify --help\n", stderr);
			exit(EXIT_INVALID);
		}
	}
	if (optind < argc)
		bail(argv[optind], "unexpected argument; see iommu-verify --help");
	return o;
}

/* --enforce acts on the machine it runs on, so it must be sure which one that is. */
static void refuse_enforce(const struct options *o)
{
	if (strcmp(o->root, "/") != 0)
		bail("--enforce", "refused with --root: it acts on the running machine");
	if (o->phase == PHASE_EARLY && !in_initramfs())
		bail("--enforce", "refused with --phase early: this is not an initramfs");
	if (o->phase == PHASE_LATE && o->target)
		bail("--enforce", "refused with --target: the late check judges by what the early one judged by");
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
		bail(o.root, strerror(-r));

	/* A running system is never kept waiting by a check that hangs; enforce.c calls this off before it stops
	 * one. */
	if (o.enforce && o.phase == PHASE_LATE)
		alarm(LATE_SECONDS);
	facts_collect(&root, o.target, o.phase, &facts);
	judge(&facts, &judgement);
	struct decision decision = decide(&facts, &judgement);
	/* Where the machine is in its life matters only to what would be stopped. */
	if (o.enforce && o.phase == PHASE_LATE && decision.stop) {
		facts.stage = late_stage();
		decision = decide(&facts, &judgement);
	}

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
