#!/usr/bin/env bats
# What stops a machine, and what lets it go on: the enforcing check in namespaces whose /proc and /sys show a made
# machine, and the decision itself over all that it looks at.
bats_require_minimum_version 1.5.0

ON="intel_iommu=on amd_iommu=on"

setup() {
	load ../lib/trees
	load ../lib/enforce
	d=$BATS_TEST_TMPDIR
	mkdir -p "$d"/{etc,lib,sbin,run}
	touch "$d/etc/initrd-release"
}

# machine MACHINE CMDLINE [TYPE]...: the one that the check runs on.
machine() {
	rm -rf "$d/machine" "$d/run/iommu"
	tree "$d/machine" "$@"
}

# check early|late: the enforcing check; $output is "on" if the machine goes on, "stop" if reboot(2) was called, "wait"
# if it waits for that; $d/kmsg has what it logged.
check() {
	local status=0
	# shellcheck disable=SC2016 # for the inner shell
	own_machine 'timeout -s KILL 3 unshare --pid --fork --kill-child "$@" < /dev/null' "$VERIFY" --enforce \
		--phase "$1" > "$d/out" 2>&1 || status=$?
	case $status in
	0) output=on ;;
	129 | 130) output=stop ;; # what reboot(2) does to the first process of a PID namespace
	137) output='wait' ;;
	*) output="status $status: $(< "$d/out")" ;;
	esac
}

# found EARLY_OR_LATE WHAT: what a check does.
found() {
	check "$1"
	[ "$output" = "$2" ] || { echo "$1, not $2: $output"; cat "$d/kmsg" "$d/machine/proc/cmdline"; return 1; }
}

# image LINE...: what the image that runs says of itself.
image() {
	mkdir -p "$d/lib/iommu-verify"
	printf '%s\n' "$@" noiommu=no type1=yes iommufd=no > "$d/lib/iommu-verify/image.conf"
}

@test "an image.conf of 0.1.0 is one: a match goes on, and its policy stops where there is no target" {
	mkdir -p "$d/lib/iommu-verify"
	cp "$BATS_TEST_DIRNAME/../fixtures/0.1.0/image.conf" "$d/lib/iommu-verify"
	wanted mode=off-for-uio on-mismatch=halt
	machine none "intel_iommu=off amd_iommu=off"
	found early on
	rm "$d/etc/iommu.target"
	found early stop
}

@test "the made machine is what is judged: a match goes on, a mismatch and no evidence stop" {
	wanted mode=pt on-mismatch=halt
	machine intel "$ON iommu=pt" identity identity
	found early on
	[ "$(jq -r '.verdict, .effective.units[0], .effective.groups.identity' "$d/run/iommu/early.json" | xargs)" = \
		"match dmar0 2" ]
	machine intel "$ON" DMA-FQ DMA-FQ
	found early stop
	[ "$(jq -r .verdict "$d/run/iommu/early.json")" = mismatch ]
	machine amd "$ON iommu=pt" identity DMA
	found early stop
	machine amd "$ON iommu=pt" unknown
	found early stop
	[ "$(jq -r .verdict "$d/run/iommu/early.json")" = unknown ]
}

@test "a match goes on under every policy, early and late" {
	local policy
	systemd starting
	machine intel "$ON iommu=pt" identity identity
	for policy in halt poweroff reboot; do
		rm -rf "$d/run/iommu"
		wanted mode=pt on-mismatch=$policy on-late-mismatch=same
		found early on
		found late on
	done
}

@test "rd.iommu.verify=warn is obeyed only where the target allows it, and not behind the bare --" {
	machine intel "$ON rd.iommu.verify=warn" DMA-FQ
	wanted mode=pt on-mismatch=halt
	found early stop
	grep -q "rd.iommu.verify=warn ignored" "$d/kmsg"
	[ "$(jq .override "$d/run/iommu/early.json")" = false ]
	machine intel "$ON rd.iommu.verify=warn" DMA-FQ
	wanted mode=pt on-mismatch=halt allow-override=yes
	found early on
	[ "$(jq .override "$d/run/iommu/early.json")" = true ]
	machine intel "$ON -- rd.iommu.verify=warn" DMA-FQ
	found early stop
	machine intel "$ON rd.iommu.verify=warning" DMA-FQ
	found early stop
}

