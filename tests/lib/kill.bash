# iommu-install cut short in a machine: what kill.bats and its like share.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# strace_into DIR: this machine's strace with what it needs, for a system that has none: DIR/ld.so --library-path DIR
# DIR/strace.
strace_into() {
	program_into "$(command -v strace)" "$1"
}

# kill_points SCENARIO kill|INT|ENOSPC|EIO|EROFS|ENOMEM STEP [CALL]: lib/kill.sh in a fresh machine, which
# $KILL_MACHINE makes; prints how many points it looked at. The objects of all that were not killed are valid.
KILL_MACHINE='machine bookworm initramfs-tools'
KILL_IN=in_machine # runs a script in it
kill_points() {
	local objects
	$KILL_MACHINE && strace_into "$BATS_TEST_TMPDIR/strace" || return
	gcc -O1 -fno-builtin -shared -fPIC -o "$BATS_TEST_TMPDIR/failing-malloc.so" \
		"$BATS_TEST_DIRNAME/../tools/failing-malloc.c" || return
	cp "${BASH_SOURCE[0]%/*}"/{kill.sh,judge.sh,update-initramfs} "$BATS_TEST_TMPDIR"
	rm -rf "$BATS_TEST_TMPDIR/kill"
	$KILL_IN "bash /host/kill.sh $*" >"$BATS_TEST_TMPDIR/points" 2>&1 ||
		{ cat "$BATS_TEST_TMPDIR/points"; return 1; }
	objects=("$BATS_TEST_TMPDIR"/kill/objects/*)
	"${BASH_SOURCE[0]%/*}/../tools/validate" change "${objects[@]}" || return
	tail -n 1 "$BATS_TEST_TMPDIR/points" | sed 's/^/# /' >&3
}
