#!/usr/bin/env bats
# SIGINT, SIGTERM and SIGHUP in each phase of a change: told at once, what runs ends at once with all that it has
# started, and the end is one that is told. Points in between: kill.bats.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/kill
	quick_machine
	in_machine "iommu-install pt --on-mismatch=halt --force; $SIGN_IMAGES"
}

teardown() {
	machine_end
}

# What a change touches, but for its own records.
STATE='state() { find /boot /etc/default /etc/iommu.target -type f -exec sha256sum {} + | sort -k 2; }; '

# A stand-in for a program: it begins, has a child, and goes on for hours.
slow() { # slow PROGRAM [SCRIPT before it]
	echo "mv $1 $1.real
		printf '%s\n' '#!/bin/sh' '${2-}' 'sleep 10000 & echo \$! > /run/child' ': > /run/began' wait > $1
		chmod 755 $1; "
}

# interrupted_in PROGRAM SIGNAL [group]: strict is set, and the signal sent once PROGRAM runs, to the process or, as a
# terminal does, to its group. $status, what was said in $said, the object in $output; `before` and `after` differ or
# not. The program's child is gone.
interrupted_in() {
	local to='$pid'
	[ "${3-}" != group ] || to='-$pid'
	run in_machine "$STATE $(slow "$1")"'
		state > /host/before
		setsid iommu-install strict --force --json > /host/object 2> /host/said &
		pid=$!
		until [ -e /run/began ] || ! kill -0 $pid; do sleep 0.1; done
		kill -'"$2 -- $to"'
		s=0; wait $pid || s=$?
		state > /host/after
		! kill -0 $(cat /run/child) 2> /dev/null || { echo "its child goes on"; exit 99; }
		rm -f /run/began
		mv '"$1.real $1"'
		exit $s'
	said=$(< "$BATS_TEST_TMPDIR/said")
	"$BATS_TEST_DIRNAME/../tools/validate" change "$BATS_TEST_TMPDIR/object"
}

# as_before [LINES]: told in so many lines that begin with the program's name, the first at once; all is as before.
as_before() {
	[ "$status" = 1 ] || { echo "$status: $output $said" && return 1; }
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	[ "$(grep -c '^iommu-install: ' <<< "$said")" = "${1-2}" ] || { echo "$said" && return 1; }
	[[ $(grep -m 1 '^iommu-install: ' <<< "$said") == "iommu-install: interrupted: "* ]]
	[ "$(jq -c '[.result, .changed, .resume]' "$BATS_TEST_TMPDIR/object")" = '["failed",false,false]' ]
	[[ $(jq -r .error "$BATS_TEST_TMPDIR/object") == "interrupted: "* ]]
}

@test "while an image is built, sent to the process alone: the builder ends with its children, all is as before" {
	local signal
	for signal in INT TERM HUP; do
		interrupted_in /usr/sbin/update-initramfs $signal
		as_before
	done
}

@test "Ctrl-C on a terminal while an image is built: told as that, not as a builder that failed" {
	interrupted_in /usr/sbin/update-initramfs INT group
	as_before
}

@test "while the boot loader's tool runs: all is as before" {
	interrupted_in /usr/sbin/update-grub INT
	as_before
	interrupted_in /usr/sbin/update-grub TERM group
	as_before
}

@test "while it is planned: nothing is changed" {
	# It compares files to tell what it will do: there it is then.
	run in_machine "$STATE"'mv /usr/bin/diff /usr/bin/diff.real
		printf "%s\n" "#!/bin/sh" "kill -TERM \$PPID" "exec diff.real \"\$@\"" > /usr/bin/diff
		chmod 755 /usr/bin/diff
		state > /host/before
		s=0; iommu-install strict --force --json > /host/object 2> /host/said || s=$?
		state > /host/after
		exit $s'
	said=$(< "$BATS_TEST_TMPDIR/said")
	as_before
}

@test "while it is being undone: said so, and undone all the same" {
	strace_into "$BATS_TEST_TMPDIR/strace"
	# A builder that fails; the first thing that is flushed then is what was put back.
	run in_machine "$STATE"'mv /usr/sbin/update-initramfs /root; ln -s /bin/false /usr/sbin/update-initramfs
		state > /host/before
		s=0; /host/strace/ld.so --library-path /host/strace /host/strace/strace -o /dev/null -e trace=syncfs \
			-e inject=syncfs:signal=INT:when=1 -- /usr/sbin/iommu-install strict --force --json \
			> /host/object 2> /host/said || s=$?
		state > /host/after
		exit $s'
	[ "$status" = 1 ]
	diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	[ "$(grep -c '^iommu-install: interrupted: ' "$BATS_TEST_TMPDIR/said")" = 1 ]
	[[ $(tail -n 1 "$BATS_TEST_TMPDIR/said") == "iommu-install: everything is as it was before" ]]
}

