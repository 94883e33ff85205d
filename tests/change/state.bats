#!/usr/bin/env bats
# What one command leaves for the next: a change that never began, one that waits for its boot, one that was resumed and
# undone, a damaged record, and who else is at work.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
}

teardown() {
	machine_end
}

# bats test_tags=boot
@test "where the first file can't be written at all, nothing is left open, and the next command has nothing to finish" {
	quick_machine
	local before fault
	in_machine 'rm -rf /etc/default/grub.d'
	before=$(files_of_machine)
	# A file in the place of a directory; and /etc as a file system that is read-only.
	for fault in 'echo > /etc/default/grub.d' 'mount --bind /etc /etc && mount -o remount,bind,ro /etc'; do
		run -1 in_machine "$fault; iommu-install off-for-uio; s=\$?
			[ ! -f /etc/default/grub.d ] || rm /etc/default/grub.d; ls -d /var/lib/iommu; exit \$s"
		[[ $output == *"everything is as it was before"* ]]
		[[ $output == *"cannot access '/var/lib/iommu'"* ]]
		[ "$(files_of_machine)" = "$before" ]
	done
	run -0 in_machine 'iommu-install resume'
	[[ $output == *"nothing was left unfinished"* ]]
}

# The next change fails when the boot loader is updated, after it was killed there once.
# shellcheck disable=SC2016 # for the machine
FAILS='cp -n /usr/sbin/update-grub /root
	printf "#!/bin/sh\nkill -9 \$(pidof iommu-install)\n" > /usr/sbin/update-grub; chmod 755 /usr/sbin/update-grub
	iommu-install strict --force --on-mismatch=halt; ls /var/lib/iommu/change/journal
	printf "#!/bin/sh\nexit 1\n" > /usr/sbin/update-grub'

# bats test_tags=boot
@test "a change that was cut short, resumed and undone takes its sign of a pending change away, and only its own" {
	quick_machine
	run -0 in_machine "$FAILS; ls /run/iommu/pending
		iommu-install resume; [ \$? = 1 ] && ls /run/iommu/pending; [ ! -e /run/iommu ]"
	[[ $output == *"everything is as it was before"* ]]
	# One before it in this boot is pending still, and it is that one's target which the sign has.
	run -0 in_machine "cp /root/update-grub /usr/sbin && iommu-install off-for-uio; $FAILS
		iommu-install resume; [ \$? = 1 ] && cat /run/iommu/pending"
	[[ $output == *"everything is as it was before"*mode=off-for-uio ]]
	# Another boot has no such sign until it goes on.
	run -0 in_machine "$FAILS; rm -r /run/iommu
		echo 11111111-2222-3333-4444-555555555555 > /run/boot_id
		mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
		iommu-install resume; [ \$? = 1 ] && [ ! -e /run/iommu ]"
	[[ $output == *"everything is as it was before"* ]]
}
