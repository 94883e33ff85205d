#!/usr/bin/env bats
# The tests that boot nothing, once more with both programs under the address and undefined-behaviour sanitizers.
bats_require_minimum_version 1.5.0
# bats file_tags=boot

@test "no sanitizer reports anything while targets, verdicts, images and hostile surroundings are tested" {
	local top=$BATS_TEST_DIRNAME/../.. b=$BATS_TEST_TMPDIR/b \
		flags="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
	# libkmod 30 calls bsearch() with a null pointer and no elements, which is not ours to mend.
	make -s -j 2 -C "$top" B="$b" KMOD_CFLAGS="${flags/,undefined/}" KMOD_SRC="$(realpath "$top/build/kmod")" \
		HELPER_CC=cc HELPER_CFLAGS="$flags" HELPER_LDFLAGS="$flags" CFLAGS="$flags" LDFLAGS="$flags" \
		"$b/iommu-verify" "$b/iommu-install"
	cd "$BATS_TEST_DIRNAME/.."
	# A runner of its own: nothing of this one's state.
	run env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="$HOME" \
		VERIFY="$b/iommu-verify" INSTALLER="$b/iommu-install" \
		bats --jobs 2 --no-parallelize-across-files model/{target,cmdline}.bats evidence/outliers.bats \
		verdict/{verify,late,fixtures}.bats {command/explain,helper/hostile,initramfs/image}.bats \
		show/{show,groups,recommendation}.bats
	grep -v '^ok' <<< "$output" | head -n 40
	[ "$status" = 0 ]
}
