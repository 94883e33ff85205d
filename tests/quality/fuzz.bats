#!/usr/bin/env bats
# Our parsers under libFuzzer and the sanitizers: every input that is kept, and some thousand new ones, the same in
# every run. `make fuzz` looks for others.
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
}

# bats test_tags=boot
@test "no parser of ours crashes, hangs, leaks or breaks a promise on kept and on new inputs" {
	# TMPDIR is the test's, so that what it finds is beside the build, and only kept inputs are tests.
	make -s fuzzers B="$BATS_TEST_TMPDIR/b"
	run tests/fuzz/run "$BATS_TEST_TMPDIR/b/fuzz" 4000runs $(printf '%s\n' tests/fuzz/*.c | sed 's#.*/##; s#\.c$##')
	echo "$output" | tail -n 60
	[ "$status" = 0 ]
	[[ ${lines[-1]} == *"fuzzers, nothing found" ]]
}

@test "each fuzzer has inputs from real files, and all of them together are small" {
	local file
	for file in tests/fuzz/*.c; do
		file=${file##*/}
		[ -n "$(ls "tests/fuzz/corpus/${file%.c}")" ]
	done
	[ "$(du -s --apparent-size --block-size=1 tests/fuzz/corpus | cut -f 1)" -lt 300000 ]
}
