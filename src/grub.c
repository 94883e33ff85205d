/* Boot loader back ends: GRUB that is configured by grub-mkconfig; by a drop-in in /etc/default/grub.d where it reads those
 * (Debian's family), else by a block in /etc/default/grub.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "grub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "files.h"
#include "refuse.h"
#include "run.h"
#include "text.h"
#include "words.h"

#define DROPIN "/etc/default/grub.d/zzz-iommu.cfg"
#define BEGIN "# BEGIN iommu-install"
#define END "# END iommu-install"

const char *grub_config(void)
{
	static const char *const places[] = { "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg" };

	return access(places[0], F_OK) < 0 && access(places[1], F_OK) == 0 ? places[1] : places[0];
}

/* A grub.cfg in the making. */
static void new_name(char path[64])
{
	snprintf(path, 64, "%s.iommu", grub_config());
}

/* --- Reading --------------------------------------------------------------------------------------------------------- */

/* A line of grub.cfg that loads a kernel; texts are the file's. */
struct line {
	unsigned number;    /* from 1 */
	const char *kernel; /* path as GRUB has it */
	const char *words;
	const char *initrd; /* paths as GRUB has them, NULL if there is none */
	bool xen;           /* it is Xen that gets it */
	bool own;           /* made by grub-mkconfig for a kernel of this system */
};

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

enum command { COMMAND_OTHER, COMMAND_BOUND, COMMAND_LINUX, COMMAND_INITRD, COMMAND_MULTIBOOT, COMMAND_MODULE };

static enum command command_of(const char *word)
{
	static const struct {
		const char *word;
		enum command command;
	} commands[] = {
		{ "menuentry", COMMAND_BOUND },      { "}", COMMAND_BOUND },
		{ "linux", COMMAND_LINUX },          { "linux16", COMMAND_LINUX },        { "linuxefi", COMMAND_LINUX },
		{ "initrd", COMMAND_INITRD },        { "initrd16", COMMAND_INITRD },      { "initrdefi", COMMAND_INITRD },
		{ "multiboot", COMMAND_MULTIBOOT },  { "multiboot2", COMMAND_MULTIBOOT }, { "xen_hypervisor", COMMAND_MULTIBOOT },
		{ "module", COMMAND_MODULE },        { "module2", COMMAND_MODULE },       { "xen_module", COMMAND_MODULE },
	};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(word, commands[i].word) == 0)
			return commands[i].command;
	return COMMAND_OTHER;
}

