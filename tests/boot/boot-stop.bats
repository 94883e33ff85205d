#!/usr/bin/env bats
# A machine that stops tells a person on every console how to start it; and who follows only that, starts it.
bats_require_minimum_version 1.5.0
# bats file_tags=boot

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/images
	load ../lib/early
	script=$BATS_TEST_TMPDIR/script
}

teardown() {
	vm_kill_all
	machine_end
}

# said: what the last machine told, from its serial console.
said() {
	vm_log vm | sed -n '/^iommu-verify: .*\(: target \|no verdict\)/,/^Manual: /p'
}

# told NAME FILE: a picture of that machine's screen, and its text, which VGA has as letters and colours in turn.
told() {
	local file=$2
	echo "screendump \"$file.ppm\"" > "$VM_DIR/$1.monitor.in"
	echo "pmemsave 0xb8000 32768 \"$file.vga\"" > "$VM_DIR/$1.monitor.in"
	until [ "$(stat -c %s "$file.vga" 2>/dev/null)" = 32768 ]; do sleep 0.2; done
	od -An -v -tu1 -w160 "$file.vga" | awk '{ line = ""; for (i = 1; i <= NF; i += 2) line = line sprintf("%c", $i)
		sub(/ *$/, "", line); print line }' > "$file.screen"
}

