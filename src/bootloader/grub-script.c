/* grub.cfg as GRUB runs it; see grub-script.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grub-script.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bootloader/grubenv.h"
#include "bootloader/grub-path.h"
#include "model/image-conf.h"
#include "system/files.h"

enum { DEPTH_MAX = 24, FUNCTIONS_MAX = 64, COMMANDS_MAX = 20000 };

/* Where something begins. */
struct place_in {
	const char *p;
	unsigned line;
	const char *section; /* of grub-mkconfig's script that wrote it; NULL: none */
	int section_len;
};

/* A menu entry, or a submenu, for later. */
struct body {
	struct place_in at;
	bool submenu;
};

struct function {
	const char *name;
	int len;
	struct place_in at;
};

struct runner {
	struct place_in at;
	const char *path; /* of the text */
	const char *dir;  /* where GRUB's files are, with a slash behind it */
	struct grub_variables vars;
	struct grub_script *script; /* NULL: its commands are nobody's entries */
	struct body *bodies;        /* owned */
	size_t nbodies;
	struct function functions[FUNCTIONS_MAX];
	size_t nfunctions;
	enum presence last; /* whether the last command succeeded */
	bool loop;          /* it runs nobody knows how often */
	int depth;
	unsigned *commands;         /* how many have run: a file that calls itself ends too */
};

enum stop { STOP_END, STOP_BRACE, STOP_THEN, STOP_ELIF, STOP_ELSE, STOP_FI, STOP_DO, STOP_DONE };

static enum stop run_list(struct runner *r, bool active);

/* --- Reading ------------------------------------------------------------------------------------------------------ */

static void note_section(struct runner *r)
{
	static const char begin[] = "### BEGIN ", end[] = "### END ";
	const char *p = r->at.p;

	if (strncmp(p, end, sizeof(end) - 1) == 0)
		r->at.section = NULL;
	if (strncmp(p, begin, sizeof(begin) - 1) != 0)
		return;
	r->at.section = p + sizeof(begin) - 1;
	r->at.section_len = (int)strcspn(r->at.section, " \n");
}

static void step(struct runner *r)
{
	r->at.line += *r->at.p++ == '\n';
}

static void skip_gaps(struct runner *r)
{
	for (;; step(r)) {
		if (*r->at.p == '#') {
			note_section(r);
			r->at.p += strcspn(r->at.p, "\n");
		}
		if (!*r->at.p || !strchr(" \t\r\n;&|", *r->at.p))
			return;
	}
}

/* Goes over a quoted part, or a letter behind a backslash. Returns false if p is neither. */
static bool skip_quoted(struct runner *r)
{
	char quote = *r->at.p;

	if (quote == '\\' && r->at.p[1]) {
		step(r);
		step(r);
		return true;
	}
	if (quote != '"' && quote != '\'')
		return false;
	for (step(r); *r->at.p && *r->at.p != quote; step(r))
		if (quote == '"' && *r->at.p == '\\' && r->at.p[1])
			step(r);
	if (*r->at.p)
		step(r);
	return true;
}

/* Goes to the end of the command. Returns it, owned by the caller. */
static char *read_command(struct runner *r)
{
	const char *start = r->at.p;

	while (*r->at.p && !strchr("\n;&|<>{}", *r->at.p)) {
		bool comment = *r->at.p == '#' && (r->at.p == start || isblank((unsigned char)r->at.p[-1]));
		if (comment)
			break;
		if (r->at.p[0] == '$' && r->at.p[1] == '{')
			r->at.p += strcspn(r->at.p, "}\n");
		if (*r->at.p != '\n' && *r->at.p && !skip_quoted(r))
			step(r);
	}
	char *command = strndup(start, (size_t)(r->at.p - start));
	r->vars.failed = r->vars.failed || !command;
	r->at.p += *r->at.p == '#' ? strcspn(r->at.p, "\n") : 0;
	return command;
}

static bool takes(struct runner *r, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(r->at.p, word, len) != 0 || (r->at.p[len] && !strchr(" \t\r\n;{}", r->at.p[len])))
		return false;
	r->at.p += len;
	return true;
}

