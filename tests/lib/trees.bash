# Hand-made root trees for iommu-verify --root: as much of /proc and /sys as it reads.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154 # root is the test's, output and status are bats's

VERIFY=${VERIFY:-$BATS_TEST_DIRNAME/../../build/iommu-verify}
INSTALLER=${INSTALLER:-$BATS_TEST_DIRNAME/../../build/iommu-install}

# tree DIR intel|amd|none CMDLINE [TYPE]...: a machine with one IOMMU unit (none: no table either) and a group for each
# TYPE.
tree() {
	local dir=$1 machine=$2 cmdline=$3 n=0 type
	shift 3
	mkdir -p "$dir"/{etc,proc/sys/kernel/random,sys/class/iommu,sys/firmware/acpi/tables} \
		"$dir"/sys/{kernel/iommu_groups,module}
	printf '%s\n' "$cmdline" > "$dir/proc/cmdline"
	printf 'vendor_id\t: GenuineIntel\nflags\t\t: fpu vme\n' > "$dir/proc/cpuinfo"
	echo 6.1.0-test > "$dir/proc/sys/kernel/osrelease"
	echo 00000000-0000-4000-8000-000000000000 > "$dir/proc/sys/kernel/random/boot_id"
	case $machine in
	intel) : > "$dir/sys/firmware/acpi/tables/DMAR" ;;
	amd) : > "$dir/sys/firmware/acpi/tables/IVRS" ;;
	esac
	for type in "$@"; do
		mkdir -p "$dir/sys/kernel/iommu_groups/$n"
		echo "$type" > "$dir/sys/kernel/iommu_groups/$n/type"
		n=$((n + 1))
	done
	[ "$n" -gt 0 ] || return 0
	case $machine in
	intel) mkdir "$dir/sys/class/iommu/dmar0" ;;
	amd) mkdir "$dir/sys/class/iommu/ivhd0" ;;
	esac
}

# target DIR LINE...: the tree's /etc/iommu.target.
target() {
	local dir=$1
	shift
	printf '%s\n' "$@" > "$dir/etc/iommu.target"
}

# parameter DIR MODULE NAME VALUE: a loaded module's parameter.
parameter() {
	mkdir -p "$1/sys/module/$2/parameters"
	echo "$4" > "$1/sys/module/$2/parameters/$3"
}

# chips DIR [NAME]...: the interrupts' chips, one a name; none: there are none.
chips() {
	local dir=$1/sys/kernel/irq n=0 name
	shift
	rm -rf "$dir"
	for name; do
		mkdir -p "$dir/$n"
		echo "$name" > "$dir/$n/chip_name"
		n=$((n + 1))
	done
}

# debian_module NAME...: real modules of Debian 12's kernel in $root, for release 6.1.0-test; depmod(8) is the caller's.
debian_module() {
	local tree name
	# shellcheck source=tests/lib/tree.bash
	. "$BATS_TEST_DIRNAME/../lib/tree.bash"
	tree=$(debian_tree bookworm)
	mkdir -p "$root/lib/modules/6.1.0-test"
	for name; do
		find "$tree/usr/lib/modules" -name "$name.ko" -exec cp {} "$root/lib/modules/6.1.0-test" \;
	done
}

# verify DIR [OPTION]...: runs the helper on the tree; $output is its JSON.
verify() {
	local dir=$1
	shift
	run --separate-stderr "$VERIFY" --root "$dir" --json "$@"
}

# json FILTER: a value of $output.
json() {
	jq -r "$1" <<< "$output"
}

# expect STATUS VERDICT EFFECTIVE [FIRST_REASON]: what the last verify() found.
expect() {
	local got
	got="$status $(json .verdict) $(json .effective.mode) $(json '.reasons[0].code // "-"')"
	[ "$got" = "$1 $2 $3 ${4:--}" ] || {
		echo "expected: $1 $2 $3 ${4:--}"
		echo "got:      $got"
		echo "$output"
		return 1
	}
}

# unit DIR NAME [BITS]: an IOMMU unit as sysfs has it; BITS (hex) are an Intel one's ecap (bit 6: can pass through), or
# an AMD one's features (bits 1 and 4: PPR and GT).
unit() {
	local unit=$1/sys/devices/virtual/iommu/$2
	case $2 in
	dmar*) mkdir -p "$unit/intel-iommu" && echo "${3:-f00f5e}" > "$unit/intel-iommu/ecap" ;;
	ivhd*) mkdir -p "$unit/amd-iommu" && echo "${3:-12}" > "$unit/amd-iommu/features" ;;
	*) mkdir -p "$unit" ;;
	esac
	rm -rf "$1/sys/class/iommu/$2"
	ln -s "../../devices/virtual/iommu/$2" "$1/sys/class/iommu/$2"
}

# device DIR GROUP ADDRESS VENDOR:DEVICE CLASS [UNIT [EXTRA]...]: a PCI device in that group. EXTRA: removable; ats,
# pri, pasid: extended capabilities; below=ADDRESS[/ADDRESS]: bridges between it and its root bus; vf=ADDRESS: it is a
# virtual function of that one.
device() {
	local dir=$1 group=$2 address=$3 id=$4 class=$5 unit=${6:-} below="" path extra at=256
	shift $(($# > 6 ? 6 : $#))
	for extra; do [ "${extra#below=}" = "$extra" ] || below=${extra#below=}/; done
	path=devices/pci0000:00/$below$address
	mkdir -p "$dir/sys/$path" "$dir/sys/kernel/iommu_groups/$group/devices" "$dir/sys/bus/pci/devices"
	ln -sfn "../../../../$path" "$dir/sys/kernel/iommu_groups/$group/devices/$address"
	ln -sfn "../../../$path" "$dir/sys/bus/pci/devices/$address"
	path=$dir/sys/$path
	ln -srfn "$dir/sys/kernel/iommu_groups/$group" "$path/iommu_group"
	echo "0x${id%:*}" > "$path/vendor"
	echo "0x${id#*:}" > "$path/device"
	echo "0x${class}00" > "$path/class"
	[ -z "$unit" ] || ln -srfn "$dir/sys/devices/virtual/iommu/$unit" "$path/iommu"
	head -c 4096 /dev/zero > "$path/config"
	for extra; do
		case $extra in
		removable) echo removable > "$path/removable" ;;
		ats) capability 0f ;;
		pri) capability 13 ;;
		pasid) capability 1b ;;
		vf=*) ln -srfn "$dir/sys/bus/pci/devices/${extra#vf=}" "$path/physfn" ;;
		esac
	done
}

# capability ID: one more in the list of extended capabilities of device()'s $path, behind one that says nothing (ACS).
capability() {
	[ "$at" != 256 ] || extended 0d
	extended "$1"
}

# extended ID: writes it at $at, and the one before it leads there.
extended() {
	printf '\\x%s\\x00\\x01\\x00' "$1" | xargs -0 printf |
		dd of="$path/config" bs=1 seek="$at" conv=notrunc status=none
	[ "$at" = 256 ] || printf '%04x' $((at << 4 | 1)) | sed 's/\(..\)\(..\)/\\x\2\\x\1/' | xargs -0 printf |
		dd of="$path/config" bs=1 seek=$((at - 72 + 2)) conv=notrunc status=none
	at=$((at + 72))
}
