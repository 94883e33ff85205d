#!/bin/bash
# Reads a boot disk at every flush of a log of its writes, as GRUB does: without replaying the file system's journal.
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs inside a machine, which has grub-fstest. /host/before.img is the disk when the log began, /host/boot.log the log.
# Prints each point at which an entry would not start, and last: FLUSHES flushes, WRONG wrong.
set -u

# shellcheck source=tests/lib/judge.sh
. "${BASH_SOURCE[0]%/*}/judge.sh"

disk=/host/replayed.img
boot=$(mktemp -d)
scratch=$(mktemp -d)

# read_boot: what GRUB finds on the disk, in $boot. Kernels do not change, and are big: the first bytes will do.
read_boot() {
	local file
	mkdir -p "$boot/grub"
	grub-fstest "$disk" cat /grub/grub.cfg >"$boot/grub/grub.cfg" 2>/dev/null || return
	while read -r file; do
		case $file in
		vmlinuz*) grub-fstest -n 4096 "$disk" cat "/$file" >"$boot/$file" 2>/dev/null || return ;;
		*) grub-fstest "$disk" cat "/$file" >"$boot/$file" 2>/dev/null || return ;;
		esac
	done < <(
		sed -n 's/^[[:space:]]*\(linux\|initrd\)[[:space:]]*\/\([^ ]*\).*/\2/p' "$boot/grub/grub.cfg" | sort -u
	)
}

cp --sparse=always /host/before.img "$disk"
flushes=0 wrong=0
coproc /host/replay /host/boot.log "$disk"
while read -r number <&"${COPROC[0]}"; do
	flushes=$number
	if ! { read_boot && judge "$boot" "$scratch" 2; } >"$scratch/said" 2>&1; then
		wrong=$((wrong + 1))
		echo "--- flush $number: $(cat "$scratch/said")"
	fi
	sha256sum "$boot"/grub/grub.cfg "$boot"/initrd* >>"$scratch/seen" 2>/dev/null
	echo >&"${COPROC[1]}"
done
echo "$flushes flushes, $wrong wrong, $(sort -u "$scratch/seen" | wc -l) different files seen"
[ "$flushes" -gt 20 ] && [ "$wrong" = 0 ] && cmp "$disk" /host/boot.img
