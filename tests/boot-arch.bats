#!/usr/bin/env bats
# The real mkinitcpio's images (MKINITCPIO= names its source), booted: the check is the first early hook of its init.
bats_require_minimum_version 1.5.0

setup() {
	load lib/trees
	load lib/machine
	load lib/arch
	[ -n "${MKINITCPIO:-}" ] || skip "MKINITCPIO= names no source of mkinitcpio"
	script=$BATS_TEST_TMPDIR/script
}

teardown() {
	vm_kill_all
	machine_end
}

# boots_with SED: the boot menu's line edited; the machine's log is what tells.
boots_with() {
	echo 'echo it runs' > "$script"
	disk_start vm "$machine" "$script" --iommu intel
	grub_edit vm "$machine" "$1"
	vm_wait vm 900
}

@test "pt is set with an image of mkinitcpio, the next boot matches; a line without iommu=pt stops before udev" {
	arch_machine
	# What Arch's own hooks give an image, and the root where this disk has it.
	in_machine 'sed -i "s/^HOOKS=.*/HOOKS=(base udev block filesystems)/" /etc/mkinitcpio.conf
		printf "GRUB_CMDLINE_LINUX=\"root=LABEL=iommuroot console=ttyS0 no_timer_check\"\nGRUB_TIMEOUT=0\nGRUB_TERMINAL=serial\n" > /etc/default/grub
		mkinitcpio -P > /dev/null 2>&1; grub-mkconfig -o /boot/grub/grub.cfg 2> /dev/null'
	inside intel 'iommu-install pt --on-mismatch=halt && iommu-verify; [ $? = 3 ]'
	[[ $output == *"mode pt is set, and read back"*"verdict:    pending"* ]]
	inside intel 'iommu-verify && cat /run/iommu/early.json'
	[[ $output == *'"verdict": "match"'*'"phase": "early"'*dmar0* ]]
	boots_with 's/ iommu=pt//'
	[ "$VM_END" = halted ]
	vm_log vm | grep -F "iommu-verify: mismatch: target pt, effective strict"
	run ! grep -E "EXT4-fs|Triggering uevents|$SHELL_PROMPTS" <(vm_log vm)
	# The one word that keeps it from running: the late check finds out, while the machine boots.
	boots_with 's/ iommu=pt/ disablehooks=iommu-verify/'
	vm_log vm | grep -F EARLY_CHECK_MISSING
	[ "$VM_END" = halted ]
	run ! grep -x "it runs" <(vm_log vm)
}
