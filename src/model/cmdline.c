/* The kernel command line, read as the kernel reads it; see cmdline.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "model/cmdline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/cmdline-words.h"
#include "model/kernel-parameters.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static bool starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* --- What people write for what the kernel does not know ---------------------------------------------------------- */

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

/* A key's character as the kernel would take it, capital letters made small. */
static char small(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : cmdline_dash(c);
}

/* A word whose key is none, but nearly one: in capital letters, or one letter too many, too few or wrong, or the same
 * letters in another order. */
static bool near_key(const char *word, size_t len, const char *key, enum miss *miss)
{
	size_t n = strlen(key), same = 0, tail = 0;
	int letters[256] = { 0 }, odd = 0;

	if (len > n + 1 || n > len + 1)
		return false;
	while (same < len && same < n && small(word[same]) == key[same])
		same++;
	*miss = same == len && len == n ? MISS_CASE : MISS_KEY;
	while (tail < len - same && tail < n - same && small(word[len - 1 - tail]) == key[n - 1 - tail])
		tail++;
	if (same + tail + 1 >= (len > n ? len : n))
		return true;
	for (size_t i = 0; i < len; i++)
		letters[(unsigned char)small(word[i])]++;
	for (size_t i = 0; i < n; i++)
		letters[(unsigned char)key[i]]--;
	for (size_t i = 0; i < LENGTH(letters); i++)
		odd += letters[i] != 0;
	return odd == 0;
}

/* --- One reader for each kind of value ---------------------------------------------------------------------------- */

struct walk {
	enum vendor vendor;
	unsigned kernel;
	void (*visit)(void *context, const struct mention *mention);
	void *context;
	bool init; /* behind "--" */
};

static void mention(const struct walk *w, const char *word, const char *item, enum effect effect)
{
	w->visit(w->context, &(struct mention){ word, item, w->init ? EFFECT_INIT : effect, MISS_NOT });
}

static void mention_miss(const struct walk *w, const char *word, const char *item, enum effect effect, enum miss miss)
{
	w->visit(w->context, &(struct mention){ word, item, w->init ? EFFECT_INIT : effect, miss });
}

/* Whether a value can still be understood where its key is wrong, or not read as one. */
static bool can_be_meant(const struct kernel_parameter *parameter)
{
	return parameter->reader == READ_LIST || parameter->reader == READ_PASSTHROUGH;
}

/* What an item of a parameter that the kernel did not read was meant for. */
static enum effect meant(const struct walk *w, const struct kernel_parameter *parameter, const char *item)
{
	enum effect effect = near_item(item);

	if (parameter->vendor && w->vendor && parameter->vendor != w->vendor)
		return EFFECT_FOREIGN;
	if (parameter->reader != READ_PASSTHROUGH)
		return effect;
	return effect == EFFECT_NEAR_ON ? EFFECT_NEAR_PT : effect == EFFECT_NEAR_OFF ? EFFECT_NEAR_NOPT : effect;
}

/* A comma list that the kernel did not read. */
static void read_missed(const struct walk *w, const struct kernel_parameter *parameter, const char *word,
			const char *value, enum miss miss)
{
	char item[256];

	while (*value) {
		size_t len = strcspn(value, ",");
		snprintf(item, sizeof(item), "%.*s", (int)len, value);
		value += len + (value[len] == ',');
		if (len)
			mention_miss(w, word, item, meant(w, parameter, item), miss);
	}
}

/* A whole parameter that stands in another one: what was meant by it, or EFFECT_UNKNOWN. */
static enum effect stuck(const struct walk *w, const char *text)
{
	const struct kernel_parameter *p = kernel_parameter_find(text);
	const char *value = strchr(text, '=');

	return p && value && can_be_meant(p) ? meant(w, p, value + 1) : EFFECT_UNKNOWN;
}

static enum effect item_effect(const struct walk *w, const struct kernel_parameter *parameter, const char *text)
{
	const struct parameter_item *item = parameter_item_find(parameter, text, w->kernel);

	if (!item)
		return near_item(text);
	return item->until && (!w->kernel || w->kernel >= item->until) ? item->after : item->effect;
}

