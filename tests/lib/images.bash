# Initramfs images and root disks for the tests, made from a Debian tree by the distribution's own generators.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# shellcheck source=tests/lib/tree.bash
. "${BASH_SOURCE[0]%/*}/tree.bash"

# image_tree TREE DEST: a private tree DEST to install into and to build images from. DEST holds only what differs from
# TREE, which an overlay puts under it for the length of one command; where there are no overlays it is a copy. It has
# the tests' own marks (see tree_marks).
image_tree() {
	local tree=$1 dest=$2
	mkdir -p "$dest" "$dest.work" "$dest.mount"
	ln -sfn "$tree" "$dest.lower"
	if ! tree_with "$dest" true 2>/dev/null; then
		rm "$dest.lower"
		cp -a --reflink=auto "$tree/." "$dest"
	fi
	tree_marks "$dest"
}

# tree_with DEST CMD...: runs CMD on the host with the whole of DEST at the directory that $TREE_ROOT names. The mount
# is in a namespace of its own, so it ends with CMD, however that ends.
tree_with() {
	local dest=$1 dir
	shift
	if [[ ! -L $dest.lower ]]; then
		TREE_ROOT=$dest "$@"
		return
	fi
	# `make install DESTDIR=` must not hide a link such as /lib -> usr/lib behind a directory.
	for dir in bin lib lib64 sbin; do
		if [[ -L $dest.lower/$dir && -d $dest/$dir && ! -L $dest/$dir ]]; then
			echo "tree_with: /$dir is a link in this suite: install to /usr/$dir" >&2
			return 1
		fi
	done
	# shellcheck disable=SC2016 # for the inner shell
	TREE_ROOT=$dest.mount unshare --mount bash -euc '
		mount -t overlay overlay -o "lowerdir=$(readlink "$1.lower"),upperdir=$1,workdir=$1.work" "$TREE_ROOT"
		shift
		exec "$@"' tree_with "$dest" "$@"
}

# tree_run DEST CMD...: runs CMD inside DEST.
tree_run() {
	# shellcheck disable=SC2016 # for the inner shell
	tree_with "$1" unshare --mount bash -euc '
		cd "$TREE_ROOT"
		mount -t proc proc proc
		mount -t sysfs -o ro sysfs sys
		mount --rbind /dev dev
		mount -t tmpfs tmpfs run
		mount -t tmpfs tmpfs tmp
		# as in_machine
		[ -z "${COVERAGE-}" ] || { mkdir -p ".$COVERAGE"; mount --bind "$COVERAGE" ".$COVERAGE"; }
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C chroot . "$@"' tree_run "${@:2}"
}

# images_counted DIR: files for a system at DIR, by which each run of its generators is counted where tests/run wants it
# and in_machine has put that.
images_counted() {
	put 644 "$1/etc/dracut.conf.d/iommu-test-count.conf" \
		<<<'[ ! -e /run/tests-counts ] || echo image >>/run/tests-counts'
	put 644 "$1/etc/initramfs-tools/conf.d/iommu-test-count" <"$1/etc/dracut.conf.d/iommu-test-count.conf"
}

# built_for SUITE PROGRAM OUT: OUT is that program as the suite's own compiler makes it, from the sources of this
# moment.
built_for() {
	local tree dest=$TREE_REPO/build/for-$1
	tree=$(debian_tree "$1" gcc make libc6-dev libkmod-dev libpci-dev) && mkdir -p "$dest" || return
	(
		flock 7
		image_tree "$tree" "$dest/tree" && mkdir -p "$dest/tree/source" &&
			cp -a "$TREE_REPO"/{Makefile,src} "$dest/tree/source" &&
			tree_run "$dest/tree" make -s -C /source "build/$2" 7>&- && cp "$dest/tree/source/build/$2" "$3"
	) 7>"$dest/lock"
}

# older SUITE: what this machine builds does not run there, as it needs a C library as new as this machine's.
older() {
	local suite
	for suite in bullseye bookworm trixie forky sid; do
		[[ $suite != "$OWN_SUITE" ]] || return 1
		[[ $suite != "$1" ]] || return 0
	done
	return 1
}

# program_into PROGRAM DIR: this machine's PROGRAM with what it needs, for a system that has none of it, or older:
# DIR/ld.so --library-path DIR DIR/NAME.
program_into() {
	mkdir -p "$2" && cp "$1" "$2" || return
	ldd "$1" | awk '$3 ~ "^/" { print $3 }' | xargs -I{} cp {} "$2" &&
		cp "$(ldd "$1" | awk '/ld-linux/ { print $1 }')" "$2/ld.so"
}

# put MODE FILE: FILE, with its directories, from standard input.
put() {
	mkdir -p "${2%/*}"
	cat >"$2"
	chmod "$1" "$2"
}

