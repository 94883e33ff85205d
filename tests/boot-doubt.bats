#!/usr/bin/env bats
# A helper that crashes or hangs, in real images of every generator: an enforcing one stops, a warning one goes on.
bats_require_minimum_version 1.5.0

setup_file() {
	load lib/early
	early_images
	echo 'int main(void) { __builtin_trap(); }' | gcc -O2 -static -x c -o "$BATS_FILE_TMPDIR/crash" -
	echo '#include <unistd.h>
		int main(void) { for (;;) pause(); }' | gcc -O2 -static -x c -o "$BATS_FILE_TMPDIR/hang" -
}

setup() {
	load lib/trees
	load lib/early
}

teardown() {
	vm_kill_all
}

# with HELPER POLICY: starts the image of $generator with that program for a helper, in the right mode.
with() {
	cpio_append "$BATS_FILE_TMPDIR/$generator-$2" "$BATS_TEST_TMPDIR/image" usr/sbin/iommu-verify="$BATS_FILE_TMPDIR/$1"
	start "$BATS_TEST_TMPDIR/image" intel "$PT"
}

@test "a helper that crashes stops an enforcing image" {
	for generator in $GENERATORS; do
		with crash halt
		stopped poweroff
	done
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