/* A comma list. */
static void read_list(const struct walk *w, const struct kernel_parameter *parameter, const char *word,
		      const char *value)
{
	bool foreign = parameter->vendor && w->vendor && parameter->vendor != w->vendor;
	bool stopped = false;
	char item[256];

	/* Bare, VT-d's can only be meant to switch it on. */
	if (!*value)
		mention_miss(w, word, value,
			     foreign                             ? EFFECT_FOREIGN
			     : parameter->vendor == VENDOR_INTEL ? EFFECT_NEAR_ON
								 : EFFECT_UNKNOWN,
			     MISS_VALUE);
	while (*value) {
		size_t len = strcspn(value, ",");
		snprintf(item, sizeof(item), "%.*s", (int)len, value);
		value += len + (value[len] == ',');
		/* What the kernel does not take, and is a parameter of its own, read_stuck() tells of. */
		if (len == 0 || (!parameter_item_find(parameter, item, w->kernel) && stuck(w, item) != EFFECT_UNKNOWN))
			continue;

		enum effect effect = item_effect(w, parameter, item);
		if (foreign)
			effect = EFFECT_FOREIGN;
		else if (stopped)
			effect = EFFECT_UNREAD;
		stopped = stopped || effect == EFFECT_STOP;
		mention(w, word, item, effect);
	}
}

/* The items of the row that are there; nothing is said of others. */
static void read_other_list(const struct walk *w, const struct kernel_parameter *parameter, const char *word,
			    const char *value)
{
	char item[256];

	while (*value) {
		size_t len = strcspn(value, ",");
		snprintf(item, sizeof(item), "%.*s", (int)len, value);
		value += len + (value[len] == ',');
		const struct parameter_item *found = parameter_item_find(parameter, item, w->kernel);
		if (found)
			mention(w, word, item, found->effect);
	}
}

/* drivers/iommu/iommu.c:iommu_dma_setup() */
static void read_flush(const struct walk *w, const char *word, const char *value)
{
	int on = cmdline_bool(value, w->kernel);

	mention(w, word, value, on < 0 ? EFFECT_UNKNOWN : on ? EFFECT_SYNC : EFFECT_LAZY);
}

static void read_unsafe(const struct walk *w, const struct kernel_parameter *parameter, const char *word,
			const char *value)
{
	int on = cmdline_param(word, parameter->key, w->kernel);

	mention(w, word, value, on < 0 ? EFFECT_UNKNOWN : on ? EFFECT_UNSAFE : EFFECT_NOT_UNSAFE);
}

/* drivers/iommu/iommu.c:iommu_set_def_domain_type() */
static void read_passthrough(const struct walk *w, const char *word, const char *value)
{
	int on = cmdline_bool(value, w->kernel);
	enum effect effect = near_item(value);

	if (on >= 0)
		effect = on ? EFFECT_PT : EFFECT_NOPT;
	else if (effect == EFFECT_NEAR_ON)
		effect = EFFECT_NEAR_PT;
	else if (effect == EFFECT_NEAR_OFF)
		effect = EFFECT_NEAR_NOPT;
	mention(w, word, value, effect);
}

/* A built-in vfio's parameter; for a modular one libkmod is asked (module-params.c). */
static void read_noiommu(const struct walk *w, const struct kernel_parameter *parameter, const char *word,
			 const char *value)
{
	int on = cmdline_param(word, parameter->key, w->kernel);

	mention(w, word, value, on < 0 ? EFFECT_UNKNOWN : on ? EFFECT_NOIOMMU : EFFECT_NO_NOIOMMU);
}

/* kernel/dma/swiotlb.c:setup_io_tlb_npages(): before 5.19 "force" ended IOMMU detection (arch/x86/kernel/pci-swiotlb.c:
 * pci_swiotlb_detect_override()). */
