/* Keeps libkmod inside a root directory.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * libkmod opens files by absolute path and always reads the running kernel's /proc/cmdline. In the static helper its
 * calls of open(), fopen(), opendir(), stat() and fstatat() are renamed at build time (src/libkmod.sh) to the functions below,
 * which look the path up below the root set here. So a tree's modprobe.d, modules and command line are read, links
 * included, and nothing of the host.
 */
#ifndef ROOT_LIBKMOD_H
#define ROOT_LIBKMOD_H

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "root.h"

/* Sets the root for all libkmod contexts from now on; it must outlive them. Returns the path by which libkmod reaches
 * path below the root: path itself in the static helper; with the system's libkmod.so, which knows no root, dir with
 * the root's own path in front. */
const char *root_for_libkmod(const struct root *root, const char *path, char *dir, size_t size);

/* As the C library's functions of these names, errno included. */
int root_libkmod_open(const char *path, int flags, ...);
FILE *root_libkmod_fopen(const char *path, const char *mode);
DIR *root_libkmod_opendir(const char *path);
int root_libkmod_stat(const char *path, struct stat *st);
int root_libkmod_fstatat(int dirfd, const char *name, struct stat *st, int flags);

#endif
