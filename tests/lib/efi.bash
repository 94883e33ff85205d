# Debian disks that UEFI firmware boots: systemd-boot on an EFI system partition, its entries by Debian's
# kernel-install.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# shellcheck source=tests/lib/disk.bash
. "${BASH_SOURCE[0]%/*}/disk.bash"
# shellcheck source=tests/lib/machine-end.bash
. "${BASH_SOURCE[0]%/*}/machine-end.bash"

EFI_MIB=300 # the EFI system partition's size; it begins at DISK_START, and the root behind it
EFI_ROOT_START=$((DISK_START + EFI_MIB * 1048576))
EFI_DIR=/boot/efi # where it is mounted, as Debian's installer does it
EFI_ID=1011A5ED   # its file system's; made anew it has the same
EFI_MACHINE_ID=00112233445566778899aabbccddeeff # names the entries
EFI_FIRMWARE=/usr/share/OVMF
EFI_LOADER=4a67b082-0a4c-41cf-b6c7-440b29bb8c4f # the vendor of systemd-boot's variables

# efi_disk SUITE systemd-boot|uki|dracut-uki dracut|initramfs-tools [PACKAGE...]: prints the path of that disk: an EFI
# system partition with systemd-boot, and one root, label `iommuroot`, with the suite's kernel, that generator and the
# packages. `uki`: ukify makes one file of kernel, image and command line. `dracut-uki`: dracut can make that. Nobody
# writes to it: tests take a copy.
efi_disk() {
	local packages=(systemd-sysv udev linux-image-amd64 systemd-boot systemd-boot-efi "$3" kmod libkmod2 dbus procps
		e2fsprogs zstd "${@:4}") key
	case $2 in
	systemd-boot) ;;
	uki) packages+=(systemd-ukify) ;;
	dracut-uki) packages+=(binutils) ;;
	*) echo "efi_disk: no kind of entry is called '$2'" >&2 && return 2 ;;
	esac
	case $3 in
	dracut | initramfs-tools) ;;
	*) echo "efi_disk: no generator is called '$3'" >&2 && return 2 ;;
	esac
	key=$(recipe_key "${packages[@]}" "${TREE_EXCLUDE[@]}" "$EFI_MIB" "$EFI_DIR" "$EFI_ID" "$EFI_MACHINE_ID" \
		"$(declare -f disk_files efi_build efi_files efi_partitions efi_format efi_setup)")
	cached "$IOMMU_TEST_CACHE/efi-$1-$2-$3-$key.img" efi_build "$1" "$2" "${packages[*]}"
}

efi_build() {
	local suite=$1 kind=$2 include=$3 new=$4 work=$4.work mirror uuid
	mirror=$("$TREE_REPO/dist/debian-mirror") && uuid=$(</proc/sys/kernel/random/uuid) || return
	rm -rf "$work"
	disk_files "$work/files" "$uuid"
	efi_files "$work/files" "$kind"
	# shellcheck disable=SC2016 # for the hooks' shells
	mmdebstrap --variant=minbase --include="${include// /,}" --aptopt='Apt::Install-Recommends "false"' \
		"${TREE_EXCLUDE[@]/#/--dpkgopt=path-exclude=}" --dpkgopt='path-include=/etc/kernel/*' \
		--essential-hook="cp -a '$work/files/.' \"\$1\"" \
		--customize-hook='chroot "$1" sh -c "passwd -d root && systemctl enable iommu-test"' \
		"$suite" "$work/tree" "$mirror" || return
	put 444 "$work/tree/etc/machine-id" <<<"$EFI_MACHINE_ID" # mmdebstrap leaves an empty one
	mkdir -p "$work/esp" "$work/tree$EFI_DIR"
	# Not every kernel that runs the tests can mount the real one. A file system of its own it must be: that is how
	# kernel-install tells where the paths in an entry begin.
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount bash -euc '
		mount -t tmpfs tmpfs "$1$3"
		mount -t proc proc "$1/proc"
		mount -t tmpfs tmpfs "$1/run"
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C SYSTEMD_RELAX_ESP_CHECKS=1 chroot "$1" bash -c "$4"
		cp -a "$1$3/." "$2"
	' efi_build "$work/tree" "$work/esp" "$EFI_DIR" "$(efi_setup)" || return
	efi_partitions "$new" 3000 && efi_format "$new" "$work/esp" || return
	mke2fs -q -t ext4 -L iommuroot -U "$uuid" -E "offset=$EFI_ROOT_START" -d "$work/tree" "$new" \
		$((2999 - EFI_MIB - 1))M || return
	rm -rf "$work"
}

# What such a disk has besides packages and what every disk has.
efi_files() {
	put 644 "$1/etc/kernel/cmdline" <<<'root=LABEL=iommuroot rw console=ttyS0 no_timer_check'
	[[ $2 != uki ]] || put 644 "$1/etc/kernel/install.conf" <<<'layout=uki'
	echo "UUID=${EFI_ID:0:4}-${EFI_ID:4} $EFI_DIR vfat umask=0077 0 0" >>"$1/etc/fstab"
}

