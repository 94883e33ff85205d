# Real Debian disks for the tests: machines that boot through a GRUB of their own and keep what is written to them.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# shellcheck source=tests/lib/vm.bash
. "${BASH_SOURCE[0]%/*}/vm.bash"
# shellcheck source=tests/lib/images.bash
. "${BASH_SOURCE[0]%/*}/images.bash"

DISK_START=1048576 # where the one partition begins; GRUB's core image has the space before it

# debian_disk SUITE dracut|initramfs-tools [PACKAGE...]: prints the path of that disk: one root, label `iommuroot`, with
# the suite's kernel, GRUB installed, that generator and the packages. Nobody writes to it: tests take a disk_copy.
debian_disk() {
	local packages=(systemd-sysv udev linux-image-amd64 grub-pc "${@:2}" kmod libkmod2 dbus procps e2fsprogs zstd)
	local key
	case $2 in
	dracut | initramfs-tools) ;; # not busybox: putting that into an image takes as long as a third of all else
	*) echo "debian_disk: no generator is called '$2'" >&2 && return 2 ;;
	esac
	key=$(recipe_key "${packages[@]}" "${TREE_EXCLUDE[@]}" \
		"$(declare -f disk_build disk_files disk_partition disk_setup)")
	cached "$IOMMU_TEST_CACHE/disk-$1-$2-$key.img" disk_build "$1" "${packages[*]}"
}

disk_build() {
	local suite=$1 include=$2 new=$3 work=$3.work mirror uuid options
	mirror=$("$TREE_REPO/dist/debian-mirror") && uuid=$(</proc/sys/kernel/random/uuid) &&
		mapfile -t options < <(mirror_options) || return
	rm -rf "$work"
	disk_files "$work/files" "$uuid"
	# The generator's settings are there before its package is, so that the kernel's own hook makes the image.
	# Unlike the tests' trees a disk has these hooks.
	# shellcheck disable=SC2016 # for the hooks' shells
	mmdebstrap --variant=minbase --include="${include// /,}" --aptopt='Apt::Install-Recommends "false"' \
		"${options[@]}" "${TREE_EXCLUDE[@]/#/--dpkgopt=path-exclude=}" --dpkgopt='path-include=/etc/kernel/*' \
		--essential-hook="cp -a '$work/files/.' \"\$1\"" \
		--customize-hook='chroot "$1" sh -c "passwd -d root && systemctl enable iommu-test"' \
		"$suite" "$work/tree" "$mirror" || return
	disk_partition "$new" 3000 &&
		mke2fs -q -t ext4 -L iommuroot -U "$uuid" -E "offset=$DISK_START" -d "$work/tree" "$new" 2999M || return

	# GRUB goes there as an administrator puts it, which takes a machine that has the disk.
	disk_setup >"$work/setup"
	VM_DIR=$work disk_run setup "$new" "$work/setup" --kernel "$(tree_vmlinuz "$work/tree")" \
		--initrd "$(echo "$work"/tree/boot/initrd.img-*)" --append 'root=LABEL=iommuroot rw'
	VM_DIR=$work vm_log setup
	[[ $(VM_DIR=$work disk_status setup) == 0 ]] || return
	rm -rf "$work"
}

# disk_partition FILE MIB: an empty disk with one partition, active, that takes all but the first MiB. (sfdisk would do
# it too, but is not needed for anything else.)
disk_partition() {
	local size=$((($2 - 1) * 2048))
	rm -f "$1" && truncate -s "$2M" "$1" || return
	# shellcheck disable=SC2059 # the escapes are the point
	printf "\\x80\\xfe\\xff\\xff\\x83\\xfe\\xff\\xff\\x00\\x08\\x00\\x00$(printf '\\x%02x\\x%02x\\x%02x\\x%02x' \
		$((size & 255)) $((size >> 8 & 255)) $((size >> 16 & 255)) $((size >> 24)))" |
		dd of="$1" bs=1 seek=446 conv=notrunc status=none
	printf 'TEST' | dd of="$1" bs=1 seek=440 conv=notrunc status=none # the disk's signature
	printf '\x55\xaa' | dd of="$1" bs=1 seek=510 conv=notrunc status=none
}

