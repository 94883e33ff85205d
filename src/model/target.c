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

/* One of two words: whether it is the second one. */
static bool either_parse(const char *word, const char *no, const char *yes, bool *out)
{
	*out = strcmp(word, yes) == 0;
	return *out || strcmp(word, no) == 0;
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
	return either_parse(value, "warn", "same", &t->late_same);
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

static bool set_interrupts(struct target *t, char *value)
{
	return either_parse(value, "any", "remapped", &t->remapped);
}

static bool set_exposed(struct target *t, char *value)
{
	return either_parse(value, "any", "translated", &t->translated);
}

static bool set_unsafe(struct target *t, char *value)
{
	return either_parse(value, "no", "yes", &t->allow_unsafe_interrupts);
}

static bool set_override(struct target *t, char *value)
{
	return either_parse(value, "no", "yes", &t->allow_override);
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

/* In the order in which they are written. */
enum key {
	KEY_MODE,
	KEY_ACCEPT,
	KEY_ON_MISMATCH,
	KEY_ON_LATE_MISMATCH,
	KEY_FLUSH,
	KEY_INTERRUPTS,
	KEY_EXPOSED,
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
	[KEY_ACCEPT] = { "accept", set_accept, "a comma list of modes" },
	[KEY_ON_MISMATCH] = { "on-mismatch", set_on_mismatch, "warn, halt, poweroff or reboot" },
	[KEY_ON_LATE_MISMATCH] = { "on-late-mismatch", set_on_late_mismatch, "warn or same" },
	[KEY_FLUSH] = { "flush", set_flush, "any, sync or lazy" },
	[KEY_INTERRUPTS] = { "interrupts", set_interrupts, "any or remapped" },
	[KEY_EXPOSED] = { "exposed", set_exposed, "any or translated" },
	[KEY_UNSAFE] = { "allow-unsafe-interrupts", set_unsafe, "yes or no" },
	[KEY_OVERRIDE] = { "allow-override", set_override, "yes or no" },
	[KEY_DELAY] = { "delay", set_delay, "0 to 300 seconds" },
};

const char *target_key(unsigned i)
{
	return i < KEYS ? keys[i].name : NULL;
}

bool target_set(struct target *t, unsigned i, char *value)
{
	return keys[i].set(t, value);
}

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

static void check_demand(const struct target *target, bool demanded, enum key key, const unsigned seen[KEYS],
			 struct error *error)
{
	if (demanded && mode_is_off(target->mode))
		fail(error, seen[key], "'%s' demands what only mode=strict and mode=pt can have", keys[key].name);
}

/* What can only be judged once all lines are read. */
static void check_whole(struct target *target, const unsigned seen[KEYS], struct error *error)
{
	if (!seen[KEY_MODE])
		fail(error, 0, "no 'mode=' line");
	if (target->flush != FLUSH_ANY && target->mode != MODE_STRICT)
		fail(error, seen[KEY_FLUSH], "bad value '%s' for 'flush': only mode=strict can demand a flush policy",
		     flush_name(target->flush));
	check_demand(target, target->remapped, KEY_INTERRUPTS, seen, error);
	check_demand(target, target->translated, KEY_EXPOSED, seen, error);
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

/* --- Writing ------------------------------------------------------------------------------------------------------ */

/* What the target says of a key: its value. Returns whether that is another one than the default. */
static bool value_of(const struct target *t, enum key key, char value[static TARGET_VALUE_MAX])
{
	const char *word = "";
	bool other = true;
	size_t len = 0;

	value[0] = '\0';
	switch (key) {
	case KEY_MODE:
		word = mode_name(t->mode);
		break;
	case KEY_ACCEPT:
		for (int m = 0; m < MODES_WANTED; m++)
			if (t->accept & (1u << m))
				len += (size_t)snprintf(value + len, TARGET_VALUE_MAX - len, "%s%s", len ? "," : "",
							mode_name((enum mode)m));
		return t->accept != 0;
	case KEY_ON_MISMATCH:
		word = policy_name(t->on_mismatch);
		other = t->on_mismatch != POLICY_WARN;
		break;
	case KEY_ON_LATE_MISMATCH:
		word = t->late_same ? "same" : "warn";
		other = t->late_same;
		break;
	case KEY_FLUSH:
		word = flush_name(t->flush);
		other = t->flush != FLUSH_ANY;
		break;
	case KEY_INTERRUPTS:
		word = t->remapped ? "remapped" : "any";
		other = t->remapped;
		break;
	case KEY_EXPOSED:
		word = t->translated ? "translated" : "any";
		other = t->translated;
		break;
	case KEY_UNSAFE:
		word = t->allow_unsafe_interrupts ? "yes" : "no";
		other = t->allow_unsafe_interrupts;
		break;
	case KEY_OVERRIDE:
		word = t->allow_override ? "yes" : "no";
		other = t->allow_override;
		break;
	case KEY_DELAY:
		snprintf(value, TARGET_VALUE_MAX, "%u", t->delay);
		return t->delay != policy_delay(t->on_mismatch);
	case KEYS:
		break;
	}
	snprintf(value, TARGET_VALUE_MAX, "%s", word);
	return other;
}

/* Text that is being made. */
struct making {
	char *text;
	size_t len, size;
	bool full; /* it does not fit */
};

static void add(struct making *m, const char *text, size_t len)
{
	m->full = m->full || len >= m->size - m->len;
	if (m->full)
		return;
	memcpy(m->text + m->len, text, len);
	m->len += len;
	m->text[m->len] = '\0';
}

/* A line of ours, if the key needs one; the line before it may lack its end. */
static void add_key(struct making *m, const struct target *t, enum key key)
{
	char value[TARGET_VALUE_MAX], line[TARGET_VALUE_MAX + 32];

	if (!value_of(t, key, value))
		return;
	if (m->len > 0 && m->text[m->len - 1] != '\n')
		add(m, "\n", 1);
	add(m, line, (size_t)snprintf(line, sizeof(line), "%s=%s\n", keys[key].name, value));
}

int target_format(const struct target *t, char *buf, size_t size)
{
	struct making m = { .text = buf, .size = size };

	for (enum key key = 0; key < KEYS; key++)
		add_key(&m, t, key);
	return m.full ? -1 : (int)m.len;
}

/* What one line of a target is: a comment or blank (KEYS), or what it says of which key. */
struct line {
	enum key key;
	bool known, word; /* of a key that there is; the short form */
	bool good;             /* the value is one that the key can have: */
	char value[TARGET_VALUE_MAX]; /* as value_of() has it */
};

static void read_line(const char *text, size_t len, struct line *line)
{
	struct target one = { .on_mismatch = POLICY_WARN };
	char copy[256];
	struct keyval kv;

	*line = (struct line){ .key = KEYS };
	size_t blanks = strspn(text, " \t\r");
	text += blanks < len ? blanks : len;
	len -= blanks < len ? blanks : len;
	/* Of a longer one the beginning tells as much: no value is that long. */
	snprintf(copy, sizeof(copy), "%.*s", len < sizeof(copy) ? (int)len : (int)sizeof(copy) - 1, text);
	keyval_init(&kv, copy);
	if (!keyval_next(&kv)) {
		line->known = true;
		return;
	}
	line->word = !kv.value && mode_parse(kv.key, &one.mode);
	for (enum key key = 0; key < KEYS && !line->known; key++) {
		if (line->word ? key != KEY_MODE : !kv.value || strcmp(kv.key, keys[key].name) != 0)
			continue;
		line->known = true;
		line->key = key;
		line->good = len < sizeof(copy) && (line->word || keys[key].set(&one, kv.value));
		value_of(&one, key, line->value);
	}
}

/* Goes through the lines of text: *line is one, of that length, its end included. */
static bool next_line(const char **text, const char **line, size_t *len)
{
	const char *end = strchr(*text, '\n');

	*line = *text;
	*len = end ? (size_t)(end + 1 - *text) : strlen(*text);
	*text += *len;
	return *len > 0;
}

/* Whether the target needs other lines than the one with the mode, which can't be a mere word then. */
static bool needs_more(const struct target *t, const bool present[KEYS])
{
	char value[TARGET_VALUE_MAX];
	bool more = false;

	for (enum key key = 0; key < KEYS; key++)
		more = more || (key != KEY_MODE && (present[key] || value_of(t, key, value)));
	return more;
}

/* Those from key on that old has no line of. */
static void add_missing(struct making *m, const struct target *t, const bool present[KEYS], enum key key)
{
	for (; key < KEYS && !present[key]; key++)
		add_key(m, t, key);
}

static void rewrite(const char *old, const struct target *t, struct making *m)
{
	bool present[KEYS] = { false }, done[KEYS] = { false }, any = false;
	const char *rest = old, *text;
	char value[TARGET_VALUE_MAX];
	struct line line;
	size_t len;

	while (next_line(&rest, &text, &len)) {
		read_line(text, len, &line);
		if (line.key < KEYS)
			present[line.key] = true;
	}
	for (rest = old; next_line(&rest, &text, &len);) {
		read_line(text, len, &line);
		if (line.key == KEYS) {
			if (line.known)
				add(m, text, len);
			continue;
		}
		if (!any)
			add_missing(m, t, present, 0);
		any = true;
		if (done[line.key])
			continue;
		done[line.key] = true;
		value_of(t, line.key, value);
		if (line.good && strcmp(line.value, value) == 0 && !(line.word && needs_more(t, present)))
			add(m, text, len);
		else
			add_key(m, t, line.key);
		add_missing(m, t, present, line.key + 1);
	}
	if (!any)
		add_missing(m, t, present, 0);
}

int target_rewrite(const char *old, const struct target *t, char buf[static TARGET_MAX + 1])
{
	struct making m = { .text = buf, .size = TARGET_MAX + 1 };

	if (old)
		rewrite(old, t, &m);
	return old && !m.full ? (int)m.len : target_format(t, buf, TARGET_MAX + 1);
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
