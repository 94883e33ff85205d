/* The record of the last change; see record.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "files.h"
#include "lock.h"

#define RECORD STATE_DIR "/record"

static char *describe(const char *const *paths, size_t count, size_t *len)
{
	char *text = NULL;

	FILE *out = open_memstream(&text, len);
	if (!out)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct stat st;
		if (stat(paths[i], &st) < 0)
			fprintf(out, "%s absent\n", paths[i]);
		else
			fprintf(out, "%s %ju %ju %jd %jd.%09ld %jd.%09ld\n", paths[i], (uintmax_t)st.st_dev,
				(uintmax_t)st.st_ino, (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec,
				st.st_mtim.tv_nsec, (intmax_t)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
	}
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}

int record_write(const char *const *paths, size_t count)
{
	size_t len;
	char *text = describe(paths, count, &len);

	if (!text)
		return -ENOMEM;
	int r = file_write(RECORD, text, len, 0600);
	free(text);
	return r;
}

bool record_matches(const char *const *paths, size_t count)
{
	size_t len;
	char *now = describe(paths, count, &len);
	char *then = file_read(RECORD, NULL);
	bool same = now && then && strcmp(now, then) == 0;

	free(now);
	free(then);
	return same;
}
