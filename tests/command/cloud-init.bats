#!/usr/bin/env bats
# The user data of dist/cloud-init, by the real cloud-init.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/tree
	data=$BATS_TEST_DIRNAME/../../dist/cloud-init/user-data
	cloud_init=$(cached "$IOMMU_TEST_CACHE/cloud-init-$(recipe_key "$OWN_SUITE" "$(declare -f unpack)")" \
		unpack "$OWN_SUITE" amd64 cloud-init)
}

# schema FILE: what cloud-init says of it, in its own tree, which nobody writes to.
schema() {
	run unshare --mount bash -euc 'mount --bind "$2" "$1/usr/share/doc"
		export PYTHONDONTWRITEBYTECODE=1
		chroot "$1" python3 -m cloudinit.cmd.main schema --config-file "/usr/share/doc/$3"' \
		schema "$cloud_init" "$BATS_TEST_TMPDIR" "$1"
	echo "$output"
}

# bats test_tags=boot
@test "cloud-init's schema has nothing against the user data, and something against a value that is none" {
	cp "$data" "$BATS_TEST_TMPDIR/user-data"
	schema user-data
	[ "$status" = 0 ]
	sed 's/mode: reboot/mode: restart/' "$data" > "$BATS_TEST_TMPDIR/wrong"
	schema wrong
	[ "$status" != 0 ]
}
