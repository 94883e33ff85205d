#!/usr/bin/env bats
# iommu-install cut short at every one of its own system calls that change the file system. `make check-full` only: about
# 1,000 points four times over.
bats_require_minimum_version 1.5.0

setup() {
	load lib/trees
	load lib/machine
}

teardown() {
	machine_end
}

# all SCENARIO: killed, and with each error.
all() {
	local how bad=0
	for how in kill ENOSPC EIO EROFS; do
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
