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

# starts SED: the machine, with the boot menu's line edited.
starts() {
	vm_kill_all
	: > "$script"
	disk_start vm "$machine" "$script" --iommu intel
	grub_edit vm "$machine" "$1"
}

# On Debian this init finds no root, so nothing later than udev is looked at.
@test "an image of mkinitcpio goes on where the mode is right, and stops before udev where it is not; one word keeps the check from running" {
	arch_machine
	in_machine 'printf "GRUB_CMDLINE_LINUX=\"root=LABEL=iommuroot console=ttyS0 no_timer_check\"\nGRUB_TIMEOUT=5\nGRUB_TERMINAL=serial\n" > /etc/default/grub
		grub-mkconfig -o /boot/grub/grub.cfg 2> /dev/null'
	in_machine 'iommu-install pt --force --on-mismatch=halt' # as if that entry had booted it
	starts 's/$/ loglevel=7/'
	vm_expect vm "iommu-verify: match" 900
	vm_expect vm "Triggering uevents" 900
	starts 's/ iommu=pt//'
	vm_wait vm 900
	[ "$VM_END" = halted ]
	vm_log vm | grep -F "iommu-verify: mismatch: target pt, effective strict"
	run ! grep -E "Triggering uevents|$SHELL_PROMPTS" <(vm_log vm)
	starts 's/ iommu=pt/ disablehooks=iommu-verify/'
	vm_expect vm "Triggering uevents" 900
	run ! grep -F "iommu-verify: " <(vm_log vm)
}