# What a disk has besides packages. The generators' settings keep images so small that an emulated machine makes one in
# a minute.
disk_files() {
	put 644 "$1/etc/fstab" <<<"UUID=$2 / ext4 errors=remount-ro 0 1"
	put 644 "$1/etc/hostname" <<<debian
	put 644 "$1/etc/dracut.conf.d/iommu-test.conf" <<-'EOF'
hostonly="no"
compress="zstd -1"
drivers+=" virtio_pci virtio_blk ext4 "
omit_dracutmodules+=" crypt dm i18n kernel-modules kernel-modules-extra lunmask nvdimm overlay-root qemu resume "
omit_dracutmodules+=" terminfo virtiofs "
	EOF
	put 644 "$1/etc/initramfs-tools/conf.d/iommu-test" <<-'EOF'
		MODULES=list
		COMPRESS=zstd
		COMPRESSLEVEL=1
		RESUME=none
	EOF
	# Not /etc/initramfs-tools/modules, which is the package's.
	put 644 "$1/usr/share/initramfs-tools/modules.d/iommu-test" <<-'EOF'
		virtio_pci
		virtio_blk
		ext4
	EOF
	put 644 "$1/etc/systemd/system/serial-getty@ttyS0.service.d/iommu-test.conf" <<-'EOF'
		[Unit]
		ConditionPathExists=!/dev/disk/by-id/virtio-script
		[Service]
		ExecStart=
		ExecStart=-/sbin/agetty --autologin root --keep-baud 115200 - $TERM
	EOF
	put 644 "$1/etc/systemd/system/iommu-test.service" <<-'EOF'
		[Unit]
		Description=Runs what the test put on the disk "script"
		ConditionPathExists=/dev/disk/by-id/virtio-script
		After=multi-user.target
		SuccessAction=poweroff
		FailureAction=poweroff
		[Service]
		Type=exec
		ExecStart=/usr/lib/iommu-test/run-script
		Environment=HOME=/root
		WorkingDirectory=/root
		StandardOutput=tty
		StandardError=inherit
		TTYPath=/dev/ttyS0
		[Install]
		WantedBy=multi-user.target
	EOF
	put 755 "$1/usr/lib/iommu-test/run-script" <<-'EOF'
		#!/bin/sh
		# Runs the test's script; what is printed between these lines is its own.
		tr -d '\0' </dev/disk/by-id/virtio-script >/run/iommu-test-script
		dmesg --console-off # the kernel's last words (emergencies) are shown all the same
		echo "BEGIN script"
		bash /run/iommu-test-script
		echo "END script $?"
		sync
		stty -F /dev/ttyS0 sane # waits until all this is out
		dmesg --console-on
	EOF
}

disk_setup() {
	cat <<-'EOF'
		set -e
		sed -i 's/^GRUB_CMDLINE_LINUX=.*/GRUB_CMDLINE_LINUX="console=ttyS0 no_timer_check"/' /etc/default/grub
		printf '%s\n' '' GRUB_TERMINAL=serial 'GRUB_SERIAL_COMMAND="serial --speed=115200"' >>/etc/default/grub
		time grub-install /dev/disk/by-id/virtio-root
		time update-grub
	EOF
}

