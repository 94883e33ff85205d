#!/bin/bash
# Puts into a machine what 0.1.0 left when it was cut short (tests/fixtures/0.1.0), goes on with it in every way, and
# looks at what comes of it.
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs inside a machine (in_machine) that has tests/lib/update-initramfs and update-grub, and the fixtures in
# /host/left. usage: first-format.sh first|second [INSTANT WAY]: with no target before, or with strict and halt. The
# change is to off-for-uio and halt. Prints what went wrong, and last: POINTS points, WRONG wrong.
#
# A stand-in: the older helper in images is ours with a byte behind it.
set -u
# shellcheck source=tests/lib/kill.sh
. "${BASH_SOURCE[0]%/*}/kill.sh"
SCENARIO=$1 LEFT=/host/left CHANGE=/var/lib/iommu/change ZZZ=/etc/default/grub.d/zzz-iommu.cfg
WAYS=(resume rollback) # and, where one of a kind has been left, these:
MORE=(remove "pt --force --on-mismatch=halt --backend=grub" internal-images)
OF_A_KIND=" open/half open/switched boot/waits "
# What was there when it was cut, by what the journal said then.
INSTANTS=(open/planned open/written open/half open/images open/switched sealing/begun sealing/half sealing/images
	boot/waits "done/done")
[ "$SCENARIO" = first ] || INSTANTS+=(rollback/written rollback/images rollback/switched)

# state: the same but for what 0.1.0's drop-in does not have yet: GRUB_FORCE_PARTUUID and the line that says why.
eval "whole_$(declare -f state)"
state() {
	[ ! -e "$ZZZ" ] || cp "$ZZZ" /dropin
	[ ! -e "$ZZZ" ] || sed -i "/^GRUB_FORCE_PARTUUID=/d; /^# Ubuntu's cloud images/d" "$ZZZ"
	whole_state
	[ ! -e "$ZZZ" ] || cat /dropin > "$ZZZ"
}

images() { # images KVER...: by the target that is there, with an older helper; the one before is kept as 0.1.0 did
	local kver
	cp /usr/sbin/iommu-verify /helper
	echo >> /usr/sbin/iommu-verify
	for kver; do
		[ -e "/boot/initrd.img-$kver.iommu-old" ] || ln "/boot/initrd.img-$kver"{,.iommu-old}
		update-initramfs -u -k "$kver"
	done
	cat /helper > /usr/sbin/iommu-verify
}

