#!/usr/bin/env bats
# What can't work in a tree that is not running is refused before images are built, and the cause is named.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	quick_machine
	tree='mkdir -p /t && cp -a /bin /sbin /lib /lib64 /etc /usr /var /boot /t/ &&
		mkdir -p /t/proc /t/sys /t/dev /t/run /t/tmp && mv /t/usr/sbin/update-initramfs /t/root-initramfs &&
		ln -s /bin/false /t/usr/sbin/update-initramfs'
}

teardown() {
	machine_end
}

# refused CODE DIR PREPARE: a mode of that tree is refused so, by a dry run too, once PREPARE was run.
refused() {
	run --separate-stderr in_machine "$3
		iommu-install --root $2 pt --json > /host/json; echo \$? > /host/status
		iommu-install --root $2 pt --json --dry-run > /host/dry; echo \$? >> /host/status
		umount /m 2>/dev/null; :"
	echo "$stderr"
	[ "$(xargs < "$BATS_TEST_TMPDIR/status")" = "5 5" ] || { cat "$BATS_TEST_TMPDIR/status"; return 1; }
	[ "$(jq -r .refusal.code "$BATS_TEST_TMPDIR/json" "$BATS_TEST_TMPDIR/dry" | uniq)" = "$1" ]
	jq -r .refusal.message "$BATS_TEST_TMPDIR/json"
}

@test "a tree without our hook or one of our programs is refused" {
	local file
	in_machine "$tree"
	for file in usr/share/initramfs-tools/hooks/iommu-verify usr/sbin/iommu-verify usr/sbin/iommu-install; do
		refused PACKAGE_MISSING /t "mv /t/$file /t/away; trap 'mv /t/away /t/$file' EXIT"
		[[ $(jq -r .refusal.message "$BATS_TEST_TMPDIR/json") == "/$file"* ]]
	done
}

@test "a tree that has no kernel yet is refused" {
	in_machine "$tree; mkdir /away; mv /t/boot/vmlinuz* /t/boot/initrd* /away"
	refused NO_ENTRY /t :
	[[ $(jq -r .refusal.message "$BATS_TEST_TMPDIR/json") == *"no kernel"* ]]
	# What it says to do.
	run -0 in_machine 'mv /away/* /t/boot; iommu-install --root /t pt --dry-run'
}

# disk NAME: a copy of the machine's disk at /m of in_machine, mounted from a device of that name.
disk() {
	local other=$BATS_TEST_TMPDIR/other.img
	[ -e "$other" ] || cp --sparse=always "$machine" "$other"
	# shellcheck disable=SC2016 # for the inner shell
	echo "$LOOP_NODES"'
		loop=$(losetup --find --show --offset 1048576 /host/other.img)
		[ -e /dev/'"$1"' ] || mknod /dev/'"$1"' b 7 ${loop#/dev/loop}
		mkdir -p /m; mount /dev/'"$1"' /m; losetup -d $loop'
}

@test "a disk whose boot menu was never made is refused" {
	refused NO_ENTRY /m "$(disk vdb1); rm /m/boot/grub/grub.cfg"
	[[ $(jq -r .refusal.message "$BATS_TEST_TMPDIR/json") == */boot/grub/grub.cfg* ]]
}

@test "a disk behind a loop device, of which GRUB's scripts make no entries, is refused" {
	# shellcheck disable=SC2016 # for the inner shell
	refused NO_ENTRY /m "$(disk '${loop#/dev/}')"
	[[ $(jq -r .refusal.message "$BATS_TEST_TMPDIR/json") == *"/dev/loop"* ]]
}

# bats test_tags=boot
@test "what is advised for such a disk is done: by a partition's device the real update-grub makes the entries" {
	machine bookworm initramfs-tools
	cp --sparse=always "$machine" "$BATS_TEST_TMPDIR/other.img"
	# Not by losetup --partscan, which not every kernel does; the name is what counts.
	# shellcheck disable=SC2016 # for the inner shell
	run in_machine "$LOOP_NODES"'
		loop=$(losetup --find --show --offset 1048576 /host/other.img) part=${loop#/dev/}p1
		mknod /dev/$part b 7 ${loop#/dev/loop} && mkdir /m && mount /dev/$part /m && losetup -d $loop &&
		rm /dev/loop? && iommu-install --root /m pt; s=$?
		grep -c "iommu=pt" /m/boot/grub/grub.cfg; umount /m; exit $s'
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"read back from /boot/grub/grub.cfg and every initramfs"* ]]
}
