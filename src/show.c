/* What the machine is, wants and will be; see show.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "details.h"
#include "facts.h"
#include "refuse.h"
#include "report.h"
#include "verdict.h"

/* The mode that every own boot entry asks for; MODE_MIXED if they differ, MODE_UNKNOWN if nobody can tell. */
static enum mode next_boot(const struct facts *f)
{
	const struct evidence *e = &f->evidence;
	const struct backend *backend = backend_guess(true, f);
	enum mode mode = MODE_UNKNOWN;
	struct boot_entries entries;
	char *why = NULL;

	if (!backend)
		return MODE_UNKNOWN;
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

static void show_json(const struct facts *f, const struct judgement *j, enum mode next, bool iommufd, unsigned cdevs)
{
	report_json(stdout, f, j, decide(f, j).override, NULL);
	if (next == MODE_UNKNOWN)
		fputs(",\n \"next_boot\": null", stdout);
	else
		printf(",\n \"next_boot\": \"%s\"", mode_name(next));
	printf(",\n \"iommufd\": %s, \"vfio_cdev\": %u}\n", iommufd ? "true" : "false", cdevs);
}

static void show_text(const struct facts *f, const struct judgement *j, enum mode next, bool live, bool iommufd, unsigned cdevs)
{
	const struct evidence *e = &f->evidence;
	char effective[256];

	report_effective(e, effective, sizeof(effective));
	printf("%-11s %s\n", "cmdline:", e->cmdline);
	printf("%-11s %s\n", "mode:", mode_name(cmdline_mode(e->cmdline, e->vendor, e->kernel)));
	printf("%-11s %s\n", "effective:", effective);
	report_outliers(stdout, &e->groups);
	if (e->flush != FLUSH_NONE)
		printf("%-11s %s\n", "flush:", flush_name(e->flush));
	if (f->target_status == 0)
		printf("%-11s %s (on-mismatch=%s)\n", "target:", mode_name(f->target.mode), policy_name(f->target.on_mismatch));
	else
		printf("%-11s %s\n", "target:", f->target_status == -ENOENT ? "none" : "invalid");
	printf("%-11s %s\n", "next boot:", next != MODE_UNKNOWN ? mode_name(next) : live && geteuid() ? "needs root" : "unknown");
	report_modules(stdout, &e->params);
	printf("%-11s %s\n", "iommufd:", iommufd ? "yes" : "no");
	printf("%-11s %u\n", "vfio-cdev:", cdevs);
	printf("%-11s %s%s\n", "verdict:", verdict_name(j->verdict), j->transitional ? " (transitional)" : "");
	report_findings(stdout, j);
}

int show(const char *dir, bool json, bool verbose)
{
	static struct facts facts; /* too large for a careful stack */
	struct judgement judgement;
	struct root root;

	int r = root_init(&root, dir);
	if (r < 0)
		return fail("%s: %s", dir, strerror(-r));
	facts_collect(&root, NULL, PHASE_LATE, &facts);
	judge(&facts, &judgement);
	evidence_complete(&root, &facts.evidence);
	enum mode next = root.live ? next_boot(&facts) : MODE_UNKNOWN; /* a tree's boot loader is not read yet */
	bool iommufd = root_exists(&root, "/dev/iommu");
	unsigned cdevs = count_entries(&root, "/dev/vfio/devices");

	if (json)
		show_json(&facts, &judgement, next, iommufd, cdevs);
	else
		show_text(&facts, &judgement, next, root.live, iommufd, cdevs);
	if (verbose && !json)
		details_print(&root, &facts);
	facts_free(&facts);
	root_close(&root);
	return fflush(stdout) == 0 ? 0 : EXIT_INVALID;
}
