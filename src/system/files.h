/* Changes files so that each is, at every instant, either the old one or the new one.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef FILES_H
#define FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/* The last component of a path, in it. */
const char *file_name(const char *path);

/* Reads a whole file, at most 16 MiB. Returns it with a NUL behind it, owned by the caller, or NULL with errno set;
 * *len may be NULL. */
char *file_read(const char *path, size_t *len);

/* The same, with what the file was before it was read. */
char *file_read_at(const char *path, size_t *len, struct stat *st);

/* Where a path leads is found by place_find(): the file at the end of a link is the one that is written, the link stays
 * one, and -ELOOP is what a link gives that must not be followed. file_error() has the words for it. */

/* Writes a file by way of a temporary name beside it: written, synced, read back, renamed, the directory synced. Keeps
 * mode, owner, attributes and access list of a file that is there; a new one gets mode, and its directory is made.
 * Returns 0 or -errno, and then the file is as it was; -EIO if what was read back is something else. */
int file_write(const char *path, const char *text, size_t len, mode_t mode);

/* The same unless the file holds that text already. Returns 1 if it was written, 0 if not, or -errno. */
int file_put(const char *path, const char *text, size_t len, mode_t mode);

/* The same where may() says so of what the file holds, now (NULL: none is there): 1 write it, 0 leave it, -errno leave
 * it and return that. What is compared and what is replaced is one open file. */
typedef int file_may(const char *now, size_t len, void *arg);
int file_put_if(const char *path, const char *text, size_t len, mode_t mode, file_may *may, void *arg);

/* Writes to as a copy of from: content, mode, owner, attributes and access list. As file_write(). */
int file_copy(const char *from, const char *to);

/* Writes a file for others to read (0644) into a directory that is there and may belong to somebody else: no link is
 * followed there, and what is there under that name is replaced, whatever it is. Returns 0 or -errno. */
int file_publish(const char *path, const char *text, size_t len);

/* Whether two files, of any size, hold the same. */
bool file_same(const char *a, const char *b);

/* Removes what a file_write() to path that was cut short may have left. */
void file_tidy(const char *path);

/* Removes a file, or a link; none there is fine. Returns 0 or -errno. */
int file_remove(const char *path);

/* Puts from, already written, beside to by a program, in its place: synced, to's mode, owner and the rest kept; a new
 * one is not writable by others. Returns 0 or -errno. */
int file_replace(const char *from, const char *to);

/* Writes to as a copy of from, of any size, with to's mode, owner and the rest. As file_write(). */
int file_place(const char *from, const char *to);

/* Gives path mode, owner, attributes and access list of model. Returns 0 or -errno. */
int file_take_after(const char *path, const char *model);

/* Makes to a link that says what the link from says, with its owner, in the place of what is there. Nothing is
 * followed. Returns 0 or -errno; -EINVAL if from is no link. */
int file_copy_link(const char *from, const char *to);

/* Gives from, a synced file in the directory where to really is, the name that to has there. Until that is done from
 * is there too. Returns 0 or -errno. */
int file_rename(const char *from, const char *to);

/* What -errno of these functions means, for people; static. */
const char *file_error(int r);

/* Makes a directory of our own unless it is there, and makes sure that nobody else has put it, or a link, in its place.
 * Returns 0 or -errno: -ENOTDIR if it is something else, -EPERM if others can write to it. */
int file_own_dir(const char *path, mode_t mode);

/* Syncs the directory that holds path. Returns 0 or -errno. */
int file_sync_dir(const char *path);

#endif
