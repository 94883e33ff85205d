# What every test of a machine ends with: nothing has become writable for others, and its disk goes.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# WRITABLE_IN is the command that runs a script in the machine.

# machine_end: takes the disk away; for a test's teardown, as all of them together would fill many a /tmp. Whatever the
# test was about, it fails if something that a change writes to has become writable for others (a test that does that on
# purpose looks by itself, and says WRITABLE=mine).
machine_end() {
	local status=0
	check_writable || status=1
	rm -f "$BATS_TEST_TMPDIR"/machine.img*
	return $status
}

# note_writable: what check_writable compares with.
note_writable() {
	writable >"$BATS_TEST_TMPDIR/writable"
}

check_writable() {
	local became
	[ "${WRITABLE-}" != mine ] && [ -e "$BATS_TEST_TMPDIR/writable" ] || return 0
	became=$(writable | comm -13 "$BATS_TEST_TMPDIR/writable" - && cat "$BATS_TEST_TMPDIR/run-writable" 2>/dev/null)
	[ -z "$became" ] || { echo "writable by group or others, and was not before: $became"; return 1; }
}

# writable: what group or others can write to in the directories that a change writes to. What is kept in /var/lib/iommu
# has its mode from what it is a copy of; nobody else gets in there.
writable() {
	$WRITABLE_IN 'find /boot /efi /etc /srv /var/lib/iommu -path "/var/lib/iommu/*" -prune -o -perm /022 ! -type l \
		-printf "%p %m\n" 2>/dev/null | sort'
}
