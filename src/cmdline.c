/* The kernel command line, read as the kernel reads it; see cmdline.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "cmdline.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

unsigned kernel_version(const char *osrelease)
{
	char *dot;
	unsigned long major = strtoul(osrelease, &dot, 10);

	if (dot == osrelease || *dot != '.')
		return 0;
	return KERNEL(major, strtoul(dot + 1, NULL, 10));
}

bool cmdline_word(const char **line, char *word, size_t size)
{
	const char *p = *line;
	bool quoted = false, whole = false;
	size_t len = 0;

	while (isspace((unsigned char)*p))
		p++;
	if (*p == '\0')
		return false;
	if (*p == '"') {
		whole = quoted = true;
		p++;
	}

	const char *start = p, *equals = NULL;
	while (*p && (quoted || !isspace((unsigned char)*p))) {
		if (*p == '=' && !equals)
			equals = p;
		if (*p == '"')
			quoted = !quoted;
		p++;
	}

	/* Drop the quotes around the word, or around its value. */
	const char *end = p, *skip = NULL;
	if (whole && end > start && end[-1] == '"')
		end--;
	if (equals && equals + 1 < end && equals[1] == '"') {
		skip = equals + 1;
		if (!whole && end > skip + 1 && end[-1] == '"')
			end--;
	}
	for (const char *c = start; c < end; c++)
		if (c != skip && len + 1 < size)
			word[len++] = *c;
	word[len] = '\0';
	*line = p;
	return true;
}

static char dash(char c)
{
	return c == '-' ? '_' : c;
}

const char *cmdline_value(const char *word, const char *key)
{
	while (*key && dash(*word) == dash(*key)) {
		word++;
		key++;
	}
	if (*key || (*word && *word != '='))
		return NULL;
	return *word ? word + 1 : word;
}

int cmdline_bool(const char *value)
{
	switch (value[0]) {
	case 'y': case 'Y': case 't': case 'T': case '1':
		return 1;
	case 'n': case 'N': case 'f': case 'F': case '0':
		return 0;
	case 'o': case 'O':
		if (value[1] == 'n' || value[1] == 'N')
			return 1;
		if (value[1] == 'f' || value[1] == 'F')
			return 0;
		return -1;
	default:
		return -1;
	}
}

static void say(struct wish *wish, bool yes)
{
	wish->result = yes ? YES : NO;
	if (yes)
		wish->said_yes = true;
	else
		wish->said_no = true;
}

static bool starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* What people write for what the kernel does not know, per option. All of it is ignored by every kernel. */
static const struct {
	const char *key, *value;
	enum { NEAR_ON, NEAR_OFF, NEAR_PT } meant;
} near_misses[] = {
	{ "intel_iommu", "enable", NEAR_ON },     { "amd_iommu", "enable", NEAR_ON },
	{ "intel_iommu", "enabled", NEAR_ON },    { "amd_iommu", "enabled", NEAR_ON },
	{ "intel_iommu", "yes", NEAR_ON },        { "amd_iommu", "yes", NEAR_ON },
	{ "intel_iommu", "true", NEAR_ON },       { "amd_iommu", "true", NEAR_ON },
	{ "intel_iommu", "1", NEAR_ON },          { "amd_iommu", "1", NEAR_ON },
	{ "intel_iommu", "force", NEAR_ON },      { "amd_iommu", "force", NEAR_ON },
	{ "intel_iommu", "disable", NEAR_OFF },   { "amd_iommu", "disable", NEAR_OFF },
	{ "intel_iommu", "disabled", NEAR_OFF },  { "amd_iommu", "disabled", NEAR_OFF },
	{ "intel_iommu", "no", NEAR_OFF },        { "amd_iommu", "no", NEAR_OFF },
	{ "intel_iommu", "false", NEAR_OFF },     { "amd_iommu", "false", NEAR_OFF },
	{ "intel_iommu", "0", NEAR_OFF },         { "amd_iommu", "0", NEAR_OFF },
	{ "intel_iommu", "pt", NEAR_PT },         { "amd_iommu", "pt", NEAR_PT },
	{ "intel_iommu", "passthrough", NEAR_PT },{ "amd_iommu", "passthrough", NEAR_PT },
	{ "iommu", "passthrough", NEAR_PT },      { "iommu", "identity", NEAR_PT },
	{ "iommu", "on", NEAR_ON },               { "iommu", "disable", NEAR_OFF },
	{ "iommu_pt", "", NEAR_PT },              { "iommu.pt", "", NEAR_PT },
	/* One letter off: the usual slips in the names. */
	{ "intel_iommu", "of", NEAR_OFF },        { "amd_iommu", "of", NEAR_OFF },
	{ "intel_immou", "on", NEAR_ON },         { "amd_immou", "on", NEAR_ON },
	{ "intel_iomm", "on", NEAR_ON },          { "amd_iomm", "on", NEAR_ON },
	{ "inte_iommu", "on", NEAR_ON },          { "intel.iommu", "on", NEAR_ON },
	{ "immou", "pt", NEAR_PT },               { "iomu", "pt", NEAR_PT },
	{ "iommuu", "pt", NEAR_PT },              { "iommu.passthru", "1", NEAR_PT },
};

static void near_miss(struct cmdline *out, const char *word, const char *key, const char *item)
{
	for (size_t i = 0; i < sizeof(near_misses) / sizeof(near_misses[0]); i++) {
		if (!cmdline_value(key, near_misses[i].key) || strcasecmp(item, near_misses[i].value) != 0)
			continue;
		if (near_misses[i].meant == NEAR_ON)
			out->power.near_yes = true;
		else if (near_misses[i].meant == NEAR_OFF)
			out->power.near_no = true;
		else
			out->pt.near_yes = true;
		if (!out->near[0])
			snprintf(out->near, sizeof(out->near), "%s", word);
		return;
	}
}

