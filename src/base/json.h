/* JSON: strings as they are printed, and our own objects as they are read back.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * What is read was printed by us, so this reads as much of JSON as is needed to be sure of that, and no more.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdio.h>

/* Prints text as a JSON string. */
void json_string(FILE *out, const char *text);

/* Returns the first character from p on that is no white space. */
const char *json_skip_space(const char *p);

/* Returns what is behind the value that starts at p, or NULL if there is no well-formed one, or one too deep. */
const char *json_skip_value(const char *p);

/* The value of a member of the well-formed object at p, or NULL. */
const char *json_member(const char *p, const char *name);

/* Copies a member that is a string without escapes. Returns false if it is none, or too long. */
bool json_get_word(const char *object, const char *name, char word[24]);

/* Reads a member that is true or false. Returns false, and leaves *out alone, if it is neither. */
bool json_get_bool(const char *object, const char *name, bool *out);

#endif
