/* The words of a mode for whoever makes boot images elsewhere; see emit.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/emit.h"

#include <stdio.h>
#include <string.h>

#include "system/message.h"

/* Each word, between what stands before it and after it, as a list has them. */
static void emit_words(const char *words, const char *before, const char *after, const char *between)
{
	for (const char *word = words; *word;) {
		size_t len = strcspn(word, " ");
		printf("%s%s%.*s%s", word > words ? between : "", before, (int)len, word, after);
		word += len + strspn(word + len, " ");
	}
}

static void emit_kargs(const char *words)
{
	puts("# Written by iommu-install --emit=kargs.d: usr/lib/bootc/kargs.d/50-iommu.toml of a bootc image.");
	fputs("kargs = [", stdout);
	emit_words(words, "\"", "\"", ", ");
	puts("]\nmatch-architectures = [\"x86_64\"]");
}

static void emit_addon(const char *words)
{
	printf("# Written by iommu-install --emit=ukify-addon: ukify build --config=FILE --output=iommu.addon.efi\n"
	       "[UKI]\nCmdline=%s\n", words);
}

static void emit_machineconfig(const char *words)
{
	puts("# Written by iommu-install --emit=machineconfig: oc apply -f FILE. Another pool has another role, and\n"
	     "# another name here. What contradicts these parameters has to go from the MachineConfig that has it.\n"
	     "apiVersion: machineconfiguration.openshift.io/v1\n"
	     "kind: MachineConfig\n"
	     "metadata:\n"
	     "  labels:\n"
	     "    machineconfiguration.openshift.io/role: worker\n"
	     "  name: 99-worker-iommu\n"
	     "spec:\n"
	     "  config:\n"
	     "    ignition:\n"
	     "      version: 3.2.0\n"
	     "  kernelArguments:");
	emit_words(words, "    - ", "\n", "");
}

static void emit_talos(const char *words)
{
	puts("# Written by iommu-install --emit=talos: talosctl patch machineconfig --patch @FILE, then an upgrade.\n"
	     "# Not read where the image's own line is used (UEFI since Talos 1.10, what is installed since 1.12):\n"
	     "# put them into the image's schematic there, as customization.extraKernelArgs.\n"
	     "machine:\n"
	     "  install:\n"
	     "    extraKernelArgs:");
	emit_words(words, "      - ", "\n", "");
}

int plan_emit(struct plan *p)
{
	static const struct {
		const char *name;
		void (*emit)(const char *words);
	} forms[] = {
		{ "kargs.d", emit_kargs },
		{ "ukify-addon", emit_addon },
		{ "machineconfig", emit_machineconfig },
		{ "talos", emit_talos },
	};

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
	return fail("--emit=%s: use kargs.d, ukify-addon, machineconfig or talos", p->request->emit);
}
