/* Fuzzes what is looked for in modprobe.d before a change.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/preflight.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct conflicts c;
	char *line = fuzz_line(data, size);

	if (line)
		find_conflict(&c, "/etc/modprobe.d/x.conf", 1, line);
	free(line);
	return 0;
}
