#!/usr/bin/env bats
# What refusals, failures and reasons advise is done, on a machine with files of somebody's own: none of them loses a
# byte. ../advice.txt has all advice, each with its test.
# shellcheck disable=SC2016 # for the machine
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	needs_no_iommu
	quick_machine
}

teardown() {
	machine_end
}

needs_no_iommu() {
	[ -z "$(ls /sys/class/iommu 2>/dev/null)" ] || skip "this machine has an IOMMU"
}

# Somebody's own files; then `tries STATUS COMMAND...`: the command ends so, and every byte of them is there still.
MINE='echo "# mine" >> /etc/default/grub
	printf "#!/bin/sh\necho \"# mine\"\n" > /etc/grub.d/41_mine; chmod 755 /etc/grub.d/41_mine
	echo "# mine" > /etc/default/grub.d/zz-mine.cfg
	echo "# mine" > /etc/modprobe.d/mine.conf
	mkdir -p /etc/dracut.conf.d /etc/kernel; echo "# mine" > /etc/dracut.conf.d/mine.conf
	echo "root=x mine" > /etc/kernel/cmdline
	printf "# mine\nmode=off-for-uio\n" > /etc/iommu.target
	FILES="/etc/default/grub /etc/grub.d/41_mine /etc/default/grub.d/zz-mine.cfg /etc/modprobe.d/mine.conf
		/etc/dracut.conf.d/mine.conf /etc/kernel/cmdline"
	mine() { sha256sum $FILES > /mine; }
	mine
	tries() {
		local wanted=$1 status=0
		shift
		"$@" || status=$?
		[ "$status" = "$wanted" ] || { echo "$*: $status"; exit 9; }
		sha256sum --quiet -c /mine || { echo "$*: lost"; exit 9; }
		[ ! -e /etc/iommu.target ] || [ -e /gone ] || grep -qx "# mine" /etc/iommu.target ||
			{ echo "$*: comment lost"; exit 9; }
	}'

# bats test_tags=boot
@test "what refusals advise is done beside files of somebody's own, and all of those stay as they are" {
	run -0 in_machine "$MINE"'
		tries 0 iommu-install off-for-uio --on-mismatch=halt
		tries 5 iommu-install strict
		tries 0 iommu-install strict --force
		tries 0 iommu-install strict --flush=sync --force
		tries 0 iommu-install pt --force --allow-unsafe-interrupts
		tries 0 iommu-install pt --force --on-mismatch=warn
		echo "options vfio_iommu_type1 allow_unsafe_interrupts=1" >> /etc/modprobe.d/mine.conf; mine
		tries 5 iommu-install strict --allow-unsafe-interrupts=no
		tries 0 iommu-install strict --allow-unsafe-interrupts=no --force
		sed -i "s/^options/# &/" /etc/modprobe.d/mine.conf; mine
		tries 0 iommu-install off-for-uio
		tries 0 iommu-install resume
		mv /etc/iommu.target /gone
		tries 0 iommu-install off-for-uio --initramfs=none
		tries 0 iommu-install remove --initramfs=none'
}

# bats test_tags=boot
@test "a target that can't be read is written anew: its comments are there still" {
	run -0 in_machine "$MINE"'
		printf "# mine\nmode=pt\non-mismatch=halt\nmode=\n" > /etc/iommu.target
		tries 0 iommu-install off-for-uio && cat /etc/iommu.target'
	[[ $output == *$'# mine\nmode=off-for-uio'* ]]
}

# bats test_tags=boot
@test "a rollback that an edit keeps from being done, then the mode: the edit stays" {
	run -0 in_machine "$MINE"'
		tries 0 iommu-install off-for-uio --on-mismatch=halt
		tries 0 iommu-install strict --force
		printf "# theirs\non-late-mismatch=same\n" >> /etc/iommu.target
		tries 5 iommu-install rollback
		tries 0 iommu-install off-for-uio
		grep -x -e "# theirs" -e on-late-mismatch=same /etc/iommu.target | wc -l'
	[[ $output == *$'\n2' ]]
}

# bats test_tags=boot
@test "a file of somebody else under our name gets another one, and the mode is set beside it" {
	run -0 in_machine "$MINE"'
		echo "# mine too" > /etc/default/grub.d/zzz-iommu.cfg
		tries 5 iommu-install off-for-uio
		mv /etc/default/grub.d/zzz-iommu.cfg /etc/default/grub.d/zzy-other.cfg
		FILES="$FILES /etc/default/grub.d/zzy-other.cfg"; mine
		tries 0 iommu-install off-for-uio && tries 0 iommu-install remove'
}

# bats test_tags=boot
@test "a change that was cut short is resumed beside files of somebody's own, and all of those stay as they are" {
	run -0 in_machine "$MINE"'
		tries 0 iommu-install off-for-uio --on-mismatch=halt
		cp /usr/sbin/update-grub /root
		printf "#!/bin/sh\nkill -9 \$(pidof iommu-install)\n" > /usr/sbin/update-grub
		tries 137 iommu-install strict --force
		echo "# more" | tee -a /etc/default/grub >> /etc/default/grub.d/zz-mine.cfg; mine
		cp /root/update-grub /usr/sbin
		tries 0 iommu-install resume && ls /var/lib/iommu/change/done'
}
