#!/bin/bash
# Kills iommu-install at its own system calls that change the file system, or lets those fail, and looks at what is
# left.
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs inside a machine (in_machine) that has strace in /host/strace.
# usage: kill.sh SCENARIO kill|INT|ENOSPC|EIO|EROFS|ENOMEM STEP [CALL] looks at every STEPth point, of those whose
# call's name begins with CALL. INT is Ctrl-C. ENOMEM is for calls of malloc(), by tests/tools/failing-malloc.c in
# /host/failing-malloc.so. Prints a line for each point that went wrong, and last: POINTS points, WRONG wrong.
set -u

WORK=/host/kill
# shellcheck source=tests/lib/judge.sh
. "${BASH_SOURCE[0]%/*}/judge.sh"
FILES=(/boot /etc/default /etc/kernel /etc/iommu.target /etc/dracut.conf.d /srv /var/lib/iommu)
ENTRIES=/boot/efi/loader/entries
LOADER=grub
[ ! -d "$ENTRIES" ] || LOADER=systemd-boot
[ ! -e /etc/kernel/proxmox-boot-uuids ] || LOADER=proxmox
[ ! -e /usr/bin/sdbootutil ] || LOADER=sdbootutil

# Each sets the machine up and leaves in CMD what is then cut short.
scenario() {
	case $1 in
	first) CMD=(pt --on-mismatch=halt) ;;
	strict) set_up pt --on-mismatch=halt && CMD=(strict) ;;
	pt) set_up off-for-uio --on-mismatch=halt && CMD=(pt) ;;
	policy) set_up strict --on-mismatch=halt && CMD=(strict --on-mismatch=poweroff --allow-unsafe-interrupts) ;;
	rollback) set_up pt --on-mismatch=halt && set_up strict && CMD=(rollback) ;;
	remove) set_up pt --on-mismatch=halt && CMD=(remove) ;;
	links) set_up pt --on-mismatch=halt && links && CMD=(strict) ;;
	links-remove) set_up pt --on-mismatch=halt && links && CMD=(remove) ;;
	links-rollback) set_up pt --on-mismatch=halt && links && iommu-install remove >"$WORK/setup" 2>&1 &&
		CMD=(rollback) ;;
	*) echo "no such scenario: $1" && return 1 ;;
	esac
	case ${CMD[0]} in
	rollback | remove) ;;
	# two_kernels has made other entries than the one that booted the machine
	*) CMD+=(--force "--backend=$LOADER") ;;
	esac
}

# What a change writes becomes links, each by way of another one.
links() {
	local file
	mkdir -p /srv/elsewhere
	for file in /etc/iommu.target /boot/grub/grub.cfg /boot/initrd.img-6.1.0-99-amd64 \
		/etc/default/grub.d/zzz-iommu.cfg; do
		mv "$file" /srv/elsewhere && ln -s "/srv/elsewhere/${file##*/}" "/srv/${file##*/}" &&
			ln -s "/srv/${file##*/}" "$file" || return
	done
}

set_up() {
	iommu-install "$@" --force "--backend=$LOADER" >"$WORK/setup" 2>&1 || { cat "$WORK/setup"; return 1; }
}

# Two kernels, whose files nobody looks into here. For proxmox-boot-tool they are there already, on partitions.
two_kernels() {
	local kver
	if [ "$LOADER" = proxmox ]; then
		for kver in 1111-AAAA 2222-BBBB; do
			mkdir -p "/esp/$kver" && mount "/dev/disk/by-uuid/$kver" "/esp/$kver" || return
		done
		FILES+=(/esp)
		return
	fi
	[ "$LOADER" != sdbootutil ] || { two_of_suse; return; }
	kver=$(basename /boot/vmlinuz-6*) && kver=${kver#vmlinuz-}
	rm -f /boot/initrd.img-*
	truncate -s 64K "/boot/vmlinuz-$kver"
	cp "/boot/vmlinuz-$kver" /boot/vmlinuz-6.1.0-99-amd64
	cp "/boot/config-$kver" /boot/config-6.1.0-99-amd64
	[ -e /usr/lib/modules/6.1.0-99-amd64 ] || cp -al "/usr/lib/modules/$kver" /usr/lib/modules/6.1.0-99-amd64
	for kver in "$kver" 6.1.0-99-amd64; do update-initramfs -c -k "$kver" || return; done
	if [ "$LOADER" = grub ]; then update-grub >/dev/null 2>&1; else two_entries; fi
}

# The same for systemd-boot, which reads copies; each entry twice, as GRUB's has a recovery one.
two_entries() {
	local image kver n
	rm -rf "$ENTRIES" /boot/efi/*/[0-9]*
	mkdir -p "$ENTRIES"
	for image in /boot/vmlinuz-*; do
		kver=${image#*vmlinuz-}
		mkdir -p "/boot/efi/id/$kver"
		cp "$image" "/boot/efi/id/$kver/linux"
		cp "/boot/initrd.img-$kver" "/boot/efi/id/$kver"
		for n in a b; do
			printf '%s\n' "title $n" "version $kver" "options root=x $n" "linux /id/$kver/linux" \
				"initrd /id/$kver/initrd.img-$kver" >"$ENTRIES/$kver-$n.conf"
		done
	done
}

# The same by sdbootutil.
two_of_suse() {
	local kver
	kver=$(ls /usr/lib/modules)
	truncate -s 64K "/usr/lib/modules/$kver/vmlinuz"
	cp -al "/usr/lib/modules/$kver" /usr/lib/modules/6.12.999-1-default
	rm -rf "${ENTRIES:?}"/* /boot/efi/0*
	for kver in /usr/lib/modules/*; do sdbootutil add-kernel "${kver##*/}" || return; done
}

