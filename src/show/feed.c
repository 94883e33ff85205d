/* What other programs read of a survey; see feed.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "show/feed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "system/files.h"
#include "system/memstream.h"
#include "system/message.h"

int feed_write(const struct survey *s, feed_print *print, const char *file)
{
	struct text made;
	size_t len;

	if (!file) {
		print(stdout, s);
		return 0;
	}
	if (text_open(&made))
		print(made.out, s);
	char *text = text_close(&made, &len);
	int r = text ? file_publish(file, text, len) : -ENOMEM;
	free(text);
	return r < 0 ? fail("%s: %s", file, strerror(-r)) : 0;
}
