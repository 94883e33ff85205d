/* The kernel command line, read as the kernel reads it; see cmdline.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "cmdline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

unsigned kernel_version(const char *osrelease)
{
	char *dot;
	unsigned long major = strtoul(osrelease, &dot, 10);

	if (dot == osrelease || *dot != '.')
		return 0;
	return KERNEL(major, strtoul(dot + 1, NULL, 10));
}

/* --- Words --------------------------------------------------------------------------------------------------------- */

bool cmdline_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == '\xa0';
}

bool cmdline_word(const char **line, char *word, size_t size)
{
	const char *p = *line;
	bool quoted = false, whole = false;
	size_t len = 0;

	while (cmdline_space(*p))
		p++;
	if (*p == '\0')
		return false;
	if (*p == '"') {
		whole = quoted = true;
		p++;
	}

	const char *start = p, *equals = NULL;
	while (*p && (quoted || !cmdline_space(*p))) {
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
	/* A word has its NUL. NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage) */
	while (*key && dash(*word) == dash(*key)) {
		word++;
		key++;
	}
	/* The same. NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Branch) */
	if (*key || (*word && *word != '='))
		return NULL;
	return *word ? word + 1 : word;
}

int cmdline_bool(const char *value, unsigned kernel)
{
	static const struct {
		const char *first; /* only the first letter is looked at */
		int value;
		unsigned since;
	} letters[] = {
		{ "yY1", 1, 0 }, { "nN0", 0, 0 }, { "tT", 1, KERNEL(5, 19) }, { "fF", 0, KERNEL(5, 19) },
		{ "eE", 1, KERNEL(6, 16) }, { "dD", 0, KERNEL(6, 16) },
	};

	if (value[0] == '\0')
		return -1;
	for (size_t i = 0; i < LENGTH(letters); i++)
		if (strchr(letters[i].first, value[0]))
			return kernel && kernel < letters[i].since ? -1 : letters[i].value;
	if (value[0] != 'o' && value[0] != 'O')
		return -1;
	return value[1] == 'n' || value[1] == 'N' ? 1 : value[1] == 'f' || value[1] == 'F' ? 0 : -1;
}

int cmdline_param(const char *word, const char *key, unsigned kernel)
{
	const char *value = cmdline_value(word, key);

	if (!value)
		return -1;
	return strchr(word, '=') ? cmdline_bool(value, kernel) : 1;
}

static bool starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* --- What people write for what the kernel does not know ------------------------------------------------------------- */

/* In the order of the effects from EFFECT_NEAR_ON on. */
static const char *const synonyms[][9] = {
	{ "on", "enable", "enabled", "yes", "y", "true", "1", "force" },
	{ "off", "of", "disable", "disabled", "no", "n", "false", "0" },
	{ "pt", "passthrough", "pass-through", "passthru", "identity" },
	{ "nopt", "nopassthrough", "translated", "translate", "strict", "dma" },
};

static enum effect near_item(const char *item)
{
	for (size_t kind = 0; kind < LENGTH(synonyms); kind++)
		for (const char *const *word = synonyms[kind]; *word; word++)
			if (strcasecmp(item, *word) == 0)
				return EFFECT_NEAR_ON + (enum effect)kind;
	return EFFECT_UNKNOWN;
}

/* A word whose key is none, but nearly one: one letter too many, too few or wrong, or the same letters in another
 * order. */
static bool near_key(const char *word, size_t len, const char *key)
{
	size_t n = strlen(key), same = 0, tail = 0;
	int letters[256] = { 0 }, odd = 0;

	if (len > n + 1 || n > len + 1)
		return false;
	while (same < len && same < n && dash(word[same]) == key[same])
		same++;
	while (tail < len - same && tail < n - same && dash(word[len - 1 - tail]) == key[n - 1 - tail])
		tail++;
	if (same + tail + 1 >= (len > n ? len : n))
		return true;
	for (size_t i = 0; i < len; i++)
		letters[(unsigned char)dash(word[i])]++;
	for (size_t i = 0; i < n; i++)
		letters[(unsigned char)key[i]]--;
	for (size_t i = 0; i < LENGTH(letters); i++)
		odd += letters[i] != 0;
	return odd == 0;
}

/* --- Options ------------------------------------------------------------------------------------------------------------ */

enum option { INTEL, AMD, X86 };

/* The items of each option's comma list, matched as prefixes in this order. */
static const struct {
	enum option option;
	const char *item;
	enum effect effect;
	unsigned until; /* kernel from which on it has no effect, or 0 */
} items[] = {
	/* drivers/iommu/intel/iommu.c:intel_iommu_setup(); intgpu_off is Debian's */
	{ INTEL, "on", EFFECT_ON, 0 },
	{ INTEL, "off", EFFECT_OFF, 0 },
	{ INTEL, "igfx_off", EFFECT_NONE, 0 },
	{ INTEL, "intgpu_off", EFFECT_NONE, 0 },
	{ INTEL, "forcedac", EFFECT_NONE, 0 },
	{ INTEL, "strict", EFFECT_NONE, 0 },
	{ INTEL, "sp_off", EFFECT_NONE, 0 },
	{ INTEL, "sm_on", EFFECT_NONE, 0 },
	{ INTEL, "sm_off", EFFECT_NONE, 0 },
	{ INTEL, "tboot_noforce", EFFECT_NONE, 0 },
	{ INTEL, "nobounce", EFFECT_NONE, 0 },
	/* drivers/iommu/amd/init.c:parse_amd_iommu_options() */
	{ AMD, "fullflush", EFFECT_NONE, 0 },
	{ AMD, "force_enable", EFFECT_NONE, 0 },
	{ AMD, "off", EFFECT_OFF_STICKY, 0 },
	{ AMD, "force_isolation", EFFECT_NONE, 0 },
	{ AMD, "pgtbl_v", EFFECT_NONE, 0 },
	{ AMD, "irtcachedis", EFFECT_NONE, 0 },
	{ AMD, "nohugepages", EFFECT_NONE, 0 },
	{ AMD, "v2_pgsizes_only", EFFECT_NONE, 0 },
	/* arch/x86/kernel/pci-dma.c:iommu_setup(), amd_gart_64.c:gart_parse_options() */
	{ X86, "off", EFFECT_OFF_STICKY, 0 },
	{ X86, "force", EFFECT_NONE, 0 },
	{ X86, "noforce", EFFECT_NONE, 0 },
	{ X86, "biomerge", EFFECT_NONE, 0 },
	{ X86, "panic", EFFECT_NONE, 0 },
	{ X86, "nopanic", EFFECT_NONE, 0 },
	{ X86, "merge", EFFECT_NONE, 0 },
	{ X86, "nomerge", EFFECT_NONE, 0 },
	{ X86, "forcesac", EFFECT_NONE, 0 },
	{ X86, "allowdac", EFFECT_NONE, 0 },
	{ X86, "nodac", EFFECT_NONE, 0 },
	{ X86, "usedac", EFFECT_STOP, 0 },
	{ X86, "soft", EFFECT_OFF_STICKY, KERNEL(5, 19) }, /* it ended IOMMU detection */
	{ X86, "pt", EFFECT_PT, 0 },
	{ X86, "nopt", EFFECT_NOPT, 0 },
	{ X86, "memaper", EFFECT_NONE, 0 },
	{ X86, "noagp", EFFECT_NONE, 0 },
	{ X86, "noaperture", EFFECT_NONE, 0 },
	{ X86, "leak", EFFECT_NONE, 0 },
	{ X86, "allowed", EFFECT_NONE, 0 },
	{ X86, "fullflush", EFFECT_NONE, 0 },
	{ X86, "nofullflush", EFFECT_NONE, 0 },
};

struct walk {
	enum vendor vendor;
	unsigned kernel;
	void (*visit)(void *context, const struct mention *mention);
	void *context;
	bool init; /* behind "--" */
};

static void mention(const struct walk *w, const char *word, const char *item, enum effect effect)
{
	w->visit(w->context, &(struct mention){ word, item, w->init ? EFFECT_INIT : effect });
}

static enum effect item_effect(const struct walk *w, enum option option, const char *item)
{
	/* Before 6.1 the kernel looked for AMD's words at every character. */
	if (option == AMD && w->kernel && w->kernel < KERNEL(6, 1) && strstr(item, "off"))
		return EFFECT_OFF_STICKY;
	for (size_t i = 0; i < LENGTH(items); i++)
		if (items[i].option == option && starts(item, items[i].item))
			return items[i].until && (!w->kernel || w->kernel >= items[i].until) ? EFFECT_NONE : items[i].effect;
	if (option == AMD && strcmp(item, "on") == 0)
		return EFFECT_WISH_ON;
	return near_item(item);
}

/* A comma list. misspelt: the key is only nearly right, so that even good items say no more than what was meant. */
static void read_list(const struct walk *w, enum option option, const char *word, const char *value, bool misspelt)
{
	bool foreign = (option == INTEL && w->vendor == VENDOR_AMD) || (option == AMD && w->vendor == VENDOR_INTEL);
	bool stopped = false;
	char item[256];

	while (*value) {
		size_t len = strcspn(value, ",");
		snprintf(item, sizeof(item), "%.*s", (int)len, value);
		value += len + (value[len] == ',');
		if (len == 0)
			continue;

		enum effect effect = misspelt ? near_item(item) : item_effect(w, option, item);
		if (foreign)
			effect = EFFECT_FOREIGN;
		else if (stopped)
			effect = EFFECT_UNREAD;
		stopped = stopped || effect == EFFECT_STOP;
		mention(w, word, item, effect);
	}
}

/* drivers/iommu/iommu.c:iommu_set_def_domain_type() */
static void read_passthrough(const struct walk *w, enum option option, const char *word, const char *value)
{
	int on = cmdline_bool(value, w->kernel);
	enum effect effect = near_item(value);

	(void)option;
	if (on >= 0)
		effect = on ? EFFECT_PT : EFFECT_NOPT;
	else if (effect == EFFECT_NEAR_ON)
		effect = EFFECT_NEAR_PT;
	else if (effect == EFFECT_NEAR_OFF)
		effect = EFFECT_NEAR_NOPT;
	mention(w, word, value, effect);
}

static void read_options(const struct walk *w, enum option option, const char *word, const char *value)
{
	read_list(w, option, word, value, false);
}

/* A built-in vfio's parameter; for a modular one libkmod is asked (params.c). */
static void read_noiommu(const struct walk *w, enum option option, const char *word, const char *value)
{
	int on = cmdline_param(word, "vfio.enable_unsafe_noiommu_mode", w->kernel);

	(void)option;
	mention(w, word, value, on < 0 ? EFFECT_UNKNOWN : on ? EFFECT_NOIOMMU : EFFECT_NO_NOIOMMU);
}

/* kernel/dma/swiotlb.c:setup_io_tlb_npages(): before 5.19 "force" ended IOMMU detection (arch/x86/kernel/pci-swiotlb.c:
 * pci_swiotlb_detect_override()). */
static void read_swiotlb(const struct walk *w, enum option option, const char *word, const char *value)
{
	char *flag = (char *)value;

	(void)option;
	if (!w->kernel || w->kernel >= KERNEL(5, 19))
		return;
	if (*value >= '0' && *value <= '9')
		(void)strtoul(value, &flag, 0);
	flag += *flag == ',';
	if (strcmp(flag, "force") == 0)
		mention(w, word, value, EFFECT_SWIOTLB);
	else if (strcmp(flag, "noforce") == 0)
		mention(w, word, value, EFFECT_NO_SWIOTLB);
}

/* arch/x86/kernel/acpi/boot.c:parse_acpi(): whole words. */
static void read_acpi(const struct walk *w, enum option option, const char *word, const char *value)
{
	(void)option;
	if (strcmp(value, "off") == 0)
		mention(w, word, value, EFFECT_NO_ACPI);
	else if (strcmp(value, "force") == 0)
		mention(w, word, value, EFFECT_ACPI);
}

/* Known, and nothing about the mode. */
static void read_other(const struct walk *w, enum option option, const char *word, const char *value)
{
	(void)option;
	mention(w, word, value, EFFECT_NONE);
}

/* What the kernel has no option for, and people write. */
static void read_invented(const struct walk *w, enum option option, const char *word, const char *value)
{
	enum effect near = near_item(value);

	(void)option;
	mention(w, word, value, near == EFFECT_NEAR_OFF || near == EFFECT_NEAR_NOPT ? EFFECT_NEAR_NOPT : EFFECT_NEAR_PT);
}

static const struct {
	const char *key;
	void (*read)(const struct walk *walk, enum option option, const char *word, const char *value);
	enum option option;
} keys[] = {
	{ "intel_iommu", read_options, INTEL },
	{ "amd_iommu", read_options, AMD },
	{ "iommu", read_options, X86 },
	{ "iommu.passthrough", read_passthrough, X86 },
	{ "iommu.strict", read_other, X86 },
	{ "iommu.forcedac", read_other, X86 },
	{ "intremap", read_other, X86 },
	{ "swiotlb", read_swiotlb, X86 },
	{ "acpi", read_acpi, X86 },
	{ "vfio_iommu_type1.allow_unsafe_interrupts", read_other, X86 },
	{ "iommufd.allow_unsafe_interrupts", read_other, X86 },
	{ "vfio.enable_unsafe_noiommu_mode", read_noiommu, X86 },
	{ "iommu.pt", read_invented, X86 },
	{ "iommu_pt", read_invented, X86 },
	{ "iommu.passthru", read_invented, X86 },
};

static void read_word(const struct walk *w, const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < LENGTH(keys); i++) {
		const char *value = cmdline_value(word, keys[i].key);
		if (!value)
			continue;
		keys[i].read(w, keys[i].option, word, value);
		return;
	}
	/* Only a list can be misspelt so that its items still say what was meant. */
	for (size_t i = 0; i <= X86 && word[len]; i++) {
		if (!near_key(word, len, keys[i].key))
			continue;
		read_list(w, keys[i].option, word, word + len + 1, true);
		return;
	}
}

