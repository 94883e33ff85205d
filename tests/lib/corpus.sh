#!/bin/bash
# The layouts of tests/corpus in a system that is run by chroot: each is laid out, and goes through set, check, rollback
# and remove. What goes wrong is said; the status is 1 then.
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: corpus.sh CORPUS TOOLS IMAGE TABLE NAME...
#
# A layout has a mount namespace of its own, with a /boot, /etc, /efi, /usr/sbin, /usr/lib/modules, /sys and /run of its
# own. Its files are in tree/; what else is there is told by `layout`, what must come out by `expect` (tests/README.md).
set -eu
WORDS='intel_iommu=on amd_iommu=on iommu=pt'
SET=(iommu-install pt --initramfs=none --json)

jq() { "$TOOLS/jq/ld.so" --library-path "$TOOLS/jq" "$TOOLS/jq/jq" "$@"; }

# --- Laying it out ----------------------------------------------------------------------------------------------------

own() {
	local dir
	mkdir -p /efi /var/lib/iommu /tmp
	mount -t tmpfs tmpfs /tmp
	cp -a /etc /tmp/etc
	(cd /tmp/etc && rm -rf default/grub* kernel grub.d machine-id os-release fstab iommu.target dracut*)
	mkdir /tmp/sbin
	cp /usr/sbin/iommu-install /usr/sbin/iommu-verify /tmp/sbin
	for dir in boot efi usr/lib/modules sys run var/lib/iommu; do mount -t tmpfs -o mode=755 tmpfs /$dir; done
	mount --bind /tmp/etc /etc
	mount --bind /tmp/sbin /usr/sbin
	unit=/sys/devices/virtual/iommu/dmar0
	mkdir -p $unit/intel-iommu /sys/class/iommu /sys/kernel/iommu_groups/0 /sys/firmware/acpi/tables /sys/module
	echo f00f5e >$unit/intel-iommu/ecap
	ln -s ../../devices/virtual/iommu/dmar0 /sys/class/iommu/dmar0
	echo DMA >/sys/kernel/iommu_groups/0/type
	: >/sys/firmware/acpi/tables/DMAR
	mkdir -p /etc/default /etc/kernel
	# The disk's own devices but for those that a layout names.
	mkdir -p /dev/disk/by-uuid /dev/disk/by-partuuid
}

