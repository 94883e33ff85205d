/* The table of image generators; see generator.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/generator.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "initramfs/unpack.h"

#define ADDRESS(row) &row,
static const struct generator *const generators[] = { GENERATORS(ADDRESS) };

const struct generator *generator_at(size_t index)
{
	return index < sizeof(generators) / sizeof(generators[0]) ? generators[index] : NULL;
}

static const char *list(char text[256], bool programs, const char *last)
{
	const struct generator *g;
	size_t len = 0;

	for (size_t i = 0; (g = generator_at(i)) && len < 256; i++) {
		const char *before = i == 0 ? "" : generator_at(i + 1) || last[0] ? ", " : " or ";
		len += (size_t)snprintf(text + len, 256 - len, "%s%s", before, programs ? g->program : g->name);
	}
	if (len < 256)
		snprintf(text + len, 256 - len, "%s", last);
	return text;
}

const char *generator_programs(void)
{
	static char text[256];

	return list(text, true, "");
}

const char *generator_names(void)
{
	static char text[256];

	return list(text, false, " or none");
}

static bool is_here(const struct generator *g)
{
	char path[256];

	return run_find(g->program, path, sizeof(path)) && (!g->sign || access(g->sign, F_OK) == 0);
}

const struct generator *generator_find(const char *name, const char **what)
{
	const struct generator *g;

	*what = name ? NULL : generator_programs();
	for (size_t i = 0; (g = generator_at(i)); i++) {
		if (name && strcmp(name, g->name) != 0)
			continue;
		*what = name ? g->program : *what;
		if (is_here(g))
			return g;
	}
	return NULL;
}

bool generator_several(void)
{
	const struct generator *g;
	size_t count = 0;

	for (size_t i = 0; (g = generator_at(i)); i++)
		count += is_here(g);
	return count > 1;
}

const struct generator *generator_of(const char *path)
{
	const struct generator *g, *found = NULL;
	const struct rootfs *root;

	if (initramfs_unpack(path, &root, NULL) < 0)
		return NULL;
	for (size_t i = 0; !found && (g = generator_at(i)); i++)
		if (g->made && is_here(g) && rootfs_find(root, g->made))
			found = g;
	rootfs_free(root);
	return found;
}
