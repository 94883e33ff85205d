#!/usr/bin/env bats
# Every entry of every boot loader that is here: both file systems of systemd-boot, unified images beside its entries,
# and other loaders; on trees made by hand.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree"/{boot/loader/entries,boot/efi/loader/entries,boot/efi/EFI/{Linux,systemd}} \
		"$tree"/{dev,etc,proc,run,sys,usr/sbin,var/lib}
	touch "$tree/boot/efi/EFI/systemd/systemd-bootx64.efi"
	printf 'ID=debian\n' >"$tree/etc/os-release"
	local kernel
	for kernel in 6.1.0-1 6.1.0-2; do
		mkdir -p "$tree/lib/modules/$kernel"
		touch "$tree/boot"/{,efi/}{vmlinuz,initrd.img}-$kernel
		echo '# CONFIG_IOMMU_DEFAULT_PASSTHROUGH is not set' >"$tree/boot/config-$kernel"
	done
}

# entry PLACE NAME RELEASE: an entry there of that kernel and its image.
entry() {
	printf '%s\n' "title $2" "version $3" "linux /vmlinuz-$3" "initrd /initrd.img-$3" 'options root=UUID=1 ro' \
		>"$tree/$1/loader/entries/$2.conf"
}

# unified NAME RELEASE [LINE]: a unified image of this system.
unified() {
	"$BATS_TEST_DIRNAME/../tools/unified" "$tree/boot/efi/EFI/Linux/$1.efi" ".cmdline=${3-root=UUID=1 ro}" \
		".uname=$2" .osrel=ID=debian .initrd=x
}

mode() {
	"$INSTALLER" --root "$tree" "$@" --initramfs=none
}

# listed [FILTER]: of each entry that check has, sorted.
listed() {
	"$INSTALLER" --root "$tree" check --json >"$BATS_TEST_TMPDIR/check.json" || :
	"$BATS_TEST_DIRNAME/../tools/validate" check "$BATS_TEST_TMPDIR/check.json" >&2
	jq -r ".entries[] | ${1:-\"\(.id | sub(\".*/\"; \"\")) \(.counted)\"}" "$BATS_TEST_TMPDIR/check.json" |
		sort | paste -sd ' '
}

@test "entries on the EFI system partition and on the extended boot partition: both are read and set" {
	printf 'title memtest\nefi /memtest.efi\n' >"$tree/boot/efi/loader/entries/memtest.conf"
	touch "$tree/boot/efi/memtest.efi"
	entry boot ours 6.1.0-1
	mode pt
	grep iommu=pt "$tree/boot/loader/entries/ours.conf"
	[ "$(listed)" = "memtest.conf false ours.conf true" ]
	[ "$(cat "$tree/boot/efi/loader/entries/memtest.conf")" = $'title memtest\nefi /memtest.efi' ]
	# A copy of ours that was left on the first one.
	entry boot/efi stale 6.1.0-1
	[ "$(listed '"\(.id | sub(".*/"; "")) \(.mode)"')" = "memtest.conf default ours.conf pt stale.conf default" ]
	mode pt
	[ "$(listed '"\(.id | sub(".*/"; "")) \(.mode)"')" = "memtest.conf default ours.conf pt stale.conf pt" ]
	mode rollback
	mode remove
	! grep -r iommu= "$tree/boot/loader" "$tree/boot/efi/loader"
}

# suse_tree: the same tree as openSUSE has it, with sdbootutil.
suse_tree() {
	rm -r "$tree/boot/efi/EFI/systemd"
	mkdir -p "$tree"/{etc/sysconfig,usr/bin}
	echo 'LOADER_TYPE="systemd-boot"' >"$tree/etc/sysconfig/bootloader"
	printf '#!/bin/sh\n' >"$tree/usr/bin/sdbootutil"
	chmod 755 "$tree/usr/bin/sdbootutil"
	echo 'root=UUID=1 ro' >"$tree/etc/kernel/cmdline"
}

@test "sdbootutil: entries on both file systems are read and set, also behind one that has only somebody else's" {
	mkdir -p "$tree/etc/kernel"
	suse_tree
	printf 'title memtest\nefi /memtest.efi\n' >"$tree/boot/loader/entries/memtest.conf"
	touch "$tree/boot/memtest.efi"
	entry boot/efi ours 6.1.0-1
	mode pt
	grep iommu=pt "$tree/boot/efi/loader/entries/ours.conf"
	[ "$(listed)" = "memtest.conf false ours.conf true" ]
	# A copy of ours that was left on the first one.
	entry boot stale 6.1.0-1
	[ "$(listed '"\(.id | sub(".*/"; "")) \(.mode)"')" = "memtest.conf default ours.conf pt stale.conf default" ]
	mode strict
	[ "$(listed '"\(.id | sub(".*/"; "")) \(.mode)"')" = "memtest.conf default ours.conf strict stale.conf strict" ]
	mode remove
	run ! grep -r iommu= "$tree/boot/loader" "$tree/boot/efi/loader"
}

@test "loader.conf's default is looked for in both" {
	entry boot ours 6.1.0-1
	entry boot/efi other 6.1.0-2
	echo 'default ours.conf' >"$tree/boot/efi/loader/loader.conf"
	[ "$(listed '"\(.id | sub(".*/"; "")) \(.default)"')" = "other.conf false ours.conf true" ]
}

