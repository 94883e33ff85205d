#!/usr/bin/env bats
# The whole story on real Debian 12 disks: a mode is set inside, the machine reboots through its own GRUB, the early
# check sees it; and the ways back for a machine that stops.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	script=$BATS_TEST_TMPDIR/script
}

teardown() {
	vm_kill_all
	machine_end
}

# The early check of the boot that just ended saw a match.
matched() {
	[[ $output == *'"verdict": "match"'*'"phase": "early"'* ]]
	[[ $output == *"\"mode\": \"pt\", \"flush\": \"none\""* ]]
	[[ $output == *"$1"* ]]
}

# The boot that just ended was stopped by the early check.
stopped() {
	[ "$VM_END" = halted ]
	vm_log vm | grep -F "iommu-verify: mismatch: target pt, effective strict"
	vm_log vm | grep -F "TOKEN_MISSING"
	run ! grep -E "EXT4-fs|$SHELL_PROMPTS" <(vm_log vm)
}

boots_without_pt() {
	: > "$script"
	disk_start vm "$machine" "$script" --iommu intel
	grub_edit vm "$machine" 's/ iommu=pt//'
	vm_wait vm
	stopped
}

@test "pt is set in the disk's tree, it boots through its GRUB and matches; with iommu=pt taken off the line it stops" {
	machine bookworm initramfs-tools
	in_machine 'iommu-install pt --on-mismatch=halt --force'
	inside intel 'iommu-verify && cat /run/iommu/early.json'
	matched dmar0
	boots_without_pt
}

# bats test_tags=boot
@test "dracut: pt is set inside, the next boot matches; with iommu=pt taken off the line by hand it stops" {
	machine bookworm dracut
	# Until the reboot all is pending: an ordinary user who loads vfio stops nothing.
	inside intel 'iommu-install pt --on-mismatch=halt && iommu-verify; [ $? = 3 ] &&
		setpriv --reuid=65534 --clear-groups sh -c ": < /dev/vfio/vfio"; lsmod | grep ^vfio &&
		until grep -s "\"phase\": \"late\"" /run/iommu/status.json; do sleep 1; done &&
		head -n 3 /run/iommu/status.json; sleep 5; echo still here'
	[[ $output == *"mode pt is set, and read back"*"verdict:    pending"*'"verdict": "pending"'*"still here"* ]]
	inside intel 'iommu-verify && cat /run/iommu/early.json'
	matched dmar0
	boots_without_pt
}

# bats test_tags=boot
@test "initramfs-tools: pt is set inside, the next boot matches, on Intel and on AMD; without iommu=pt it stops" {
	machine bookworm initramfs-tools
	inside intel 'iommu-install pt --on-mismatch=halt && iommu-verify; [ $? = 3 ]'
	[[ $output == *"mode pt is set, and read back"*"verdict:    pending"* ]]
	inside intel 'iommu-verify && cat /run/iommu/early.json'
	matched dmar0
	inside amd 'iommu-verify && cat /run/iommu/early.json'
	matched ivhd0
	boots_without_pt
}

# bats test_tags=boot
@test "without an IOMMU pt is refused; set with --force, the next boot reports the mismatch" {
	machine bookworm initramfs-tools
	inside none 'iommu-install pt; [ $? = 5 ] && iommu-install pt --force'
	[[ $output == *"NO_VIOMMU: "* ]]
	inside none 'iommu-verify; [ $? = 2 ] && journalctl -b -k --no-pager | grep "iommu-verify: "'
	[[ $output == *"reason:     NO_VIOMMU"* ]]
	[[ $output == *"iommu-verify: mismatch: target pt, effective off-for-uio"*"going on: on-mismatch=warn"* ]]
}

# A machine that wants pt and halts, whose words somebody took out of grub.cfg.
machine_that_stops() {
	machine bookworm "$1"
	in_machine 'iommu-install pt --on-mismatch=halt --force && sed -i "s/ iommu=pt//" /boot/grub/grub.cfg'
}

# bats test_tags=boot
@test "way back 1: the word put into the GRUB menu starts it, and iommu-install mends the file" {
	machine_that_stops initramfs-tools
	echo 'iommu-install pt' > "$script"
	disk_start vm "$machine" "$script" --iommu intel
	grub_edit vm "$machine" 's/$/ iommu=pt/'
	vm_wait vm
	output=$(disk_output vm)
	[[ $output == *"mode pt is set, and read back"* ]]
	run -0 in_machine 'grep -c "iommu=pt" /boot/grub/grub.cfg'
	[ "$output" = 3 ]
}

# bats test_tags=boot
@test "way back 2: an entry with a rescue image starts without the check" {
	machine_that_stops dracut
	# Debian 12's dracut ships no kernel hook for a rescue image: made by hand, as a stand-in.
	in_machine 'k=$(ls /lib/modules)
		dracut -q -a rescue --no-hostonly /boot/initrd.img-0-rescue-$k $k
		cp /boot/vmlinuz-$k /boot/0-rescue-vmlinuz # by this name the late check knows a rescue boot
		linux=$(sed -n "s#^[[:space:]]*linux[[:space:]]*[^ ]*#linux /boot/0-rescue-vmlinuz#p" \
			/boot/grub/grub.cfg | head -n 1)
		printf "#!/bin/sh\nexec tail -n +3 \$0\nmenuentry Rescue {\n%s\ninitrd %s\n}\n" "$linux" \
			/boot/initrd.img-0-rescue-$k > /etc/grub.d/40_custom
		chmod +x /etc/grub.d/40_custom; update-grub 2>/dev/null && sed -i "s/ iommu=pt//" /boot/grub/grub.cfg
		lsinitrd /boot/initrd.img-0-rescue-$k > /host/rescue; true'
	run ! grep sbin/iommu-verify "$BATS_TEST_TMPDIR/rescue"
	echo 'ls /run/iommu/early.json || echo no check ran' > "$script"
	disk_start vm "$machine" "$script" --iommu intel
	grub_choose vm 2
	vm_wait vm
	[ "$(disk_status vm)" = 0 ]
	# GRUB's menu leaves the cursor in the middle of a line, so the script's first line is not one of its own.
	vm_log vm | grep -x "no check ran"
}

# bats test_tags=boot
@test "way back 3: from a live system, by chroot, iommu-install mends the file" {
	machine_that_stops initramfs-tools
	run -0 in_machine 'umount /proc/cmdline; mkdir -p /mnt/disk; mount --bind / /mnt/disk
		for d in dev proc sys; do mount --rbind /$d /mnt/disk/$d; done
		chroot /mnt/disk iommu-install pt --force --backend=grub --on-mismatch=warn
		grep "^on-mismatch=" /etc/iommu.target; grep -c "iommu=pt" /boot/grub/grub.cfg'
	[[ $output != *on-mismatch=halt* ]]
	[ "${lines[-1]}" = 3 ]
}