/* --- Conditions --------------------------------------------------------------------------------------------------- */

static enum presence presence_of(bool yes)
{
	return yes ? PRESENCE_YES : PRESENCE_NO;
}

/* A file beside grub.cfg by the name that GRUB has for it; NULL: somewhere else. */
static const char *beside(const struct runner *r, const char *name)
{
	size_t len = strlen(r->dir);

	return strncmp(name, r->dir, len) == 0 && name[len] && !strchr(name + len, '/') ? name : NULL;
}

static enum presence test_file(const struct runner *r, char kind, const char *name)
{
	struct stat st;

	if (!beside(r, name))
		return PRESENCE_UNKNOWN;
	if (stat(name, &st) < 0)
		return errno == ENOENT ? PRESENCE_NO : PRESENCE_UNKNOWN;
	return presence_of(kind == 'e' || (S_ISREG(st.st_mode) && (kind == 'f' || st.st_size > 0)));
}

static enum presence test_words(const struct runner *r, char *const word[], int n)
{
	if (n > 1 && strcmp(word[0], "!") == 0) {
		enum presence is = test_words(r, word + 1, n - 1);
		return is == PRESENCE_UNKNOWN ? is : presence_of(is == PRESENCE_NO);
	}
	if (n == 0 || n == 1)
		return presence_of(n && word[0][0]);
	if (n == 2 && word[0][0] == '-' && strchr("efs", word[0][1]) && word[0][1] && !word[0][2])
		return test_file(r, word[0][1], word[1]);
	if (n == 2 && (strcmp(word[0], "-n") == 0 || strcmp(word[0], "-z") == 0))
		return presence_of((word[0][1] == 'n') == (word[1][0] != '\0'));
	if (n == 3 && (strcmp(word[1], "=") == 0 || strcmp(word[1], "==") == 0))
		return presence_of(strcmp(word[0], word[2]) == 0);
	if (n == 3 && strcmp(word[1], "!=") == 0)
		return presence_of(strcmp(word[0], word[2]) != 0);
	return PRESENCE_UNKNOWN;
}

/* Arguments that are cut up into words. Returns how many, -1 if they are too many. */
static int split(char *args, char *word[], int max)
{
	int n = 0;

	while (*args) {
		size_t len = strcspn(args, "\1");
		if (n == max)
			return -1;
		word[n++] = args;
		args += len;
		if (*args)
			*args++ = '\0';
	}
	return n;
}

static void command_test(struct runner *r, const char *args)
{
	char *word[16], *text = grub_arguments(&r->vars, args);
	int n = text ? split(text, word, 16) : -1;

	if (n > 0 && strcmp(word[n - 1], "]") == 0)
		n--;
	r->last = n < 0 ? PRESENCE_UNKNOWN : test_words(r, word, n);
	free(text);
}

/* --- Commands ----------------------------------------------------------------------------------------------------- */

/* "file:line", and behind a tab the script that wrote it there. Owned by the caller. */
static char *origin_here(const struct runner *r, unsigned line)
{
	char *origin = NULL;

	if (asprintf(&origin, "%s:%u%s%.*s", r->path, line, r->at.section ? "\v" : "",
		     r->at.section ? r->at.section_len : 0, r->at.section ? r->at.section : "") < 0)
		return NULL;
	return origin;
}

static void assign(struct runner *r, const char *words, unsigned line)
{
	char *origin = origin_here(r, line), name[64];

	grub_assign(&r->vars, words, origin);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(words, "="), words);
	if (r->loop && strchr(words, '='))
		grub_variable_doubt(&r->vars, name);
	r->last = PRESENCE_YES;
	free(origin);
}

/* Calls act with each word. */
static void each_word(struct runner *r, const char *args, void (*act)(struct grub_variables *, const char *))
{
	char *word[32], *text = grub_arguments(&r->vars, args);
	int n = text ? split(text, word, 32) : -1;

	for (int i = 0; i < n; i++)
		act(&r->vars, word[i]);
	free(text);
}

static void export_one(struct grub_variables *vars, const char *word)
{
	if (strchr(word, '='))
		grub_assign(vars, word, NULL);
	char name[64];
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	grub_variable_export(vars, name);
}