# What systemd-boot's package does on a machine where it finds the partition mounted.
efi_setup() {
	cat <<-'EOF'
		set -e
		bootctl install --no-variables --make-machine-id-directory=auto
		for kernel in /boot/vmlinuz-*; do kernel-install add "${kernel#/boot/vmlinuz-}" "$kernel"; done
		echo "timeout 0" >/boot/efi/loader/loader.conf
	EOF
}

# efi_partitions FILE MIB: an empty disk with an EFI system partition and a root that has the rest, but for the last
# MiB: there is the partition table's copy.
efi_partitions() {
	rm -f "$1" && truncate -s "$2M" "$1" && sfdisk --quiet "$1" <<-EOF
		label: gpt
		start=$((DISK_START / 512)), size=${EFI_MIB}MiB, type=uefi
		start=$((EFI_ROOT_START / 512)), size=$(($2 - EFI_MIB - 2))MiB, type=linux
	EOF
}

# efi_format DISK DIR: makes the EFI system partition's file system anew, with what DIR holds.
efi_format() {
	local said
	# It warns of the rest of the disk.
	said=$(mkfs.vfat -F 32 -n ESP -i "$EFI_ID" --offset $((DISK_START / 512)) "$1" $((EFI_MIB * 1024)) 2>&1) ||
		{ echo "$said" >&2 && return 1; }
	mcopy -s -m -Q -i "$1@@$DISK_START" "$2"/* ::
}

# efi_read DISK FILE: what FILE on the EFI system partition holds.
efi_read() {
	mtype -i "$1@@$DISK_START" "::$2"
}

# efi_write DISK PATH FILE: puts FILE there as PATH, whose directory exists.
efi_write() {
	mcopy -o -D o -i "$1@@$DISK_START" "$3" "::$2"
}

# efi_list DISK: the path of each file there.
efi_list() {
	mdir -/ -b -i "$1@@$DISK_START" :: | sed 's/^:://'
}

# efi_run NAME DISK SCRIPT intel|amd|none [QEMU...]: as disk_run, through UEFI firmware. What that keeps in its
# variables is in DISK.intel.vars and so on: with another IOMMU the disk has another address, at which the firmware
# would not look for it.
efi_run() {
	efi_start "$@" && vm_wait "$1"
}

# efi_start NAME DISK SCRIPT intel|amd|none [QEMU...]: as disk_start.
efi_start() {
	local vars=$2.$4.vars
	[[ -e $vars ]] || cp "$EFI_FIRMWARE/OVMF_VARS_4M.fd" "$vars" || return
	disk_start "$1" "$2" "$3" --iommu "$4" -- \
		-drive "if=pflash,format=raw,unit=0,readonly=on,file=$EFI_FIRMWARE/OVMF_CODE_4M.fd" \
		-drive "if=pflash,format=raw,unit=1,cache=unsafe,file=$vars" "${@:5}"
}

# efi_machine SUITE systemd-boot|uki GENERATOR [PACKAGE...]: makes $machine, a private copy of that disk with our
# programs installed.
efi_machine() {
	local disk
	disk=$(efi_disk "$@") || return
	machine=$BATS_TEST_TMPDIR/machine.img
	make -s -C "$BATS_TEST_DIRNAME/../.." install DESTDIR="$BATS_TEST_TMPDIR/installed" \
		DRACUTMODULESDIR=/usr/lib/dracut/modules.d
	! older "$1" || built_for "$1" iommu-install "$BATS_TEST_TMPDIR/installed/usr/sbin/iommu-install" || return
	images_counted "$BATS_TEST_TMPDIR/installed"
	DISK_START=$EFI_ROOT_START disk_copy "$disk" "$machine" "/=$BATS_TEST_TMPDIR/installed" || return
	WRITABLE_IN=in_efi_machine
	note_writable
}

# efi_machine_end: takes the disk away, and its firmware's variables. As machine_end.
efi_machine_end() {
	machine_end
}

# in_efi_machine SCRIPT: runs a script of bash in it, as root, as if its first entry had booted it. /host is the test's
# own directory. What it writes to the EFI system partition goes to the disk when it has ended: not every kernel that
# runs the tests can mount that one, so that a file system in memory stands for it.
in_efi_machine() {
	# shellcheck disable=SC2016 # for the inner shells
	unshare --mount --fork --pid --mount-proc \
		bash -euc "$(declare -f efi_format efi_first efi_cmdline efi_variable efi_variables efi_relaxed)"'
		machine=$1 host=$2 EFI_DIR=$3 DISK_START=$4 EFI_ROOT_START=$5 EFI_MIB=$6 EFI_ID=$7
		EFI_LOADER=$8 script=$9
		dir=$(mktemp -d) dev=$(mktemp -d)
		trap "cd /; umount -l $dir $dev; rmdir $dir $dev" EXIT
		mount -t tmpfs tmpfs "$dev"
		for node in null zero full random urandom tty; do cp -a "/dev/$node" "$dev"; done
		ln -s /proc/self/fd "$dev/fd"
		mount -o "loop,offset=$EFI_ROOT_START" "$machine" "$dir"
		mount -t tmpfs -o "size=${EFI_MIB}M,mode=700" tmpfs "$dir$EFI_DIR"
		mcopy -s -m -Q -n -i "$machine@@$DISK_START" "::*" "$dir$EFI_DIR"
		mount -t proc proc "$dir/proc"
		mount --rbind /sys "$dir/sys"
		mount -t tmpfs tmpfs "$dir/run"
		efi_cmdline "$dir$EFI_DIR" >"$dev/cmdline"
		mount --bind "$dev/cmdline" "$dir/proc/cmdline"
		efi_variables "$dir/sys/firmware" "$(efi_first "$dir$EFI_DIR")"
		efi_relaxed "$dir" "$dev"
		mount --bind "$dev" "$dir/dev"
		mkdir -p "$dir/host"
		# as in_machine
		[ -z "${COVERAGE-}" ] || { mkdir -p "$dir$COVERAGE"; mount --bind "$COVERAGE" "$dir$COVERAGE"; }
		mount --bind "$host" "$dir/host"
		[ ! -e "${TESTS_COUNTS-}" ] ||
			{ touch "$dir/run/tests-counts"; mount --bind "$TESTS_COUNTS" "$dir/run/tests-counts"; }
		status=0
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C chroot "$dir" bash -c "$script" ||
			status=$?
		efi_format "$machine" "$dir$EFI_DIR"
		exit "$status"
	' in_efi_machine "$machine" "$BATS_TEST_TMPDIR" "$EFI_DIR" "$DISK_START" "$EFI_ROOT_START" "$EFI_MIB" \
		"$EFI_ID" "$EFI_LOADER" "$1"
}

# efi_first ESP: the file of the first entry there.
efi_first() {
	find "$1/loader/entries" "$1/EFI/Linux" -name '*.conf' -o -name '*.efi' | sort | head -n 1
}

# efi_cmdline ESP: what that entry gives its kernel. Of a type 1 entry systemd-boot makes its images words too.
efi_cmdline() {
	local entry path section
	entry=$(efi_first "$1")
	case $entry in
	*.efi)
		section=$(mktemp)
		objcopy -O binary --only-section=.cmdline "$entry" "$section" 2>/dev/null &&
			tr -d '\0' <"$section" && echo
		rm -f "$section"
		;;
	*.conf)
		while read -r path; do echo "initrd=${path//\//\\}"; done < <(sed -n 's/^initrd[ \t]*//p' "$entry")
		sed -n 's/^options[ \t]*//p' "$entry"
		;;
	esac | paste -s -d ' '
}

