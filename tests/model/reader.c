/* The reader under test behind the model's command line: reader intel|amd VERSION < LINES.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/cmdline-words.h"
#include "model/cmdline.h"

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (argc != 3)
		return 2;
	enum vendor vendor = strcmp(argv[1], "amd") == 0 ? VENDOR_AMD : VENDOR_INTEL;
	while ((len = getline(&line, &size, stdin)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		puts(mode_name(cmdline_mode(line, vendor, kernel_version(argv[2]))));
	}
	free(line);
	return 0;
}
