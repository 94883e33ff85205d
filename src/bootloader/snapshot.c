/* The entries of the boot loaders, read once; see snapshot.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/snapshot.h"

#include "system/message.h"

const struct loader *snapshot_of(struct snapshot *snapshot, const struct backend *backend)
{
	for (size_t i = 0; i < snapshot->count; i++)
		if (snapshot->list[i].backend == backend)
			return &snapshot->list[i];

	struct loader *l = &snapshot->list[snapshot->count++];
	*l = (struct loader){ .backend = backend };
	l->error.code = backend->read(&l->entries, &l->error);
	return l;
}

const struct boot_entries *snapshot_entries(struct snapshot *snapshot, const struct backend *backend)
{
	const struct loader *l = snapshot_of(snapshot, backend);

	if (l->error.code == 0)
		return &l->entries;
	fail("%s", l->error.text);
	return NULL;
}

int loader_check(const struct loader *loader, const char *words, bool flush, struct error *error)
{
	const struct backend *backend = loader->backend;

	if (loader->error.code == 0)
		return boot_entries_check(&loader->entries,
					  backend->config_file ? backend->config_file : backend->location(), words,
					  flush, error);
	return error_set(error, loader->error.code, "%s", loader->error.text);
}

/* Only of files that are an entry each is known what they were. */
static bool is_same(const struct loader *loader)
{
	const struct seen *seen = &loader->entries.seen;

	return loader->error.code == 0 && seen->count && seen_same(seen);
}

void snapshot_refresh(struct snapshot *snapshot)
{
	size_t kept = 0;

	for (size_t i = 0; i < snapshot->count; i++)
		if (is_same(&snapshot->list[i]))
			snapshot->list[kept++] = snapshot->list[i];
		else
			boot_entries_free(&snapshot->list[i].entries);
	snapshot->count = kept;
}

void snapshot_free(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->count; i++)
		boot_entries_free(&snapshot->list[i].entries);
	snapshot->count = 0;
}
