/* What each IOMMU-related parameter of a kernel command line does; see explained.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/explained.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "change/notices.h"
#include "model/cmdline-words.h"
#include "model/cmdline.h"
#include "model/kernel-parameters.h"
#include "model/reason-meaning.h"

#define COLUMN 34 /* of the parameters; a longer one has a line of its own */
#define WIDTH 120 /* of a line */

/* What is said of an effect, alone and when another parameter defeats it: then "%s" is that one. */
static const struct {
	const char *name, *says, *defeated;
} effects[EFFECTS] = {
	[EFFECT_NONE] = { "none", "known to the kernel, decides nothing about the mode", NULL },
	[EFFECT_ON] = { "on", "switches the IOMMU on", "would switch the IOMMU on, but '%s' defeats it" },
	[EFFECT_OFF] = { "off", "switches the IOMMU off", "would switch the IOMMU off, but the later '%s' wins" },
	[EFFECT_OFF_STICKY] = { "off-sticky", "switches the IOMMU off, and nothing later undoes that", NULL },
	[EFFECT_PT] = { "pt", "default domain identity (passthrough)",
			"would give passthrough, but the later '%s' wins" },
	[EFFECT_NOPT] = { "nopt", "default domain translated", "would give translation, but the later '%s' wins" },
	[EFFECT_NOIOMMU] = { "noiommu", "vfio's noiommu on, if the kernel has it (CONFIG_VFIO_NOIOMMU)", NULL },
	[EFFECT_NO_NOIOMMU] = { "no-noiommu", "vfio's noiommu off", NULL },
	[EFFECT_SWIOTLB] = { "bounce-only", "keeps this kernel from looking for an IOMMU", NULL },
	[EFFECT_NO_SWIOTLB] = { "no-bounce-only", "lets this kernel look for an IOMMU", NULL },
	[EFFECT_NO_ACPI] = { "no-tables", "hides the firmware's tables: no IOMMU is found", NULL },
	[EFFECT_ACPI] = { "tables", "lets the firmware's tables be read", NULL },
	[EFFECT_WISH_ON] = { "wish-on", "not known to any kernel, harmless: AMD-Vi is on unless switched off",
			     "not known to any kernel, and '%s' switches AMD-Vi off" },
	[EFFECT_STOP] = { "stop", "ends its list: what stands behind it is not read", NULL },
	[EFFECT_NEAR_ON] = { "near-on", "meant: intel_iommu=on (AMD-Vi is on anyway)", NULL },
	[EFFECT_NEAR_OFF] = { "near-off", "meant: intel_iommu=off or amd_iommu=off", NULL },
	[EFFECT_NEAR_PT] = { "near-pt", "meant: iommu=pt", NULL },
	[EFFECT_NEAR_NOPT] = { "near-nopt", "meant: iommu=nopt", NULL },
	[EFFECT_UNKNOWN] = { "unknown", "ignored: the kernel does not know it", NULL },
	[EFFECT_UNREAD] = { "unread", "not read: 'usedac' ended the list", NULL },
	[EFFECT_FOREIGN] = { "foreign", "not read here: the other vendor's option", NULL },
	[EFFECT_INIT] = { "init", "not read by the kernel: behind '--' it is init's", NULL },
	[EFFECT_SYNC] = { "sync", "flush policy synchronous, where devices are translated; the mode stays", NULL },
	[EFFECT_LAZY] = { "lazy", "flush policy lazy, where devices are translated; the mode stays", NULL },
	[EFFECT_UNSAFE] = { "unsafe-interrupts",
			    "devices can be given away without interrupt remapping: under strict and pt a mismatch, "
			    "unless the target allows it", NULL },
	[EFFECT_NOT_UNSAFE] = { "no-unsafe-interrupts",
				"devices are given away with interrupt remapping only, which is the default", NULL },
	[EFFECT_REMAP] = { "remap", "interrupt remapping on, where there is an IOMMU, which is the default", NULL },
	[EFFECT_NO_REMAP] = { "no-remap",
			      "interrupt remapping off: vfio gives no device away unless unsafe interrupts are "
			      "allowed; the mode stays", NULL },
	[EFFECT_NO_SOURCE_ID] = { "no-source-id",
				  "interrupts are remapped without a look at who sends them; the mode stays", NULL },
	[EFFECT_NO_GRAPHICS] = { "no-graphics",
				 "the unit of Intel's graphics is left off; before 6.10 display devices behind other "
				 "units get identity, whatever the mode", NULL },
	[EFFECT_NO_INTEGRATED] = { "no-integrated",
				   "Debian's: Intel's own graphics get identity, whatever the mode", NULL },
	[EFFECT_SCALABLE] = { "scalable", "scalable mode, where the unit has it; the mode stays", NULL },
	[EFFECT_NOT_SCALABLE] = { "no-scalable", "no scalable mode; the mode stays", NULL },
	[EFFECT_NO_TBOOT] = { "no-tboot",
			      "a start through tboot does not switch VT-d on by itself; only 'on' does then", NULL },
	[EFFECT_FORCE] = { "force", "switches neither VT-d nor AMD-Vi on; VT-d is by intel_iommu=on", NULL },
	[EFFECT_SOFT] = { "soft",
			  "bounce buffers beside the IOMMU, which stays on; before 5.19 it was switched off", NULL },
	[EFFECT_ISOLATION] = { "isolation", "AMD-Vi isolates every device; iommu=pt wins all the same", NULL },
	[EFFECT_ACS_OVERRIDE] = { "acs-override",
				  "not in Linux itself: a kernel with that patch makes smaller groups, whose devices "
				  "can reach each other all the same; the mode stays", NULL },
	[EFFECT_ACS_CONFIG] = { "acs-config",
				"sets ACS, and by it what shares a group (Linux 6.11 and later); the mode stays",
				NULL },
	[EFFECT_ACS_REDIRECT] = { "acs-redirect",
				  "lets these devices reach each other directly: groups grow; the mode stays", NULL },
	[EFFECT_NO_ATS] = { "no-ats", "no device translates by itself (ATS); the mode stays", NULL },
	[EFFECT_VFIO_IDS] = { "vfio-ids",
			      "vfio-pci takes these devices, if it is loaded before their drivers; the mode stays",
			      NULL },
};

