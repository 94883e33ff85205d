/* Says which key of a tree's disks is sealed to what a change moves.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usage: sealed ROOT [LINE]
 */
#include <stdio.h>

#include "change/sealed.h"

int main(int argc, char **argv)
{
	struct boot_entry entry = { .id = "entry", .words = argc > 2 ? argv[2] : "", .own = true };
	struct boot_entries entries = { .list = &entry, .count = 1 };
	struct root root;
	char where[512];

	if (root_init(&root, argv[1]) < 0)
		return 2;
	bool found = sealed_find(&root, &entries, true, sealed_moved(false), where, sizeof(where));
	puts(found ? where : "none");
	return 0;
}
