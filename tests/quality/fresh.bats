#!/usr/bin/env bats
# The README's two commands in clean rooms (tests/check-fresh).
bats_require_minimum_version 1.5.0
# bats file_tags=full

@test "make demo and make check pass on a bare Debian 12" {
	"$BATS_TEST_DIRNAME/../check-fresh" bookworm
}

@test "make demo and make check pass on a bare Debian 13" {
	"$BATS_TEST_DIRNAME/../check-fresh" trixie
}
