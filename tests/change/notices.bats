#!/usr/bin/env bats
# What a change of mode says about devices that are in use: on a Debian 12 system by chroot, whose devices are made up.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	quick_machine
	VALIDATE=$BATS_TEST_DIRNAME/../tools/validate
}

teardown() {
	machine_end
}

# bound DRIVER ADDRESS...: what makes it so, for in_machine.
bound() {
	local driver=$1 address
	shift
	echo "mkdir -p /sys/bus/pci/drivers/$driver; : > /sys/bus/pci/drivers/$driver/new_id"
	for address; do
		echo "ln -s ../../devices/$address /sys/bus/pci/drivers/$driver/$address"
	done
}

# codes PREPARATION COMMAND: the notices of its object, of the dry run and of the real one; as many lines on stderr.
codes() {
	local run
	in_machine "mount -t tmpfs tmpfs /sys/bus
		$1
		iommu-install --dry-run --json $2 > /host/dry.json 2> /host/dry.said
		iommu-install --json $2 > /host/real.json 2> /host/real.said"
	for run in dry real; do
		"$VALIDATE" change "$BATS_TEST_TMPDIR/$run.json"
		[ "$(jq '.notices | length' "$BATS_TEST_TMPDIR/$run.json")" = \
			"$(grep -c '^iommu-install: notice: ' "$BATS_TEST_TMPDIR/$run.said")" ]
	done
	diff <(jq .notices "$BATS_TEST_TMPDIR/dry.json") <(jq .notices "$BATS_TEST_TMPDIR/real.json")
	jq -r '.notices[].code' "$BATS_TEST_TMPDIR/real.json" | paste -sd ' '
}

message() {
	jq -r ".notices[$1].message" "$BATS_TEST_TMPDIR/real.json"
}

@test "devices bound to vfio-pci, and their parameter, under an off mode; bound to uio under strict and pt" {
	local both
	both="$(bound vfio-pci 0000:01:00.0 0000:01:00.1); $(bound uio_pci_generic 0000:02:00.0)"
	[ "$(codes "$both" 'off-for-vfio --force')" = VFIO_DEVICES ]
	[[ $(message 0) == "2 devices "*0000:01:00.* ]]
	[ "$(codes "$both" 'strict --force')" = UIO_DEVICES ]
	[[ $(message 0) == *"0000:02:00.0"* ]]
	[ "$(codes "$(bound igb_uio 0000:02:00.0)" 'pt --force')" = UIO_DEVICES ]
	local line='line=$(cat /proc/cmdline); echo "$line'
	[ "$(codes "$line vfio-pci.ids=8086:1521\" > /proc/cmdline" 'off-for-vfio --force --backend=grub')" = VFIO_IDS ]
	[[ $(message 0) == *"8086:1521"* ]]
	# Behind -- it is init's.
	[ "$(codes "$line -- vfio-pci.ids=8086:1521\" > /proc/cmdline" \
		'off-for-vfio --force --backend=grub --on-mismatch=halt')" = "" ]
}

@test "a process that holds a device of vfio is named; nobody is asked about the mode that the machine is in" {
	local held='mkdir -p /dev/vfio; : > /dev/vfio/12; : > /dev/vfio/vfio
		sleep 60 8> /dev/vfio/vfio 9> /dev/vfio/12 &'
	[ "$(codes "$held" 'pt --force')" = VFIO_IN_USE ]
	[[ $(message 0) == *" sleep holds "* ]]
	[ "$(codes 'mkdir -p /dev/vfio; : > /dev/vfio/vfio; sleep 60 8> /dev/vfio/vfio &' 'strict --force')" = "" ]
	[ "$(codes "$held $(bound vfio-pci 0000:01:00.0)" off-for-uio)" = "" ]
}

@test "a reboot that kexec would make with the line of now is named, one through the boot menu is not" {
	local debian='mkdir -p /etc/default /etc/init.d; : > /etc/init.d/kexec-load
		printf "KERNEL_IMAGE=/vmlinuz\nLOAD_KEXEC=%s\nUSE_GRUB_CONFIG=%s\n"'
	[ "$(codes "$debian true false > /etc/default/kexec" 'pt --force --on-mismatch=halt')" = KEXEC_REBOOT ]
	[ "$(codes "$debian true true > /etc/default/kexec" 'strict --force --on-mismatch=halt')" = "" ]
	[ "$(codes "$debian false false > /etc/default/kexec" 'pt --force --on-mismatch=halt')" = "" ]
	[ "$(codes "$debian true false > /etc/default/kexec; rm /etc/init.d/kexec-load" 'strict --force')" = "" ]
}

@test "a stopping policy whose images somebody else makes is named, and check and status say it until they are made" {
	in_machine 'iommu-install pt --force'
	[ "$(codes : 'pt --force --on-mismatch=halt --initramfs=none')" = IMAGES_YOURS ]
	run in_machine 'iommu-install check'
	[ "$status" != 0 ]
	[ "$(codes : 'pt --force --on-mismatch=warn --initramfs=none')" = "" ]
}
