/* Fuzzes the reader of the kernel command line: for both vendors, an old kernel and a new one.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "fuzz.h"
#include "model/cmdline-words.h"
#include "model/cmdline.h"

static void visit(void *context, const struct mention *m)
{
	*(size_t *)context += strlen(m->word) + strlen(m->item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned kernels[] = { 0, KERNEL(5, 10), KERNEL(6, 1), KERNEL(6, 16) };
	char *line = fuzz_line(data, size);
	struct cmdline read;
	size_t seen = 0;

	for (size_t i = 0; line && i < sizeof(kernels) / sizeof(kernels[0]); i++)
		for (enum vendor v = VENDOR_UNKNOWN; v <= VENDOR_AMD; v++) {
			cmdline_walk(line, v, kernels[i], visit, &seen);
			cmdline_read(line, v, kernels[i], &read);
			enum mode mode = cmdline_mode(line, v, kernels[i]);
			MUST(mode < MODES_WANTED || mode == MODE_DEFAULT ||
			     (mode == MODE_UNKNOWN && v == VENDOR_UNKNOWN));
		}
	if (line)
		kernel_version(line);
	free(line);
	return 0;
}
