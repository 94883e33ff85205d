/* Whose a boot entry is: one function of what was found out about it, and its reason.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef OWNER_H
#define OWNER_H

#include <stdbool.h>

#include "model/image-conf.h"

/* What is asked of an entry. Of those that are a presence: NO names another system, UNKNOWN names none. */
struct owner_facts {
	bool program;  /* it starts no Linux kernel */
	bool xen;      /* its kernel runs under Xen */
	bool rescue;   /* its image has no check by design */
	bool lost;     /* its kernel is not there */
	bool started;  /* it has started this boot */
	bool modules;  /* its kernel has modules here */
	enum presence root;       /* root= on its line is this system's; NO: another file system that is present */
	enum presence machine_id; /* machine-id(5) in it, or in its name */
	enum presence sort_key;   /* os-release(5)'s ID in it */
	enum presence token;      /* kernel-install(8)'s entry token, by which it is named */
};

enum owner {
	OWNER_STARTED,
	OWNER_HERE,
	OWNER_PROGRAM,
	OWNER_XEN,
	OWNER_RESCUE,
	OWNER_LOST,
	OWNER_NO_MODULES,
	OWNER_OTHER_ROOT,
	OWNER_OTHER_NAMES,
};

/* The one that is asked everywhere. */
enum owner owner_of(const struct owner_facts *facts);

/* Whether that is this system. */
bool owner_is_here(enum owner owner);

/* The reason, for people; static. */
const char *owner_why(enum owner owner);

#endif