# tree_marks DEST: what tells on the console of every image how far a boot came: `MARK udevd started`, `MARK root
# mounted`. Also keeps the images small. Level 1: `quiet` and its like do not hide it.
tree_marks() {
	local dest=$1 module=$1/usr/lib/dracut/modules.d/99iommu-test-marks tools=$1/etc/initramfs-tools

	# The wrapper's own directory is as deep as systemd's, for links such as ../../bin/udevadm; the name stays, as
	# udevadm goes by it.
	put 755 "$dest/usr/lib/iommu-test/mark-udevd" <<-'EOF'
		#!/bin/sh
		# Puts a wrapper in the place of udevd in the image at $1.
		set -eu
		for lib in "$1/usr/lib" "$1/lib"; do
			udevd=$lib/systemd/systemd-udevd
			[ -e "$udevd" ] || [ -L "$udevd" ] || continue
			mkdir "$lib/udevd-marked"
			mv "$udevd" "$lib/udevd-marked/"
			printf '%s\n' '#!/bin/sh' 'echo "<1>MARK udevd started" >/dev/kmsg' \
				'exec /lib/udevd-marked/systemd-udevd "$@"' >"$udevd"
			chmod 755 "$udevd"
			exit 0
		done
		echo "mark-udevd: no udevd in $1" >&2
		exit 1
	EOF
	put 644 "$dest/etc/dracut.conf.d/iommu-test.conf" <<-'EOF'
hostonly="no"
compress="gzip -1"
drivers+=" virtio_pci virtio_blk ext4 "
omit_dracutmodules+=" crypt dm i18n kernel-modules-extra lunmask nvdimm overlay-root qemu resume terminfo virtiofs "
add_dracutmodules+=" iommu-test-marks "
	EOF
	put 755 "$module/module-setup.sh" <<-'EOF'
		#!/bin/bash
		check() {
			return 0
		}
		install() {
			inst_hook pre-pivot 00 "$moddir/mark-root.sh"
			/usr/lib/iommu-test/mark-udevd "$initdir" || exit 1
		}
	EOF
	put 755 "$module/mark-root.sh" <<-'EOF'
		#!/bin/sh
		echo "<1>MARK root mounted" >/dev/kmsg
	EOF
	put 644 "$tools/conf.d/iommu-test" <<-'EOF'
		MODULES=list
		COMPRESS=gzip
		COMPRESSLEVEL=1
	EOF
	put 644 "$tools/modules" <<-'EOF'
		virtio_pci
		virtio_blk
		ext4
	EOF
	put 755 "$tools/hooks/iommu-test-marks" <<-'EOF'
		#!/bin/sh
		if [ "$1" = prereqs ]; then echo udev; exit; fi
		exec /usr/lib/iommu-test/mark-udevd "$DESTDIR"
	EOF
	put 755 "$tools/scripts/local-bottom/iommu-test-marks" <<-'EOF'
		#!/bin/sh
		if [ "$1" = prereqs ]; then exit; fi
		echo "<1>MARK root mounted" >/dev/kmsg
	EOF
}

# image_build DEST dracut-systemd|dracut-plain|initramfs-tools OUT [GENERATOR-ARGS...]: builds an image in DEST.
image_build() {
	local dest=$1 kind=$2 out=$3 inner=/boot/image.$BASHPID kver cmd start=$EPOCHREALTIME
	local systemd=(systemd systemd-initrd systemd-udevd systemd-journald systemd-modules-load systemd-sysctl
		systemd-sysusers systemd-tmpfiles systemd-ask-password dracut-systemd)
	shift 3
	kver=$(tree_kver "$(readlink "$dest.lower" || echo "$dest")") || return
	case $kind in
	dracut-systemd) cmd=(dracut --force "$@" "$inner" "$kver") ;;
	dracut-plain) cmd=(dracut --force --omit "${systemd[*]}" "$@" "$inner" "$kver") ;;
	initramfs-tools) cmd=(mkinitramfs "$@" -o "$inner" "$kver") ;;
	*) echo "image_build: no generator is called '$kind'" >&2 && return 2 ;;
	esac
	echo image >>"${TESTS_COUNTS:-/dev/null}"
	tree_run "$dest" "${cmd[@]}" >"$out.log" 2>&1 || {
		cat "$out.log" >&2
		return 1
	}
	mv "$dest$inner" "$out"
	awk -v kind="$kind" -v from="$start" -v to="$EPOCHREALTIME" \
		'BEGIN { printf "%s image in %.1f s\n", kind, to - from }' >&2
}

# cpio_pack DIR: DIR's content as an initramfs archive on standard output.
cpio_pack() {
	(cd "$1" && find . -mindepth 1 | sort | cpio --quiet -o -H newc -R 0:0)
}

# files_copy DIR PATH=FILE...: copies each FILE, or directory, to PATH under DIR, with its mode.
files_copy() {
	local dir=$1 file
	shift
	for file; do
		mkdir -p "$(dirname "$dir/${file%%=*}")"
		cp -a --no-target-directory "${file#*=}" "$dir/${file%%=*}" || return
	done
}