static void unset_one(struct grub_variables *vars, const char *word)
{
	grub_variable_set(vars, word, NULL, NULL);
}

/* Every variable of the block, or those that are named. */
static void load_block(struct runner *r, const char *path, char *const names[], int n)
{
	struct grubenv env;
	char name[64], value[4096], origin[PATH_MAX + 16];
	unsigned line = 0;

	if (grubenv_read(path, &env, NULL) < 0) {
		grub_variables_doubt(&r->vars);
		return;
	}
	for (const char *next = env.text; grubenv_next(&next, name, sizeof(name), value, sizeof(value), &line);) {
		bool wanted = n == 0;
		for (int i = 0; i < n; i++)
			wanted = wanted || strcmp(names[i], name) == 0;
		snprintf(origin, sizeof(origin), "%s:%u", path, line);
		if (strcmp(name, "env_block") == 0) /* GRUB 2.14: they are elsewhere */
			grub_variables_doubt(&r->vars);
		else if (wanted)
			grub_variable_set(&r->vars, name, value, origin);
	}
	grubenv_free(&env);
}

static void command_load_env(struct runner *r, const char *args)
{
	char *word[16], path[PATH_MAX], *text = grub_arguments(&r->vars, args);
	int n = text ? split(text, word, 16) : -1, first = 0;
	const char *file = path;

	snprintf(path, sizeof(path), "%sgrubenv", r->dir);
	for (; first < n && word[first][0] == '-'; first++) {
		if (strncmp(word[first], "--file=", 7) == 0)
			file = word[first] + 7;
		else if (strcmp(word[first], "-f") == 0 || strcmp(word[first], "--file") == 0)
			file = ++first < n ? word[first] : "";
	}
	if (n < 0 || !beside(r, file))
		grub_variables_doubt(&r->vars);
	else
		load_block(r, file, word + first, n - first);
	free(text);
}

static void run_file(struct runner *r, const char *path)
{
	struct stat st;
	char *text = file_read(path, NULL);

	if (!text && (stat(path, &st) == 0 || errno != ENOENT || r->depth >= DEPTH_MAX))
		grub_variables_doubt(&r->vars);
	if (!text)
		return;
	struct runner *inner = calloc(1, sizeof(*inner));
	if (inner) {
		*inner = (struct runner){ .at = { .p = text, .line = 1 }, .path = path, .dir = r->dir, .vars = r->vars,
					  .depth = r->depth + 1, .loop = r->loop,
					  .commands = r->commands };
		run_list(inner, true);
		r->vars = inner->vars;
		free(inner->bodies);
	}
	r->vars.failed = r->vars.failed || !inner;
	free(inner);
	free(text);
}

static void command_source(struct runner *r, const char *args)
{
	char *word[2], *text = grub_arguments(&r->vars, args);
	int n = text ? split(text, word, 2) : -1;

	if (n == 1 && beside(r, word[0]) && r->depth < DEPTH_MAX)
		run_file(r, word[0]);
	else
		grub_variables_doubt(&r->vars);
	free(text);
}

static void command_linux(struct runner *r, const char *args, unsigned number)
{
	struct grub_script *s = r->script;
	struct grub_line line = { 0 };
	size_t i = 0;

	if (!s)
		return;
	grub_kernel_line(&r->vars, args, &line);
	while (i < s->count && s->list[i].number != number)
		i++;
	if (i == s->count) {
		struct grub_command *more = reallocarray(s->list, s->count + 1, sizeof(*more));
		if (!more) {
			grub_line_free(&line);
			r->vars.failed = true;
			return;
		}
		s->list = more;
		s->list[s->count++] = (struct grub_command){ .number = number };
	}
	grub_line_merge(&s->list[i].line, &line);
}

static void command_blscfg(struct runner *r)
{
	struct grub_script *s = r->script;

	if (!s || s->made)
		return;
	grub_variables_free(&s->entries);
	grub_variables_copy(&r->vars, false, &s->entries);
	s->made = true;
}

