#!/usr/bin/env bats
# The kernel as the judge of initramfs/unpack.bats: what Linux 5.10 and 7.2 make of images of every shape. `make
# check-full` only.
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup_file() {
	"$BATS_TEST_DIRNAME/../tools/image-shapes" "$BATS_FILE_TMPDIR/shapes" "$(command -v busybox)"
}

setup() {
	load ../lib/kernels
	load ../lib/vm
}

teardown() {
	vm_kill_all
}

# judged SUITE: every shape, booted by that suite's kernel.
judged() {
	local kernel name seen got count=0 wrong=0
	kernel=$(kernel_image "$(debian_kernel "$1")")
	while read -r name seen; do
		# What is damaged may be anything, and the firmware's part with PE files is not the kernel's.
		[[ $seen != cut && $name != pe-* ]] || continue
		boot vm --kernel "$kernel" --initrd "$BATS_FILE_TMPDIR/shapes/$name" --append "quiet panic=-1"
		got=$(vm_log vm | sed -n 's/.*SHAPE \(.*\) \.$/\1/p')
		count=$((count + 1))
		[[ $got == "$seen" ]] || { echo "$name: '$got', not '$seen'" && wrong=$((wrong + 1)); }
	done < "$BATS_FILE_TMPDIR/shapes/table"
	echo "$count shapes, $wrong wrong"
	[ "$count" -ge 118 ]
	[ "$wrong" = 0 ]
}

@test "Linux 5.10 makes of each shape what our reader finds in it" {
	judged bullseye
}

@test "Linux 7.2 makes of each shape what our reader finds in it" {
	judged sid
}
