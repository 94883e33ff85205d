#!/usr/bin/env bats
# Ways around the boot loader and the normal boot, under halt and in the wrong mode: kexec, and every word that systemd
# takes for a rescue boot.
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

# outside LINE SCRIPT: boots $machine's old kernel and image, kept in the test's own directory, with that line.
outside() {
	printf '%s\n' "$2" > "$BATS_TEST_TMPDIR/script"
	disk_run vm "$machine" "$BATS_TEST_TMPDIR/script" --iommu intel --kernel "$BATS_TEST_TMPDIR/kernel" \
		--initrd "$BATS_TEST_TMPDIR/image" --append "root=LABEL=iommuroot ro $1"
}

# Debian 12's defaults load the new image with the old line at each reboot; its systemd then makes a true one. A kernel
# that is loaded by hand is started.
@test "kexec starts a new image with the old line, which halts: that is named before, with the way out" {
	local tree old="intel_iommu=on systemd.mask=iommu-verify-late.service" # as if changed in the boot of that line
	tree=$(debian_tree bookworm kexec-tools)
	machine bookworm initramfs-tools
	chroot "$tree" ldd /sbin/kexec | awk '$3 ~ "libxen" { print substr($3, 2) }' > "$BATS_TEST_TMPDIR/libraries"
	tar -C "$tree" -chf "$BATS_TEST_TMPDIR/kexec.tar" -T "$BATS_TEST_TMPDIR/libraries" etc/default/kexec{,.d} \
		etc/init.d/kexec{,-load} sbin/kexec sbin/coldreboot
	tar -C "$tree" -rf "$BATS_TEST_TMPDIR/kexec.tar" usr/lib/systemd/system/kexec.service # a link to /dev/null
	run -0 --separate-stderr in_machine 'tar -C / -xf /host/kexec.tar --keep-directory-symlink &&
		update-rc.d kexec-load defaults >&2 && update-rc.d kexec defaults >&2 &&
		cp /boot/vmlinuz-* /host/kernel && cp /boot/initrd.img-* /host/image &&
		grep -x LOAD_KEXEC=true /etc/default/kexec >&2 && iommu-install pt --on-mismatch=halt --force --json'
	[[ $(json '.notices[] | .code') == *KEXEC_REBOOT* ]]
	[[ $(json '.notices[] | select(.code == "KEXEC_REBOOT").hint') == *"'kexec -u', then 'coldreboot'"* ]]
	outside "$old" 'systemctl reboot; sleep 1000'
	vm_log vm | grep -iE 'kexec|reboot: '
	[[ $VM_END == reboot || $VM_END == halted ]]
	outside "$old" 'kexec -l /vmlinuz --initrd=/initrd.img --reuse-cmdline; cat /sys/kernel/kexec_loaded
		systemctl kexec; sleep 1000'
	vm_log vm | grep -F "iommu-verify: mismatch: target pt, effective strict"
	[ "$VM_END" = halted ]
	outside "$old" 'kexec -l /vmlinuz --initrd=/initrd.img --reuse-cmdline; kexec -u; coldreboot; sleep 1000'
	[ "$VM_END" = reboot ]
	# What the true reboots come to.
	inside intel iommu-verify
}

# A shell reads the console. Typed more than once, as a prompt can drop what came early.
shell_answers() {
	local n
	for ((n = 0; n < 30; n++)); do
		vm_send vm ''
		# shellcheck disable=SC2016 # for the machine's shell
		vm_send vm 'echo answer=$((6 * 7))'
		vm_expect vm 'answer=42' 10 2> /dev/null && return
	done
	return 1
}

@test "no word that makes systemd start a rescue boot is stopped late, under halt and in the wrong mode" {
	local word shown
	machine bookworm initramfs-tools
	in_machine 'cp /boot/vmlinuz-* /host/kernel && cp /boot/initrd.img-* /host/image &&
		printf "mode=pt\non-mismatch=halt\n" > /etc/iommu.target'
	for word in rescue single s S 1 -s systemd.unit=rescue.target \
		emergency -b systemd.unit=emergency.target; do
		vm_start vm --iommu intel --kernel "$BATS_TEST_TMPDIR/kernel" --initrd "$BATS_TEST_TMPDIR/image" \
			--disk "$machine" --append "root=LABEL=iommuroot ro intel_iommu=on $word"
		# An emergency boot starts no check.
		shown='You are in rescue mode.*going on: a rescue boot|going on: a rescue boot.*You are in rescue mode'
		[[ $word != *emergency* && $word != -b ]] || shown='You are in emergency mode'
		vm_expect vm "$shown|System halted"
		shell_answers
		run ! grep "System halted" <(vm_log vm)
		vm_kill vm
		echo "$word: $shown"
	done
	# And what the same boot is without a word.
	outside "intel_iommu=on" 'echo the script ran'
	[ "$VM_END" = halted ]
}
