#!/usr/bin/env bats
# From package 0.1.0 to this one and back, with each state that 0.1.0 leaves, and from Debian 12 to 13: on Debian 12
# disks by chroot, and booted under halt. 0.1.0 is built from this repository's history; without it these are skipped.
bats_require_minimum_version 1.5.0
# bats file_tags=full

OLD=f625d7afd9853bef55d8ca076e4870af387c1d1a # the last commit of 0.1.0

setup_file() {
	local top=$BATS_TEST_DIRNAME/../.. tree=$BATS_FILE_TMPDIR/0.1.0
	load ../lib/packages
	git -C "$top" cat-file -e "$OLD^{commit}" 2> /dev/null || return 0
	make_package deb
	mkdir "$tree" && git -C "$top" archive "$OLD" | tar -x -C "$tree"
	unshare --net make -s -C "$tree" deb VERSION=0.1.0 KMOD_SRC="$(realpath "$top/build/kmod")" \
		> "$BATS_FILE_TMPDIR/old.log" 2>&1 || { tail -n 30 "$BATS_FILE_TMPDIR/old.log"; return 1; }
}

setup() {
	load ../lib/machine
	load ../lib/packages
	old=$BATS_FILE_TMPDIR/0.1.0/build/deb/iommu-install_0.1.0-1_amd64.deb
	[ -e "$old" ] || skip "this clone has no history: commit $OLD is not in it"
	[ "$OWN_SUITE" = bookworm ] || skip "what this machine builds is for $OWN_SUITE"
}

teardown() {
	vm_kill_all
	machine_end
}

# disk_with PATH=FILE...: makes $machine, a Debian 12 with initramfs-tools, both packages and these files on it; 0.1.0
# is installed.
disk_with() {
	machine=$BATS_TEST_TMPDIR/machine.img
	disk_copy "$(debian_disk bookworm initramfs-tools)" "$machine" "/root/old.deb=$old" "/root/new.deb=$(deb)" \
		"$@" && note_writable
	in_machine 'update-grub 2> /dev/null; dpkg -i /root/old.deb'
}

# quick_disk: the same with the stand-ins of quick_machine.
quick_disk() {
	local lib=$BATS_TEST_DIRNAME/../lib
	disk_with "/usr/sbin/update-initramfs=$lib/update-initramfs" "/usr/sbin/update-grub=$lib/update-grub"
}

