#!/usr/bin/env bats
# iommu-install cut short at every one of its own system calls that change the file system. `make check-full` only:
# about 1,000 points four times over.
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/kill
}

teardown() {
	machine_end
}

# all SCENARIO: killed, and with each error.
all() {
	local how bad=0
	for how in kill ENOSPC EIO EROFS ENOMEM; do
		kill_points "$1" "$how" 1 || bad=1
	done
	[ "$bad" = 0 ]
}

@test "a first installation, cut short at every point" {
	all first
}

@test "pt to strict with a stopping policy, cut short at every point" {
	all strict
}

@test "off-for-uio to pt, cut short at every point" {
	all pt
}

@test "a change of policy alone, cut short at every point" {
	all policy
}

@test "a rollback, cut short at every point" {
	all rollback
}

@test "a removal, cut short at every point" {
	all remove
}

@test "partitions of proxmox-boot-tool: pt to strict killed at every point, a rollback and a removal at a sample" {
	load ../lib/proxmox
	KILL_MACHINE='proxmox_machine systemd-boot' KILL_IN=in_proxmox_machine
	kill_points strict kill 1
	kill_points rollback kill 3
	kill_points remove kill 3
	kill_points strict ENOSPC 5
	kill_points strict EIO 7
	kill_points strict EROFS 7
}

@test "the same with GRUB on one of the partitions, killed at a sample of the points" {
	load ../lib/proxmox
	KILL_MACHINE='proxmox_machine both' KILL_IN=in_proxmox_machine
	kill_points strict kill 11
	kill_points rollback kill 13
	kill_points strict ENOSPC 17
}

# killed_with GENERATOR: the distribution's own.
killed_with() {
	machine bookworm "$1"
	cp "$BATS_TEST_DIRNAME/.."/lib/{kill-real,judge}.sh "$BATS_TEST_TMPDIR"
	run -0 in_machine 'bash /host/kill-real.sh 10'
	echo "# $1: ${lines[-1]}" >&3
}

@test "the real dracut, killed after each step and at ten random instants: every entry starts, and resume finishes" {
	killed_with dracut
}

@test "with the real initramfs-tools, killed after each step and at ten random instants: the same" {
	killed_with initramfs-tools
}

@test "the entries of openSUSE's sdbootutil (a stand-in), pt to strict and back, cut short at every point" {
	load ../lib/suse
	in_machine() { in_efi_machine "$1"; }
	KILL_MACHINE="suse_efi_machine systemd-boot quick"
	all strict
	all rollback
}
