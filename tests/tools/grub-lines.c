/* What each linux command of a grub.cfg gives its kernel, as the installer reads it, for a shell.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usage: grub-lines FILE          prints for each command its line's number and what the kernel gets; for one that
 *                                 can come to several, each of them; "? NAME" for a variable that can't be told; and
 *                                 "< VALUE (FILE:LINE...)" for IOMMU parameters that a variable brings
 *        grub-lines FILE OPTIONS  the same of an entry's options line, which FILE's blscfg makes a command of
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootloader/grub-script.h"

static void print(unsigned number, const struct grub_line *line)
{
	printf("%u %s\n", number, line->text);
	for (const char *at = line->also; at && *at; at += strcspn(at, "\n") + 1)
		printf("%u %.*s\n", number, (int)strcspn(at, "\n"), at);
	if (line->doubt)
		printf("%u ? %s\n", number, line->doubt);
	for (const char *at = line->fed; at && *at; at += strcspn(at, "\n") + 1) {
		char *from = strndup(strchr(at, '\t') + 1, strcspn(strchr(at, '\t') + 1, "\n"));
		char *origin = grub_origin(from);
		printf("%u < %.*s (%s)\n", number, (int)strcspn(at, "\t"), at, origin);
		free(origin);
		free(from);
	}
}

int main(int argc, char **argv)
{
	struct grub_script script;
	struct grub_line line = { 0 };

	if (argc < 2 || grub_script_read(argv[1], &script) < 0)
		return 2;
	if (argc > 2) {
		grub_options_line(&script.entries, &script.vars, argv[2], &line);
		print(0, &line);
		grub_line_free(&line);
	}
	for (unsigned number = 1; argc == 2 && number < 100000; number++)
		if (grub_script_line(&script, number))
			print(number, grub_script_line(&script, number));
	grub_script_free(&script);
	return 0;
}
