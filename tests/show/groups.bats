#!/usr/bin/env bats
# show --groups: what people ask who want to give a device to a virtual machine; hand-made and recorded trees.
bats_require_minimum_version 1.5.0

ON="intel_iommu=on amd_iommu=on"

setup() {
	load ../lib/trees
	root=$BATS_TEST_TMPDIR/root open=''
}

teardown() {
	[ -z "$open" ] || rm -r "$open"
}

# pci GROUP PATH VENDOR:DEVICE CLASS [DRIVER [RESET]]: a function at the path below its root bus ("0000:00:1c.0" or
# "0000:00:1c.0/0000:05:00.0"), in that group; GROUP -: in none.
pci() {
	local group=$1 below=$2 id=$3 class=$4 driver=${5:-} dir name
	name=${below##*/} dir=$root/sys/devices/pci0000:00/$below
	mkdir -p "$dir" "$root/sys/bus/pci/devices" "$root/sys/bus/pci/drivers/$driver"
	ln -sfn "../../../devices/pci0000:00/$below" "$root/sys/bus/pci/devices/$name"
	if [ "$group" != - ]; then
		mkdir -p "$root/sys/kernel/iommu_groups/$group/devices"
		ln -sfn "../../../../devices/pci0000:00/$below" "$root/sys/kernel/iommu_groups/$group/devices/$name"
	fi
	echo "0x${id%:*}" > "$dir/vendor"
	echo "0x${id#*:}" > "$dir/device"
	echo "0x${class}00" > "$dir/class"
	[ -z "$driver" ] || ln -sfn "$(realpath --relative-to="$dir" "$root/sys/bus/pci/drivers/$driver")" "$dir/driver"
	[ $# -lt 6 ] || echo "$6" > "$dir/reset_method"
	head -c 4096 /dev/zero > "$dir/config"
}

# acs PATH CAPABILITIES CONTROL: that device has ACS, each a byte in hex.
acs() {
	printf "\x0d\x00\x01\x00\x$2\x00\x$3\x00" |
		dd of="$root/sys/devices/pci0000:00/$1/config" bs=1 seek=256 conv=notrunc status=none
}

# board: six groups under pt. 0: a disk alone. 1: a NIC, with the root port that it is below. 2: graphics and their
# sound, bound to the host's drivers. 3: a NIC, 4: its virtual function. 5: two cards below one switch port.
board() {
	tree "$root" intel "$ON iommu=pt" identity identity identity identity identity identity
	unit "$root" dmar0
	pci 0 0000:00:17.0 8086:a352 0106 ahci ""
	pci 1 0000:00:1c.0 8086:a338 0604 pcieport "pm"
	pci 1 0000:00:1c.0/0000:02:00.0 8086:1533 0200 igb "flr bus"
	pci 2 0000:00:01.0/0000:01:00.0 10de:1eb1 0300 vfio-pci "bus"
	pci 2 0000:00:01.0/0000:01:00.1 10de:10f8 0403 snd_hda_intel "bus"
	pci 3 0000:00:1d.0/0000:03:00.0 8086:1521 0200 igb "flr"
	pci 4 0000:00:1d.0/0000:03:10.0 8086:1520 0200 "" "flr"
	ln -sfn ../0000:03:00.0 "$root/sys/devices/pci0000:00/0000:00:1d.0/0000:03:10.0/physfn"
	pci 5 0000:00:1b.0/0000:04:00.0 144d:a808 0108 nvme "flr"
	pci 5 0000:00:1b.0/0000:05:00.0 144d:a808 0108 "" "flr"
	pci - 0000:00:01.0 8086:1901 0604 pcieport
	pci - 0000:00:1d.0 8086:a330 0604 pcieport
	pci - 0000:00:1b.0 8086:a340 0604 pcieport
	acs 0000:00:1b.0 5f 00
	acs 0000:00:1c.0 0f 1d
}

# groups [ADDRESS]: the object, which must be what its schema says.
groups() {
	run --separate-stderr "$INSTALLER" show --root "$root" --json "--groups${1:+=$1}"
	[ "$status" = 0 ] || { echo "$stderr"; return 1; }
	"$BATS_TEST_DIRNAME/../tools/validate" show <<< "$output"
}

# says FILTER VALUE: of the chosen device.
says() {
	[ "$(jq -c ".chosen | $1" <<< "$output")" = "$2" ] || { jq .chosen <<< "$output"; return 1; }
}

@test "a device alone in its group: nothing is in the way but that nobody can reset it" {
	board
	groups 00:17.0
	says '[.address, .group, .driver, .alone, .with, .through, .acs, .reset, .obstacles]' \
		'["0000:00:17.0",0,"ahci",true,[],null,null,[],["no-reset"]]'
	says '.next | map(startswith("driverctl set-override 0000:00:17.0 vfio-pci"), contains("ids=8086:a352"),
		contains("softdep ahci pre: vfio-pci")) | map(select(.)) | length' 3
}

@test "a device that shares its group with the bridge above it: named, with its ACS, and no obstacle" {
	board
	groups 0000:02:00.0
	says '[.alone, .with, .through, .acs, .reset, .obstacles]' \
		'[false,["0000:00:1c.0"],"0000:00:1c.0","on",["flr","bus"],[]]'
	groups 0000:00:1c.0
	says '[.obstacles, .next]' '[["bridge"],[]]'
}

@test "a function that shares with one of another driver: that is the obstacle, and what to do names both" {
	board
	groups 01:00.0
	says '[.driver, .with, .through, .acs, .obstacles]' \
		'["vfio-pci",["0000:01:00.1"],null,"none",["shared"]]'
	says '.next[-1]' '"driverctl set-override 0000:01:00.1 vfio-pci"'
	groups 01:00.1
	# What is bound to vfio-pci already is in nobody's way.
	says '[.driver, .obstacles]' '["snd_hda_intel",[]]'
}

@test "a virtual function: whose it is" {
	board
	groups 03:10.0
	says '[.driver, .physfn, .alone, .obstacles]' '[null,"0000:03:00.0",true,[]]'
}

@test "two cards below one port without ACS: the port is named, and what it has" {
	board
	groups 05:00.0
	says '[.with, .through, .acs, .obstacles]' '[["0000:04:00.0"],"0000:00:1b.0","off",["shared"]]'
	acs 0000:00:1b.0 5f 1d
	groups 05:00.0
	says .acs '"on"'
	head -c 4096 /dev/zero > "$root/sys/devices/pci0000:00/0000:00:1b.0/config"
	groups 05:00.0
	says .acs '"none"'
	# An ordinary user sees the first 64 bytes.
	head -c 64 /dev/zero > "$root/sys/devices/pci0000:00/0000:00:1b.0/config"
	open=$(mktemp -d /tmp/groups.XXXXXX) # where anybody can go
	chmod 755 "$open"
	cp -a "$root" "$INSTALLER" "$open"
	run -0 --separate-stderr setpriv --reuid=65534 --clear-groups "$open/iommu-install" show \
		--root "$open/root" --json --groups=05:00.0
	says .acs '"needs-root"'
}

@test "the IOMMU off, reserved memory, interrupts that are not remapped, a group of an unknown type" {
	board
	echo "0x00000000df000000 0x00000000df1fffff direct" > "$root/sys/kernel/iommu_groups/3/reserved_regions"
	mkdir -p "$root/sys/kernel/irq/24"
	echo PCI-MSI > "$root/sys/kernel/irq/24/chip_name"
	groups 03:00.0
	says .obstacles '["reserved-memory","interrupts"]'
	# Regions that the driver can do without are no obstacle.
	echo "0x00000000df000000 0x00000000df1fffff direct-relaxable" > \
		"$root/sys/kernel/iommu_groups/3/reserved_regions"
	parameter "$root" vfio_iommu_type1 allow_unsafe_interrupts Y
	groups 03:00.0
	says .obstacles '[]'
	echo unknown > "$root/sys/kernel/iommu_groups/3/type"
	groups 03:00.0
	says .obstacles '["group-type"]'
	rm -r "$root/sys/kernel/iommu_groups" "$root/sys/class/iommu"/*
	groups 03:00.0
	says '[.group, .alone, .obstacles, .next[0]]' '[null,null,["iommu-off"],"iommu-install pt && reboot"]'
	[ "$(json .groups_list)" = "[]" ]
}

@test "kernels before 5.15 name no way to reset, and a tree that was recorded without them does not tell" {
	board
	find "$root" -name reset_method -delete
	groups 03:00.0
	says '[.reset, .obstacles]' '[null,[]]'
	touch "$root/sys/devices/pci0000:00/0000:00:1d.0/0000:03:00.0/reset"
	groups 03:00.0
	says '[.reset, .obstacles]' '[["unnamed"],[]]'
	groups 03:10.0
	says '[.reset, .obstacles]' '[[],["no-reset"]]'
}

@test "an address that is none, or of no device, is one line and exit status 1" {
	board
	local address
	for address in 99:00.0 0000:99:00.0 nonsense 3b:00 "" 0000:00:17.8; do
		run --separate-stderr "$INSTALLER" show --root "$root" "--groups=$address"
		[ "$status" = 1 ] && [ -z "$output" ] && [ "$(wc -l <<< "$stderr")" = 1 ] ||
			{ echo "$address: $status $output $stderr"; return 1; }
		[[ $stderr == "iommu-install: --groups=$address: "* ]]
	done
	groups 0000:00:1C.0
	says .address '"0000:00:1c.0"'
}

@test "all groups, and one: the same devices in text and object" {
	board
	groups
	[ "$(json '.groups_list | length')" = 6 ]
	[ "$(json '.chosen')" = null ]
	groups 01:00.1
	[ "$(jq -c '[.groups_list[] | .group, (.devices[] | .address)]' <<< "$output")" = \
		'[2,"0000:01:00.0","0000:01:00.1"]' ]
	run -0 --separate-stderr "$INSTALLER" show --root "$root" --groups=01:00.0
	[ "$(grep -c '^.\{11\} *[0-9]* identity 0000:' <<< "$output")" = 2 ]
	[[ $output == *"snd_hda_intel"* ]]
}

# report NAME: the tree of that machine of a public report.
report() {
	root=$BATS_TEST_TMPDIR/$1
	"$BATS_TEST_DIRNAME/../tools/paste-to-tree" "$BATS_TEST_DIRNAME/../fixtures/reports/$1.txt" "$root"
}

@test "devices of public reports: with the bridge above and a function of another driver, alone, virtual functions" {
	report laptop-haswell-gtx765m
	groups 01:00.0
	says '[.alone, .with, .through, .obstacles]' '[false,["0000:00:01.0","0000:01:00.1"],"0000:00:01.0",[]]'
	mkdir -p "$root/sys/bus/pci/drivers/snd_hda_intel"
	ln -s "$root/sys/bus/pci/drivers/snd_hda_intel" "$root/sys/kernel/iommu_groups/1/devices/0000:01:00.1/driver"
	groups 01:00.0
	says '[.obstacles, .next[-1]]' '[["shared"],"driverctl set-override 0000:01:00.1 vfio-pci"]'
	# One that the kernel leaves out although the IOMMU is on.
	groups 00:02.0
	says '[.group, .obstacles]' '[null,["iommu-off"]]'
	[[ $(json '.chosen.next[0]') == *igfx_off* && $output != *driverctl* ]]
	report c246-connectx-4-vf
	groups
	[ "$(jq -c '[.groups_list[].devices[] | select(.physfn != null) | .physfn]' <<< "$output")" = \
		'["0000:01:00.0","0000:01:00.0","0000:01:00.1","0000:01:00.1"]' ]
	[ "$(jq '[.groups_list[].devices[] | select(.alone)] | length > 0' <<< "$output")" = true ]
}

@test "devices of recorded trees: alone, functions of one device, and the IOMMU off" {
	tar -xf "$BATS_TEST_DIRNAME/../fixtures/bookworm-6.1.tar.xz" -C "$BATS_TEST_TMPDIR" ./intel/pt \
		./none/off-for-uio
	root=$BATS_TEST_TMPDIR/intel/pt
	groups 01:00.0
	says '[.alone, .reset, .obstacles]' '[true,null,[]]'
	groups 00:1f.2
	says '[.alone, .with, .through, .acs]' '[false,["0000:00:1f.0","0000:00:1f.3"],null,"none"]'
	root=$BATS_TEST_TMPDIR/none/off-for-uio
	groups 01:00.0
	says '[.group, .obstacles]' '[null,["iommu-off"]]'
}
