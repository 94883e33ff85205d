/* The time that an image took; see build-time.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "change/build-time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/keyval.h"
#include "base/paths.h"
#include "system/files.h"

#define RECORD STATE_DIR "/build-time"
#define LONGEST (24 * 60 * 60) /* seconds; more is no time that was measured */

void build_time_note(const struct generator *generator, long seconds)
{
	char text[64];

	int len = snprintf(text, sizeof(text), "%s=%ld\n", generator->name, seconds);
	file_put(RECORD, text, (size_t)len, 0600);
}

long build_time_last(const struct generator *generator)
{
	struct keyval kv;
	long seconds = 0;
	size_t len;

	char *text = file_read(RECORD, &len);
	if (!text)
		return 0;
	keyval_init(&kv, text);
	while (keyval_next(&kv))
		if (kv.value && strcmp(kv.key, generator->name) == 0)
			seconds = strtol(kv.value, NULL, 10);
	free(text);
	return seconds > 0 && seconds < LONGEST ? seconds : 0;
}

void build_time_forget(void)
{
	unlink(RECORD);
}