void cmdline_walk(const char *line, enum vendor vendor, unsigned kernel,
		  void (*visit)(void *context, const struct mention *mention), void *context)
{
	struct walk w = { .vendor = vendor, .kernel = kernel, .visit = visit, .context = context };
	char word[CMDLINE_MAX];

	while (cmdline_word(&line, word, sizeof(word))) {
		if (strcmp(word, "--") == 0)
			w.init = true;
		else
			read_word(&w, word);
	}
}

/* --- All of it taken together --------------------------------------------------------------------------------------------- */

struct reading {
	struct cmdline *out;
	char sticky[64];  /* the word that nothing undoes, or "" */
	char swiotlb[64]; /* the word that ends IOMMU detection, or "" */
};

static void say(struct wish *wish, bool yes, const char *word)
{
	char *said = yes ? wish->yes : wish->no;

	wish->result = yes ? YES : NO;
	snprintf(said, sizeof(wish->yes), "%s", word);
}

static void note_near(char first[64], const char *word)
{
	if (!first[0])
		snprintf(first, 64, "%s", word);
}

static void take(void *context, const struct mention *m)
{
	struct reading *r = context;
	struct cmdline *out = r->out;

	switch (m->effect) {
	case EFFECT_ON:
	case EFFECT_WISH_ON:
		say(&out->power, true, m->word);
		break;
	case EFFECT_OFF_STICKY:
		if (!r->sticky[0])
			snprintf(r->sticky, sizeof(r->sticky), "%s", m->word);
		say(&out->power, false, m->word);
		break;
	case EFFECT_OFF:
		say(&out->power, false, m->word);
		break;
	case EFFECT_PT:
	case EFFECT_NOPT:
		say(&out->pt, m->effect == EFFECT_PT, m->word);
		break;
	case EFFECT_NOIOMMU:
	case EFFECT_NO_NOIOMMU:
		out->noiommu = m->effect == EFFECT_NOIOMMU;
		break;
	case EFFECT_SWIOTLB:
	case EFFECT_NO_SWIOTLB:
		snprintf(r->swiotlb, sizeof(r->swiotlb), "%s", m->effect == EFFECT_SWIOTLB ? m->word : "");
		break;
	case EFFECT_NO_ACPI:
	case EFFECT_ACPI:
		out->acpi_off = m->effect == EFFECT_NO_ACPI;
		break;
	case EFFECT_NEAR_ON:
		note_near(out->power.near_yes, m->word);
		break;
	case EFFECT_NEAR_OFF:
		note_near(out->power.near_no, m->word);
		break;
	case EFFECT_NEAR_PT:
		note_near(out->pt.near_yes, m->word);
		break;
	case EFFECT_NEAR_NOPT:
		note_near(out->pt.near_no, m->word);
		break;
	case EFFECT_NONE:
	case EFFECT_STOP:
	case EFFECT_UNKNOWN:
	case EFFECT_UNREAD:
	case EFFECT_FOREIGN:
	case EFFECT_INIT:
		break;
	}
}

