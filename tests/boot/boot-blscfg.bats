#!/usr/bin/env bats
# EL 8's shape, booted: the real GRUB 2.14 of Debian sid with its blscfg starts a Debian 12 by boot entries that have
# $kernelopts of grubenv; a mode is set inside, and is there after the reboot.
bats_require_minimum_version 1.5.0
# bats file_tags=full

MODULES="biosdisk part_msdos ext2 normal linux test echo configfile loadenv serial terminal blsuki"
ID=00112233445566778899aabbccddeeff

setup() {
	load ../lib/trees
	load ../lib/grub
	load ../lib/disk
}

teardown() {
	vm_kill_all
	machine_end
}

# sid_core: makes $BATS_TEST_TMPDIR/boot.img and core.img of sid's GRUB.
sid_core() {
	grub_machine sid
	in_machine "cd /host && cp /usr/lib/grub/i386-pc/boot.img . &&
		grub-mkimage -O i386-pc -p '(hd0,msdos1)/boot/grub2' -o core.img $MODULES"
	machine_end
}

# layout: what EL 8 has in /boot, for this disk's kernel; a foreign entry and memtest's beside it.
# shellcheck disable=SC2016 # for the shell in the machine
layout() {
	in_machine 'set -e
		id='$ID'; rm -rf /usr/sbin/update-grub /etc/kernel/cmdline /boot/grub
		mkdir -p /boot/grub2 /boot/loader/entries
		echo $id > /etc/machine-id; echo GRUB_ENABLE_BLSCFG=true > /etc/default/grub
		k=$(ls /lib/modules)
		printf "%s\n" "serial --unit=0 --speed=115200" "terminal_input serial" "terminal_output serial" \
			load_env "set timeout=0" "set default=Debian" "blscfg --path /boot/loader/entries" \
			> /boot/grub2/grub.cfg
		{ printf "# GRUB Environment Block\nkernelopts=root=LABEL=iommuroot ro console=ttyS0 no_timer_check\n"
			head -c 1024 /dev/zero | tr "\0" "#"; } | head -c 1024 > /boot/grub2/grubenv
		cd /boot/loader/entries
		printf "title Debian\nversion %s\nlinux /boot/vmlinuz-%s\ninitrd /boot/initrd.img-%s\n\
options \$kernelopts\n" $k $k $k > $id-$k.conf
		printf "title Other\nversion 5.14.0\nmachine-id ffeeddccbbaa99887766554433221100\n\
linux /boot/other/vmlinuz\ninitrd /boot/other/initrd\noptions root=UUID=0b0b ro\n" > other.conf
		printf "title Memtest\nlinux /boot/memtest86+x64.bin\n" > memtest.conf
		cp other.conf memtest.conf /root; touch /boot/memtest86+x64.bin'
}

@test "pt is set inside without --backend, the next boot by sid's blscfg matches; foreign entries stay as they are" {
	sid_core
	machine bookworm initramfs-tools
	layout
	dd if="$BATS_TEST_TMPDIR/boot.img" of="$machine" bs=440 count=1 conv=notrunc status=none
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/core.img")" -lt $((DISK_START - 512)) ]
	dd if="$BATS_TEST_TMPDIR/core.img" of="$machine" bs=512 seek=1 conv=notrunc status=none
	inside intel 'iommu-install pt --on-mismatch=halt | cat && iommu-verify; [ $? = 3 ] && iommu-install check'
	inside intel 'iommu-verify && cat /run/iommu/early.json /proc/cmdline &&
		cd /boot/loader/entries && cmp other.conf /root/other.conf && cmp memtest.conf /root/memtest.conf &&
		grep -x "options \$kernelopts" '$ID'-*.conf'
	[[ $output == *'"verdict": "match"'* && $output == *" iommu=pt"* ]]
	# One word less, and the check that the entry's image has stops the boot.
	in_machine "sed -i 's/ iommu=pt/#########/' /boot/grub2/grubenv"
	printf 'echo went on\n' > "$BATS_TEST_TMPDIR/script"
	disk_run vm "$machine" "$BATS_TEST_TMPDIR/script" --iommu intel
	[ "$VM_END" = halted ]
	[[ $(vm_log vm) == *TOKEN_MISSING* && $(disk_output vm) != *"went on"* ]]
}
