/* A TPM's event log; see tpm-log.h.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * TCG PC Client Platform Firmware Profile, "Event Logging": a log of SHA-1 alone is TCG_PCClientPCREvent throughout; a
 * crypto agile one begins with one such event, which says how long the digests of the TCG_PCR_EVENT2 behind it are. All
 * numbers are little-endian; include/linux/tpm_eventlog.h has the same structures.
 */
#include "show/tpm-log.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { SHA1_SIZE = 20, ALGORITHMS_MAX = 16, EV_NO_ACTION = 3 };

/* What is left of the log; broken once more was asked for than there is. */
struct rest {
	const unsigned char *at;
	size_t len;
	bool broken;
};

/* The digests that each event of a crypto agile log may have; none in one of SHA-1 alone. */
struct algorithms {
	unsigned count;
	struct {
		unsigned id, size;
	} list[ALGORITHMS_MAX];
};

struct event {
	uint32_t pcr, type;
	struct rest data;
};

/* Takes so many bytes off the front. Returns an empty rest that is broken if there are fewer. */
static struct rest take(struct rest *r, size_t len)
{
	struct rest taken = { .at = r->at, .len = len };

	if (r->broken || len > r->len) {
		*r = (struct rest){ .broken = true };
		return *r;
	}
	r->at += len;
	r->len -= len;
	return taken;
}

/* Takes a number of up to four bytes; 0 if there are fewer. */
static uint32_t take_number(struct rest *r, size_t bytes)
{
	const struct rest taken = take(r, bytes);
	uint32_t number = 0;

	for (size_t i = 0; i < taken.len; i++)
		number |= (uint32_t)taken.at[i] << 8 * i;
	return number;
}

static struct event take_sha1_event(struct rest *r)
{
	struct event e = { .pcr = take_number(r, 4), .type = take_number(r, 4) };

	take(r, SHA1_SIZE);
	e.data = take(r, take_number(r, 4));
	return e;
}

/* One digest; broken if nobody knows how long it is. */
static void take_digest(struct rest *r, const struct algorithms *a)
{
	uint32_t id = take_number(r, 2);

	for (unsigned i = 0; i < a->count; i++) {
		if (a->list[i].id != id)
			continue;
		take(r, a->list[i].size);
		return;
	}
	r->broken = true;
}

static struct event take_event(struct rest *r, const struct algorithms *a)
{
	if (!a->count)
		return take_sha1_event(r);
	struct event e = { .pcr = take_number(r, 4), .type = take_number(r, 4) };

	for (uint32_t left = take_number(r, 4); left && !r->broken; left--)
		take_digest(r, a);
	e.data = take(r, take_number(r, 4));
	return e;
}

/* What the first event says of the others. One that says nothing of the kind leaves a log of SHA-1 alone. Returns false
 * if it is damaged. */
static bool read_header(const struct event *first, struct algorithms *a)
{
	static const char name[16] = "Spec ID Event03";
	enum { PLATFORM_AND_VERSION = 8 };
	struct rest r = first->data;

	*a = (struct algorithms){ 0 };
	if (first->type != EV_NO_ACTION || r.len < sizeof(name) || memcmp(r.at, name, sizeof(name)) != 0)
		return true;
	take(&r, sizeof(name) + PLATFORM_AND_VERSION);
	a->count = take_number(&r, 4);
	if (a->count == 0 || a->count > ALGORITHMS_MAX)
		return false;
	for (unsigned i = 0; i < a->count; i++) {
		a->list[i].id = take_number(&r, 2);
		a->list[i].size = take_number(&r, 2);
	}
	return !r.broken;
}

/* The type is part of no digest, and not asked. Some firmware measures the NUL too. */
static bool says(const struct event *e, unsigned pcr, const char *text)
{
	size_t len = strlen(text);

	return e->pcr == pcr && (e->data.len == len || e->data.len == len + 1) && memcmp(e->data.at, text, len) == 0 &&
	       (e->data.len == len || e->data.at[len] == 0);
}

enum presence tpm_log_says(const unsigned char *log, size_t len, unsigned pcr, const char *text)
{
	struct rest r = { .at = log, .len = len };
	struct algorithms algorithms;

	struct event event = take_sha1_event(&r);
	if (r.broken || !read_header(&event, &algorithms))
		return PRESENCE_UNKNOWN;
	while (!says(&event, pcr, text)) {
		if (!r.len)
			return PRESENCE_NO;
		event = take_event(&r, &algorithms);
		if (r.broken)
			return PRESENCE_UNKNOWN;
	}
	return PRESENCE_YES;
}
