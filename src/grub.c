/* Boot loader back end: GRUB of the Debian family; see grub.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "grub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files.h"
#include "run.h"
#include "words.h"

#define GRUB_NEW GRUB_CONFIG ".iommu"
#define MKCONFIG "grub-mkconfig"

/* The first word of a line, cut off; *rest is what follows. */
static char *first_word(char *line, char **rest)
{
	line += strspn(line, " \t");
	size_t len = strcspn(line, " \t");
	*rest = line[len] ? line + len + 1 : line + len;
	line[len] = '\0';
	*rest += strspn(*rest, " \t");
	return line;
}

static int add_entry(struct grub_config *config, const struct grub_entry *entry)
{
	struct grub_entry *more = realloc(config->entries, (config->count + 1) * sizeof(*more));

	if (!more)
		return -ENOMEM;
	config->entries = more;
	config->entries[config->count++] = *entry;
	return 0;
}

static bool is_one_of(const char *word, const char *const *list)
{
	while (*list && strcmp(word, *list) != 0)
		list++;
	return *list != NULL;
}

/* Section marks are comments that grub-mkconfig writes around each script's output. */
static bool is_own_section(const char *line, bool own)
{
	if (strncmp(line, "### BEGIN ", 10) == 0)
		return strncmp(line + 10, "/etc/grub.d/10_linux ", 21) == 0;
	if (strncmp(line, "### END ", 8) == 0)
		return false;
	return own;
}

int grub_read(const char *path, struct grub_config *config)
{
	static const char *const linux_words[] = { "linux", "linux16", "linuxefi", NULL };
	static const char *const initrd_words[] = { "initrd", "initrd16", "initrdefi", NULL };
	unsigned number = 0;
	bool own = false;
	int r = 0;

	*config = (struct grub_config){ .text = file_read(path, NULL) };
	if (!config->text)
		return -errno;
	char *current = NULL;
	for (char *line = config->text, *next; line && r == 0; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		own = is_own_section(line, own);

		char *rest, *word = first_word(line, &rest);
		if (strcmp(word, "menuentry") == 0 || strcmp(word, "}") == 0) {
			current = NULL;
		} else if (is_one_of(word, linux_words)) {
			struct grub_entry entry = { .line = number, .own = own };
			entry.kernel = first_word(rest, &rest);
			entry.words = current = rest;
			r = add_entry(config, &entry);
		} else if (is_one_of(word, initrd_words) && current) {
			config->entries[config->count - 1].initrd = rest;
		}
	}
	if (r < 0)
		grub_free(config);
	return r;
}

void grub_free(struct grub_config *config)
{
	free(config->text);
	free(config->entries);
	*config = (struct grub_config){ 0 };
}

int grub_detect(bool installed, const char **what)
{
	char path[256];

	*what = GRUB_CONFIG;
	if (installed && access(GRUB_CONFIG, F_OK) < 0)
		return -ENOENT;
	*what = MKCONFIG;
	if (!run_find(MKCONFIG, path, sizeof(path)))
		return -ENOENT;
	*what = "update-grub";
	if (!run_find("update-grub", path, sizeof(path)))
		return -ENOENT;

	/* Debian's patch; upstream does not read drop-ins. */
	run_find(MKCONFIG, path, sizeof(path));
	char *script = file_read(path, NULL);
	bool reads = script && strstr(script, "default/grub.d");
	free(script);
	*what = path[0] ? MKCONFIG " that reads /etc/default/grub.d" : MKCONFIG;
	return reads ? 0 : -ENOTSUP;
}

char *grub_dropin(const char *mode, const char *words, bool flush)
{
	const char *option = flush ? " --flush" : "";
	char *text = NULL;

	int len = asprintf(
		&text,
		"# Written by iommu-install for mode %s; 'iommu-install MODE' writes it anew. Do not edit.\n"
		"# Takes contrary words out of what the files before this one set, and puts the mode's words in. Without the\n"
		"# program it only puts them in; update-grub never fails because of it.\n"
		"iommu_words='%s'\n"
		"iommu_apply() {\n"
		"\t/usr/sbin/iommu-install internal-words%s \"$1\" \"$2\" 2>/dev/null || printf '%%s\\n' \"$1${2:+ $2}\"\n"
		"}\n"
		"GRUB_CMDLINE_LINUX=$(iommu_apply \"${GRUB_CMDLINE_LINUX-}\" \"$iommu_words\")\n"
		"GRUB_CMDLINE_LINUX_DEFAULT=$(iommu_apply \"${GRUB_CMDLINE_LINUX_DEFAULT-}\" '')\n"
		"if [ -n \"${GRUB_CMDLINE_LINUX_RECOVERY-}\" ]; then\n"
		"\tGRUB_CMDLINE_LINUX_RECOVERY=$(iommu_apply \"$GRUB_CMDLINE_LINUX_RECOVERY\" '')\n"
		"fi\n",
		mode, words, option);
	return len < 0 ? NULL : text;
}

