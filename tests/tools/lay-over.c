/* Lays the target of this system over an image of a kernel, as a change does; says why if that can't be.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usage: lay-over IMAGE RELEASE
 */
#include <stdio.h>
#include <stdlib.h>

#include "change/steps.h"
#include "initramfs/kept.h"
#include "initramfs/lay-over.h"
#include "model/target.h"
#include "system/files.h"

int main(int argc, char **argv)
{
	struct kernel kernel = { 0 };
	struct image_files files;
	struct error why;

	char *target = file_read(TARGET_PATH, NULL);
	if (argc != 3 || !target)
		return 2;
	snprintf(kernel.image, sizeof(kernel.image), "%s", argv[1]);
	snprintf(kernel.release, sizeof(kernel.release), "%s", argv[2]);
	const struct image_want want = step_want_of(target);
	int r = lay_over_plan(&kernel, &want, &files, &why);
	if (r == 0)
		r = lay_over(&kernel, &want, &files, &why);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", kernel.image, why.text);
	else
		r = kept_forget(kernel.image);
	image_files_free(&files);
	free(target);
	return r < 0;
}
