#!/bin/bash
# Another hand at the files of a change: while its images are built, while it is cut short, and once it is done.
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs inside a machine (in_machine), beside kill.sh. usage: others.sh BACKEND [FILE/HAND/WHEN]...: all combinations, or
# those. Prints a line for each that went wrong, and last: COUNT combinations, WRONG wrong.
set -u

# shellcheck source=tests/lib/kill.sh
. "${BASH_SOURCE[0]%/*}/kill.sh"
WORK=/host/others
NEW=6.1.0-99-amd64 # the second kernel
MODULES=/usr/lib/modules/$NEW
HANDS='edit replace remove rename kernel-gone tool'
WHENS='building cut-early cut-late fails-early fails done'

# What a change by this back end writes, by names that file_of() knows.
files_of() {
	case $1 in
	grub) echo target dropin made image ;;
	grub-file) echo target default made image ;;
	systemd-boot) echo target cmdline entry placed ;;
	esac
}

path_of() {
	case $1 in
	target) echo /etc/iommu.target ;;
	dropin) echo /etc/default/grub.d/zzz-iommu.cfg ;;
	default) echo /etc/default/grub ;;
	made) echo /boot/grub/grub.cfg ;;
	image) echo "/boot/initrd.img-$NEW" ;;
	placed) echo "/boot/efi/id/$NEW/initrd.img-$NEW" ;;
	cmdline) echo /etc/kernel/cmdline ;;
	entry) echo "$ENTRIES/$NEW-a.conf" ;;
	esac
}

# makes_sense FILE HAND WHEN
makes_sense() {
	case $1-$2 in
	*-kernel-gone | *-tool) [ "$1" = target ] || return ;; # they are no file's
	entry-rename) ;;
	*-rename) return 1 ;;
	made-remove) return 1 ;; # it is the other hand that strands an entry so
	placed-remove) [[ $3 != fails* ]] ;; # the same, until somebody makes images
	image-* | placed-*) [ "$2" = edit ] || [ "$2" = remove ] ;;
	esac
}

make_entries() { # what the distribution does once a kernel is gone, or an image made
	if [ "$LOADER" = grub ]; then
		real-update-grub >/dev/null 2>&1
	else
		rm -rf "/boot/efi/id/$NEW" "$ENTRIES/$NEW"-*
	fi
}

# An image that somebody makes anew, for something else that is in it.
image_anew() {
	echo another-crypttab >/etc/crypttab
	real-update-initramfs -u -k "$NEW"
	[ "$1" = image ] || cp "/boot/initrd.img-$NEW" "$(path_of placed)"
}

# hand FILE HAND: somebody does that.
hand() {
	local path
	path=$(path_of "$1")
	case $1-$2 in
	*-kernel-gone)
		rm -rf "/boot/vmlinuz-$NEW" "/boot/initrd.img-$NEW" "/boot/config-$NEW"
		mv "$MODULES" "$MODULES.gone"
		make_entries
		;;
	*-tool)
		image_anew image
		if [ "$LOADER" = grub ]; then
			printf 'cat <<E\nmenuentry "mark" {\n\tchainloader /mark\n}\nE\n' >/etc/grub.d/41_mark
			chmod 755 /etc/grub.d/41_mark
			real-update-grub >/dev/null 2>&1
		else
			cp "/boot/initrd.img-$NEW" "$(path_of placed)"
		fi
		;;
	image-edit | placed-edit) image_anew "$1" ;;
	target-edit) # one that warns, as of a first change under way, has no such line
		sed -i '/^on-mismatch=/d' "$path"
		echo on-mismatch=poweroff >>"$path"
		;;
	target-replace) printf 'mode=%s\non-mismatch=poweroff\n' "$(sed -n 's/^mode=//p' "$path")" >"$path" ;;
	made-replace | made-edit)
		sed '/^set timeout=/d' "$path" >"$path.mark" # by hand, or by another tool
		echo '# mark' >>"$path.mark"
		mv "$path.mark" "$path"
		;;
	cmdline-edit) sed -i 's/$/ mark/' "$path" ;;
	cmdline-replace) echo 'root=x mark' >"$path" ;;
	entry-edit) sed -i 's/^options.*/& mark/' "$path" ;;
	entry-replace) sed -i -e 's/^title.*/title mark/' "$path" ;;
	entry-rename) mv "$path" "${path%.conf}+2-1.conf" ;;
	*-edit) echo '# mark' >>"$path" ;;
	*-replace)
		{ echo '# mark'; cat "$path"; } >"$path.mark"
		mv "$path.mark" "$path"
		;;
	*-remove) rm "$path" ;;
	esac
}

# kept FILE HAND: nothing of that is lost. What another tool makes, and what is ours alone, is made anew when asked for.
kept() {
	local path
	path=$(path_of "$1")
	case $1-$2 in
	*-kernel-gone) ! grep -rqs "$NEW" /boot/grub/grub.cfg "$ENTRIES" ;;
	*-tool)
		grep -aq another-crypttab "/boot/initrd.img-$NEW" || return
		[ "$LOADER" != grub ] || grep -q '"mark"' /boot/grub/grub.cfg
		;;
	image-edit) grep -aq another-crypttab "$path" ;;
	placed-edit) grep -aq another-crypttab "$path" ;;
	target-edit | target-replace) [ ! -e "$path" ] || grep -q '^on-mismatch=poweroff' "$path" ;;
	default-edit | default-replace | cmdline-* | entry-edit | entry-replace)
		[ "$2" = remove ] || grep -q mark "$path"
		;;
	entry-rename) [ ! -e "$path" ] && [ -e "${path%.conf}+2-1.conf" ] ;;
	esac
}

