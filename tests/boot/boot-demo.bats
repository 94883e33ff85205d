#!/usr/bin/env bats
# What people are told to look at: the demo, and the figures of the bench.
bats_require_minimum_version 1.5.0
# bats file_tags=full

@test "make demo tells the whole story" {
	cd "$BATS_TEST_DIRNAME/../.."
	run -0 make --no-print-directory demo
	[[ $output == *"mode pt is set, and read back"*"verdict:    match"*"halting this machine"*\
"And once more: verified"*"verdict:    match"*"Summary"* ]]
	# The README's picture is drawn from this.
	dist/doc/picture <<< "$output" > "$BATS_TEST_TMPDIR/demo.svg"
	[ "$(grep -c '<text' "$BATS_TEST_TMPDIR/demo.svg")" -ge 40 ]
}

@test "make bench prints its figures" {
	cd "$BATS_TEST_DIRNAME/../.."
	run -0 make --no-print-directory bench
	[[ $output == *"a check "*"helper: "*"boot: "* ]]
}
