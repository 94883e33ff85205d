#!/usr/bin/env bats
# The tests that look at the machine they run on, on machines with four pasts: the same result on each.
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup_file() {
	load ../lib/packages
	make_package deb
}

setup() {
	load ../lib/pasts
	load ../lib/packages
	top=$BATS_TEST_DIRNAME/../..
	FILES=${FILES:-aarch64 completion docs examples host hostile image late memory monitor outliers show \
surroundings}
}

# passes PAST: so many tests as on every other, none failed and none left out.
passes() {
	local files=() file
	for file in $FILES; do files+=("$top"/tests/*/"$file.bats"); done
	# shellcheck disable=SC2016 # for the inner shell
	with_past "$1" env TMPDIR="$BATS_TEST_TMPDIR" bash -c 'exec bats --tap "$@"' x \
		"${files[@]}" > "$BATS_TEST_TMPDIR/tap" 3>&- < /dev/null ||
		{ grep -A 12 '^not ok' "$BATS_TEST_TMPDIR/tap"; return 1; }
	sed 's/^ok [0-9]* //' "$BATS_TEST_TMPDIR/tap" | grep -v '^#' > "$BATS_FILE_TMPDIR/$1"
	[ ! -e "$BATS_FILE_TMPDIR/bare" ] || diff "$BATS_FILE_TMPDIR/bare" "$BATS_FILE_TMPDIR/$1"
}

@test "a bare machine" {
	passes bare
}

@test "a machine with a target, a journal, a lock and records, words on its line and settings of GRUB's" {
	passes used
}

@test "a machine with directories in the place of files, files in that of directories, and a shell set up by somebody" {
	passes wrong
}

@test "a machine on which the package is installed" {
	DEB=$(deb)
	passes package
}
