/* Writing kernel command lines: takes every IOMMU mode word out of a line and puts ours in.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef CMDLINE_EDIT_H
#define CMDLINE_EDIT_H

#include <stdbool.h>
#include <stddef.h>

/* Takes out of line, in every spelling, whatever sets mode, noiommu or unsafe interrupts, with flush also what sets
 * the flush policy; foreign items of a comma list keep their word and place. Then appends ours (separated by
 * blanks), both only before a bare "--". All other bytes stay as they are. removed, if not NULL, gets the words and
 * items taken out, separated by single blanks. Returns a new string owned by the caller, or NULL without memory; the
 * same for *removed. */
char *words_apply(const char *line, const char *ours, bool flush, char **removed);

/* Whether line carries exactly ours, in order, and nothing else that words_apply() would take out, and the
 * kernel finds them there. */
bool words_right(const char *line, const char *ours, bool flush);

/* Whether each word of text is one of words. */
bool words_among(const char *text, const char *words);

/* Whether the kernel reads the same words in both lines, in the same order; of all of them, or of those that count. */
bool words_same(const char *a, const char *b, bool (*counts)(const char *word));

#endif
