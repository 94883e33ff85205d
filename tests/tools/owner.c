/* All combinations of what is known of a boot entry, and whose it is: one a line, for tests/bootloader/owner.bats.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include <stdio.h>

#include "bootloader/owner.h"

int main(void)
{
	static const char *const names[] = { "unknown", "no", "yes" };

	puts("program xen rescue lost started modules root machine_id sort_key token here why");
	for (int bits = 0; bits < 64; bits++)
		for (int p = 0; p < 81; p++) {
			const int asked[] = { p % 3, p / 3 % 3, p / 9 % 3, p / 27 };
			const struct owner_facts f = {
				.program = bits & 1, .xen = bits & 2, .rescue = bits & 4, .lost = bits & 8,
				.started = bits & 16, .modules = bits & 32,
				.root = (enum presence)asked[0], .machine_id = (enum presence)asked[1],
				.sort_key = (enum presence)asked[2], .token = (enum presence)asked[3],
			};
			enum owner owner = owner_of(&f);
			printf("%d %d %d %d %d %d", f.program, f.xen, f.rescue, f.lost, f.started, f.modules);
			for (int i = 0; i < 4; i++)
				printf(" %s", names[asked[i]]);
			printf(" %d %s\n", owner_is_here(owner), owner_why(owner));
		}
	return 0;
}
