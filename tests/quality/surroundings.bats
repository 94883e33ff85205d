#!/usr/bin/env bats
# The surroundings that every test has: nothing of the machine's past, and what a machine can't do is told at once.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/pasts
	top=$BATS_TEST_DIRNAME/../..
}

@test "whatever a machine's past left, a command finds none of it, and the environment is always the same" {
	local past
	for past in bare used wrong; do
		# shellcheck disable=SC2016 # for the inner shell
		with_past "$past" bash -c 'umask; env | grep -v -e ^IOMMU_TEST_CACHE= -e ^JOBS= -e ^RUN_ | sort
			ls -d /etc/iommu.target /var/lib/iommu /run/iommu /run/reboot-required /etc/default/grub* \
				/etc/modprobe.d/* /boot/* 2> /dev/null
			cat /proc/cmdline' > "$BATS_TEST_TMPDIR/$past"
		diff "$BATS_TEST_TMPDIR/bare" "$BATS_TEST_TMPDIR/$past"
	done
	grep -qx LC_ALL=C.UTF-8 "$BATS_TEST_TMPDIR/bare"
	run ! grep / <(grep -v -e ^PATH= -e ^HOME= -e ^PWD= -e ^_= "$BATS_TEST_TMPDIR/bare")
}

@test "what a command writes is gone when it has ended" {
	local before after places="/etc/iommu.target /var/lib/iommu /run/iommu /boot/iommu-test"
	# shellcheck disable=SC2086 # words
	before=$(ls -ld $places 2>&1 || :)
	"$top/tests/surroundings" bash -c 'mkdir /var/lib/iommu /run/iommu && touch /etc/iommu.target /boot/iommu-test'
	# shellcheck disable=SC2086
	after=$(ls -ld $places 2>&1 || :)
	[ "$before" = "$after" ]
}

@test "what a machine can't do that the tests need is told in one line before they start" {
	run ! setpriv --reuid=65534 --clear-groups bash < "$top/tests/abilities" # which may be where only root can go
	[ "$output" = "the tests need what this machine does not give: root's rights" ]
	run ! setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$top/tests/surroundings" touch \
		"$BATS_TEST_TMPDIR/started"
	[[ $output == "the tests need what this machine does not give: mounts and namespaces"* && ${#lines[@]} = 1 ]]
	run ! unshare --mount bash -c 'mount -t tmpfs tmpfs /dev && mknod /dev/null c 1 3 &&
		"$1"' x "$top/tests/abilities"
	[[ $output == *": loop devices"*"; terminals"* && ${#lines[@]} = 1 ]]
	[ ! -e "$BATS_TEST_TMPDIR/started" ]
}
