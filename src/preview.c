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

#include "grub.h"
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

int preview(const struct plan *p)
{
	struct grub_config config;

	for (int i = 0; i < SETTINGS; i++)
		if (!settings_same(&p->before, &p->after, (enum setting)i))
			show_file(setting_path((enum setting)i), p->before.text[i], p->after.text[i]);
	puts(p->target.on_mismatch == POLICY_WARN ? "\ncommands:" :
	     "\ncommands (images are built twice if the old mode has to be accepted meanwhile):");
	for (size_t i = 0; p->generator && i < p->kernels.count; i++) {
		const char *argv[8];
		char out[PATH_MAX];

		snprintf(out, sizeof(out), "%s%s", p->kernels.list[i].image, p->generator->in_place ? "" : ".iommu-new");
		p->generator->command(&p->kernels.list[i], out, argv);
		for (size_t a = 0; argv[a]; a++)
			printf("%s%s", a ? " " : "  ", argv[a]);
		putchar('\n');
	}
	if (!p->loader) {
		puts("\nthe boot loader is left to whoever makes the disk");
		return 0;
	}
	puts("  update-grub -o " GRUB_CONFIG ".iommu");

	printf("\nentries of %s:\n", GRUB_CONFIG);
	int r = grub_read(GRUB_CONFIG, &config);
	if (r < 0) {
		printf("  %s\n", r == -EACCES ? "needs root to read it" : strerror(-r));
		return 0;
	}
	for (size_t i = 0; i < config.count; i++) {
		const struct grub_entry *e = &config.entries[i];
		char *line = e->own ? words_apply(e->words, p->words, p->flush, NULL) : NULL;
		printf("  %s: %s\n", e->kernel, line ? line : "(not ours, stays as it is)");
		free(line);
	}
	grub_free(&config);
	return 0;
}
