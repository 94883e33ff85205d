#!/usr/bin/env bats
# A root on an encrypted disk, in real images of Debian 12: in a wrong mode nobody is asked for its passphrase.
# shellcheck disable=SC2154 # suite and image come from lib/early
bats_require_minimum_version 1.5.0
# bats file_tags=full

PASSPHRASE_PROMPT='Please (enter passphrase|unlock disk)'

setup_file() {
	load ../lib/early
	local packages tree dest=$BATS_FILE_TMPDIR/$suite-tree uuid=0d4b8f6e-6a51-4c0e-9d2f-1f3a5c7b9e11
	packages=$(tree_packages "$suite" && printf '%s\n' cryptsetup cryptsetup-initramfs)
	tree=$(cached "$IOMMU_TEST_CACHE/tree-$suite-luks-$(recipe_key "$packages" "${TREE_EXCLUDE[@]}")" \
		tree_build "$suite" "$packages")
	tree_vmlinux "$tree" > "$BATS_FILE_TMPDIR/kernel"

	# Nobody answers the prompt, so there is nothing in it.
	truncate -s 20M "$BATS_FILE_TMPDIR/disk"
	printf passphrase | cryptsetup luksFormat --batch-mode --type luks2 --pbkdf pbkdf2 \
		--pbkdf-force-iterations 1000 --uuid "$uuid" --key-file - "$BATS_FILE_TMPDIR/disk"
	echo "rd.luks.name=$uuid=secret root=/dev/mapper/secret" > "$BATS_FILE_TMPDIR/line"

	image_tree "$tree" "$dest"
	# shellcheck disable=SC2016 # for dracut
	put 644 "$dest/etc/dracut.conf.d/iommu-test-luks.conf" \
		<<< 'omit_dracutmodules="${omit_dracutmodules/ crypt dm / }"'
	put 644 "$dest/etc/crypttab" <<< "secret UUID=$uuid none luks,initramfs"
	printf '%s\n' dm_mod dm_crypt >> "$dest/etc/initramfs-tools/modules"
	make -s -C "$BATS_TEST_DIRNAME/../.." install DESTDIR="$dest" DRACUTMODULESDIR=/usr/lib/dracut/modules.d
	! older "$suite" || built_for "$suite" iommu-install "$dest/usr/sbin/iommu-install"
	printf 'mode=pt\non-mismatch=halt\n' > "$dest/etc/iommu.target"
	for generator in dracut-systemd initramfs-tools; do
		image_build "$dest" $generator "$BATS_FILE_TMPDIR/$suite-$generator-halt"
	done
}

setup() {
	load ../lib/trees
	load ../lib/early
}

teardown() {
	vm_kill_all
}

# start_locked LINE: starts the image of $generator, with the encrypted disk for a root.
start_locked() {
	image $generator halt
	vm_start vm --iommu intel --kernel "$(< "$BATS_FILE_TMPDIR/kernel")" --disk "$BATS_FILE_TMPDIR/disk" \
		--initrd "$image" --append "$(< "$BATS_FILE_TMPDIR/line") $1"
}

@test "in the right mode the machine asks for the disk's passphrase, after the check" {
	for generator in dracut-systemd initramfs-tools; do
		start_locked "$PT"
		vm_expect vm 'iommu-verify: match: target pt, effective pt'
		vm_expect vm "$PASSPHRASE_PROMPT"
		vm_kill vm
	done
}

@test "in a wrong mode the machine halts, and nobody is asked for the passphrase" {
	for generator in dracut-systemd initramfs-tools; do
		start_locked "quiet $STRICT"
		vm_wait vm
		stopped halted "mismatch: target pt, effective strict" "TOKEN_MISSING: "
		[ -z "$(line_of "$PASSPHRASE_PROMPT")" ]
	done
}
