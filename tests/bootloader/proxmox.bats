#!/usr/bin/env bats
# Machines whose EFI system partitions proxmox-boot-tool keeps alike, not booted: a stand-in for the tool
# (proxmox-real.bats has the real one), partitions that are ext4, images by a stand-in. Debian's real GRUB is installed
# too, as on every Proxmox.
bats_require_minimum_version 1.5.0

PT="intel_iommu=on amd_iommu=on iommu=pt"
LIST=/etc/kernel/proxmox-boot-uuids

setup() {
	load ../lib/proxmox
	unset PROXMOX
}

teardown() {
	machine_end
}

# bats test_tags=boot
@test "systemd-boot: four modes, a kernel added by its package in between, refresh finds nothing to do, rollback" {
	proxmox_four_modes systemd-boot 4
}

# bats test_tags=boot
@test "GRUB: four modes, a kernel added by its package in between, refresh finds nothing to do, rollback" {
	proxmox_four_modes grub 10
}

# bats test_tags=boot
@test "systemd-boot: rollback of the first change gives all files back, remove takes all out, by a newer kernel too" {
	proxmox_gives_back systemd-boot
}

# bats test_tags=boot
@test "GRUB: rollback of the first change gives every file back, remove takes all out, from a newer kernel too" {
	proxmox_gives_back grub
}

