#!/usr/bin/env bats
# Whose a boot entry is: the function over all that can be known of one, and entries of several systems in one place.
bats_require_minimum_version 1.5.0

PT="intel_iommu=on amd_iommu=on iommu=pt"
OURS=11111111111111111111111111111111
BUILT=22222222222222222222222222222222

setup() {
	load ../lib/trees
	tree=$BATS_TEST_TMPDIR/tree
	entries=$tree/boot/loader/entries
	mkdir -p "$tree"/{boot/loader/entries,dev,etc/default,etc/kernel,proc,run,sys,usr/sbin,var/lib}
	printf 'ID=debian\n' >"$tree/etc/os-release"
	echo $OURS >"$tree/etc/machine-id"
	kernel 6.1.0-1 6.1.0-2
}

# kernel RELEASE...: kernels of this system, each with its image in /boot.
kernel() {
	local release
	for release; do
		mkdir -p "$tree/lib/modules/$release"
		touch "$tree/boot/vmlinuz-$release" "$tree/boot/initrd.img-$release"
		echo '# CONFIG_IOMMU_DEFAULT_PASSTHROUGH is not set' >"$tree/boot/config-$release"
	done
}

# systemd_boot, grub_bls: which boot loader it is.
systemd_boot() {
	mkdir -p "$tree/boot/EFI/systemd"
	touch "$tree/boot/EFI/systemd/systemd-bootx64.efi"
}

grub_bls() {
	mkdir -p "$tree/boot/grub2"
	printf 'load_env\nblscfg\n' >"$tree/boot/grub2/grub.cfg"
	printf '# GRUB Environment Block\n' >"$tree/boot/grub2/grubenv"
	: >"$tree/etc/default/grub"
}

# entry NAME RELEASE [LINE]...: an entry of that kernel and its image, with these lines too.
entry() {
	printf '%s\n' "title $1" "version $2" "linux /vmlinuz-$2" "initrd /initrd.img-$2" 'options root=UUID=1 ro' \
		"${@:3}" >"$entries/$1.conf"
}

mode() {
	"$INSTALLER" --root "$tree" "$@" --initramfs=none
}

# counted: the entries' files and whether each is counted, by check.
counted() {
	"$INSTALLER" --root "$tree" check --json >"$BATS_TEST_TMPDIR/check.json" || :
	jq -r '.entries[] | "\(.id | sub(".*/"; "") | sub(".conf$"; "")) \(.counted)"' "$BATS_TEST_TMPDIR/check.json" |
		sort | paste -sd ' '
}

