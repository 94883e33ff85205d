#!/usr/bin/env bats
# The late check on a running system: this one, with /etc, /run and systemctl of the test's own in namespaces, where
# reboot(2) ends no more than the namespace.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/enforce
	[ -z "$(ls /sys/class/iommu 2>/dev/null)" ] || skip "this machine has an IOMMU"
	d=$BATS_TEST_TMPDIR
	mkdir -p "$d"/{etc,sbin,run/iommu}
}

# late [OPTION]...: the helper with $d/etc over /etc, $d/sbin over /usr/sbin and $d/run as /run; $output is its JSON, or
# with --enforce status.json. It is the first process of its namespace.
late() {
	# An overlay's sign that there is no such file, whatever this machine has.
	[ -e "$d/etc/iommu.target" ] || mknod "$d/etc/iommu.target" c 0 0
	# shellcheck disable=SC2016 # for the inner shell
	run --separate-stderr unshare --mount --pid --fork --mount-proc bash -euc "$(declare -f own_console)"'
		own_console "$1"
		mount -t overlay overlay -o "lowerdir=$1/etc:/etc" /etc
		mount -t overlay overlay -o "lowerdir=$1/sbin:/usr/sbin" /usr/sbin
		mount --bind "$1/run" /run
		mount --bind /dev/null /proc/cmdline # a new one has the line of this machine
		exec "${@:2}"' late "$d" "$VERIFY" "$@"
	[ -c "$d/etc/iommu.target" ] && rm "$d/etc/iommu.target"
	[[ " $* " == *" --enforce "* && -e $d/run/iommu/status.json ]] && output=$(< "$d/run/iommu/status.json")
	return 0
}

# early JSON_EDIT: an early.json of a boot whose target was off-for-uio, as the helper writes it, edited by jq.
early() {
	tree "$d/root" none "intel_iommu=off"
	echo mode=off-for-uio > "$d/target"
	"$VERIFY" --root "$d/root" --target "$d/target" --json |
		jq '.phase = "early" | '"$1" > "$d/run/iommu/early.json"
}

# systemd STATE: a systemctl that says so, and leaves a trace of what else it is asked.
systemd() {
	mkdir -p "$d/run/systemd/system"
	printf '#!/bin/sh\nif [ "$1" = is-system-running ]; then echo %s; else echo "$*" >> /run/asked; exit 1; fi\n' \
		"$1" > "$d/sbin/systemctl"
	chmod 755 "$d/sbin/systemctl"
}

reasons() {
	json '[.reasons[], .notes[]] | map(.code) | join(" ")'
}

@test "it judges by what the early check judged by; another /etc/iommu.target is a note, TARGET_STALE" {
	early .
	echo mode=off-for-uio > "$d/etc/iommu.target"
	late --json
	expect 0 match off-for-uio
	[ "$(reasons)" = "" ]
	echo mode=pt > "$d/etc/iommu.target"
	late --json
	expect 0 match off-for-uio
	[ "$(reasons)" = TARGET_STALE ]
	[ "$(json .target.mode)" = off-for-uio ]
	rm "$d/etc/iommu.target"
	late --json
	expect 0 match off-for-uio
	[ "$(reasons)" = TARGET_STALE ]
	# One that differs in a demand only.
	for demand in interrupts=remapped exposed=translated; do
		printf '%s\n' mode=pt "$demand" > "$d/etc/iommu.target"
		early '.target.mode = "pt"'
		late --json
		[[ $(reasons) == *TARGET_STALE ]] || { echo "$demand: $(reasons)"; return 1; }
	done
	echo mode=pt > "$d/etc/iommu.target"
	late --json
	[[ $(reasons) != *TARGET_STALE* ]]
}

