#!/usr/bin/env bats
# What our reader says that starts the check, and what then starts in a boot: each generator's real image, whole and
# with one thing taken away.
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup_file() {
	load ../lib/early
	early_images "$suite" halt
	export UNPACK=$BATS_FILE_TMPDIR/unpack
	local top=$BATS_TEST_DIRNAME/../..
	cc -std=c11 -D_GNU_SOURCE -I"$top/src" -o "$UNPACK" "$top/tests/tools/unpack.c" "$top"/build/install/*/*.o \
		-lkmod -ldl
}

setup() {
	load ../lib/trees
	load ../lib/early
}

teardown() {
	vm_kill_all
}

# both SAID [PATH=FILE...]: of $generator's image, with these files put over its own, the reader says so, and a boot in
# the wrong mode halts before udevd or goes on without a word of the check.
both() {
	image "$generator" halt "${@:2}"
	run -0 "$UNPACK" --starts "$image"
	echo "$output"
	[[ $output == "$1 "* ]]
	start intel "$STRICT"
	if [ "$1" = stops ]; then
		stopped halted "mismatch: target pt, effective strict"
	else
		went_on
		[ -z "$(line_of 'iommu-verify: (mismatch|match)')" ]
	fi
}

@test "dracut with systemd: whole, and with a condition that keeps the unit from starting" {
	generator=dracut-systemd
	both stops
	printf '[Unit]\nConditionPathExists=/nowhere\n' > "$BATS_TEST_TMPDIR/zz.conf"
	both none etc/systemd/system/iommu-verify.service.d/zz.conf="$BATS_TEST_TMPDIR/zz.conf"
}

@test "dracut without systemd: whole, and with an empty hook" {
	generator=dracut-plain
	both stops
	: > "$BATS_TEST_TMPDIR/empty"
	both none usr/lib/dracut/hooks/cmdline/00-check-stop.sh="$BATS_TEST_TMPDIR/empty"
}

@test "initramfs-tools: whole, and with a script that is not executable" {
	generator=initramfs-tools
	both stops
	cp "$BATS_TEST_DIRNAME/../../initramfs-tools/scripts/init-top/iommu-verify" "$BATS_TEST_TMPDIR/script"
	chmod 644 "$BATS_TEST_TMPDIR/script"
	both none scripts/init-top/iommu-verify="$BATS_TEST_TMPDIR/script"
}
