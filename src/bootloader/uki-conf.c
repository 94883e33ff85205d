/* What the makers of unified kernel images are told; see uki-conf.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/uki-conf.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "system/files.h"

#define DRACUT_DROPINS "/etc/dracut.conf.d"
#define PRESETS "/etc/mkinitcpio.d"

/* Of several files of a name the first one's counts. */
static const char *const kernel_dirs[] = { "/etc/kernel", "/run/kernel", "/usr/local/lib/kernel", "/usr/lib/kernel",
					   NULL };
static const char *const install_dropins[] = { "/etc/kernel/install.conf.d", "/run/kernel/install.conf.d",
					       "/usr/local/lib/kernel/install.conf.d",
					       "/usr/lib/kernel/install.conf.d", NULL };
static const char *const dracut_dropins[] = { DRACUT_DROPINS, "/usr/lib/dracut/dracut.conf.d", NULL };

const char *const uki_conf_dirs[] = { "/etc/kernel", "/etc/kernel/install.conf.d", "/usr/lib/kernel", DRACUT_DROPINS,
				      NULL };

/* --- Lines -------------------------------------------------------------------------------------------------------- */

/* How a program reads its configuration. */
struct dialect {
	const char *comments; /* what begins a comment at a line's beginning */
	bool blanks;          /* may stand around "=" */
	bool inner;           /* a blank and a comment may end a value */
	bool indented;        /* an indented line goes on with the value before it */
	bool quotes;          /* a value may be quoted */
};

static const struct dialect kernel_install = { "#;", true, false, false, true };
static const struct dialect python = { "#", true, true, true, false }; /* its configparser, as ukify sets it up */
static const struct dialect shell = { "#", false, true, false, true };

struct setting {
	char value[PATH_MAX];
	unsigned line; /* of its last assignment, 0: none */
};

static void take_value(const struct dialect *d, const char *start, size_t len, struct setting *s)
{
	bool quoted = d->quotes && len > 1 && (start[0] == '"' || start[0] == '\'');
	const char *end = quoted ? memchr(start + 1, start[0], len - 1) : NULL;

	if (end) {
		len = (size_t)(end - ++start);
	} else if (d->inner) {
		for (size_t i = 0; i < len; i++)
			if (start[i] == '#' && isblank((unsigned char)*(start + i - 1))) /* there is a "=" before it */
				len = i;
	}
	while (len > 0 && isspace((unsigned char)start[len - 1]))
		len--;
	snprintf(s->value, sizeof(s->value), "%.*s", (int)len, start);
}

/* What a line assigns to key, if it does. */
static void read_assignment(const struct dialect *d, const char *line, size_t len, const char *key, unsigned number,
			    struct setting *s)
{
	size_t n = strlen(key), at = 0;

	while (at < len && isblank((unsigned char)line[at]))
		at++;
	if (len - at <= n || strncmp(line + at, key, n) != 0)
		return;
	for (at += n; d->blanks && at < len && isblank((unsigned char)line[at]);)
		at++;
	if (at == len || line[at++] != '=')
		return;
	while (d->blanks && at < len && isblank((unsigned char)line[at]))
		at++;
	take_value(d, line + at, len - at, s);
	s->line = number;
}

/* Reads on with a text: the last assignment counts. section NULL: there are none. */
static void read_text(const struct dialect *d, const char *text, const char *section, const char *key,
		      struct setting *s)
{
	unsigned number = 1, option = 0; /* lines */
	size_t indent = SIZE_MAX;        /* of that option */
	bool inside = !section;

	for (const char *line = text; line && *line; line += strcspn(line, "\n"), line += *line == '\n', number++) {
		size_t len = strcspn(line, "\n"), blank = strspn(line, " \t\r");

		if (blank >= len || strchr(d->comments, line[blank])) {
			indent = SIZE_MAX;
			continue;
		}
		if (d->indented && option && blank > indent) {
			if (s->line == option && !s->value[0])
				take_value(d, line + blank, len - blank, s);
			continue;
		}
		indent = blank;
		option = section && line[blank] == '[' ? 0 : number;
		if (!option)
			inside = strncmp(line + blank + 1, section, strlen(section)) == 0 &&
				 line[blank + 1 + strlen(section)] == ']';
		else if (inside)
			read_assignment(d, line, len, key, number, s);
	}
}

