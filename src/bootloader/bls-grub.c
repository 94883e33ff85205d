/* What GRUB's blscfg does with entries; see bls-grub.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/bls-grub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootloader/bls-entry.h"
#include "bootloader/grub-cfg.h"
#include "bootloader/grub-path.h"
#include "system/files.h"

const char *bls_grub_env(void)
{
	return grub_env(grub_config());
}

/* A grub.cfg that loads no block gets one that was loaded before it. */
int bls_grub_read(struct bls_grub *grub, struct error *error)
{
	static const char load[] = "load_env\n";
	char *text = file_read(grub_config(), NULL), *whole = NULL;
	const char *origin, *value;
	size_t len = strlen(bls_grub_env());

	*grub = (struct bls_grub){ .ours = { .unknown = true } };
	bool loads = text && strstr(text, "load_env");
	int r = asprintf(&whole, "%s%s", loads ? "" : load, text ? text : "") < 0 ? -ENOMEM : 0;
	if (r == 0)
		r = grub_script_run(grub_config(), whole, &grub->script);
	free(whole);
	free(text);
	value = r == 0 ? grub_variable_value(&grub->script.entries, "kernelopts", &origin) : NULL;
	if (!value || !origin || strncmp(origin, bls_grub_env(), len) != 0 || origin[len] != ':')
		return error_errno(error, r);
	char *copy = strdup(value);
	grub_variable_set(&grub->ours, "kernelopts", copy, NULL);
	grub_variable_set(&grub->script.entries, "kernelopts", copy, NULL);
	free(copy);
	return error_errno(error, grub->ours.failed || grub->script.entries.failed ? -ENOMEM : 0);
}

void bls_grub_free(struct bls_grub *grub)
{
	grub_script_free(&grub->script);
	grub_variables_free(&grub->ours);
}

const char *bls_grub_default(const struct bls_grub *grub)
{
	const struct grub_variable *v = grub_variable_find(&grub->script.entries, BLS_DEFAULT_OPTIONS + 1);

	return v && (v->count > 1 || v->unknown || (v->count && v->values[0].text && v->values[0].text[0])) ?
		       BLS_DEFAULT_OPTIONS : "";
}

bool bls_grub_has_kernelopts(void)
{
	struct bls_grub grub;

	bool has = bls_grub_read(&grub, NULL) == 0 && grub_variable_find(&grub.ours, "kernelopts");
	bls_grub_free(&grub);
	return has;
}

bool bls_grub_breaks(const char *text, const char *options, const char *kernelopts)
{
	char path[512];
	struct bls_grub grub;

	if (!bls_value(text, "linux", path, sizeof(path)) || bls_grub_read(&grub, NULL) < 0)
		return false;
	if (kernelopts)
		grub_variable_set(&grub.script.entries, "kernelopts", kernelopts, NULL);
	char *expanded = grub_options_text(&grub.script.entries, options);
	bool breaks = expanded && (8 + strlen(path) + strlen(expanded)) % BLS_GRUB_BLOCK == 0;
	free(expanded);
	bls_grub_free(&grub);
	return breaks;
}
