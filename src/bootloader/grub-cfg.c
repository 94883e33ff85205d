/* grub.cfg; see grub-cfg.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grub-cfg.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bootloader/bls-entries.h"
#include "bootloader/esp-places.h"
#include "bootloader/grub-menu.h"
#include "bootloader/grub-path.h"
#include "bootloader/grub-script.h"
#include "bootloader/grubenv.h"
#include "bootloader/owner-facts.h"
#include "system/files.h"

/* Whether it makes a menu, and does not only lead to the one that does. */
static bool has_menu(const char *path)
{
	char *text = file_read(path, NULL);
	bool menu = text && (strstr(text, "menuentry") || strstr(text, "blscfg"));

	free(text);
	return menu;
}

/* EL 7 and 8, and Fedora up to 33, have it in EFI/NAME of the EFI system partition. Static text, NULL if there is
 * none. */
static const char *config_on_esp(void)
{
	static char path[300];
	bool found = false;

	for (size_t i = 0; esp_places[i] && !found; i++) {
		char efi[64];
		snprintf(efi, sizeof(efi), "%s/EFI", esp_places[i]);
		DIR *list = opendir(efi);
		for (const struct dirent *entry; list && !found && (entry = readdir(list));) {
			snprintf(path, sizeof(path), "%s/%.200s/grub.cfg", efi, entry->d_name);
			found = entry->d_name[0] != '.' && has_menu(path);
		}
		if (list)
			closedir(list);
	}
	return found ? path : NULL;
}

const char *grub_config(void)
{
	static const char *const places[] = { "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg" };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (access(places[i], F_OK) == 0)
			return places[i];
	const char *on_esp = config_on_esp();
	return on_esp ? on_esp : places[0];
}

/* A line of grub.cfg that loads a kernel; texts are the file's. */
struct line {
	unsigned number;    /* from 1 */
	const char *kernel; /* path as GRUB has it */
	const char *words;
	const char *title;  /* of its menu entry; NULL if it stands in none */
	bool by_default;    /* which is started where nobody chooses */
	const char *initrd; /* paths as GRUB has them, NULL if there is none */
	bool xen;           /* it is Xen that gets it */
	bool made;          /* by a script that puts in what grub-mkconfig is configured for */
};