static void read_file(const struct dialect *d, const char *path, const char *section, const char *key,
		      struct setting *s)
{
	char *text = file_read(path, NULL);

	read_text(d, text, section, key, s);
	free(text);
}

/* --- Files -------------------------------------------------------------------------------------------------------- */

static bool in_first(const char *const dirs[], const char *name, char path[PATH_MAX])
{
	for (; *dirs; dirs++) {
		snprintf(path, PATH_MAX, "%s/%s", *dirs, name);
		if (access(path, F_OK) == 0)
			return true;
	}
	return false;
}

static int is_conf(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".conf") == 0;
}

/* The next name after last in any of the directories, as strcmp(3) has them; false behind the last one. */
static bool next_name(const char *const dirs[], const char *last, char name[NAME_MAX + 1])
{
	struct dirent **list;
	bool found = false;

	for (; *dirs; dirs++) {
		int n = scandir(*dirs, &list, is_conf, NULL);
		for (int i = 0; i < n; i++) {
			const char *one = list[i]->d_name;
			if (strcmp(one, last) > 0 && (!found || strcmp(one, name) < 0)) {
				snprintf(name, NAME_MAX + 1, "%s", one);
				found = true;
			}
			free(list[i]);
		}
		if (n >= 0)
			free(list);
	}
	return found;
}

/* Files of drop-in directories, in the order of their names, each from the first directory that has it. */
static void read_dropins(const struct dialect *d, const char *const dirs[], const char *key, struct setting *s)
{
	char last[NAME_MAX + 1] = "", name[NAME_MAX + 1], path[PATH_MAX];

	while (next_name(dirs, last, name)) {
		if (in_first(dirs, name, path))
			read_file(d, path, NULL, key, s);
		memcpy(last, name, sizeof(last));
	}
}

/* --- Programs ----------------------------------------------------------------------------------------------------- */

static bool install_conf(const char *key, char *value, size_t size)
{
	static struct setting s; /* large */
	char path[PATH_MAX];

	s = (struct setting){ .line = 0 };
	if (in_first(kernel_dirs, "install.conf", path))
		read_file(&kernel_install, path, NULL, key, &s);
	read_dropins(&kernel_install, install_dropins, key, &s);
	snprintf(value, size, "%.*s", (int)size - 1, s.value);
	return s.value[0];
}

bool install_conf_uki(char generator[32])
{
	char layout[32];

	install_conf("uki_generator", generator, 32);
	return install_conf("layout", layout, sizeof(layout)) && strcmp(layout, "uki") == 0;
}

const char *ukify_conf(void)
{
	static char path[PATH_MAX];

	return in_first(kernel_dirs, "uki.conf", path) ? path : NULL;
}

static unsigned ukify_setting(const char *key)
{
	static struct setting s; /* large */
	const char *path = ukify_conf();

	s = (struct setting){ .line = 0 };
	if (path)
		read_file(&python, path, "UKI", key, &s);
	return s.value[0] ? s.line : 0;
}

/* With pesign(1) the key is in a database of its own, by the certificate's name. */
bool ukify_conf_signs(void)
{
	return ukify_setting("SecureBootPrivateKey") || ukify_setting("SecureBootCertificateName");
}

unsigned ukify_conf_cmdline(void)
{
	return ukify_setting("Cmdline");
}

bool dracut_conf(const char *variable, char *value, size_t size)
{
	static struct setting s; /* large */

	s = (struct setting){ .line = 0 };
	read_file(&shell, "/etc/dracut.conf", NULL, variable, &s);
	read_dropins(&shell, dracut_dropins, variable, &s);
	snprintf(value, size, "%.*s", (int)size - 1, s.value);
	return s.value[0];
}

static int is_preset(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && strcmp(dot, ".preset") == 0;
}

bool mkinitcpio_makes_uki(char *path, size_t size)
{
	static struct setting s; /* large */
	struct dirent **list;

	s = (struct setting){ .line = 0 };
	int n = scandir(PRESETS, &list, is_preset, alphasort);
	for (int i = 0; i < n; i++) {
		if (!s.value[0]) {
			snprintf(path, size, PRESETS "/%s", list[i]->d_name);
			read_file(&shell, path, NULL, "default_uki", &s);
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return s.value[0];
}
