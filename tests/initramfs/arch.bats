#!/usr/bin/env bats
# Arch Linux's way: mkinitcpio, whose presets make one or more images of a kernel called after its package. The layout
# is a stand-in made by hand on a Debian disk, and so is mkinitcpio unless MKINITCPIO= names its source.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/arch
	load ../lib/carry
	[[ -z ${MKINITCPIO:-} ]] || command -v bsdtar > /dev/null ||
		{ echo "the real mkinitcpio needs bsdtar (libarchive-tools)"; return 1; }
	judge=$(cat "$BATS_TEST_DIRNAME/../lib/judge.sh")
}

teardown() {
	machine_end
}

# unpacked IMAGE: the names in it.
unpacked() {
	in_machine "$judge; unpack /boot/$1 /run/i; cd /run/i; find . -mindepth 1 -printf '%P\n'"
}

# file_in IMAGE FILE: what that holds there.
file_in() {
	in_machine "$judge; unpack /boot/$1 /run/i; cat /run/i/$2"
}

# bats test_tags=boot
@test "Arch's layout: four modes in a row, a kernel added in between, what is foreign stays, rollback" {
	arch_machine
	local mode words
	while read -r mode words; do
		in_machine "iommu-install $mode --force --on-mismatch=halt"
		carry "$words" "$ARCH_LINES | sed 's/iommu=noagp/foreign/'"
		[[ $output == *"crypt=a,b"* && $output == *foreign* ]]
		[ "$mode" != strict ] || arch_second_kernel
		carry "$words" "$ARCH_LINES | sed 's/iommu=noagp/foreign/'"
		in_machine 'iommu-install check' | sed -n '/^  *initramfs/p' > "$BATS_TEST_TMPDIR/images"
		run -0 sort -u "$BATS_TEST_TMPDIR/images"
		[[ $output != *"not counted"* && $(grep -c "wants $mode, stops" <<< "$output") -ge 2 ]]
	done <<< "$FOUR_MODES"
	[ "$(grep -c linux-lts "$BATS_TEST_TMPDIR/images")" -ge 2 ]
	in_machine 'iommu-install rollback'
	carry "intel_iommu=on amd_iommu=on" "$ARCH_LINES | sed 's/iommu=noagp/foreign/'"
	[[ $(file_in initramfs-linux-lts-fallback.img etc/iommu.target) == *mode=strict* ]]
}

@test "both images of a kernel hold the check, as the first early hook; remove takes it out of both again" {
	arch_machine
	in_machine 'iommu-install pt --force --on-mismatch=halt'
	local image
	for image in initramfs-linux.img initramfs-linux-fallback.img; do
		run -0 unpacked "$image"
		[[ $output == *bin/iommu-verify* && $output == *etc/iommu.target* &&
			$output == *usr/lib/iommu-verify/check.sh* ]]
		[[ $(file_in "$image" config) == 'EARLYHOOKS="iommu-verify udev"'* ||
			$(file_in "$image" config) == *$'\nEARLYHOOKS="iommu-verify udev"'* ]]
		[[ $(file_in "$image" usr/lib/iommu-verify/check.sh) == *iommu_verify_stop* ]]
		[[ $(file_in "$image" usr/lib/iommu-verify/image.conf) == *"kernel=$(in_machine 'ls /lib/modules')"* ]]
	done
	in_machine 'iommu-install remove; test ! -e /etc/mkinitcpio.conf.d/zz-iommu-verify.conf'
	for image in initramfs-linux.img initramfs-linux-fallback.img; do
		run -0 unpacked "$image"
		[[ $output != *iommu* ]]
	done
	run ! in_machine 'ls /boot | grep iommu'
}

# bats test_tags=boot
@test "an image with the systemd hook gets the unit that stops the machine" {
	[ -z "${MKINITCPIO:-}" ] || skip "Debian has no files for the systemd hook"
	arch_machine
	in_machine 'echo "HOOKS=\"base systemd autodetect\"" > /etc/mkinitcpio.conf
		iommu-install pt --force --on-mismatch=halt'
	run -0 unpacked initramfs-linux.img
	[[ $output == *etc/systemd/system/sysinit.target.requires/iommu-verify.service* ]]
	[[ $output == *usr/lib/systemd/system/iommu-verify.service.d/stop.conf* && $output != *hooks/iommu-verify* ]]
	in_machine 'iommu-install pt --force --on-mismatch=warn'
	run -0 unpacked initramfs-linux.img
	[[ $output == *etc/systemd/system/sysinit.target.wants/iommu-verify.service* && $output != *stop.conf* ]]
}

