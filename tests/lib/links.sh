# Every file that a change writes x every sort of link and file x every way a change can go, in a machine.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2016,SC2114 # for the shells that it writes; it is a copy's /boot
#
# usage: links.sh grub|grub-file|dracut|bls FILE SORT... ; prints a line for each combination that is wrong, then how
# many there were. FILE can be a name of files() or `all`, SORT one of SORTS or `all`. In /host: attributes
# (tests/tools/attributes.c).
set -u

SORTS="plain beside chain other-fs directory-link others-link to-directory to-device dangling circle through-user
	through-open through-sticky 0600 0640 0666 owner attributes noatime immutable append-only"
WAYS="set refused undone rollback remove"
PLACES=(/boot /etc/default /etc/iommu.target /etc/dracut.conf.d /etc/kernel /srv /home /fs /var/lib/iommu /run/iommu)

# --- The machine
# --------------------------------------------------------------------------------------------------------------

# The subject is files, not what makes them: grub.cfg and images are made in milliseconds, as their tools write them.
stand_ins() {
	cat >/usr/sbin/grub-mkconfig <<-'EOS'
		#!/bin/sh
		# reads /etc/default/grub.d
		set -e
		[ ! -e /run/fail ] || exit 1
		sysconfdir=/etc
		. /etc/default/grub
		for x in ${sysconfdir}/default/grub.d/*.cfg; do [ ! -e "$x" ] || . "$x"; done
		umask 077
		{ echo '### BEGIN /etc/grub.d/10_linux ###'
		for k in /boot/vmlinuz-*; do
			v=${k#/boot/vmlinuz-}
			printf "menuentry 'Debian' {\n\tlinux\t%s root=UUID=1 ro %s %s\n\
\tinitrd\t/boot/initrd.img-%s\n}\n" \
				"$k" "$GRUB_CMDLINE_LINUX" "$GRUB_CMDLINE_LINUX_DEFAULT" "$v"
		done
		echo '### END /etc/grub.d/10_linux ###'; } >"$2.new"
		cat "$2.new" >"$2"
		rm "$2.new"
	EOS
	[ "$LAYOUT" != grub-file ] || sed -i 's,default/grub\.d,default/other.d,' /usr/sbin/grub-mkconfig
	printf '#!/bin/sh\nexec grub-mkconfig "$@"\n' >/usr/sbin/update-grub
	cp /usr/sbin/update-initramfs /usr/sbin/dracut
	# Where no tool makes the entries, the last one of them can't be written once the images are there.
	echo '[ ! -e /run/fail ] || chattr +i /boot/loader/entries/*-zz.conf 2>/dev/null || :' \
		>>/usr/sbin/update-initramfs
	mkdir -p /usr/lib/dracut/modules.d
	chmod 755 /usr/sbin/dracut /usr/sbin/grub-mkconfig /usr/sbin/update-grub
}

# One small kernel, with an image of its own.
small() {
	cd /boot || exit
	local k
	k=$(basename vmlinuz-6*)
	truncate -s 64K "$k"
	KVER=${k#vmlinuz-}
	printf 'GRUB_CMDLINE_LINUX=""\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n' >/etc/default/grub
	mkdir -p /etc/default/grub.d /srv /fs /home/user
	chown 1000:1000 /home/user
	mount -t tmpfs -o mode=755 tmpfs /fs
	update-initramfs -c -k "$KVER"
	update-grub -o /boot/grub/grub.cfg
}

bls() {
	ID=00112233445566778899aabbccddeeff
	touch "/boot/initrd.img-$KVER.sig" # so that it is built, which is when a change can be made to fail
	rm -f /usr/sbin/update-grub
	mv /boot/grub /boot/grub2
	printf 'insmod blscfg\nblscfg\n' >/boot/grub2/grub.cfg
	printf 'GRUB_CMDLINE_LINUX="console=ttyS0"\nGRUB_ENABLE_BLSCFG=true\n' >/etc/default/grub
	echo $ID >/etc/machine-id
	mkdir -p /boot/loader/entries /etc/kernel
	printf 'title Fedora Linux\nversion %s\nlinux /vmlinuz-%s\ninitrd /initrd.img-%s\noptions $kernelopts rhgb\n' \
		"$KVER" "$KVER" "$KVER" >"/boot/loader/entries/$ID-$KVER.conf"
	sed 's/\$kernelopts/root=UUID=1 ro quiet/' \
		/boot/loader/entries/$ID-"$KVER".conf >/boot/loader/entries/$ID-other.conf
	cp /boot/loader/entries/$ID-{other,zz}.conf
	echo 'root=UUID=1 ro' >/etc/kernel/cmdline
	{ printf '# GRUB Environment Block\nsaved_entry=x\nkernelopts=root=UUID=1 ro console=ttyS0\n'
		head -c 1024 /dev/zero | tr '\0' '#'; } | head -c 1024 >/boot/grub2/grubenv
}

# What each layout writes.
files() {
	case $1 in
	grub) echo /etc/iommu.target /etc/default/grub.d/zzz-iommu.cfg /boot/grub/grub.cfg "/boot/initrd.img-$KVER" ;;
	grub-file) echo /etc/default/grub ;;
	dracut) echo /etc/dracut.conf.d/50-iommu-verify.conf "/boot/initrd.img-$KVER" ;;
	bls) echo /etc/kernel/cmdline /boot/grub2/grubenv /etc/default/grub "/boot/loader/entries/$ID-other.conf" ;;
	esac
}

options() {
	case $1 in
	grub) echo --force --backend=grub --initramfs=initramfs-tools ;;
	grub-file) echo --force --backend=grub-file --initramfs=initramfs-tools ;;
	dracut) echo --force --backend=grub --initramfs=dracut ;;
	bls) echo --force --backend=bls --initramfs=initramfs-tools ;;
	esac
}

keep() {
	rm -rf /kept && mkdir /kept &&
		cp -a --parents /boot /etc/default /etc/iommu.target /etc/dracut.conf.d /etc/kernel /var/lib/iommu \
			/kept 2>/dev/null
}

reset() {
	chattr -R -ia /boot /etc/default /etc/iommu.target /etc/dracut.conf.d /etc/kernel 2>/dev/null
	rm -rf /boot /etc/default /etc/iommu.target* /etc/dracut.conf.d /etc/kernel \
		/var/lib/iommu /run/iommu /run/reboot-required* /srv/* /home/user/* /fs/*
	cp -a /kept/. /
}

# --- Sorts of links and files
# -------------------------------------------------------------------------------------------------

# lead FILE TO [LINK]: FILE goes to TO and becomes a link there.
lead() {
	mv "$1" "$2" && ln -s "${3:-$2}" "$1"
}

# plant SORT FILE
plant() {
	local file=$2 name=${2##*/} dir=${2%/*}
	case $1 in
	plain) ;;
	beside) lead "$file" "$dir/$name.real" "$name.real" ;;
	chain) lead "$file" "/srv/$name.end" && mkdir /srv/on && ln -s "../$name.end" "/srv/on/$name" &&
		ln -sfn "/srv/on/../on/$name" "$file" ;;
	other-fs) lead "$file" "/fs/$name" ;;
	directory-link) [ "$dir" = /etc ] || { mv "$dir" "/srv/dir" && ln -s /srv/dir "$dir"; } ;;
	others-link) lead "$file" "/srv/$name" && chown -h 1000:1000 "$file" ;;
	to-directory) rm "$file" && mkdir /srv/dir && ln -s /srv/dir "$file" ;;
	to-device) rm "$file" && ln -s /dev/null "$file" ;;
	dangling) rm "$file" && ln -s /srv/none "$file" ;;
	circle) rm "$file" && ln -s "/srv/$name" "$file" && ln -s "$file" "/srv/$name" ;;
	through-user) lead "$file" "/home/user/$name" ;;
	through-open) mkdir -m 777 /srv/open && lead "$file" "/srv/open/$name" ;;
	through-sticky) mkdir -m 1777 /srv/open && lead "$file" "/srv/open/$name" ;;
	0600 | 0640 | 0666) chmod "$1" "$file" && chown 0:4 "$file" ;;
	owner) chown 1000:1000 "$file" ;;
	attributes) /host/attributes set "$file" ;;
	noatime) chattr +A "$file" ;;
	immutable) chattr +i "$file" ;;
	append-only) chattr +a "$file" ;;
	*) echo "no sort $1" && exit 2 ;;
	esac
}

# wanted SORT FILE WAY: the exit status of a change that goes well otherwise, and the code of its refusal. dracut's
# configuration is the same in both modes, and what is not changed need not be writable.
wanted() {
	case "$1 $2 $3" in
	*append*50-iommu-verify.conf*remove | *immut*50-iommu-verify.conf*remove) ;;
	*append*50-iommu-verify.conf* | *immut*50-iommu-verify.conf*) echo 0 && return ;;
	esac
	case $1 in
	to-* | dangling | circle | through-*) echo 5 LINK_UNSAFE ;;
	immutable | append-only) echo 5 BOOT_READONLY ;;
	*) echo 0 ;;
	esac
}

# --- What is there
# ------------------------------------------------------------------------------------------------------------

# Name, kind, mode, owner, link, attributes of everything that a change may touch.
marks() {
	find "${PLACES[@]}" ! -path '/var/lib/iommu*' ! -path '/run/iommu*' -printf '%p %y %m %U:%G %l\n' 2>/dev/null |
		sort
	find "${PLACES[@]}" ! -path '/var/lib/iommu*' ! -path '/run/iommu*' -type f \
		-exec /host/attributes show {} + 2>/dev/null | grep ' .' | sort
	find /boot /etc/default /etc/iommu.target* /etc/dracut.conf.d /etc/kernel /srv -type f \
		-exec lsattr -d {} + 2>/dev/null |
		grep -E '^[^ ]*[AaiSd]' | sort
}

contents() {
	find "${PLACES[@]}" ! -path '/var/lib/iommu*' ! -path '/run/iommu*' -type f -exec sha256sum {} + 2>/dev/null |
		sort -k 2
}

# What is kept in /var/lib/iommu has its mode from what it is a copy of; nobody else gets in there.
writable() {
	[ ! -e /var/lib/iommu ] || [ "$(stat -c '%a %u' /var/lib/iommu)" = '700 0' ] ||
		stat -c '%n %a %u' /var/lib/iommu
	find "${PLACES[@]}" /run/reboot-required* -path '/var/lib/iommu/*' -prune -o -perm /022 ! -type l \
		-printf '%p %m\n' 2>/dev/null | sort
}

# --- One combination
# ----------------------------------------------------------------------------------------------------------

# It starts from a machine in pt and goes to strict.
change() {
	# shellcheck disable=SC2046 # words
	iommu-install strict $(options "$LAYOUT") >/said 2>&1
}

wrong() {
	echo "$LAYOUT $FILE $SORT $WAY: $*"
	sed 's/^/	/' /said
	WRONG=$((WRONG + 1))
}

same_as_before() {
	local now
	now=$(marks; contents)
	[ "$now" = "$MARKS"$'\n'"$CONTENTS" ] || wrong "$1: $(diff <(echo "$MARKS"$'\n'"$CONTENTS") <(echo "$now"))"
}

combine() {
	local status code got
	read -r status code < <(wanted "$SORT" "$FILE" "$WAY")
	reset
	rm -f /run/fail
	plant "$SORT" "$FILE" || { wrong "can't be planted"; return; }
	MARKS=$(marks) CONTENTS=$(contents) WRITABLE=$(writable)
	case $WAY in
	set)
		change
		[ $? = "$status" ] || wrong "not $status"
		[ "$status" = 0 ] || same_as_before "refused, but not as before"
		[ "$status" != 0 ] || [ "$(marks)" = "$MARKS" ] || wrong "$(diff <(echo "$MARKS") <(marks))"
		[ "$status" != 0 ] || [ "$(contents)" != "$CONTENTS" ] || wrong "nothing changed"
		;;
	refused)
		# shellcheck disable=SC2046 # words
		iommu-install off-for-vfio $(options "$LAYOUT" | sed 's/--force//') --flush=sync >/said 2>&1
		got=$?
		[ "$got" != 0 ] || wrong "not refused"
		same_as_before "refused, but not as before"
		;;
	undone)
		touch /run/fail
		change
		got=$?
		[ "$got" != 0 ] || wrong "not undone"
		rm -f /run/fail
		chattr -i /boot/loader/entries/*-zz.conf 2>/dev/null
		same_as_before "undone, but not as before"
		;;
	rollback)
		change && iommu-install rollback "$(options "$LAYOUT" | tr ' ' '\n' | grep initramfs)" >/said 2>&1
		[ $? = "$status" ] || wrong "not $status"
		same_as_before "rolled back, but not as before"
		;;
	remove)
		iommu-install remove "$(options "$LAYOUT" | tr ' ' '\n' | grep initramfs)" >/said 2>&1
		[ $? = "$status" ] || wrong "not $status"
		[ "$status" = 0 ] || { same_as_before "refused, but not as before"; return; }
		iommu-install rollback "$(options "$LAYOUT" | tr ' ' '\n' | grep initramfs)" >/said 2>&1
		got=$?
		[ "$got" = 0 ] || wrong "no way back"
		same_as_before "rolled back, but not as before"
		;;
	esac
	[ -z "$code" ] || [ "$WAY" = undone ] || [ "$WAY" = refused ] ||
		grep -q "^iommu-install: $code: .*${FILE##*/}" /said ||
		wrong "no $code"
	[ -z "$(comm -13 <(echo "$WRITABLE") <(writable))" ] ||
		wrong "writable now: $(comm -13 <(echo "$WRITABLE") <(writable))"
}

LAYOUT=$1 WANTED_FILE=$2
shift 2
# shellcheck disable=SC2086 # words
[ "$1" != all ] || set -- $SORTS
stand_ins
small
[ "$LAYOUT" != bls ] || bls
# shellcheck disable=SC2046 # words
iommu-install pt --on-mismatch=halt $(options "$LAYOUT") >/said 2>&1 || { cat /said; exit 1; }
keep
N=0 WRONG=0
for FILE in $(files "$LAYOUT"); do
	[ "$WANTED_FILE" = all ] || [ "$WANTED_FILE" = "${FILE##*/}" ] || continue
	for SORT; do
		for WAY in $WAYS; do
			combine
			N=$((N + 1))
		done
	done
done
umount /fs
echo "$N combinations, $WRONG wrong"
[ "$WRONG" = 0 ] && [ "$N" -gt 0 ]