/* text behind that word, if it begins with it. */
static char *behind(const char *word, char *text)
{
	size_t len = strlen(word);
	bool begins = strncmp(text, word, len) == 0 && (!text[len] || strchr(" \t", text[len]));

	return begins ? text + len + strspn(text + len, " \t") : text;
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

/* GRUB's paths start at the file system that /boot is on; here they are looked for below boot by name. Of several images the
 * last one is the initramfs; those before it are microcode and the like. */
static void name_images(const char *paths, const char *boot, struct boot_entry *e)
{
	for (const char *next = paths; *next;) {
		size_t len = strcspn(next, " \t");
		const char *slash = next + len;
		while (slash > next && slash[-1] != '/')
			slash--;
		snprintf(e->image, sizeof(e->image), "%s/%.*s", boot, (int)(next + len - slash), slash);
		e->missing = e->missing || access(e->image, F_OK) < 0;
		next += len + strspn(next + len, " \t");
	}
}

static int add_line(const char *path, const char *boot, const struct line *line, struct boot_entries *entries)
{
	struct boot_entry e = { .words = (char *)line->words, .xen = line->xen, .own = line->own && !line->xen };
	char kernel[PATH_MAX];

	if (asprintf(&e.id, "%s:%u", path, line->number) < 0)
		return -ENOMEM;
	snprintf(kernel, sizeof(kernel), "/boot/%s", file_name(line->kernel));
	kernel_release(kernel, e.release);
	if (line->initrd)
		name_images(line->initrd, boot, &e);
	int r = boot_entries_add(entries, &e);
	free(e.id);
	return r;
}

/* Entries of a grub.cfg, whose text is cut up. id is what they are called by. */
static int read_text(char *text, const char *id, const char *boot, struct boot_entries *entries)
{
	struct line found = { 0 };
	unsigned number = 0;
	bool own = false, xen = false;
	int r = 0;

	for (char *line = text, *next; line && r == 0; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		own = is_own_section(line, own);

		char *rest;
		enum command command = command_of(first_word(line, &rest));
		/* Xen gets "module2 KERNEL placeholder WORDS", then "module2 --nounzip INITRD". */
		if (command == COMMAND_MODULE)
			command = !xen ? COMMAND_OTHER : found.words ? COMMAND_INITRD : COMMAND_LINUX;
		/* What Xen is given after the initramfs is none of the kernel's. */
		if (command == COMMAND_INITRD && found.words && !(xen && found.initrd))
			found.initrd = behind("--nounzip", rest);
		if (found.words && (command == COMMAND_LINUX || command == COMMAND_BOUND)) {
			r = add_line(id, boot, &found, entries);
			found.words = NULL;
		}
		if (command == COMMAND_BOUND)
			xen = false;
		if (command == COMMAND_MULTIBOOT)
			xen = strncmp(file_name(first_word(rest, &rest)), "xen", 3) == 0;
		if (command == COMMAND_LINUX) {
			found = (struct line){ .number = number, .xen = xen, .own = own };
			found.kernel = first_word(rest, &rest);
			found.words = behind("placeholder", rest);
		}
	}
	return r == 0 && found.words ? add_line(id, boot, &found, entries) : r;
}

int grub_add_config(const char *path, const char *boot, struct boot_entries *entries, char **why)
{
	size_t len = 0;
	int r;

	*why = NULL;
	char *text = file_read(path, &len);
	if (!text)
		r = -errno;
	else if (strlen(text) != len)
		r = -EBADMSG;
	else
		r = read_text(text, path, boot, entries);
	free(text);
	if (r < 0 && asprintf(why, "%s: %s", path, r == -EBADMSG ? "holds a NUL byte; it is no grub.cfg" : strerror(-r)) < 0)
		*why = NULL;
	if (r < 0)
		boot_entries_free(entries);
	return r;
}

int grub_read_config(const char *path, struct boot_entries *entries, char **why)
{
	*entries = (struct boot_entries){ 0 };
	return grub_add_config(path, "/boot", entries, why);
}

int grub_read(struct boot_entries *entries, char **why)
{
	return grub_read_config(grub_config(), entries, why);
}

/* --- Detection ------------------------------------------------------------------------------------------------------- */

/* Debian's wrapper knows where grub.cfg is; the path is said all the same. */
static const char *mkconfig(void)
{
	static const char *const programs[] = { "update-grub", "grub-mkconfig", "grub2-mkconfig" };
	char path[256];

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (run_find(programs[i], path, sizeof(path)))
			return programs[i];
	return NULL;
}

/* 1, 0, or -ENOMEM. */
static int holds(const char *path, const char *word)
{
	char *text = file_read(path, NULL);
	int found = text ? strstr(text, word) != NULL : errno == ENOMEM ? -ENOMEM : 0;

	free(text);
	return found;
}

/* Debian's patch; upstream does not read drop-ins. Returns as holds(). */
static int reads_dropins(void)
{
	char path[256];

	return run_find("grub-mkconfig", path, sizeof(path)) || run_find("grub2-mkconfig", path, sizeof(path)) ?
		       holds(path, "default/grub.d") : 0;
}

static int detect_config(bool installed, const char **what)
{
	*what = "/boot/grub/grub.cfg";
	return installed && access(grub_config(), F_OK) < 0 ? -ENOENT : 0;
}

static int detect_dropin(bool installed, const char **what)
{
	char path[256];

	int r = detect_config(installed, what);
	if (r < 0)
		return r;
	*what = "grub-mkconfig";
	if (!run_find("grub-mkconfig", path, sizeof(path)))
		return -ENOENT;
	*what = "update-grub";
	if (!run_find("update-grub", path, sizeof(path)))
		return -ENOENT;
	*what = "grub-mkconfig that reads /etc/default/grub.d";
	r = reads_dropins();
	return r > 0 ? 0 : r < 0 ? r : -ENOTSUP;
}

/* Where GRUB takes its entries from elsewhere, grub-mkconfig's are not the machine's. */
static int detect_file(bool installed, const char **what)
{
	int r = detect_config(installed, what);
	if (r < 0)
		return r;
	*what = "grub-mkconfig";
	if (!mkconfig())
		return -ENOENT;
	*what = GRUB_DEFAULT;
	if (access(GRUB_DEFAULT, F_OK) < 0)
		return -ENOENT;
	*what = "grub-mkconfig that reads " GRUB_DEFAULT " alone, and a grub.cfg with entries in it";
	r = reads_dropins();
	if (r == 0)
		r = holds(grub_config(), "blscfg");
	return r > 0 ? -ENOTSUP : r;
}

/* --- Writing --------------------------------------------------------------------------------------------------------- */

/* What the shell of grub-mkconfig runs after the settings. Indented, as grubby rewrites every line that starts with
 * GRUB_CMDLINE_LINUX. */
static char *shell(const char *mode, const char *words, bool flush)
{
	char *text = NULL;
	int len = asprintf(
		&text,
		"# Written by iommu-install for mode %s; 'iommu-install MODE' writes it anew. Do not edit.\n"
		"# Takes contrary words out of what was set before this, and puts the mode's words in. Without the\n"
		"# program it only puts them in; making a grub.cfg never fails because of it. Xen's kernels get what\n"
		"# was set before: under Xen the IOMMU is the hypervisor's.\n"
		"iommu_words='%s'\n"
		"iommu_apply() {\n"
		"\t/usr/sbin/iommu-install internal-words%s \"$1\" \"$2\" 2>/dev/null || printf '%%s\\n' \"$1${2:+ $2}\"\n"
		"}\n"
		"\tGRUB_CMDLINE_LINUX_XEN_REPLACE=${GRUB_CMDLINE_LINUX_XEN_REPLACE:-${GRUB_CMDLINE_LINUX:- }}\n"
		"\tGRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT=${GRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT:-${GRUB_CMDLINE_LINUX_DEFAULT:- }}\n"
		"\tGRUB_CMDLINE_LINUX=$(iommu_apply \"${GRUB_CMDLINE_LINUX-}\" \"$iommu_words\")\n"
		"\tGRUB_CMDLINE_LINUX_DEFAULT=$(iommu_apply \"${GRUB_CMDLINE_LINUX_DEFAULT-}\" '')\n"
		"if [ -n \"${GRUB_CMDLINE_LINUX_RECOVERY-}\" ]; then\n"
		"\tGRUB_CMDLINE_LINUX_RECOVERY=$(iommu_apply \"$GRUB_CMDLINE_LINUX_RECOVERY\" '')\n"
		"fi\n",
		mode, words, flush ? " --flush" : "");
	return len < 0 ? NULL : text;
}

/* The first whole block from text on: where it begins, and *next behind it. NULL if there is none. A BEGIN that another one
 * follows before the END has lost its own END: what stands behind it is the user's. */
static const char *find_block(const char *text, const char **next)
{
	const char *end = NULL, *begin = strstr(text, BEGIN);

	if (begin)
		end = strstr(begin, END);
	if (!end)
		return NULL;
	for (const char *later; (later = strstr(begin + 1, BEGIN)) && later < end;)
		begin = later;
	*next = end + strcspn(end, "\n");
	*next += **next == '\n';
	return begin;
}

char *grub_with_block(const char *text, const char *mode, const char *words, bool flush)
{
	const char *old = text ? text : "", *begin, *next = NULL;
	char *block = words ? shell(mode, words, flush) : NULL;
	struct text made;
	bool open = false;

	FILE *out = words && !block ? NULL : text_open(&made);
	if (!out) {
		free(block);
		return NULL;
	}
	/* What stands behind the block is put before it: ours is the last word. */
	for (bool more = true; more; old = next) {
		begin = find_block(old, &next);
		more = begin;
		size_t len = begin ? (size_t)(begin - old) : strlen(old);
		fprintf(out, "%.*s", (int)len, old);
		open = len ? old[len - 1] != '\n' : open;
	}
	if (block)
		fprintf(out, "%s" BEGIN "\n%s" END "\n", open ? "\n" : "", block);
	free(block);
	return text_close(&made, NULL);
}

bool grub_text_words(const char *text, char *words, size_t size, bool *flush)
{
	static const char key[] = "\niommu_words='";
	const char *start = text ? strstr(text, key) : NULL;

	if (!start)
		return false;
	start += sizeof(key) - 1;
	*flush = strstr(text, "internal-words --flush") != NULL;
	return (size_t)snprintf(words, size, "%.*s", (int)strcspn(start, "'"), start) < size;
}

int grub_edit_dropin(const struct mode_words *wish, struct edits *edits)
{
	char *text = wish->words ? shell(wish->mode, wish->words, wish->flush) : NULL;

	if (wish->words && !text)
		return no_memory();
	int r = edits_add(edits, ROLE_SOURCE, DROPIN, text);
	free(text);
	return r;
}

static int edit_dropin(const struct mode_words *wish, struct edits *edits)
{
	int r = grub_edit_dropin(wish, edits);

	return r < 0 ? r : edits_add(edits, ROLE_MADE, grub_config(), NULL);
}

static int edit_file(const struct mode_words *wish, struct edits *edits)
{
	char *old = file_read(GRUB_DEFAULT, NULL);
	char *text = grub_with_block(old, wish->mode, wish->words, wish->flush);

	free(old);
	if (!text)
		return no_memory();
	int r = edits_add(edits, ROLE_SOURCE, GRUB_DEFAULT, text);
	free(text);
	return r < 0 ? r : edits_add(edits, ROLE_MADE, grub_config(), NULL);
}

/* Whether the live file is still the one that was read before. */
static bool untouched(const char *old, size_t old_len)
{
	size_t len;
	char *now = file_read(grub_config(), &len);
	bool same = now && len == old_len && memcmp(now, old, len) == 0;

	free(now);
	return same;
}

void grub_tidy(void)
{
	char path[64], own[80];

	new_name(path);
	snprintf(own, sizeof(own), "%s.new", path); /* grub-mkconfig's own, of one that was cut short */
	unlink(path);
	unlink(own);
	file_tidy(grub_config());
}

static int check_file(const char *path, const char *words, bool flush, char **why)
{
	struct boot_entries entries;

	int r = grub_read_config(path, &entries, why);
	if (r == 0)
		r = boot_entries_check(&entries, path, words, flush, why);
	boot_entries_free(&entries);
	return r < 0 ? -1 : 0;
}

/* Checks what mkconfig has made, and puts it in grub.cfg's place. Returns 0, -1 with *why, or -errno. */
static int take_over(const char *path, const char *words, bool flush, const char *old, size_t old_len, char **why)
{
	if (access(path, F_OK) == 0)
		return check_file(path, words, flush, why) < 0 ? -1 : file_replace(path, grub_config());
	if (untouched(old, old_len)) {
		if (asprintf(why, "%s reports success, but has written nothing", mkconfig()) < 0)
			*why = NULL;
		return -1;
	}
	return check_file(grub_config(), words, flush, why); /* a wrapper that ignores -o */
}

int grub_apply(const char *words, bool flush, bool verbose)
{
	char path[64], *why = NULL;
	size_t old_len;

	/* grub-mkconfig truncates and rewrites the file it is given, so that is never the live one. */
	new_name(path);
	const char *const argv[] = { mkconfig(), "-o", path, NULL };
	char *old = file_read(grub_config(), &old_len);
	if (!old || (unlink(path) < 0 && errno != ENOENT)) {
		fail("%s: %s", grub_config(), strerror(errno));
		free(old);
		return -1;
	}
	int r = -1, status = argv[0] ? run(argv, verbose) : -ENOENT;
	if (status != 0)
		fail("%s failed with %s %d", argv[0] ? argv[0] : "grub-mkconfig", status < 0 ? "error" : "status", abs(status));
	else
		r = take_over(path, words, flush, old, old_len, &why);
	if (why)
		fail("%s", why);
	else if (r < -1)
		fail("%s: %s", grub_config(), strerror(-r));
	grub_tidy(); /* of a mkconfig that failed, too */
	free(why);
	free(old);
	return r < 0 ? -1 : 0;
}

const char *grub_command(void)
{
	static char line[128];

	snprintf(line, sizeof(line), "%s -o %s.iommu", mkconfig(), grub_config());
	return line;
}

const struct backend backend_grub = {
	.name = "grub",
	.program = "GRUB",
	.family = FAMILY_GRUB,
	.detect = detect_dropin,
	.read = grub_read,
	.edit = edit_dropin,
	.apply = grub_apply,
	.made = grub_config,
	.command = grub_command,
	.tidy = grub_tidy,
	.device = true,
	.layer = DROPIN,
};

const struct backend backend_grub_file = {
	.name = "grub-file",
	.program = "GRUB",
	.family = FAMILY_GRUB,
	.detect = detect_file,
	.read = grub_read,
	.edit = edit_file,
	.apply = grub_apply,
	.made = grub_config,
	.command = grub_command,
	.tidy = grub_tidy,
	.device = true,
	.layer = GRUB_DEFAULT,
};
