/* The table of image generators; see generator.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "generator.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

static const struct generator *const generators[] = { &generator_initramfs_tools, &generator_dracut, &generator_mkinitcpio };

const struct generator *generator_at(size_t index)
{
	return index < sizeof(generators) / sizeof(generators[0]) ? generators[index] : NULL;
}

const struct generator *generator_find(const char *name, const char **what)
{
	const struct generator *g;
	char path[256];

	*what = name ? NULL : "dracut, update-initramfs or mkinitcpio";
	for (size_t i = 0; (g = generator_at(i)); i++) {
		if (name && strcmp(name, g->name) != 0)
			continue;
		*what = name ? g->program : *what;
		if (run_find(g->program, path, sizeof(path)) && (!g->sign || access(g->sign, F_OK) == 0))
			return g;
	}
	return NULL;
}
