#!/usr/bin/env bats
# Power cuts while a change writes to a real EFI system partition (FAT), which is then read as firmware reads it. `make
# check-full` only.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2154 # machine is lib/efi.bash's
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup() {
	load ../lib/efi
	esp=$BATS_TEST_TMPDIR/esp.img
	log=$BATS_TEST_TMPDIR/esp.log
}

teardown() {
	vm_kill_all
	efi_machine_end
	rm -f "$BATS_TEST_TMPDIR"/*.img "$log"
}

# machine_with_esp: a machine that wants pt and halts, whose EFI system partition is a disk of its own, $esp.
machine_with_esp() {
	efi_machine trixie systemd-boot initramfs-tools
	in_efi_machine 'iommu-install pt --force --on-mismatch=halt'
	in_efi_machine 'cat /proc/cmdline > /host/words; cp /boot/vmlinuz-* /host/kernel
		cp /boot/initrd.img-* /host/initrd'
	truncate -s "$((EFI_MIB + 2))M" "$esp"
	printf 'label: gpt\nstart=%s, size=%sMiB, type=uefi\n' $((DISK_START / 512)) "$EFI_MIB" | sfdisk --quiet "$esp"
	dd if="$machine" of="$esp" bs=1M skip=$((DISK_START >> 20)) seek=$((DISK_START >> 20)) count="$EFI_MIB" \
		conv=sparse,notrunc status=none
	# The one on the machine's disk is not to be found any more.
	dd if=/dev/zero of="$machine" bs=1M seek=$((DISK_START >> 20)) count=1 conv=notrunc status=none
}

# change COMMAND: runs it in that machine, every write to $esp logged; $BATS_TEST_TMPDIR/before.img is what $esp was.
change() {
	cp --sparse=always "$esp" "$BATS_TEST_TMPDIR/before.img"
	truncate -s 2G "$log"
	printf '%s; s=$?; findmnt -n -o SOURCE,FSTYPE /boot/efi; umount /boot/efi; exit $s\n' \
		"$1" > "$BATS_TEST_TMPDIR/script"
	# Nothing is merged: a merged request and its log entry can be too many pieces to write.
	disk_start vm "$machine" "$BATS_TEST_TMPDIR/script" --iommu intel --kernel "$BATS_TEST_TMPDIR/kernel" \
		--initrd "$BATS_TEST_TMPDIR/initrd" --append "$(< "$BATS_TEST_TMPDIR/words")" -- \
		-blockdev "driver=file,filename=$esp,node-name=espfile" \
		-blockdev "driver=file,filename=$log,node-name=esplog" \
		-blockdev driver=blklogwrites,node-name=esp,file=espfile,log=esplog,log-sector-size=512 \
		-device virtio-blk-pci,drive=esp,request-merging=off
	vm_wait vm
	disk_output vm
	[ "$VM_END $(disk_status vm)" = "poweroff 0" ]
	disk_output vm | grep -E '^/dev/vd[a-z]1 +vfat'
}

# judged: whatever write was the last one, each entry starts.
judged() {
	gcc -O2 -o "$BATS_TEST_TMPDIR/replay" "$BATS_TEST_DIRNAME/../tools/replay.c"
	run -0 bash "$BATS_TEST_DIRNAME/../lib/power-fat.sh" "$BATS_TEST_TMPDIR" "$DISK_START" "$1"
	echo "# $output" >&3
}

@test "power cuts at every write and flush of a FAT partition, pt becoming strict: systemd-boot's entries start" {
	machine_with_esp
	change 'iommu-install strict --backend=systemd-boot'
	judged "intel_iommu=on amd_iommu=on"
}
