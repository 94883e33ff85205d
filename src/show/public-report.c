/* A report that can be made public; see public-report.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * By a list of what is let through, not of what is kept back: words of our own tables, numbers, and texts that are
 * the maker's (machine, firmware, processor, distribution, kernel). Of a kernel command line only the words about
 * the IOMMU are as they stand. Sentences with names or words of this machine in them, as verdicts and errors have
 * them, are left out: their codes say enough.
 */
#include "show/public-report.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bootloader/choose.h"
#include "model/cmdline-words.h"
#include "model/cmdline.h"
#include "model/kernel-parameters.h"
#include "model/reason.h"
#include "nextboot/prediction.h"
#include "show/checks.h"
#include "show/groups-list.h"
#include "system/os-release.h"
#include "verdict/report.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define HIDDEN "..."

static void title(const char *name)
{
	printf("%-11s ", name);
}

/* --- Texts of the maker's ----------------------------------------------------------------------------------------- */

/* How many bytes of text look like a serial number, a UUID, a machine id or an Ethernet address; 0 if none does. */
static size_t secret_length(const char *text)
{
	size_t len = strspn(text, "0123456789abcdefABCDEF:-"), digits = 0;

	for (size_t i = 0; i < len; i++)
		digits += isxdigit((unsigned char)text[i]) != 0;
	return digits >= 16 || (digits >= 12 && len - digits >= 4) ? len : 0;
}

/* Even there nothing goes through that looks like one. */
static void put_text(const char *text)
{
	for (const char *c = text; *c;) {
		size_t len = c == text || !isalnum((unsigned char)c[-1]) ? secret_length(c) : 0;
		if (len)
			fputs(HIDDEN, stdout);
		else
			putchar(*c >= ' ' && *c < 0x7f ? *c : '?');
		c += len ? len : 1;
	}
}

/* One line of the firmware's about the machine, as the kernel passes it on. */
static void put_dmi(const struct root *root, const char *file)
{
	char path[64], text[128];

	snprintf(path, sizeof(path), "/sys/class/dmi/id/%s", file);
	if (root_read_line(root, path, text, sizeof(text)) <= 0)
		return;
	putchar(' ');
	put_text(text);
}

static void put_processor(const struct root *root, const struct platform *p)
{
	static const char key[] = "model name";
	static char text[1 << 16]; /* the first processors are as good as all */
	int fd = root_open(root, "/proc/cpuinfo", 0);
	ssize_t len = fd < 0 ? fd : read_all(fd, text, sizeof(text));

	if (fd >= 0)
		close(fd);
	title("processor:");
	text[len < 0 && len != -EFBIG ? 0 : sizeof(text) - 1] = '\0';
	char *at = strstr(text, key), *value = at ? strchr(at, ':') : NULL;
	if (value) {
		value[strcspn(value, "\n")] = '\0';
		put_text(value + 1 + (value[1] == ' '));
	} else {
		fputs(p->cpu == VENDOR_INTEL ? "Intel" : p->cpu == VENDOR_AMD ? "AMD" : "unknown", stdout);
	}
	puts(p->hypervisor ? ", in a virtual machine" : "");
}

static void put_machine(const struct root *root)
{
	/* The others in that directory are serial numbers, tags and UUIDs. */
	static const char *const files[] = { "sys_vendor", "product_name", "product_version", "board_vendor",
					     "board_name" },
				 *const firmware[] = { "bios_vendor", "bios_version", "bios_date" };

	title("machine:");
	fputs(root_exists(root, "/sys/class/dmi/id") ? "DMI:" : "unknown", stdout);
	for (size_t i = 0; i < LENGTH(files); i++)
		put_dmi(root, files[i]);
	puts("");
	title("firmware:");
	fputs(root_exists(root, "/sys/firmware/efi") ? "UEFI" : root->live ? "BIOS" : "unknown", stdout);
	for (size_t i = 0; i < LENGTH(firmware); i++)
		put_dmi(root, firmware[i]);
	puts("");
}