# cpio_append IMAGE OUT PATH=FILE...: OUT is IMAGE with these files put over its own: the kernel unpacks both archives,
# the later one last. An empty FILE stands for a missing one. PATH must have no link in it: /usr/sbin, not /sbin.
cpio_append() {
	local image=$1 out=$2 dir
	shift 2
	dir=$(mktemp -d)
	files_copy "$dir" "$@" &&
		cp "$image" "$out" &&
		truncate -s %4 "$out" && # the kernel looks for an uncompressed archive at multiples of four
		cpio_pack "$dir" >>"$out" || return
	rm -r "$dir"
}

# busybox_image OUT INIT [PATH=FILE...]: a tiny image: static busybox, whose names INIT (a script of /bin/sh) finds in
# its PATH, and these files. INIT mounts what it needs.
busybox_image() {
	local out=$1 init=$2 dir name
	shift 2
	dir=$(mktemp -d)
	mkdir -p "$dir"/{bin,dev,proc,run,sys}
	cp "$(command -v busybox)" "$dir/bin/busybox"
	for name in $(busybox --list); do
		[[ $name == busybox ]] || ln -s busybox "$dir/bin/$name"
	done
	files_copy "$dir" "init=$init" "$@" || return
	chmod 755 "$dir/init"
	cpio_pack "$dir" >"$out"
	rm -r "$dir"
}

# root_disk TREE OUT [SIZE]: an ext4 disk of TREE, labelled `iommuroot`. `systemd.unit=iommu-test.target` makes it print
# `MARK real root`, what the initramfs left in /run/iommu and what the logs have (vm_section reads each), and power off.
# TREE may be an image_tree too. The disk of a cached tree is best had from cached_root_disk.
root_disk() {
	local tree=$1 out=$2 size=${3:-1500M} dest
	dest=$(mktemp -d)
	image_tree "$(readlink "$tree.lower" || echo "$tree")" "$dest/root"
	[[ -L $tree.lower ]] && cp -a "$tree/." "$dest/root"
	root_report "$dest/root"
	rm -f "$out"
	# shellcheck disable=SC2016 # for the inner shell
	tree_with "$dest/root" bash -euc 'mke2fs -q -t ext4 -L iommuroot -d "$TREE_ROOT" "$1" "$2"' \
		root_disk "$out" "$size" >/dev/null || return
	rm -r "$dest"
}

# cached_root_disk TREE: prints the path of that disk.
cached_root_disk() {
	cached "$IOMMU_TEST_CACHE/root-${1##*/}-$(recipe_key "$(declare -f root_disk root_report)").img" root_disk "$1"
}

root_report() {
	local unit
	put 644 "$1/etc/systemd/system/iommu-test.target" <<-'EOF'
		[Unit]
		Requires=basic.target iommu-test.service
		After=basic.target
		AllowIsolate=yes
	EOF
	put 644 "$1/etc/systemd/system/iommu-test.service" <<-'EOF'
		[Unit]
		After=basic.target
		[Service]
		Type=oneshot
		ExecStart=/usr/lib/iommu-test/report
		ExecStopPost=/bin/systemctl poweroff -ff
		StandardOutput=tty
		TTYPath=/dev/ttyS0
	EOF
	put 755 "$1/usr/lib/iommu-test/report" <<-'EOF'
		#!/bin/sh
		# Tells the test what the initramfs left behind.
		kill -55 1 # SIGRTMIN+21: nothing of systemd's (systemd(1)), and
		dmesg --console-off # nothing of the kernel's comes in between
		section() {
			echo "BEGIN $1"
			cat
			echo "END $1"
		}
		echo "MARK real root"
		for file in /run/iommu/*; do
			[ -f "$file" ] && section "${file##*/}" <"$file"
		done
		journal=$(journalctl -b -o short-monotonic --no-pager)
		printf '%s\n' "$journal" | grep iommu-verify | section journal
		printf '%s\n' "$journal" | grep -E 'iommu-verify|systemd-udevd|MARK ' | section order
		dmesg | grep iommu-verify | section dmesg
		ls -AR /sys/class/iommu | section iommu
		dmesg --console-on
		stty -F /dev/ttyS0 sane # waits until all this is out
	EOF
	# Emulated, each of these takes a good part of a second that no report needs.
	for unit in {dev-hugepages,dev-mqueue,sys-fs-fuse-connections,sys-kernel-config,sys-kernel-debug}.mount \
		sys-kernel-tracing.mount {kmod-static-nodes,modprobe@,systemd-random-seed,systemd-sysusers}.service \
		systemd-{tmpfiles-setup,tmpfiles-setup-dev,update-utmp}.service timers.target; do
		ln -s /dev/null "$1/etc/systemd/system/$unit"
	done
	put 644 "$1/etc/systemd/journald.conf.d/iommu-test.conf" <<<$'[Journal]\nStorage=volatile'
}
