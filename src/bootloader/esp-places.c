/* Where the EFI system partition is mounted; see esp-places.h.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#include "bootloader/esp-places.h"

#include <stddef.h>

const char *const esp_places[] = { "/efi", "/boot", "/boot/efi", NULL };
