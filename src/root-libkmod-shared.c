/* The installer's side of root-libkmod.h: the system's libkmod.so opens files by itself, so a root is a path prefix.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "root-libkmod.h"

const char *root_for_libkmod(const struct root *root, const char *path, char *dir, size_t size)
{
	snprintf(dir, size, "%s%s", root->live ? "" : root->dir, path);
	return dir;
}