static void read_swiotlb(const struct walk *w, const char *word, const char *value)
{
	char *flag = (char *)value;

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
static void read_acpi(const struct walk *w, const char *word, const char *value)
{
	if (strcmp(value, "off") == 0)
		mention(w, word, value, EFFECT_NO_ACPI);
	else if (strcmp(value, "force") == 0)
		mention(w, word, value, EFFECT_ACPI);
}

/* What no kernel knows, and people write. */
static void read_invented(const struct walk *w, const char *word, const char *value)
{
	enum effect near = near_item(value);

	mention(w, word, value,
		near == EFFECT_NEAR_OFF || near == EFFECT_NEAR_NOPT ? EFFECT_NEAR_NOPT : EFFECT_NEAR_PT);
}

static void read_value(const struct walk *w, const struct kernel_parameter *p, const char *word, const char *value)
{
	switch (p->reader) {
	case READ_NOT: break;
	case READ_KNOWN: mention(w, word, value, p->effect); break;
	case READ_LIST: read_list(w, p, word, value); break;
	case READ_OTHER_LIST: read_other_list(w, p, word, value); break;
	case READ_FLUSH: read_flush(w, word, value); break;
	case READ_UNSAFE: read_unsafe(w, p, word, value); break;
	case READ_PASSTHROUGH: read_passthrough(w, word, value); break;
	case READ_NOIOMMU: read_noiommu(w, p, word, value); break;
	case READ_SWIOTLB: read_swiotlb(w, word, value); break;
	case READ_ACPI: read_acpi(w, word, value); break;
	case READ_INVENTED: read_invented(w, word, value); break;
	}
}

/* Parameters that stand behind something else in one word, without a blank: "quiet;iommu=pt",
 * "intel_iommu=on,iommu=pt", "GRUB_CMDLINE_LINUX=iommu=pt". */
static void read_stuck(const struct walk *w, const char *word)
{
	static const char between[] = ";,|& \t=";
	char part[256];

	for (const char *p = word + strcspn(word, between); *p; p += strcspn(p, between)) {
		p++;
		snprintf(part, sizeof(part), "%.*s", (int)strcspn(p, ";,|& \t"), p);
		enum effect effect = stuck(w, part);
		if (effect != EFFECT_UNKNOWN)
			mention_miss(w, word, part, effect, MISS_STUCK);
	}
}

static void read_word(const struct walk *w, const char *word)
{
	const struct kernel_parameter *p = kernel_parameter_find(word);
	size_t len = strcspn(word, "=");
	enum miss miss;

	if (p)
		read_value(w, p, word, word + len + (word[len] == '='));
	/* Only of some does the value still say what was meant. */
	bool key = word[len] && strcspn(word, ";,|&") > len;
	for (const struct kernel_parameter *q = kernel_parameters; !p && key && q->key; q++) {
		if (!can_be_meant(q) || !near_key(word, len, q->key, &miss))
			continue;
		read_missed(w, q, word, word + len + 1, miss);
		p = q;
	}
	read_stuck(w, word);
}

/* A parameter with blanks around its '=', which the kernel takes for two or three words: "iommu = pt", "iommu= pt",
 * "iommu =pt". Moves *rest behind it and returns true if there is one. */
static bool read_blanks(const struct walk *w, const char *word, const char **rest)
{
	const struct kernel_parameter *p = kernel_parameter_find(word);
	const char *next = *rest;
	char value[64], whole[256];
	size_t key = strcspn(word, "=");

	if (!p || !can_be_meant(p) || (word[key] && word[key + 1]) || !cmdline_word(&next, value, sizeof(value)))
		return false;
	if (!word[key] && value[0] != '=')
		return false;
	if (!word[key] && strcmp(value, "=") == 0 && !cmdline_word(&next, value, sizeof(value)))
		return false;

	const char *item = value + (value[0] == '=');
	if (near_item(item) == EFFECT_UNKNOWN && (strchr(item, '=') || !parameter_item_find(p, item, w->kernel)))
		return false;
	snprintf(whole, sizeof(whole), "%.100s%.*s", word, (int)(next - *rest), *rest);
	read_missed(w, p, whole, item, MISS_BLANKS);
	*rest = next;
	return true;
}

void cmdline_walk(const char *line, enum vendor vendor, unsigned kernel,
		  void (*visit)(void *context, const struct mention *mention), void *context)
{
	struct walk w = { .vendor = vendor, .kernel = kernel, .visit = visit, .context = context };
	char word[CMDLINE_MAX];

	while (cmdline_word(&line, word, sizeof(word))) {
		if (strcmp(word, "--") == 0)
			w.init = true;
		else if (!read_blanks(&w, word, &line))
			read_word(&w, word);
	}
}

/* --- All of it taken together ------------------------------------------------------------------------------------- */

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
	case EFFECT_SOFT:
		snprintf(out->soft, sizeof(out->soft), "%s", m->word);
		break;
	default:
		break;
	}
}

/* Words that say how the boot itself goes. */
static void read_boot(const char *line, struct cmdline *out)
{
	/* systemd's own list (basic/proc-cmdline.c, src/core/main.c): runlevels and what they are called. */
	static const char *const rescue[] = { "single", "s", "S", "1", "-s", "-b", "rescue", "emergency",
					      "systemd.unit=rescue.target", "systemd.unit=emergency.target" };
	char word[256];

	while (cmdline_word(&line, word, sizeof(word)) && strcmp(word, "--") != 0) {
		if (strcmp(word, "rd.iommu.verify=warn") == 0)
			out->soften = true;
		for (size_t i = 0; i < LENGTH(rescue); i++)
			out->rescue = out->rescue || strcmp(word, rescue[i]) == 0;
		/* What boot loaders say of the files they took; a rescue image and its kernel have names of their
		 * own. */
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
