#!/usr/bin/env bats
# The objects of all the changes that other tests make: their files once more, with an iommu-install that prints one
# each time; whatever becomes of the command, standard output is one valid object.
bats_require_minimum_version 1.5.0
# bats file_tags=full

# objects FILE TESTS LEAST: runs those tests of the file so; at least that many objects are there, and all are valid.
# One that is killed prints none. A test whose subject is the process itself (a signal, a count of calls) may fail so.
objects() {
	local dir=$BATS_TEST_TMPDIR/run found
	mkdir "$dir"
	# Sentences go to standard error then; a test that compares them all the same has its own.
	OBJECTS=yes TMPDIR=$dir run bats --no-tempdir-cleanup --filter-tags '!full' -f "$2" "$BATS_TEST_DIRNAME/$1"
	echo "$output"
	mapfile -t found < <(find "$dir" -path '*/objects/*' -type f -size +0)
	echo "# $1: ${#found[@]} objects" >&3
	[ "${#found[@]}" -ge "$3" ]
	"$BATS_TEST_DIRNAME/../tools/validate" change "${found[@]}"
	jq -r .result "${found[@]}" | sort | uniq -c
}

@test "every change of the install tests prints one valid object" {
	objects ../change/install.bats . 20
}

@test "every change of the transaction tests prints one valid object" {
	objects ../change/transaction.bats . 15
}
