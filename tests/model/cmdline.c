/* An independent model of what x86 Linux kernels make of the IOMMU words on their command line, to compare with.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usage: cmdline-model intel|amd VERSION < LINES      (VERSION: such as 5.10)
 *
 * Reads command lines, one a line, and prints for each the mode that the kernel's variables amount to afterwards:
 * off-for-uio, off-for-vfio, pt, strict or default. README.md tells which sources the rules were read from.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned kernel; /* major * 1000 + minor */
static bool on_amd;

#define SINCE(major, minor) (kernel >= (major) * 1000u + (minor))

enum domain { DOMAIN_UNSET, DOMAIN_TRANSLATED, DOMAIN_IDENTITY };

/* The kernel's variables, as far as a command line sets them. */
static struct state {
	bool no_iommu;			/* arch/x86/kernel/pci-dma.c */
	bool acpi_disabled;		/* arch/x86/kernel/acpi/boot.c */
	bool soft;			/* "swiotlb" in arch/x86/kernel/pci-dma.c of 5.10 */
	bool swiotlb_force;		/* kernel/dma/swiotlb.c */
	bool dmar_disabled;		/* drivers/iommu/intel/iommu.c; Debian builds it to start as false */
	bool amd_iommu_disabled;	/* drivers/iommu/amd/init.c */
	bool noiommu;			/* drivers/vfio/: enable_unsafe_noiommu_mode */
	enum domain def_domain_type;	/* drivers/iommu/iommu.c; unset: the command line left it alone */
	bool wished_on;			/* not the kernel's: the line asked for the vendor's IOMMU by "on" */
} state;

/* lib/ctype.c, _ctype[]: the table marks 0xa0 as a space too, whatever the text's encoding. */
static bool is_space(char c)
{
	unsigned char byte = (unsigned char)c;

	return byte == ' ' || (byte >= 9 && byte <= 13) || byte == 0xa0;
}

static char *skip_space(char *s)
{
	while (is_space(*s))
		s++;
	return s;
}

static bool starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* kernel/params.c, dash2underscore() and parameqn(): n bytes are equal, a dash being as good as an underscore. */
static bool same(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((a[i] == '-' ? '_' : a[i]) != (b[i] == '-' ? '_' : b[i]))
			return false;
	return true;
}

/* kernel/params.c, parameq(): the whole name is the same; case matters. */
static bool named(const char *param, const char *name)
{
	return strlen(param) == strlen(name) && same(param, name, strlen(name));
}

/* lib/kstrtox.c, kstrtobool(): true if the value says something; only its first byte or two count. */
static bool read_bool(const char *value, bool *out)
{
	char yes[16] = "yY1", no[16] = "nN0";

	if (SINCE(5, 19)) {
		strcat(yes, "tT");
		strcat(no, "fF");
	}
	if (SINCE(6, 16)) {
		strcat(yes, "eE");
		strcat(no, "dD");
	}
	if (!value || !*value)
		return false;
	if (*value == 'o' || *value == 'O') {
		if (value[1] != 'n' && value[1] != 'N' && value[1] != 'f' && value[1] != 'F')
			return false;
		*out = value[1] == 'n' || value[1] == 'N';
		return true;
	}
	if (!strchr(yes, *value) && !strchr(no, *value))
		return false;
	*out = strchr(yes, *value) != NULL;
	return true;
}

/* arch/x86/kernel/pci-dma.c, iommu_setup(): items are known by how they begin. A bare "iommu" is malformed. */
static void read_iommu(const char *value)
{
	for (const char *item = value; item && *item; ) {
		if (starts(item, "off"))
			state.no_iommu = true;
		if (starts(item, "usedac"))
			return; /* the rest of this word goes unread */
		if (starts(item, "soft"))
			state.soft = true;
		if (starts(item, "pt"))
			state.def_domain_type = DOMAIN_IDENTITY;
		if (starts(item, "nopt"))
			state.def_domain_type = DOMAIN_TRANSLATED;
		item += strcspn(item, ",");
		if (*item)
			item++;
	}
}

