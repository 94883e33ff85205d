/* The words users and scripts see: modes, policies and flush policies, each written down once.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef MODE_H
#define MODE_H

#include <stdbool.h>
#include <stddef.h>

/* The first four can be wanted; the others are only ever found. */
enum mode {
	MODE_OFF_FOR_UIO,
	MODE_OFF_FOR_VFIO,
	MODE_STRICT,
	MODE_PT,
	MODES_WANTED,
	MODE_MIXED = MODES_WANTED, /* groups disagree */
	MODE_UNKNOWN,              /* evidence missing or contradictory */
	MODE_DEFAULT,              /* of a command line only: nothing on it decides */
};

/* What to do about a mismatch. Order matters: everything above POLICY_WARN stops the machine. */
enum policy { POLICY_WARN, POLICY_HALT, POLICY_POWEROFF, POLICY_REBOOT };

/* IOTLB invalidation policy. FLUSH_NONE is found only, where nothing is translated; FLUSH_ANY is wanted only. */
enum flush { FLUSH_ANY, FLUSH_SYNC, FLUSH_LAZY, FLUSH_UNKNOWN, FLUSH_NONE };

/* Exit codes of both programs without --enforce. */
enum {
	EXIT_MATCH = 0,
	EXIT_INVALID = 1, /* usage, invalid target, internal error */
	EXIT_MISMATCH = 2,
	EXIT_PENDING = 3,
	EXIT_UNKNOWN = 4,
	EXIT_REFUSED = 5,
	EXIT_NO_TARGET = 6,
};

/* All of these return static strings and never NULL. */
const char *mode_name(enum mode mode);
const char *policy_name(enum policy policy);
const char *flush_name(enum flush flush);

/* The words a mode puts on the kernel command line, in order, as one string separated by single spaces. */
const char *mode_tokens(enum mode wanted);

bool mode_is_off(enum mode mode);

/* Each sets *out and returns true if the word is one a user may write; else returns false and leaves *out alone. */
bool mode_parse(const char *word, enum mode *out);
bool policy_parse(const char *word, enum policy *out);
bool flush_parse(const char *word, enum flush *out);

#endif
