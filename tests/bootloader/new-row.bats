#!/usr/bin/env bats
# What a new boot loader and a new image generator take: one file each, and one line in a table. Made up, built, and
# driven on a Debian 12 system by chroot.
bats_require_minimum_version 1.5.0
# bats file_tags=boot

setup_file() {
	local top=$BATS_TEST_DIRNAME/../.. copy=$BATS_FILE_TMPDIR/copy
	mkdir "$copy"
	cp -r "$top/src" "$top/Makefile" "$copy"
	cp "$top/tests/tools/toy-loader.c" "$copy/src/bootloader/toy.c"
	cp "$top/tests/tools/toy-generator.c" "$copy/src/initramfs/toy.c"
	sed -i 's/^\tROW(backend_uki)$/& \\\n\tROW(backend_toy)/' "$copy/src/bootloader/backend.h"
	sed -i 's/^\tROW(generator_mkinitcpio)$/& \\\n\tROW(generator_toy)/' "$copy/src/initramfs/generator.h"
	make -s -j 2 -C "$copy" KMOD_SRC="$(realpath "$top/build/kmod")" build/iommu-install
}

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/carry
	quick_machine
	cp "$BATS_FILE_TMPDIR/copy/build/iommu-install" "$BATS_TEST_TMPDIR/toy"
	in_machine 'mv /usr/sbin/update-initramfs /usr/sbin/toy-initramfs; cp /host/toy /usr/sbin/iommu-install
		rm -r /boot/grub
		k=$(ls /lib/modules); echo "$k root=/dev/vda1 ro iommu=soft,noagp crypt=a,b" > /boot/toy.conf'
}

teardown() {
	machine_end
}

CHANGE="iommu-install --force --backend=toy --initramfs=toy-initramfs"

@test "a made-up boot loader and generator: the four modes, what is foreign, a second run, check and show" {
	local mode words
	while read -r mode words; do
		in_machine "$CHANGE $mode"
		carry "$words" "sed 's/[^ ]* //; s/iommu=noagp/foreign/; p' /boot/toy.conf"
		[[ $output == *"crypt=a,b"* && $output == *foreign* ]]
	done <<< "$FOUR_MODES"
	run -0 in_machine "$CHANGE pt && before=\$(ls -l --full-time /boot) && $CHANGE pt &&
		[ \"\$(ls -l --full-time /boot)\" = \"\$before\" ]"
	run -0 in_machine 'iommu-install --help'
	[[ $output == *toy* ]]
}

@test "a made-up boot loader and generator: rollback and remove give the file back, byte for byte" {
	local before
	before=$(in_machine 'cat /boot/toy.conf')
	in_machine "$CHANGE pt"
	[ "$(in_machine 'cat /boot/toy.conf')" != "$before" ]
	run -0 in_machine 'cpio -t < /boot/initrd.img-* 2>/dev/null | grep -x etc/iommu.target'
	in_machine 'iommu-install rollback'
	[ "$(in_machine 'cat /boot/toy.conf')" = "$before" ]
	in_machine "$CHANGE strict && iommu-install remove"
	[[ $(in_machine 'cat /boot/toy.conf') != *intel_iommu* ]]
}

@test "a made-up boot loader: a line that loses its parameter is found out, and so is an image that is missing" {
	in_machine "$CHANGE off-for-uio --on-mismatch=halt"
	run -0 in_machine 'iommu-install check --json'
	[ "$(jq -r '.entries[0].id' <<< "$output")" = /boot/toy.conf ]
	run -0 in_machine "sed -i s/intel_iommu=off// /boot/toy.conf
		$CHANGE off-for-uio && grep intel_iommu=off /boot/toy.conf"
	in_machine "$CHANGE strict --initramfs=none; rm /boot/initrd.img-*"
	run -1 in_machine "$CHANGE pt --initramfs=none"
	[[ $output == */boot/toy.conf* ]]
}
