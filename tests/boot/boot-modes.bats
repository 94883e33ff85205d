#!/usr/bin/env bats
# The bare helper in real boots: each mode's tokens on Intel, on AMD and without an IOMMU, as the groups show.
bats_require_minimum_version 1.5.0
# bats file_tags=boot

setup_file() {
	load ../lib/trees
	load ../lib/tree
	load ../lib/vm
	load ../lib/images
	cat > "$BATS_FILE_TMPDIR/init" <<-'EOF'
		#!/bin/sh
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t devtmpfs dev /dev
		dmesg -n 1
		echo BEGIN json
		iommu-verify --json
		status=$?
		echo END json
		echo BEGIN facts
		echo "status $status"
		cat /sys/kernel/iommu_groups/*/type 2>/dev/null | sort -u | xargs echo types
		ls /sys/class/iommu | xargs echo units
		echo END facts
		poweroff -f
	EOF
	busybox_image "$BATS_FILE_TMPDIR/image" "$BATS_FILE_TMPDIR/init" usr/sbin/iommu-verify="$VERIFY"
	tree_vmlinux "$(debian_tree bookworm)" > "$BATS_FILE_TMPDIR/kernel"
}

setup() {
	load ../lib/trees
	load ../lib/vm
}

teardown() {
	vm_kill_all
}

# shows MACHINE LINE MODE CMDLINE_MODE TYPES: one boot.
shows() {
	boot "$1" --iommu "$1" --kernel "$(< "$BATS_FILE_TMPDIR/kernel")" --initrd "$BATS_FILE_TMPDIR/image" \
		--append "$2"
	local facts output
	facts=$(vm_section "$1" facts | xargs)
	output=$(vm_section "$1" json)
	echo "$1, '$2': $facts; $(json '.effective.mode + ", by the line " + .cmdline.mode')"
	[ "$(json .effective.mode)" = "$3" ]
	[ "$(json .cmdline.mode)" = "$4" ]
	[[ $facts == "status 6 types${5:+ }$5 units"* ]]
	case $1 in
	intel) [ "$3" = off-for-uio ] || [[ $facts == *" dmar0" ]] ;;
	amd) [ "$3" = off-for-uio ] || [[ $facts == *" ivhd0" ]] ;;
	esac
}

@test "the tokens of off-for-uio give off-for-uio on every machine" {
	for machine in intel amd none; do
		shows $machine "intel_iommu=off amd_iommu=off" off-for-uio off-for-uio ""
	done
}

@test "the tokens of off-for-vfio give off-for-uio, as Debian's kernel has no noiommu" {
	for machine in intel amd none; do
		shows $machine "intel_iommu=off amd_iommu=off vfio.enable_unsafe_noiommu_mode=1" off-for-uio \
			off-for-vfio ""
	done
}

@test "the tokens of strict give strict on Intel and AMD, and off without an IOMMU" {
	shows intel "intel_iommu=on amd_iommu=on" strict strict DMA-FQ
	shows amd "intel_iommu=on amd_iommu=on" strict strict DMA # its emulated unit caches non-present entries
	shows none "intel_iommu=on amd_iommu=on" off-for-uio strict ""
}

@test "the tokens of pt give pt on Intel and AMD, and off without an IOMMU" {
	shows intel "intel_iommu=on amd_iommu=on iommu=pt" pt pt identity
	shows amd "intel_iommu=on amd_iommu=on iommu=pt" pt pt identity
	shows none "intel_iommu=on amd_iommu=on iommu=pt" off-for-uio pt ""
}

@test "iommu=pt alone gives pt on Intel and AMD, as Debian's kernel switches both on" {
	shows intel "iommu=pt" pt pt identity
	shows amd "iommu=pt" pt pt identity
	shows none "iommu=pt" off-for-uio pt ""
}

@test "no token at all gives strict on Intel and AMD" {
	shows intel "" strict default DMA-FQ
	shows amd "" strict default DMA
	shows none "" off-for-uio default ""
}
