/* The words of a mode for whoever makes boot images elsewhere; see emit.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/emit.h"

#include <stdio.h>
#include <string.h>

#include "system/message.h"

static void emit_kargs(const char *words)
{
	puts("# Written by iommu-install --emit=kargs.d: usr/lib/bootc/kargs.d/50-iommu.toml of a bootc image.");
	fputs("kargs = [", stdout);
	for (const char *word = words; *word;) {
		size_t len = strcspn(word, " ");
		printf("%s\"%.*s\"", word > words ? ", " : "", (int)len, word);
		word += len + strspn(word + len, " ");
	}
	puts("]\nmatch-architectures = [\"x86_64\"]");
}

static void emit_addon(const char *words)
{
	printf("# Written by iommu-install --emit=ukify-addon: ukify build --config=FILE --output=iommu.addon.efi\n"
	       "[UKI]\nCmdline=%s\n", words);
}

int plan_emit(struct plan *p)
{
	static const struct {
		const char *name;
		void (*emit)(const char *words);
	} forms[] = { { "kargs.d", emit_kargs }, { "ukify-addon", emit_addon } };

	int code = plan_target(p);
	if (code)
		return code;
	plan_words(p);
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(p->request->emit, forms[i].name) != 0)
			continue;
		forms[i].emit(p->words);
		return fflush(stdout) == 0 ? 0 : EXIT_INVALID;
	}
	return fail("--emit=%s: use kargs.d or ukify-addon", p->request->emit);
}