/* GRUB's paths start at the file system /boot is on; here they are looked for below /boot by name. */
static bool on_boot(const char *path)
{
	char name[512];

	for (const char *next = path; *next;) {
		size_t len = strcspn(next, " \t");
		const char *slash = next + len;
		while (slash > next && slash[-1] != '/')
			slash--;
		snprintf(name, sizeof(name), "/boot/%.*s", (int)(next + len - slash), slash);
		if (access(name, F_OK) < 0)
			return false;
		next += len + strspn(next + len, " \t");
	}
	return *path != '\0';
}

static const char *entry_fault(const struct grub_entry *entry, const char *words, bool flush)
{
	if (words && !words_right(entry->words, words, flush))
		return "does not carry exactly the mode's words";
	if (!entry->initrd)
		return "has no initrd";
	if (!on_boot(entry->initrd))
		return "has an initrd that is not there";
	return NULL;
}

int grub_check(const char *path, const char *words, bool flush, char **why)
{
	struct grub_config config;
	const char *fault = NULL;
	size_t own = 0;

	*why = NULL;
	int r = grub_read(path, &config);
	if (r < 0) {
		if (asprintf(why, "%s: %s", path, strerror(-r)) < 0)
			*why = NULL;
		return -1;
	}
	for (size_t i = 0; i < config.count && !fault; i++) {
		if (!config.entries[i].own)
			continue;
		own++;
		fault = entry_fault(&config.entries[i], words, flush);
		if (fault && asprintf(why, "%s:%u: the entry %s: %s", path, config.entries[i].line, fault,
				      config.entries[i].words) < 0)
			*why = NULL;
	}
	if (own == 0 && asprintf(why, "%s: no entry of this system", path) < 0)
		*why = NULL;
	grub_free(&config);
	return own > 0 && !fault ? 0 : -1;
}

/* Whether the live file is still the one that was read before. */
static bool untouched(const char *old, size_t old_len)
{
	size_t len;
	char *now = file_read(GRUB_CONFIG, &len);
	bool same = now && len == old_len && memcmp(now, old, len) == 0;

	free(now);
	return same;
}

void grub_tidy(void)
{
	unlink(GRUB_NEW);
	unlink(GRUB_NEW ".new"); /* grub-mkconfig's own, of one that was cut short */
	file_tidy(GRUB_CONFIG);
}

bool grub_dropin_words(const char *text, char *words, size_t size, bool *flush)
{
	static const char key[] = "\niommu_words='";
	const char *start = text ? strstr(text, key) : NULL;

	if (!start)
		return false;
	start += sizeof(key) - 1;
	*flush = strstr(text, "internal-words --flush") != NULL;
	return (size_t)snprintf(words, size, "%.*s", (int)strcspn(start, "'"), start) < size;
}

int grub_apply(const char *words, bool flush, bool verbose)
{
	/* grub-mkconfig truncates and rewrites the file it is given, so that is never the live one. */
	const char *const argv[] = { "update-grub", "-o", GRUB_NEW, NULL };
	char *why = NULL;
	size_t old_len;
	int r = -1;

	char *old = file_read(GRUB_CONFIG, &old_len);
	if (!old || (unlink(GRUB_NEW) < 0 && errno != ENOENT)) {
		fprintf(stderr, "iommu-install: %s: %s\n", GRUB_CONFIG, strerror(errno));
		free(old);
		return -1;
	}

	int status = run(argv, verbose);
	if (status != 0)
		fprintf(stderr, "iommu-install: update-grub failed with %s %d\n", status < 0 ? "error" : "status",
			abs(status));
	else if (access(GRUB_NEW, F_OK) < 0 && untouched(old, old_len))
		fputs("iommu-install: update-grub reports success, but has written nothing\n", stderr);
	else if (access(GRUB_NEW, F_OK) < 0)
		r = grub_check(GRUB_CONFIG, words, flush, &why); /* a wrapper that ignores -o */
	else if (grub_check(GRUB_NEW, words, flush, &why) == 0)
		r = file_replace(GRUB_NEW, GRUB_CONFIG);
	if (r < 0 && why)
		fprintf(stderr, "iommu-install: %s\n", why);
	else if (r < -1)
		fprintf(stderr, "iommu-install: %s: %s\n", GRUB_CONFIG, strerror(-r));

	unlink(GRUB_NEW);
	free(why);
	free(old);
	return r < 0 ? -1 : 0;
}
