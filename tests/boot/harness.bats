#!/usr/bin/env bats
# Tests of the test harness itself: that machines boot, are driven and end as the other tests rely on.
# SPDX-License-Identifier: BSD-3-Clause

bats_require_minimum_version 1.5.0
# bats file_tags=full

load ../lib/vm
load ../lib/images

setup_file() {
	local tree
	tree=$(debian_tree bookworm)
	KERNEL=$(tree_vmlinux "$tree")
	ROOT_DISK=$(cached_root_disk "$tree")
	export TREE=$tree KERNEL ROOT_DISK
}

teardown() {
	vm_kill_all
}

# shell_image OUT COMMANDS [PATH=FILE...]: a busybox image whose init mounts the usual and does COMMANDS.
shell_image() {
	put 755 "$BATS_TEST_TMPDIR/init" <<-EOF
		#!/bin/sh
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t devtmpfs devtmpfs /dev
		$2
	EOF
	busybox_image "$1" "$BATS_TEST_TMPDIR/init" "${@:3}"
}

# iommus KIND: what a kernel finds on a machine with that IOMMU.
iommus() {
	local image=$BATS_TEST_TMPDIR/image
	# shellcheck disable=SC2016 # for the machine's shell
	shell_image "$image" 'echo "found:" $(ls /sys/class/iommu) .; poweroff -f'
	boot vm --iommu "$1" --kernel "$KERNEL" --initrd "$image" --append 'iommu=on intel_iommu=on quiet'
	[ "$VM_END" = poweroff ]
	vm_log vm | grep -o 'found:.*'
}

# boots_to_root GENERATOR: an image of it boots the disk, and shows every mark on the way, in order.
boots_to_root() {
	local dest=$BATS_TEST_TMPDIR/tree image=$BATS_TEST_TMPDIR/image
	image_tree "$TREE" "$dest"
	image_build "$dest" "$1" "$image"
	boot vm --iommu intel --kernel "$KERNEL" --initrd "$image" --disk "$ROOT_DISK" \
		--append 'root=LABEL=iommuroot rw quiet systemd.unit=iommu-test.target'
	[ "$VM_END" = poweroff ]
	run grep -o 'MARK .*' <(vm_log vm | sed '/^BEGIN/,/^END/d')
	[ "$output" = "MARK udevd started"$'\n'"MARK root mounted"$'\n'"MARK real root" ]
	[ "$(vm_section vm order | grep -c 'MARK udevd started')" = 1 ]
	! vm_log vm | grep -E "$SHELL_PROMPTS"
}

@test "a machine without an IOMMU shows none" {
	run iommus none
	[ "$output" = 'found: .' ]
}

@test "a machine with an Intel IOMMU shows dmar0" {
	run iommus intel
	[ "$output" = 'found: dmar0 .' ]
}

@test "a machine with an AMD IOMMU shows ivhd0" {
	run iommus amd
	[ "$output" = 'found: ivhd0 .' ]
}

@test "a dracut image with systemd boots to the real root" {
	boots_to_root dracut-systemd
}

@test "a dracut image without systemd boots to the real root" {
	boots_to_root dracut-plain
}

@test "an initramfs-tools image boots to the real root" {
	boots_to_root initramfs-tools
}

@test "every end of a boot has its name" {
	local image=$BATS_TEST_TMPDIR/image end
	# shellcheck disable=SC2016 # for the machine's shell
	shell_image "$image" 'case $end in
		poweroff) poweroff -f ;;
		reboot) reboot -f ;;
		halted) halt -f ;;
		esac
		exit'
	for end in poweroff reboot halted panic; do
		boot "$end" --kernel "$KERNEL" --initrd "$image" --append "quiet end=$end"
		[ "$VM_END" = "$end" ]
	done
	boot rebooted-panic --kernel "$KERNEL" --initrd "$image" --append 'quiet panic=-1'
	[ "$VM_END" = panic ]
}

@test "a boot without an end times out and leaves no machine behind" {
	local image=$BATS_TEST_TMPDIR/image
	shell_image "$image" 'sleep 100000'
	vm_start vm --kernel "$KERNEL" --initrd "$image"
	run ! vm_wait vm 1
	run ! kill -0 "$(<"$VM_DIR/vm.pid")"
}

@test "a shell on the console is spoken to" {
	local image=$BATS_TEST_TMPDIR/image
	shell_image "$image" 'exec setsid cttyhack sh'
	vm_start vm --kernel "$KERNEL" --initrd "$image" --append quiet
	vm_expect vm '# $'
	# shellcheck disable=SC2016 # for the machine's shell
	vm_send vm 'echo $((6 * 7))=answer'
	vm_expect vm '([0-9]+)=answer' # not the echo of what was typed, which has no digit there
	[ "${VM_MATCH[1]}" = 42 ]
	vm_expect vm '# $'
	vm_send vm 'poweroff -f'
	vm_wait vm
	[ "$VM_END" = poweroff ]
}

@test "an appended file replaces the image's own, which may be compressed" {
	local dir=$BATS_TEST_TMPDIR pack
	echo first >"$dir/first"
	echo second >"$dir/second"
	shell_image "$dir/image" 'cat /etc/file /etc/other; test -x /etc/script && echo script; poweroff -f' \
		"etc/file=$dir/first"
	put 755 "$dir/script" <<<'#!/bin/sh'
	for pack in cat 'gzip -1' 'zstd -q -1'; do
		$pack <"$dir/image" >"$dir/packed"
		cpio_append "$dir/packed" "$dir/appended" "etc/file=$dir/second" "etc/other=$dir/first" \
			"etc/script=$dir/script"
		boot vm --kernel "$KERNEL" --initrd "$dir/appended" --append quiet
		run vm_log vm
		[[ "$output" = *"second"*"first"*"script"* ]]
	done
}