# In the machine: each image has the helper that is installed, and the target.
# shellcheck disable=SC2016 # for the machine
ALL_NEW="$(cat "$BATS_TEST_DIRNAME/../lib/judge.sh")"'
	all_new() {
		for image in /boot/initrd.img-*64; do
			unpack $image /i &&
			cmp /i/usr/sbin/iommu-verify /usr/sbin/iommu-verify &&
				cmp /i/etc/iommu.target /etc/iommu.target || return
		done
		rm -r /i; ! ls /boot/*.iommu-old 2> /dev/null
	}
	cut_at() { # PROGRAM
		mv "/usr/sbin/$1" /root
		printf "#!/bin/sh\nkill -9 \$(pidof iommu-install)\n" > "/usr/sbin/$1"; chmod 755 "/usr/sbin/$1"
	}'

@test "0.1.0 with a mode set under halt: upgraded its image is made anew, and check, rollback and remove work" {
	quick_disk
	run -0 in_machine "$ALL_NEW"'
		iommu-install strict --force --backend=grub &&
		iommu-install pt --force --backend=grub --on-mismatch=halt &&
		dpkg -i /root/new.deb && iommu-verify --version && all_new && iommu-install resume &&
		iommu-install rollback && cat /etc/iommu.target && all_new &&
		iommu-install pt --force --on-mismatch=halt && iommu-install remove && [ ! -e /etc/iommu.target ]'
	[[ $output == *"iommu-verify 1.0"*"mode=strict"* ]]
}

@test "a change that 0.1.0 was cut short in: the upgrade finishes it, under the policy that was asked for" {
	quick_disk
	local program
	for program in update-initramfs update-grub; do
		run -0 in_machine "$ALL_NEW"'
			cut_at '"$program"'; iommu-install off-for-uio --backend=grub --on-mismatch=halt
			mv "/root/'"$program"'" /usr/sbin; ls /var/lib/iommu/change/journal && cat /etc/iommu.target &&
			dpkg -i /root/new.deb && all_new && ls /var/lib/iommu/change/done &&
			printf "mode=off-for-uio\non-mismatch=halt\n" | cmp - /etc/iommu.target &&
			grep -q intel_iommu=off /boot/grub/grub.cfg && iommu-install remove && dpkg -P iommu-install &&
			dpkg -i /root/old.deb'
		[[ $output == *"accept="* ]] # it was under way
	done
}

@test "a change of 0.1.0 that waits for its boot: upgraded it waits, and the boot seals it under its policy" {
	[ -z "$(ls /sys/class/iommu 2>/dev/null)" ] || skip "this machine has an IOMMU"
	quick_disk
	run -0 in_machine "$ALL_NEW"'
		iommu-install off-for-uio --backend=grub --on-mismatch=halt --commit=after-boot &&
		dpkg -i /root/new.deb &&
		all_new && grep -x progress=boot /var/lib/iommu/change/journal && grep accept= /etc/iommu.target &&
		echo 11111111-2222-3333-4444-555555555555 > /run/boot_id &&
		mount --bind /run/boot_id /proc/sys/kernel/random/boot_id && iommu-install resume && all_new &&
		printf "mode=off-for-uio\non-mismatch=halt\n" | cmp - /etc/iommu.target'
}

@test "back to 0.1.0: what it does not know goes out of target and record, its helper gets in, and it works with them" {
	quick_disk
	run -0 in_machine "$ALL_NEW"'
		dpkg -i /root/new.deb && iommu-install strict --force --backend=grub &&
		iommu-install pt --force --on-mismatch=halt &&
		printf "# mine\ninterrupts=remapped\n" >> /etc/iommu.target
		dpkg -i /root/old.deb && iommu-verify --version && all_new && cat /etc/iommu.target &&
		grep interrupts /var/lib/iommu/target.before && iommu-install off-for-uio --backend=grub &&
		iommu-install rollback && cat /etc/iommu.target && dpkg -P iommu-install &&
		! ls /etc/iommu.target* && ! ls /var/lib/iommu'
	[[ $output == *"iommu-verify 0.1.0"*$'mode=pt\non-mismatch=halt\n# mine\ninterrupts=remapped'* ]]
	[[ $output == *"WARNING: version 0.1.0-1 does not know"* ]]
}

# The boot that just ended was checked in its initramfs, is in the wanted mode, and would have stopped in another.
matched() {
	[[ $output == *"verdict:    match"*'"verdict": "match"'*'"phase": "early"'*'"on_mismatch": "halt"'*dmar0* ]]
}

@test "booted under halt: 0.1.0, this version with its early record, this version's image, and back: each matches" {
	disk_with
	local look='iommu-verify && cat /run/iommu/early.json && systemctl --failed --no-legend | grep iommu; '
	inside intel 'iommu-install pt --on-mismatch=halt | cat'
	# By 0.1.0's image; then our late check beside its record.
	inside intel "$look"'dpkg -i new.deb && iommu-verify --version && iommu-verify && rm /run/iommu/status.json &&
		systemctl restart iommu-verify-late && cat /run/iommu/status.json && iommu-install check'
	matched
	[[ $output == *"iommu-verify 1.0"*'"early": "match"'* ]]
	inside intel "$look"'dpkg -i old.deb && iommu-verify --version && iommu-verify &&
		systemctl restart iommu-verify-late && iommu-install check'
	matched
	[[ $output == *"iommu-verify 0.1.0"* ]]
	inside intel "$look"'iommu-verify --version'
	matched
}

@test "Debian 12 to 13, with initramfs-tools and then with dracut instead: the image of the next boot holds the check" {
	disk_with
	# Debian's own way, from the mirror that this machine's apt uses.
	local mirror
	mirror=$("$BATS_TEST_DIRNAME/../../dist/debian-mirror")
	apt-config dump Acquire | grep -E '::(Check-|https?::|Retries)' > "$BATS_TEST_TMPDIR/apt.conf"
	cp -L /etc/resolv.conf /etc/hosts "$BATS_TEST_TMPDIR"
	run -0 in_machine 'dpkg -i /root/new.deb && iommu-install off-for-uio --on-mismatch=halt --backend=grub'
	run -0 in_machine 'export DEBIAN_FRONTEND=noninteractive
		cp /host/resolv.conf /host/hosts /etc; cp /host/apt.conf /etc/apt/apt.conf.d/99test
		rm -f /etc/apt/sources.list.d/*; echo "deb '"$mirror"' trixie main" > /etc/apt/sources.list
		apt-get -qq update && apt-get -qq -y -o Dpkg::Options::=--force-confold dist-upgrade > /host/log 2>&1
		s=$?; tail -n 20 /host/log; ls /boot /usr/sbin/update-initramfs; [ $s = 0 ] && . /etc/os-release &&
		echo "now $VERSION_CODENAME"; iommu-install check'
	[[ $output == *"now trixie"* ]]
	run -0 in_machine 'export DEBIAN_FRONTEND=noninteractive
		apt-get -qq -y install dracut > /host/log 2>&1; s=$?; tail -n 20 /host/log
		ls /boot; command -v update-initramfs dracut; [ $s = 0 ] && iommu-install check &&
		iommu-install off-for-uio --backend=grub && iommu-install check && ls /etc/dracut.conf.d'
	[[ $output == *"50-iommu-verify.conf"* ]]
	inside none 'uname -r; iommu-verify && cat /run/iommu/early.json'
	[[ $output == 6.12*'"verdict": "match"'*'"phase": "early"'*'"on_mismatch": "halt"'* ]]
}
