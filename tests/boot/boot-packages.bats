#!/usr/bin/env bats
# Debian disks on which nothing is installed but the package, or the archive: a mode is set, and each step is booted.
# SPDX-License-Identifier: BSD-3-Clause
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup_file() {
	load ../lib/packages
	make_package deb
	make_package deb 0.9
	make_package tarball
}

setup() {
	load ../lib/machine
	load ../lib/packages
}

teardown() {
	vm_kill_all
	machine_end
}

# disk_with SUITE GENERATOR PATH=FILE...: makes $machine, a disk as Debian makes it, with these files on it.
disk_with() {
	local disk
	! older "$1" || skip "what this machine builds is for $OWN_SUITE and later"
	disk=$(debian_disk "$1" "$2")
	machine=$BATS_TEST_TMPDIR/machine.img
	disk_copy "$disk" "$machine" "${@:3}" && note_writable
}

# The boot that just ended was checked in its initramfs, and is in the wanted mode.
matched() {
	[[ $output == *"verdict:    match"*'"verdict": "match"'*'"phase": "early"'*\
"\"mode\": \"pt\", \"flush\": \"none\""*dmar0* ]]
}

# sets_and_verifies SUITE GENERATOR: the package's own story.
sets_and_verifies() {
	disk_with "$1" "$2" "/root/iommu-install_1.0-1_amd64.deb=$(deb)"
	inside intel 'apt install -y ./iommu-install_*.deb | cat && iommu-install pt | cat'
	[[ $output == *"mode pt is set, and read back from /boot/grub/grub.cfg and every initramfs"* ]]
	inside intel 'iommu-verify && cat /run/iommu/early.json && systemctl --failed --no-legend | grep iommu
		iommu-install check'
	matched
	[[ $output != *failed* ]]
}

@test "Debian 12, dracut: apt install, iommu-install pt, and the next boot is verified" {
	sets_and_verifies bookworm dracut
}

@test "Debian 12, initramfs-tools: apt install, iommu-install pt, and the next boot is verified" {
	sets_and_verifies bookworm initramfs-tools
}

@test "Debian 13, dracut: apt install, iommu-install pt, and the next boot is verified" {
	sets_and_verifies trixie dracut
}

@test "Debian 13, initramfs-tools: apt install, iommu-install pt, and the next boot is verified" {
	sets_and_verifies trixie initramfs-tools
}

@test "Debian sid, initramfs-tools: apt install, iommu-install pt, and the next boot is verified" {
	sets_and_verifies sid initramfs-tools
}

# An image of the running kernel has the helper that is installed.
# What was laid behind it is cut off, as unmkinitramfs takes nothing else then.
SAME_HELPER='image=/boot/initrd.img-$(uname -r); mkdir /root/i; cd /root/i
	base=$(tail -c 100000 "$image" | grep -aoE "base=[0-9]+" | tail -n 1 | cut -d = -f 2)
	head -c "${base:-1G}" "$image" > ../base; image=../base
	if command -v lsinitrd > /dev/null; then lsinitrd --unpack "$image" > /dev/null 2>&1
	else unmkinitramfs "$image" . > /dev/null 2>&1; fi
	cmp $(find . -path "*usr/sbin/iommu-verify") /usr/sbin/iommu-verify && echo "same helper"; cd; rm -r /root/i'

# lives_and_goes GENERATOR: an older version with a mode that stops, upgraded, then purged; a boot after each.
lives_and_goes() {
	local before line
	disk_with bookworm "$1" "/root/old.deb=$(deb 0.9)" "/root/new.deb=$(deb)"
	before=$(files_of_disk) line=$(grub_linux "$machine")
	run ! cmp <(dpkg-deb --fsys-tarfile "$(deb)" | tar -xO ./usr/sbin/iommu-verify) \
		<(dpkg-deb --fsys-tarfile "$(deb 0.9)" | tar -xO ./usr/sbin/iommu-verify)

	inside intel 'apt install -y ./old.deb | cat && iommu-install pt --on-mismatch=halt | cat
		iommu-verify --version'
	[[ $output == *"iommu-verify 0.9"* ]]
	inside intel "iommu-verify && cat /run/iommu/early.json && apt install -y ./new.deb | cat
		iommu-verify --version && iommu-install check
		$SAME_HELPER"
	matched
	[ "$(grep -Ec "^building /boot/initrd|[Gg]enerating /boot/initrd" <<< "$output")" = 1 ]
	[[ $output == *"iommu-verify 1.0"*"stops the boot on a mismatch"*"same helper"* ]]
	inside intel 'iommu-verify && cat /run/iommu/early.json && apt purge -y iommu-install | cat
		ls /etc/iommu.target /var/lib/iommu /run/iommu; true'
	matched
	[ "$(grep -c "cannot access" <<< "$output")" = 3 ]
	inside intel 'echo "line: $(tr -s " " < /proc/cmdline)"; ls /run/iommu; systemctl is-system-running --wait'
	line=$(tr -s ' ' <<< "$line")
	grep -xF "line: BOOT_IMAGE=${line#linux }" <<< "$output"
	[[ $output == *"cannot access '/run/iommu'"*running* ]]
	no_trace
	diff <(echo "$before") <(files_of_disk)
}

@test "Debian 12, dracut: upgraded its image is made anew, once; purged nothing is left; a boot after each" {
	lives_and_goes dracut
}

@test "Debian 12, initramfs-tools: upgraded its image is made anew, once; purged nothing is left; a boot after each" {
	lives_and_goes initramfs-tools
}

@test "the archive on Debian 12: installed without a package manager, verified, and out again; a boot after each" {
	local before line
	disk_with bookworm initramfs-tools "/root/iommu.tar.gz=$(tarball)"
	before=$(files_of_disk) line=$(grub_linux "$machine")
	inside intel 'tar -xf iommu.tar.gz && cd iommu-install-1.0 && ./install.sh && iommu-install pt | cat'
	[[ $output == *"mode pt is set, and read back"* ]]
	inside intel 'iommu-verify && cat /run/iommu/early.json && iommu-install check &&
		iommu-install-1.0/uninstall.sh'
	matched
	[[ $output == *"everything of iommu-install is out again"* ]]
	inside intel 'echo "line: $(tr -s " " < /proc/cmdline)"; ls /run/iommu; systemctl is-system-running --wait'
	line=$(tr -s ' ' <<< "$line")
	grep -xF "line: BOOT_IMAGE=${line#linux }" <<< "$output"
	[[ $output == *"cannot access '/run/iommu'"*running* ]]
	no_trace
	diff <(echo "$before") <(files_of_disk)
}
