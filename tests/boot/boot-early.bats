#!/usr/bin/env bats
# The early check in real images of every generator, booted on Debian 12's kernel: match, stop and warn.
bats_require_minimum_version 1.5.0

setup_file() {
	load ../lib/early
	early_images bookworm
}

setup() {
	load ../lib/trees
	load ../lib/early
}

teardown() {
	vm_kill_all
}

matched() {
	local output
	went_on
	[ "$(line_of 'iommu-verify: match: target pt, effective pt')" -lt "$(line_of 'MARK udevd started')" ]
	output=$(vm_section vm early.json)
	[ "$(json '[.verdict, .phase, .effective.mode, .effective.units[0], .target.on_mismatch] | join(" ")')" = \
		"match early pt $1 halt" ]
	[ "$(json .boot_id)" != null ]
	output=$(vm_section vm status.json)
	[ "$(json .early)" = match ]
}

@test "on Intel, pt on the line: a match is logged before udevd starts, and early.json is there in the real root" {
	for generator in $GENERATORS; do
		image $generator halt
		start intel "$PT"
		matched dmar0
	done
}

matched_on_amd() {
	image "$1" halt
	start amd "$PT"
	matched ivhd0
}

@test "on AMD, pt on the line: a match is logged before udevd starts, and early.json is there in the real root" {
	matched_on_amd initramfs-tools
}

# bats test_tags=boot
@test "on AMD, pt on the line: the same with dracut's images" {
	matched_on_amd dracut-systemd
	matched_on_amd dracut-plain
}

@test "on Intel without iommu=pt the machine halts before udevd, and says why in spite of quiet" {
	for generator in $GENERATORS; do
		image $generator halt
		start intel "quiet $STRICT"
		stopped halted "mismatch: target pt, effective strict" "TOKEN_MISSING: " "iommu-install pt" \
			"on-mismatch=halt"
	done
}

# bats test_tags=boot
@test "on AMD without iommu=pt the machine halts before udevd, and says why in spite of quiet" {
	for generator in $GENERATORS; do
		image $generator halt
		start amd "quiet $STRICT"
		stopped halted "mismatch: target pt, effective strict" "TOKEN_MISSING: "
	done
}

# bats test_tags=boot
@test "without any IOMMU the machine halts although the tokens say pt" {
	for generator in $GENERATORS; do
		image $generator halt
		start none "quiet $PT"
		stopped halted "mismatch: target pt, effective off-for-uio" "NO_VIOMMU: "
	done
}

# bats test_tags=boot
@test "the message reaches the console even with loglevel=1" {
	image dracut-systemd halt
	start intel "loglevel=1 $STRICT"
	stopped halted "mismatch: target pt, effective strict" "halting this machine: on-mismatch=halt"
}

# bats test_tags=boot
@test "with policy warn the boot goes on, and the warning is in the journal" {
	for generator in $GENERATORS; do
		image $generator warn
		start intel "quiet $STRICT"
		went_on
		[[ $(vm_section vm journal) == *"iommu-verify: mismatch: target pt, effective strict"*TOKEN_MISSING* ]]
		[[ $(vm_section vm journal) == *"going on: on-mismatch=warn"* ]]
		output=$(vm_section vm early.json)
		[ "$(json '.verdict + " " + .reasons[0].code')" = "mismatch TOKEN_MISSING" ]
	done
}

# bats test_tags=boot
@test "an invalid target stops an enforcing image, with file and line on the console" {
	printf 'mode=pt\nmode=strict\n' > "$BATS_TEST_TMPDIR/target"
	for generator in $GENERATORS; do
		image $generator halt etc/iommu.target="$BATS_TEST_TMPDIR/target"
		start intel "quiet $PT"
		stopped halted "TARGET_INVALID: /etc/iommu.target:2: 'mode' was already given in line 1"
	done
}

# bats test_tags=boot
@test "a helper that is missing stops an enforcing image" {
	: > "$BATS_TEST_TMPDIR/empty"
	chmod 755 "$BATS_TEST_TMPDIR/empty"
	for generator in $GENERATORS; do
		image $generator halt usr/sbin/iommu-verify="$BATS_TEST_TMPDIR/empty"
		start intel "quiet $PT"
		stopped poweroff "iommu-verify: no verdict (status " "take another entry of the boot menu" \
			'iommu-verify(8), "A machine that stops at boot"'
	done
}

# bats test_tags=boot
@test "a helper that is missing does not keep a warning image from booting" {
	: > "$BATS_TEST_TMPDIR/empty"
	for generator in $GENERATORS; do
		image $generator warn usr/sbin/iommu-verify="$BATS_TEST_TMPDIR/empty"
		start intel "quiet $PT"
		went_on
	done
}