@test "every policy of the early target is read back" {
	early '.target += {mode: "strict", accept: ["off-for-uio", "pt"], on_mismatch: "reboot",
		on_late_mismatch: "same", flush: "lazy", interrupts: "any", exposed: "translated",
		allow_unsafe_interrupts: true, allow_override: true,
		delay: 42} | .override = true'
	late --json
	expect 0 match off-for-uio
	[ "$(jq -Sc .target <<< "$output")" = "$(jq -Sc .target "$d/run/iommu/early.json")" ]
	[ "$(json .transitional)" = true ]
	[ "$(json .override)" = true ]
}

@test "without a record of the early check it is missing: a mismatch; but not with --root or --target" {
	echo mode=off-for-uio > "$d/etc/iommu.target"
	late --json
	expect 2 mismatch off-for-uio EARLY_CHECK_MISSING
	late --json --target /etc/iommu.target
	expect 0 match off-for-uio
}

@test "without target and early check there is just no target" {
	late --json
	expect 6 no-target off-for-uio
}

@test "a change of the target since the boot is pending, whatever the early check judged by" {
	early .
	echo mode=pt > "$d/etc/iommu.target"
	echo mode=pt > "$d/run/iommu/pending"
	late --json
	[ "$status $(json .verdict)" = "3 pending" ]
	[ "$(json .target.mode)" = pt ]
	echo "mode=pt" > "$d/etc/iommu.target"
	echo on-mismatch=halt >> "$d/etc/iommu.target"
	late --enforce
	[ "$status" = 0 ]
	[ "$(json .verdict)" = pending ]
	[ "$(json .early)" = match ]
}

@test "the record of 0.1.0's early check is one: under halt a match stays a match, and its policy is the one" {
	cp "$BATS_TEST_DIRNAME/../fixtures/0.1.0/early.json" "$d/run/iommu"
	printf 'mode=off-for-uio\non-mismatch=halt\n' > "$d/etc/iommu.target"
	systemd starting
	late --enforce
	[ "$status $(json '.verdict, .early, .target.on_mismatch' | xargs)" = "0 match match halt" ]
	[ "$(reasons)" = "" ]
}

@test "of a record of another version a member that is missing has its default, and one that nobody knows is skipped" {
	local key
	for key in accept on_mismatch on_late_mismatch flush interrupts exposed allow_unsafe_interrupts allow_override \
		delay; do
		early "del(.target.$key) | .target.new = {a: [1]} | .more = \"x\""
		echo mode=off-for-uio > "$d/etc/iommu.target"
		late --json
		expect 0 match off-for-uio
		[ "$(reasons)" = "" ]
	done
	early 'del(.target.mode)'
	late --json
	expect 2 mismatch off-for-uio EARLY_CHECK_MISSING
}