# worded: the entries that have the mode's words.
worded() {
	(cd "$entries" && grep -l "iommu=pt" ./*.conf | sed 's,^./,,; s/.conf$//' | sort | paste -sd ' ')
}

@test "the function, over all 5184 combinations of what is known: as the contract's sentences have it" {
	local top=$BATS_TEST_DIRNAME/../.. table=$BATS_TEST_TMPDIR/table
	cc -std=c11 -D_GNU_SOURCE -I"$top/src" -o "$BATS_TEST_TMPDIR/owner" "$top/tests/tools/owner.c" \
		"$top/src/bootloader/owner.c"
	"$BATS_TEST_TMPDIR/owner" >"$table"
	# The rule in other words: two names decide, one does not, and none against the entry that started this boot.
	run -0 awk 'NR > 1 {
		n = 0
		for (i = 8; i <= 10; i++) if ($i == "no") n++
		here = $1 + $2 + $3 + $4 == 0 && ($5 || ($6 && $7 != "no" && n < 2))
		if (here != $11) { print; exit 1 }
		seen++; own += here
	} END { print seen, own }' "$table"
	[ "$output" = "5184 $((81 * 2 + 2 * 20))" ]
	# Each reason is there, and says one thing: whether it is this system's.
	[ "$(tail -n +2 "$table" | cut -d ' ' -f 12- | sort -u | wc -l)" = 9 ]
	[ "$(tail -n +2 "$table" | cut -d ' ' -f 11- | sort -u | wc -l)" = 9 ]
}

@test "check --verbose tells of each entry whose it is" {
	systemd_boot
	entry ours 6.1.0-1
	entry arch 6.1.0-9
	run "$INSTALLER" --root "$tree" check --verbose
	[ "$(grep -c '^ *counted: ' <<<"$output")" = 1 ]
	[ "$(grep -c '^ *not counted: ' <<<"$output")" = 1 ]
	run "$INSTALLER" --root "$tree" check --json
	[ "$(jq -r '.entries[] | select(.counted | not).why' <<<"$output")" != null ]
}

@test "a guest image's entries carry its build's machine-id: set, whatever machine-id is: another, empty, gone" {
	local loader id seen=0
	for loader in systemd_boot grub_bls; do
		for id in $OURS '' uninitialized gone; do
			rm -rf "$tree"/boot/{EFI,grub2} "$tree"/var/lib/iommu "$tree"/etc/{iommu.target,kernel/cmdline}
			$loader
			echo "$id" >"$tree/etc/machine-id"
			[ "$id" != gone ] || rm "$tree/etc/machine-id"
			rm -f "$entries"/*
			entry $BUILT-6.1.0-1 6.1.0-1 "machine-id $BUILT"
			entry $BUILT-6.1.0-2 6.1.0-2
			mode pt
			[ "$(worded)" = "$BUILT-6.1.0-1 $BUILT-6.1.0-2" ]
			[ "$(counted)" = "$BUILT-6.1.0-1 true $BUILT-6.1.0-2 true" ]
			seen=$((seen + 1))
		done
	done
	[ "$seen" = 8 ]
}

@test "an entry of the old machine-id beside one of the new is ours too: both have modules here" {
	systemd_boot
	entry $BUILT-6.1.0-1 6.1.0-1 "machine-id $BUILT"
	entry $OURS-6.1.0-2 6.1.0-2 "machine-id $OURS"
	mode pt
	[ "$(worded)" = "$OURS-6.1.0-2 $BUILT-6.1.0-1" ]
}

@test "other systems' entries in the same place are listed, and neither edited nor counted, with an initrd or without" {
	local before loader
	for loader in systemd_boot grub_bls; do
		rm -rf "$tree"/boot/{EFI,grub2} "$tree"/var/lib/iommu "$tree"/etc/{iommu.target,kernel/cmdline}
		rm -f "$entries"/*
		$loader
		entry ours 6.1.0-1
		# By hand, its kernel has no modules here.
		touch "$tree/boot/vmlinuz-linux" "$tree/boot/initramfs-linux.img" "$tree/boot/memtest64.bin"
		printf 'title Arch\nlinux /vmlinuz-linux\ninitrd /initramfs-linux.img\noptions root=UUID=2 rw\n' \
			>"$entries/arch.conf"
		# Of an equal release, by two names.
		entry fedora-6.1.0-2 6.1.0-2 'sort-key fedora'
		printf 'title Memory test\nlinux /memtest64.bin\n' >"$entries/memtest.conf"
		printf 'title No initrd\nlinux /vmlinuz-linux\noptions root=UUID=2\n' >"$entries/none.conf"
		before=$(cat "$entries"/{arch,fedora*,memtest,none}.conf)
		mode pt
		[ "$(worded)" = ours ]
		[ "$(cat "$entries"/{arch,fedora*,memtest,none}.conf)" = "$before" ]
		[ "$(counted)" = "arch false fedora-6.1.0-2 false memtest false none false ours true" ]
		mode remove
		[ "$(cat "$entries"/{arch,fedora*,memtest,none}.conf)" = "$before" ]
	done
}

@test "a sort-key alone, or an entry token alone, makes nothing foreign" {
	systemd_boot
	entry some-6.1.0-1 6.1.0-1
	entry b 6.1.0-2 'sort-key arch'
	mode pt
	[ "$(worded)" = "b some-6.1.0-1" ]
}

@test "an entry without an initramfs beside one with, of one kernel: it is edited, and no image is made for it" {
	systemd_boot
	entry ours 6.1.0-1
	printf '%s\n' 'title none' 'version 6.1.0-1' 'linux /vmlinuz-6.1.0-1' 'options root=UUID=1' \
		>"$entries/none.conf"
	mode pt --json >"$BATS_TEST_TMPDIR/json"
	[ "$(worded)" = "none ours" ]
	[ "$(jq -r '[.notices[].code] | join(" ")' "$BATS_TEST_TMPDIR/json")" = ENTRY_UNCHECKED ]
	[ "$(counted)" = "none false ours true" ]
}

@test "kernel-install's own layout under GRUB: its kernel and image are found by their paths" {
	grub_bls
	mkdir -p "$tree/boot/$OURS/6.1.0-1"
	mv "$tree/boot/vmlinuz-6.1.0-1" "$tree/boot/$OURS/6.1.0-1/linux"
	mv "$tree/boot/initrd.img-6.1.0-1" "$tree/boot/$OURS/6.1.0-1/initrd"
	printf '%s\n' 'title x' "linux /$OURS/6.1.0-1/linux" "initrd /$OURS/6.1.0-1/initrd" 'options root=UUID=1' \
		>"$entries/$OURS-6.1.0-1.conf"
	mode pt
	[ "$(worded)" = "$OURS-6.1.0-1" ]
	[ "$(counted)" = "$OURS-6.1.0-1 true" ]
	[ "$(jq -r '.entries[0] | "\(.kernel) \(.image)"' "$BATS_TEST_TMPDIR/check.json")" = \
		"6.1.0-1 /boot/$OURS/6.1.0-1/initrd" ]
}

@test "where no entry is counted check can't tell: exit 4, 6 without a target" {
	systemd_boot
	entry x 6.1.0-9
	run -6 "$INSTALLER" --root "$tree" check --json
	[ "$(jq -r .verdict <<<"$output")" = no-target ]
	echo pt >"$tree/etc/iommu.target"
	run -4 "$INSTALLER" --root "$tree" check --json
	[ "$(jq -r .verdict <<<"$output")" = unknown ]
	run -3 "$INSTALLER" --root "$tree" check --nagios
}

# --- Entries that can't be made right --------------------------------------------------------------------------------

@test "a kernel without an initramfs, or with modules gone, is in nobody's way; under warn it is named" {
	systemd_boot
	entry ours 6.1.0-1
	# Built by hand: it has modules and no initramfs. And one that was left over, without modules.
	mkdir -p "$tree/lib/modules/6.9.0-mine"
	touch "$tree"/boot/vmlinuz-{6.9.0-mine,5.0.0-gone}
	echo '# CONFIG_IOMMU_DEFAULT_PASSTHROUGH is not set' >"$tree/boot/config-6.9.0-mine"
	printf '%s\n' 'title mine' 'version 6.9.0-mine' 'linux /vmlinuz-6.9.0-mine' 'options root=UUID=1' \
		>"$entries/mine.conf"
	printf 'default ours.conf\n' >"$tree/boot/loader/loader.conf"
	mode pt --json >"$BATS_TEST_TMPDIR/json"
	[ "$(jq -r '[.notices[].code] | join(" ")' "$BATS_TEST_TMPDIR/json")" = ENTRY_UNCHECKED ]
	[ "$(worded)" = "mine ours" ]
	[ "$(counted)" = "mine false ours true" ]
	# It is not the default: a stopping policy says that a boot by it would be stopped.
	mode pt --on-mismatch=halt
	[ "$(counted)" = "mine true ours true" ]
	[ "$(jq -r '.entries[] | select(.kernel == "6.9.0-mine") | "\(.verdict) \(.would_stop)"' \
		"$BATS_TEST_TMPDIR/check.json")" = "mismatch true" ]
	mode remove
	printf 'default mine.conf\n' >"$tree/boot/loader/loader.conf"
	run -5 mode pt --on-mismatch=halt
	[[ $output == *"IMAGE_WITHOUT_CHECK: "*"/mine.conf"* ]]
	[ ! -e "$tree/etc/iommu.target" ]
	mode pt --on-mismatch=halt --force
}

@test "EL 8 and CentOS 7 under UEFI have grub.cfg on the EFI system partition: it and its grubenv are found" {
	mkdir -p "$tree"/boot/{grub2,efi/EFI/{redhat,BOOT}}
	printf 'load_env\nblscfg\n' >"$tree/boot/efi/EFI/redhat/grub.cfg"
	printf '# GRUB Environment Block\nkernelopts=root=UUID=1 ro\n%0960d' 0 | tr 0 '#' | head -c 1024 \
		>"$tree/boot/efi/EFI/redhat/grubenv"
	ln -s ../efi/EFI/redhat/grubenv "$tree/boot/grub2/grubenv"
	printf '#!/bin/sh\nexit 1\n' >"$tree/usr/sbin/grub2-mkconfig"
	chmod 755 "$tree/usr/sbin/grub2-mkconfig"
	: >"$tree/etc/default/grub"
	printf '%s\n' 'title RHEL' 'version 6.1.0-1' 'linux /vmlinuz-6.1.0-1' 'initrd /initrd.img-6.1.0-1' \
		'options $kernelopts' >"$entries/$OURS-6.1.0-1.conf"
	mode pt --json >"$BATS_TEST_TMPDIR/json"
	[ "$(jq -r .backend "$BATS_TEST_TMPDIR/json")" = bls ]
	grep -a "^kernelopts=root=UUID=1 ro $PT" "$tree/boot/efi/EFI/redhat/grubenv"
	[ "$(counted)" = "$OURS-6.1.0-1 true" ]
	mode rollback
	run ! grep -a iommu "$tree/boot/efi/EFI/redhat/grubenv"
	# CentOS 7: entries in it, which only its tool on the disk can make.
	rm -r "$tree"/boot/loader "$tree"/{etc/kernel,var/lib/iommu}
	printf '%s\n' '### BEGIN /etc/grub.d/10_linux ###' "menuentry 'CentOS' {" \
		' linuxefi /vmlinuz-6.1.0-1 root=UUID=1' ' initrdefi /initrd.img-6.1.0-1' '}' \
		'### END /etc/grub.d/10_linux ###' >"$tree/boot/efi/EFI/redhat/grub.cfg"
	run "$INSTALLER" --root "$tree" check --json
	[ "$(jq -r '.entries[] | "\(.id) \(.counted)"' <<<"$output")" = "/boot/efi/EFI/redhat/grub.cfg:3 true" ]
}

@test "a grub.cfg that is a link: grubenv is looked for beside it, then beside what it leads to" {
	grub_bls
	entry a 6.1.0-1
	entry b 6.1.0-2
	mkdir "$tree/boot/real"
	mv "$tree/boot/grub2/grub.cfg" "$tree/boot/real"
	ln -s ../real/grub.cfg "$tree/boot/grub2/grub.cfg"
	rm "$tree/boot/grub2/grubenv"
	printf '# GRUB Environment Block\nsaved_entry=b\n' >"$tree/boot/real/grubenv"
	"$INSTALLER" --root "$tree" check --json >"$BATS_TEST_TMPDIR/check.json" || :
	[ "$(jq -c '[.entries[].default]' "$BATS_TEST_TMPDIR/check.json")" = "[false,true]" ]
}

@test "os-release in /usr/lib alone tells what this system is" {
	systemd_boot
	mkdir -p "$tree/usr/lib"
	mv "$tree/etc/os-release" "$tree/usr/lib/os-release"
	entry ours 6.1.0-1 'sort-key debian'
	entry arch-6.1.0-2 6.1.0-2 'sort-key arch'
	mode pt
	[ "$(worded)" = ours ]
}

@test "sections of other scripts for Linux count as ours: Grub Customizer's and Ubuntu's for ZFS; custom ones do not" {
	mkdir -p "$tree"/{boot/grub,etc/default/grub.d}
	printf '#!/bin/sh\n# reads /etc/default/grub.d\nexit 1\n' | tee "$tree/usr/sbin/grub-mkconfig" \
		>"$tree/usr/sbin/update-grub"
	chmod 755 "$tree"/usr/sbin/*
	local section
	for section in 10_linux 10_linux_zfs 11_linux_proxy 20_linux_xen 40_custom 30_os-prober; do
		printf '%s\n' "### BEGIN /etc/grub.d/$section ###" "menuentry '$section' {" \
			' linux "/BOOT/x@/vmlinuz-6.1.0-1" root=ZFS="rpool/x"' \
			' initrd "/BOOT/x@/initrd.img-6.1.0-1"' '}' \
			"### END /etc/grub.d/$section ###"
	done >"$tree/boot/grub/grub.cfg"
	"$INSTALLER" --root "$tree" check --json >"$BATS_TEST_TMPDIR/check.json" || :
	[ "$(jq -r '.entries[] | select(.counted).title' "$BATS_TEST_TMPDIR/check.json" | xargs)" = \
		"10_linux 10_linux_zfs 11_linux_proxy" ]
	[ "$(jq -r '[.entries[].image] | unique[]' "$BATS_TEST_TMPDIR/check.json")" = /boot/initrd.img-6.1.0-1 ]
}
