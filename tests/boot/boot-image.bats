#!/usr/bin/env bats
# dist/image-test: images that are booted with both IOMMUs and report by themselves.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	program=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)/dist/image-test
	kept=$BATS_TEST_TMPDIR/kept
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	machine_end
}

# image_test [OPTION...] IMAGE: as anyone runs it, but that an emulated processor has no more than it needs.
image_test() {
	run --separate-stderr timeout "$VM_PATIENCE" "$program" --accel="$(vm_accel)" --timeout="$VM_PATIENCE" \
		--keep="$kept" "$@" -- -cpu "$([[ $(vm_accel) == kvm ]] && echo max || echo qemu64,+rdrand)"
	echo "$output$stderr"
	tail -n 5 "$kept"/*.console | tr -d '\r'
	printf 'boot\nboot\n' >> "${TESTS_COUNTS:-/dev/null}"
}

# report KIND: the object that this machine has sent.
report() {
	sed '/^status /d' "$kept/$1.report"
}

# bats test_tags=boot
@test "an image with its mode set matches with both IOMMUs and stays as it was; without a parameter neither does" {
	machine bookworm initramfs-tools
	in_machine 'iommu-install pt --force'
	sha256sum "$machine" > before
	image_test "$machine"
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	[ "$(report intel | jq -r '[.verdict, .effective.mode, .effective.units[0]] | join(" ")')" = "match pt dmar0" ]
	[ "$(report amd | jq -r '[.verdict, .effective.mode, .effective.units[0]] | join(" ")')" = "match pt ivhd0" ]
	sha256sum -c before
	in_machine "sed -i 's/ iommu=pt//' /boot/grub/grub.cfg"
	image_test "$machine"
	[ "$status" = 2 ]
	[ "$(grep -c 'mismatch TOKEN_MISSING' <<< "$stderr")" = 2 ]
	[ "$(wc -l <<< "$stderr")" = 2 ]
}

# bats test_tags=full
@test "an image whose check stops it is told as stopped, with the reason; one that is none ends without a report" {
	machine bookworm initramfs-tools
	in_machine "iommu-install pt --force --on-mismatch=halt && sed -i 's/ iommu=pt//' /boot/grub/grub.cfg"
	image_test "$machine"
	[ "$status" = 2 ]
	[ "$(grep -c 'stopped by its check: TOKEN_MISSING: ' <<< "$stderr")" = 2 ]
	truncate -s 1M "$BATS_TEST_TMPDIR/none"
	run -7 --separate-stderr "$program" --accel=tcg --timeout=20 "$BATS_TEST_TMPDIR/none"
	[ "${#stderr_lines[@]}" = 2 ]
}

# bats test_tags=full
@test "an image for UEFI firmware matches with both IOMMUs" {
	load ../lib/efi
	efi_machine trixie systemd-boot initramfs-tools
	in_efi_machine 'iommu-install pt --force'
	image_test --uefi "$machine"
	[ "$status" = 0 ]
}

@test "image-test says in one line what it was not given, and ends with 1" {
	local args
	for args in "" --frob --accel=x --timeout=soon "$BATS_TEST_TMPDIR/none"; do
		# shellcheck disable=SC2086 # words
		run -1 --separate-stderr "$program" $args
		[ "${#stderr_lines[@]}" = 1 ]
		[ -z "$output" ]
	done
}