static const struct {
	const char *name, *says;
} misses[] = {
	[MISS_NOT] = { NULL, "IGNORED, the kernel does not know it" },
	[MISS_KEY] = { "misspelt", "IGNORED, the kernel does not know it" },
	[MISS_CASE] = { "case", "IGNORED, the kernel wants small letters" },
	[MISS_BLANKS] = { "blanks", "IGNORED, no blanks around '='" },
	[MISS_STUCK] = { "stuck", "IGNORED, no blank before it" },
	[MISS_VALUE] = { "no-value", "IGNORED, it has no value" },
};

struct said {
	char *item; /* as it is shown; owned */
	enum effect effect;
	enum miss miss;
	bool modprobe; /* libkmod does not stop where the kernel does */
};

struct reading {
	struct said *list;
	size_t count;
	bool failed;
};

struct outcome {
	enum mode mode;
	const char *by;  /* "line", "configuration" or NULL: neither decides */
	const char *why; /* for people, or "" */
};

/* One item of a list, as if it stood alone. */
static char *shown(const struct mention *m)
{
	size_t key = strcspn(m->word, "=");
	char *text = NULL;

	if (m->miss == MISS_STUCK)
		text = strdup(m->item);
	else if (m->miss == MISS_BLANKS || !m->word[key])
		text = strdup(m->word);
	else if (asprintf(&text, "%.*s=%s", (int)key, m->word, m->item) < 0)
		text = NULL;
	for (char *c = text; c && *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	return text;
}

static void add(void *context, const struct mention *m)
{
	struct reading *r = context;
	const struct kernel_parameter *parameter = kernel_parameter_find(m->word);
	char *item = shown(m);
	struct said *list = item ? realloc(r->list, (r->count + 1) * sizeof(*list)) : NULL;

	if (!list) {
		free(item);
		r->failed = true;
		return;
	}
	r->list = list;
	list[r->count++] = (struct said){ item, m->effect, m->miss,
					  m->effect == EFFECT_INIT && parameter && parameter->reader == READ_NOIOMMU };
}

static void reading_free(struct reading *r)
{
	for (size_t i = 0; i < r->count; i++)
		free(r->list[i].item);
	free(r->list);
}

/* The parameter that defeats an effect, or NULL if none does. */
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

/* What is said of it. */
static void tell(const struct said *said, const char *winner, char text[256])
{
	enum effect effect = said->effect;

	if (effect >= EFFECT_NEAR_ON && effect <= EFFECT_NEAR_NOPT)
		snprintf(text, 256, "%s; %s", misses[said->miss].says, effects[effect].says);
	else if (effect == EFFECT_UNKNOWN && said->miss == MISS_VALUE)
		snprintf(text, 256, "ignored: it has no value");
	else if (!winner || !effects[effect].defeated)
		snprintf(text, 256, "%s", effects[effect].says);
	else
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(text, 256, effects[effect].defeated, winner);
#pragma GCC diagnostic pop
}

/* The text in the right column, in as many lines as it takes; what stands left of it is already there. */
static void print_right(FILE *out, const char *text)
{
	size_t room = WIDTH - COLUMN - 3;

	while (strlen(text) > room) {
		size_t len = room;
		while (len > 1 && text[len] != ' ')
			len--;
		fprintf(out, "%.*s\n  %-*s ", (int)len, text, COLUMN, "");
		text += len + 1;
	}
	fprintf(out, "%s\n", text);
}

/* What the line comes to, and, where it leaves that to the kernel's configuration, what that makes of it. */
static struct outcome settle(const struct explained *x, enum vendor vendor, unsigned kernel,
			     const struct cmdline *line)
{
	struct outcome o = { cmdline_mode(x->line, vendor, kernel), "line", "" };

	if (o.mode == MODE_DEFAULT) {
		bool on = vendor == VENDOR_AMD || x->intel_on == PRESENCE_YES;
		if (vendor == VENDOR_INTEL && x->intel_on == PRESENCE_NO)
			return (struct outcome){ MODE_OFF_FOR_UIO, "configuration",
						 " (by this kernel's configuration, unless the firmware opts in)" };
		if (!on || x->passthrough == PRESENCE_UNKNOWN)
			return (struct outcome){ MODE_DEFAULT, NULL,
						 vendor == VENDOR_AMD ?
							 " (AMD-Vi is on; the kernel's configuration decides how)" :
							 " (the kernel's configuration decides)" };
		o.mode = MODE_STRICT;
		o.by = "configuration";
		o.why = " (by this kernel's configuration)";
	}
	if (o.mode == MODE_STRICT && line->pt.result == UNSAID && x->passthrough == PRESENCE_YES)
		return (struct outcome){ MODE_PT, "configuration",
					 " (this kernel passes through by default; iommu=nopt gives translation)" };
	return o;
}

static void print_vendor(const struct explained *x, enum vendor vendor, unsigned kernel, const struct reading *r,
			 FILE *out)
{
	struct cmdline line;

	cmdline_read(x->line, vendor, kernel, &line);
	fprintf(out, "on %s", vendor == VENDOR_INTEL ? "Intel (VT-d)" : "AMD (AMD-Vi)");
	if (kernel)
		fprintf(out, ", as kernel %u.%u reads it", kernel >> 16, kernel & 0xffff);
	fputs(":\n", out);
	for (size_t i = 0; i < r->count; i++) {
		const struct said *said = &r->list[i];
		char text[256];
		if (strlen(said->item) > COLUMN)
			fprintf(out, "  %s\n  %-*s ", said->item, COLUMN, "");
		else
			fprintf(out, "  %-*s ", COLUMN, said->item);
		tell(said, defeated_by(&line, said->effect), text);
		print_right(out, text);
		if (said->modprobe)
			fprintf(out, "  %-*s but modprobe passes it to a vfio that is a module\n", COLUMN, "");
	}
	if (r->count == 0)
		fputs("  no parameter about the IOMMU\n", out);

	struct outcome o = settle(x, vendor, kernel, &line);
	fprintf(out, "  mode: %s%s\n", mode_name(o.mode), o.why);
	if (o.mode == MODE_PT && line.power.result == UNSAID && vendor == VENDOR_INTEL && x->intel_on != PRESENCE_YES)
		fputs("        if the kernel switches VT-d on by itself; intel_iommu=on makes sure\n", out);
}

static unsigned kernel_of(const struct explained *x)
{
	return x->release ? kernel_version(x->release) : 0;
}

bool explained_print(const struct explained *x, FILE *out)
{
	unsigned kernel = kernel_of(x);
	bool done = true;

	if (x->setting)
		fprintf(out, "%s is a setting in a file, no kernel parameter; this is the line in it\n\n", x->setting);
	if (x->bytes > strlen(x->line))
		fprintf(out, "the line has %zu bytes; the kernel reads the first %zu, and so does this\n\n", x->bytes,
			strlen(x->line));
	for (enum vendor vendor = VENDOR_INTEL; vendor <= VENDOR_AMD; vendor++) {
		struct reading r = { 0 };
		if (vendor != VENDOR_INTEL)
			fputc('\n', out);
		cmdline_walk(x->line, vendor, kernel, add, &r);
		print_vendor(x, vendor, kernel, &r, out);
		done = done && !r.failed;
		reading_free(&r);
	}
	return done;
}

/* --- The same for programs ---------------------------------------------------------------------------------------- */

static void json_word(const struct said *said, const struct cmdline *line, FILE *out)
{
	const char *winner = defeated_by(line, said->effect);
	char text[256];

	tell(said, winner, text);
	fputs("{\"parameter\": ", out);
	json_string(out, said->item);
	fprintf(out, ", \"effect\": \"%s\", \"miss\": ", effects[said->effect].name);
	if (misses[said->miss].name)
		json_string(out, misses[said->miss].name);
	else
		fputs("null", out);
	fputs(", \"defeated_by\": ", out);
	if (winner)
		json_string(out, winner);
	else
		fputs("null", out);
	fputs(", \"text\": ", out);
	json_string(out, text);
	fputc('}', out);
}

static void json_vendor(const struct explained *x, enum vendor vendor, unsigned kernel, const struct reading *r,
			FILE *out)
{
	struct cmdline line;

	cmdline_read(x->line, vendor, kernel, &line);
	struct outcome o = settle(x, vendor, kernel, &line);
	fprintf(out, "{\"mode\": \"%s\", \"decided_by\": ", mode_name(o.mode));
	if (o.by)
		json_string(out, o.by);
	else
		fputs("null", out);
	fputs(", \"parameters\": [", out);
	for (size_t i = 0; i < r->count; i++) {
		fputs(i ? ", " : "", out);
		json_word(&r->list[i], &line, out);
	}
	fputs("]}", out);
}

static const char *json_presence(enum presence presence)
{
	return presence == PRESENCE_YES ? "true" : presence == PRESENCE_NO ? "false" : "null";
}

bool explained_json(const struct explained *x, FILE *out)
{
	unsigned kernel = kernel_of(x);
	bool done = true;

	fprintf(out, "{\"schema\": 1, \"source\": \"%s\", \"setting\": ", x->source);
	if (x->setting)
		json_string(out, x->setting);
	else
		fputs("null", out);
	fputs(", \"line\": ", out);
	json_string(out, x->line);
	fprintf(out, ", \"bytes\": %zu, \"kernel\": ", x->bytes);
	if (x->release)
		json_string(out, x->release);
	else
		fputs("null", out);
	fprintf(out, ", \"default_passthrough\": %s, \"default_on\": %s", json_presence(x->passthrough),
		json_presence(x->intel_on));
	for (enum vendor vendor = VENDOR_INTEL; vendor <= VENDOR_AMD; vendor++) {
		struct reading r = { 0 };
		cmdline_walk(x->line, vendor, kernel, add, &r);
		fprintf(out, ", \"%s\": ", vendor == VENDOR_INTEL ? "intel" : "amd");
		json_vendor(x, vendor, kernel, &r, out);
		done = done && !r.failed;
		reading_free(&r);
	}
	fputs("}\n", out);
	return done;
}

/* --- Codes -------------------------------------------------------------------------------------------------------- */

bool explained_code_find(const char *word, struct explained_code *out)
{
	enum notice_code notice;
	enum reason reason;

	if (notice_parse(word, &notice)) {
		const struct notice_row *row = &notice_table[notice];
		*out = (struct explained_code){ .code = row->code, .layer = row->layer, .text = row->text,
						.hint = row->hint, .notice = true };
		return true;
	}
	if (!reason_parse(word, &reason))
		return false;
	const struct meaning *m = reason_meaning(reason);
	*out = (struct explained_code){ .code = reason_code(reason), .layer = m->layer, .text = m->text,
					.hint = reason_hint(reason), .verdict = m->verdict, .refusal = m->refusal,
					.forcible = m->refusal && reason_forcible(reason) };
	return true;
}

const char *explained_code_name(size_t i)
{
	if (i < REASON_COUNT)
		return reason_code((enum reason)i);
	return i < REASON_COUNT + NOTICES_MAX ? notice_table[i - REASON_COUNT].code : NULL;
}

/* What to do about it, with MODE where a verdict names the wanted mode. */
static void advise(const char *hint, char text[256])
{
	static const char wanted[] = "{wanted}";
	const char *at = strstr(hint, wanted);

	if (!hint[0])
		hint = "run the command that the message prints";
	if (at)
		snprintf(text, 256, "%.*sMODE%s", (int)(at - hint), hint, at + strlen(wanted));
	else
		snprintf(text, 256, "%s", hint);
}

void explained_code_print(const struct explained_code *c, FILE *out)
{
	char hint[256];

	advise(c->hint, hint);
	fprintf(out, "%s: %s\n", c->code, c->text);
	fprintf(out, "  blames:     %s\n", c->layer);
	fprintf(out, "  said by:    %s\n",
		c->notice                ? "iommu-install when it sets a mode, and goes on" :
		c->verdict && c->refusal ? "verdicts, and iommu-install when it refuses" :
		c->refusal               ? "iommu-install when it refuses" : "verdicts");
	fprintf(out, "  what to do: %s\n", hint);
	if (c->forcible)
		fputs("  --force:    sets the mode all the same\n", out);
}

static const char *truth(bool b)
{
	return b ? "true" : "false";
}

void explained_code_json(const struct explained_code *c, FILE *out)
{
	char hint[256];

	advise(c->hint, hint);
	fprintf(out, "{\"schema\": 1, \"code\": \"%s\", \"layer\": ", c->code);
	json_string(out, c->layer);
	fputs(", \"meaning\": ", out);
	json_string(out, c->text);
	fputs(", \"hint\": ", out);
	json_string(out, hint);
	fprintf(out, ", \"verdict\": %s, \"refusal\": %s, \"notice\": %s, \"forcible\": %s}\n", truth(c->verdict),
		truth(c->refusal), truth(c->notice), truth(c->forcible));
}
