#!/usr/bin/env bats
# What runs the tests: tiers, the time limit, what is kept and said of a failure, and the last line.
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	# Written so that this file's own tests are told from these.
	sed 's/^TEST/@test/; s/^TAGS/# bats/' > a.bats <<-'EOF'
		TEST "one" {
			true
		}
		TAGS test_tags=boot
		TEST "two" {
			skip "as it wants to"
		}
	EOF
	sed 's/^TEST/@test/; s/^TAGS/# bats/' > b.bats <<-'EOF'
		TAGS file_tags=boot
		TEST "three" {
			printf '%s\n' qemu -kernel this > "$BATS_TEST_TMPDIR/vm.command"
			echo "the last words" > "$BATS_TEST_TMPDIR/vm.log"
			echo boot >> "$TESTS_COUNTS"
			false
		}
		TEST "four" {
			true
		}
	EOF
}

# runs [NAME=VALUE...] ARGS...: tests/run, not knowing that it runs in a test.
runs() {
	run env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$HOME" RUN_FAILED="$PWD/failed" "$@"
	echo "$output"
}

@test "a tier is the tests with its tag, and quick those without" {
	runs "$BATS_TEST_DIRNAME/../run" quick -- a.bats b.bats
	[ "$status" = 0 ]
	[ "${lines[-1]}" = "1 passed, 0 failed, 0 skipped" ]
	runs "$BATS_TEST_DIRNAME/../run" quick boot -- a.bats
	[ "$status" = 0 ]
	[ "${lines[-1]}" = "1 passed, 0 failed, 1 skipped" ]
	runs "$BATS_TEST_DIRNAME/../run" quack -- a.bats
	[ "$status" = 2 ]
}

@test "a run without a single test fails" {
	runs "$BATS_TEST_DIRNAME/../run" full -- a.bats b.bats
	[ "$status" = 1 ]
	[[ $output == *"there is no such test"* ]]
}

@test "of a failed test the command, the console and the place of its files are shown, and those files are kept" {
	runs "$BATS_TEST_DIRNAME/../run" quick boot -- a.bats b.bats
	[ "$status" = 1 ]
	[ "${lines[-1]}" = "2 passed, 1 failed, 1 skipped" ]
	[[ $output == *"false' failed"*"files: $PWD/failed/boot-b.bats/1"*"machine: qemu"*"| the last words"* ]]
	[[ $output == *"b: three"*"1 boots, 0 images built"* ]]
	[ "$(ls failed/*)" = 1 ]
	runs "$BATS_TEST_DIRNAME/../run" quick -- a.bats
	[ ! -e failed ]
}

@test "a failure in the first tier is one of the whole run" {
	sed -i s/true/false/ a.bats
	runs "$BATS_TEST_DIRNAME/../run" quick boot -- a.bats
	[ "$status" = 1 ]
	[ "${lines[-1]}" = "0 passed, 1 failed, 1 skipped" ]
}

@test "once its time is over no file of the second tier is started: those are named, and their tests count as skipped" {
	runs RUN_UNTIL=1 "$BATS_TEST_DIRNAME/../run" quick boot -- a.bats b.bats
	[ "$status" = 0 ]
	[[ $output == *"no time was left for"*"a.bats (1)"* && $output == *"b.bats (2)"* && $output != *"two"* ]]
	[ "${lines[-1]}" = "1 passed, 0 failed, 3 skipped" ]
}

@test "a test that gives no result is one that failed" {
	printf '@test "gone" {\n\tkill -KILL $PPID $$\n}\n' > c.bats
	runs "$BATS_TEST_DIRNAME/../run" quick -- a.bats c.bats
	[ "$status" = 1 ]
	[[ ${lines[-1]} == "1 passed, 1 failed, 0 skipped" ]]
}

@test "make check is the first tier, check-boot the second, check-full all; what CI runs is the first two" {
	local top=$BATS_TEST_DIRNAME/../..
	make -s -n -C "$top" check | grep -x "tests/run quick"
	make -s -n -C "$top" check-boot | grep -x "tests/run boot"
	make -s -n -C "$top" check-full | grep -x "tests/run quick boot full"
	MAKEFLAGS=-n "$top/.ci/run" | grep -x "tests/run quick boot"
}
