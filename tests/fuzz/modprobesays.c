/* Fuzzes what is looked for in a modprobe.d, a system's and that of an image.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "initramfs/modprobe-says.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct modprobe_says says;
	char *text = fuzz_line(data, size);

	if (text) {
		take_line(&says, "/etc/modprobe.d/x.conf", 1, text);
		take_text("/x.conf", text, &says);
	}
	free(text);
	return 0;
}
