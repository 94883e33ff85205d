# A Debian disk's system without booting it: commands run in it by chroot, as fast as the host is.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# shellcheck source=tests/lib/disk.bash
. "${BASH_SOURCE[0]%/*}/disk.bash"
# shellcheck source=tests/lib/machine-end.bash
. "${BASH_SOURCE[0]%/*}/machine-end.bash"
WRITABLE_IN=in_machine

# machine SUITE GENERATOR: makes $machine, a private copy of that disk with our programs installed.
machine() {
	machine_from machine_installed "$1" "$2"
}

# quick_machine: a Debian 12 whose update-initramfs is a stand-in that makes a real archive with the real check in
# milliseconds, and whose update-grub remembers what the real one made.
quick_machine() {
	local lib=${BASH_SOURCE[0]%/*}
	machine_from machine_installed bookworm initramfs-tools \
		"/usr/sbin/update-initramfs=$lib/update-initramfs" "/usr/sbin/update-grub=$lib/update-grub"
}

# machine_from CMD...: makes $machine as `CMD... OUT` does it. The tests of a file share what that made the first time.
machine_from() {
	local first
	machine=$BATS_TEST_TMPDIR/machine.img
	if [[ ${BATS_FILE_TMPDIR:-} ]]; then
		first=$(cached "$BATS_FILE_TMPDIR/machine-$(recipe_key "${DISK_PACKAGES-}" "$@").img" "$@") &&
			disk_copy "$first" "$machine" || return
		[[ -e $first.writable ]] || { note_writable && mv "$BATS_TEST_TMPDIR/writable" "$first.writable"; } ||
			return
		cp "$first.writable" "$BATS_TEST_TMPDIR/writable"
	else
		"$@" "$machine" && note_writable
	fi
}

# machine_installed SUITE GENERATOR [PATH=FILE...] OUT: OUT is that disk with what `make install` installs, and these
# files. $DISK_PACKAGES: more packages on that disk.
machine_installed() {
	local disk dir
	# shellcheck disable=SC2086 # words
	disk=$(debian_disk "$1" "$2" ${DISK_PACKAGES-}) && dir=$(mktemp -d) || return
	make -s -C "$TREE_REPO" install DESTDIR="$dir" DRACUTMODULESDIR=/usr/lib/dracut/modules.d &&
		images_counted "$dir" || return
	! older "$1" || built_for "$1" iommu-install "$dir/usr/sbin/iommu-install" || return
	[ -z "${OBJECTS-}" ] || { mv "$dir/usr/sbin/iommu-install" "$dir/usr/sbin/iommu-install.real" &&
		cp "$TREE_REPO/tests/lib/with-object" "$dir/usr/sbin/iommu-install"; } || return
	disk_copy "$disk" "${*: -1}" "/=$dir" "${@:3:$#-3}" && rm -r "$dir"
}

# in_machine SCRIPT: runs a script of bash in it, as root. What is mounted is gone when the script ends. The disk has a
# name of its own in a small /dev, as GRUB's scripts find the device behind / there, and make no entries for a loop.
# /host is the test's own directory.
in_machine() {
	# shellcheck disable=SC2016 # for the inner shells
	unshare --mount --fork --pid --mount-proc bash -euc '
		dir=$(mktemp -d) dev=$(mktemp -d)
		trap "cd /; umount -l $dir $dev; rmdir $dir $dev" EXIT
		loop=$(losetup --find --show --offset "$2" "$1")
		mount -t tmpfs tmpfs "$dev"
		cp -a /dev/{null,zero,full,random,urandom,tty} "$dev"
		ln -s /proc/self/fd "$dev/fd"
		ln -s fd/0 "$dev/stdin"
		mkdir -p "$dev/disk/by-uuid"
		cp -a "$loop" "$dev/vda1"
		ln -s ../../vda1 "$dev/disk/by-uuid/$(blkid -o value -s UUID "$loop")"
		mount --bind "$dev" /dev
		mount /dev/vda1 "$dir"
		umount /dev
		losetup -d "$loop" # once nothing has it mounted
		mount --bind "$dev" "$dir/dev"
		mount -t proc proc "$dir/proc"
		mount --rbind /sys "$dir/sys"
		mount -t tmpfs tmpfs "$dir/run"
		# It runs as if the first entry had booted it.
		sed -n "s/^[[:space:]]*linux[[:space:]]*[^ ]*/BOOT_IMAGE=x/p" "$dir/boot/grub/grub.cfg" 2>/dev/null |
			head -n 1 > "$dev/cmdline"
		[ -s "$dev/cmdline" ] || echo "root=/dev/other ro" > "$dev/cmdline"
		mount --bind "$dev/cmdline" "$dir/proc/cmdline"
		mkdir -p "$dir/host"
		# Programs that count which of their lines are reached write that where they were built
		# (tests/coverage).
		[ -z "${COVERAGE-}" ] || { mkdir -p "$dir$COVERAGE"; mount --bind "$COVERAGE" "$dir$COVERAGE"; }
		[ -z "${OBJECTS-}" ] || mkdir -p "$3/objects"
		mount --bind "$3" "$dir/host"
		mkdir -p "$5/grub-mkconfig" "$dir/dev/grub-mkconfig" # not in /run: another test may add to it
		mount --bind "$5/grub-mkconfig" "$dir/dev/grub-mkconfig"
		[ ! -e "${TESTS_COUNTS-}" ] ||
			{ touch "$dir/run/tests-counts"; mount --bind "$TESTS_COUNTS" "$dir/run/tests-counts"; }
		status=0
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C chroot "$dir" bash -c "$4" || status=$?
		find "$dir"/run/iommu "$dir"/run/reboot-required* -perm /022 ! -type l \
			>> "$3/run-writable" 2>/dev/null || :
		exit $status
	' in_machine "$machine" "$DISK_START" "$BATS_TEST_TMPDIR" "$1" "$IOMMU_TEST_CACHE"
}

# For a script in it that needs loop devices, which the small /dev has not.
# shellcheck disable=SC2016,SC2034 # for the inner shell; for the tests
LOOP_NODES='mknod /dev/loop-control c 10 237; for i in 0 1 2 3 4 5 6 7 8 9; do mknod /dev/loop$i b 7 $i; done'

# In a machine: images are built, whatever changes, as nothing is laid over one with a signature beside it.
# shellcheck disable=SC2016,SC2034 # for the inner shell; for the tests
SIGN_IMAGES='for i in /boot/initrd.img-*[0-9a-z]; do touch "$i.sig"; done; '

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
	in_machine 'find /boot /etc/default /etc/iommu.target /etc/dracut.conf.d -type f -print0 2>/dev/null |
		sort -z > /run/files
		paste -d " " <(xargs -0 stat -c "%n %a %U:%G" < /run/files) <(xargs -0 sha256sum < /run/files)'
}
