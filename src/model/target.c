/* /etc/iommu.target: the wanted mode and policy; see target.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "model/target.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/keyval.h"

#define DELAY_MAX 300
#define DELAY_REBOOT_MIN 30 /* so that a reboot loop is a slow one */

static bool bool_parse(const char *word, bool *out)
{
	if (strcmp(word, "yes") != 0 && strcmp(word, "no") != 0)
		return false;
	*out = word[0] == 'y';
	return true;
}

static bool set_mode(struct target *t, char *value)
{
	return mode_parse(value, &t->mode);
}

static bool set_on_mismatch(struct target *t, char *value)
{
	/* A policy that can't be understood counts as a stopping one until the file is mended. */
	if (policy_parse(value, &t->on_mismatch))
		return true;
	t->on_mismatch = POLICY_HALT;
	return false;
}

static bool set_on_late_mismatch(struct target *t, char *value)
{
	t->late_same = strcmp(value, "same") == 0;
	return t->late_same || strcmp(value, "warn") == 0;
}

static bool set_accept(struct target *t, char *value)
{
	for (;;) {
		char *comma = strchr(value, ',');
		enum mode mode;

		if (comma)
			*comma = '\0';
		if (!mode_parse(value, &mode))
			return false;
		t->accept |= 1u << mode;
		if (!comma)
			return true;
		value = comma + 1;
	}
}

static bool set_flush(struct target *t, char *value)
{
	return flush_parse(value, &t->flush);
}

static bool set_unsafe(struct target *t, char *value)
{
	return bool_parse(value, &t->allow_unsafe_interrupts);
}

static bool set_override(struct target *t, char *value)
{
	return bool_parse(value, &t->allow_override);
}

static bool set_delay(struct target *t, char *value)
{
	size_t digits = strspn(value, "0123456789");

	if (digits == 0 || digits > 3 || value[digits] != '\0')
		return false;
	t->delay = 0;
	for (const char *c = value; *c; c++)
		t->delay = t->delay * 10 + (unsigned)(*c - '0');
	return t->delay <= DELAY_MAX;
}

enum key {
	KEY_MODE,
	KEY_ON_MISMATCH,
	KEY_ON_LATE_MISMATCH,
	KEY_ACCEPT,
	KEY_FLUSH,
	KEY_UNSAFE,
	KEY_OVERRIDE,
	KEY_DELAY,
	KEYS,
};

static const struct {
	const char *name;
	bool (*set)(struct target *target, char *value);
	const char *values;
} keys[KEYS] = {
	[KEY_MODE] = { "mode", set_mode, "off-for-uio, off-for-vfio, strict or pt" },
	[KEY_ON_MISMATCH] = { "on-mismatch", set_on_mismatch, "warn, halt, poweroff or reboot" },
	[KEY_ON_LATE_MISMATCH] = { "on-late-mismatch", set_on_late_mismatch, "warn or same" },
	[KEY_ACCEPT] = { "accept", set_accept, "a comma list of modes" },
	[KEY_FLUSH] = { "flush", set_flush, "any, sync or lazy" },
	[KEY_UNSAFE] = { "allow-unsafe-interrupts", set_unsafe, "yes or no" },
	[KEY_OVERRIDE] = { "allow-override", set_override, "yes or no" },
	[KEY_DELAY] = { "delay", set_delay, "0 to 300 seconds" },
};

unsigned policy_delay(enum policy policy)
{
	return policy == POLICY_REBOOT ? DELAY_REBOOT_MIN : 10;
}

/* Keeps the first error only: what follows from it would be noise. */
static __attribute__((format(printf, 3, 4))) void fail(struct error *error, unsigned line, const char *format, ...)
{
	va_list args;

	if (error->code)
		return;
	va_start(args, format);
	error_vset(error, -EINVAL, format, args);
	va_end(args);
	error->line = line;
}

static void parse_line(const struct keyval *kv, struct target *target, unsigned seen[KEYS], struct error *error)
{
	for (size_t i = 0; i < KEYS; i++) {
		if (strcmp(kv->key, keys[i].name) != 0)
			continue;
		if (seen[i]) {
			/* Two policies are no policy: the careful one counts until the file is mended. */
			if (i == KEY_ON_MISMATCH)
				target->on_mismatch = POLICY_HALT;
			fail(error, kv->line, "'%s' was already given in line %u", keys[i].name, seen[i]);
			return;
		}
		seen[i] = kv->line;

		char shown[40];
		snprintf(shown, sizeof(shown), "%s", kv->value);
		if (!keys[i].set(target, kv->value))
			fail(error, kv->line, "bad value '%s' for '%s': use %s", shown, keys[i].name, keys[i].values);
		return;
	}
	fail(error, kv->line, "unknown key '%.40s'", kv->key);
}

