#!/usr/bin/env bats
# What image.conf says of the way back to a machine that stops: whether somebody at the console can edit an entry.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
}

teardown() {
	machine_end
}

# ways SCRIPT...: after each script, one upon the other, what an image that is built then says.
ways() {
	local script all
	# shellcheck disable=SC2016 # for the machine's shell
	all='mkdir -p /root/image; printf "mode=pt\non-mismatch=halt\n" > /etc/iommu.target
		way() {
			iommu-install internal-image "$1" /root/image 6.1.0-test > /dev/null &&
				sed -n "s/^way-back=//p" /root/image/usr/lib/iommu-verify/image.conf
		}
		uki() {
			mkdir -p /efi/EFI/Linux /etc/kernel && : > /efi/EFI/Linux/x.efi
			echo layout=uki > /etc/kernel/install.conf
			printf "#!/bin/sh\n" > /usr/bin/ukify && chmod +x /usr/bin/ukify
		}'
	for script; do all+=$'\n'$script$'\nway /'; done
	run -0 in_machine "$all"
	echo "$output"
}

@test "GRUB's menu can be edited, unless it asks for a password" {
	quick_machine
	# shellcheck disable=SC2016 # for the machine's shell
	ways : \
		'cp /boot/grub/grub.cfg /root; echo "set superusers=\"root\"" >> /boot/grub/grub.cfg' \
		'cp /root/grub.cfg /boot/grub; echo "set superusers=root" > /boot/grub/custom.cfg' \
		'rm /boot/grub/custom.cfg
		printf "if [ -n \"\${GRUB2_PASSWORD}\" ]; then\n  set superusers=x\nfi\n" >> /boot/grub/grub.cfg' \
		'echo GRUB2_PASSWORD=grub.pbkdf2.sha512.10000.x > /boot/grub/user.cfg' \
		'rm /boot/grub/grub.cfg'
	[ "$(paste -sd " " <<< "$output")" = "menu locked-menu locked-menu menu locked-menu unknown" ]
}

@test "systemd-boot's menu can be edited unless loader.conf says no, and a unified kernel image has no line to edit" {
	quick_machine
	# shellcheck disable=SC2016 # for the machine's shell
	ways 'rm /boot/grub/grub.cfg && mkdir -p /efi/EFI/systemd /efi/loader/entries &&
			: > /efi/EFI/systemd/systemd-bootx64.efi
		cmdline=$(< /proc/cmdline); echo "${cmdline#BOOT_IMAGE=x }" > /proc/cmdline
		printf "title x\nlinux /x\ninitrd /y\noptions ro\n" > /efi/loader/entries/x.conf' \
		'printf "timeout 3\neditor no\n" > /efi/loader/loader.conf' \
		'printf "#editor no\neditor 1\n" > /efi/loader/loader.conf' \
		'uki && rm -r /efi/EFI/systemd /efi/loader'
	[ "$(paste -sd " " <<< "$output")" = "menu locked-menu menu entry" ]
}

@test "of two boot loaders the one counts that booted the machine; a tree says nothing of what boots it" {
	quick_machine
	ways 'uki; echo "set superusers=root" >> /boot/grub/grub.cfg' \
		'mkdir -p /root/tree/etc /root/tree/usr/sbin; cp /usr/sbin/iommu-verify /root/tree/usr/sbin
		cp /etc/iommu.target /root/tree/etc; way /root/tree'
	[ "$(paste -sd " " <<< "$output")" = "locked-menu unknown locked-menu" ]
}