# efi_variables FIRMWARE ENTRY: a /sys/firmware that also has the variables by which systemd-boot is known.
efi_variables() {
	local dir=$1 entry=${2##*/} name old
	old=$(mktemp -d)
	mount --bind "$dir" "$old"
	mount -t tmpfs tmpfs "$dir"
	for name in "$old"/*; do
		[ -d "$name" ] || continue
		mkdir "$dir/${name##*/}"
		mount --bind "$name" "$dir/${name##*/}"
	done
	umount "$old"
	rmdir "$old"
	mkdir -p "$dir/efi/efivars"
	efi_variable 'systemd-boot 257' >"$dir/efi/efivars/LoaderInfo-$EFI_LOADER"
	efi_variable "$entry" >"$dir/efi/efivars/LoaderEntrySelected-$EFI_LOADER"
	[[ $entry != *.efi ]] || efi_variable 'systemd-stub 257' >"$dir/efi/efivars/StubInfo-$EFI_LOADER"
}

# efi_variable TEXT: four bytes of attributes, then the text as firmware has it.
efi_variable() {
	printf '\6\0\0\0'
	printf '%s\0' "$1" | iconv -t UTF-16LE
}

# efi_relaxed ROOT DIR: bootctl and kernel-install take a stand-in for an EFI system partition only if they are told to
# in the environment, which iommu-install gives none of its own to.
efi_relaxed() {
	local program
	for program in bootctl kernel-install; do
		cp "$1/usr/bin/$program" "$2/$program"
		printf '#!/bin/sh\nSYSTEMD_RELAX_ESP_CHECKS=1 exec /dev/%s "$@"\n' "$program" >"$2/$program.sh"
		chmod 755 "$2/$program.sh"
		mount --bind "$2/$program.sh" "$1/usr/bin/$program"
	done
}
