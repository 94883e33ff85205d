/* Changes files so that each is, at every instant, either the old one or the new one.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef FILES_H
#define FILES_H

#include <stddef.h>
#include <sys/types.h>

/* The last component of a path, in it. */
const char *file_name(const char *path);

/* Reads a whole file, at most 16 MiB. Returns it with a NUL behind it, owned by the caller, or NULL with errno set;
 * *len may be NULL. */
char *file_read(const char *path, size_t *len);

/* Writes a file by way of a temporary name in the same directory: written, synced, renamed, the directory synced, and
 * read back. Keeps mode, owner and extended attributes of a file that is there; a new one gets mode, and its directory is made. Returns 0 or
 * -errno, and then the file is as it was; -EIO if what was read back is something else. */
int file_write(const char *path, const char *text, size_t len, mode_t mode);

/* Writes to as a copy of from: content, mode, owner and extended attributes. As file_write(); a link at from is followed
 * by none but the content. */
int file_copy(const char *from, const char *to);

/* Writes a file for others to read (0644) into a directory that is there and may belong to somebody else: no link is followed
 * there, and what is there under that name is replaced, whatever it is. Returns 0 or -errno. */
int file_publish(const char *path, const char *text, size_t len);

/* Removes what a file_write() to path that was cut short may have left. */
void file_tidy(const char *path);

/* Removes a file; none there is fine. Returns 0 or -errno. */
int file_remove(const char *path);

/* Puts from, already written, in the place of to: both synced, mode, owner and extended attributes of to kept. Returns 0 or -errno. */
int file_replace(const char *from, const char *to);

/* Writes to as a copy of from, of any size: synced, read back, and put in its place as file_write() does. Returns 0 or
 * -errno. */
int file_place(const char *from, const char *to);

/* Gives from, already synced, the name to. On FAT, which writes directory and clusters in no order of its own, both names are
 * exchanged and all is synced before the old file's clusters are given up. Returns 0 or -errno. */
int file_move(const char *from, const char *to);

/* Makes a directory of our own unless it is there, and makes sure that nobody else has put it, or a link, in its place. Returns
 * 0 or -errno: -ENOTDIR if it is something else, -EPERM if others can write to it. */
int file_own_dir(const char *path, mode_t mode);

/* Syncs the directory that holds path. Returns 0 or -errno. */
int file_sync_dir(const char *path);

#endif