/* What can only be judged once all lines are read. */
static void check_whole(struct target *target, const unsigned seen[KEYS], struct error *error)
{
	if (!seen[KEY_MODE])
		fail(error, 0, "no 'mode=' line");
	if (target->flush != FLUSH_ANY && target->mode != MODE_STRICT)
		fail(error, seen[KEY_FLUSH], "bad value '%s' for 'flush': only mode=strict can demand a flush policy",
		     flush_name(target->flush));
	if (!seen[KEY_DELAY])
		target->delay = policy_delay(target->on_mismatch);
	else if (target->on_mismatch == POLICY_REBOOT && target->delay < DELAY_REBOOT_MIN)
		fail(error, seen[KEY_DELAY], "bad value '%u' for 'delay': on-mismatch=reboot needs at least %d seconds",
		     target->delay, DELAY_REBOOT_MIN);
}

int target_parse(char *text, size_t len, struct target *target, struct error *error)
{
	unsigned seen[KEYS] = { 0 };
	unsigned words = 0, lines = 0;
	struct keyval kv;

	*target = (struct target){ .on_mismatch = POLICY_WARN };
	*error = (struct error){ 0 };

	const char *nul = memchr(text, '\0', len);
	if (nul) {
		unsigned line = 1;
		for (const char *c = text; c < nul; c++)
			line += *c == '\n';
		target->on_mismatch = POLICY_HALT;
		fail(error, line, "NUL byte");
		return -EINVAL;
	}

	keyval_init(&kv, text);
	while (keyval_next(&kv)) {
		lines++;
		if (kv.value)
			parse_line(&kv, target, seen, error);
		else if (lines == 1 && mode_parse(kv.key, &target->mode))
			words = seen[KEY_MODE] = kv.line; /* the short form: a mode word and nothing else */
		else
			fail(error, kv.line, "'%.40s' is not 'key=value'", kv.key);
	}
	if (words && lines > 1)
		fail(error, words, "a mode word must stand alone; write 'mode=%s' to add other lines",
		     mode_name(target->mode));
	check_whole(target, seen, error);
	return error->code;
}

unsigned target_accepts(const struct target *t)
{
	return 1u << t->mode | t->accept;
}

int target_format(const struct target *t, char *buf, size_t size)
{
	FILE *out = fmemopen(buf, size, "w");
	const char *comma = "accept=";

	if (!out)
		return -1;
	fprintf(out, "mode=%s\n", mode_name(t->mode));
	for (int m = 0; m < MODES_WANTED; m++)
		if (t->accept & (1u << m)) {
			fprintf(out, "%s%s", comma, mode_name((enum mode)m));
			comma = ",";
		}
	if (t->accept)
		fputc('\n', out);
	if (t->on_mismatch != POLICY_WARN)
		fprintf(out, "on-mismatch=%s\n", policy_name(t->on_mismatch));
	if (t->late_same)
		fputs("on-late-mismatch=same\n", out);
	if (t->flush != FLUSH_ANY)
		fprintf(out, "flush=%s\n", flush_name(t->flush));
	if (t->allow_unsafe_interrupts)
		fputs("allow-unsafe-interrupts=yes\n", out);
	if (t->allow_override)
		fputs("allow-override=yes\n", out);
	if (t->delay != policy_delay(t->on_mismatch))
		fprintf(out, "delay=%u\n", t->delay);
	int len = (int)ftell(out);
	return fclose(out) == 0 ? len : -1;
}

int target_read(const struct root *root, const char *path, struct target *target, struct error *error)
{
	char text[TARGET_MAX + 2]; /* one byte more than may be, and the NUL */
	struct stat st;
	ssize_t len;

	*target = (struct target){ .on_mismatch = POLICY_HALT, .delay = policy_delay(POLICY_HALT) };
	*error = (struct error){ 0 };

	int fd = root_open(root, path, O_RDONLY);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return -ENOENT;
	if (fd < 0) {
		if (fd == -ENXIO)
			fail(error, 0, "not a regular file");
		else
			fail(error, 0, "can't be opened: %s", strerror(-fd));
		return -EINVAL;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		len = -EINVAL;
	else
		len = read_all(fd, text, sizeof(text));
	close(fd);

	if (len == -EINVAL)
		fail(error, 0, "not a regular file");
	else if (len == -EFBIG || len > TARGET_MAX)
		fail(error, 0, "longer than %d bytes", TARGET_MAX);
	else if (len < 0)
		fail(error, 0, "can't be read: %s", strerror((int)-len));
	else
		return target_parse(text, (size_t)len, target, error);
	return -EINVAL;
}
