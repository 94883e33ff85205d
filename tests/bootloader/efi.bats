#!/usr/bin/env bats
# iommu-install on real Debian 13 systems that systemd-boot starts, without booting them: type 1 entries by
# kernel-install and by hand, unified kernel images by ukify. The EFI system partition is a file system in memory here;
# boot-efi.bats boots it.
bats_require_minimum_version 1.5.0

PT="intel_iommu=on amd_iommu=on iommu=pt"

setup() {
	load ../lib/efi
	load ../lib/carry
	load ../lib/kill
	KILL_MACHINE="efi_machine trixie systemd-boot initramfs-tools"
}

teardown() {
	efi_machine_end
}

in_machine() {
	in_efi_machine "$1"
}

# What a change may touch, with what it holds, but for the images of kernels.
sources() {
	in_machine 'for f in /etc/iommu.target /etc/kernel/cmdline /boot/efi/loader/entries/* /boot/efi/EFI/Linux/*; do
		[ ! -f "$f" ] || { stat -c "%n" "$f"; sha256sum < "$f"; }; done; find /boot -name "*iommu*"'
}

ENTRY_LINES='sed -n "s/^options *//p" /boot/efi/loader/entries/*.conf'
# not by our own code
IMAGE_LINES='for f in /boot/efi/EFI/Linux/*.efi; do grep -ao "root=LABEL[ -~]*" $f | head -n 1; done'

# A second kernel, by the distribution's own mechanism.
second_kernel() {
	in_machine 'k=$(ls /lib/modules | head -n 1); n=6.12.999-test; [ -e /boot/vmlinuz-$n ] || {
		cp -a /lib/modules/$k /lib/modules/$n; depmod $n; cp /boot/config-$k /boot/config-$n
		cp /boot/vmlinuz-$k /boot/vmlinuz-$n
		update-initramfs -c -k $n 2>&1 && kernel-install add $n /boot/vmlinuz-$n /boot/initrd.img-$n; }'
}

# four_modes LINES: each mode, a kernel added in between; every line right, what is foreign is there still; and back.
four_modes() {
	local mode words
	in_machine 'echo "root=LABEL=iommuroot rw console=ttyS0 no_timer_check iommu=soft,noagp crypt=a,b" \
		> /etc/kernel/cmdline
		k=$(ls /lib/modules); kernel-install add $k /boot/vmlinuz-$k /boot/initrd.img-$k'
	while read -r mode words; do
		in_machine "iommu-install $mode --force --initramfs=none"
		carry "$words" "{ $1; cat /etc/kernel/cmdline /etc/kernel/cmdline; } | sed 's/iommu=noagp/foreign/'"
		[[ $output == *"crypt=a,b"* && $output == *foreign* ]]
		[ "$mode" != strict ] || second_kernel
		carry "$words" "{ $1; cat /etc/kernel/cmdline /etc/kernel/cmdline; } | sed 's/iommu=noagp/foreign/'"
	done <<< "$FOUR_MODES"
	[ "$(in_machine "$1" | grep -c .)" = 2 ]
	in_machine 'iommu-install rollback --initramfs=none'
	carry "intel_iommu=on amd_iommu=on" \
		"{ $1; cat /etc/kernel/cmdline /etc/kernel/cmdline; } | sed 's/iommu=noagp/foreign/'"
}

# bats test_tags=boot
@test "systemd-boot: four modes, a kernel added by kernel-install in between, what is foreign stays, rollback" {
	efi_machine trixie systemd-boot initramfs-tools
	four_modes "$ENTRY_LINES"
}

# bats test_tags=boot
@test "unified kernel images: four modes, a kernel added by kernel-install in between, foreign words stay, rollback" {
	efi_machine trixie uki initramfs-tools
	four_modes "$IMAGE_LINES"
}

# there_and_back: a change goes back byte for byte, by rollback and by remove; what is in /boot is what the entry reads
# at each end.
there_and_back() {
	local before
	before=$(sources)
	in_machine 'iommu-install pt --force --on-mismatch=halt'
	[ "$(sources)" != "$before" ]
	in_machine 'cmp /boot/initrd.img-* /boot/efi/*/6*/initrd.img-*'
	in_machine 'iommu-install rollback'
	diff <(sources) <(echo "$before")
	in_machine 'iommu-install pt --force --on-mismatch=halt && iommu-install remove'
	diff <(sources) <(echo "$before")
	in_machine 'cmp /boot/initrd.img-* /boot/efi/*/6*/initrd.img-*'
}

