/* Finds the line that is to be explained, and the kernel that reads it; see explain.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "command/explain.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/root.h"
#include "evidence/kconfig.h"
#include "model/cmdline-words.h"
#include "model/cmdline.h"
#include "show/explained.h"
#include "system/memstream.h"
#include "system/message.h"

#define LINE_BYTES 2047 /* arch/x86/include/asm/setup.h:COMMAND_LINE_SIZE less its NUL */

/* Reads standard input, line ends as blanks. Returns the text, owned by the caller, or NULL with errno set. */
static char *read_input(void)
{
	char *line = NULL;
	size_t size = 0;

	if (getdelim(&line, &size, '\0', stdin) < 0 && ferror(stdin)) {
		free(line);
		return NULL;
	}
	return line ? line : strdup("");
}

static char *read_running(const struct root *root)
{
	char *line = malloc(CMDLINE_MAX);

	if (!line)
		return NULL;
	ssize_t len = root_read_line(root, "/proc/cmdline", line, CMDLINE_MAX);
	if (len >= 0)
		return line;
	free(line);
	errno = (int)-len;
	return NULL;
}

static char *join(char **words, int count)
{
	struct text line;

	FILE *out = text_open(&line);
	if (!out)
		return NULL;
	for (int i = 0; i < count; i++)
		fprintf(out, "%s%s", i ? " " : "", words[i]);
	return text_close(&line, NULL);
}

/* --- A line as it stands in a file -------------------------------------------------------------------------------- */

static bool shell_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* If the text is a setting of a boot loader's file and not a line, its name is copied, and the line in it is returned
 * with its end cut; else NULL. Of a shell assignment the quotes go, and what stands behind them. */
static char *line_in_setting(char *text, char name[64])
{
	static const char *const settings[] = { "GRUB_CMDLINE_", "KERNEL_CMDLINE", "CMDLINE", "options",
						"Kernel command line" };
	char *p = text + strspn(text, " \t"), *end;
	size_t len = 0;

	if (strncmp(p, "export ", 7) == 0)
		p += 7;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]) && !len; i++)
		if (strncmp(p, settings[i], strlen(settings[i])) == 0)
			len = strlen(settings[i]);
	if (!len)
		return NULL;
	while (shell_name(p[len]))
		len++;
	if (!p[len] || !strchr(isupper((unsigned char)p[1]) ? "=+" : ": \t", p[len]))
		return NULL;
	snprintf(name, 64, "%.*s", (int)(len < 63 ? len : 63), p);
	p += len;
	p += *p == '+';
	p += *p == '=' || *p == ':';
	p += strspn(p, " \t");
	if (*p == '"' || *p == '\'') {
		if ((end = strchr(p + 1, *p)))
			*end = '\0';
		p++;
	}
	return p;
}

/* --- The command -------------------------------------------------------------------------------------------------- */

static enum presence either(enum presence a, enum presence b)
{
	return a > b ? a : b;
}

static void ask_configuration(const struct root *root, struct explained *x)
{
	x->passthrough = kconfig_has(root, x->release, "CONFIG_IOMMU_DEFAULT_PASSTHROUGH");
	/* Debian's has a name of its own. */
	x->intel_on = either(kconfig_has(root, x->release, "CONFIG_INTEL_IOMMU_DEFAULT_ON"),
			     kconfig_has(root, x->release, "CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF"));
}

static int explain_code(const struct explained_code *code, bool json)
{
	if (json)
		explained_code_json(code, stdout);
	else
		explained_code_print(code, stdout);
	return fflush(stdout) == 0 ? 0 : EXIT_INVALID;
}

static int explain_line(char *line, struct explained *x, bool json)
{
	char setting[64];
	char *inner = strcmp(x->source, "running") != 0 ? line_in_setting(line, setting) : NULL;

	if (inner) {
		x->setting = setting;
		line = inner;
	}
	x->line = line;
	x->bytes = strlen(line);
	if (x->bytes > LINE_BYTES)
		line[LINE_BYTES] = '\0';
	if (!(json ? explained_json(x, stdout) : explained_print(x, stdout)))
		return fail("%s", strerror(ENOMEM));
	return fflush(stdout) == 0 ? 0 : EXIT_INVALID;
}

int explain(const struct explain_request *q)
{
	bool input = q->count == 1 && strcmp(q->words[0], "-") == 0;
	struct explained x = { .source = q->count == 0 ? "running" : input ? "standard input" : "argument" };
	char release[65], *line;
	struct explained_code code;
	struct root root;

	if (q->count == 1 && explained_code_find(q->words[0], &code))
		return explain_code(&code, q->json);
	if (q->kernel && kernel_version(q->kernel) == 0)
		return fail("--kernel=%s: a kernel's release begins with two numbers, as 6.1 or 6.1.0-50-amd64",
			    q->kernel);
	int r = root_init(&root, q->root);
	if (r < 0)
		return fail("%s: %s", q->root, strerror(-r));
	if (q->kernel)
		x.release = q->kernel;
	else if (root_read_line(&root, "/proc/sys/kernel/osrelease", release, sizeof(release)) > 0)
		x.release = release;
	if (x.release)
		ask_configuration(&root, &x);
	line = q->count == 0 ? read_running(&root) : input ? read_input() : join(q->words, q->count);
	root_close(&root);
	if (!line)
		return fail("%s: %s", q->count ? "standard input" : "/proc/cmdline", strerror(errno));
	r = explain_line(line, &x, q->json);
	free(line);
	return r;
}