# The programs, with what is to happen at the Nth call of update-initramfs in /run/at-N.
wrap() {
	local name
	for name in update-initramfs update-grub; do
		[ -e "/usr/sbin/real-$name" ] || mv "/usr/sbin/$name" "/usr/sbin/real-$name"
	done
	cat >/usr/sbin/update-initramfs <<-'EOF'
		#!/bin/bash
		n=$(($(cat /run/calls 2>/dev/null || echo 0) + 1))
		echo "$n" >/run/calls
		[ ! -e "/run/at-$n" ] || . "/run/at-$n"
		exec real-update-initramfs "$@"
	EOF
	cat >/usr/sbin/update-grub <<-'EOF'
		#!/bin/bash
		exec real-update-grub "$@"
	EOF
	chmod 755 /usr/sbin/update-initramfs /usr/sbin/update-grub
}

run_in() { # run_in WANTED COMMAND...: its status is one of those
	local wanted=$1 status=0
	shift
	"$@" >"$WORK/said" 2>&1 || status=$?
	case " $wanted " in
	*" $status "*) return ;;
	esac
	echo "$*: status $status"
	cat "$WORK/said"
	return 1
}

# what FILE HAND: after that, every entry starts, and nothing is lost; and the ways out are open.
look() {
	local entries=4
	[ "$2" != kernel-gone ] && [ "$1-$2" != entry-remove ] || entries=2
	judge_with "$entries" || return
	kept "$1" "$2" || { echo "lost at $3"; cat "$WORK/said"; return 1; }
}

judge_with() {
	case $LOADER in
	grub) judge /boot "$WORK" "$1" ;;
	systemd-boot) judge_esp /boot/efi "$WORK" "$1" ;;
	esac
}

combination() {
	local file=$1 what=$2 when=$3 backend=$4
	reset
	[ ! -e "$MODULES.gone" ] || mv "$MODULES.gone" "$MODULES"
	rm -f /run/at-* /run/calls /etc/crypttab /etc/grub.d/41_mark
	case $when in
	building)
		printf 'hand %s %s\n' "$file" "$what" >/run/hand
		# shellcheck disable=SC2016 # for the stand-in's shell
		echo '. /host/others.sh; hand $(cut -d" " -f2- /run/hand)' >/run/at-1
		run_in '0 1 5' iommu-install "${CMD[@]}" || return
		;;
	cut-* | fails*)
		# Four images: two that accept both modes, then two that do not.
		at=2
		[ "$when" != cut-late ] || at=3
		# shellcheck disable=SC2016 # the same
		echo 'kill -9 $PPID; exit 1' >"/run/at-$at"
		run_in 137 iommu-install "${CMD[@]}" || return
		hand "$file" "$what"
		case $when in
		fails-early) printf '%s\n' '#!/bin/sh' 'exit 1' >/usr/sbin/update-grub ;;
		fails) echo 'exit 1' | tee /run/at-{3,4,5,6} >/dev/null ;;
		esac
		run_in '0 1 5' iommu-install resume || return
		rm -f /run/at-*
		wrap
		;;
	done)
		run_in 0 iommu-install "${CMD[@]}" || return
		hand "$file" "$what"
		run_in '0 1 5' iommu-install rollback || return
		;;
	esac
	look "$file" "$what" "the end" || return
	run_in '0 5' iommu-install pt --on-mismatch=warn --force "--backend=$backend" || return
	case $file-$what in
	target-edit | target-replace) judge_with 4 ;; # the policy that was edited in is now another one, as asked for
	*) look "$file" "$what" "a change to warn" ;;
	esac || return
	run_in 0 iommu-install remove || return
	judge_with 1
}

# The stand-in takes a file into images that somebody can change.
with_crypttab() {
	# shellcheck disable=SC2016 # its own
	sed -i 's#^echo "$version" >"$dir/init"#&\n[ ! -e /etc/crypttab ] || cp /etc/crypttab "$dir"#' \
		/usr/sbin/update-initramfs
}

others() {
	local backend=$1 only="${*:2}" count=0 wrong=0 file what when
	mkdir -p "$WORK/objects"
	install "${BASH_SOURCE[0]%/*}/update-initramfs" /usr/sbin/update-initramfs
	with_crypttab
	rm -f /usr/sbin/real-*
	rm -rf "$MODULES"*
	cp -al /usr/lib/modules/6* "$MODULES"
	two_kernels && wrap || exit 1
	iommu-install pt --on-mismatch=halt --force "--backend=$backend" >"$WORK/said" 2>&1 ||
		{ cat "$WORK/said"; exit 1; }
	CMD=(strict --force "--backend=$backend")
	# An image with a signature beside it is built, whatever changes.
	for file in /boot/initrd.img-*; do touch "$file.sig"; done
	keep "$WORK/start"
	for file in $(files_of "$backend"); do
		for what in $HANDS; do
			for when in $WHENS; do
				makes_sense "$file" "$what" "$when" || continue
				case " $only " in "  " | *" $file/$what/$when "*) ;; *) continue ;; esac
				count=$((count + 1))
				combination "$file" "$what" "$when" "$backend" >"$WORK/wrong" 2>&1 && continue
				wrong=$((wrong + 1))
				echo "--- $file $what $when:"
				cat "$WORK/wrong"
			done
		done
	done
	echo "$backend: $count combinations, $wrong wrong"
	[ "$wrong" = 0 ] && [ "$count" -gt 0 ]
}

[ "${BASH_SOURCE[0]}" != "$0" ] || others "$@"