static bool sets_next(const char *option)
{
	return strcmp(option, "--set") == 0 || strcmp(option, "-s") == 0 || strcmp(option, "-v") == 0;
}

/* Of a command that is not known: "--set=NAME", "--set NAME", "-s NAME" and the like is what it sets. */
static void command_other(struct runner *r, const char *args)
{
	char *word[32], *text = grub_arguments(&r->vars, args);
	int n = text ? split(text, word, 32) : -1;

	r->last = PRESENCE_UNKNOWN;
	for (int i = 0; i < n; i++) {
		const char *name = strncmp(word[i], "--set=", 6) == 0 ? word[i] + 6 :
				   i > 0 && sets_next(word[i - 1]) ? word[i] : NULL;
		const char *colon = name ? strchr(name, ':') : NULL;
		name = colon ? colon + 1 : name;
		if (name && (isalpha((unsigned char)*name) || *name == '_'))
			grub_variable_doubt(&r->vars, name);
	}
	free(text);
}

static void call(struct runner *r, const struct function *f)
{
	struct place_in back = r->at;

	if (r->depth >= DEPTH_MAX) {
		grub_variables_doubt(&r->vars);
		return;
	}
	r->depth++;
	r->at = f->at;
	run_list(r, true);
	r->depth--;
	r->at = back;
	r->last = PRESENCE_UNKNOWN;
}

enum kind { KIND_OTHER, KIND_SET, KIND_EXPORT, KIND_UNSET, KIND_LOAD, KIND_SOURCE, KIND_TEST, KIND_LINUX, KIND_BLSCFG,
	    KIND_NAMES, KIND_ANY };

static enum kind kind_of(const char *word, size_t len)
{
	static const struct {
		const char *word;
		enum kind kind;
	} kinds[] = {
		{ "set", KIND_SET }, { "export", KIND_EXPORT }, { "unset", KIND_UNSET }, { "load_env", KIND_LOAD },
		{ "source", KIND_SOURCE }, { ".", KIND_SOURCE }, { "test", KIND_TEST }, { "[", KIND_TEST },
		{ "linux", KIND_LINUX }, { "linux16", KIND_LINUX }, { "linuxefi", KIND_LINUX },
		{ "blscfg", KIND_BLSCFG }, { "read", KIND_NAMES }, { "increment", KIND_NAMES },
		{ "decrement", KIND_NAMES }, { "eval", KIND_ANY },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].word) == len && strncmp(kinds[i].word, word, len) == 0)
			return kinds[i].kind;
	return KIND_OTHER;
}

static const struct function *function_of(const struct runner *r, const char *word, size_t len)
{
	for (size_t i = r->nfunctions; i-- > 0;)
		if ((size_t)r->functions[i].len == len && strncmp(r->functions[i].name, word, len) == 0)
			return &r->functions[i];
	return NULL;
}

static void execute(struct runner *r, const char *command, unsigned line)
{
	size_t len = strcspn(command, " \t\r\n");
	const char *args = command + len;
	const struct function *f = function_of(r, command, len);

	args += strspn(args, " \t");
	if (f) {
		call(r, f);
		return;
	}
	if (strcspn(command, "=") < strcspn(command, " \t\"'$")) {
		assign(r, command, line);
		return;
	}
	r->last = PRESENCE_YES;
	switch (kind_of(command, len)) {
	case KIND_SET: assign(r, args, line); break;
	case KIND_EXPORT: each_word(r, args, export_one); break;
	case KIND_UNSET: each_word(r, args, unset_one); break;
	case KIND_NAMES: each_word(r, args, grub_variable_doubt); break;
	case KIND_LOAD: command_load_env(r, args); break;
	case KIND_SOURCE: command_source(r, args); break;
	case KIND_TEST: command_test(r, args); break;
	case KIND_LINUX: command_linux(r, args, line); break;
	case KIND_BLSCFG: command_blscfg(r); break;
	case KIND_ANY: grub_variables_doubt(&r->vars); break;
	case KIND_OTHER: command_other(r, args); break;
	}
}

/* --- Structure ---------------------------------------------------------------------------------------------------- */

static void skip_words(struct runner *r)
{
	free(read_command(r));
}

