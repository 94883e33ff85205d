#!/usr/bin/env bats
# The objects of a verdict by their schemas: of every recorded tree, and what the late check leaves in /run/iommu.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	VALIDATE=$BATS_TEST_DIRNAME/../tools/validate
	cd "$BATS_TEST_TMPDIR"
}

@test "iommu-verify --json and show --json of every recorded tree are what their schemas say" {
	local archive tree n=0
	mkdir verdict show
	for archive in "$BATS_TEST_DIRNAME"/../fixtures/*.tar.xz; do
		rm -rf trees && mkdir trees && tar -xf "$archive" -C trees
		for tree in trees/*/*; do
			n=$((n + 1))
			echo mode=strict > target
			"$VERIFY" --root "$tree" --target target --json > verdict/$n || :
			"$INSTALLER" show --root "$tree" --json --groups > show/$n
		done
	done
	[ $n -ge 150 ]
	"$VALIDATE" verdict verdict/*
	"$VALIDATE" show show/*
	[ "$(jq -r .verdict verdict/* | sort -u | wc -l)" -ge 2 ]
}

@test "an object that is not what its schema says is found" {
	run -1 "$VALIDATE" verdict <<< '{"schema": 1}'
	[[ $output == *"'verdict' is a required property"* ]]
	run -1 "$VALIDATE" change <<< '{} {}'
	[[ $output == *"not one object"* ]]
}
