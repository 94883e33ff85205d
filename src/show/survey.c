/* What the machine is, wants and will be; see survey.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/paths.h"
#include "change/journal.h"
#include "change/reboot-required.h"
#include "change/started-by.h"
#include "nextboot/prediction.h"
#include "system/chroot.h"
#include "system/container.h"

/* The mode that every own entry asks for. */
static enum mode asked_for(const struct loader *loader, const struct evidence *e)
{
	const struct boot_entries *entries = &loader->entries;
	enum mode mode = MODE_UNKNOWN;

	for (size_t i = 0; i < entries->count; i++) {
		if (!entries->list[i].own)
			continue;
		const char *at = NULL;
		enum mode by_line = cmdline_mode(entries->list[i].words, e->vendor, e->kernel);
		bool doubt = entries->list[i].doubt;
		for (char *line; !doubt && (line = boot_entry_line(&entries->list[i], &at)); free(line))
			doubt = cmdline_mode(line, e->vendor, e->kernel) != by_line;
		if (doubt)
			return MODE_UNKNOWN;
		mode = mode == MODE_UNKNOWN || mode == by_line ? by_line : MODE_MIXED;
	}
	return mode;
}

/* How bad an entry is: what stops comes before what is only wrong, and what is wrong before what can't be told. */
static int badness(const struct prediction *p)
{
	return (p->verdict == VERDICT_MISMATCH ? 2 : p->verdict == VERDICT_UNKNOWN) + (prediction_stops(p) ? 3 : 0);
}

/* Several entries have one image. */
static void note_image(const struct prediction *p, struct outlook *o)
{
	unsigned i = 0;

	while (i < o->nimages && strcmp(o->images[i].path, p->image) != 0)
		i++;
	if (!p->image[0] || i < o->nimages || i == OUTLOOK_IMAGES)
		return;
	o->images[o->nimages++] = (struct outlook_image){
		.status = p->status, .has_target = p->status == 0 && p->target_status == 0, .mode = p->target.mode,
		.policy = p->enforce
	};
	memcpy(o->images[i].path, p->image, sizeof(o->images[i].path));
}

/* What the early check of the next boot would find, by each entry. now is NULL in a tree. */
static void foresee(const struct loader *loader, const struct evidence *now, struct wanted wanted, struct outlook *o)
{
	struct predictions predictions;
	int worst = 0;

	if (!loader || loader->error.code < 0 ||
	    predictions_make(loader, NULL, now, wanted, &predictions) < 0)
		return;
	o->foreseen = true;
	for (size_t i = 0; i < predictions.count; i++) {
		const struct prediction *p = &predictions.list[i];
		if (!p->counted)
			continue;
		o->counted++;
		note_image(p, o);
		o->matching += p->verdict == VERDICT_MATCH;
		o->mismatching += p->verdict == VERDICT_MISMATCH;
		o->unknown += p->verdict == VERDICT_UNKNOWN;
		o->unchecked += p->hook == HOOK_NONE;
		o->reboot_required = o->reboot_required || (now && reboot_waits(p->words, now));
		if (prediction_stops(p)) {
			o->stop = o->stopping++ ? o->stop : prediction_policy(p);
			o->default_stops = o->default_stops || p->by_default != PRESENCE_NO;
		}
		if (badness(p) > worst) {
			worst = badness(p);
			snprintf(o->why, sizeof(o->why), "%s", p->why ? p->why : "");
		}
	}
	o->reboot_safe = o->mismatching == 0 && o->unknown == 0 && (o->counted || !wanted.any);
	predictions_free(&predictions);
}

static void look_for_change(const char *boot_id, struct outlook *o)
{
	struct journal j;
	bool open;

	o->change_open = geteuid() == 0 && journal_read(&j, &open) == 0 && open;
	o->change_waits = o->change_open && journal_waits(&j, boot_id);
}

/* What a tree's own process tells. */
struct told {
	enum mode mode;
	struct outlook next;
};

static void look_inside(const char *dir, const struct facts *f, struct told *told)
{
	static struct snapshot snapshot; /* too large for a careful stack */
	bool device;

	if (chroot_enter(dir, &device) < 0)
		return;
	const struct backend *backend = started_by(NULL, &snapshot);
	const struct loader *loader = backend ? snapshot_of(&snapshot, backend) : NULL;
	if (loader)
		told->mode = asked_for(loader, &f->evidence);
	foresee(loader, NULL, facts_wanted(f), &told->next);
	look_for_change(NULL, &told->next);
}

/* Of a tree: a process of its own goes into it, and says nothing to anybody else. */
static struct told look_into(const char *dir, const struct facts *f)
{
	struct told told = { .mode = MODE_UNKNOWN }, nothing = told;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return nothing;
	pid_t child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, STDERR_FILENO);
		look_inside(dir, f, &told);
		_exit(write_all(ends[1], &told, sizeof(told)) < 0);
	}
	close(ends[1]);
	char text[sizeof(told) + 1];
	bool whole = child > 0 && read_all(ends[0], text, sizeof(text)) == sizeof(told);
	close(ends[0]);
	while (child > 0 && waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (whole)
		memcpy(&told, text, sizeof(told));
	return whole ? told : nothing;
}

static void look_ahead(struct survey *s)
{
	const struct facts *f = s->facts;
	const struct evidence *e = &f->evidence;
	struct judgement *j = &s->judgement;

	s->needs_root = geteuid() != 0;
	s->next_boot = MODE_UNKNOWN;
	if (s->root->live) {
		const struct backend *backend = started_by(e->cmdline, &s->snapshot);
		s->loader = backend ? snapshot_of(&s->snapshot, backend) : NULL;
		look_for_change(e->boot_id, &s->next);
		/* What boots a container is not in it. */
		if (s->loader && !s->container) {
			s->next_boot = asked_for(s->loader, e);
			foresee(s->loader, e, facts_wanted(f), &s->next);
		}
	} else if (!s->needs_root) {
		struct told told = look_into(s->root->dir, f);
		s->next_boot = told.mode;
		s->next = told.next;
	}
	/* A change is pending only while the next boot is as wanted. Without root images can't be read. */
	if (j->verdict == VERDICT_PENDING && s->next.foreseen && !s->next.reboot_safe &&
	    (s->next.mismatching || !s->needs_root))
		j->verdict = VERDICT_MISMATCH;
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
	s->container = container_sign(root);
	look_ahead(s);
	if (s->judgement.verdict == VERDICT_MISMATCH && facts->target_status == 0)
		s->last = matched_elsewhere(root, facts->target.mode, facts->evidence.cmdline,
					    facts->evidence.release);
	s->iommufd = root_exists(root, "/dev/iommu");
	if (root_read_line(root, LAST_STOP_PATH, s->last_stop, sizeof(s->last_stop)) < 0)
		s->last_stop[0] = '\0';
	s->cdevs = count_entries(root, "/dev/vfio/devices");
}

void survey_free(struct survey *s)
{
	snapshot_free(&s->snapshot);
}
