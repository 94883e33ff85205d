/* What each IOMMU-related word of a kernel command line does; see explain.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "command/explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/root.h"
#include "model/cmdline-words.h"
#include "model/cmdline.h"
#include "model/kernel-parameters.h"
#include "system/memstream.h"
#include "system/message.h"

#define LINE_BYTES 2047 /* arch/x86/include/asm/setup.h:COMMAND_LINE_SIZE less its NUL */

/* What is said of an effect, alone and when another word defeats it: then "%s" is that word. */
static const struct {
	const char *says, *defeated;
} sentences[] = {
	[EFFECT_NONE] = { "known to the kernel, decides nothing about the mode", NULL },
	[EFFECT_ON] = { "switches the IOMMU on", "would switch the IOMMU on, but '%s' defeats it" },
	[EFFECT_OFF] = { "switches the IOMMU off", "would switch the IOMMU off, but the later '%s' wins" },
	[EFFECT_OFF_STICKY] = { "switches the IOMMU off, and nothing later undoes that", NULL },
	[EFFECT_PT] = { "default domain identity (passthrough)", "would give passthrough, but the later '%s' wins" },
	[EFFECT_NOPT] = { "default domain translated", "would give translation, but the later '%s' wins" },
	[EFFECT_NOIOMMU] = { "vfio's noiommu on, if the kernel has it (CONFIG_VFIO_NOIOMMU)", NULL },
	[EFFECT_NO_NOIOMMU] = { "vfio's noiommu off", NULL },
	[EFFECT_SWIOTLB] = { "keeps this kernel from looking for an IOMMU", NULL },
	[EFFECT_NO_SWIOTLB] = { "lets this kernel look for an IOMMU", NULL },
	[EFFECT_NO_ACPI] = { "hides the firmware's tables: no IOMMU is found", NULL },
	[EFFECT_ACPI] = { "lets the firmware's tables be read", NULL },
	[EFFECT_WISH_ON] = { "not known to any kernel, harmless: AMD-Vi is on unless switched off",
			     "not known to any kernel, and '%s' switches AMD-Vi off" },
	[EFFECT_STOP] = { "ends its list: what stands behind it is not read", NULL },
	[EFFECT_NEAR_ON] = { "IGNORED, the kernel does not know it; meant: intel_iommu=on (AMD-Vi is on by itself)",
			     NULL },
	[EFFECT_NEAR_OFF] = { "IGNORED, the kernel does not know it; meant: intel_iommu=off or amd_iommu=off", NULL },
	[EFFECT_NEAR_PT] = { "IGNORED, the kernel does not know it; meant: iommu=pt", NULL },
	[EFFECT_NEAR_NOPT] = { "IGNORED, the kernel does not know it; meant: iommu=nopt", NULL },
	[EFFECT_UNKNOWN] = { "ignored: the kernel does not know it", NULL },
	[EFFECT_UNREAD] = { "not read: 'usedac' ended the list", NULL },
	[EFFECT_FOREIGN] = { "not read here: the other vendor's option", NULL },
	[EFFECT_INIT] = { "not read by the kernel: behind '--' it is init's", NULL },
};

struct explanation {
	const struct cmdline *line; /* what all of it together comes to */
	unsigned count;
};

/* The word that defeats an effect, or NULL if none does. */
static const char *defeated_by(const struct cmdline *line, enum effect effect)
{
	switch (effect) {
	case EFFECT_ON:
	case EFFECT_WISH_ON:
		return line->power.result == NO ? line->power.no : NULL;
	case EFFECT_OFF:
		return line->power.result == YES ? line->power.yes : NULL;
	case EFFECT_PT:
		return line->pt.result == NO ? line->pt.no : NULL;
	case EFFECT_NOPT:
		return line->pt.result == YES ? line->pt.yes : NULL;
	default:
		return NULL;
	}
}