/* Words that say how the boot itself goes. */
static void read_boot(const char *line, struct cmdline *out)
{
	static const char *const rescue[] = { "single", "1", "rescue", "emergency", "systemd.unit=rescue.target",
					      "systemd.unit=emergency.target" };
	char word[256];

	while (cmdline_word(&line, word, sizeof(word)) && strcmp(word, "--") != 0) {
		if (strcmp(word, "rd.iommu.verify=warn") == 0)
			out->soften = true;
		for (size_t i = 0; i < LENGTH(rescue); i++)
			out->rescue = out->rescue || strcmp(word, rescue[i]) == 0;
		/* What boot loaders say of the files they took; a rescue image and its kernel have names of their own. */
		if ((starts(word, "BOOT_IMAGE=") || starts(word, "initrd=")) && strstr(word, "0-rescue"))
			out->rescue = true;
	}
}

void cmdline_read(const char *line, enum vendor vendor, unsigned kernel, struct cmdline *out)
{
	struct reading r = { .out = out };

	*out = (struct cmdline){ 0 };
	cmdline_walk(line, vendor, kernel, take, &r);
	read_boot(line, out);
	if (r.swiotlb[0])
		say(&out->power, false, r.swiotlb);
	if (r.sticky[0])
		say(&out->power, false, r.sticky);
}

enum mode cmdline_mode(const char *line, enum vendor vendor, unsigned kernel)
{
	struct cmdline read;

	if (vendor == VENDOR_UNKNOWN) {
		enum mode intel = cmdline_mode(line, VENDOR_INTEL, kernel);
		return intel == cmdline_mode(line, VENDOR_AMD, kernel) ? intel : MODE_UNKNOWN;
	}

	cmdline_read(line, vendor, kernel, &read);
	if (read.power.result == NO || read.acpi_off)
		return read.noiommu ? MODE_OFF_FOR_VFIO : MODE_OFF_FOR_UIO;
	if (read.pt.result == YES)
		return MODE_PT;
	if (read.power.result == YES || read.pt.result == NO)
		return MODE_STRICT;
	return MODE_DEFAULT;
}