# bats test_tags=boot
@test "systemd-boot on one partition, GRUB on the other: each line is right, each copy is /boot's image, no tool runs" {
	proxmox_machine both
	in_proxmox_machine 'mv /usr/sbin/proxmox-boot-tool /root
		printf "#!/bin/sh\ntouch /called\n" > /usr/sbin/proxmox-boot-tool
		chmod 755 /usr/sbin/proxmox-boot-tool; iommu-install off-for-uio --force --on-mismatch=halt
		[ ! -e /called ]'
	run -0 esp_lines
	[ "$(grep -c " intel_iommu=off amd_iommu=off" <<< "$output")" = 7 ]
	on_esps 'cmp /boot/initrd.img-6.8.12-4-pve /esp/1111-AAAA/EFI/proxmox/6.8.12-4-pve/initrd.img-6.8.12-4-pve
		cmp /boot/initrd.img-6.8.12-4-pve /esp/2222-BBBB/initrd.img-6.8.12-4-pve
		cmp /boot/initrd.img-6.8.4-1-pve /esp/2222-BBBB/initrd.img-6.8.4-1-pve'
	# Without an IOMMU in the machine this mode is the one that matches.
	run -0 in_proxmox_machine 'iommu-install check --json'
	[ "$(jq -r '[.entries[] | select(.verdict == "match" and .counted and .target == "off-for-uio") | .image] |
		unique | length' <<< "$output")" = 4 ]
}

# bats test_tags=boot
@test "looking changes nothing on the partitions, and leaves nothing mounted; so does a change that is done already" {
	proxmox_machine systemd-boot
	in_proxmox_machine 'iommu-install off-for-uio --force'
	cp "$BATS_TEST_TMPDIR/1111-AAAA.img" "$BATS_TEST_TMPDIR/before"
	in_proxmox_machine 'iommu-install check > /dev/null; iommu-install show | grep "next boot: *off-for-uio"
		iommu-install --dry-run pt --force > /dev/null
		! grep espmounts\\\|/run/iommu /proc/mounts || exit 1; ! ls -A /run/iommu/esp | grep .'
	cmp "$BATS_TEST_TMPDIR/1111-AAAA.img" "$BATS_TEST_TMPDIR/before"
	run -0 in_proxmox_machine 'iommu-install off-for-uio --force'
	[[ $output == *"nothing to change"* ]]
	# Where somebody else has one of them mounted too.
	on_esps 'iommu-install check > /dev/null; iommu-install pt --force > /dev/null
		grep iommu=pt /esp/2222-BBBB/loader/entries/proxmox-6.8.4-1-pve.conf'
	run -4 in_proxmox_machine 'setpriv --reuid=1000 --clear-groups iommu-install --dry-run strict --force'
	[[ $output == *"+root="*" intel_iommu=on amd_iommu=on"*"needs root to read it"* ]]
}

# bats test_tags=boot
@test "the lines of a dry run are those of the real one, of systemd-boot's partition and of GRUB's" {
	proxmox_machine both
	local dir=$BATS_TEST_TMPDIR
	printf 'GRUB_CMDLINE_LINUX="one iommu=off"\nGRUB_CMDLINE_LINUX_DEFAULT=two\n' >"$dir/default"
	in_proxmox_machine 'cp /host/default /etc/default/grub
		iommu-install pt --force --initramfs=none --dry-run --json >/host/dry.json
		iommu-install pt --force --initramfs=none --json >/host/real.json 2>/dev/null'
	diff <(jq '[.entries[] | [.kernel, .after, .foreseen]]' "$dir/dry.json") \
		<(jq '[.entries[] | [.kernel, .after, .foreseen]]' "$dir/real.json")
	[ "$(jq '[.entries[] | select(.after | contains("one '"$PT"' two"))] | length' "$dir/dry.json")" -ge 2 ]
}

# --- Which boot loader it is ------------------------------------------------------------------------------------------

# bats test_tags=boot
@test "started by systemd-boot, its line in GRUB's own grub.cfg too: the partitions are changed, GRUB's files are not" {
	proxmox_machine systemd-boot
	in_proxmox_machine 'grep -q "$(cat /etc/kernel/cmdline)" /boot/grub/grub.cfg
		sha256sum /boot/grub/grub.cfg > /root/sum
		iommu-install pt --force --initramfs=none; sha256sum -c /root/sum
		[ ! -e /etc/default/grub.d/zzz-iommu.cfg ]'
	[ "$(esp_lines | grep -c "$PT")" = 4 ]
}

# bats test_tags=boot
@test "started by a GRUB: by the path of the kernel it is the partitions' one or the one that reads /boot" {
	proxmox_machine grub
	local before
	before=$(esp_lines)
	cp "$BATS_TEST_TMPDIR/running" "$BATS_TEST_TMPDIR/first"
	sed -i 's#=/vmlinuz#=/boot/vmlinuz#' "$BATS_TEST_TMPDIR/running"
	in_proxmox_machine 'iommu-install pt --force --initramfs=none; grep -q iommu=pt /boot/grub/grub.cfg
		rm -r /var/lib/iommu/*'
	diff <(esp_lines) <(echo "$before")
	cp "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/running"
	in_proxmox_machine 'sha256sum /boot/grub/grub.cfg > /root/sum; iommu-install strict --force --initramfs=none
		sha256sum -c /root/sum'
	[ "$(esp_lines | grep -c "intel_iommu=on amd_iommu=on")" = 10 ]
}

@test "without a proof that it was any of them nothing is changed: BOOTLOADER_UNPROVEN" {
	proxmox_machine systemd-boot
	echo 'root=/dev/other' > "$BATS_TEST_TMPDIR/running"
	refused 5 "BOOTLOADER_UNPROVEN: " :
	[[ $output == *"--backend=proxmox"* ]]
	BOOTED='GRUB 2.12' refused 5 "BOOTLOADER_UNPROVEN: " :
}

# bats test_tags=boot
@test "a tree that is on no disk of its own is refused: the partitions it lists could be this machine's" {
	proxmox_machine systemd-boot
	refused 1 "$LIST: the partitions it lists are looked for only where the tree is on a disk of its own" "
		mkdir -p /tree/boot /tree/proc /tree/sys /tree/dev /tree/run /tree/etc/kernel /tree/usr/sbin \
			/tree/var/lib
		cp $LIST /etc/kernel/cmdline /tree/etc/kernel
		cp /usr/sbin/proxmox-boot-tool /tree/usr/sbin; cp /boot/vmlinuz-* /tree/boot" --root /tree
}

# --- Damage -----------------------------------------------------------------------------------------------------------

# bats test_tags=boot
@test "a partition that is missing, damaged or not set up is named with what to do, and nothing is changed" {
	proxmox_machine systemd-boot
	local image=$BATS_TEST_TMPDIR/2222-BBBB.img
	mv "$image" "$BATS_TEST_TMPDIR/kept"
	refused 1 "$LIST: 2222-BBBB is on no disk that is there; put its disk back in, or take it off the list with \
'proxmox-boot-tool clean'" :
	run -1 in_proxmox_machine 'iommu-install check'
	[[ $output == *"2222-BBBB is on no disk that is there"* ]]
	# GRUB's own grub.cfg has the line too, and is not changed instead.
	BOOTED='' refused 1 "2222-BBBB is on no disk that is there" :
	head -c 1048576 /dev/urandom > "$image"
	refused 1 "$LIST: 2222-BBBB can't be mounted (it is no FAT file system, or a damaged one)" :
	cp "$BATS_TEST_TMPDIR/kept" "$image"
	refused 1 "/run/iommu/esp/2222-BBBB/loader/loader.conf: is not there" 'rm /esp/2222-BBBB/loader/loader.conf'
	# What the message says mends it.
	mv "$image" "$BATS_TEST_TMPDIR/kept"
	in_proxmox_machine 'proxmox-boot-tool clean && iommu-install pt --force --initramfs=none'
	[ "$(esp_lines | grep -c "$PT")" = 2 ]
}

# bats test_tags=boot
@test "a list of partitions that is damaged is named, with the line, and nothing is changed" {
	proxmox_machine systemd-boot
	local line script
	while IFS='|' read -r script line; do
		refused 1 "$LIST$line" "rm -rf $LIST; cp /host/list $LIST; $script" --backend=proxmox
	done <<-EOF
		echo nonsense >> $LIST|:3: no UUID of a FAT file system (XXXX-XXXX)
		echo ../../../sda >> $LIST|:3: no UUID of a FAT file system (XXXX-XXXX)
		sed -i 's/\$/\r/' $LIST|:1: no UUID of a FAT file system (XXXX-XXXX)
		truncate -s -1 $LIST|:2: without a line end proxmox-boot-tool passes over 2222-BBBB; add one
		truncate -s -2 $LIST|:2: no UUID of a FAT file system (XXXX-XXXX)
		printf 'a\\0b' >> $LIST|:3: a NUL byte
		printf '%1048576s\n' x >> $LIST|:3: no UUID of a FAT file system (XXXX-XXXX)
		rm $LIST; mkdir $LIST|: Is a directory
	EOF
	# With comments, empty lines and one of them twice the tool works.
	in_proxmox_machine "rm -rf $LIST; printf '# mine\n\n1111-AAAA\n2222-BBBB\n1111-AAAA\n' > $LIST
		iommu-install pt --force --initramfs=none"
	[ "$(esp_lines | grep -c "$PT")" = 4 ]
}

# bats test_tags=boot
@test "a damaged /etc/kernel/cmdline is named; of several lines the first gets the words; without one it is made" {
	proxmox_machine systemd-boot
	local before
	before=$(in_proxmox_machine 'cat /etc/kernel/cmdline')
	refused 1 "/etc/kernel/cmdline:1: a NUL byte" 'printf "root=x\0\n" > /etc/kernel/cmdline'
	refused 1 "/etc/kernel/cmdline:1: no root= on this line" 'printf "# mine\nroot=x\n" > /etc/kernel/cmdline'
	refused 1 "/etc/kernel/cmdline: Is a directory" 'rm /etc/kernel/cmdline; mkdir /etc/kernel/cmdline'
	in_proxmox_machine 'rmdir /etc/kernel/cmdline
		printf "root=x iommu=soft\r\nroot=y iommu=off" > /etc/kernel/cmdline
		iommu-install pt --force --initramfs=none
		printf "root=x '"$PT"'\r\nroot=y iommu=off" | cmp - /etc/kernel/cmdline
		rm /etc/kernel/cmdline; iommu-install strict --force --initramfs=none'
	[ "$(in_proxmox_machine 'cat /etc/kernel/cmdline')" = "$before intel_iommu=on amd_iommu=on" ]
}

# entry FILE LINE: that file of the first partition is an entry of the newest kernel with that line; it sorts last.
entry() {
	echo "sed 's|^options.*|options $2|' /esp/1111-AAAA/loader/entries/proxmox-6.8.12-4-pve.conf \
		> /esp/1111-AAAA/loader/entries/proxmox-$1.conf"
}

# bats test_tags=boot
@test "/etc/kernel/cmdline is made from the entry that started this boot, else from the newest with the others' root=" {
	proxmox_machine systemd-boot
	local before
	before=$(in_proxmox_machine 'cat /etc/kernel/cmdline; rm /etc/kernel/cmdline')
	# A snapshot's, and one for a look at what is wrong: neither is for later kernels.
	on_esps "$(entry snapshot 'root=/dev/vg/snapshot ro'); $(entry zz-debug "$before emergency")
		sed -i 's/^options.*/& newest/' /esp/????-????/loader/entries/proxmox-6.8.12-4-pve.conf"
	echo 'root=/dev/other' >"$BATS_TEST_TMPDIR/running"
	in_proxmox_machine 'iommu-install pt --force --initramfs=none --backend=proxmox'
	[ "$(in_proxmox_machine 'cat /etc/kernel/cmdline')" = "$before newest $PT" ]
	in_proxmox_machine 'iommu-install remove --initramfs=none; [ ! -e /etc/kernel/cmdline ]'
	# The one that started it, though it is older.
	on_esps "sed -i 's/^options.*/& older/' /esp/????-????/loader/entries/proxmox-6.8.4-1-pve.conf"
	echo "initrd=x $before older" >"$BATS_TEST_TMPDIR/running"
	in_proxmox_machine 'iommu-install pt --force --initramfs=none'
	[ "$(in_proxmox_machine 'cat /etc/kernel/cmdline')" = "$before older $PT" ]
	# Somebody's own is not taken away.
	in_proxmox_machine 'sed -i "s/^/mine /" /etc/kernel/cmdline; iommu-install remove --initramfs=none'
	[ "$(in_proxmox_machine 'cat /etc/kernel/cmdline')" = "mine $before older" ]
}

# bats test_tags=boot
@test "an entry or a grub.cfg that is damaged is named by its partition, and nothing is changed" {
	proxmox_machine both
	local entry=1111-AAAA/loader/entries/proxmox-6.8.4-1-pve.conf config=2222-BBBB/grub/grub.cfg
	on_esps "cd /esp && cp $entry $config /root"
	# What is no entry is in nobody's way.
	on_esps "printf 'title x\nlinux /a\0\n' > /esp/1111-AAAA/loader/entries/proxmox-x.conf
		head -c 30 /root/proxmox* > /esp/1111-AAAA/loader/entries/proxmox-y.conf"
	refused 1 "/run/iommu/esp/$entry: its kernel is not in /boot, so that its image can't be made anew; \
'proxmox-boot-tool refresh'" \
		"cd /esp && cp /root/proxmox* $entry && mv /boot/vmlinuz-6.8.4-1-pve /root"
	refused 1 "/run/iommu/esp/$entry: its image is not there; 'proxmox-boot-tool refresh'" \
		"mv /root/vmlinuz-* /boot; mv /esp/1111-AAAA/EFI/proxmox/6.8.4-1-pve/initrd* /root"
	refused 1 "/run/iommu/esp/$config: holds a NUL byte" \
		"cd /esp && mv /root/initrd* 1111-AAAA/EFI/proxmox/6.8.4-1-pve && printf '\0' >> $config"
	refused 1 "/run/iommu/esp/$config: Is a directory" "rm /esp/$config && mkdir /esp/$config"
	# What is no damage, but long or unusual, stays.
	on_esps "cd /esp && rmdir $config && cp /root/grub.cfg $config && sed -i 's/\$/\r/' $entry &&
		printf '# %1048576s\n' x >> $entry && truncate -s -1 $entry &&
		printf 'title memtest\nefi /EFI/memtest86.efi\n' > 1111-AAAA/loader/entries/memtest.conf &&
		sed 's/^title.*/title By hand/;s/^options.*/options root=x iommu=off/' \
			/root/proxmox* > 1111-AAAA/loader/entries/hand.conf"
	in_proxmox_machine 'iommu-install pt --force --initramfs=none'
	on_esps "cd /esp && grep \$'^options .* $PT\r\$' $entry && [ \$(stat -c %s $entry) -gt 1048576 ] &&
		grep -x 'options root=x $PT' 1111-AAAA/loader/entries/hand.conf &&
		[ \$(wc -l < 1111-AAAA/loader/entries/memtest.conf) = 2 ]"
}

# bats test_tags=boot
@test "a change that fails on the second partition is undone on both; a partition without room is BOOT_SPACE" {
	proxmox_machine grub
	local before
	in_proxmox_machine 'printf "#!/bin/sh\n! mountpoint -q /boot || ! grep -q \"2222-BBBB /boot \" /proc/mounts\n" \
		> /etc/grub.d/99_fails
		chmod 755 /etc/grub.d/99_fails'
	before=$(state)
	run -1 in_proxmox_machine 'iommu-install pt --force --on-mismatch=halt'
	echo "$output"
	[[ $output == *"/run/iommu/esp/2222-BBBB: its grub.cfg was not made"*"everything is as it was before"* ]]
	diff <(state) <(echo "$before")
	on_esps 'head -c 20M /dev/zero > /esp/2222-BBBB/filled 2>/dev/null || true; rm /etc/grub.d/99_fails'
	run -5 in_proxmox_machine 'iommu-install pt --force --on-mismatch=halt'
	[[ $output == *"BOOT_SPACE: /run/iommu/esp/2222-BBBB has "* && $(wc -l <<< "$output") = 1 ]]
}
