/* Whose a boot entry is; see owner.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/owner.h"

/* A name alone never decides: guest images carry those of the machine that built them. */
static bool names_another(const struct owner_facts *f)
{
	return (f->machine_id == PRESENCE_NO) + (f->sort_key == PRESENCE_NO) + (f->token == PRESENCE_NO) >= 2;
}

enum owner owner_of(const struct owner_facts *f)
{
	const struct {
		bool holds;
		enum owner owner;
	} rules[] = {
		{ f->program, OWNER_PROGRAM },
		{ f->xen, OWNER_XEN },
		{ f->rescue, OWNER_RESCUE },
		{ f->lost, OWNER_LOST },
		{ f->started, OWNER_STARTED },
		{ !f->modules, OWNER_NO_MODULES },
		{ f->root == PRESENCE_NO, OWNER_OTHER_ROOT },
		{ names_another(f), OWNER_OTHER_NAMES },
	};

	for (unsigned i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (rules[i].holds)
			return rules[i].owner;
	return OWNER_HERE;
}

bool owner_is_here(enum owner owner)
{
	return owner == OWNER_STARTED || owner == OWNER_HERE;
}

const char *owner_why(enum owner owner)
{
	static const char *const texts[] = {
		[OWNER_STARTED] = "it started this boot",
		[OWNER_HERE] = "its kernel has modules here, and nothing says that it is another system's",
		[OWNER_PROGRAM] = "it names no Linux kernel that could be started",
		[OWNER_XEN] = "its kernel runs under Xen",
		[OWNER_RESCUE] = "it is a rescue entry, whose initramfs has no check by design",
		[OWNER_LOST] = "its kernel is not there",
		[OWNER_NO_MODULES] = "its kernel has no modules here",
		[OWNER_OTHER_ROOT] = "its root= is another file system that is present",
		[OWNER_OTHER_NAMES] = "two of its machine-id, sort-key and entry token name another system",
	};

	return texts[owner];
}
