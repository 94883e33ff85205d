/* The assignments of /etc/default/grub, as a shell reads them, without running it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef GRUB_SETTINGS_H
#define GRUB_SETTINGS_H

#include <stdbool.h>

/* The text without what words_apply() takes out, in whatever is assigned; but for what Xen gets. Every other byte
 * stays. Owned by the caller, NULL without memory. */
char *grub_settings_without(const char *text, bool flush);

#endif
