#!/usr/bin/env bats
# The real mkinitcpio's images (MKINITCPIO= names its source), booted: the check is the first early hook of its init.
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/arch
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
@test "mkinitcpio's image goes on where the mode is right, else stops before udev; one word keeps the check out" {
	arch_machine
	in_machine 'printf "GRUB_CMDLINE_LINUX=\"root=LABEL=iommuroot console=ttyS0 no_timer_check\"\n\
GRUB_TIMEOUT=5\nGRUB_TERMINAL=serial\n" > /etc/default/grub
		grub-mkconfig -o /boot/grub/grub.cfg 2> /dev/null'
	in_machine 'iommu-install pt --force --on-mismatch=halt' # as if that entry had booted it
	starts 's/$/ loglevel=7/'
	vm_expect vm "iommu-verify: match"
	vm_expect vm "Triggering uevents"
	starts 's/ iommu=pt//'
	vm_wait vm
	[ "$VM_END" = halted ]
	vm_log vm | grep -F "iommu-verify: mismatch: target pt, effective strict"
	run ! grep -E "Triggering uevents|$SHELL_PROMPTS" <(vm_log vm)
	starts 's/ iommu=pt/ disablehooks=iommu-verify/'
	vm_expect vm "Triggering uevents"
	run ! grep -F "iommu-verify: " <(vm_log vm)
}

# frozen: a helper in uninterruptible sleep over the image's own, and that entry is started.
frozen() {
	gcc -O2 -static -o "$BATS_TEST_TMPDIR/frozen" "$BATS_TEST_DIRNAME/../tools/frozen.c"
	# In such an image /usr/sbin is a link.
	in_machine 'image=/boot/initramfs-linux.img; truncate -s %4 $image; mkdir -p /over/usr/bin
		cp /host/frozen /over/usr/bin/iommu-verify; cd /over
		find . | cpio --quiet -o -H newc >> $image'
	starts 's/$/ loglevel=7/'
	vm_expect vm "MARK frozen"
}

@test "mkinitcpio's image: a helper in uninterruptible sleep lets a warning one go on, and no enforcing one" {
	arch_machine
	in_machine 'printf "GRUB_CMDLINE_LINUX=\"root=LABEL=iommuroot console=ttyS0 no_timer_check\"\n\
GRUB_TIMEOUT=5\nGRUB_TERMINAL=serial\n" > /etc/default/grub
		grub-mkconfig -o /boot/grub/grub.cfg 2> /dev/null'
	in_machine 'iommu-install pt --force'
	frozen
	vm_expect vm "Triggering uevents"
	in_machine 'iommu-install pt --force --on-mismatch=halt'
	frozen
	# Twice what a warning image takes.
	run ! vm_expect vm "Triggering uevents|$SHELL_PROMPTS" 90
}