@test "once the boot loader is written: the change stays, and resume finishes it" {
	local later='! grep -q accept /etc/iommu.target || exec update-initramfs.real "$@"'
	in_machine "$(slow /usr/sbin/update-initramfs "$later")"'
		setsid iommu-install strict --force --json > /host/object 2> /host/said &
		pid=$!
		until [ -e /run/began ] || ! kill -0 $pid; do sleep 0.1; done
		kill -INT $pid
		s=0; wait $pid || s=$?
		! kill -0 $(cat /run/child) 2> /dev/null || exit 1
		mv /usr/sbin/update-initramfs.real /usr/sbin/update-initramfs
		[ $s = 1 ]'
	[ "$(jq -c '[.result, .changed, .resume, .after.mode]' "$BATS_TEST_TMPDIR/object")" = \
		'["interrupted",true,true,"strict"]' ]
	[ "$(grep -c '^iommu-install: ' "$BATS_TEST_TMPDIR/said")" = 2 ]
	run -0 --separate-stderr in_machine 'iommu-install resume --json'
	[ "$(jq -c '[.result, .resume, .after.mode]' <<< "$output")" = '["done",false,"strict"]' ]
}

@test "a builder that takes no notice: a second signal ends both, and resume finishes" {
	in_machine "$(slow /usr/sbin/update-initramfs 'trap "" INT TERM')"'
		setsid iommu-install strict --force > /host/said 2>&1 &
		pid=$!
		until [ -e /run/began ] || ! kill -0 $pid; do sleep 0.1; done
		while kill -INT $pid; do sleep 0.2; done 2> /dev/null
		s=0; wait $pid || s=$?
		! kill -0 $(cat /run/child) 2> /dev/null || exit 1
		mv /usr/sbin/update-initramfs.real /usr/sbin/update-initramfs
		[ $s = 130 ]'
	[ "$(grep -c '^iommu-install: interrupted: ' "$BATS_TEST_TMPDIR/said")" = 1 ]
	run -0 --separate-stderr in_machine 'iommu-install resume --json'
	[ "$(jq -c '[.result, .resume, .after.mode]' <<< "$output")" = '["done",false,"strict"]' ]
}

@test "progress in a log: one line when an image is begun, one when it is done" {
	run -0 in_machine 'iommu-install strict --force 2>&1 | tee /host/log'
	[ "$(grep -c '^building /boot/initrd' "$BATS_TEST_TMPDIR/log")" -ge 1 ]
	[ "$(grep -c '^building ' "$BATS_TEST_TMPDIR/log")" = \
		"$(grep -c '^built /boot/initrd.*, [0-9]* s$' "$BATS_TEST_TMPDIR/log")" ]
	run ! grep $'\r' "$BATS_TEST_TMPDIR/log"
}

# real GENERATOR: Ctrl-C while the real builder is half way; nothing is left of it, in /boot or where it works.
real() {
	machine bookworm "$1"
	in_machine "$STATE"'
		left() { find /boot /var/tmp /tmp /run/initramfs 2> /dev/null | sort; }
		iommu-install pt --force > /dev/null; '"$SIGN_IMAGES"'
		state > /host/before; left > /host/left
		setsid iommu-install strict --force --json > /host/object 2> /host/said &
		pid=$!
		before=$(wc -l < /host/left)
		until [ $(left | wc -l) -gt $((before + 30)) ] || ! kill -0 $pid; do sleep 0.02; done
		kill -INT $pid
		s=0; wait $pid || s=$?
		state > /host/after
		diff /host/left <(left)
		exit $s' && status=0 || status=$?
	said=$(< "$BATS_TEST_TMPDIR/said")
	as_before
}

# bats test_tags=boot
@test "Ctrl-C while the real update-initramfs runs leaves nothing of it" {
	real initramfs-tools
}

# bats test_tags=boot
@test "Ctrl-C while the real dracut runs leaves nothing of it" {
	real dracut
}