/* Calls item() for each part of a comma list. */
static void each_item(const char *value, void (*item)(void *context, const char *item), void *context)
{
	char part[64];

	while (*value) {
		size_t len = strcspn(value, ",");
		snprintf(part, sizeof(part), "%.*s", (int)len, value);
		item(context, part);
		value += len + (value[len] == ',');
	}
}

struct reader {
	struct cmdline *out;
	enum vendor vendor;
	unsigned kernel;
	const char *word;
	bool sticky_off; /* iommu=off, and on AMD amd_iommu=off: nothing later undoes them */
	bool stop;       /* usedac ends the list */
};

/* drivers/iommu/intel/iommu.c:intel_iommu_setup(): prefix match, the last one wins. */
static void intel_item(void *context, const char *item)
{
	struct reader *r = context;

	if (starts(item, "on"))
		say(&r->out->power, true);
	else if (starts(item, "off"))
		say(&r->out->power, false);
	else
		near_miss(r->out, r->word, "intel_iommu", item);
}

/* drivers/iommu/amd/init.c:parse_amd_iommu_options(): "off" sticks, "on" is not known but says what is meant. */
static void amd_item(void *context, const char *item)
{
	struct reader *r = context;

	if (starts(item, "off")) {
		say(&r->out->power, false);
		r->sticky_off = true;
	} else if (strcmp(item, "on") == 0) {
		say(&r->out->power, true);
	} else {
		near_miss(r->out, r->word, "amd_iommu", item);
	}
}

static void amd_option(struct reader *r, const char *value)
{
	/* Before 6.1 the kernel looked for its words at every character. */
	if (r->kernel && r->kernel < KERNEL(6, 1) && strstr(value, "off"))
		amd_item(r, "off");
	else
		each_item(value, amd_item, r);
}

/* arch/x86/kernel/pci-dma.c:iommu_setup(): prefix match. */
static void x86_item(void *context, const char *item)
{
	struct reader *r = context;

	if (r->stop)
		return;
	if (starts(item, "off")) {
		say(&r->out->power, false);
		r->sticky_off = true;
	} else if (starts(item, "pt")) {
		say(&r->out->pt, true);
	} else if (starts(item, "nopt")) {
		say(&r->out->pt, false);
	} else if (starts(item, "usedac")) {
		r->stop = true;
	} else if (starts(item, "soft")) {
		/* Before 6.1 this ended IOMMU detection. */
		if (r->kernel && r->kernel < KERNEL(6, 1)) {
			say(&r->out->power, false);
			r->sticky_off = true;
		}
	} else {
		near_miss(r->out, r->word, "iommu", item);
	}
}

static void read_word(struct reader *r, const char *word)
{
	const char *value;
	int on;

	r->word = word;
	r->stop = false;
	if ((value = cmdline_value(word, "iommu"))) {
		each_item(value, x86_item, r);
	} else if ((value = cmdline_value(word, "iommu.passthrough"))) {
		on = cmdline_bool(value);
		if (on >= 0)
			say(&r->out->pt, on);
	} else if ((value = cmdline_value(word, "intel_iommu"))) {
		if (r->vendor == VENDOR_INTEL)
			each_item(value, intel_item, r);
	} else if ((value = cmdline_value(word, "amd_iommu"))) {
		if (r->vendor == VENDOR_AMD)
			amd_option(r, value);
	} else if ((value = cmdline_value(word, "vfio.enable_unsafe_noiommu_mode"))) {
		on = *value ? cmdline_bool(value) : strchr(word, '=') == NULL;
		if (on >= 0)
			r->out->noiommu = on;
	} else if (strcmp(word, "rd.iommu.verify=warn") == 0) {
		r->out->soften = true;
	} else if (strcmp(word, "single") == 0 || strcmp(word, "1") == 0 || strcmp(word, "rescue") == 0 ||
		   strcmp(word, "emergency") == 0 || strcmp(word, "systemd.unit=rescue.target") == 0 ||
		   strcmp(word, "systemd.unit=emergency.target") == 0) {
		r->out->rescue = true;
	} else {
		/* A misspelt key. */
		const char *equals = strchr(word, '=');
		char key[32];
		snprintf(key, sizeof(key), "%.*s", equals ? (int)(equals - word) : (int)strlen(word), word);
		near_miss(r->out, word, key, equals ? equals + 1 : "");
	}
}

void cmdline_read(const char *line, enum vendor vendor, unsigned kernel, struct cmdline *out)
{
	struct reader r = { .out = out, .vendor = vendor, .kernel = kernel };
	char word[256];

	*out = (struct cmdline){ 0 };
	while (cmdline_word(&line, word, sizeof(word)) && strcmp(word, "--") != 0)
		read_word(&r, word);
	if (r.sticky_off)
		out->power.result = NO;
}

enum mode cmdline_mode(const char *line, enum vendor vendor, unsigned kernel)
{
	struct cmdline read;

	if (vendor == VENDOR_UNKNOWN) {
		enum mode intel = cmdline_mode(line, VENDOR_INTEL, kernel);
		return intel == cmdline_mode(line, VENDOR_AMD, kernel) ? intel : MODE_UNKNOWN;
	}

	cmdline_read(line, vendor, kernel, &read);
	if (read.power.result == NO)
		return read.noiommu ? MODE_OFF_FOR_VFIO : MODE_OFF_FOR_UIO;
	if (read.pt.result == YES)
		return MODE_PT;
	if (read.power.result == YES || read.pt.result == NO)
		return MODE_STRICT;
	return MODE_DEFAULT;
}
