/* GRUB's variables; see grub-variables.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/grub-variables.h"

#include <stdlib.h>
#include <string.h>

/* Set by GRUB itself, or by what it was started with: no file tells them. */
static bool is_grubs(const char *name)
{
	static const char *const names[] = {
		"root", "prefix", "cmdpath", "config_directory", "config_file", "grub_platform", "grub_cpu", "lang",
		"lockdown", "shim_lock", "check_signatures", "superusers", "pager", "debug", "boot_device", "?", "#",
		"*", "@",
	};
	static const char *const kinds[] = { "feature_", "net_", "pxe_", "color_" };

	if (name[strspn(name, "0123456789")] == '\0')
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(name, kinds[i], strlen(kinds[i])) == 0)
			return true;
	return false;
}

static char *copy_of(struct grub_variables *vars, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	vars->failed = vars->failed || (text && !copy);
	return copy;
}

struct grub_variable *grub_variable_find(const struct grub_variables *vars, const char *name)
{
	for (size_t i = 0; i < vars->count; i++)
		if (strcmp(vars->list[i].name, name) == 0)
			return &vars->list[i];
	return NULL;
}

struct grub_variable *grub_variable_need(struct grub_variables *vars, const char *name)
{
	struct grub_variable *v = grub_variable_find(vars, name);
	char *copy = v ? NULL : copy_of(vars, name);
	struct grub_variable *more = copy ? reallocarray(vars->list, vars->count + 1, sizeof(*more)) : NULL;

	if (v)
		return v;
	vars->failed = vars->failed || !more;
	if (!more) {
		free(copy);
		return NULL;
	}
	vars->list = more;
	v = &more[vars->count++];
	*v = (struct grub_variable){ .name = copy, .count = 1, .unknown = vars->unknown || is_grubs(name) };
	return v;
}

static void forget_values(struct grub_variable *v)
{
	for (size_t i = 0; i < v->count; i++) {
		free(v->values[i].text);
		free(v->values[i].origin);
	}
	v->count = v->pick = 0;
	v->unknown = false;
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : !a && !b;
}

static void add_value(struct grub_variables *vars, struct grub_variable *v, const char *text, const char *origin)
{
	for (size_t i = 0; i < v->count; i++)
		if (same(v->values[i].text, text))
			return;
	if (v->count == GRUB_VALUES) {
		v->unknown = true;
		return;
	}
	v->values[v->count++] = (struct grub_value){ .text = copy_of(vars, text), .origin = copy_of(vars, origin) };
}

void grub_variable_set(struct grub_variables *vars, const char *name, const char *text, const char *origin)
{
	struct grub_variable *v = grub_variable_need(vars, name);

	if (!v)
		return;
	forget_values(v);
	add_value(vars, v, text, origin);
}

void grub_variable_add(struct grub_variables *vars, const char *name, const char *text, const char *origin)
{
	struct grub_variable *v = grub_variable_need(vars, name);

	if (v)
		add_value(vars, v, text, origin);
}

void grub_variable_doubt(struct grub_variables *vars, const char *name)
{
	struct grub_variable *v = grub_variable_need(vars, name);

	if (v)
		v->unknown = true;
}

void grub_variable_export(struct grub_variables *vars, const char *name)
{
	struct grub_variable *v = grub_variable_need(vars, name);

	if (v)
		v->exported = true;
}

void grub_variables_doubt(struct grub_variables *vars)
{
	vars->unknown = true;
	for (size_t i = 0; i < vars->count; i++)
		vars->list[i].unknown = true;
}

const char *grub_variable_value(const struct grub_variables *vars, const char *name, const char **origin)
{
	const struct grub_variable *v = grub_variable_find(vars, name);

	if (!v || v->unknown || v->count != 1)
		return NULL;
	if (origin)
		*origin = v->values[0].origin;
	return v->values[0].text;
}

/* Adds what v can be to the variable of that name. */
static void take_values(struct grub_variables *to, const struct grub_variable *v)
{
	struct grub_variable *own = grub_variable_need(to, v->name);

	for (size_t i = 0; own && i < v->count; i++)
		add_value(to, own, v->values[i].text, v->values[i].origin);
	if (own) {
		own->unknown = own->unknown || v->unknown;
		own->exported = own->exported || v->exported;
	}
}

void grub_variables_copy(const struct grub_variables *from, bool exported, struct grub_variables *to)
{
	*to = (struct grub_variables){ .failed = from->failed };
	for (size_t i = 0; i < from->count; i++) {
		if (exported && !from->list[i].exported)
			continue;
		struct grub_variable *v = grub_variable_need(to, from->list[i].name);
		if (!v)
			continue;
		forget_values(v);
		take_values(to, &from->list[i]);
	}
	to->unknown = from->unknown;
}

void grub_variables_merge(struct grub_variables *into, const struct grub_variables *other)
{
	for (size_t i = 0; i < other->count; i++)
		take_values(into, &other->list[i]);
	/* What is not set there is not set. */
	for (size_t i = 0; i < into->count; i++)
		if (!grub_variable_find(other, into->list[i].name)) {
			add_value(into, &into->list[i], NULL, NULL);
			into->list[i].unknown = into->list[i].unknown || other->unknown;
		}
	into->unknown = into->unknown || other->unknown;
	into->failed = into->failed || other->failed;
}

void grub_variables_free(struct grub_variables *vars)
{
	for (size_t i = 0; i < vars->count; i++) {
		forget_values(&vars->list[i]);
		free(vars->list[i].name);
	}
	free(vars->list);
	*vars = (struct grub_variables){ 0 };
}