@test "unified images beside entries, in EFI/Linux or by an entry's efi or uki key, are listed with their line" {
	entry boot/efi ours 6.1.0-1
	unified beside 6.1.0-2
	unified named 6.1.0-2 'root=UUID=1 iommu=pt'
	mv "$tree/boot/efi/EFI/Linux/named.efi" "$tree/boot/efi/EFI"
	printf 'title named\nuki /EFI/named.efi\n' >"$tree/boot/efi/loader/entries/named.conf"
	printf 'title lined\nefi /EFI/named.efi\noptions root=UUID=1 iommu=nopt\n' \
		>"$tree/boot/efi/loader/entries/lined.conf"
	[ "$(listed '"\(.id | sub(".*/"; "")) \(.counted) \(.kernel) \(.cmdline)"')" = "beside.efi false 6.1.0-2 \
root=UUID=1 ro lined.conf false 6.1.0-2 root=UUID=1 iommu=nopt named.conf false 6.1.0-2 root=UUID=1 iommu=pt \
ours.conf true 6.1.0-1 root=UUID=1 ro" ]
	local before
	before=$(cat "$tree"/boot/efi/loader/entries/{named,lined}.conf "$tree"/boot/efi/EFI/{named,Linux/beside}.efi |
		sha256sum)
	mode pt
	[ "$(cat "$tree"/boot/efi/loader/entries/{named,lined}.conf "$tree"/boot/efi/EFI/{named,Linux/beside}.efi |
		sha256sum)" = "$before" ]
	# One of them may be the default: with what it has a policy that stops would stop it.
	run -5 mode pt --on-mismatch=halt
	[[ $output == *"ENTRY_WOULD_STOP: "* ]]
	echo 'default ours.conf' >"$tree/boot/efi/loader/loader.conf"
	mode pt --on-mismatch=halt
}

@test "what is no unified image in EFI/Linux is in nobody's way where entries start this system" {
	entry boot/efi ours 6.1.0-1
	head -c 3000 /dev/urandom >"$tree/boot/efi/EFI/Linux/x.efi"
	mode pt
	[ "$(listed)" = "ours.conf true x.efi false" ]
}

@test "each profile of a unified image is listed, with its title and its line" {
	entry boot/efi ours 6.1.0-1
	"$BATS_TEST_DIRNAME/../tools/unified" "$tree/boot/efi/EFI/Linux/x.efi" '.cmdline=root=UUID=1 ro' \
		.uname=6.1.0-2 .osrel=$'ID=debian\nPRETTY_NAME="Debian"' .initrd=x .profile=ID=main \
		.profile=TITLE=Reset '.cmdline=root=UUID=1 reset' .profile=TITLE=Same
	[ "$(listed 'select(.id | contains(".efi")) | "\(.id | sub(".*/"; "")) \(.title) \(.cmdline)"')" = \
		"x.efi Debian root=UUID=1 ro x.efi@1 Reset root=UUID=1 reset x.efi@2 Same root=UUID=1 ro" ]
}

@test "addons of an image with a boot counter are found by its name without that" {
	entry boot/efi ours 6.1.0-1
	mkdir -p "$tree/boot/efi/EFI/Linux/x.efi.extra.d"
	unified x+3-0 6.1.0-1
	"$BATS_TEST_DIRNAME/../tools/unified" "$tree/boot/efi/EFI/Linux/x.efi.extra.d/y.addon.efi" '.cmdline=iommu=pt'
	[ "$(listed 'select(.id | endswith(".efi")).cmdline')" = "root=UUID=1 ro iommu=pt" ]
}

# grub_beside: GRUB with an entry of this system, beside systemd-boot.
grub_beside() {
	mkdir -p "$tree"/{boot/grub,etc/default/grub.d}
	printf '#!/bin/sh\n# reads /etc/default/grub.d\nexit 1\n' | tee "$tree/usr/sbin/grub-mkconfig" \
		>"$tree/usr/sbin/update-grub"
	chmod 755 "$tree"/usr/sbin/*
	printf '%s\n' '### BEGIN /etc/grub.d/10_linux ###' "menuentry 'GRUB one' {" \
		' linux /boot/vmlinuz-6.1.0-1 root=UUID=1' ' initrd /boot/initrd.img-6.1.0-1' '}' \
		'### END /etc/grub.d/10_linux ###' >"$tree/boot/grub/grub.cfg"
}

@test "entries of another boot loader are listed, not counted, and why" {
	grub_beside
	entry boot/efi ours 6.1.0-1
	mode pt --backend=systemd-boot
	[ "$(listed '"\(.id | sub(".*/"; "")) \(.counted) \(.why != null)"')" = \
		"grub.cfg:3 false true ours.conf true true" ]
}

@test "of a tree with two boot loaders show tells the next boot by the one that the change was for, as check does" {
	grub_beside
	entry boot/efi ours 6.1.0-1
	mode pt --backend=systemd-boot
	run --separate-stderr "$INSTALLER" --root "$tree" show --json
	[ "$(jq -r '.next_boot, .status.next_boot' <<<"$output" | paste -sd ' ')" = "pt pt" ]
	# GRUB's entry asks for nothing.
	[ "$(listed '"\(.id | sub(".*/"; "")) \(.mode) \(.counted)"')" = "grub.cfg:3 default false ours.conf pt true" ]
}
