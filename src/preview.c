/* What --dry-run prints; see preview.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "preview.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "run.h"
#include "words.h"

/* Shows a file's change as diff(1) does, which reads the new text from a descriptor. */
static void show_file(const char *path, const char *before, const char *after)
{
	int fd = memfd_create("after", 0);
	if (fd < 0)
		return;
	FILE *file = fdopen(fd, "w");
	if (!file)
		return;
	fputs(after ? after : "", file);
	fflush(file);
	rewind(file);

	const char *const argv[] = { "diff", "-u", "--label", path, "--label", path,
				     before ? path : "/dev/null", "-", NULL };
	FILE *out;
	char line[1024];
	pid_t pid = run_filter(argv, fd, &out);
	if (pid > 0) {
		while (fgets(line, sizeof(line), out))
			fputs(line, stdout);
		fclose(out);
		run_wait(pid);
	}
	fclose(file);
}

static void show_command(const struct plan *p, const struct kernel *kernel)
{
	const char *argv[8];
	char out[PATH_MAX];

	snprintf(out, sizeof(out), "%s%s", kernel->image, p->generator->in_place ? "" : ".iommu-new");
	p->generator->command(kernel, out, argv);
	for (size_t a = 0; argv[a]; a++)
		printf("%s%s", a ? " " : "  ", argv[a]);
	putchar('\n');
	for (size_t i = 0; i < kernel->places; i++)
		printf("  (%s then goes %s %s)\n", kernel->image, kernel->place ? "into" : "to", kernel->placed[i]);
}

int preview(const struct plan *p)
{
	struct boot_entries entries;
	char *why = NULL;

	for (size_t i = 0; i < p->edits.count; i++)
		if (edit_changes(&p->edits.list[i]))
			show_file(p->edits.list[i].path, p->edits.list[i].before, p->edits.list[i].after);
	puts(p->target.on_mismatch == POLICY_WARN ? "\ncommands:" :
	     "\ncommands (images are built twice if the old mode has to be accepted meanwhile):");
	for (size_t i = 0; p->generator && i < p->kernels.count; i++)
		show_command(p, &p->kernels.list[i]);
	if (!p->loader) {
		puts("\nthe boot loader is left to whoever makes the disk");
		return 0;
	}
	const char *command = p->backend->command ? p->backend->command() : NULL;
	if (command)
		printf("  %s\n", command);

	printf("\nentries of %s:\n", p->backend->made());
	int r = p->backend->read(&entries, &why);
	if (r < 0)
		printf("  %s\n", r == -EACCES ? "needs root to read it" : why ? why : strerror(-r));
	for (size_t i = 0; i < entries.count; i++) {
		const struct boot_entry *e = &entries.list[i];
		char *line = e->own ? words_apply(e->words, p->words, p->flush, NULL) : NULL;
		printf("  %s: %s\n", e->release[0] ? e->release : e->id, line ? line : "(not ours, stays as it is)");
		free(line);
	}
	boot_entries_free(&entries);
	free(why);
	return 0;
}
