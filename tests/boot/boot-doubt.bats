#!/usr/bin/env bats
# Doubt: a helper that crashes or hangs, in real images of every generator, and the bare helper without evidence or a
# target that can be read. An enforcing image stops, a warning one goes on.
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup_file() {
	load ../lib/early
	early_images bookworm halt warn
	echo 'int main(void) { __builtin_trap(); }' | gcc -O2 -static -x c -o "$BATS_FILE_TMPDIR/crash" -
	echo '#include <unistd.h>
		int main(void) { for (;;) pause(); }' | gcc -O2 -static -x c -o "$BATS_FILE_TMPDIR/hang" -
	gcc -O2 -static -o "$BATS_FILE_TMPDIR/frozen" "$BATS_TEST_DIRNAME/../tools/frozen.c"
}

setup() {
	load ../lib/trees
	load ../lib/early
}

teardown() {
	vm_kill_all
}

# with HELPER POLICY: starts the image of $generator with that program for a helper, in the right mode.
with() {
	image $generator "$2" usr/sbin/iommu-verify="$BATS_FILE_TMPDIR/$1"
	start intel "$PT"
}

@test "a helper that crashes does not keep a warning image from booting" {
	for generator in $GENERATORS; do
		with crash warn
		went_on
	done
}

@test "a helper that hangs does not keep a warning image from booting: it is ended after 30 seconds" {
	for generator in $GENERATORS; do
		with hang warn
		went_on
	done
}

@test "a helper in uninterruptible sleep does not keep a warning image from booting" {
	for generator in $GENERATORS; do
		with frozen warn
		[ -n "$(line_of 'MARK frozen')" ]
		went_on
	done
}

@test "a helper in uninterruptible sleep keeps an enforcing image from going on" {
	for generator in $GENERATORS; do
		image $generator halt usr/sbin/iommu-verify="$BATS_FILE_TMPDIR/frozen"
		start_vm intel "$PT"
		vm_expect vm 'MARK frozen'
		# Twice what a warning image takes.
		run ! vm_expect vm "MARK udevd started|MARK root|EXT4-fs|$SHELL_PROMPTS" 90
		[ ! -e "$VM_DIR/vm.status" ]
		vm_kill vm
	done
}

# bare_image ENFORCE COMMANDS [PATH=FILE...]: makes $image of nothing but busybox, the helper and an image.conf that
# says so. COMMANDS come before the helper.
bare_image() {
	printf 'kernel=none\nenforce=%s\nnoiommu=no\ntype1=yes\niommufd=no\n' "$1" > "$BATS_TEST_TMPDIR/image.conf"
	put 755 "$BATS_TEST_TMPDIR/init" <<-EOF
		#!/bin/sh
		mount -t devtmpfs dev /dev
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t tmpfs tmpfs /run
		$2
		/usr/sbin/iommu-verify --enforce --phase early
		echo "WENT ON \$?"
		mount -t proc proc /proc 2>/dev/null
		[ -p /dev/pmsg0 ] && dd bs=65536 count=1 <&9 2>/dev/null | sed 's/^/pmsg0 has: /'
		poweroff -f
	EOF
	busybox_image "$BATS_TEST_TMPDIR/image" "$BATS_TEST_TMPDIR/init" usr/sbin/iommu-verify="$VERIFY" \
		usr/lib/iommu-verify/image.conf="$BATS_TEST_TMPDIR/image.conf" "${@:3}"
	image=$BATS_TEST_TMPDIR/image
}

# bare ARGS...: boots such an image in the right mode for pt.
bare() {
	bare_image "$@"
	start intel "quiet $PT"
}

@test "without /sys, without /proc and without both an enforcing image stops, and says so" {
	echo 'mode=pt' | sed '$a on-mismatch=halt' > "$BATS_TEST_TMPDIR/target"
	bare halt '' etc/iommu.target="$BATS_TEST_TMPDIR/target"
	[ "$VM_END" = poweroff ]
	vm_log vm | grep "WENT ON 0"
	for gone in /sys /proc "/sys /proc"; do
		bare halt "umount $gone" etc/iommu.target="$BATS_TEST_TMPDIR/target"
		[ "$VM_END" = halted ]
		vm_log vm | grep -F "EVIDENCE_MISSING: ${gone%% *}: not mounted"
		run ! grep "WENT ON" <(vm_log vm)
	done
}

@test "a target that can't be read, is too long or is not there stops an enforcing image and no other" {
	mkdir "$BATS_TEST_TMPDIR/directory"
	yes '# a comment' | head -c 5000 > "$BATS_TEST_TMPDIR/long"
	for target in directory long none; do
		local files=()
		[ $target = none ] || files=(etc/iommu.target="$BATS_TEST_TMPDIR/$target")
		bare halt '' "${files[@]}"
		[ "$VM_END" = halted ]
		vm_log vm | grep -E "iommu-verify: TARGET_(INVALID|MISSING): /etc/iommu.target"
		run ! grep "WENT ON" <(vm_log vm)
		bare no '' "${files[@]}"
		[ "$VM_END" = poweroff ]
		vm_log vm | grep "WENT ON 0"
	done
}

@test "what stops the machine is also in /dev/pmsg0, where there is one" {
	# Debian's kernels have none: a pipe stands for it.
	printf 'mode=strict\n' > "$BATS_TEST_TMPDIR/target"
	bare no 'mkfifo /dev/pmsg0; exec 9<>/dev/pmsg0' etc/iommu.target="$BATS_TEST_TMPDIR/target"
	[ "$VM_END" = poweroff ]
	vm_log vm | grep -F "pmsg0 has: iommu-verify: mismatch: target strict, effective pt"
}

@test "in a kdump kernel the check reports, and never acts" {
	local tree
	tree=$(debian_tree bookworm)
	# What the crashed kernel starts: the wrong mode, to be halted anywhere else.
	printf 'mode=pt\non-mismatch=halt\n' > "$BATS_TEST_TMPDIR/target"
	bare_image halt '' etc/iommu.target="$BATS_TEST_TMPDIR/target"
	mv "$image" "$BATS_TEST_TMPDIR/inner"
	gcc -O2 -static -x c -o "$BATS_TEST_TMPDIR/load" - <<-'EOF'
		#include <fcntl.h>
		#include <linux/kexec.h>
		#include <stdio.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		int main(void)
		{
			static const char line[] = "console=ttyS0 no_timer_check quiet";
			long r = syscall(SYS_kexec_file_load, open("/kernel", O_RDONLY), open("/inner", O_RDONLY),
					 sizeof(line), line, KEXEC_FILE_ON_CRASH);
			if (r < 0)
				perror("kexec_file_load");
			return r < 0;
		}
	EOF
	put 755 "$BATS_TEST_TMPDIR/init" <<-'EOF'
		#!/bin/sh
		mount -t proc proc /proc
		/load && echo c > /proc/sysrq-trigger
		poweroff -f
	EOF
	image=$BATS_TEST_TMPDIR/image
	busybox_image "$image" "$BATS_TEST_TMPDIR/init" load="$BATS_TEST_TMPDIR/load" inner="$BATS_TEST_TMPDIR/inner" \
		kernel="$(tree_vmlinuz "$tree")"
	start none "quiet crashkernel=384M"
	vm_log vm | tail -n 20
	vm_log vm | grep -F "iommu-verify: mismatch: target pt, effective off-for-uio"
	vm_log vm | grep -F "iommu-verify: going on: this is a kdump kernel"
	vm_log vm | grep "WENT ON 0"
}
