/* What our reader finds in the configuration of the makers of unified kernel images, for a shell.
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usage: uki-conf ROOT install|ukify|mkinitcpio     prints what each of them is told, below ROOT
 *        uki-conf ROOT dracut VARIABLE
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bootloader/uki-conf.h"

int main(int argc, char **argv)
{
	char value[PATH_MAX] = "";

	if (argc < 3 || chroot(argv[1]) < 0 || chdir("/") < 0)
		return 2;
	if (strcmp(argv[2], "install") == 0)
		printf("%s %s\n", install_conf_uki(value) ? "uki" : "-", value);
	else if (strcmp(argv[2], "ukify") == 0)
		printf("%s %s %u\n", ukify_conf() ? ukify_conf() : "-", ukify_conf_signs() ? "signs" : "-",
		       ukify_conf_cmdline());
	else if (strcmp(argv[2], "mkinitcpio") == 0)
		printf("%s\n", mkinitcpio_makes_uki(value, sizeof(value)) ? value : "-");
	else
		printf("%s\n", argc > 3 && dracut_conf(argv[3], value, sizeof(value)) ? value : "-");
	return 0;
}