@test "systemd-boot, images by a stand-in: rollback and remove give entry and /etc/kernel/cmdline back" {
	efi_machine trixie systemd-boot initramfs-tools
	cp "$BATS_TEST_DIRNAME/../lib/update-initramfs" "$BATS_TEST_TMPDIR"
	in_machine 'cp /host/update-initramfs /usr/sbin/'
	there_and_back
	run ! in_machine 'grep -aE "sbin/iommu-verify|iommu.target" /boot/initrd.img-*'
}

# bats test_tags=boot
@test "systemd-boot: rollback gives entry and /etc/kernel/cmdline back byte for byte, remove takes all out" {
	efi_machine trixie systemd-boot initramfs-tools
	there_and_back
	run ! in_machine 'lsinitramfs /boot/initrd.img-* | grep -E "sbin/iommu-verify|iommu.target"'
}

# bats test_tags=boot
@test "systemd-boot: /etc/kernel/cmdline that is a link to nothing is refused, also where nothing would be put there" {
	efi_machine trixie systemd-boot initramfs-tools
	local before
	in_machine 'ln -sfn /nowhere /etc/kernel/cmdline'
	before=$(sources)
	# Without kernel-install an absent file stays absent.
	run -5 in_machine 'mount --bind /dev/null /usr/bin/kernel-install
		iommu-install strict --force --initramfs=none'
	[[ $output == *"LINK_UNSAFE: /etc/kernel/cmdline"* ]]
	[ "$(sources)" = "$before" ]
}

# bats test_tags=boot
@test "systemd-boot without /etc/kernel/cmdline: it is made from the entry, so that the next kernel has the words too" {
	efi_machine trixie systemd-boot initramfs-tools
	in_machine 'rm /etc/kernel/cmdline; iommu-install pt --force --initramfs=none'
	[ "$(in_machine 'cat /etc/kernel/cmdline')" = "root=LABEL=iommuroot rw console=ttyS0 no_timer_check $PT" ]
	second_kernel
	carry "$PT" "$ENTRY_LINES"
}

