/* Sections of a PE file: how a unified kernel image (UKI) holds kernel, initramfs and command line.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Microsoft's "PE Format"; https://uapi-group.org/specifications/specs/unified_kernel_image/ for the sections' names.
 */
#ifndef PE_H
#define PE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Where a section's content is in the file. Returns 0, -ENOENT if there is no such section, -EBADMSG if this is no
 * PE file or a section reaches beyond its end, or another -errno. */
int pe_section(int fd, const char *name, off_t *offset, size_t *len);

/* Whether it starts as one. */
bool pe_is(int fd);

/* Whether it carries a signature. */
bool pe_signed(int fd);

/* A short section as text, without NUL bytes, blanks and line breaks at its end; owned by the caller. NULL with
 * errno set: as above, EFBIG beyond 64 KiB, EBADMSG for a NUL byte inside. */
char *pe_text(int fd, const char *name);

/* The same in a profile of the image, from 0 on: its own section, or else the one for all. EDOM: there is no such
 * profile. */
char *pe_profile_text(int fd, unsigned profile, const char *name);

#endif