/* drivers/iommu/iommu.c, iommu_set_def_domain_type(): a bare word or a strange value changes nothing. */
static void read_passthrough(const char *value)
{
	bool pt;

	if (read_bool(value, &pt))
		state.def_domain_type = pt ? DOMAIN_IDENTITY : DOMAIN_TRANSLATED;
}

/* lib/vsprintf.c, simple_strtoul() in base 0: just past the number. */
static const char *past_number(const char *s)
{
	static const char hex[] = "0123456789abcdefABCDEF";

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && s[2] && strchr(hex, s[2]))
		return s + 2 + strspn(s + 2, hex);
	return s + strspn(s, *s == '0' ? "01234567" : "0123456789");
}

/* kernel/dma/swiotlb.c, setup_io_tlb_npages() of 5.10: the last of force and noforce counts. Later kernels take one
 * number more, but there nothing here depends on the word. A bare "swiotlb" makes each of them read address 0 and so
 * die; no mode describes that, and it is skipped. */
static void read_swiotlb(const char *value)
{
	if (!value)
		return;
	if (*value >= '0' && *value <= '9')
		value = past_number(value);
	if (*value == ',')
		value++;
	if (!strcmp(value, "force"))
		state.swiotlb_force = true;
	else if (!strcmp(value, "noforce"))
		state.swiotlb_force = false;
}

/* arch/x86/kernel/acpi/boot.c, parse_acpi(): whole values; of off and force the last counts, no other touches it. */
static void read_acpi(const char *value)
{
	if (value && !strcmp(value, "off"))
		state.acpi_disabled = true;
	else if (value && !strcmp(value, "force"))
		state.acpi_disabled = false;
}

/* drivers/iommu/intel/iommu.c, intel_iommu_setup(): by how items begin, the last of on and off counts. The item that
 * Debian's patch adds, intgpu_off, begins with neither. */
static void read_intel(const char *value)
{
	while (*value) {
		if (starts(value, "on"))
			state.dmar_disabled = false;
		else if (starts(value, "off"))
			state.dmar_disabled = true;
		if (!on_amd && (starts(value, "on") || starts(value, "off")))
			state.wished_on = !state.dmar_disabled;
		value += strcspn(value, ",");
		value += strspn(value, ",");
	}
}

/* drivers/iommu/amd/init.c, parse_amd_iommu_options(): "off" sticks. Before 6.1 it may stand anywhere in the value. */
static void read_amd(const char *value)
{
	if (!SINCE(6, 1) && strstr(value, "off"))
		state.amd_iommu_disabled = true;
	while (*value) {
		size_t len = strcspn(value, ",");

		if (SINCE(6, 1) && starts(value, "off"))
			state.amd_iommu_disabled = true;
		/* No kernel knows this item: it is taken for what its writer meant. */
		if (on_amd && len == 2 && starts(value, "on"))
			state.wished_on = true;
		value += len;
		value += strspn(value, ",");
	}
}

/* init/main.c, do_early_param(): the words declared by early_param(), by their whole name. */
static void early(char *param, char *val)
{
	if (named(param, "iommu"))
		read_iommu(val);
	else if (named(param, "iommu.passthrough"))
		read_passthrough(val);
	else if (named(param, "swiotlb"))
		read_swiotlb(val);
	else if (named(param, "acpi"))
		read_acpi(val);
}

/* kernel/params.c, parse_one() and param_set_bool(); then init/main.c, unknown_bootoption(), repair_env_string() and
 * obsolete_checksetup(): the words declared by __setup(), whose names end in "=", so that a bare key is no match. */