static void define(struct runner *r)
{
	skip_gaps(r);
	struct function f = { .name = r->at.p, .len = (int)strcspn(r->at.p, " \t\n{") };

	skip_words(r);
	if (*r->at.p != '{')
		return;
	step(r);
	f.at = r->at;
	if (r->nfunctions < FUNCTIONS_MAX)
		r->functions[r->nfunctions++] = f;
	else
		grub_variables_doubt(&r->vars);
	run_list(r, false);
}

static void defer(struct runner *r, bool submenu, bool active)
{
	skip_words(r);
	if (*r->at.p != '{')
		return;
	step(r);
	struct body *more = active ? reallocarray(r->bodies, r->nbodies + 1, sizeof(*more)) : NULL;
	if (more) {
		r->bodies = more;
		more[r->nbodies++] = (struct body){ .at = r->at, .submenu = submenu };
	}
	r->vars.failed = r->vars.failed || (active && !more);
	run_list(r, false);
}

/* A part that may be run: what it leaves is one of several outcomes. */
static enum stop run_branch(struct runner *r, bool active, struct grub_variables *after, bool *any)
{
	if (!active)
		return run_list(r, false);
	struct grub_variables before = r->vars;
	grub_variables_copy(&before, false, &r->vars);
	enum stop stop = run_list(r, true);
	if (*any) {
		grub_variables_merge(after, &r->vars);
		grub_variables_free(&r->vars);
	} else {
		*after = r->vars;
	}
	*any = true;
	r->vars = before;
	return stop;
}

static void run_if(struct runner *r, bool active)
{
	struct grub_variables after = { 0 };
	bool any = false;
	enum stop stop;

	do {
		r->last = PRESENCE_UNKNOWN;
		stop = run_list(r, active);
		enum presence is = active ? r->last : PRESENCE_NO;
		if (stop == STOP_THEN)
			stop = run_branch(r, is != PRESENCE_NO, &after, &any);
		active = active && is != PRESENCE_YES;
	} while (stop == STOP_ELIF);
	if (stop == STOP_ELSE) {
		run_branch(r, active, &after, &any);
		active = false;
	}
	r->last = PRESENCE_UNKNOWN;
	if (!any)
		return;
	if (active)
		grub_variables_merge(&after, &r->vars);
	grub_variables_free(&r->vars);
	r->vars = after;
}

/* What a loop sets is not told; it may not run at all. */
static void run_loop(struct runner *r, bool active)
{
	struct grub_variables after = { 0 };
	bool any = false, loop = r->loop;

	r->loop = true;
	if (run_list(r, active) == STOP_DO)
		run_branch(r, active, &after, &any);
	r->loop = loop;
	if (!any)
		return;
	grub_variables_merge(&after, &r->vars);
	grub_variables_free(&r->vars);
	r->vars = after;
}

static void run_for(struct runner *r, bool active)
{
	char name[64];

	skip_gaps(r);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(r->at.p, " \t\n;"), r->at.p);
	if (active)
		grub_variable_doubt(&r->vars, name);
	skip_words(r);
	run_loop(r, active);
}

/* What is no keyword. */
static void run_command(struct runner *r, bool active)
{
	unsigned line = r->at.line;
	const char *start = r->at.p;
	char *command = read_command(r);

	if (active && command && command[0] && ++*r->commands < COMMANDS_MAX)
		execute(r, command, line);
	if (*r->commands >= COMMANDS_MAX)
		grub_variables_doubt(&r->vars);
	free(command);
	if (*r->at.p == '{') {
		step(r);
		run_list(r, false); /* a block that is some command's argument */
	} else if (r->at.p == start && *r->at.p) {
		step(r);
	}
}

static enum stop run_list(struct runner *r, bool active)
{
	static const struct {
		const char *word;
		enum stop stop;
	} ends[] = { { "then", STOP_THEN }, { "elif", STOP_ELIF }, { "else", STOP_ELSE }, { "fi", STOP_FI },
		     { "do", STOP_DO }, { "done", STOP_DONE }, { "}", STOP_BRACE } };