# bats test_tags=boot
@test "a preset that keeps drop-ins out leaves no check in the image: that is said, and everything is as it was" {
	arch_machine
	in_machine 'sed -i "1i ALL_config=/etc/mkinitcpio.conf" /etc/mkinitcpio.d/linux.preset'
	local before
	before=$(files_of_machine)
	run -1 in_machine 'iommu-install pt --force --on-mismatch=halt'
	[[ $output == */boot/initramfs-linux*holds\ no\ target* ]]
	diff <(files_of_machine) <(echo "$before")
	in_machine 'sed -i "s/HOOKS=(/HOOKS=(iommu-verify /" /etc/mkinitcpio.conf &&
		iommu-install pt --force --on-mismatch=halt'
}

# bats test_tags=boot
@test "a hook that comes before the check is no check: that is said, and everything is as it was" {
	arch_machine
	in_machine 'echo "HOOKS=(base udev iommu-verify)" > /etc/mkinitcpio.conf.d/zzz.conf'
	local before
	before=$(files_of_machine)
	run -1 in_machine 'iommu-install pt --force --on-mismatch=halt'
	[[ $output == */boot/initramfs-linux*EARLYHOOKS* ]]
	diff <(files_of_machine) <(echo "$before")
}

# bats test_tags=boot
@test "an image that no preset makes, and a mkinitcpio that fails, are told; everything is as it was" {
	arch_machine
	local before
	before=$(files_of_machine)
	in_machine 'mv /etc/mkinitcpio.d/linux.preset /etc/mkinitcpio.d/other'
	run -1 in_machine 'iommu-install pt --force --on-mismatch=halt'
	[[ $output == *"no preset in /etc/mkinitcpio.d builds /boot/initramfs-linux"* ]]
	in_machine 'mv /etc/mkinitcpio.d/other /etc/mkinitcpio.d/linux.preset
		echo "HOOKS+=(nosuchhook)" > /etc/mkinitcpio.conf.d/a.conf
		mkdir -p /usr/lib/initcpio/install; touch /usr/lib/initcpio/install/base'
	[ -n "${MKINITCPIO:-}" ] || in_machine 'echo "build() { :; }" > /usr/lib/initcpio/install/base'
	run -1 in_machine 'iommu-install pt --force --on-mismatch=halt'
	[[ $output == *mkinitcpio-image\ failed* || $output == *mkinitcpio\ failed* ]]
	diff <(files_of_machine) <(echo "$before")
}

# bats test_tags=boot
@test "too little room for a new image beside the old one: that is whole, where mkinitcpio itself would write over it" {
	arch_machine
	in_machine 'head -c 6000000 /dev/urandom > /etc/fill; echo "FILES=(/etc/fill)" >> /etc/mkinitcpio.conf
		mkinitcpio -P 2>&1'
	local script='mkdir /small && mount -t tmpfs -o size=SIZEk tmpfs /small && cp -a /boot/. /small &&
		mount --move /small /boot
		file=/boot/initramfs-linux.img; inode=$(stat -c %i $file)'
	script=${script/SIZE/$(in_machine 'echo $(($(du -sk /boot | cut -f 1) + 20000))')}
	script+='; head -c $(($(stat -f -c "%a*%S" /boot) - 6800000)) /dev/zero > /boot/rest'
	# mkinitcpio: the same file with another content.
	run -0 in_machine "$script; mkinitcpio -p linux 2>&1; [ \$(stat -c %i \$file) = \$inode ] && echo written over"
	[[ $output == *"written over" ]]
	run in_machine "$script; sha256sum /boot/initramfs* /boot/grub/grub.cfg > /host/before
		iommu-install pt --force --on-mismatch=halt; echo status \$?
		sha256sum -c --quiet /host/before && echo the same"
	[[ $output == *"status "[15]$'\n'"the same" ]]
}
