#!/usr/bin/env bats
# openSUSE's real programs, which are shell scripts, not ours and not in here, in the place of suse.bats's stand-ins:
# PBL= is a directory with the sources of perl-bootloader, SDBOOTUTIL= the script of that name. Without them all of it
# is skipped.
bats_require_minimum_version 1.5.0
# bats file_tags=full

PT="intel_iommu=on amd_iommu=on iommu=pt"

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/suse
	load ../lib/carry
}

teardown() {
	machine_end
}

need_pbl() {
	[ -f "${PBL:-}/pbl.sh" ] || skip "PBL= names no sources of perl-bootloader"
}

need_sdbootutil() {
	[ -f "${SDBOOTUTIL:-}" ] || skip "SDBOOTUTIL= names no sdbootutil"
	in_machine() { in_efi_machine "$ROOT_NODE; $1"; }
	suse_efi_machine "$@"
}

# --- update-bootloader -----------------------------------------------------------------------------------------------

@test "update-bootloader: four modes in a row, a kernel added by bootloader_entry in between, rollback" {
	need_pbl
	grub2_four_modes
}

@test "update-bootloader's own next run leaves our words, and what it puts against them is seen" {
	need_pbl
	grub2_next_run
}

# --- sdbootutil ------------------------------------------------------------------------------------------------------

@test "sdbootutil: four modes in a row, a kernel added by add-kernel in between, update-all-entries, rollback" {
	need_sdbootutil systemd-boot quick
	sdbootutil_four_modes
}

@test "sdbootutil's update-all-entries leaves our words and image in an entry, mkinitrd makes one with the check" {
	need_sdbootutil systemd-boot
	sdbootutil_set pt --on-mismatch=halt
	local image
	image=$(in_machine "$ENTRY_IMAGES")
	in_machine 'sed -i "s/crypt=a,b/& more=1/" /etc/kernel/cmdline; sdbootutil update-all-entries'
	sdbootutil_carry "$PT"
	[[ $output == *more=1* && $(in_machine "$ENTRY_IMAGES") == "$image" ]]
	in_machine 'sdbootutil mkinitrd'
	sdbootutil_carry "$PT"
	[[ $(in_machine "$ENTRY_IMAGES") != "$image" ]]
	run in_machine 'iommu-install check --json'
	[ "$(jq -r '.entries[] | "\(.mode) \(.target) \(.hook) \(.counted)"' <<<"$output")" = "pt pt true true" ]
}

@test "sdbootutil on a real btrfs: a snapshot's entry shares our image, keeps it and its line when the mode changes" {
	need_sdbootutil systemd-boot quick
	grep -qw btrfs /proc/filesystems || skip "this kernel has no btrfs"
	in_machine() { in_btrfs 1 "$1"; }
	in_machine 'rm -r /boot/efi/loader/entries/* /boot/efi/0*; sdbootutil add-kernel $(ls /usr/lib/modules)'
	sdbootutil_set pt --on-mismatch=halt
	in_machine 'mkdir /.snapshots/2; btrfs subvolume snapshot -r / /.snapshots/2/snapshot
		sdbootutil add-all-kernels 2'
	[ "$(in_machine "$ENTRY_IMAGES" | sort | uniq -c | grep -c '2 .*iommu')" = 1 ]
	sdbootutil_set strict
	in_machine 'sdbootutil update-all-entries; sdbootutil update-all-entries 2; sdbootutil cleanup'
	run in_machine 'iommu-install check --json'
	[ "$(jq -r '[.entries[] | "\(.mode) \(.target) \(.counted)"] | join(", ")' <<<"$output")" = \
		"strict strict true, pt pt false" ]
	sdbootutil_set off-for-uio
	[ "$(in_machine 'ls /boot/efi/*/*/initrd-iommu-* | wc -l')" = 2 ]
	in_machine 'sdbootutil mkinitrd; sdbootutil list-kernels | grep ^ok'
	run in_machine 'iommu-install check --json'
	[ "$(jq -r '[.entries[] | "\(.mode) \(.target) \(.counted)"] | join(", ")' <<<"$output")" = \
		"off-for-uio off-for-uio true, pt pt false" ]
}