	for (;;) {
		skip_gaps(r);
		if (!*r->at.p)
			return STOP_END;
		for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
			if (takes(r, ends[i].word))
				return ends[i].stop;
		if (*r->at.p == '}') {
			step(r);
			return STOP_BRACE;
		}
		if (r->depth > DEPTH_MAX * 4)
			return STOP_END;
		r->depth++;
		if (takes(r, "if"))
			run_if(r, active);
		else if (takes(r, "while") || takes(r, "until"))
			run_loop(r, active);
		else if (takes(r, "for"))
			run_for(r, active);
		else if (takes(r, "function"))
			define(r);
		else if (takes(r, "menuentry"))
			defer(r, false, active);
		else if (takes(r, "submenu"))
			defer(r, true, active);
		else
			run_command(r, active);
		r->depth--;
	}
}

/* The entries of a menu, each as if it were the one that is chosen. */
static void run_bodies(struct runner *r)
{
	struct body *bodies = r->bodies;
	size_t count = r->nbodies;
	struct grub_variables menu = r->vars;

	r->bodies = NULL;
	r->nbodies = 0;
	for (size_t i = 0; i < count; i++) {
		grub_variables_copy(&menu, bodies[i].submenu, &r->vars);
		r->at = bodies[i].at;
		run_list(r, true);
		if (bodies[i].submenu && r->depth < DEPTH_MAX) {
			r->depth++;
			run_bodies(r);
			r->depth--;
		}
		free(r->bodies); /* an entry has none that GRUB would show */
		r->bodies = NULL;
		r->nbodies = 0;
		menu.failed = menu.failed || r->vars.failed;
		grub_variables_free(&r->vars);
	}
	free(bodies);
	r->vars = menu;
}

/* --- The whole ---------------------------------------------------------------------------------------------------- */

int grub_script_run(const char *path, const char *text, struct grub_script *script)
{
	struct runner *r = calloc(1, sizeof(*r));
	unsigned commands = 0;
	char dir[PATH_MAX];
	const char *env = grub_env(path), *slash = strrchr(env, '/');

	*script = (struct grub_script){ 0 };
	if (!r)
		return -ENOMEM;
	snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - env) : 0, env);
	grub_variable_set(&r->vars, "prefix", dir, NULL);
	grub_variable_set(&r->vars, "config_directory", dir, NULL);
	grub_variable_export(&r->vars, "prefix");
	grub_variable_export(&r->vars, "config_directory");
	snprintf(dir + strlen(dir), sizeof(dir) - strlen(dir), "/");
	r->path = path;
	r->dir = dir;
	r->script = script;
	r->commands = &commands;
	r->at = (struct place_in){ .p = text, .line = 1 };
	run_list(r, true);
	if (!script->made)
		grub_variables_copy(&r->vars, false, &script->entries);
	run_bodies(r);
	script->vars = r->vars;
	free(r);
	if (!script->vars.failed && !script->entries.failed)
		return 0;
	grub_script_free(script);
	return -ENOMEM;
}

int grub_script_read(const char *path, struct grub_script *script)
{
	char *text = file_read(path, NULL);
	int r = grub_script_run(path, text ? text : "", script);

	free(text);
	return r;
}

const struct grub_line *grub_script_line(const struct grub_script *script, unsigned number)
{
	for (size_t i = 0; i < script->count; i++)
		if (script->list[i].number == number)
			return &script->list[i].line;
	return NULL;
}

char *grub_origin(const char *origin)
{
	size_t len = strcspn(origin, "\v");
	const char *script = origin[len] ? origin + len + 1 : NULL;
	char *text = NULL;

	if (!script)
		return strdup(origin);
	const char *program = strstr(script, "tuned") ? " (TuneD)" : "";
	return asprintf(&text, "%.*s, written by %s%s", (int)len, origin, script, program) < 0 ? NULL : text;
}

void grub_script_free(struct grub_script *script)
{
	for (size_t i = 0; i < script->count; i++)
		grub_line_free(&script->list[i].line);
	free(script->list);
	grub_variables_free(&script->vars);
	grub_variables_free(&script->entries);
	*script = (struct grub_script){ 0 };
}
