/* What the machine is, wants and will be; see show.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "colour.h"
#include "details.h"
#include "health.h"
#include "prometheus.h"
#include "refuse.h"
#include "report.h"
#include "show-groups.h"
#include "show-report.h"
#include "tree.h"

/* The mode that every own entry asks for. */
static enum mode asked_for(const struct backend *backend, const struct evidence *e)
{
	enum mode mode = MODE_UNKNOWN;
	struct boot_entries entries;
	char *why = NULL;

	if (backend->read(&entries, &why) == 0)
		for (size_t i = 0; i < entries.count; i++) {
			if (!entries.list[i].own)
				continue;
			enum mode by_line = cmdline_mode(entries.list[i].words, e->vendor, e->kernel);
			mode = mode == MODE_UNKNOWN || mode == by_line ? by_line : MODE_MIXED;
		}
	boot_entries_free(&entries);
	free(why);
	return mode;
}

/* Of a tree: a process of its own goes into it, says nothing, and its exit status is the mode. */
static enum mode asked_for_in(const char *dir, const struct evidence *e)
{
	int status = 0;
	bool device;

	pid_t child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, STDERR_FILENO);
		const struct backend *backend = tree_enter(dir, &device) < 0 ? NULL : backend_guess(true, NULL);
		_exit(backend ? (int)asked_for(backend, e) : MODE_UNKNOWN);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) <= MODE_DEFAULT ? (enum mode)WEXITSTATUS(status) : MODE_UNKNOWN;
}

static void look_ahead(struct survey *s)
{
	const struct evidence *e = &s->facts->evidence;

	if (s->root->live) {
		s->backend = backend_guess(true, s->facts);
		s->next_boot = s->backend ? asked_for(s->backend, e) : MODE_UNKNOWN;
	} else {
		s->next_boot = geteuid() == 0 ? asked_for_in(s->root->dir, e) : MODE_UNKNOWN;
	}
	s->needs_root = s->next_boot == MODE_UNKNOWN && geteuid() != 0;
}

/* Entries of a directory but for "." and ".."; 0 if it is not there. */
static unsigned count_entries(const struct root *root, const char *path)
{
	unsigned count = 0;
	DIR *dir = root_opendir(root, path);

	if (!dir)
		return 0;
	for (const struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static void show_json(const struct survey *s, bool groups)
{
	report_json(stdout, s->facts, &s->judgement, decide(s->facts, &s->judgement).override, NULL);
	if (s->next_boot == MODE_UNKNOWN)
		fputs(",\n \"next_boot\": null", stdout);
	else
		printf(",\n \"next_boot\": \"%s\"", mode_name(s->next_boot));
	printf(",\n \"iommufd\": %s, \"vfio_cdev\": %u,\n ", s->iommufd ? "true" : "false", s->cdevs);
	health_json(s);
	if (groups) {
		fputs(",\n ", stdout);
		groups_json(s);
	}
	puts("}");
}

static void show_text(const struct survey *s, bool groups)
{
	const struct facts *f = s->facts;
	const struct evidence *e = &f->evidence;
	char effective[256];

	report_effective(e, effective, sizeof(effective));
	printf("%-11s %s\n", "cmdline:", e->cmdline);
	printf("%-11s %s\n", "mode:", mode_name(cmdline_mode(e->cmdline, e->vendor, e->kernel)));
	printf("%-11s %s\n", "effective:", effective);
	report_outliers(stdout, &e->groups);
	if (groups)
		groups_print(s, false);
	if (e->flush != FLUSH_NONE)
		printf("%-11s %s\n", "flush:", flush_name(e->flush));
	if (f->target_status == 0)
		printf("%-11s %s (on-mismatch=%s)\n", "target:", mode_name(f->target.mode), policy_name(f->target.on_mismatch));
	else
		printf("%-11s %s\n", "target:", f->target_status == -ENOENT ? "none" : "invalid");
	printf("%-11s %s\n", "next boot:", s->needs_root ? "needs root" : mode_name(s->next_boot));
	report_modules(stdout, &e->params);
	printf("%-11s %s\n", "iommufd:", s->iommufd ? "yes" : "no");
	printf("%-11s %u\n", "vfio-cdev:", s->cdevs);
	health_print(s);
	printf("%-11s %s%s%s%s\n", "verdict:", colour(verdict_colour(s->judgement.verdict)), verdict_name(s->judgement.verdict),
	       colour(COLOUR_NONE), s->judgement.transitional ? " (transitional)" : "");
	report_findings(stdout, &s->judgement);
}

int show(const struct show_request *q)
{
	static struct facts facts; /* too large for a careful stack */
	struct survey s = { .facts = &facts };
	struct root root;
	int code = 0;

	int r = root_init(&root, q->root);
	if (r < 0)
		return fail("%s: %s", q->root, strerror(-r));
	s.root = &root;
	facts_collect(&root, NULL, PHASE_LATE, &facts);
	judge(&facts, &s.judgement);
	evidence_complete(&root, &facts.evidence);
	look_ahead(&s);
	s.iommufd = root_exists(&root, "/dev/iommu");
	s.cdevs = count_entries(&root, "/dev/vfio/devices");

	if (q->prometheus)
		code = prometheus_write(&s, q->prometheus_file);
	else if (q->report)
		report_redacted(&s);
	else if (q->json)
		show_json(&s, q->groups);
	else
		show_text(&s, q->groups);
	if (q->verbose && !q->json && !q->report && !q->prometheus)
		details_print(&root, &facts);
	facts_free(&facts);
	root_close(&root);
	return fflush(stdout) == 0 ? code : EXIT_INVALID;
}