# bats test_tags=boot
@test "systemd-boot, an entry written by hand: its options come to be one line with the words, nothing else changes" {
	efi_machine trixie systemd-boot initramfs-tools
	in_machine 'cd /boot/efi/loader/entries && k=$(ls /lib/modules) && mkdir /boot/efi/hand &&
		cp /boot/vmlinuz-$k /boot/initrd.img-$k /boot/efi/hand &&
		printf "# mine\ntitle By hand\r\nlinux /hand/vmlinuz-$k\ninitrd /hand/initrd.img-$k\n\
options root=LABEL=iommuroot\n\noptions rw iommu.passthrough=0" > hand.conf
		printf "title Other loader\nefi /EFI/BOOT/BOOTX64.EFI\n" > other.conf
		printf "title Other system\nmachine-id ffffffffffffffffffffffffffffffff\nsort-key other\n\
linux /hand/vmlinuz-$k\n\
options iommu=off\n" > foreign.conf
		iommu-install pt --force --initramfs=none'
	[ "$(in_machine 'cat /boot/efi/loader/entries/hand.conf')" = "# mine
title By hand"$'\r'"
linux /hand/vmlinuz-$(in_machine 'ls /lib/modules')
initrd /hand/initrd.img-$(in_machine 'ls /lib/modules')
options root=LABEL=iommuroot rw $PT" ]
	in_machine 'cd /boot/efi/loader/entries; grep -x "options iommu=off" foreign.conf
		grep -c . other.conf | grep -x 2'
}

# A GRUB that is installed and did not boot the machine; its programs are stand-ins that must not be run.
with_grub() {
	in_machine 'mkdir -p /boot/grub /etc/default; echo GRUB_CMDLINE_LINUX= > /etc/default/grub
		printf "%s\n" "### BEGIN /etc/grub.d/10_linux ###" "menuentry x {" \
			"linux /boot/vmlinuz-$(ls /lib/modules) $(sed "s/^initrd=[^ ]* *//" /proc/cmdline)" \
			"initrd /boot/initrd.img-$(ls /lib/modules)" "}" \
			"### END /etc/grub.d/10_linux ###" > /boot/grub/grub.cfg
		for p in update-grub grub-mkconfig; do
			printf "#!/bin/sh\n# /etc/default/grub.d\ntouch /called\n" > /usr/sbin/$p
			chmod 755 /usr/sbin/$p
		done'
}

# bats test_tags=boot
@test "GRUB is installed, even with the same line, and systemd-boot started it: its entries are changed, GRUB's not" {
	efi_machine trixie systemd-boot initramfs-tools
	with_grub
	in_machine 'grep "root=LABEL=iommuroot" /boot/grub/grub.cfg; iommu-install pt --force --initramfs=none
		[ ! -e /called ]; ! grep iommu=pt /boot/grub/grub.cfg'
	carry "$PT" "$ENTRY_LINES; $ENTRY_LINES"
}

# bats test_tags=boot
@test "two boot loaders with the same line, and no variable of the firmware's: GRUB's own word on it tells them apart" {
	efi_machine trixie systemd-boot initramfs-tools
	with_grub
	local no_variable='rm /sys/firmware/efi/efivars/*'
	# GRUB's stand-in makes nothing, so that nothing can be done.
	run -1 in_machine "$no_variable"'
		echo "BOOT_IMAGE=/boot/vmlinuz $(sed "s/^initrd=[^ ]* *//" /proc/cmdline)" > /run/line
		umount /proc/cmdline; mount --bind /run/line /proc/cmdline; iommu-install pt --force --initramfs=none
		s=$?; ls /called; exit $s'
	[[ $output == *"update-grub reports success, but wrote nothing"*"/called"* ]]
	run ! in_machine 'grep iommu=pt /boot/efi/loader/entries/*'
	in_machine "$no_variable"'; rm -f /called; iommu-install pt --force --initramfs=none; [ ! -e /called ]
		! grep iommu=pt /boot/grub/grub.cfg'
	carry "$PT" "$ENTRY_LINES; $ENTRY_LINES"
}

# bats test_tags=boot
@test "without a proof which of two boot loaders it was, nothing is changed: BOOTLOADER_UNPROVEN" {
	efi_machine trixie systemd-boot initramfs-tools
	with_grub
	local before
	before=$(sources)
	in_machine 'echo "root=/dev/other" > /run/line; umount /proc/cmdline; mount --bind /run/line /proc/cmdline
		iommu-install pt --force --initramfs=none; [ $? = 5 ]' 2> "$BATS_TEST_TMPDIR/err"
	grep "BOOTLOADER_UNPROVEN: .*--backend=systemd-boot" "$BATS_TEST_TMPDIR/err"
	[ "$(sources)" = "$before" ]
}

# bats test_tags=boot
@test "unified kernel images that are not made here, or are signed: UKI_FOREIGN or UKI_SIGNED, nothing is changed" {
	efi_machine trixie uki initramfs-tools
	in_machine 'mv /etc/kernel/install.conf /root'
	local before
	before=$(sources)
	run in_machine 'iommu-install pt --force'
	echo "$output"
	[ "$status" = 5 ]
	[[ $output == *"UKI_FOREIGN: "*"not made here"*"--emit=ukify-addon"* ]]
	[ "$(sources)" = "$before" ]
	run in_machine 'mkdir -p /etc/mkinitcpio.d; echo "default_uki=/boot/efi/EFI/Linux/arch-linux.efi" \
		> /etc/mkinitcpio.d/linux.preset; iommu-install pt --force; s=$?; rm -r /etc/mkinitcpio.d; exit $s'
	[ "$status" = 5 ]
	[[ $output == *"UKI_FOREIGN: "*"mkinitcpio makes"*"/etc/mkinitcpio.d/linux.preset"* ]]
	# The certificate table's place in the optional header: a size and an address are all that a signature takes to
	# be seen.
	in_machine 'mv /root/install.conf /etc/kernel
		sed "s/^/#/" > /etc/kernel/uki.conf <<< "SecureBootPrivateKey=/key"
		f=$(ls /boot/efi/EFI/Linux/*.efi); pe=$(od -An -tu4 -j60 -N4 $f)
		printf "\1\0\0\0\10\0\0\0" | dd of=$f bs=1 seek=$((pe + 24 + 112 + 32)) conv=notrunc status=none'
	before=$(sources)
	run in_machine 'iommu-install pt --force'
	[ "$status" = 5 ]
	[[ $output == *"UKI_SIGNED: "*"are signed"* ]]
	[ "$(sources)" = "$before" ]
}

# bats test_tags=boot
@test "what --emit=ukify-addon prints is what the real ukify makes an addon of" {
	efi_machine trixie uki initramfs-tools
	in_machine 'iommu-install pt --emit=ukify-addon > /tmp/addon.conf &&
		ukify build --config=/tmp/addon.conf --output=/tmp/iommu.addon.efi
		grep -ao "intel_iommu=[ -~]*" /tmp/iommu.addon.efi > /host/line; [ ! -e /etc/iommu.target ]'
	[ "$(< "$BATS_TEST_TMPDIR/line")" = "$PT" ]
}

# bats test_tags=boot
@test "an addon that contradicts the mode, and a Cmdline= in uki.conf, are found out, and nothing is changed" {
	efi_machine trixie uki initramfs-tools
	local before
	in_machine 'mkdir -p /boot/efi/loader/addons
		ukify build --cmdline=iommu=nopt --output=/boot/efi/loader/addons/x.addon.efi 2>&1'
	before=$(sources)
	run in_machine 'iommu-install pt --force --backend=uki'
	echo "$output"
	[ "$status" = 1 ]
	[[ $output == *"does not have exactly the mode's"*"iommu=nopt"*"everything is as it was before"* ]]
	[ "$(sources)" = "$before" ]
	in_machine 'rm -r /boot/efi/loader/addons; printf "[UKI]\nCmdline=quiet\n" > /etc/kernel/uki.conf'
	run in_machine 'iommu-install pt --force --backend=uki'
	[ "$status" = 1 ]
	[[ $output == *"/etc/kernel/uki.conf:2: Cmdline="* ]]
}

# bats test_tags=boot
@test "systemd-boot: killed, and with a full disk, while pt becomes strict: every entry starts, and resume finishes" {
	kill_points strict kill 11
	kill_points strict ENOSPC 23
	kill_points rollback kill 29
}

# damaged TEXT: the mode is refused by one line with TEXT, and nothing is changed.
damaged() {
	local before
	before=$(sources)
	run -1 in_machine 'iommu-install pt --force --initramfs=none --backend='"$2"
	echo "$output"
	[[ $output == *"iommu-install: "*"$1"* && $(wc -l <<< "$output") = 1 ]]
	[ "$(sources)" = "$before" ]
}

# bats test_tags=boot
@test "a unified kernel image that is cut short, or is none, is named, and nothing is changed" {
	efi_machine trixie uki initramfs-tools
	local image
	image=$(in_machine 'ls /boot/efi/EFI/Linux/*.efi')
	in_machine "head -c 9000000 $image > /root/short; cp $image /root; cp /root/short $image"
	damaged "$image: is no unified kernel image, or cut short" uki
	in_machine "head -c 300 /root/short > $image"
	damaged "$image: is no unified kernel image, or cut short" uki
	in_machine "head -c 100000 /dev/urandom > $image"
	damaged "$image: is no unified kernel image, or cut short" uki
	in_machine ": > $image"
	damaged "$image: is no unified kernel image, or cut short" uki
}

@test "what is no entry of systemd-boot, or a damaged one, is listed, stays as it is, and is in nobody's way" {
	efi_machine trixie systemd-boot initramfs-tools
	local dir=/boot/efi/loader/entries
	in_machine "printf 'title x\n\n\0\nlinux /a\n' > $dir/nul.conf; printf 'title x\n' > $dir/none.conf
		mkdir $dir/dir.conf; cp -a $dir /root/before"
	in_machine 'iommu-install pt --force --initramfs=none --backend=systemd-boot'
	in_machine "cmp $dir/nul.conf /root/before/nul.conf; cmp $dir/none.conf /root/before/none.conf
		[ -d $dir/dir.conf ]; ! cmp -s $dir/*amd64.conf /root/before/*amd64.conf"
	run in_machine 'iommu-install check --json'
	[ "$(jq -r '[.entries[].counted] | sort | join(" ")' <<< "$output")" = "false false false true" ]
}
