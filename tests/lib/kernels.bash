# Debian kernels for the tests: fetched as packages, without a tree around them, and cached.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# shellcheck source=tests/lib/tree.bash
. "${BASH_SOURCE[0]%/*}/tree.bash"

# Where a suite lacks one of these, its kernel has no such module: vfio_virqfd went into vfio with 6.2, vfio-pci-core
# came with 5.16, and no Debian kernel to date has iommufd.
KERNEL_MODULES=(irqbypass vfio vfio_iommu_type1 vfio_virqfd vfio-pci-core vfio-pci iommufd)

# debian_kernel SUITE: prints the directory of that suite's kernel for amd64:
#   release   its name, KVER      package   the packages it is from, with versions
#   vmlinuz   as packaged         vmlinux   ready to run, where that can be had (see tree_vmlinux)
#   config    as packaged         lib/modules/KVER   modules.builtin*, KERNEL_MODULES, and what depmod makes of them
debian_kernel() {
	case $1 in
	bullseye | bookworm | trixie | sid) ;;
	*) echo "debian_kernel: no kernel is known for '$1'" >&2 && return 2 ;;
	esac
	cached "$IOMMU_TEST_CACHE/kernel-$1-$(recipe_key "${KERNEL_MODULES[@]}" \
		"$(declare -f kernel_build kernel_packages kernel_fetch kernel_module apt_apart)")" kernel_build "$1"
}

# kernel_image DIR: what QEMU is given of a debian_kernel.
kernel_image() {
	if [[ -e $1/vmlinux ]]; then echo "$1/vmlinux"; else echo "$1/vmlinuz"; fi
}

kernel_build() {
	local suite=$1 new=$2 work=$2.work kver modules file name
	rm -rf "$work" "$new"
	mkdir -p "$work/tree" "$new"
	kernel_fetch "$suite" "$work" "$new/package" || return

	modules=("$work"/tree/{usr/,}lib/modules/*)
	for file in "${modules[@]}"; do
		[[ -d $file ]] && modules=("$file") && break
	done
	kver=${modules[0]##*/}
	echo "$kver" >"$new/release"
	# Where the kernel is split, all of it stands beside the modules.
	for name in vmlinuz config; do
		for file in "$work/tree/boot/$name-$kver" "${modules[0]}/$name"; do
			[[ -e $file ]] && cp "$file" "$new/$name"
		done
		[[ -e $new/$name ]] || {
			echo "no $name in the packages of $suite"
			return 1
		}
	done
	vmlinux_extract "$new/vmlinuz" "$new/vmlinux" || rm -f "$new/vmlinux"

	mkdir -p "$new/lib/modules/$kver"
	cp "${modules[0]}"/modules.{order,builtin*} "$new/lib/modules/$kver" || return
	for name in "${KERNEL_MODULES[@]}"; do
		kernel_module "$name" "${modules[0]}" "$new/lib/modules/$kver" || return
	done
	depmod -b "$new" "$kver" && rm -rf "$work"
}

# kernel_module NAME FROM TO: copies that module, if there is one, uncompressed and in its place.
kernel_module() {
	local file place
	file=$(find "$2" \( -name "$1.ko" -o -name "$1.ko.*" \))
	[[ $file ]] || return 0
	place=$3${file#"$2"}
	mkdir -p "${place%/*}"
	case $file in
	*.ko) cp "$file" "$place" ;;
	*.ko.gz) gzip -dc "$file" >"${place%.gz}" ;;
	*.ko.xz) xz -dc "$file" >"${place%.xz}" ;;
	*.ko.zst) zstd -dqc "$file" >"${place%.zst}" ;;
	*) echo "unknown compression: $file" && return 1 ;;
	esac
}

# kernel_packages NAME APT...: NAME and those of its dependencies, theirs too, that are parts of the same kernel.
kernel_packages() {
	local apt=("${@:2}") todo=("$1") seen='' name
	while [[ ${#todo[@]} -gt 0 ]]; do
		name=${todo[0]}
		todo=("${todo[@]:1}")
		[[ " $seen " == *" $name "* ]] && continue
		seen+=" $name"
		mapfile -t -O "${#todo[@]}" todo < <(apt-cache "${apt[@]}" depends --important "$name" |
			sed -nE 's/^ *\|?(Pre)?Depends: (linux-(image|binary|modules|base)-[0-9].*)$/\2/p')
	done
	echo "$seen"
}

# kernel_fetch SUITE WORK LIST: unpacks the kernel's packages to WORK/tree and writes their names and versions to LIST.
kernel_fetch() {
	local suite=$1 work=$2 list=$3 apt packages package
	apt_apart "$suite" "$work" || return

	packages=$(kernel_packages linux-image-amd64 "${apt[@]}")
	# shellcheck disable=SC2086 # a list of words
	(cd "$work/files" && apt-get "${apt[@]}" download $packages) || return
	for package in "$work"/files/*.deb; do
		dpkg-deb --show "$package" >>"$list" && dpkg-deb --extract "$package" "$work/tree" || return
	done
}
