/* What modprobe.d makes of the three module parameters; see modprobe-says.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/modprobe-says.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/root.h"
#include "evidence/module-params.h"
#include "initramfs/modprobe-d.h"
#include "model/cmdline-words.h"

static void take_line(void *context, const char *path, unsigned line, const char *text)
{
	struct modprobe_says *says = context;
	char command[32], module[64], word[256];

	if (!cmdline_word(&text, command, sizeof(command)) || !cmdline_word(&text, module, sizeof(module)))
		return;
	for (char *m = module; *m; m++)
		*m = *m == '-' ? '_' : *m;
	if (strcmp(command, "install") == 0 && strcmp(module, "vfio") == 0 && !strstr(text, "--ignore-install"))
		snprintf(says->install, sizeof(says->install), "%s:%u", path, line);
	if (strcmp(command, "options") != 0)
		return;
	while (cmdline_word(&text, word, sizeof(word)))
		for (int i = 0; i < PARAMS; i++) {
			int on = strcmp(module, param_module((enum param)i))
					 ? -1
					 : cmdline_param(word, param_name((enum param)i), 0);
			if (on == 1)
				snprintf(says->yes[i], sizeof(says->yes[i]), "%s:%u", path, line);
			else if (on == 0)
				says->yes[i][0] = '\0';
		}
}

int modprobe_says_system(struct modprobe_says *says)
{
	struct root root;

	*says = (struct modprobe_says){ 0 };
	int r = root_init(&root, "/");
	if (r < 0)
		return r;
	r = modprobe_walk(&root, take_line, says);
	root_close(&root);
	return r;
}

/* Its lines are filtered already, and each is a whole one. */
static int take_text(const char *path, const char *text, struct modprobe_says *says)
{
	for (unsigned number = 1; *text; number++) {
		size_t len = strcspn(text, "\n");
		char *line = strndup(text, len);
		if (!line)
			return -ENOMEM;
		take_line(says, path, number, line);
		free(line);
		text += len + (text[len] == '\n');
	}
	return 0;
}

int modprobe_says_image(const struct rootfs *image, struct modprobe_says *says)
{
	char path[512];
	const char *name;
	int r = 0;

	*says = (struct modprobe_says){ 0 };
	for (size_t i = 0; r == 0 && (name = rootfs_entry(image, IMAGE_MODPROBE_DIR, i)); i++) {
		snprintf(path, sizeof(path), IMAGE_MODPROBE_DIR "/%s", name);
		const struct rootfs_file *file = rootfs_find(image, path);
		if (file && S_ISREG(file->mode) && file->data)
			r = take_text(path, file->data, says);
	}
	return r;
}

unsigned modprobe_sets(const struct modprobe_says *says)
{
	unsigned sets = 0;

	for (int i = 0; i < PARAMS; i++)
		sets |= says->yes[i][0] ? 1u << i : 0;
	return sets;
}
