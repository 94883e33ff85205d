/* Where distributions mount the EFI system partition, or the extended boot partition beside it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef ESP_PLACES_H
#define ESP_PLACES_H

#include <stdbool.h>
#include <stddef.h>

/* As bootctl(1) looks for them, then NULL. */
extern const char *const esp_places[];

/* Whether that directory of place i is one that no place before it has: two of them can be one mount. */
bool esp_first(size_t i, const char *dir);

/* Whether a place is a file system that a boot loader reads beside its own, the extended boot partition: not what GRUB
 * reads there, nor a directory of /. */
bool esp_extended(const char *place);

/* All of them as a sentence has them. */
#define ESP_PLACES "/efi, /boot or /boot/efi"

#endif
