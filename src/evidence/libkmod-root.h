/* Keeps libkmod inside a root directory.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * libkmod opens files by absolute path and always reads the running kernel's /proc/cmdline. Its calls of open(),
 * fopen(), opendir(), stat() and fstatat() come to the functions below, which look the path up below the root set
 * here. So a tree's modprobe.d, modules and command line are read, links included, and nothing of the host. In the
 * static helper the calls are renamed at build time (helper/libkmod.sh); in the installer, which has the system's
 * libkmod.so, functions of those names stand before the C library's (system/libkmod-calls.c).
 */
#ifndef LIBKMOD_ROOT_H
#define LIBKMOD_ROOT_H

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/root.h"

/* From here on libkmod reads below root, which must outlive its contexts; from the end on it opens nothing (helper),
 * or what it asks for (installer). The end returns 0, or -errno if libkmod could not have something meanwhile that
 * is there: it passes over that as if it were not. In the installer memory is not looked at. */
void root_libkmod_begin(const struct root *root);
int root_libkmod_end(void);
bool root_libkmod_active(void);

/* Notes an error (-errno) for the end; what is not there is none. */
void root_libkmod_note(int error);

/* As the C library's functions of these names, errno included. */
int root_libkmod_open(const char *path, int flags, ...);
FILE *root_libkmod_fopen(const char *path, const char *mode);
DIR *root_libkmod_opendir(const char *path);
int root_libkmod_stat(const char *path, struct stat *st);

/* The helper's alone. */
int root_libkmod_fstatat(int dirfd, const char *name, struct stat *st, int flags);
void *root_libkmod_malloc(size_t size);
void *root_libkmod_calloc(size_t count, size_t size);
void *root_libkmod_realloc(void *old, size_t size);
char *root_libkmod_strdup(const char *text);
FILE *root_libkmod_fdopen(int fd, const char *mode);
ssize_t root_libkmod_getdelim(char **line, size_t *size, int delimiter, FILE *in);

#endif