judge_now() {
	local esp
	case $LOADER in
	grub) judge /boot "$WORK" 4 ;;
	sdbootutil) judge_esp /boot/efi "$WORK" 2 ;; # its entries are one for each kernel
	systemd-boot) judge_esp /boot/efi "$WORK" 4 ;;
	proxmox)
		for esp in /esp/*; do
			if [ -d "$esp/loader" ]; then
				(judge_esp "$esp" "$WORK" 2)
			else
				judge "$esp" "$WORK" 4
			fi || return
		done
		;;
	esac
}

keep() { # keep DIR: the files as they are
	rm -rf "$1"
	mkdir -p "$1"
	cp -a --parents "${FILES[@]}" "$1" 2>/dev/null
	return 0
}

reset() {
	rm -rf "${FILES[@]}" /run/iommu 2>/dev/null # what is mounted stays, empty
	cp -a "$WORK/start/." /
}

# What the machine boots from, and what it is made of. Not our own records, which name times.
state() {
	local where=(/boot /esp /etc/default /etc/kernel /etc/iommu.target /etc/dracut.conf.d /srv)
	{
		find "${where[@]}" -type l -printf '%p %U:%G %l\n' -o -type f -printf '%p %m %U:%G\n'
		find "${where[@]}" -type f -exec sha256sum {} +
	} 2>/dev/null | sort
}

# as STATE: the machine is in it. Where memory ran out in who asks the kernel's modules, an image was built and not laid
# over: that one is of other bytes, and holds the target alone.
as() {
	local now line
	now=$(state)
	[ "$now" = "$1" ] && return
	grep -qs "modules can't be asked" "$WORK/said" "$WORK/said.first" || return
	[ "$(grep -v '/boot/initrd.img-' <<<"$now")" = "$(grep -v '/boot/initrd.img-' <<<"$1")" ] || return
	while read -r line; do
		cpio -i --quiet --to-stdout '*etc/iommu.target' <"${line#*  }" 2>/dev/null |
			cmp -s - /etc/iommu.target || return
	done < <(comm -23 <(sort <<<"$now") <(sort <<<"$1"))
}

traced() { # traced OPTION...: iommu-install with CMD under strace
	/host/strace/ld.so --library-path /host/strace /host/strace/strace "$@" -- \
		/usr/sbin/iommu-install "${CMD[@]}" --json >"$WORK/object" 2>"$WORK/said"
}

# starved N: iommu-install with CMD, its Nth call of malloc() failing; 0: none, and their number on descriptor 9
starved() {
	MALLOC_FAILS_AT=$1 LD_PRELOAD=/host/failing-malloc.so /usr/sbin/iommu-install "${CMD[@]}" --json \
		>"$WORK/object" 2>"$WORK/said"
}

# told RESULT: the object of what has just ended by itself says so. All objects are held against the schema outside.
told() {
	cp "$WORK/object" "$(mktemp -p "$WORK/objects")"
	grep -q "\"result\": \"$1\"" "$WORK/object" && return
	echo "not told as $1:"
	cat "$WORK/object" "$WORK/said"
	return 1
}

CALLS=openat,write,fsync,syncfs,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,mkdir,mkdirat,symlink,\
lchown,fchmod,fchown,fsetxattr,ioctl

# The points: each such call of an uninterrupted run, by name and number among the calls of that name.
points() {
	if [ "$1" = ENOMEM ]; then
		starved 0 9>"$WORK/calls" || exit 1
		echo '+++ exited with 0' >"$WORK/trace"
		seq "$(<"$WORK/calls")" | sed 's/^/malloc /'
		return
	fi
	traced -y -o "$WORK/trace" -e "trace=$CALLS"
	awk '
		{ name = $0; sub(/\(.*/, "", name); n[name]++ }
		name == "openat" && !/O_CREAT|O_TRUNC/ { next }
		name == "ioctl" && !/FIFREEZE|FITHAW/ { next }
		name == "write" && /^write\([12]</ { next }
		/^[a-z0-9]+\(/ { print name, n[name] }' "$WORK/trace"
}

# One point. Says what went wrong.
at_point() {
	local name=$1 n=$2 how=$3 status
	reset
	rm -f "$WORK/said.first"
	if [ "$name" = malloc ]; then
		starved "$n" 9>/dev/null
	elif [ "$how" = kill ]; then
		traced -o /dev/null -e "trace=$name" -e "inject=$name:signal=KILL:when=$n"
	elif [ "$how" = INT ]; then
		traced -o "$WORK/came" -e "trace=$name" -e "inject=$name:signal=INT:when=$n"
	else
		traced -o /dev/null -e "trace=$name" -e "inject=$name:error=$how:when=$n"
	fi
	status=$?
	judge_now || return
	# A run can have fewer calls of a name than the one that was counted: what that made is here already.
	if [ "$how" = INT ] && ! grep -q -e '--- SIGINT' "$WORK/came"; then
		echo "$name $n" >>"$WORK/missed"
	elif [ "$how" = INT ] && [ "$(grep -c '^iommu-install: interrupted: ' "$WORK/said")" != 1 ]; then
		echo "not told at once, or not once:"
		cat "$WORK/said"
		return 1
	fi
	if [ "$how" != kill ]; then
		if [ "$status" = 0 ]; then
			as "$END" ||
				{ echo "done, it says"; diff <(state) <(echo "$END"); cat "$WORK/said"; return 1; }
			told "done"
			return
		fi
		if [ "$status" != 1 ] || ! grep -q '^iommu-install: ' "$WORK/said"; then
			echo "status $status"
			cat "$WORK/said"
			return 1
		fi
		if grep -q 'everything is as it was' "$WORK/said"; then
			[ "$(state)" = "$START" ] ||
				{ echo "as before, it says"; diff <(state) <(echo "$START"); return 1; }
			told failed
			return
		fi
		# Not begun, and so as it was; or somebody has to go on.
		{ [ "$(state)" = "$START" ] && told failed >/dev/null; } || told interrupted || return
	elif [ -s "$WORK/object" ]; then
		told "done" || return # killed behind its last word
	fi
	cp "$WORK/said" "$WORK/said.first"
	iommu-install resume --json >"$WORK/object" 2>"$WORK/said" ||
		{ echo "resume: $?"; cat "$WORK/said"; return 1; }
	judge_now || return
	if as "$END"; then
		told "done" || told unchanged
		return
	fi
	# Not begun yet: then there is nothing to finish.
	[ "$(state)" = "$START" ] && told unchanged && return
	echo "neither begun nor finished:"
	diff <(state) <(echo "$END")
	cat "$WORK/said.first" "$WORK/said"
	return 1
}

main() {
	local scenario=$1 how=$2 step=$3 of=${4-} i=0 looked=0 wrong=0 missed name n
	mkdir -p "$WORK/objects"
	install "${BASH_SOURCE[0]%/*}/update-initramfs" /usr/sbin/update-initramfs && two_kernels &&
		scenario "$scenario" || exit 1
	keep "$WORK/start"
	START=$(state)
	points "$how" >"$WORK/points"
	grep -q '^+++ exited with 0' "$WORK/trace" || { cat "$WORK/said"; exit 1; }
	END=$(state)
	[ "$START" != "$END" ] || { echo "nothing changed"; exit 1; }
	while read -r name n; do
		[[ $name = "$of"* ]] || continue
		i=$((i + 1))
		[ $((i % step)) = 0 ] || continue
		looked=$((looked + 1))
		at_point "$name" "$n" "$how" >"$WORK/wrong" 2>&1 && continue
		wrong=$((wrong + 1))
		echo "--- $how at $name number $n (point $i):"
		cat "$WORK/wrong"
	done <"$WORK/points"
	missed=$(sort -u "$WORK/missed" 2>/dev/null | wc -l)
	looked=$((looked - missed))
	echo "$scenario, $how: $looked of $i points, $wrong wrong"
	# A few at the end, no more.
	[ "$wrong" = 0 ] && [ "$looked" -gt 0 ] && [ $((missed * 5)) -le "$looked" ]
}

[ "${BASH_SOURCE[0]}" != "$0" ] || main "$@"
