# A Debian disk's system without booting it: commands run in it by chroot, as fast as the host is.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# shellcheck source=tests/lib/disk.bash
. "${BASH_SOURCE[0]%/*}/disk.bash"

# machine SUITE GENERATOR: makes $machine, a private copy of that disk with our programs installed.
machine() {
	local disk
	disk=$(debian_disk "$1" "$2") || return
	machine=$BATS_TEST_TMPDIR/machine.img
	make -s -C "$BATS_TEST_DIRNAME/.." install DESTDIR="$BATS_TEST_TMPDIR/installed" \
		DRACUTMODULESDIR=/usr/lib/dracut/modules.d
	disk_copy "$disk" "$machine" "/=$BATS_TEST_TMPDIR/installed"
}

# quick_machine: a Debian 12 whose update-initramfs is a stand-in that makes a real archive with the real check in milliseconds.
quick_machine() {
	machine bookworm initramfs-tools && cp "${BASH_SOURCE[0]%/*}/update-initramfs" "$BATS_TEST_TMPDIR" &&
		in_machine 'install /host/update-initramfs /usr/sbin/update-initramfs'
}

# machine_end: takes the disk away; for a test's teardown, as all of them together would fill many a /tmp.
machine_end() {
	rm -f "$BATS_TEST_TMPDIR/machine.img"
}

# in_machine SCRIPT: runs a script of bash in it, as root. What is mounted is gone when the script ends. The disk has a
# name of its own in a small /dev, as GRUB's scripts find the device behind / there, and make no entries for a loop.
# /host is the test's own directory.
in_machine() {
	# shellcheck disable=SC2016 # for the inner shells
	unshare --mount --fork --pid --mount-proc bash -euc '
		dir=$(mktemp -d) dev=$(mktemp -d)
		trap "cd /; umount -R -l $dir $dev; rmdir $dir $dev" EXIT
		loop=$(losetup --find --show --offset "$2" "$1")
		mount -t tmpfs tmpfs "$dev"
		for node in null zero full random urandom tty; do cp -a "/dev/$node" "$dev"; done
		ln -s /proc/self/fd "$dev/fd"
		ln -s fd/0 "$dev/stdin"
		mkdir -p "$dev/disk/by-uuid"
		mknod "$dev/vda1" b $((0x$(stat -c %t "$loop"))) $((0x$(stat -c %T "$loop")))
		ln -s ../../vda1 "$dev/disk/by-uuid/$(blkid -o value -s UUID "$loop")"
		mount --bind "$dev" /dev
		mount /dev/vda1 "$dir"
		umount /dev
		losetup -d "$loop" # once nothing has it mounted
		mount --bind "$dev" "$dir/dev"
		mount -t proc proc "$dir/proc"
		mount -t sysfs sysfs "$dir/sys"
		mount -t tmpfs tmpfs "$dir/run"
		# It runs as if the first entry had booted it.
		sed -n "s/^[[:space:]]*linux[[:space:]]*[^ ]*/BOOT_IMAGE=x/p" "$dir/boot/grub/grub.cfg" 2>/dev/null | head -n 1 > "$dev/cmdline"
		[ ! -s "$dev/cmdline" ] || mount --bind "$dev/cmdline" "$dir/proc/cmdline"
		mkdir -p "$dir/host"
		# Programs that count which of their lines are reached write that where they were built (tests/coverage).
		[ -z "${COVERAGE-}" ] || { mkdir -p "$dir$COVERAGE"; mount --bind "$COVERAGE" "$dir$COVERAGE"; }
		mount --bind "$3" "$dir/host"
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C chroot "$dir" bash -c "$4"
	' in_machine "$machine" "$DISK_START" "$BATS_TEST_TMPDIR" "$1"
}

# For a script in it that needs loop devices, which the small /dev has not.
# shellcheck disable=SC2016,SC2034 # for the inner shell; for the tests
LOOP_NODES='mknod /dev/loop-control c 10 237; for i in 0 1 2 3 4 5 6 7 8 9; do mknod /dev/loop$i b 7 $i; done'

# inside IOMMU SCRIPT: boots $machine through its GRUB and runs a script in it, to its end; $output is what it printed.
inside() {
	printf '%s\n' "$2" >"$BATS_TEST_TMPDIR/script"
	disk_run vm "$machine" "$BATS_TEST_TMPDIR/script" --iommu "$1"
	output=$(disk_output vm)
	echo "$output"
	# shellcheck disable=SC2154 # vm_wait's
	[[ $VM_END == poweroff && $(disk_status vm) == 0 ]]
}

# files_of_machine: one line for each file that a change may touch: name, mode, owner and content.
files_of_machine() {
	in_machine 'find /boot /etc/default /etc/iommu.target /etc/dracut.conf.d -type f -printf "%p %m %U:%G " -exec sha256sum {} \; \
		2>/dev/null | sort'
}
