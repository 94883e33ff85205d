#!/usr/bin/env bats
# File systems that should be mounted and are not: what a change would write there would be covered by the next boot's
# mount. On a real Debian system, booted only where an automount is the subject.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
}

teardown() {
	vm_kill_all
	machine_end
}

CHANGE='iommu-install strict --force --backend=grub --initramfs=none'
ENTRIES='grep -c "intel_iommu=on amd_iommu=on$" /boot/grub/grub.cfg'

# not_mounted NAMED COMMAND SCRIPT: after this script a change is refused for /boot, which NAMED mounts with COMMAND,
# and nothing is changed or left behind.
not_mounted() {
	local before
	quick_machine
	in_machine "$3"
	before=$(files_of_machine)
	run -5 in_machine "$CHANGE"
	[[ ${lines[0]} == \
		"iommu-install: NOT_MOUNTED: /boot: its file system is not mounted (it is in $1); run: $2" ]]
	[ "${#lines[@]}" = 1 ]
	run -5 in_machine "$CHANGE --dry-run"
	[[ $output == *NOT_MOUNTED* ]]
	[ "$(files_of_machine)" = "$before" ]
	run ! in_machine 'ls -d /var/lib/iommu /run/iommu'
}

UNIT='printf "[Mount]\nWhat=/dev/vdb\nWhere=/boot\n" > /etc/systemd/system/boot.mount'

@test "/boot in fstab, on a last line without an end: refused with the command that mounts it" {
	not_mounted /etc/fstab:3 'mount /boot' \
		'printf "# mine\n/dev/vda1 / ext4 defaults 0 1\nUUID=aa-bb /boot ext4 defaults 0 2" > /etc/fstab'
}

@test "/boot in fstab with noauto and a slash at its end: refused" {
	not_mounted /etc/fstab:1 'mount /boot' 'printf "/dev/vdb\t/boot/\text4\tnoauto,user\n" > /etc/fstab'
}

@test "/boot as a bind mount in fstab: refused while it is not mounted, and done once it is" {
	not_mounted /etc/fstab:1 'mount /boot' 'mkdir /srv/boot; echo "/srv/boot /boot none bind 0 0" > /etc/fstab'
	run -0 in_machine "cp -a /boot/. /srv/boot && mount --bind /srv/boot /boot && $CHANGE && $ENTRIES"
	run -0 in_machine 'grep -c "intel_iommu=on amd_iommu=on$" /srv/boot/grub/grub.cfg'
	run -1 in_machine "$ENTRIES"
}

@test "a mount unit for /boot: refused with the command that starts it, unless masked, by a link or by being empty" {
	not_mounted /etc/systemd/system/boot.mount 'systemctl start boot.mount' "$UNIT"
	run -0 in_machine "mkdir -p /usr/local/lib/systemd/system &&
		mv /etc/systemd/system/boot.mount /usr/local/lib/systemd/system &&
		ln -s /dev/null /etc/systemd/system/boot.mount && $CHANGE && $ENTRIES"
	run -0 in_machine "rm /etc/systemd/system/boot.mount && touch /etc/systemd/system/boot.mount && $CHANGE &&
		$ENTRIES"
}

@test "a mount point that a change does not write to, and one whose name is only alike, are nobody's business" {
	quick_machine
	run -0 in_machine "mkdir -p /boot/efi /boot2
		printf 'UUID=1 /boot/efi vfat defaults 0 1\nUUID=2 /boot2 ext4 defaults 0 1\n\
UUID=3 none swap sw 0 0\n' > /etc/fstab
		$CHANGE && $ENTRIES"
}

@test "a boot loader that is on a partition that is not mounted: that is said, not that there is no boot loader" {
	quick_machine
	in_machine 'mv /boot/grub /srv; mkdir /efi; echo "UUID=AAAA-BBBB /efi vfat umask=0077 0 1" > /etc/fstab'
	run -5 in_machine 'iommu-install strict --force --initramfs=none'
	[[ $output == "iommu-install: NOT_MOUNTED: /efi: "*"/etc/fstab:1"*"run: mount /efi" ]]
	run -5 in_machine 'iommu-install strict --force --initramfs=none --backend=systemd-boot'
	[[ $output == "iommu-install: NOT_MOUNTED: /efi: "* ]]
}

@test "rollback, remove and resume are refused as a mode is, and nothing is changed" {
	quick_machine
	local before command
	in_machine "$CHANGE && iommu-install pt --force --initramfs=none &&
		echo 'UUID=aa-bb /boot ext4 defaults 0 2' > /etc/fstab"
	before=$(files_of_machine)
	for command in rollback remove; do
		run -5 in_machine "iommu-install $command --initramfs=none"
		[[ $output == *"NOT_MOUNTED: /boot: "*"/etc/fstab:1"* ]]
		[ "$(files_of_machine)" = "$before" ]
	done
	in_machine 'mv /var/lib/iommu/change/done /var/lib/iommu/change/journal'
	run -5 in_machine 'iommu-install resume'
	[[ $output == *"NOT_MOUNTED: /boot: "*"/etc/fstab:1"* ]]
	[ "$(files_of_machine)" = "$before" ]
	in_machine 'echo > /etc/fstab; iommu-install resume'
}

