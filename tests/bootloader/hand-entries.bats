#!/usr/bin/env bats
# Entries of systemd-boot that somebody wrote by hand, on a tree made by hand.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree"/{boot/loader/entries,boot/EFI/systemd,dev,etc,proc,run,sys,usr/sbin,var/lib,lib/modules}
	mkdir "$tree/lib/modules/6.1.0-1"
	touch "$tree"/boot/{vmlinuz-6.1.0-1,initramfs-6.1.0-1.img,EFI/systemd/systemd-bootx64.efi}
	echo '# CONFIG_IOMMU_DEFAULT_PASSTHROUGH is not set' >"$tree/boot/config-6.1.0-1"
	printf 'title x\nversion 6.1.0-1\nlinux /vmlinuz-6.1.0-1\ninitrd /initramfs-6.1.0-1.img\noptions %s\n' \
		'root=UUID=1 amd_iommu=fullflush quiet' >"$tree/boot/loader/entries/x.conf"
}

@test "a flush policy of the user's stays, through a mode, another one, the way back and remove" {
	local command before
	before=$(cat "$tree/boot/loader/entries/x.conf")
	for command in strict pt rollback remove; do
		"$INSTALLER" --root "$tree" $command --initramfs=none
		grep amd_iommu=fullflush "$tree/boot/loader/entries/x.conf"
	done
	[ "$(cat "$tree/boot/loader/entries/x.conf")" = "$before" ]
}
