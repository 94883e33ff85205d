#!/usr/bin/env bats
# --interrupts= and --exposed= on a Debian 12 disk by chroot: kept, reset, refused, and what a change under way demands.
bats_require_minimum_version 1.5.0
# bats file_tags=boot

setup() {
	load ../lib/machine
	quick_machine
}

teardown() {
	machine_end
}

# target: what the machine's target says, in one line.
target() {
	in_machine 'grep -v "^#" /etc/iommu.target' | xargs
}

# A machine with a DMAR table whose interrupts have that chip: for a script in it.
# shellcheck disable=SC2016 # for the inner shell
SYS='sys() {
	mount -t tmpfs sys /sys
	mkdir -p /sys/firmware/acpi/tables /sys/kernel/irq/1 /sys/bus/pci/devices
	touch /sys/firmware/acpi/tables/DMAR
	[ -z "$1" ] || echo "$1" > /sys/kernel/irq/1/chip_name
}'

# refused CODE SCRIPT: it ends with that code and status 5, and leaves no target.
refused() {
	# shellcheck disable=SC2154 # bats's
	run --separate-stderr in_machine "$2"
	[[ $status == 5 && $stderr == *"$1: "* ]] || { echo "$status $output $stderr"; return 1; }
	run ! in_machine 'test -e /etc/iommu.target'
}

@test "a demand stays until it is taken back, or the mode can't have it" {
	in_machine 'iommu-install pt --force --interrupts=remapped --exposed=translated'
	[ "$(target)" = "mode=pt interrupts=remapped exposed=translated" ]
	in_machine 'iommu-install strict --force'
	[ "$(target)" = "mode=strict interrupts=remapped exposed=translated" ]
	in_machine 'iommu-install strict --force --interrupts=any'
	[ "$(target)" = "mode=strict exposed=translated" ]
	in_machine 'iommu-install off-for-uio'
	[ "$(target)" = "mode=off-for-uio" ]
	run -1 in_machine 'iommu-install off-for-uio --exposed=translated'
	run -1 in_machine 'iommu-install pt --force --interrupts=yes'
	[ "$(target)" = "mode=off-for-uio" ]
}

@test "interrupts=remapped is refused unless they are today" {
	refused CANNOT_JUDGE "$SYS; sys ''; iommu-install pt --interrupts=remapped"
	refused CANNOT_JUDGE "$SYS; sys PCI-MSI; iommu-install pt --interrupts=remapped"
	run -0 in_machine "$SYS; sys IR-PCI-MSI; iommu-install pt --interrupts=remapped"
	[ "$(target)" = "mode=pt interrupts=remapped" ]
	# What is demanded already is in nobody's way.
	run -0 in_machine "$SYS; sys PCI-MSI; iommu-install strict"
	[ "$(target)" = "mode=strict interrupts=remapped" ]
}

@test "exposed=translated is refused where a kernel can't tell what is removable" {
	run -0 in_machine "$SYS; sys ''; iommu-install pt --exposed=translated --dry-run"
	refused CANNOT_JUDGE "$SYS; sys ''; rm -r /sys/bus; iommu-install pt --exposed=translated"
	in_machine 'truncate -s 64K /boot/vmlinuz-5.10.0-9-amd64 && cp /boot/config-6* /boot/config-5.10.0-9-amd64 &&
		cp -al /lib/modules/6* /lib/modules/5.10.0-9-amd64 && update-grub 2>/dev/null'
	refused CANNOT_JUDGE "$SYS; sys ''; iommu-install pt --exposed=translated"
}

@test "while a change is under way only that is demanded which was and will be" {
	in_machine 'iommu-install pt --force --on-mismatch=halt --interrupts=remapped'
	in_machine 'iommu-install strict --force --exposed=translated --commit=after-boot'
	[[ $(target) == "mode=strict accept="*" on-mismatch=halt interrupts=remapped" ]]
	# What waits has the weaker in its place: who sets it anew says it all.
	in_machine 'iommu-install strict --force --interrupts=any --exposed=translated --commit=now'
	[ "$(target)" = "mode=strict on-mismatch=halt exposed=translated" ]
	in_machine 'iommu-install pt --force --interrupts=remapped --commit=after-boot'
	[[ $(target) == "mode=pt accept="*" on-mismatch=halt exposed=translated" ]]
}
