#!/usr/bin/env bats
# GRUB with boot entries of its own, on trees made by hand: variables in the entries, entries without options, what
# later kernels get, and the lengths at which GRUB 2.14 loses the initrd.
bats_require_minimum_version 1.5.0

PT="intel_iommu=on amd_iommu=on iommu=pt"

setup() {
	load ../lib/trees
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree"/{boot/grub2,boot/loader/entries,dev,etc/default,etc/kernel,proc,run,sys,usr/sbin,var/lib}
	local kernel
	for kernel in 6.1.0-1.fc38 6.1.0-9.fc38 6.1.0-10.fc38; do
		mkdir -p "$tree/lib/modules/$kernel"
		touch "$tree/boot/vmlinuz-$kernel" "$tree/boot/initramfs-$kernel.img"
		echo '# CONFIG_IOMMU_DEFAULT_PASSTHROUGH is not set' >"$tree/boot/config-$kernel"
		entry "$kernel" 'root=UUID=1 ro quiet $tuned_params'
	done
	config 'set tuned_params=""'
	printf '# GRUB Environment Block\nsaved_entry=x\n' >"$tree/boot/grub2/grubenv"
	echo 'GRUB_CMDLINE_LINUX="quiet"' >"$tree/etc/default/grub"
}

# config LINE: grub.cfg has that line before it makes its entries.
config() {
	printf 'load_env\n%s\nblscfg\n' "$1" >"$tree/boot/grub2/grub.cfg"
}

