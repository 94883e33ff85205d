/* The event log that firmware keeps of what it measured into a TPM, as the kernel hands it on.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef TPM_LOG_H
#define TPM_LOG_H

#include <stddef.h>

#include "model/image-conf.h"

/* Whether an event of that PCR has text as its data. PRESENCE_NO only of a log that is whole; one that is empty, is in
 * neither format, or breaks off before the text is PRESENCE_UNKNOWN. The PCR itself is not asked. */
enum presence tpm_log_says(const unsigned char *log, size_t len, unsigned pcr, const char *text);

#endif
