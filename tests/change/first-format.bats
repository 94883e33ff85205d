#!/usr/bin/env bats
# What 0.1.0 has left, gone on with by this version: a change that was cut short, one that waits for its boot, one that
# is done. What it wrote down is recorded (fixtures/0.1.0); the machine around it is made by hand.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
}

teardown() {
	machine_end
}

# goes_on first|second: lib/first-format.sh in a fresh machine.
goes_on() {
	[ -z "$(ls /sys/class/iommu 2>/dev/null)" ] || skip "this machine has an IOMMU"
	quick_machine
	cp "$BATS_TEST_DIRNAME"/../lib/{first-format.sh,kill.sh,judge.sh,update-initramfs} "$BATS_TEST_TMPDIR"
	cp -r "$BATS_TEST_DIRNAME/../fixtures/0.1.0" "$BATS_TEST_TMPDIR/left"
	in_machine "bash /host/first-format.sh $1" > "$BATS_TEST_TMPDIR/found" 2>&1 ||
		{ cat "$BATS_TEST_TMPDIR/found"; return 1; }
	tail -n 1 "$BATS_TEST_TMPDIR/found" | sed 's/^/# /' >&3
}

# bats test_tags=boot
@test "a first change of 0.1.0, at each of its instants: resume, rollback, remove, a mode and new images end as ever" {
	goes_on first
}

# bats test_tags=boot
@test "a change of 0.1.0 from strict under halt, and its rollback, at each of their instants: the same" {
	goes_on second
}
