#!/usr/bin/env bats
# What words on the kernel command line do to images of Debian 12 that stop on a mismatch: which get past the check.
# shellcheck disable=SC2034,SC2154 # VM_END is for stopped(), suite and image come from lib/early
bats_require_minimum_version 1.5.0
# bats file_tags=full

DRACUT="dracut-systemd dracut-plain"

setup_file() {
	load ../lib/early
	early_images "$suite" halt
	echo 'int main(void) { __builtin_trap(); }' | gcc -O2 -static -x c -o "$BATS_FILE_TMPDIR/crash" -
}

setup() {
	load ../lib/trees
	load ../lib/early
}

teardown() {
	vm_kill_all
}

# start_only GENERATOR WORDS: starts its image in the wrong mode with WORDS on the line, and does not wait for an end.
start_only() {
	image "$1" halt
	start_vm intel "$STRICT $2"
}

# closed WORDS "GENERATOR..." [IMAGE]: with WORDS on the line their images halt as they do without.
closed() {
	local generator
	for generator in $2; do
		image "$generator" "${3:-halt}"
		start intel "$STRICT $1"
		stopped halted "mismatch: target pt, effective strict" "halting this machine: on-mismatch=halt"
	done
}

# closed_crash WORDS "GENERATOR...": the same where the helper crashes, so that the mode does not matter.
closed_crash() {
	local generator
	for generator in $2; do
		image "$generator" halt usr/sbin/iommu-verify="$BATS_FILE_TMPDIR/crash"
		start intel "$PT $1"
		stopped poweroff
	done
}

# open WORDS "GENERATOR...": with WORDS on the line there is a shell, and no check before it.
open() {
	local generator
	for generator in $2; do
		start_only "$generator" "$1"
		vm_expect vm '# |\(initramfs\)|Press Enter for maintenance'
		shell_answers
		[ -z "$(line_of 'iommu-verify:')" ]
		vm_kill vm
	done
}

@test "words that ask for a shell when something fails do not keep an image from stopping" {
	closed "rd.shell=1 rd.debug" "$DRACUT"
	for words in panic= panic=0 panic=1 panic=-1; do
		closed "$words" initramfs-tools
	done
}

@test "they give no shell when the helper crashes, either" {
	closed_crash "rd.shell" "$DRACUT"
	for words in panic= panic=0 panic=1 panic=-1; do
		closed_crash "$words" initramfs-tools
	done
}

@test "words that ask for a shell at a later point do not keep an image from stopping" {
	closed "rd.break=pre-udev" "$DRACUT"
	closed "break=premount" initramfs-tools
}

@test "with systemd, a shell before dracut's first hook is after the check" {
	closed "rd.break=cmdline" dracut-systemd
}

@test "with systemd, a rescue shell in the initramfs does not keep an image from stopping" {
	closed "rd.systemd.unit=rescue.target" dracut-systemd
	closed "rd.rescue" dracut-systemd
	closed "rd.systemd.unit=mistyped.target" dracut-systemd
}

@test "words for the main system do not keep an image from stopping" {
	closed "single emergency rescue init=/bin/sh systemd.unit=emergency.target" "$GENERATORS"
}

@test "masking the check for the main system does not keep an image from stopping" {
	closed "systemd.mask=iommu-verify.service" dracut-systemd
}

@test "masking the check for the initramfs freezes the machine: nothing goes on, and there is no shell" {
	start_only dracut-systemd "rd.systemd.mask=iommu-verify.service"
	vm_expect vm 'Unit iommu-verify.service is masked.*Freezing execution'
	# shellcheck disable=SC2016 # for a shell that must not be there
	vm_send vm 'echo answer=$((6 * 7))'
	run ! vm_expect vm 'answer=42' 30
	VM_END=$(vm_end vm)
	stopped '' 'Freezing execution'
	[ ! -e "$VM_DIR/vm.status" ]
}

# pressed KEYS: the magic sysrq key with each of these, on the serial line, until the machine has ended.
pressed() {
	local key
	until [ "$(vm_end vm)" ]; do
		for key in $1; do
			echo "chardev-send-break console" 1<> "$VM_DIR/vm.monitor.in"
			vm_keys vm "$key"
		done
		sleep 0.3
	done
	vm_wait vm
}

# Breaks on the serial line are no key of the virtual terminal's, but what sysrq's k ends is who has that open.
@test "who kills all that has the console open, or all processes, by its keys does not get past a check that stops" {
	local generator policy
	mkdir -p "$VM_DIR"
	for generator in initramfs-tools dracut-plain dracut-systemd; do
		for policy in poweroff reboot; do
			image "$generator" "$policy"
			rm -f "$VM_DIR"/vm.monitor.*
			mkfifo "$VM_DIR"/vm.monitor.{in,out}
			start_vm intel "$STRICT console=tty0 sysrq_always_enabled" \
				-- -monitor "pipe:$VM_DIR/vm.monitor" -vga std
			vm_expect vm 'iommu-verify: mismatch: target pt, effective strict'
			pressed "k i k"
			echo "$generator, $policy: $VM_END"
			vm_log vm | grep -iE 'sysrq *: *(SAK|Kill)' | sort | uniq -c
			[[ $VM_END == poweroff || $VM_END == reboot || $VM_END == panic ]]
			stopped "$VM_END"
			vm_log vm | grep -qE 'sysrq *: *(SAK|Kill All)'
		done
	done
}

@test "removing the host-only files of an image does not remove the check or its target" {
	put 644 "$BATS_FILE_TMPDIR/$suite-tree/etc/modprobe.d/iommu-test.conf" <<< '# a host-only file'
	for generator in $DRACUT; do
		image_build "$BATS_FILE_TMPDIR/$suite-tree" "$generator" \
			"$BATS_FILE_TMPDIR/$suite-$generator-hostonly" --hostonly
		[[ $(zcat "$BATS_FILE_TMPDIR/$suite-$generator-hostonly" |
			cpio -i --quiet --to-stdout '*/hostonly-files') == \
			*modprobe.d/iommu-test.conf* ]]
		closed "rd.hostonly=0" "$generator" hostonly
	done
}

@test "rd.iommu.verify=warn is ignored, and that is said, where the target does not allow it" {
	for generator in $GENERATORS; do
		closed "rd.iommu.verify=warn" "$generator"
		[ -n "$(line_of \
			'iommu-verify: rd.iommu.verify=warn ignored: the target does not say allow-override=yes')" ]
	done
}

@test "not closed: rdinit=/bin/sh is a shell instead of the initramfs" {
	open "rdinit=/bin/sh" "$GENERATORS"
}

@test "not closed: with systemd, the initramfs's emergency target is a shell before the check" {
	open "rd.systemd.unit=emergency.target" dracut-systemd
	open "rd.emergency" dracut-systemd
}

@test "not closed: without systemd, a break before the first hook is a shell before the check" {
	open "rd.break=cmdline" dracut-plain
	open "break=top" initramfs-tools
}

@test "with systemd, a debug shell on another console is after the check" {
	closed "rd.systemd.debug_shell" dracut-systemd
	[ -z "$(line_of 'Started debug-shell.service')" ]
}
