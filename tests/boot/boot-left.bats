#!/usr/bin/env bats
# Entries that a change can't make right and that start by default, booted: a stopping policy is refused for them, and
# once that is overridden the next boot is stopped, by the early check or, where the image has none, by the late one.
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup() {
	load ../lib/trees
	load ../lib/machine
}

teardown() {
	vm_kill_all
	machine_end
}

# refused CODE: inside, pt with a stopping policy is refused by that code; overridden, it is set.
refused() {
	inside intel "iommu-install pt --on-mismatch=halt; [ \$? = 5 ] && ls /etc/iommu.target
		iommu-install pt --on-mismatch=halt --force | cat; cat /etc/iommu.target"
	[[ $output == *" $1: "*"cannot access '/etc/iommu.target'"*mode=pt* ]]
}

# stopped REASON: the next boot is, for that.
stopped() {
	printf 'sleep 600\n' > "$BATS_TEST_TMPDIR/script"
	disk_run vm "$machine" "$BATS_TEST_TMPDIR/script" --iommu intel
	[ "$VM_END" = halted ]
	vm_log vm | grep -F "iommu-verify: mismatch: target pt"
	vm_log vm | grep -F "iommu-verify: $1: "
}

@test "an entry of 40_custom without the parameters, GRUB's default: refused, and stopped by the early check" {
	machine bookworm initramfs-tools
	# shellcheck disable=SC2016 # for the shells in the machine
	in_machine 'k=$(ls /lib/modules)
		printf "#!/bin/sh\nexec tail -n +3 \$0\nmenuentry \"by hand\" {\n\
linux /boot/vmlinuz-%s root=LABEL=iommuroot ro console=ttyS0 no_timer_check\ninitrd /boot/initrd.img-%s\n}\n" \
			$k $k > /etc/grub.d/40_custom
		chmod 755 /etc/grub.d/40_custom; echo "GRUB_DEFAULT=\"by hand\"" >> /etc/default/grub; update-grub'
	refused ENTRY_WOULD_STOP
	stopped TOKEN_MISSING
}

@test "a copy of kernel and image that GRUB makes the default: refused, and stopped by the late check" {
	machine bookworm initramfs-tools
	# shellcheck disable=SC2016 # for the shell in the machine
	in_machine 'cd /boot; k=$(ls /lib/modules)
		for f in vmlinuz initrd.img config; do cp -p $f-$k $f-$k.safe; done; update-grub'
	refused IMAGE_WITHOUT_CHECK
	stopped EARLY_CHECK_MISSING
}
