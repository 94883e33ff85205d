#!/usr/bin/env bats
# iommu-install cut short at its own system calls: nothing is stranded, and it can be finished. A fixed sample of the
# points; kill-all.bats looks at every one.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/kill
}

teardown() {
	machine_end
}

# In the first tier a few of many points.
@test "killed at a few of its calls while pt becomes strict: every entry starts, and resume finishes" {
	kill_points strict kill 97
}

@test "Ctrl-C at a few of its calls while pt becomes strict: told at once, and undone, finished, or resume finishes" {
	kill_points strict INT 97
}

# bats test_tags=boot
@test "Ctrl-C during a first installation, a change, a rollback and a removal: undone, finished, or resume finishes" {
	kill_points first INT 29
	kill_points strict INT 17
	kill_points rollback INT 29
	kill_points remove INT 29
}

# bats test_tags=boot
@test "killed while pt becomes strict with a stopping policy: every entry starts, and resume finishes" {
	kill_points strict kill 17
}

# bats test_tags=boot
@test "killed during a first installation, a rollback and a removal: every entry starts, and resume finishes" {
	kill_points first kill 29
	kill_points rollback kill 29
	kill_points remove kill 29
}

# bats test_tags=boot
@test "killed while what is written are links: every entry starts, resume finishes, and they are links" {
	kill_points links kill 23
	kill_points links-remove kill 43
	kill_points links-rollback kill 43
}

# bats test_tags=boot
@test "memory runs out at one call: nothing is changed, or it can be resumed" {
	kill_points first ENOMEM 199
	kill_points strict ENOMEM 199
	kill_points remove ENOMEM 199
}

# bats test_tags=boot
@test "a disk that is full, broken or read-only at one call: undone or finished, with a message" {
	kill_points strict ENOSPC 37
	kill_points pt EIO 37
	kill_points policy EROFS 37
}