/* Whose lines they are. */
struct menu_of {
	const char *path; /* of the grub.cfg */
	const char *boot; /* where its images are */
	struct grub_script script; /* as GRUB runs it */
	char *saved;               /* what grubenv has as saved_entry, or "0" */
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
		{ "menuentry", COMMAND_BOUND },
		{ "}", COMMAND_BOUND },
		{ "linux", COMMAND_LINUX },
		{ "linux16", COMMAND_LINUX },
		{ "linuxefi", COMMAND_LINUX },
		{ "initrd", COMMAND_INITRD },
		{ "initrd16", COMMAND_INITRD },
		{ "initrdefi", COMMAND_INITRD },
		{ "multiboot", COMMAND_MULTIBOOT },
		{ "multiboot2", COMMAND_MULTIBOOT },
		{ "xen_hypervisor", COMMAND_MULTIBOOT },
		{ "module", COMMAND_MODULE },
		{ "module2", COMMAND_MODULE },
		{ "xen_module", COMMAND_MODULE },
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

/* Section marks are comments that grub-mkconfig writes around each script's output. 10_linux has namesakes that put in
 * the same words: 10_linux_zfs, Grub Customizer's 10_linux_proxy. */
static bool is_made_section(const char *line, bool made)
{
	static const char begin[] = "### BEGIN /etc/grub.d/";

	if (strncmp(line, begin, sizeof(begin) - 1) == 0) {
		const char *name = line + sizeof(begin) - 1;
		size_t len = strcspn(name, " ");
		const char *linux_in = memmem(name, len, "_linux", 6);
		return linux_in && (linux_in[6] == ' ' || (linux_in[6] == '_' && strncmp(linux_in, "_linux_xen", 10)));
	}
	return strncmp(line, "### END ", 8) != 0 && made;
}

/* Of several images the last one is the initramfs; those before it are microcode and the like. */
static void name_images(const char *paths, const char *boot, struct boot_entry *e)
{
	for (const char *next = paths; *next;) {
		size_t len = strcspn(next, " \t");
		e->missing = !grub_file(boot, next, len, e->image) || e->missing;
		next += len + strspn(next + len, " \t");
	}
}

/* What the kernel will get. A line that is never reached, as files tell, is as it is. */
static void expand_line(const struct grub_script *script, const struct line *line, struct boot_entry *e)
{
	const struct grub_line *found = grub_script_line(script, line->number);

	if (!found || !found->text || line->xen)
		return;
	e->words = found->text;
	e->written = strchr(line->words, '$') ? (char *)line->words : NULL;
	e->also = found->also;
	e->doubt = found->doubt;
	e->fed = found->fed;
}

static int add_line(const struct menu_of *of, const struct line *line, struct boot_entries *entries)
{
	struct boot_entry e = { .words = (char *)line->words, .xen = line->xen, .hand_made = !line->made };

	if (asprintf(&e.id, "%s:%u", of->path, line->number) < 0)
		return -ENOMEM;
	expand_line(&of->script, line, &e);
	snprintf(e.title, sizeof(e.title), "%s", line->title ? line->title : "");
	e.by_default = line->by_default ? PRESENCE_YES : PRESENCE_NO;
	e.facts.lost = !grub_file(of->boot, line->kernel, strlen(line->kernel), e.file);
	bls_release(NULL, line->kernel, e.file, e.release);
	if (line->initrd)
		name_images(line->initrd, of->boot, &e);
	int r = boot_entries_add(entries, &e);
	free(e.id);
	return r;
}

/* Entries of a grub.cfg, whose text is cut up. */
static int read_text(char *text, const struct menu_of *of, struct boot_entries *entries)
{
	struct grub_menu menu = { .saved = of->saved };
	struct line found = { 0 };
	unsigned number = 0;
	bool made = false, xen = false;
	int r = 0;

	for (char *line = text, *next; line && r == 0; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		number++;
		made = is_made_section(line, made);

		char *rest, *word = first_word(line, &rest);
		enum command command = command_of(word);
		/* Xen gets "module2 KERNEL placeholder WORDS", then "module2 --nounzip INITRD". */
		if (command == COMMAND_MODULE)
			command = !xen ? COMMAND_OTHER : found.words ? COMMAND_INITRD : COMMAND_LINUX;
		/* What Xen is given after the initramfs is none of the kernel's. */
		if (command == COMMAND_INITRD && found.words && !(xen && found.initrd))
			found.initrd = behind("--nounzip", rest);
		if (found.words && (command == COMMAND_LINUX || command == COMMAND_BOUND)) {
			r = add_line(of, &found, entries);
			found.words = NULL;
		}
		if (command == COMMAND_BOUND)
			xen = false;
		if (command == COMMAND_OTHER || command == COMMAND_BOUND)
			menu_line(&menu, word, rest);
		if (command == COMMAND_MULTIBOOT)
			xen = strncmp(file_name(first_word(rest, &rest)), "xen", 3) == 0;
		if (command == COMMAND_LINUX) {
			found = (struct line){ .number = number, .xen = xen, .made = made,
					       .title = menu.item[menu.in_submenu].title,
					       .by_default = menu_is_default(&menu) };
			found.kernel = first_word(rest, &rest);
			found.words = behind("placeholder", rest);
		}
	}
	return r == 0 && found.words ? add_line(of, &found, entries) : r;
}

/* What GRUB has been told to start next time, and from then on: the block is beside grub.cfg. Owned by the caller,
 * NULL without memory. */
static char *saved_entry(const char *path)
{
	char name[64], value[4096];
	unsigned line = 0;
	char *saved = NULL;

	char *text = file_read(grub_env(path), NULL);
	for (const char *next = text; grubenv_next(&next, name, sizeof(name), value, sizeof(value), &line);)
		if (strcmp(name, "saved_entry") == 0 && value[0] && !saved)
			saved = strdup(value);
	free(text);
	return saved ? saved : strdup("0");
}

/* As grub_add_config(), of what it holds, which is cut up. */
static int add_text(char *text, const char *path, const char *boot, struct boot_entries *entries)
{
	struct menu_of of = { .path = path, .boot = boot };

	int r = grub_script_run(path, text, &of.script);
	if (r == 0)
		of.saved = saved_entry(path);
	if (r == 0)
		r = of.saved ? read_text(text, &of, entries) : -ENOMEM;
	grub_script_free(&of.script);
	free(of.saved);
	return r;
}

static bool is_debian_image(const struct boot_entry *e)
{
	return strncmp(file_name(e->image), "initrd.img", 10) == 0;
}

/* The same is made once more, with the initramfs, for when that fails. */
static bool is_forced(const struct boot_entries *entries, const struct boot_entry *e)
{
	bool other = false;

	for (size_t i = 0; i < entries->count; i++)
		other = other || (is_debian_image(&entries->list[i]) &&
				  strcmp(entries->list[i].release, e->release) == 0);
	return other && !e->hand_made && !e->xen && !is_debian_image(e) && strstr(e->words, "root=PARTUUID=") &&
	       strstr(e->words, "panic=-1");
}

int grub_add_config(const char *path, const char *boot, struct boot_entries *entries, struct error *error)
{
	size_t len = 0, first = entries->count;
	char *text = file_read(path, &len);

	int r = !text ? -errno : strlen(text) != len ? -EBADMSG : 0;
	if (r == 0)
		r = add_text(text, path, boot, entries);
	free(text);
	if (r == 0) {
		owner_decide(entries);
		for (size_t i = first; i < entries->count; i++)
			entries->list[i].forced = is_forced(entries, &entries->list[i]);
		boot_entries_doubt(entries, first);
		return 0;
	}
	boot_entries_free(entries);
	return error_set(error, r, "%s: %s", path,
			 r == -EBADMSG ? "holds a NUL byte; it is no grub.cfg" : strerror(-r));
}

int grub_read_text(const char *path, char *text, const char *boot, struct boot_entries *entries, struct error *error)
{
	*entries = (struct boot_entries){ 0 };
	int r = add_text(text, path, boot, entries);
	if (r == 0)
		owner_decide(entries);
	return error_errno(error, r);
}

int grub_read_config(const char *path, struct boot_entries *entries, struct error *error)
{
	*entries = (struct boot_entries){ 0 };
	return grub_add_config(path, "/boot", entries, error);
}

int grub_read(struct boot_entries *entries, struct error *error)
{
	return grub_read_config(grub_config(), entries, error);
}
