/* iommu-verify: compares the effective IOMMU mode with the wanted one, early in every boot.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * The flow is evidence -> verdict -> action; each has its own file.
 */
#include <errno.h>
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

enum { LATE_SECONDS = 30 }; /* less than its unit's TimeoutStartSec= */

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

/* The first three take an argument, the last four have a short form. */
enum option { OPT_ROOT, OPT_TARGET, OPT_PHASE, OPT_ENFORCE, OPT_JSON, OPT_QUIET, OPT_VERSION, OPT_HELP, OPTS };
static const char names[OPTS][8] = { "root", "target", "phase", "enforce", "json", "quiet", "version", "help" };
static const char letters[] = "jqVh";

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

static void take(struct options *o, enum option option, const char *arg)
{
	switch (option) {
	case OPT_ROOT: o->root = arg; break;
	case OPT_TARGET: o->target = arg; break;
	case OPT_PHASE: o->phase = parse_phase(arg); break;
	case OPT_ENFORCE: o->enforce = true; break;
	case OPT_JSON: o->json = true; break;
	case OPT_QUIET: o->quiet = true; break;
	case OPT_VERSION:
		puts("iommu-verify " VERSION);
		exit(0);
	case OPT_HELP:
		fputs(usage, stdout);
		exit(0);
	case OPTS:
		break;
	}
}

static const char no_such[] = "no such option; see iommu-verify --help";

/* A word of letters behind its dash. */
static void take_letters(struct options *o, const char *word)
{
	for (const char *c = word + 1; *c; c++) {
		const char *letter = strchr(letters, *c);

		if (!letter)
			bail((char[]){ '-', *c, '\0' }, no_such);
		take(o, OPT_JSON + (enum option)(letter - letters), NULL);
	}
}

/* "--name", "--name=ARGUMENT", or with the next word as its argument; the name's beginning is enough, as it is for
 * getopt_long(3): no two begin alike. Returns how many words it took. */
static int take_name(struct options *o, char *word, char *next)
{
	size_t len = strcspn(word + 2, "=");
	char *arg = word[2 + len] ? word + 2 + len + 1 : NULL;
	enum option option = 0;

	while (option < OPTS && (len == 0 || strncmp(names[option], word + 2, len) != 0))
		option++;
	if (option < OPT_ENFORCE && !arg && !next)
		bail(word, "needs an argument; see iommu-verify --help");
	word[2 + len] = '\0';
	if (option == OPTS)
		bail(word, no_such);
	if (option >= OPT_ENFORCE && arg)
		bail(word, "takes no argument");
	take(o, option, arg ? arg : next);
	return option < OPT_ENFORCE && !arg ? 2 : 1;
}

/* Musl's getopt_long() would be 3 KiB of every image. */
static struct options parse_options(int argc, char **argv)
{
	struct options o = { .root = "/", .phase = PHASE_LATE };
	const char *stray = NULL;
	bool words = false; /* behind a lone -- */

	for (int i = 1; i < argc;) {
		char *word = argv[i];
		bool option = word[0] == '-' && word[1] && !words;

		if (!option && !stray)
			stray = word;
		words = words || strcmp(word, "--") == 0;
		if (option && word[1] != '-')
			take_letters(&o, word);
		i += option && word[1] == '-' && word[2] ? take_name(&o, word, argv[i + 1]) : 1;
	}
	if (stray)
		bail(stray, "unexpected argument; see iommu-verify --help");
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