@test "a record cut off anywhere, or with rubbish in it, is a missing one, and nothing crashes" {
	early .
	echo mode=off-for-uio > "$d/etc/iommu.target"
	local whole size
	whole=$(jq -c . "$d/run/iommu/early.json")
	size=${#whole}
	for cut in 0 1 2 10 $(seq 20 37 "$((size - 1))"); do
		printf '%s' "${whole:0:cut}" > "$d/run/iommu/early.json"
		late --json
		expect 2 mismatch off-for-uio EARLY_CHECK_MISSING || { echo "cut at $cut"; return 1; }
	done
	for edit in '.target.mode = "x"' 'del(.target.mode)' '.target.delay = 400' '.target.delay = "x"' \
		'.target.delay = null' '.verdict = 1' 'del(.override)' 'del(.target)' '.target.accept = ["x"]' \
		'.target.flush = "none"' '.target.interrupts = "x"' '[.]'; do
		early "$edit"
		late --json
		expect 2 mismatch off-for-uio EARLY_CHECK_MISSING || { echo "edit $edit"; return 1; }
	done
}

@test "a damaged record tells nothing, not even an override" {
	systemd starting
	printf 'mode=strict\non-mismatch=poweroff\ndelay=0\n' > "$d/etc/iommu.target"
	early '.override = true | .target.mode = "x"'
	late --enforce
	[ "$status" -gt 128 ]
	[ "$(json '.early + " " + (.override | tostring)')" = "missing false" ]
}

@test "where the early check had no valid target, a later /etc/iommu.target is not judged by: no target, a note" {
	systemd starting
	printf 'mode=strict\non-mismatch=halt\n' > "$d/etc/iommu.target"
	early '.target = null | .verdict = "unknown"'
	late --enforce
	[ "$status" = 0 ]
	[ "$(json '.verdict + " " + .early + " " + .notes[0].code')" = "no-target unknown TARGET_STALE" ]
}

@test "while a change is pending nothing is stopped, whatever is seen; without a record the early check is missing" {
	systemd starting
	printf 'mode=pt\non-mismatch=halt\n' > "$d/etc/iommu.target"
	touch "$d/run/iommu/pending"
	mkdir -p "$d/sbin"
	run --separate-stderr unshare --mount --pid --fork --mount-proc bash -euc "$(declare -f own_console)"'
		own_console "$1"
		mount -t overlay overlay -o "lowerdir=$1/etc:/etc" /etc
		mount -t overlay overlay -o "lowerdir=$1/sbin:/usr/sbin" /usr/sbin
		mount --bind "$1/run" /run
		mount --bind /dev/null /proc/cmdline # a new one has the line of this machine
		umount -l /sys
		exec "$2" --enforce' late "$d" "$VERIFY"
	[ "$status" = 0 ]
	output=$(< "$d/run/iommu/status.json")
	[ "$(json '.verdict + " " + .early')" = "unknown missing" ]
}

@test "where systemctl gives no answer the first check of a boot is part of it, a later one is not" {
	systemd '""'
	early '.target += {mode: "strict", on_mismatch: "halt"}'
	late --enforce
	[ "$status" -gt 128 ]
	late --enforce # status.json is there now
	[ "$status" = 0 ]
}

# systemctl_that KIND: one that hangs, is killed, fails, is slow (two seconds), answers rubbish, or is not there. It
# leaves what /run/iommu/status.json was when it was asked.
systemctl_that() {
	local does
	mkdir -p "$d/run/systemd/system"
	rm -rf "$d/sbin/systemctl" "$d/run/seen"
	case $1 in
	hangs) does="trap '' TERM HUP INT; while :; do sleep 1000; done" ;;
	hangs-silently) does='exec > /dev/null; sleep 1000' ;;
	is-killed) does='kill -9 $$' ;;
	fails) does='exit 1' ;;
	is-slow) does='sleep 2; echo starting' ;;
	answers-rubbish) does='head -c 100000 /dev/zero | tr "\\0" x' ;;
	is-a-directory) mkdir -p "$d/sbin/systemctl"; return ;;
	esac
	printf '#!/bin/sh\ncp /run/iommu/status.json /run/seen\n%s\n' "$does" > "$d/sbin/systemctl"
	chmod 755 "$d/sbin/systemctl"
}

# bats test_tags=boot
@test "whatever systemctl does, a boot is judged and recorded before that, and stopped under a stopping policy only" {
	local kind policy asked=0
	for kind in hangs hangs-silently is-killed fails is-slow answers-rubbish is-a-directory; do
		for policy in warn halt poweroff reboot; do
			rm -rf "$d/run/iommu"
			mkdir "$d/run/iommu"
			systemctl_that $kind
			early '.target += {mode: "strict", on_mismatch: "'$policy'", delay: 0}'
			late --enforce
			[ "$(json .verdict)" = mismatch ] || { echo "$kind, $policy: no record"; return 1; }
			if [ $policy = warn ]; then
				[ "$status" = 0 ] && [ ! -e "$d/run/seen" ] ||
					{ echo "$kind, $policy: $status"; return 1; }
				continue
			fi
			[ "$status" -gt 128 ] && [ "$status" != 142 ] || { echo "$kind, $policy: $status"; return 1; }
			[ $kind = is-a-directory ] || [ "$(jq -r .phase "$d/run/seen")" = late ] ||
				{ echo "$kind, $policy: asked before it was recorded"; return 1; }
			asked=$((asked + 1))
		done
		rm -rf "$d/sbin/systemctl"
	done
	[ "$asked" = 21 ]
}

