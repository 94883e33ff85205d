/* Fuzzes the reader of a TPM's event log. A log that it can read is asked for texts that are in it, and that are not.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/tpm-log.c"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char disabled[] = "DMA Protection Disabled";
	unsigned char *log = (unsigned char *)fuzz_text(data, size);
	enum presence said = tpm_log_says(log, size, 7, disabled);

	/* What says it holds it, and an event more takes nothing back. */
	if (said == PRESENCE_YES)
		MUST(memmem(log, size, disabled, strlen(disabled)));
	/* One that says no is whole: it says no of every PCR and text that no event has. */
	if (said == PRESENCE_NO)
		MUST(tpm_log_says(log, size, 0xfffffff7, "a text of nobody's") == PRESENCE_NO);
	/* A log is never whole once a byte of its last event is gone. */
	if (said == PRESENCE_NO)
		MUST(tpm_log_says(log, size - 1, 7, disabled) == PRESENCE_UNKNOWN);
	free(log);
	return 0;
}
