/* What GRUB makes of a text with variables in it; see grub-variables.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * By GRUB's source: words and quotes as script/yylex.l has them, an unquoted value falls apart at white space
 * (script/argv.c), and the kernel's line is put together again with quotes and backslashes (lib/cmdline.c). What
 * blscfg does with an entry's options is in commands/blsuki.c and, in Red Hat's family, commands/blscfg.c.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootloader/cmdline-edit.h"
#include "bootloader/grub-variables.h"
#include "system/memstream.h"

#define ARG_END '\1'

enum { NAME_MAX_LEN = 64, USED_MAX = 32, WAYS_MAX = 32 };

/* One text in the making, with each variable as it is picked. */
struct expansion {
	struct grub_variables *vars;
	char used[USED_MAX][NAME_MAX_LEN]; /* variables that it has */
	size_t nused;
	char doubt[NAME_MAX_LEN]; /* one that can't be told; "" if there is none */
	bool line;                /* for the kernel: where GRUB is, is not told by what we look it up by */
	FILE *out;
	bool in_arg;
};

static bool is_name(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

static const struct grub_value *look_up(struct expansion *x, const char *name)
{
	struct grub_variable *v = grub_variable_need(x->vars, name);
	bool ours = x->line && (strcmp(name, "prefix") == 0 || strcmp(name, "config_directory") == 0);
	size_t i = 0;

	if (!v)
		return NULL;
	while (i < x->nused && strcmp(x->used[i], name) != 0)
		i++;
	if (i == x->nused && i < USED_MAX)
		snprintf(x->used[x->nused++], NAME_MAX_LEN, "%s", name);
	if (v->unknown || ours || i == USED_MAX) {
		snprintf(x->doubt, sizeof(x->doubt), "%s", name);
		return NULL;
	}
	return &v->values[v->pick];
}

/* --- Words of a command ------------------------------------------------------------------------------------------- */

static void put(struct expansion *x, char c)
{
	fputc(c, x->out);
	x->in_arg = true;
}

static void end_arg(struct expansion *x)
{
	if (x->in_arg)
		fputc(ARG_END, x->out);
	x->in_arg = false;
}

/* What the value has at its end splits nothing. */
static void put_value(struct expansion *x, const char *value, bool quoted)
{
	for (const char *p = value; *p; p++) {
		if (quoted || !isspace((unsigned char)*p))
			put(x, *p);
		else if (p[strspn(p, " \t\n\v\f\r")])
			end_arg(x);
	}
}

/* A variable at p, which is a '$'. Returns behind it. */
static const char *put_variable(struct expansion *x, const char *p, bool quoted)
{
	bool braces = p[1] == '{';
	const char *start = p + 1 + braces;
	char name[NAME_MAX_LEN];
	size_t len = 0;

	if (isdigit((unsigned char)*start))
		len = strspn(start, "0123456789");
	else if (strchr("?#*@", *start) && *start)
		len = 1;
	else
		while (is_name(start[len]))
			len++;
	if (len == 0 || len >= sizeof(name) || (braces && start[len] != '}')) {
		snprintf(x->doubt, sizeof(x->doubt), "$"); /* nothing that GRUB could read, or a text to translate */
		put(x, *p);
		return p + 1;
	}
	snprintf(name, sizeof(name), "%.*s", (int)len, start);
	const char *end = start + len + braces;
	const struct grub_value *value = look_up(x, name);
	if (value && value->text)
		put_value(x, value->text, quoted);
	for (; !value && p < end; p++)
		put(x, *p);
	return end;
}

static const char *put_escaped(struct expansion *x, const char *p, char quote)
{
	if (p[1] == '\n')
		return p + 2;
	if (!p[1] || (quote && !strchr("$\\\"", p[1]))) {
		put(x, *p);
		return p + 1;
	}
	put(x, p[1]);
	return p + 2;
}

static void expand_words(struct expansion *x, const char *words)
{
	char quote = '\0';

	x->in_arg = false;
	for (const char *p = words; *p;) {
		if (*p == '\\' && quote != '\'') {
			p = put_escaped(x, p, quote);
		} else if (*p == quote || (!quote && (*p == '"' || *p == '\''))) {
			quote = quote ? '\0' : *p;
			x->in_arg = true;
			p++;
		} else if (*p == '$' && quote != '\'') {
			p = put_variable(x, p, quote != '\0');
		} else if (!quote && isspace((unsigned char)*p)) {
			end_arg(x);
			p++;
		} else {
			put(x, *p++);
		}
	}
	end_arg(x);
}

/* --- Options of an entry ------------------------------------------------------------------------------------------ */

/* From start to end, which is in it. A variable's value gets a blank behind it. */
static void put_field(struct expansion *x, bool variable, const char *start, const char *end)
{
	char name[NAME_MAX_LEN];
	int len = (int)(end - start + 1);

	if (!variable) {
		fprintf(x->out, "%.*s", len, start);
		return;
	}
	if (len <= 0)
		return;
	snprintf(name, sizeof(name), "%.*s", len, start);
	const struct grub_value *value = look_up(x, name);
	if (!value)
		fprintf(x->out, "$%s ", name);
	else if (value->text)
		fprintf(x->out, "%s ", value->text);
}

/* Step by step as GRUB does it, a last field of one letter, which it loses, and all. */
static void expand_options(struct expansion *x, const char *options)
{
	const char *start = options, *end = options;
	bool variable = false;

	for (const char *p = options; *p; end = p++) {
		if (*p == '$') {
			if (start != end)
				put_field(x, variable, start, end);
			variable = true;
			start = p + 1;
		} else if (variable && !is_name(*p)) {
			put_field(x, true, start, end);
			variable = false;
			start = p + (*p == ' ');
		}
	}
	if (start != end)
		put_field(x, variable, start, end);
}

/* --- Every way ---------------------------------------------------------------------------------------------------- */

typedef void expand(struct expansion *x, const char *text);

/* Expands text with what is picked; owned by the caller. */
static char *expand_once(struct expansion *x, expand *how, const char *text)
{
	struct text made;

	x->out = text_open(&made);
	if (!x->out) {
		x->vars->failed = true;
		return NULL;
	}
	how(x, text);
	char *done = text_close(&made, NULL);
	x->vars->failed = x->vars->failed || !done;
	return done;
}

/* Picks the way of that number. Returns how many there are. */
static size_t pick(const struct expansion *x, size_t way)
{
	size_t ways = 1;

	for (size_t i = 0; i < x->nused; i++) {
		struct grub_variable *v = grub_variable_find(x->vars, x->used[i]);
		if (!v || v->unknown || v->count == 0)
			continue;
		v->pick = way / ways % v->count;
		ways = ways > WAYS_MAX ? ways : ways * v->count;
	}
	return ways;
}

/* --- A variable --------------------------------------------------------------------------------------------------- */

/* Whether it sets anything about the IOMMU. */
static bool speaks(const char *text)
{
	char *removed = NULL, *rest = words_apply(text, "", true, &removed);
	bool any = rest && removed[0];

	free(rest);
	free(removed);
	return any;
}

/* Who has put it there: of a value that is another variable's, whoever set that one. */
static const char *origin_of(const struct expansion *x, const char *origin)
{
	for (size_t i = 0; i < x->nused; i++) {
		const struct grub_variable *v = grub_variable_find(x->vars, x->used[i]);
		if (v && !v->unknown && v->values[v->pick].text && speaks(v->values[v->pick].text))
			return v->values[v->pick].origin;
	}
	return origin;
}

static void add_way(struct grub_variable *to, const char *value, const char *origin, struct grub_variables *vars)
{
	for (size_t i = 0; i < to->count; i++)
		if (strcmp(to->values[i].text, value) == 0)
			return;
	if (to->count == GRUB_VALUES) {
		to->unknown = true;
		return;
	}
	struct grub_value *v = &to->values[to->count++];
	*v = (struct grub_value){ .text = strdup(value), .origin = origin ? strdup(origin) : NULL };
	vars->failed = vars->failed || !v->text || (origin && !v->origin);
}

/* Puts what was found in the place of what name had. */
static void take_over(struct grub_variables *vars, const char *name, struct grub_variable *found)
{
	bool unknown = found->unknown || found->count == 0 || vars->failed;

	for (size_t i = 0; i < found->count; i++)
		if (i == 0)
			grub_variable_set(vars, name, found->values[i].text, found->values[i].origin);
		else
			grub_variable_add(vars, name, found->values[i].text, found->values[i].origin);
	if (unknown)
		grub_variable_doubt(vars, name);
	for (size_t i = 0; i < found->count; i++) {
		free(found->values[i].text);
		free(found->values[i].origin);
	}
}

void grub_assign(struct grub_variables *vars, const char *words, const char *origin)
{
	struct expansion x = { .vars = vars };
	struct grub_variable found = { 0 };
	char name[NAME_MAX_LEN];
	size_t ways = 1, len = strcspn(words, "="), quote = *words == '"' || *words == '\'';

	if (words[len] != '=' || len - quote >= sizeof(name))
		return;
	snprintf(name, sizeof(name), "%.*s", (int)(len - quote), words + quote);
	for (size_t way = 0; way < ways; way++) {
		pick(&x, way);
		char *text = expand_once(&x, expand_words, words);
		if (!text)
			break;
		text[strcspn(text, "\1")] = '\0';
		if (strlen(text) > len - quote)
			add_way(&found, text + len - quote + 1, origin_of(&x, origin), vars);
		free(text);
		ways = pick(&x, way);
		if (ways > WAYS_MAX)
			found.unknown = true;
	}
	found.unknown = found.unknown || x.doubt[0];
	pick(&x, 0);
	take_over(vars, name, &found);
}

char *grub_arguments(struct grub_variables *vars, const char *words)
{
	struct expansion x = { .vars = vars };
	char *text = expand_once(&x, expand_words, words);

	if (text && (x.doubt[0] || pick(&x, 0) > 1)) {
		free(text);
		return NULL;
	}
	return text;
}

/* --- A line ------------------------------------------------------------------------------------------------------- */

/* An argument as the kernel gets it. */
static void put_argument(FILE *out, const char *arg, size_t len)
{
	bool blank = memchr(arg, ' ', len);

	if (blank)
		fputc('"', out);
	for (size_t i = 0; i < len; i++) {
		if (strchr("\\'\"", arg[i]))
			fputc('\\', out);
		fputc(arg[i], out);
	}
	if (blank)
		fputc('"', out);
}

/* Arguments, without the first one where that is the kernel, as one line. */
static char *join(const char *args, bool skip)
{
	struct text made;
	bool any = false;

	FILE *out = text_open(&made);
	if (!out)
		return NULL;
	for (const char *arg = args; *arg;) {
		size_t len = strcspn(arg, "\1");
		if (!skip) {
			if (any)
				fputc(' ', out);
			put_argument(out, arg, len);
			any = true;
		}
		skip = false;
		arg += len + (arg[len] != '\0');
	}
	return text_close(&made, NULL);
}

static bool add_text(char **list, const char *a, char between, const char *b)
{
	char *more = NULL;

	if (asprintf(&more, "%s%s%c%s%s", *list ? *list : "", a, between, b, between == '\n' ? "" : "\n") < 0)
		return false;
	free(*list);
	*list = more;
	return true;
}

static bool has_line(const char *list, const char *line)
{
	size_t len = strlen(line);

	for (; list && *list; list += strcspn(list, "\n"), list += *list == '\n')
		if (strncmp(list, line, len) == 0 && list[len] == '\n')
			return true;
	return false;
}

/* Takes over what one way comes to. */
static void add_line(struct grub_line *line, char *text, struct grub_variables *vars)
{
	if (!text) {
		vars->failed = true;
		return;
	}
	if (!line->text) {
		line->text = text;
		return;
	}
	if (strcmp(line->text, text) != 0 && !has_line(line->also, text))
		vars->failed = !add_text(&line->also, text, '\n', "") || vars->failed;
	free(text);
}

static void note_feeding(const struct expansion *x, struct grub_line *line)
{
	char *one = NULL;

	for (size_t i = 0; i < x->nused; i++) {
		const struct grub_variable *v = grub_variable_find(x->vars, x->used[i]);
		const struct grub_value *value = v && !v->unknown ? &v->values[v->pick] : NULL;
		if (!value || !value->text || !value->origin || !speaks(value->text))
			continue;
		if (asprintf(&one, "%s\t%s", value->text, value->origin) < 0)
			one = NULL;
		if (!one || (!has_line(line->fed, one) && !add_text(&line->fed, value->text, '\t', value->origin)))
			x->vars->failed = true;
		free(one);
	}
}

static void note_doubt(const struct expansion *x, bool many, struct grub_line *line)
{
	const char *name = x->doubt[0] ? x->doubt : many ? x->used[0] : NULL;

	if (!name || line->doubt)
		return;
	line->doubt = strdup(name);
	x->vars->failed = x->vars->failed || !line->doubt;
}

void grub_kernel_line(struct grub_variables *vars, const char *words, struct grub_line *line)
{
	struct expansion x = { .vars = vars, .line = true };
	size_t ways = 1;

	for (size_t way = 0; way < ways && way < WAYS_MAX; way++) {
		pick(&x, way);
		char *text = expand_once(&x, expand_words, words);
		if (!text)
			break;
		add_line(line, join(text, true), vars);
		free(text);
		ways = pick(&x, way);
		note_feeding(&x, line);
	}
	note_doubt(&x, ways > WAYS_MAX, line);
	pick(&x, 0);
}

void grub_options_line(struct grub_variables *at, struct grub_variables *vars, const char *options,
		       struct grub_line *line)
{
	struct expansion x = { .vars = at, .line = true };
	size_t ways = 1;
	char *command = NULL;

	for (size_t way = 0; way < ways && way < WAYS_MAX; way++) {
		pick(&x, way);
		char *text = expand_once(&x, expand_options, options);
		if (!text || asprintf(&command, "kernel %s", text) < 0) {
			free(text);
			at->failed = true;
			break;
		}
		struct grub_line one = { 0 };
		grub_kernel_line(vars, command, &one);
		grub_line_merge(line, &one);
		free(text);
		free(command);
		ways = pick(&x, way);
		note_feeding(&x, line);
	}
	note_doubt(&x, ways > WAYS_MAX, line);
	pick(&x, 0);
}

char *grub_options_text(struct grub_variables *vars, const char *options)
{
	struct expansion x = { .vars = vars, .line = true };

	return expand_once(&x, expand_options, options);
}

static void take(char **to, char **from)
{
	if (*to)
		return;
	*to = *from;
	*from = NULL;
}

void grub_line_merge(struct grub_line *into, struct grub_line *other)
{
	struct grub_variables failed = { 0 };
	char *more = NULL;

	take(&into->doubt, &other->doubt);
	if (other->text)
		add_line(into, other->text, &failed);
	other->text = NULL;
	if (into->also && other->also && asprintf(&more, "%s%s", into->also, other->also) > 0) {
		free(into->also);
		into->also = more;
	}
	take(&into->also, &other->also);
	if (into->fed && other->fed && asprintf(&more, "%s%s", into->fed, other->fed) > 0) {
		free(into->fed);
		into->fed = more;
	}
	take(&into->fed, &other->fed);
	grub_line_free(other);
}

void grub_line_free(struct grub_line *line)
{
	free(line->text);
	free(line->also);
	free(line->doubt);
	free(line->fed);
	*line = (struct grub_line){ 0 };
}
