/* What the machine is, wants and will be; see survey.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bootloader/choose.h"
#include "change/reboot-required.h"
#include "show/checks.h"
#include "show/colour.h"
#include "show/evidence-list.h"
#include "show/groups-list.h"
#include "show/prometheus.h"
#include "show/public-report.h"
#include "system/chroot.h"

/* The mode that every own entry asks for. */
static enum mode asked_for(const struct loader *loader, const struct evidence *e)
{
	const struct boot_entries *entries = &loader->entries;
	enum mode mode = MODE_UNKNOWN;

	for (size_t i = 0; i < entries->count; i++) {
		if (!entries->list[i].own)
			continue;
		enum mode by_line = cmdline_mode(entries->list[i].words, e->vendor, e->kernel);
		mode = mode == MODE_UNKNOWN || mode == by_line ? by_line : MODE_MIXED;
	}
	return mode;
}

/* Of a tree: a process of its own goes into it, says nothing, and its exit status is the mode. */
static enum mode asked_for_in(const char *dir, const struct evidence *e)
{
	static struct snapshot snapshot; /* too large for a careful stack */
	int status = 0;
	bool device;

	pid_t child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, STDERR_FILENO);
		const struct backend *backend =
			chroot_enter(dir, &device) < 0 ? NULL : backend_guess(true, NULL, &snapshot);
		_exit(backend ? (int)asked_for(snapshot_of(&snapshot, backend), e) : MODE_UNKNOWN);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) <= MODE_DEFAULT ? (enum mode)WEXITSTATUS(status)
										     : MODE_UNKNOWN;
}

/* What the early check of the next boot would find, by each entry. A change is pending only while that is as wanted. */
static void foresee(struct survey *s)
{
	const struct facts *f = s->facts;
	struct judgement *j = &s->judgement;

	if (!s->loader || s->loader->error.code < 0 ||
	    predictions_make(s->loader, NULL, &f->evidence, f->target_status != -ENOENT, &s->predictions) < 0)
		return;
	s->foreseen = s->reboot_safe = true;
	for (size_t i = 0; i < s->predictions.count; i++) {
		const struct prediction *p = &s->predictions.list[i];
		if (!p->counted)
			continue;
		s->matching += p->verdict == VERDICT_MATCH;
		s->mismatching += p->verdict == VERDICT_MISMATCH;
		s->unknown += p->verdict == VERDICT_UNKNOWN;
		s->unchecked += p->hook == HOOK_NONE;
		s->reboot_required = s->reboot_required || reboot_waits(p->words, &f->evidence);
	}
	s->reboot_safe = s->mismatching == 0 && s->unknown == 0;
	if (j->verdict == VERDICT_PENDING && !s->reboot_safe)
		j->verdict = VERDICT_MISMATCH;
}

static void look_ahead(struct survey *s)
{
	const struct evidence *e = &s->facts->evidence;

	if (s->root->live) {
		const struct backend *backend = backend_guess(true, s->facts->evidence.cmdline, &s->snapshot);
		s->loader = backend ? snapshot_of(&s->snapshot, backend) : NULL;
		s->next_boot = s->loader ? asked_for(s->loader, e) : MODE_UNKNOWN;
		foresee(s);
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

void survey_take(const struct root *root, struct facts *facts, struct survey *s)
{
	*s = (struct survey){ .root = root, .facts = facts };
	facts_collect(root, NULL, PHASE_LATE, facts);
	judge(facts, &s->judgement);
	evidence_complete(root, &facts->evidence);
	look_ahead(s);
	s->iommufd = root_exists(root, "/dev/iommu");
	s->cdevs = count_entries(root, "/dev/vfio/devices");
}

void survey_free(struct survey *s)
{
	predictions_free(&s->predictions);
	snapshot_free(&s->snapshot);
}
