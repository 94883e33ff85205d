/* The installer's side of libkmod-root.h: functions of the C library by which the system's libkmod.so opens files.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * A program's own definition of such a function is found before the C library's, by its shared libraries too. While
 * libkmod is at work it reads below the root; at all other times these are the C library's. (Before glibc 2.33
 * stat() was another function to a library; there libkmod still asks the host whether a directory of modprobe.d
 * exists.) A libkmod that was built for large files, as Debian 13's, asks for the names with 64, which mean the same
 * on 64-bit machines.
 */
#include "evidence/libkmod-root.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Declares real: the next definition of a function in the order of the libraries, the C library's or a sanitizer's. The
 * copy is POSIX's way from dlsym()'s object pointer to a function. */
#define NEXT(function) \
	__typeof__(function) *real; \
	void *found = dlsym(RTLD_NEXT, #function); \
	memcpy(&real, &found, sizeof(real))

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	if (root_libkmod_active())
		return root_libkmod_open(path, flags);
	va_start(args, flags);
	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(args, mode_t);
	va_end(args);
	return openat(AT_FDCWD, path, flags, mode);
}

FILE *fopen(const char *restrict path, const char *restrict mode)
{
	NEXT(fopen);

	if (root_libkmod_active())
		return root_libkmod_fopen(path, mode);
	return real(path, mode);
}

DIR *opendir(const char *path)
{
	NEXT(opendir);

	if (root_libkmod_active())
		return root_libkmod_opendir(path);
	return real(path);
}

/* libkmod asks how much it is to print: nothing, what it misses is said in our words. */
char *secure_getenv(const char *name)
{
	static char nothing[] = "-1";
	NEXT(secure_getenv);

	return root_libkmod_active() && strcmp(name, "KMOD_LOG") == 0 ? nothing : real(name);
}

int stat(const char *restrict path, struct stat *restrict st)
{
	return root_libkmod_active() ? root_libkmod_stat(path, st) : fstatat(AT_FDCWD, path, st, 0);
}

int fstatat(int dirfd, const char *restrict name, struct stat *restrict st, int flags)
{
	NEXT(fstatat);

	if (root_libkmod_active() && dirfd != AT_FDCWD)
		flags |= AT_SYMLINK_NOFOLLOW; /* as root_libkmod_fstatat() */
	return real(dirfd, name, st, flags);
}

_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "64-bit machines have one struct stat");

int open64(const char *path, int flags, ...) __attribute__((alias("open")));
FILE *fopen64(const char *restrict path, const char *restrict mode) __attribute__((alias("fopen")));

int stat64(const char *restrict path, struct stat64 *restrict st)
{
	return stat(path, (struct stat *)st);
}

int fstatat64(int dirfd, const char *restrict name, struct stat64 *restrict st, int flags)
{
	return fstatat(dirfd, name, (struct stat *)st, flags);
}
