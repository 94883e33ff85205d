#!/usr/bin/env bats
# What was laid over an image is what the next boot goes by, and what had to go is gone: Debian 12 with the real
# initramfs-tools and dracut, booted.
bats_require_minimum_version 1.5.0
# bats file_tags=boot

setup() {
	load ../lib/machine
	laid=$(cat "$BATS_TEST_DIRNAME"/../lib/{judge,laid}.sh)
}

teardown() {
	vm_kill_all
	machine_end
}

@test "initramfs-tools: a module's option whose file is gone does not live on in an image that was laid over" {
	machine bookworm initramfs-tools
	run -0 in_machine "$laid"'
		echo "options vfio_iommu_type1 allow_unsafe_interrupts=1" > /etc/modprobe.d/unsafe.conf
		count_builds /usr/sbin/update-initramfs
		built iommu-install pt --on-mismatch=warn --force
		unpack /boot/initrd.img-6* /i; grep -q unsafe /i/usr/lib/iommu-verify/modprobe.d/unsafe.conf
		rm /etc/modprobe.d/unsafe.conf
		built iommu-install strict --on-mismatch=halt --force
		mv /root/update-initramfs /usr/sbin'
	[ "$(grep -xE '[0-9]+' <<< "$output" | xargs)" = "1 0" ]
	inside intel 'cat /run/iommu/early.json'
	[ "$(jq -r '.verdict, .target.mode, .modules["vfio_iommu_type1.allow_unsafe_interrupts"].value' \
		<<< "$(sed -n '/^{/,/^ "kernel"/p' <<< "$output")" | xargs)" = "match strict N" ]
}

@test "initramfs-tools: from halt to warn without a build, and a boot without an IOMMU goes on; and back" {
	machine bookworm initramfs-tools
	run -0 in_machine "$laid"'
		count_builds /usr/sbin/update-initramfs
		built iommu-install pt --on-mismatch=halt --force
		built iommu-install pt --on-mismatch=warn --force
		mv /root/update-initramfs /usr/sbin'
	[ "$(grep -xE '[0-9]+' <<< "$output" | xargs)" = "1 0" ]
	inside none 'grep -x "mode=pt" /etc/iommu.target; grep -o "\"verdict\": \"mismatch\"" /run/iommu/early.json'
	[[ $output == *'"verdict": "mismatch"'* ]]
	in_machine 'iommu-install pt --on-mismatch=poweroff --delay=1 --force'
	run ! inside none 'echo went on'
	[[ $output != *"went on"* ]]
	[ "$VM_END" = poweroff ]
}

@test "dracut: a target that is removed is not in the next boot, and before that the laid-over one was" {
	machine bookworm dracut
	run -0 in_machine "$laid"'
		count_builds /usr/bin/dracut
		built iommu-install strict --on-mismatch=warn --force
		built iommu-install pt --on-mismatch=halt --force
		mv /root/dracut /usr/bin'
	[ "$(grep -xE '[0-9]+' <<< "$output" | xargs)" = "1 0" ]
	inside intel 'grep -o "\"verdict\": \"match\"" /run/iommu/early.json; iommu-install remove && echo removed'
	[[ $output == *'"verdict": "match"'*removed* ]]
	inside none 'ls /run/iommu/early.json || echo no early check'
	[[ $output == *"no early check"* ]]
}
