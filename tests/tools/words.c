/* What the installer's editor of kernel command lines does, for a shell.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usage: words apply LINE OURS [flush]   prints the new line, and a second line with what was taken out
 *        words same A B [plain]          exit status 0 if they have the same words; plain: but for those with a '$'
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootloader/cmdline-edit.h"

static bool plain(const char *word)
{
	return !strchr(word, '$');
}

int main(int argc, char **argv)
{
	if (argc >= 4 && strcmp(argv[1], "same") == 0)
		return !words_same(argv[2], argv[3], argc > 4 ? plain : NULL);
	if (argc < 4 || strcmp(argv[1], "apply") != 0)
		return 2;

	char *removed = NULL, *line = words_apply(argv[2], argv[3], argc > 4, &removed);
	if (!line)
		return 2;
	printf("%s\n%s\n", line, removed);
	free(line);
	free(removed);
	return 0;
}