forget() { rm -f /boot/*.iommu-old; }

# put NAME: the target and the drop-in of that record; what a scenario begins with has none in `first`.
put() {
	rm -f /etc/iommu.target "$ZZZ"
	[ ! -e "$LEFT/$1/$2.0" ] || cp "$LEFT/$1/$2.0" /etc/iommu.target
	[ ! -e "$LEFT/$1/$2.$DROP" ] || cp "$LEFT/$1/$2.$DROP" "$ZZZ"
}

grub() { update-grub > /dev/null 2>&1; }

# left RECORD/INSTANT: makes the machine what 0.1.0 left there.
left() {
	local record=$SCENARIO-${1%/*} at=${1#*/} made
	reset
	DROP=$(sed -n 's/^file=//p' "$LEFT/$record"/{journal,done} 2> /dev/null | grep -n "$ZZZ" | cut -d: -f1)
	made=$(sed -n 's/^file=//p' "$LEFT/$record"/{journal,done} 2> /dev/null | grep -n ^made | cut -d: -f1)
	if [ -z "$DROP" ] || [ -z "$made" ]; then
		echo "$record: not as 0.1.0 left it"
		return 1
	fi
	DROP=$((DROP - 1))
	put "$record" before
	grub
	images "${KVERS[@]}"
	forget
	rm -rf "$CHANGE"
	mkdir -p "$CHANGE" && chmod 700 /var/lib/iommu "$CHANGE"
	cp "$LEFT/$record"/{journal,done,before.*,after.*} "$CHANGE" 2> /dev/null
	cp /boot/grub/grub.cfg "$CHANGE/before.$((made - 1))"
	[ "$at" != planned ] || return 0
	case $at in
	begun | done) cp "$LEFT/$SCENARIO-open/iommu.target" /etc/iommu.target ;; # images have that one until then
	*) cp "$LEFT/$record/iommu.target" /etc/iommu.target ;;
	esac
	[ "${1%/*}" != sealing ] || cp "$LEFT/$SCENARIO-open/iommu.target" /etc/iommu.target
	case $at in
	written) return ;;
	half) [ "${1%/*}" = sealing ] || { images "${KVERS[0]}"; return; } ;;
	esac
	images "${KVERS[@]}"
	[ "$at" != images ] || [ "${1%/*}" = sealing ] || return 0
	put "$record" after # and the target of before that once more
	case ${1%/*} in
	open | rollback | boot) cp "$LEFT/$record/iommu.target" /etc/iommu.target ;;
	esac
	grub
	case ${1%/*} in
	open | rollback) return ;;
	boot) forget; return ;;
	esac
	forget
	case $at in
	begun) cp "$LEFT/$SCENARIO-open/iommu.target" /etc/iommu.target ;;
	half) images "${KVERS[0]}" ;;
	*) images "${KVERS[@]}" ;;
	esac
	[ "$at" != "done" ] || forget
}

# one INSTANT WAY: says what went wrong.
one() {
	local want
	left "$1" || return
	judge_now || { echo "left so"; return 1; }
	# shellcheck disable=SC2086 # words
	iommu-install $2 > "$WORK/said" 2>&1 || { echo "status $?"; cat "$WORK/said"; return 1; }
	judge_now || return
	[ "$2" = resume ] || iommu-install resume >> "$WORK/said" 2>&1 || { cat "$WORK/said"; return 1; }
	case $2/$1 in
	rollback/rollback/*) want=$END ;; # which it goes back from, undone
	rollback/*) want=$START ;;
	remove/*) want=$NONE ;;
	pt*) want=$PT ;;
	*/rollback/*) want=$START ;;
	*) want=$END ;;
	esac
	[ "$(state)" = "$want" ] && return
	diff <(state) <(echo "$want")
	cat "$WORK/said" /etc/iommu.target
	return 1
}

mkdir -p "$WORK"
install "${BASH_SOURCE[0]%/*}/update-initramfs" /usr/sbin/update-initramfs && two_kernels || exit 1
# Built whatever changes, images with a signature beside them are the same by whatever way.
for image in /boot/initrd.img-*; do touch "$image.sig"; done
mapfile -t KVERS < <(printf '%s\n' /boot/vmlinuz-* | sed 's/.*vmlinuz-//')
NONE=$(state)
keep "$WORK/start"
if [ "$SCENARIO" = second ]; then set_up strict --on-mismatch=halt || exit 1; fi
START=$(state)
set_up off-for-uio --on-mismatch=halt || exit 1
END=$(state)
set_up pt --on-mismatch=halt || exit 1
PT=$(state)
[ "$#" -lt 3 ] || { INSTANTS=("$2") WAYS=("$3") OF_A_KIND=; } # for one of them
points=0 wrong=0
for instant in "${INSTANTS[@]}"; do
	ways=("${WAYS[@]}")
	[[ $OF_A_KIND != *" $instant "* ]] || ways+=("${MORE[@]}")
	[ "$instant/${ways[0]}" != done/done/resume ] || ways=(internal-images rollback) # nothing is to be resumed
	for way in "${ways[@]}"; do
		points=$((points + 1))
		echo "$instant, $way" >> "$WORK/points"
		one "$instant" "$way" > "$WORK/wrong" 2>&1 && continue
		wrong=$((wrong + 1))
		echo "--- $instant, $way:"
		cat "$WORK/wrong"
	done
done
echo "$SCENARIO: $points points, $wrong wrong"
[ "$wrong" = 0 ] && [ "$points" -gt 0 ]
