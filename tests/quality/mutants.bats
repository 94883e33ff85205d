#!/usr/bin/env bats
# Faults put into the code on purpose: each is found by the test that is there for it.
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
}

# bats test_tags=boot
@test "each fault that is put into the decision is found by its test" {
	run -0 make -s mutants MUTANTS=verdict/decision
	[[ ${lines[-1]} == *" killed, 0 not" && ${lines[-1]%% *} -ge 5 ]]
}

# bats test_tags=full
@test "each fault of tests/mutants.txt is found by its test" {
	run -0 make -s mutants
	[[ ${lines[-1]} == *" killed, 0 not" && ${lines[-1]%% *} -ge 60 ]]
}
