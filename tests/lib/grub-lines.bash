# Our reader of grub.cfg for the shell (tools/grub-lines.c).
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# grub_lines_build OUT
grub_lines_build() {
	local top=$BATS_TEST_DIRNAME/../..
	cc -std=c11 -D_GNU_SOURCE -I"$top/src" -o "$1" "$top/tests/tools/grub-lines.c" \
		"$top"/src/bootloader/{grub-path,grub-script,grub-variables,grub-expand,grubenv,cmdline-edit}.c \
		"$top"/src/model/{cmdline-words,kernel-parameters}.c \
		"$top"/src/system/{memstream,files,place,message,seen,sync-for-boot}.c "$top"/src/base/{error,root}.c
}
