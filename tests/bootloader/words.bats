#!/usr/bin/env bats
# The editor of kernel command lines: what it takes out, what it leaves, and when two lines are the same.
bats_require_minimum_version 1.5.0

setup_file() {
	export WORDS=$BATS_FILE_TMPDIR/words
	local top=$BATS_TEST_DIRNAME/../..
	cc -std=c11 -D_GNU_SOURCE -I"$top/src" -o "$WORDS" "$top/tests/tools/words.c" \
		"$top"/src/bootloader/cmdline-edit.c "$top"/src/model/{cmdline-words,kernel-parameters}.c \
		"$top"/src/system/memstream.c
}

# edited LINE OURS [flush]: the new line and, behind a bar, what was taken out.
edited() {
	"$WORDS" apply "$@" | paste -sd '|'
}

@test "two lines are the same if they have the same words in the same order, however many blanks stand between" {
	"$WORDS" same "ro quiet" "ro quiet"
	"$WORDS" same "ro  quiet " $' ro\tquiet'
	"$WORDS" same "" " "
	run -1 "$WORDS" same "ro quiet" "quiet ro"
	run -1 "$WORDS" same "ro quiet" "ro"
	run -1 "$WORDS" same "ro" "ro quiet"
	run -1 "$WORDS" same "ro quiet" "ro quie"
	run -1 "$WORDS" same "ro" ""
	run -1 "$WORDS" same "" "ro"
	run -1 "$WORDS" same "ro splash" "ro quiet"
}

# shellcheck disable=SC2016 # what stands in a boot loader's file
@test "words that do not count make no difference, wherever they stand" {
	"$WORDS" same 'ro $tuned quiet' 'ro quiet $other' plain
	"$WORDS" same '$a $b ro' 'ro' plain
	run -1 "$WORDS" same 'ro $a' 'ro quiet' plain
	run -1 "$WORDS" same 'ro $a' 'ro quiet'
}

@test "the flush policy's words are the user's until the target names one" {
	[ "$(edited "ro iommu.strict quiet" "iommu=pt")" = "ro iommu.strict quiet iommu=pt|" ]
	[ "$(edited "ro iommu.strict=0 amd_iommu=fullflush intel_iommu=strict" "")" = \
		"ro iommu.strict=0 amd_iommu=fullflush intel_iommu=strict|" ]
	[ "$(edited "ro iommu.strict quiet" "iommu.strict=1" flush)" = "ro quiet iommu.strict=1|iommu.strict" ]
	[ "$(edited "ro iommu.strict=0 amd_iommu=fullflush intel_iommu=strict,sm_on" "" flush)" = "ro \
intel_iommu=sm_on|iommu.strict=0 amd_iommu=fullflush intel_iommu=strict" ]
}
