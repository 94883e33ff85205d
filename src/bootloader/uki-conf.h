/* What the makers of unified kernel images are told, read as each of them reads it.
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef UKI_CONF_H
#define UKI_CONF_H

#include <stdbool.h>
#include <stddef.h>

/* kernel-install(8): whether it asks for unified images; *generator is by whom, "" if it does not say. */
bool install_conf_uki(char generator[32]);

/* The configuration that kernel-install(8) hands to ukify(1); NULL if there is none. Static text. */
const char *ukify_conf(void);

/* Whether that has ukify sign what it makes. */
bool ukify_conf_signs(void);

/* The line in which it sets the kernel command line; 0 if it does not. */
unsigned ukify_conf_cmdline(void);

/* dracut.conf(5): what a variable is in the end, by plain assignments. False, and "", if it is not set or is empty. */
bool dracut_conf(const char *variable, char *value, size_t size);

/* The first of mkinitcpio's presets that makes unified images, in path; false if there is none. */
bool mkinitcpio_makes_uki(char *path, size_t size);

/* Directories whose files all this is read from, then NULL. */
extern const char *const uki_conf_dirs[];

#endif
