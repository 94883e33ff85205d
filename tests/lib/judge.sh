#!/bin/bash
# Reads a /boot as the next boot would, and says what would not start. Not by our own code: that is what is tested.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# The modes that a line can come up in, as this test reads it.
modes_of() {
	case " $1 " in
	*" intel_iommu=off "*" vfio.enable_unsafe_noiommu_mode=1 "*) echo off-for-vfio ;;
	*" intel_iommu=off "*) echo off-for-uio ;;
	*" iommu=pt "*) echo pt ;;
	*" intel_iommu=on "*) echo strict ;;
	*) echo off-for-uio strict pt ;;
	esac
}

# unpack IMAGE DIR: an archive, or one that gzip or zstd made smaller; another, uncompressed one can stand before that
# of zstd. Then what was laid behind it.
unpack() {
	local at
	for at in $(LC_ALL=C grep -obUaP '\x28\xb5\x2f\xfd' "$1" | head -n 20 | cut -d: -f1) none; do
		rm -rf "$2"
		mkdir -p "$2"
		if [ "$at" = none ]; then
			{ gzip -dcq "$1" || cat "$1"; } | (cd "$2" && cpio -id --quiet)
		else
			(cd "$2" && tail -c +$((at + 1)) "$1" | zstd -dcq | cpio -id --quiet)
		fi 2>/dev/null && { [ -s "$2/init" ] || [ -s "$2/config" ]; } && unpack_tail "$1" "$2" && return
	done
	return 1
}

# unpack_tail IMAGE DIR: it says where it begins: the name of its first member stands 110 bytes into it.
unpack_tail() {
	local at
	at=$(LC_ALL=C grep -obUa usr/lib/iommu-verify/laid-over "$1" | tail -n 1 | cut -d: -f1)
	[ ! "$at" ] || (cd "$2" && tail -c +$((at - 109)) "$1" | cpio -idu --quiet)
}

# target_in IMAGE: its target, that of what was laid behind it if that has one.
target_in() {
	local at
	at=$(LC_ALL=C grep -obUa usr/lib/iommu-verify/laid-over "$1" | tail -n 1 | cut -d: -f1)
	[ ! "$at" ] ||
		! tail -c +$((at - 109)) "$1" | cpio -i --quiet --to-stdout etc/iommu.target 2>/dev/null | grep . ||
		return 0
	lsinitrd -f etc/iommu.target "$1"
}

# Would an image with this check start in that mode, with these words? Says what is wrong.
accepted() {
	local target=$1/etc/iommu.target mode=$2 words=$3
	grep -Eq "^mode=$mode\$|^accept=(.*,)?$mode(,.*)?\$" "$target" ||
		{ echo "$mode is refused: $words: $(xargs <"$target")"; return 1; }
	case $words in
	*allow_unsafe_interrupts=1*)
		grep -q '^allow-unsafe-interrupts=yes' "$target" ||
			{ echo "unsafe interrupts are refused: $words"; return 1; }
		;;
	esac
}

# judge BOOT SCRATCH ENTRIES: that directory has so many entries at least, each with a kernel and an initramfs that is
# whole and starts in the mode its line gives.
judge() {
	local boot=$1 image=$2/image line words='' initrd=none mode entries=0
	grub-script-check "$boot/grub/grub.cfg" || { echo "grub.cfg is damaged"; return 1; }
	while IFS= read -r line; do
		case $line in
		*linux*vmlinuz*)
			entries=$((entries + 1)) initrd=
			words=${line#*vmlinuz}
			[ -s "$boot/vmlinuz${words%% *}" ] || { echo "no kernel: $line"; return 1; }
			;;
		*initrd*)
			initrd=$boot/${line##*/}
			unpack "$initrd" "$image" || { echo "$initrd is damaged"; return 1; }
			grep -qs '^enforce=' "$image/usr/lib/iommu-verify/image.conf" || continue
			if [ ! -s "$image/etc/iommu.target" ]; then
				grep -q '^enforce=no' "$image/usr/lib/iommu-verify/image.conf" && continue
				echo "$initrd has no target" && return 1
			fi
			grep -q '^on-mismatch=' "$image/etc/iommu.target" || continue
			for mode in $(modes_of "$words"); do accepted "$image" "$mode" "$words" || return; done
			;;
		'}')
			[ "$initrd" ] || { echo "an entry without an initrd"; return 1; }
			;;
		esac
	done < <(sed -n '/BEGIN .*10_linux/,/END .*10_linux/p' "$boot/grub/grub.cfg")
	[ "$entries" -ge "$3" ] || { echo "$entries entries"; return 1; }
}

# judge_esp ESP SCRATCH ENTRIES: the same of what systemd-boot reads there: type 1 entries.
judge_esp() {
	local esp=$1 dir=$2/boot entry kver
	rm -rf "$dir"
	mkdir -p "$dir/grub"
	for entry in "$esp"/loader/entries/*.conf; do
		kver=$(sed -n 's/^version[[:space:]]*//p' "$entry")
		cp "$esp$(sed -n 's/^linux[[:space:]]*//p' "$entry")" "$dir/vmlinuz-$kver" || return
		cp "$esp$(sed -n 's/^initrd[[:space:]]*//p' "$entry")" "$dir/initrd.img-$kver" || return
		printf 'linux /vmlinuz-%s %s\n' "$kver" "$(sed -n 's/^options[[:space:]]*//p' "$entry")"
		printf '%s\n' "initrd /initrd.img-$kver" '}'
	done >"$dir/entries"
	{ echo '### BEGIN 10_linux'; cat "$dir/entries"; echo '### END 10_linux'; } >"$dir/grub/grub.cfg"
	grub-script-check() { :; } # it is not there
	judge "$dir" "$2" "$3"
}
