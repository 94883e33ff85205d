/* Words by their distance; see nearest.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "base/nearest.h"

#include <stdio.h>
#include <string.h>

enum { LONGEST = 32 };

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters have to be put in, left out, replaced, or exchanged with the next one. */
static unsigned distance_of(const char *a, size_t alen, const char *b, size_t blen)
{
	unsigned rows[3][LONGEST + 1]; /* the row before the last, the last, this one; by i modulo 3 */

	for (size_t k = 0; k <= blen; k++)
		rows[0][k] = (unsigned)k;
	for (size_t i = 1; i <= alen; i++) {
		unsigned *row = rows[i % 3];
		const unsigned *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t k = 1; k <= blen; k++) {
			row[k] = least(least(last[k], row[k - 1]) + 1, last[k - 1] + (a[i - 1] != b[k - 1]));
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				row[k] = least(row[k], before[k - 2] + 1);
		}
	}
	return rows[alen % 3][blen];
}

void nearest_try(struct nearest *n, const char *candidate)
{
	size_t len = strlen(n->word), other = strlen(candidate);
	unsigned limit = len < 4 ? 1 : len < 8 ? 2 : 3;

	if (!len || len > LONGEST || other > LONGEST)
		return;
	/* A word that was begun and not ended is near, however much is missing. */
	unsigned distance = len > 1 && strncmp(n->word, candidate, len) == 0 ?
				    1 : distance_of(n->word, len, candidate, other);
	if (distance > limit || (n->count && distance > n->distance))
		return;
	if (n->count && distance < n->distance)
		n->count = 0;
	n->distance = distance;
	if (n->count < sizeof(n->found) / sizeof(n->found[0]))
		n->found[n->count++] = candidate;
}

void nearest_text(const struct nearest *n, const char *prefix, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < n->count && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s%s%s",
					!i                  ? "; did you mean "
					: i + 1 == n->count ? " or "
							    : ", ",
					prefix, n->found[i], i + 1 == n->count ? "?" : "");
}
