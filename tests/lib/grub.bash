# Small disks that have a suite's real GRUB configuration tools and Xen: what /boot holds of Linux is stand-ins, so they
# do not boot.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# shellcheck source=tests/lib/machine.bash
. "${BASH_SOURCE[0]%/*}/machine.bash"

# grub_disk SUITE: prints the path of that disk. Nobody writes to it: tests take a copy.
grub_disk() {
	local packages=(grub2-common grub-pc-bin libkmod2 kmod xen-hypervisor-common)
	case $1 in
	bullseye) packages+=(xen-hypervisor-4.14-amd64) ;;
	bookworm) packages+=(xen-hypervisor-4.17-amd64) ;;
	trixie | sid) packages+=(xen-hypervisor-4.20-amd64) ;;
	*) echo "grub_disk: no packages are known for '$1'" >&2 && return 2 ;;
	esac
	cached "$IOMMU_TEST_CACHE/grub-$1-$(recipe_key "${packages[@]}" "${TREE_EXCLUDE[@]}" \
		"$(declare -f tree_build grub_build)").img" \
		grub_build "$1" "${packages[@]}"
}

grub_build() {
	local suite=$1 packages=("${@:2:$#-2}") new=${*: -1} kver=6.1.0-1-amd64
	rm -rf "$new.work"
	tree_build "$suite" "$(printf '%s\n' "${packages[@]}")" "$new.work" || return
	echo "stands in for a kernel" >"$new.work/boot/vmlinuz-$kver"
	echo "stands in for an initramfs" >"$new.work/boot/initrd.img-$kver"
	printf 'CONFIG_XEN_DOM0=y\n# CONFIG_IOMMU_DEFAULT_PASSTHROUGH is not set\n' >"$new.work/boot/config-$kver"
	mkdir -p "$new.work/boot/grub" "$new.work/etc/default/grub.d"
	rm -rf "$new.work"/var/{cache/apt,lib/apt/lists}
	disk_partition "$new" 400 &&
		mke2fs -q -t ext4 -L iommuroot -E "offset=$DISK_START" -d "$new.work" "$new" 399M &&
		rm -rf "$new.work"
}

# grub_machine SUITE: makes $machine, a private copy of that disk with iommu-install.
grub_machine() {
	local disk bring installer=${INSTALLER:-$BATS_TEST_DIRNAME/../../build/iommu-install}
	local modules=$BATS_TEST_TMPDIR/modules
	disk=$(grub_disk "$1") || return
	machine=$BATS_TEST_TMPDIR/machine.img
	mkdir -p "$modules/lib/modules/6.1.0-1-amd64" # the kernel is this system's
	disk_copy "$disk" "$machine" "/usr/sbin/iommu-install=$installer" "/=$modules" && note_writable || return
	in_machine 'iommu-install --version' >/dev/null 2>&1 && return
	# What this machine built needs a C library as new as this machine's: it brings it.
	bring=$BATS_TEST_TMPDIR/bring
	program_into "$installer" "$bring/usr/lib/iommu-test"
	put 755 "$bring/usr/sbin/iommu-install" <<-'EOF'
		#!/bin/sh
		exec /usr/lib/iommu-test/ld.so --library-path /usr/lib/iommu-test /usr/lib/iommu-test/iommu-install "$@"
	EOF
	disk_copy "$disk" "$machine" "/=$bring" "/=$modules"
}