static void put_system(const struct root *root)
{
	char id[64], version[64];

	os_release(root, "ID", id, sizeof(id));
	os_release(root, "VERSION_ID", version, sizeof(version));
	title("system:");
	put_text(id[0] ? id : "unknown");
	putchar(' ');
	put_text(version);
	puts("");
}

/* --- Kernel command lines ----------------------------------------------------------------------------------------- */

/* A word whose table row lets it through, with any value that has the form of one. */
static bool is_public(const char *word)
{
	const struct kernel_parameter *parameter = kernel_parameter_find(word);

	return parameter && parameter->public;
}

static bool plain(const char *word, size_t max)
{
	size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.,:=");

	if (word[len] || len > max)
		return false;
	for (size_t i = 0; i < len; i++)
		if (secret_length(word + i))
			return false;
	return true;
}

/* Words that stand alone could be anything: these are the kernel's and the distributions'. */
static bool known_alone(const char *word)
{
	static const char *const words[] = { "quiet",    "splash",  "rhgb",      "ro",     "rw",
					     "debug",    "verbose", "nomodeset", "single", "emergency",
					     "rescue",   "text",    "fips",      "noapic", "nolapic",
					     "nox2apic", "noefi",   "nokaslr",   "nopti",  "nosmt" };

	for (size_t i = 0; i < LENGTH(words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static void put_word(char *word)
{
	size_t key = strcspn(word, "=");
	bool value = word[key] == '=';

	if ((is_public(word) && plain(word, 120)) || (!value && known_alone(word))) {
		fputs(word, stdout);
		return;
	}
	word[key] = '\0';
	/* A name that a parameter can have, and no long one. */
	if (value && isalpha((unsigned char)word[0]) && plain(word, 40) && !strpbrk(word, ",:"))
		printf("%s=" HIDDEN, word);
	else
		fputs(value ? HIDDEN "=" HIDDEN : HIDDEN, stdout);
}

static void put_line(const char *line)
{
	const char *blank = "";
	char word[512];

	while (cmdline_word(&line, word, sizeof(word))) {
		bool end = strcmp(word, "--") == 0;

		fputs(blank, stdout);
		blank = " ";
		if (end)
			fputs("-- " HIDDEN, stdout);
		else
			put_word(word);
		if (end)
			break; /* what follows is init's */
	}
	puts("");
}

/* --- The rest ----------------------------------------------------------------------------------------------------- */

static void put_target(const struct facts *f)
{
	const struct target *t = &f->target;

	title("target:");
	if (f->target_status < 0) {
		puts(f->target_status == -ENOENT ? "none" : "invalid");
		return;
	}
	printf("%s, on-mismatch=%s, on-late-mismatch=%s, flush=%s, interrupts=%s, exposed=%s, "
	       "allow-unsafe-interrupts=%s, allow-override=%s, delay=%u%s\n",
	       mode_name(t->mode), policy_name(t->on_mismatch), t->late_same ? "same" : "warn", flush_name(t->flush),
	       t->remapped ? "remapped" : "any", t->translated ? "translated" : "any",
	       t->allow_unsafe_interrupts ? "yes" : "no", t->allow_override ? "yes" : "no", t->delay,
	       t->accept ? ", others accepted for now" : "");
}

static void put_effective(const struct evidence *e)
{
	static const char *const kinds[] = { [UNIT_OTHER] = "other", [UNIT_INTEL] = "Intel", [UNIT_AMD] = "AMD" };
	unsigned units[LENGTH(kinds)] = { 0 }, blind = 0;

	for (unsigned i = 0; i < e->nunits; i++) {
		units[e->units[i].kind]++;
		blind += e->units[i].passthrough == PRESENCE_NO;
	}
	title("effective:");
	printf("%s, flush %s; units:", mode_name(e->effective), flush_name(e->flush));
	for (size_t k = 0; k < LENGTH(kinds); k++)
		if (units[k])
			printf(" %u %s", units[k], kinds[k]);
	if (blind)
		printf(" (%u can't pass through)", blind);
	printf("%s; groups: %u identity, %u DMA, %u DMA-FQ, %u other (%u of them noiommu), %u tolerated\n",
	       e->nunits ? "" : " none", e->count.of[DOMAIN_IDENTITY], e->count.of[DOMAIN_DMA],
	       e->count.of[DOMAIN_DMA_FQ], e->count.of[DOMAIN_OTHER], e->count.noiommu, e->count.outliers);
}

static void put_findings(const char *name, const struct findings *findings)
{
	if (findings->count == 0)
		return;
	title(name);
	for (unsigned i = 0; i < findings->count; i++)
		printf("%s%s", i ? ", " : "", reason_code(findings->list[i].reason));
	puts("");
}

/* Files of the kernel's own, and what was wrong with them; devices stand in parentheses. */
static void put_missing(const char *missing)
{
	char text[200];

	if (!missing[0])
		return;
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(missing, "("), missing);
	title("missing:");
	put_text(text);
	puts("");
}

/* Names of kernels are file names: a rescue kernel's has the machine's id in it. */
static void put_entry(const struct prediction *e, size_t number)
{
	const char *hook = e->hook == HOOK_NONE    ? "no check"
			   : e->hook == HOOK_STOPS ? "stops the boot on a mismatch"
						   : "warns on a mismatch";
	bool has_target = e->status == 0 && e->target_status == 0;

	title(number ? "" : "entries:");
	printf("%zu. %s: kernel ", number + 1, e->counted ? verdict_name(e->verdict) : "not counted");
	put_text(e->kernel[0] ? e->kernel : "unknown");
	printf(", %s by its kernel parameters; initramfs: %s%s, wants %s%s%s\n", mode_name(e->mode),
	       e->image[0] ? hook : "none", e->status < 0 ? " (it can't be read)" : "",
	       has_target ? mode_name(e->target.mode) : "none",
	       e->why ? "; " : "", e->why ? e->why : "");
	title("");
	fputs("   ", stdout);
	put_line(e->words);
}

static void put_loader(const struct survey *s)
{
	const struct facts *f = s->facts;
	struct predictions entries = { 0 };

	title("loader:");
	if (!s->loader) {
		puts("none that is known");
		return;
	}
	int r = s->loader->error.code;
	if (r == 0)
		r = predictions_make(s->loader, NULL, &f->evidence, facts_wanted(f), &entries);
	printf("%s%s\n", s->loader->backend->name,
	       r == 0 && backend_proven(s->loader, f->evidence.cmdline) ? ", proven" : "");
	if (r < 0) {
		title("entries:");
		puts(r == -EACCES ? "only root can read them" : "they can't be read");
	}
	for (size_t i = 0; i < entries.count; i++)
		put_entry(&entries.list[i], i);
	predictions_free(&entries);
}

static void put_checks(const struct survey *s)
{
	static const char *const results[] = { "pass", "warn", "fail" };
	struct check list[CHECKS_MAX];
	size_t count = checks_take(s, list);

	for (size_t i = 0; i < count; i++) {
		title(i ? "" : "checks:");
		printf("%s  %-11s  %s\n", results[list[i].result], list[i].name, list[i].seen);
	}
}

void report_redacted(const struct survey *s)
{
	const struct facts *f = s->facts;
	const struct evidence *e = &f->evidence;

	title("version:");
	puts("iommu-install " VERSION);
	put_machine(s->root);
	put_processor(s->root, &e->platform);
	put_system(s->root);
	title("kernel:");
	put_text(e->release);
	puts("");
	title("cmdline:");
	put_line(e->cmdline);
	title("mode:");
	puts(mode_name(cmdline_mode(e->cmdline, e->vendor, e->kernel)));
	put_effective(e);
	put_target(f);
	title("next boot:");
	puts(s->needs_root ? "needs root" : mode_name(s->next_boot));
	report_modules(stdout, &e->params);
	put_checks(s);
	title("verdict:");
	printf("%s%s\n", verdict_name(s->judgement.verdict), s->judgement.transitional ? " (transitional)" : "");
	put_findings("reasons:", &s->judgement.reasons);
	put_findings("notes:", &s->judgement.notes);
	put_missing(e->missing);
	if (s->root->live)
		put_loader(s);
	groups_print_redacted(s);
}
