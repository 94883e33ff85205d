/* Names in which a boot loader counts tries: NAME+LEFT.conf and NAME+LEFT-DONE.efi are one entry with NAME.conf.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Source: systemd's documentation, "Automatic Boot Assessment". A boot renames the entry that it starts, and who finds
 * that boot good takes the count away.
 */
#ifndef BOOT_COUNT_H
#define BOOT_COUNT_H

#include <stdbool.h>
#include <stddef.h>

/* How long a name or path is without its count and the ".conf" or ".efi" behind that. */
size_t boot_count_stem(const char *name);

/* Whether two names differ in their count at most. */
bool boot_count_same(const char *a, const char *b);

/* Where nothing is at path any more, which has size bytes, and its directory has one that is the same but for its
 * count: path becomes that. Returns whether it did. */
bool boot_count_follow(char *path, size_t size);

#endif