# bats test_tags=boot
@test "a partition of entries that has gone before resume and rollback: refused, nothing is written below it" {
	quick_machine
	in_machine 'mkdir -p /srv/esp /boot/efi && echo "/srv/esp /boot/efi none bind,nofail 0 0" > /etc/fstab &&
		mount --bind /srv/esp /boot/efi
		k=$(ls /lib/modules) i=$(tr -d - < /etc/machine-id); i=${i:-00112233445566778899aabbccddeeff}
		echo $i > /etc/machine-id
		mkdir -p /boot/efi/EFI/systemd /boot/efi/loader/entries /boot/efi/$i/$k &&
			touch /boot/efi/EFI/systemd/systemd-bootx64.efi
		cp /boot/vmlinuz-$k /boot/efi/$i/$k/linux; cp /boot/initrd.img-$k /boot/efi/$i/$k
		printf "title x\nversion %s\nmachine-id %s\noptions root=x\n\
linux /%s/%s/linux\ninitrd /%s/%s/initrd.img-%s\n" \
			$k $i $i $k $i $k $k > /boot/efi/loader/entries/$i-$k.conf
		iommu-install pt --force --backend=systemd-boot && iommu-install strict --force --backend=systemd-boot'
	local command
	for command in rollback remove; do
		run -5 in_machine "iommu-install $command"
		[[ $output == *"NOT_MOUNTED: /boot/efi: "*"/etc/fstab:1"* ]]
	done
	in_machine 'mv /var/lib/iommu/change/done /var/lib/iommu/change/journal'
	run -5 in_machine 'iommu-install resume'
	[[ $output == *"NOT_MOUNTED: /boot/efi: "*"/etc/fstab:1"* ]]
	run -0 in_machine 'find /boot/efi -mindepth 1'
	[ "$output" = "" ]
	in_machine 'mount --bind /srv/esp /boot/efi && iommu-install resume &&
		grep -r "intel_iommu=on amd_iommu=on" /boot/efi/loader/entries'
}

@test "--root: on a mounted device it is refused with the tree's own path, in a plain directory tree it is a note" {
	quick_machine
	in_machine 'echo "UUID=aa-bb /boot ext4 defaults 0 2" > /etc/fstab'
	# A bind mount of the disk's own root below another file system is a device that is mounted there.
	run -5 in_machine "mount -t tmpfs tmpfs /mnt && mkdir /mnt/disk && mount --bind / /mnt/disk &&
		$CHANGE --root /mnt/disk"
	[[ $output == *"NOT_MOUNTED: /boot: "*"/etc/fstab:1"*"run: mount UUID=aa-bb /mnt/disk/boot" ]]
	# Of its own disk it holds what a change writes to. Bound onto itself, as arch-chroot asks for it, it is no
	# device either.
	in_machine 'mkdir /srv/tree && cp -a /bin /sbin /lib /lib64 /etc /boot /srv/tree &&
		mkdir -p /srv/tree/{usr,var/lib/dpkg,proc,sys,dev,run,tmp}'
	for bind in true "mount --bind /srv/tree /srv/tree"; do
		run -0 --separate-stderr in_machine "$bind && mount --bind /usr /srv/tree/usr &&
			$CHANGE --root /srv/tree &&
			grep strict /srv/tree/etc/iommu.target &&
			rm -r /srv/tree/etc/iommu.target /srv/tree/var/lib/iommu"
		[[ $stderr == *"note: /boot: /etc/fstab:1 mounts a file system there"* ]]
	done
}

# bats test_tags=boot
@test "a booted machine: an automount is mounted by looking at it and written to; one that nobody mounts is refused" {
	machine bookworm initramfs-tools
	in_machine 'tar -C /boot -c . > /host/boot.tar
		echo "LABEL=iommuboot /boot ext4 noauto 0 2" >> /etc/fstab'
	mkdir "$BATS_TEST_TMPDIR/boot" && tar -C "$BATS_TEST_TMPDIR/boot" -xf "$BATS_TEST_TMPDIR/boot.tar"
	mke2fs -q -t ext4 -L iommuboot -d "$BATS_TEST_TMPDIR/boot" "$BATS_TEST_TMPDIR/boot.img" 256M
	cat > "$BATS_TEST_TMPDIR/script" <<-'EOF'
		set -e
		status=0; iommu-install strict --force --initramfs=none || status=$?
		{ [ "$status" = 5 ] && [ ! -e /var/lib/iommu ] && ! findmnt /boot; } || exit 1
		sed -i 's/noauto/noauto,x-systemd.automount/' /etc/fstab
		systemctl daemon-reload && systemctl start boot.automount
		! findmnt -t ext4 /boot || exit 1
		iommu-install strict --force --initramfs=none
		findmnt -t ext4 /boot
		grep "intel_iommu=on amd_iommu=on" /boot/grub/grub.cfg
		systemctl stop boot.automount boot.mount
		! grep "intel_iommu=on amd_iommu=on" /boot/grub/grub.cfg || exit 1
	EOF
	disk_run vm "$machine" "$BATS_TEST_TMPDIR/script" --iommu intel -- \
		-drive "file=$BATS_TEST_TMPDIR/boot.img,format=raw,if=none,id=boot,cache=unsafe" \
		-device virtio-blk-pci,drive=boot,addr=0x1c
	disk_output vm
	[[ "$VM_END $(disk_status vm)" == "poweroff 0" ]]
	[[ $(disk_output vm) == *"NOT_MOUNTED: /boot: "*"/etc/fstab:"*"mount /boot"* ]]
}