# disk_copy DISK OUT [PATH=FILE...]: OUT is a private copy of DISK with each FILE, or directory, at PATH. A directory
# goes over what is there: `/=DIR` puts in what `make install DESTDIR=DIR` installed.
disk_copy() {
	local disk=$1 out=$2 dir
	shift 2
	cp --sparse=auto --reflink=auto "$disk" "$out" || return
	[[ $# == 0 ]] && return
	dir=$(mktemp -d)
	# The mount is in a namespace of its own, so it ends with the copying, however that ends.
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount bash -euc "$(declare -f disk_put)"'
		mount -o "loop,offset=$3" "$1" "$2"
		disk_put "$2" "${@:4}"' disk_copy "$out" "$dir" "$DISK_START" "$@" || return
	rmdir "$dir"
}

# Keeps the disk's own directories as they are: their modes, and links such as /lib.
disk_put() {
	local dir=$1 file path
	shift
	for file; do
		path=$dir/${file%%=*} file=${file#*=}
		if [[ -d $file ]]; then
			mkdir -p "$path"
			tar -C "$file" -c . | tar -C "$path" -x --no-overwrite-dir --keep-directory-symlink
		else
			mkdir -p "${path%/*}"
			cp -a --remove-destination "$file" "$path"
		fi || return
	done
}

# disk_cat DISK FILE: what FILE on DISK holds. The machine may be on, as long as it has not got beyond GRUB.
disk_cat() {
	debugfs -R "cat $2" "$1?offset=$DISK_START" 2>/dev/null
}

# disk_start NAME DISK SCRIPT [ARGS...]: starts a machine (see vm_start, which gets ARGS) that boots DISK and writes to
# it. Once the boot has finished it runs SCRIPT, a file for bash, as root, and powers off. Without one (an empty
# string) there is a root shell on the console.
disk_start() {
	local name=$1 disk=$2 script=$3 args=("${@:4}")
	[[ " ${args[*]} " == *' -- '* ]] || args+=(--)
	# A write that QEMU has finished outlives QEMU; it need not get to the host's disk at once for that.
	# shellcheck disable=SC2054 # these commas are QEMU's
	args+=(-drive "file=$disk,format=raw,if=none,id=root,cache=unsafe"
		-device virtio-blk-pci,drive=root,serial=root)
	if [[ $script ]]; then
		mkdir -p "$VM_DIR"
		cp "$script" "$VM_DIR/$name.script" && truncate -s %1M "$VM_DIR/$name.script" || return
		# shellcheck disable=SC2054
		args+=(-drive "file=$VM_DIR/$name.script,format=raw,if=none,id=script,readonly=on"
			-device virtio-blk-pci,drive=script,serial=script)
	fi
	vm_start "$name" "${args[@]}"
}

# disk_run NAME DISK SCRIPT [ARGS...]: disk_start, then vm_wait. It does not sit through GRUB's countdown.
disk_run() {
	disk_start "$@" || return
	if ! vm_expect "$1" 'automatically in|Linux version|Command line:'; then
		vm_kill "$1"
		VM_END=timeout
		return 1
	fi
	vm_keys "$1" $'\r' && vm_wait "$1"
}

# disk_output NAME: what the script has printed.
disk_output() {
	vm_log "$1" | sed -n '/^BEGIN script$/,/^END script [0-9]*$/{//!p}'
}

# disk_status NAME: what the script exited with; nothing if it did not come to its end.
disk_status() {
	vm_log "$1" | sed -n 's/^END script \([0-9]*\)$/\1/p'
}

# grub_menu NAME: waits for GRUB's menu and stops its countdown.
grub_menu() {
	vm_expect "$1" 'automatically in' && vm_keys "$1" ' '
}

# grub_choose NAME DOWN...: boots the menu's entry that is so many below the first; in the submenu that it opens, the
# next. `grub_choose vm 1 1` is Debian's recovery entry.
grub_choose() {
	local name=$1 down
	grub_menu "$name" || return
	shift
	for down; do
		while ((down-- > 0)); do vm_keys "$name" $'\e[B'; done
		vm_keys "$name" $'\r'
	done
}

# grub_entry DISK: DISK's first menu entry as it stands in grub.cfg.
grub_entry() {
	disk_cat "$1" /boot/grub/grub.cfg | sed -n '/^menuentry /,/^}/{p;/^}/q}'
}

# grub_linux DISK: the command in it that loads the kernel.
grub_linux() {
	grub_entry "$1" | sed -n 's/^[ \t]*linux[ \t]*/linux /p'
}

# grub_edit NAME DISK SED: boots the first entry with its `linux` line changed, for this boot, as this sed script says:
# `s/ iommu=pt//` takes a word out, `s/$/ iommu=pt/` appends one. NAME is a machine that disk_start started with DISK.
#
# Types the whole line anew in GRUB's editor, which need not be read from the screen then.
grub_edit() {
	local name=$1 disk=$2 line down
	line=$(grub_linux "$disk" | sed "$3") &&
		down=$(grub_entry "$disk" | sed -n '/^[ \t]*linux[ \t]/{=;q}') || return
	[[ $line && $down ]] || { echo "grub_edit: no 'linux' line in the first entry" >&2 && return 1; }
	grub_menu "$name" && vm_keys "$name" e && vm_expect "$name" 'Ctrl-x' || return
	# The editor has two lines, `setparams` and an empty one, where grub.cfg has the one with `menuentry`.
	vm_keys "$name" "$(printf '\x0e%.0s' $(seq "$down"))" # Ctrl-N: down
	vm_keys "$name" $'\x01\x0b'"$line"$'\x18'        # Ctrl-A, Ctrl-K: the line is empty; Ctrl-X: boot
}