static void print_mention(void *context, const struct mention *m)
{
	struct explanation *x = context;
	const char *winner = defeated_by(x->line, m->effect);
	const struct kernel_parameter *parameter = kernel_parameter_find(m->word);
	size_t key = strcspn(m->word, "=");
	char item[128];

	/* One item of a list, as if it stood alone. */
	if (m->word[key])
		snprintf(item, sizeof(item), "%.*s=%s", (int)key, m->word, m->item);
	else
		snprintf(item, sizeof(item), "%s", m->word);
	for (char *c = item; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	x->count++;
	printf("  %-34s ", item);
	if (winner && sentences[m->effect].defeated) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		printf(sentences[m->effect].defeated, winner);
#pragma GCC diagnostic pop
		putchar('\n');
		return;
	}
	puts(sentences[m->effect].says);
	/* libkmod does not stop where the kernel does. */
	if (m->effect == EFFECT_INIT && parameter && parameter->reader == READ_NOIOMMU)
		printf("  %-34s but modprobe passes it to a vfio that is a module\n", "");
}

static void explain_vendor(const char *line, enum vendor vendor, unsigned kernel, const char *name, const char *silent)
{
	enum mode mode = cmdline_mode(line, vendor, kernel);
	struct cmdline read;
	struct explanation x = { .line = &read };

	cmdline_read(line, vendor, kernel, &read);
	printf("%s\n", name);
	cmdline_walk(line, vendor, kernel, print_mention, &x);
	if (x.count == 0)
		puts("  no word about the IOMMU");
	printf("  mode: %s%s\n", mode_name(mode), mode == MODE_DEFAULT ? silent : "");
	if (mode == MODE_PT && read.power.result == UNSAID && vendor == VENDOR_INTEL)
		puts("        if the kernel switches VT-d on by itself; intel_iommu=on makes sure");
}

/* Reads standard input, line ends as blanks. Returns the text, owned by the caller, or NULL with errno set. */
static char *read_input(void)
{
	char *line = NULL;
	size_t size = 0;

	if (getdelim(&line, &size, '\0', stdin) < 0 && ferror(stdin)) {
		free(line);
		return NULL;
	}
	return line ? line : strdup("");
}

static char *read_running(const struct root *root)
{
	char *line = malloc(CMDLINE_MAX);

	if (!line)
		return NULL;
	ssize_t len = root_read_line(root, "/proc/cmdline", line, CMDLINE_MAX);
	if (len >= 0)
		return line;
	free(line);
	errno = (int)-len;
	return NULL;
}

static char *join(char **words, int count)
{
	struct text line;

	FILE *out = text_open(&line);
	if (!out)
		return NULL;
	for (int i = 0; i < count; i++)
		fprintf(out, "%s%s", i ? " " : "", words[i]);
	return text_close(&line, NULL);
}

int explain(const char *dir, char **words, int count)
{
	char release[65], *line;
	struct root root;

	int r = root_init(&root, dir);
	if (r < 0)
		return fail("%s: %s", dir, strerror(-r));
	bool known = root_read_line(&root, "/proc/sys/kernel/osrelease", release, sizeof(release)) > 0;
	unsigned kernel = known ? kernel_version(release) : 0;
	if (count == 0)
		line = read_running(&root);
	else if (count == 1 && strcmp(words[0], "-") == 0)
		line = read_input();
	else
		line = join(words, count);
	root_close(&root);
	if (!line)
		return fail("%s: %s", count ? "standard input" : "/proc/cmdline", strerror(errno));
	if (strlen(line) > LINE_BYTES) {
		printf("the line has %zu bytes; the kernel reads the first %d, and so does this\n\n", strlen(line),
		       LINE_BYTES);
		line[LINE_BYTES] = '\0';
	}

	char intel[96], amd[96];
	snprintf(intel, sizeof(intel),
		 kernel ? "on Intel (VT-d), as kernel %u.%u reads it:" : "on Intel (VT-d):", kernel >> 16,
		 kernel & 0xffff);
	snprintf(amd, sizeof(amd), "on AMD (AMD-Vi):");
	explain_vendor(line, VENDOR_INTEL, kernel, intel, " (the kernel's configuration decides)");
	putchar('\n');
	explain_vendor(line, VENDOR_AMD, kernel, amd, " (AMD-Vi is on; the kernel's configuration decides how)");
	free(line);
	return fflush(stdout) == 0 ? 0 : EXIT_INVALID;
}