# on_both IMAGE LINE WORD [QEMU...]: boots an image with a screen and a serial line: the message is on both, whole and
# once, and has WORD.
on_both() {
	local image=$1 line=$2 word=$3
	shift 3
	mkdir -p "$VM_DIR"
	rm -f "$VM_DIR"/vm.monitor.*
	mkfifo "$VM_DIR"/vm.monitor.{in,out}
	vm_start vm --iommu "$machine" --kernel "$(tree_vmlinuz "$(debian_tree bookworm)")" --initrd "$image" \
		--append "console=tty0 console=ttyS0 quiet $line" -- \
		-vga std -monitor "pipe:$VM_DIR/vm.monitor" -no-shutdown "$@"
	vm_expect vm 'Manual: iommu-verify'
	vm_expect vm 'reboot: (System halted|Power down)'
	local seen=$BATS_TEST_TMPDIR/${word// /-}
	told vm "$seen"
	vm_kill vm
	said > "$seen.serial"
	[ "$(wc -l < "$seen.serial")" -le 8 ]
	grep -F "$word" "$seen.serial"
	sed -n '/^iommu-verify: /,/^Manual: /p' "$seen.screen" | diff "$seen.serial" -
	[ "$(vm_log vm | grep -c "$word")" = 1 ]
}

# checking "LINE...": makes $image of busybox, the helper and a target of these lines.
checking() {
	printf 'kernel=none\nenforce=halt\nnoiommu=no\ntype1=yes\niommufd=no\nway-back=menu\n' \
		> "$BATS_TEST_TMPDIR/image.conf"
	# shellcheck disable=SC2086 # lines
	printf '%s\n' $1 > "$BATS_TEST_TMPDIR/target"
	put 755 "$BATS_TEST_TMPDIR/init" <<-'EOF'
		#!/bin/sh
		mount -t devtmpfs dev /dev
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t tmpfs tmpfs /run
		. /usr/lib/iommu-verify/check.sh
		poweroff -f
	EOF
	local lib=$BATS_TEST_DIRNAME/../../dist/early
	busybox_image "$BATS_TEST_TMPDIR/image" "$BATS_TEST_TMPDIR/init" "${@:2}" \
		usr/lib/iommu-verify/check.sh="$lib/check-stop.sh" \
		usr/lib/iommu-verify/stop-message.sh="$lib/stop-message.sh" \
		usr/lib/iommu-verify/image.conf="$BATS_TEST_TMPDIR/image.conf" \
		etc/iommu.target="$BATS_TEST_TMPDIR/target"
	image=$BATS_TEST_TMPDIR/image
}

@test "screen and serial line show the same message: a missing parameter, no IOMMU, a damaged target, no helper" {
	local machine=intel helper=usr/sbin/iommu-verify=$VERIFY
	checking "mode=pt on-mismatch=halt" "$helper"
	on_both "$image" "$STRICT" TOKEN_MISSING
	machine=none
	# Without this flag it is no virtual machine to the helper.
	on_both "$image" "$PT" FIRMWARE_OFF -cpu qemu64,+rdrand,-hypervisor
	machine=intel
	checking "mode=pt mode=strict" "$helper"
	on_both "$image" "$PT" TARGET_INVALID
	checking "mode=pt on-mismatch=halt"
	on_both "$image" "$PT" "no verdict"
}

# machine_wanting_pt: a machine that wants pt, halts otherwise, and is in pt.
machine_wanting_pt() {
	machine bookworm initramfs-tools
	in_machine 'iommu-install pt --on-mismatch=halt --force'
}

# put_into_image: what is in the directory over, over the image's own, as the kernel unpacks it last.
put_into_image() {
	in_machine 'cd /host/over && image=$(echo /boot/initrd.img-$(ls /lib/modules)) &&
		truncate -s %4 $image && # the kernel looks for an uncompressed archive at multiples of four
		find . | cpio --quiet -o -H newc >> $image'
}

# stops END [ARGS...]: it ends so, before its disk is looked at.
stops() {
	: > "$script"
	disk_run vm "$machine" "$script" "${@:2}"
	[ "$VM_END" = "$1" ]
	run ! grep -E "EXT4-fs|$SHELL_PROMPTS" <(vm_log vm)
	said
}

# comes_up: the boot that is under way reaches the script, and this was right.
comes_up() {
	vm_wait vm
	[[ $VM_END == poweroff && $(disk_status vm) == 0 ]]
}

@test "TOKEN_MISSING: the parameters that the screen names, in the boot menu that it names, start the machine" {
	local add take_out edit word mend
	machine_wanting_pt
	in_machine 'sed -i "s/ intel_iommu=on amd_iommu=on iommu=pt/ intel_iommu=off iommu=nopt/" /boot/grub/grub.cfg'
	stops halted --iommu intel > "$BATS_TEST_TMPDIR/said"
	grep -F "TOKEN_MISSING" "$BATS_TEST_TMPDIR/said"
	grep -F "GRUB: line 'linux', then Ctrl-X" "$BATS_TEST_TMPDIR/said"
	add=$(sed -n 's/.*press e, and add: //p' "$BATS_TEST_TMPDIR/said")
	take_out=$(sed -n 's/.*and take out: //p' "$BATS_TEST_TMPDIR/said")
	[ "$add/$take_out" = "intel_iommu=on iommu=pt/intel_iommu=off iommu=nopt" ]
	for word in $take_out; do edit+="s/ $word\\b//;"; done
	echo iommu-verify > "$script"
	disk_start vm "$machine" "$script" --iommu intel
	grub_edit vm "$machine" "$edit s/\$/ $add/"
	comes_up
	# What it says to run then; without a second boot, which takes long to make an image.
	mend=$(sed -n 's/.*Once it is up, run: //p' "$BATS_TEST_TMPDIR/said")
	[ "$mend" = "iommu-install pt" ]
	in_machine "$mend --force"
	run -0 in_machine 'grep -c "intel_iommu=on amd_iommu=on iommu=pt" /boot/grub/grub.cfg'
	[ "$output" = 3 ]
}

@test "FIRMWARE_OFF: the machine starts once it has its IOMMU" {
	machine_wanting_pt
	stops halted --iommu none -- -cpu qemu64,+rdrand,-hypervisor > "$BATS_TEST_TMPDIR/said"
	grep -F "FIRMWARE_OFF" "$BATS_TEST_TMPDIR/said"
	# QEMU's processor says that it is AMD's.
	grep -F "setup (F2, Del) switch on AMD-Vi" "$BATS_TEST_TMPDIR/said"
	inside intel iommu-verify
}

@test "a damaged target: the command that the screen names, in a live system, starts the machine" {
	local command
	machine_wanting_pt
	mkdir -p "$BATS_TEST_TMPDIR/over/etc"
	printf 'mode=pt\nmode=strict\n' > "$BATS_TEST_TMPDIR/over/etc/iommu.target"
	put_into_image
	stops halted --iommu intel > "$BATS_TEST_TMPDIR/said"
	grep -F "TARGET_INVALID: /etc/iommu.target:2" "$BATS_TEST_TMPDIR/said"
	command=$(sed -n 's#^ *\(/mnt/.*\) MODE$#\1 pt#p' "$BATS_TEST_TMPDIR/said")
	[ "$command" = "/mnt/usr/sbin/iommu-install --root /mnt pt" ]
	# Another Debian is the live system; the disk has the name there that it will have in its own machine.
	mv "$machine" "$BATS_TEST_TMPDIR/disk.img"
	machine bookworm initramfs-tools
	run -0 in_machine "$LOOP_NODES"'
		loop=$(losetup --find --show --offset 1048576 /host/disk.img) && rm /dev/loop* /dev/vda1 &&
		mknod /dev/vda1 b 7 ${loop#/dev/loop} && mount /dev/vda1 /mnt && '"$command"'; s=$?
		umount /mnt; mknod /dev/loop0 b 7 ${loop#/dev/loop}; losetup -d /dev/loop0; exit $s'
	mv "$BATS_TEST_TMPDIR/disk.img" "$machine"
	inside intel iommu-verify
}

@test "a missing helper: the other entry that the screen names starts the machine, and its image is mended" {
	machine_wanting_pt
	# An older kernel, with an image that is whole.
	in_machine 'k=$(ls /lib/modules) && cp /boot/vmlinuz-$k /boot/vmlinuz-6.1.0-1-amd64 &&
		cp /boot/initrd.img-$k /boot/initrd.img-6.1.0-1-amd64 && update-grub 2>/dev/null'
	mkdir -p "$BATS_TEST_TMPDIR/over/usr/sbin"
	: > "$BATS_TEST_TMPDIR/over/usr/sbin/iommu-verify"
	chmod 755 "$BATS_TEST_TMPDIR/over/usr/sbin/iommu-verify"
	put_into_image
	stops poweroff --iommu intel > "$BATS_TEST_TMPDIR/said"
	grep -F "no verdict" "$BATS_TEST_TMPDIR/said"
	grep -F "take another entry of the boot menu (an older kernel," "$BATS_TEST_TMPDIR/said"
	echo iommu-verify > "$script"
	disk_start vm "$machine" "$script" --iommu intel
	grub_choose vm 1 2
	comes_up
	[[ $(vm_log vm) == *"verdict:    match"* ]]
	# Set once more, the mode mends the first one's image; then there is nothing left to do.
	run -0 --separate-stderr in_machine 'iommu-install pt --force --json'
	[ "$(json .result)" = done ]
	run -0 --separate-stderr in_machine 'iommu-install pt --force --json'
	[ "$(json .result)" = unchanged ]
}
