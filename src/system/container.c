/* Whether this is a container; see container.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "system/container.h"

/* What container managers leave (systemd.io/CONTAINER_INTERFACE; podman-run(1); docker). */
const char *container_sign(const struct root *root)
{
	static const char *const signs[] = { "/run/systemd/container", "/run/.containerenv", "/.dockerenv" };

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (root_exists(root, signs[i]))
			return signs[i];
	return NULL;
}
