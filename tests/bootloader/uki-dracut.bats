#!/usr/bin/env bats
# Unified kernel images that the real dracut of Debian 13 makes, without booting them. `make check-full` only.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2016 # for the inner shell
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup() {
	load ../lib/efi
	load ../lib/carry
}

teardown() {
	efi_machine_end
}

in_machine() {
	in_efi_machine "$1"
}

LINES='for f in /boot/efi/EFI/Linux/*.efi; do grep -ao "root=LABEL[ -~]*" $f | head -n 1; done' # not by our own code

# A system that is started by such an image, and by nothing else.
uki_machine() {
	efi_machine trixie dracut-uki dracut
	in_machine 'rm -r /boot/efi/loader/entries/* /boot/efi/*/[0-9]* /etc/kernel/cmdline
		printf "%s\n" uefi=yes "kernel_cmdline=\"  root=LABEL=iommuroot rw   console=ttyS0 no_timer_check \
iommu=soft,noagp crypt=a,b\"" > /etc/dracut.conf.d/mine.conf
		dracut --force --quiet --uefi --kver "$(ls /lib/modules)"'
}

# What a change may touch.
sources() {
	in_machine 'for f in /etc/iommu.target /etc/dracut.conf.d/*; do
			[ ! -f "$f" ] || { stat -c "%n" "$f"; sha256sum < "$f"; }
		done
		find /boot -name "*iommu*"; ls /boot/efi/EFI/Linux; '"$LINES"
}

@test "four modes in a row, a kernel added by dracut in between, what is foreign stays, rollback" {
	uki_machine
	local mode words all="{ $LINES; $LINES; } | sed 's/iommu=noagp/foreign/'"
	while read -r mode words; do
		in_machine "iommu-install $mode --force --initramfs=none"
		carry "$words" "$all"
		[[ $output == *"rw"*"console=ttyS0 no_timer_check foreign crypt=a,b"* ]]
		[ "$mode" != strict ] || in_machine 'k=$(ls /lib/modules); n=${k/6.12./6.99.}
			cp -a /lib/modules/$k /lib/modules/$n; depmod $n
			cp /boot/config-$k /boot/config-$n; sed "s/$k/$n/" /boot/vmlinuz-$k > /boot/vmlinuz-$n
			dracut --force --quiet --uefi --kver $n'
		carry "$words" "$all"
	done <<< "$FOUR_MODES"
	[ "$(in_machine "$LINES" | grep -c .)" = 2 ]
	in_machine 'iommu-install rollback --initramfs=none'
	carry "intel_iommu=on amd_iommu=on" "$all"
	in_machine 'grep -x "kernel_cmdline=.*iommu=soft,noagp crypt=a,b\"" /etc/dracut.conf.d/mine.conf'
}

@test "kernel-install's images with dracut as uki_generator: the words are in them, and in one that is made later" {
	efi_machine trixie dracut-uki dracut
	in_machine 'rm -r /boot/efi/loader/entries/* /boot/efi/*/[0-9]*
		printf "layout=uki\nuki_generator=dracut\n" > /etc/kernel/install.conf
		echo "kernel_cmdline=\"root=LABEL=iommuroot rw iommu=soft\"" > /etc/dracut.conf.d/mine.conf
		k=$(ls /lib/modules); kernel-install add $k /boot/vmlinuz-$k'
	in_machine 'iommu-install pt --force --initramfs=none'
	carry "intel_iommu=on amd_iommu=on iommu=pt" "$LINES; $LINES"
	in_machine 'k=$(ls /lib/modules); kernel-install add $k /boot/vmlinuz-$k'
	carry "intel_iommu=on amd_iommu=on iommu=pt" "$LINES; $LINES"
	in_machine 'iommu-install remove --initramfs=none'
	# Again as it is configured.
	[ "$(in_machine "$LINES")" = "root=LABEL=iommuroot rw iommu=soft" ]
}

@test "with a stopping policy line and check are in the image together; check says so; rollback gives all back" {
	uki_machine
	local before
	before=$(sources)
	in_machine 'iommu-install pt --force --on-mismatch=halt'
	# This machine's firmware may have no IOMMU to offer.
	in_machine 'iommu-install check --json || [ $? = 2 ]' > "$BATS_TEST_TMPDIR/check"
	jq -e '(.entries | length) == 1 and (.entries[0] | .counted and .mode == "pt" and .target == "pt" and .hook)' \
		"$BATS_TEST_TMPDIR/check"
	in_machine "$(cat "$BATS_TEST_DIRNAME/../lib/judge.sh")"'
		objcopy -O binary --only-section=.initrd /boot/efi/EFI/Linux/*.efi /tmp/initrd
		target_in /tmp/initrd | grep -x mode=pt'
	in_machine 'iommu-install rollback'
	diff <(sources) <(echo "$before")
}

@test "an image whose line is not what dracut's settings give, or without the check, is not taken; all is as it was" {
	uki_machine
	local before
	in_machine 'dracut --force --quiet --uefi --kernel-cmdline "only.here=1" --kver "$(ls /lib/modules)"'
	before=$(sources)
	run -1 in_machine 'iommu-install pt --force'
	echo "$output"
	[[ $output == \
		*"kernel command line"*"everything is as it was before"* ]]
	[ "$(sources)" = "$before" ]
	in_machine 'dracut --force --quiet --uefi --kver "$(ls /lib/modules)"
		echo "omit_dracutmodules+=\" iommu-verify \"" > /etc/dracut.conf.d/omit.conf'
	before=$(sources)
	run -1 in_machine 'iommu-install pt --force --initramfs=none'
	echo "$output"
	[[ $output == *"dracut reports success, but the image does not hold /etc/iommu.target and the check"*\
"everything is as it was before"* ]]
	[ "$(sources)" = "$before" ]
}