static void late(char *param, char *val)
{
	static const char intel[] = "intel_iommu=", amd[] = "amd_iommu=";

	if (named(param, "vfio.enable_unsafe_noiommu_mode")) {
		read_bool(val ? val : "1", &state.noiommu);
		return;
	}
	if (val) {
		char *end = param + strlen(param);

		/* The "=" comes back, and a quote that opened the value is closed up. */
		*end = '=';
		if (val != end + 1)
			memmove(end + 1, val, strlen(val) + 1);
	}
	if (strlen(param) >= strlen(intel) && same(param, intel, strlen(intel)))
		read_intel(param + strlen(intel));
	else if (strlen(param) >= strlen(amd) && same(param, amd, strlen(amd)))
		read_amd(param + strlen(amd));
}

/* lib/cmdline.c, next_arg(): cuts one word off in place and returns what follows it. A quote is dropped only at the
 * start of the word or of the value, and at the end of the word then; elsewhere it stays part of the text. */
static char *next_word(char *text, char **param, char **val)
{
	bool whole = *text == '"', inside = whole;
	bool more;
	char *equals = NULL, *end;

	if (whole)
		text++;
	for (end = text; *end && (inside || !is_space(*end)); end++) {
		if (*end == '=' && !equals && end != text) /* at the very start it is part of the name */
			equals = end;
		if (*end == '"')
			inside = !inside;
	}
	*param = text;
	*val = NULL;
	more = *end != '\0';
	if (equals) {
		*equals = '\0';
		*val = equals + 1;
		if (**val == '"') {
			++*val;
			if (end[-1] == '"')
				end[-1] = '\0';
		}
	}
	if (whole && end > text && end[-1] == '"')
		end[-1] = '\0';
	*end = '\0';
	return skip_space(more ? end + 1 : end);
}

/* kernel/params.c, parse_args(): until the line ends or a word is just "--", quoted or not. */
static void parse(const char *line, void (*handle)(char *param, char *val))
{
	char *copy = strdup(line), *rest, *param, *val;

	if (!copy)
		abort();
	for (rest = skip_space(copy); *rest; ) {
		rest = next_word(rest, &param, &val);
		if (!val && !strcmp(param, "--"))
			break;
		handle(param, val);
	}
	free(copy);
}

/* Whether the vendor's driver stays out after all. */
static bool is_off(void)
{
	/* arch/x86/kernel/pci-swiotlb.c, pci_swiotlb_detect_override(): ends pci_iommu_alloc()'s search until 5.19. */
	if (!SINCE(5, 19) && (state.soft || state.swiotlb_force))
		return true;
	/* drivers/acpi/tables.c: without tables neither detect_ivrs() nor dmar_table_detect() finds a thing. */
	if (state.no_iommu || state.acpi_disabled)
		return true;
	/* drivers/iommu/amd/init.c, state_next(); drivers/iommu/intel/dmar.c, detect_intel_iommu(). */
	return on_amd ? state.amd_iommu_disabled : state.dmar_disabled;
}

static const char *mode(void)
{
	if (is_off())
		return state.noiommu ? "off-for-vfio" : "off-for-uio";
	if (state.def_domain_type == DOMAIN_IDENTITY)
		return "pt";
	if (state.wished_on || state.def_domain_type == DOMAIN_TRANSLATED)
		return "strict";
	return "default";
}

int main(int argc, char **argv)
{
	unsigned major, minor;
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (argc != 3 || (strcmp(argv[1], "intel") && strcmp(argv[1], "amd")) ||
	    sscanf(argv[2], "%u.%u", &major, &minor) != 2 || major > 999 || minor > 999) {
		fprintf(stderr, "usage: cmdline-model intel|amd VERSION\n");
		return 2;
	}
	on_amd = !strcmp(argv[1], "amd");
	kernel = major * 1000 + minor;
	while ((len = getline(&line, &size, stdin)) >= 0) {
		if (len > 0 && line[len - 1] == '\n')
			line[len - 1] = '\0';
		state = (struct state){ 0 };
		parse(line, early);	/* init/main.c, parse_early_param() */
		parse(line, late);	/* init/main.c, start_kernel() */
		puts(mode());
	}
	free(line);
	return ferror(stdin) || fflush(stdout) ? 1 : 0;
}