@test "a rescue word keeps the late check from stopping, never the early one" {
	local word
	systemd starting
	wanted mode=pt on-mismatch=halt
	for word in single s S 1 -s -b rescue emergency systemd.unit=rescue.target systemd.unit=emergency.target \
		BOOT_IMAGE=/vmlinuz-0-rescue-0123 'initrd=\initramfs-0-rescue-0123.img'; do
		machine intel "$ON $word" DMA-FQ
		found late on
		machine intel "$ON -- $word" DMA-FQ
		found late stop
	done
	machine intel "$ON single" DMA-FQ
	found early stop
	machine intel "$ON BOOT_IMAGE=/vmlinuz-0-rescue-0123" DMA-FQ
	found early stop
}

@test "what only looks like a rescue word stops like any other boot" {
	local word
	systemd starting
	wanted mode=pt on-mismatch=halt
	for word in BOOT_IMAGE=/boot/vmlinuz-6.1.0-50-amd64 'initrd=\initrd.img-6.1.0-50-amd64' singleuser 12 11 \
		rescue=no emergency-shell systemd.unit=rescue.targets; do
		machine intel "$ON $word" DMA-FQ
		found late stop
	done
}

@test "without a target the image's own policy stops, a reboot after 30 seconds" {
	machine intel "$ON iommu=pt" identity
	image kernel=6.1.0-test enforce=halt
	found early stop
	[ "$(jq -r '.reasons[0].code' "$d/run/iommu/early.json")" = TARGET_MISSING ]
	machine intel "$ON iommu=pt" identity
	image kernel=6.1.0-test enforce=no
	found early on
	machine intel "$ON iommu=pt" identity
	image kernel=6.1.0-test enforce=reboot
	found early wait
	grep -q "rebooting this machine in 30 seconds" "$d/kmsg"
	machine intel "$ON iommu=pt" identity
	image kernel=6.1.0-test enforce=poweroff
	found early wait
	grep -q "powering off this machine in 10 seconds" "$d/kmsg"
}

@test "in a container that masks /sys/firmware the line is blamed, not the firmware" {
	local line code
	wanted mode=pt
	for code in "intel_iommu=off amd_iommu=off:TOKEN_MISSING" "$ON iommu=pt:KERNEL_OFF"; do
		line=${code%:*} code=${code#*:}
		machine none "$line"
		: > "$d/machine/sys/firmware/acpi/tables/DMAR"
		# shellcheck disable=SC2016 # for the inner shell
		run own_machine 'mount -t tmpfs tmpfs /sys/firmware; "$1" --target /etc/iommu.target --json' "$VERIFY"
		[ "$(jq -r '.reasons[0].code' <<< "$output")" = "$code" ] || { echo "$output"; return 1; }
		# shellcheck disable=SC2016 # for the inner shell
		run own_machine 'mount -t tmpfs tmpfs /sys/firmware; "$1" show --json' "$INSTALLER"
		[ "$(jq -r '.checks[] | select(.name == "firmware") | .result' <<< "$output")" = warn ] ||
			{ echo "$output"; return 1; }
	done
}

@test "the decision is right for everything that it looks at" {
	local top=$BATS_TEST_DIRNAME/../..
	cc -std=c11 -D_GNU_SOURCE -I"$top/src" -o "$d/decide" "$BATS_TEST_DIRNAME/../tools/decide.c" \
		"${DECISION:-$top/src/verdict/decision.c}" "$top/src/model/target.c" "$top/src/model/mode.c" \
		"$top"/src/base/{error,keyval,root}.c
	run -0 "$d/decide"
	[ "${output% cases}" -ge 10000 ]
}