# bats test_tags=boot
@test "a systemctl that hangs when it is asked to shut down does not keep the machine up" {
	early '.target += {mode: "strict", on_mismatch: "halt", on_late_mismatch: "same"}'
	systemctl_that hangs
	sed -i '2i[ "$1" != is-system-running ] || { echo running; exit; }' "$d/sbin/systemctl"
	late --enforce
	[ "$status" -gt 128 ]
	[ "$(json .verdict)" = mismatch ]
	[ -e "$d/run/seen" ]
}

@test "systemd is not asked where nothing would be stopped" {
	systemd starting
	printf '#!/bin/sh\ntouch /run/asked; sleep 1000\n' > "$d/sbin/systemctl"
	early '.target += {mode: "strict", on_mismatch: "warn"}'
	late --enforce
	[ "$status" = 0 ]
	[ ! -e "$d/run/asked" ]
}

@test "many outliers do not make a record too long to be read" {
	early '.effective.outliers = [range(3000) |
		{group: ., type: "DMA", devices: ["0000:3b:00.0"], why: "removable"}]'
	late --json
	expect 0 match off-for-uio
}

@test "while the machine boots a mismatch is stopped as the early target says" {
	systemd starting
	early '.target += {mode: "strict", on_mismatch: "halt"}'
	late --enforce --phase late
	[ "$status" -gt 128 ] # what reboot(2) does to the first process of a PID namespace
	[ "$(json '.verdict + " " + .early')" = "mismatch match" ]
	[ ! -e "$d/run/asked" ]
	early '.target += {mode: "strict", on_mismatch: "warn"}'
	late --enforce
	[ "$status" = 0 ]
	[ "$(json .verdict)" = mismatch ]
}

# bats test_tags=boot
@test "after the boot on-late-mismatch decides: warn goes on, same asks for an orderly shutdown first" {
	systemd degraded
	early '.target += {mode: "strict", on_mismatch: "halt"}'
	late --enforce
	[ "$status" = 0 ]
	[ ! -e "$d/run/asked" ]
	early '.target += {mode: "strict", on_mismatch: "poweroff", on_late_mismatch: "same", delay: 0}'
	late --enforce
	[ "$status" -gt 128 ]
	[ "$(< "$d/run/asked")" = "--no-block poweroff" ]
}

@test "an early check that was overridden, a rescue system and one that goes down are never stopped" {
	systemd starting
	early '.target += {mode: "strict", on_mismatch: "halt", allow_override: true} | .override = true'
	late --enforce
	[ "$status" = 0 ]
	for state in maintenance stopping; do
		systemd $state
		early '.target += {mode: "strict", on_mismatch: "halt"}'
		late --enforce
		[ "$status" = 0 ] || { echo "$state: $status"; return 1; }
	done
}

@test "without an early check an enforcing target stops a boot: EARLY_CHECK_MISSING" {
	systemd starting
	printf 'mode=off-for-uio\non-mismatch=poweroff\ndelay=0\n' > "$d/etc/iommu.target"
	late --enforce
	[ "$status" -gt 128 ]
	[ "$(json '.early + " " + .reasons[0].code')" = "missing EARLY_CHECK_MISSING" ]
}

@test "--enforce late is root's, and takes no --target" {
	run --separate-stderr "$VERIFY" --enforce --target /etc/iommu.target
	[ "$status" = 1 ]
	[[ $stderr == *"refused with --target"* ]]
	cp "$VERIFY" /tmp/iommu-verify.$$
	run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups /tmp/iommu-verify.$$ --enforce
	rm /tmp/iommu-verify.$$
	[ "$status" = 1 ]
	[[ $stderr == *"needs root"* ]]
}
