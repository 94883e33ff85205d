/* EFI system partitions that are not mounted: those that proxmox-boot-tool(8) keeps alike, by the list it has of them.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef PROXMOX_ESP_H
#define PROXMOX_ESP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define ESP_LIST "/etc/kernel/proxmox-boot-uuids"

struct esp {
	char uuid[10]; /* of its FAT file system: XXXX-XXXX */
	char dir[40];  /* where it is mounted; nobody but this process and its children sees it there */
};

/* Whether the list names any, readable or not. */
bool esp_listed(void);

/* Mounts each that is listed, read-only, for as long as this process lives. *list is static. Returns how many there
 * are, or -errno with a line that names the file in *error, and *list NULL: one that can't be read is an error, as it
 * could be the one that the firmware starts. */
int esp_mount(const struct esp **list, struct error *error);

/* The same, writable from then on. */
int esp_mount_writable(const struct esp **list, struct error *error);

#endif