# entry KERNEL [OPTIONS]: its entry, with or without that line.
entry() {
	{
		printf 'title Fedora\nversion %s\nlinux /vmlinuz-%s\ninitrd /initramfs-%s.img\n' "$1" "$1" "$1"
		[ $# -lt 2 ] || printf 'options %s\n' "$2"
	} >"$tree/boot/loader/entries/aaaa-$1.conf"
}

# mode COMMAND [OPTION...]
mode() {
	"$INSTALLER" --root "$tree" "$@" --initramfs=none
}

# options [KERNEL]: the options lines, each once.
options() {
	sed -n 's/^options //p' "$tree"/boot/loader/entries/aaaa-"${1-}"*.conf | sort -u
}

@test "a variable in an entry stays one, there and in /etc/kernel/cmdline, which goes with remove as we made it" {
	local before
	before=$(cat "$tree"/boot/loader/entries/*)
	mode pt
	[ "$(options)" = "root=UUID=1 ro quiet \$tuned_params $PT" ]
	[ "$(cat "$tree/etc/kernel/cmdline")" = "root=UUID=1 ro quiet \$tuned_params $PT" ]
	mode remove
	[ "$(cat "$tree"/boot/loader/entries/*)" = "$before" ]
	[ ! -e "$tree/etc/kernel/cmdline" ]
	# Not what somebody has made of it since, nor one that was there before.
	mode pt
	sed -i 's/quiet/quiet mine/' "$tree/etc/kernel/cmdline"
	mode remove
	[ "$(cat "$tree/etc/kernel/cmdline")" = 'root=UUID=1 ro quiet mine $tuned_params' ]
	mode pt
	mode remove
	[ "$(cat "$tree/etc/kernel/cmdline")" = 'root=UUID=1 ro quiet mine $tuned_params' ]
}

@test "what TuneD sets against the mode is refused by file and line" {
	config 'set tuned_params="iommu=pt"'
	run -5 mode strict
	[[ $output == *"LINE_OVERRIDDEN: "*"iommu=pt"*"/boot/grub2/grub.cfg:2"* ]]
	[ "$(options)" = 'root=UUID=1 ro quiet $tuned_params' ]
	mode pt
}

@test "later kernels get the newest entry's line whose root= is the others', by version, not that of a snapshot" {
	entry 6.1.0-9.fc38 'root=UUID=1 ro older'
	entry 6.1.0-10.fc38 'root=UUID=1 ro newest'
	mkdir "$tree/lib/modules/6.2.0-1.fc38"
	touch "$tree/boot/vmlinuz-6.2.0-1.fc38" "$tree/boot/initramfs-6.2.0-1.fc38.img"
	echo '# CONFIG_IOMMU_DEFAULT_PASSTHROUGH is not set' >"$tree/boot/config-6.2.0-1.fc38"
	entry 6.2.0-1.fc38 'root=/dev/vg/snapshot ro'
	mode pt
	[ "$(cat "$tree/etc/kernel/cmdline")" = "root=UUID=1 ro newest $PT" ]
}

@test "an entry without options gets a whole line: its default's, or another entry's; without one: refused" {
	entry 6.1.0-10.fc38
	mode pt
	[ "$(options 6.1.0-10)" = "root=UUID=1 ro quiet \$tuned_params $PT" ]
	rm -rf "$tree"/var/lib/iommu "$tree/etc/kernel/cmdline" "$tree/etc/iommu.target"
	local kernel before
	for kernel in 6.1.0-1.fc38 6.1.0-9.fc38 6.1.0-10.fc38; do entry $kernel; done
	before=$(cat "$tree"/boot/loader/entries/*)
	run -5 mode pt
	[[ $output == *"BOOTLOADER_UNSUPPORTED: /boot/loader/entries/aaaa-6.1.0-1.fc38.conf "* ]]
	[ "$(cat "$tree"/boot/loader/entries/*)" = "$before" ]
	[ ! -e "$tree/etc/kernel/cmdline" ]
	config 'set default_kernelopts="root=UUID=1 ro"'
	mode pt
	[ "$(options | tr -s ' ' | sort -u)" = "\$default_kernelopts $PT" ]
	options | grep -q '  ' # one of them would have a length that breaks
	[ ! -e "$tree/etc/kernel/cmdline" ] || grep root= "$tree/etc/kernel/cmdline"
	mode remove
	[ "$(cat "$tree"/boot/loader/entries/*)" = "$before" ]
}

@test "\$kernelopts that grub.cfg sets, without grubenv or not in it: the words go to the entries" {
	local kernel
	for kernel in 6.1.0-1.fc38 6.1.0-9.fc38 6.1.0-10.fc38; do entry $kernel '$kernelopts $tuned_params'; done
	config $'if [ -z "${kernelopts}" ]; then\n  set kernelopts="root=UUID=1 ro "\nfi'
	mode pt
	[ "$(options)" = "\$kernelopts \$tuned_params $PT" ]
	rm "$tree/boot/grub2/grubenv"
	mode strict
	[ "$(options)" = '$kernelopts $tuned_params intel_iommu=on amd_iommu=on' ]
	"$INSTALLER" --root "$tree" check --json >"$BATS_TEST_TMPDIR/check.json" || :
	[ "$(jq -r '.entries[0].cmdline' "$BATS_TEST_TMPDIR/check.json")" = \
		'root=UUID=1 ro intel_iommu=on amd_iommu=on' ]
	# Contrary ones in it are grub.cfg's.
	config $'if [ -z "${kernelopts}" ]; then\n  set kernelopts="root=UUID=1 ro iommu=pt"\nfi'
	run -5 mode strict
	[[ $output == *"LINE_OVERRIDDEN: "*"/boot/grub2/grub.cfg:3"* ]]
}

@test "no line of ours ends where GRUB 2.14 loses the initrd: 8 + path + options is 16 times n" {
	local pad kernel line seen=0
	for pad in $(seq 1 32); do
		kernel=6.1.0-1.fc38
		entry $kernel "root=UUID=1 ro $(printf 'x%.0s' $(seq "$pad"))"
		mode pt >/dev/null 2>&1
		line=$(options 6.1.0-1.)
		[[ $line == *" $PT" ]]
		[ $(((8 + 9 + ${#kernel} + ${#line}) % 16)) != 0 ]
		mode off-for-uio >/dev/null 2>&1
		line=$(options 6.1.0-1.)
		[ $(((8 + 9 + ${#kernel} + ${#line}) % 16)) != 0 ]
		seen=$((seen + 1))
	done
	[ "$seen" = 32 ]
}

# env VALUE: grubenv has that as kernelopts, in a block of GRUB's size.
env() {
	{
		printf '# GRUB Environment Block\nsaved_entry=x\nkernelopts=%s\n' "$1"
		head -c 1024 /dev/zero | tr '\0' '#'
	} | head -c 1024 >"$tree/boot/grub2/grubenv"
}

# fits: no entry that has $kernelopts, this system's or not, ends there; how many there were is counted in $seen.
fits() {
	local file path value line
	shopt -s extglob
	value=$(sed -n 's/^kernelopts=//p' "$tree/boot/grub2/grubenv")
	[[ $value == *" $1" ]]
	for file in "$tree"/boot/loader/entries/*.conf; do
		path=$(sed -n 's/^linux //p' "$file")
		line=$(sed -n 's/^options //p' "$file")
		# A blank stands behind each value, none behind a variable.
		line=${line/'$kernelopts'?( )/"$value "}
		line=${line/'$tuned_params'/ }
		[ $(((8 + ${#path} + ${#line}) % 16)) != 0 ] || { echo "$file: '$line'"; return 1; }
		seen=$((seen + 1))
	done
}

@test "nor with \$kernelopts of grubenv: for every length, and kernels whose paths have several, a rescue one's too" {
	local pad kernel seen=0
	for kernel in 6.1.0-1.fc38 6.1.0-9.fc38 6.1.0-10.fc38; do entry $kernel '$kernelopts $tuned_params'; done
	touch "$tree/boot/vmlinuz-0-rescue-abcd" "$tree/boot/initramfs-0-rescue-abcd.img"
	entry 0-rescue-abcd '$kernelopts'
	for pad in $(seq 1 32); do
		env "root=UUID=1 ro $(printf 'x%.0s' $(seq "$pad"))"
		mode pt >/dev/null 2>&1
		fits "$PT"
		mode off-for-uio >/dev/null 2>&1
		fits "intel_iommu=off amd_iommu=off"
	done
	[ "$seen" = $((32 * 2 * 4)) ]
}