# tools debian|grub|grub2|suse: grub-mkconfig by its name there, and whether it reads drop-ins.
tools() {
	local name=grub-mkconfig
	mkdir -p /etc/grub.d
	case $1 in
	debian)
		mkdir -p /etc/default/grub.d
		printf '#!/bin/sh\nexec grub-mkconfig -o /boot/grub/grub.cfg "$@"\n' >/usr/sbin/update-grub
		;;
	grub2 | suse) name=grub2-mkconfig ;;
	esac
	[ "$1" != suse ] ||
		printf '#!/bin/sh\nexec grub2-mkconfig -o /boot/grub2/grub.cfg\n' >/usr/sbin/update-bootloader
	cp "$TOOLS/corpus-mkconfig" /usr/sbin/$name
	[ "$1" = debian ] || sed -i '/default\/grub\.d/d' /usr/sbin/$name
	[ -e /etc/grub.d/10_linux ] || cp "$TOOLS/corpus-10_linux" /etc/grub.d/10_linux
	chmod 755 /usr/sbin/* /etc/grub.d/*
}

# present NAME: another file system of that name under /dev/disk.
present() {
	mkdir -p "/dev/disk/${1%/*}"
	mknod "/dev/disk/$1" b 7 200
}

said_by_firmware() {
	mkdir -p /sys/firmware/efi/efivars
	{ printf '\6\0\0\0' && printf '%s\0' "$1" | iconv -t UTF-16LE; } \
		>/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f
}

# header FILE RELEASE: a kernel whose name does not say its release (Documentation/arch/x86/boot.rst).
header() {
	mkdir -p "${1%/*}"
	{
		head -c $((0x202)) /dev/zero
		printf HdrS
		head -c $((0x20e - 0x206)) /dev/zero
		printf '\0\1'
		head -c $((0x300 - 0x210)) /dev/zero
		printf '%s (x@y) #1\0' "$2"
		head -c 1024 /dev/zero
	} >"$1"
}

put() { mkdir -p "${1%/*}"; cat >"$1"; }

# What is not in a directory of its own is gone when it ends.
passing=()
trap '[ ${#passing[@]} = 0 ] || rm -f "${passing[@]}"' EXIT

lay_out() {
	local word rest config=/boot/grub2
	! [ -d "$1/tree" ] || cp -a "$1/tree/." /
	while read -r word rest; do
		case $word in
		'#'* | '') ;;
		tools) tools "$rest" ;;
		root) echo "$rest" >/etc/corpus-root ;;
		kernel) mkdir -p "/usr/lib/modules/$rest" /boot && echo kernel >"/boot/vmlinuz-$rest" ;;
		modules) mkdir -p "/usr/lib/modules/$rest" ;;
		file) put "$rest" <<<"a file" ;;
		passing) put "$rest" <<<"a file" && passing+=("$rest") ;;
		header) header "${rest% *}" "${rest#* }" ;;
		image) put "$rest" <"$IMAGE" ;;
		open) chmod 777 "$rest" ;;
		running) echo "$rest" >/tmp/cmdline ;;
		efi) mkdir -p /sys/firmware/efi/efivars ;;
		loader) said_by_firmware "$rest" ;;
		present) present "$rest" ;;
		grub-cfg) config=$rest ;;
		grubenv) grubenv "$rest" ;;
		link) mkdir -p "$(dirname "${rest%% *}")" && ln -s "${rest#* }" "${rest%% *}" ;;
		*) echo "$1/layout: what is '$word'?" && return 1 ;;
		esac
	done <"$1/layout"
	mount --bind /tmp/cmdline /proc/cmdline
	[ ! -e /usr/sbin/update-grub ] || [ -e /boot/grub/grub.cfg ] || make /boot/grub update-grub
	[ ! -e /usr/sbin/grub-mkconfig ] || [ -e /boot/grub/grub.cfg ] ||
		make /boot/grub grub-mkconfig -o /boot/grub/grub.cfg
	[ ! -e /usr/sbin/grub2-mkconfig ] || [ -e "$config/grub.cfg" ] ||
		make "$config" grub2-mkconfig -o "$config/grub.cfg"
}

make() { mkdir -p "$1" && "${@:2}"; }

# grubenv FILE NAME=VALUE
grubenv() {
	local file=${1%% *}
	mkdir -p "${file%/*}"
	[ -e "$file" ] || echo '# GRUB Environment Block' >"$file"
	{
		tr -d '#' <"$file" | sed 's/^ GRUB/# GRUB/' | sed '/^$/d'
		echo "${1#* }"
		head -c 1024 /dev/zero | tr '\0' '#'
	} | head -c 1024 >"$file.new"
	mv "$file.new" "$file"
}

# --- What must come out -----------------------------------------------------------------------------------------------

# Every file of it, with its bytes, mode and where a link leads.
state() {
	find /boot /efi /etc /usr/sbin /usr/lib/modules \( -type f -o -type l \) -printf '%p %m %U:%G %l\n' | sort
	find /boot /efi /etc -type f -exec sha256sum {} + | sort -k 2
}

# expected WORD: the lines that begin so, with the mode's words where PT stands.
expected() { sed -n "s/^$1 \\{0,1\\}//p" "$expect" | sed "s/\\bPT\\b/$WORDS/" | sort; }

# seen TRUE|FALSE: the lines of check's entries that are counted, or not.
seen() { jq -r ".entries[] | select(.counted == $1) | .cmdline" /tmp/check.json | sort; }

wrong() { echo "$name: $*" && exit 1; }

same() { diff <(echo "$2") <(echo "$3") || wrong "$1: expected (<) and seen (>) differ"; }

refused() {
	local status=0
	"${SET[@]}" >/tmp/set.json 2>/tmp/said || status=$?
	[ "$status:$(jq -r .refusal.code /tmp/set.json)" = "5:$1" ] || wrong "not $1: $(cat /tmp/set.json /tmp/said)"
	same "a refusal" "$before" "$(state)"
}

changed() {
	iommu-install check --json >/tmp/check.json 2>/tmp/said || :
	lines=$(seen true)
	"${SET[@]}" --dry-run >/tmp/dry.json 2>/tmp/said || wrong "dry run: $(cat /tmp/said)"
	same "a dry run's files" "$before" "$(state)"
	"${SET[@]}" >/tmp/set.json 2>/tmp/said || wrong "set: $(cat /tmp/said)"
	same 'back end' "$(expected backend)" "$(jq -r .backend /tmp/set.json)"
	same "lines that are only foreseen" false "$(jq '[.entries[].foreseen // false] | any' /tmp/dry.json)"
	same "the dry run's lines" "$(jq -c '.entries[] | [.kernel, .after]' /tmp/dry.json)" \
		"$(jq -c '.entries[] | [.kernel, .after]' /tmp/set.json)"
}

checked() {
	local status=0
	iommu-install check --json >/tmp/check.json 2>/tmp/said || status=$?
	same "counted lines" "$(expected counted)" "$(seen true)"
	same "other lines" "$(expected other)" "$(seen false)"
	same "modes, verdicts" 'pt match' "$(jq -r '.entries[] | select(.counted) | "\(.mode) \(.verdict)"' \
		/tmp/check.json | sort -u)"
	[ "$status:$(jq -r .verdict /tmp/check.json)" = 0:match ] || wrong "check: $status $(cat /tmp/said)"
}

without() { sed "s/ $WORDS//" | tr -s ' '; }

given_back() {
	iommu-install rollback --initramfs=none >/tmp/said 2>&1 || wrong "rollback: $(cat /tmp/said)"
	same "rollback's files" "$before" "$(state)"
	"${SET[@]}" >/tmp/set.json 2>/tmp/said || wrong "set again: $(cat /tmp/said)"
	iommu-install remove --initramfs=none >/tmp/said 2>&1 || wrong "remove: $(cat /tmp/said)"
	iommu-install check --json >/tmp/check.json 2>/tmp/said || :
	# A drop-in takes contrary parameters out of what the user's files set, not out of the files.
	if [ "$(expected backend)" = grub ]; then
		same "lines after remove" "$lines" "$(seen true)"
	else
		same "lines after remove" "$(expected counted | without)" "$(seen true | tr -s ' ')"
	fi
	same "other lines after remove" "$(expected other | without)" "$(seen false | tr -s ' ')"
	! grep -rlFI "$WORDS" /boot /efi /etc || wrong "remove leaves words in these"
	[ ! -e /etc/iommu.target ] || wrong "remove leaves a target"
}

one() {
	name=$1 expect=$CORPUS/$1/expect
	own
	lay_out "$CORPUS/$1"
	before=$(state)
	if grep -q '^refused ' "$expect"; then
		refused "$(expected refused)"
	else
		changed && checked && given_back
	fi
	# For the table: back end or refusal, whose they are, what is between the words of the first line.
	printf '%s\t%s\t%s counted, %s not\n' "$name" "$(expected 'backend\|^refused')" "$(expected counted | wc -l)" \
		"$(grep -c '^other' "$expect")" >>"$TABLE"
}

if [ "$1" = --one ]; then
	shift
	CORPUS=$1 TOOLS=$2 IMAGE=$3 TABLE=$4
	one "$5"
	exit
fi
status=0
for layout in "${@:5}"; do
	unshare --mount bash "$0" --one "$1" "$2" "$3" "$4" "$layout" || { echo "FAILED: $layout" && status=1; }
done
exit $status
