# The packages and the archive, as `make deb`, `make rpm` and `make tarball` build them, without a network.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# make_package deb|rpm|tarball [VERSION]: builds it in $BATS_FILE_TMPDIR/VERSION; for setup_file().
make_package() {
	local top=$BATS_TEST_DIRNAME/../.. version=${2:-1.0} kmod
	kmod=$(realpath "$top/build/kmod") || return
	unshare --net make -s -C "$top" "$1" B="$BATS_FILE_TMPDIR/$version" VERSION="$version" KMOD_SRC="$kmod" \
		> "$BATS_FILE_TMPDIR/$1.log" 2>&1 || { tail -n 30 "$BATS_FILE_TMPDIR/$1.log"; return 1; }
}

# deb [VERSION]: that package's path.
deb() {
	echo "$BATS_FILE_TMPDIR/${1:-1.0}/deb/iommu-install_${1:-1.0}-1_amd64.deb"
}

# tarball: that archive's path.
tarball() {
	echo "$BATS_FILE_TMPDIR/1.0/tarball/iommu-install-1.0-x86_64.tar.gz"
}

# files_of_disk: every file of $machine's system, with its mode, but for what package managers and boots keep about
# themselves, and what is made anew with each change (GRUB's configuration and images: entries and checks are looked
# at).
files_of_disk() {
	in_machine 'find / -xdev \( -path /host -o -path /root -o -path /tmp -o -path /dev -o -path /var/log \
		-o -path /var/cache -o -path /var/tmp -o -path /var/lib/dpkg -o -path /var/lib/apt \
		-o -path /var/lib/systemd -o -path /var/lib/initramfs-tools -o -path /var/lib/ucf -o -path /boot \) \
		-prune -o \
		! -type d -printf "%p %m %l\n" | LC_ALL=C sort'
}

# no_trace: $machine has no file by a name of ours, nothing of the check in any image, and no word about the IOMMU in
# any entry.
no_trace() {
	# shellcheck disable=SC2016 # for the inner shell
	in_machine 'find / -xdev \( -path /host -o -path /root -o -path /tmp -o -path /var/cache/apt \) -prune -o \
			-regextype posix-extended \
			-regex ".*/[^/]*iommu[-.](verify|install|target|check|modes)[^/]*|.*/(iommu|zzz?-iommu[^/]*)" \
			! -path "/usr/lib/modules/*" -print | grep . && exit 1
		grep iommu /boot/grub/grub.cfg && exit 1
		for image in /boot/initrd.img-*; do
			{ lsinitrd "$image" || lsinitramfs "$image"; } 2> /dev/null > /host/image
			[ "$(wc -l < /host/image)" -gt 100 ] || exit 1
			grep -E "iommu\.target|iommu-verify" /host/image && exit 1
		done; ls /boot/*iommu* 2> /dev/null && exit 1; exit 0'
}
