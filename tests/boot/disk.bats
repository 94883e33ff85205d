#!/usr/bin/env bats
# Tests of the disks that other tests boot: a real Debian behind its own GRUB, which keeps what is written to it.
# SPDX-License-Identifier: BSD-3-Clause
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup() {
	load ../lib/disk
	disk=$BATS_TEST_TMPDIR/disk
	script=$BATS_TEST_TMPDIR/script
}

teardown() {
	vm_kill_all
}

# said NAME LINE: that machine's script came to its end, and printed this line.
said() {
	echo "$1: '$VM_END', script '$(disk_status "$1")'"
	disk_output "$1"
	[[ $VM_END == poweroff && $(disk_status "$1") == 0 ]] && disk_output "$1" | grep -xF -- "$2"
}

# boots GENERATOR PROGRAM: the disk boots as its grub.cfg says, to where all of it is up, with that generator and no
# other.
boots() {
	local line
	cat >"$script" <<-'EOF'
		systemctl is-system-running --wait
		echo "iommu: $(ls /sys/class/iommu)"
		echo "line: $(tr -s ' ' </proc/cmdline)"
		echo "generator: $(basename -a $(command -v dracut mkinitramfs))"
	EOF
	disk_copy "$(debian_disk bookworm "$1")" "$disk"
	line=$(grub_linux "$disk" | tr -s ' ')
	[[ $line == 'linux /boot/vmlinuz-'*' root=UUID='* ]]
	disk_run vm "$disk" "$script" --iommu intel
	said vm running
	said vm 'iommu: dmar0'
	said vm "line: BOOT_IMAGE=${line#linux }"
	said vm "generator: $2"
}

@test "a disk with initramfs-tools boots through its own GRUB and runs a script" {
	boots initramfs-tools mkinitramfs
}

@test "a disk with dracut boots through its own GRUB and runs a script" {
	boots dracut dracut
}

@test "a word added in GRUB's editor is there for one boot; what that boot writes is there in the next" {
	mkdir -m 700 -p "$BATS_TEST_TMPDIR/put/usr/lib/iommu-test" # not the mode that the disk's / shall get
	echo 'put there' >"$BATS_TEST_TMPDIR/put/usr/lib/iommu-test/file"
	disk_copy "$(debian_disk bookworm initramfs-tools)" "$disk" /="$BATS_TEST_TMPDIR/put"
	cat >"$script" <<-'EOF'
		cat /usr/lib/iommu-test/file
		stat --format '%a' /
		cat /proc/cmdline >>/root/lines
		echo "$(grep -c added.word=1 /root/lines) of $(wc -l </root/lines)"
	EOF
	disk_start first "$disk" "$script"
	grub_edit first "$disk" 's/ quiet//; s/$/ added.word=1/'
	vm_wait first
	said first 'put there'
	said first 755
	said first '1 of 1'
	disk_run second "$disk" "$script"
	said second '1 of 2'
}
