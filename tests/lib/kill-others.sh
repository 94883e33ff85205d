#!/bin/bash
# Another hand between the cut and what finishes it: iommu-install is killed at its own system calls, somebody does
# something, and it goes on.
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs inside a machine (in_machine), beside kill.sh and others.sh. usage: kill-others.sh SCENARIO HAND STEP: every
# STEPth point, with that hand, or with all of them by turns. Prints a line for each point that went wrong, and last:
# COUNT of POINTS points, WRONG wrong.
set -u

# shellcheck source=tests/lib/others.sh
. "${BASH_SOURCE[0]%/*}/others.sh"
WORK=/host/kill-others
ADDED=6.1.0-98-amd64 # a kernel that comes
HERE=(kernel-new kernel-gone tool image configured entry policy)

# comes: somebody installs a kernel, with its image and its entries.
comes() {
	cp -al "/usr/lib/modules/$NEW" "/usr/lib/modules/$ADDED"
	cp "/boot/vmlinuz-$NEW" "/boot/vmlinuz-$ADDED"
	cp "/boot/config-$NEW" "/boot/config-$ADDED"
	real-update-initramfs -c -k "$ADDED"
	if [ "$LOADER" = grub ]; then
		real-update-grub >/dev/null 2>&1
		return
	fi
	local n
	mkdir -p "/boot/efi/id/$ADDED"
	cp "/boot/vmlinuz-$ADDED" "/boot/efi/id/$ADDED/linux"
	cp "/boot/initrd.img-$ADDED" "/boot/efi/id/$ADDED"
	for n in a b; do # as kernel-install makes it
		printf '%s\n' "title $n" "version $ADDED" "options $(</etc/kernel/cmdline)" "linux /id/$ADDED/linux" \
			"initrd /id/$ADDED/initrd.img-$ADDED" >"$ENTRIES/$ADDED-$n.conf"
	done
}

# does HAND: somebody does that.
does() {
	case $1 in
	kernel-new) comes ;;
	kernel-gone) hand target kernel-gone ;;
	tool) hand target tool ;;
	image) image_anew image; [ "$LOADER" = grub ] || image_anew placed ;;
	configured)
		if [ "$LOADER" = grub ]; then
			echo '# mark' >>/etc/default/grub
			sed -i 's/^GRUB_CMDLINE_LINUX="/&mark /' /etc/default/grub
		else
			hand cmdline edit
		fi
		;;
	entry)
		if [ "$LOADER" = grub ]; then
			hand made edit
		else
			hand entry edit
			mv "$ENTRIES/$NEW-b.conf" "$ENTRIES/$NEW-b+2-1.conf"
		fi
		;;
	policy)
		policy=none
		[ ! -e /etc/iommu.target ] || { policy=edited && hand target edit; }
		;;
	esac
}

# is_kept HAND WHEN: nothing of that is lost. What no target is left of has no policy either.
is_kept() {
	case $1 in
	kernel-new)
		[ -s "/boot/initrd.img-$ADDED" ] && grep -rqs "$ADDED" /boot/grub/grub.cfg "$ENTRIES"
		;;
	kernel-gone) kept target kernel-gone ;;
	tool) kept target tool ;;
	image)
		grep -aq another-crypttab "/boot/initrd.img-$NEW" || return
		[ "$LOADER" = grub ] || grep -aq another-crypttab "$(path_of placed)"
		;;
	configured) grep -q mark "$(if [ "$LOADER" = grub ]; then path_of default; else path_of cmdline; fi)" ;;
	entry)
		[ "$LOADER" = grub ] || { grep -q mark "$ENTRIES/$NEW-a.conf" &&
			[ ! -e "$ENTRIES/$NEW-b.conf" ] && [ -e "$ENTRIES/$NEW-b+2-1.conf" ]; }
		;;
	policy)
		[ ! -e /etc/iommu.target ] || [ "$2" != resumed ] || [ "$policy" = none ] ||
			grep -q '^on-mismatch=poweroff' /etc/iommu.target
		;;
	esac
}

entries_with() {
	case $1 in
	kernel-new) echo 6 ;;
	kernel-gone) echo 2 ;;
	*) echo 4 ;;
	esac
}

# fine HAND WHEN: every entry starts, none is missing, nothing is lost.
fine() {
	judge_with "$(entries_with "$1")" && is_kept "$1" "$2" && return
	echo "wrong when $2"
	cat "$WORK/said"
	return 1
}

# point NAME N HAND
point() {
	local name=$1 n=$2 hand=$3 path
	reset
	rm -rf "$MODULES.gone" "/usr/lib/modules/$ADDED"
	[ -e "$MODULES" ] || cp -al "$FIRST" "$MODULES"
	rm -f /etc/crypttab /etc/grub.d/41_mark
	traced -o /dev/null -e "trace=$name" -e "inject=$name:signal=KILL:when=$n"
	does "$hand" >/dev/null 2>&1
	judge_with "$(entries_with "$hand")" || { echo "stranded before it goes on"; return 1; }
	run_in '0 1 5' iommu-install resume || return
	fine "$hand" resumed || return
	run_in 0 iommu-install pt --on-mismatch=warn --force "--backend=$LOADER" || return
	fine "$hand" 'warn was set' || return
	run_in 0 iommu-install strict --on-mismatch=halt --force "--backend=$LOADER" || return
	fine "$hand" 'another mode was set' || return
	run_in 0 iommu-install remove || return
	fine "$hand" removed || return
	for path in /etc/iommu.target /etc/default/grub.d/zzz-iommu.cfg /run/iommu/pending; do
		[ ! -e "$path" ] || [ "$path" = /run/iommu/pending ] || { echo "$path is left"; return 1; }
	done
}

kill_others() {
	local scenario=$1 which=$2 step=$3 i=0 looked=0 wrong=0 name n hand
	mkdir -p "$WORK/objects"
	install "${BASH_SOURCE[0]%/*}/update-initramfs" /usr/sbin/update-initramfs
	with_crypttab
	FIRST=$(echo /usr/lib/modules/6*)
	rm -f /usr/sbin/real-*
	cp -al "$FIRST" "$MODULES"
	two_kernels && wrap && scenario "$scenario" || exit 1
	keep "$WORK/start"
	points kill >"$WORK/points"
	grep -q '^+++ exited with 0' "$WORK/trace" || { cat "$WORK/said"; exit 1; }
	while read -r name n; do
		i=$((i + 1))
		[ $((i % step)) = 0 ] || continue
		hand=$which
		[ "$which" != turns ] || hand=${HERE[looked % ${#HERE[@]}]}
		looked=$((looked + 1))
		point "$name" "$n" "$hand" >"$WORK/wrong" 2>&1 && continue
		wrong=$((wrong + 1))
		echo "--- $hand after $name number $n (point $i):"
		cat "$WORK/wrong"
	done <"$WORK/points"
	echo "$scenario, $LOADER, $which: $looked of $i points, $wrong wrong"
	[ "$wrong" = 0 ] && [ "$looked" -gt 0 ]
}

[ "${BASH_SOURCE[0]}" != "$0" ] || kill_others "$@"
