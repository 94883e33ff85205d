/* Fuzzes image.conf: what is valid and written anew is read as the same.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "fuzz.h"
#include "model/image-conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = fuzz_text(data, size), made[512];
	struct image image, again;

	if (image_parse(text, size, &image) == 0) {
		int len = image_format(&image, made, sizeof(made));
		MUST(len > 0 && (size_t)len < sizeof(made));
		MUST(image_parse(made, (size_t)len, &again) == 0);
		MUST(strcmp(again.kernel, image.kernel) == 0 && again.enforce == image.enforce);
		MUST(memcmp(again.has, image.has, sizeof(image.has)) == 0);
	}
	free(text);
	return 0;
}
