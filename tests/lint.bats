#!/usr/bin/env bats
# What analysers say of the sources: nothing.
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/.." || return
}

@test "shellcheck finds nothing in any script" {
	shellcheck -x dist/debian-mirror dist/fetch-kmod dist/source-archives dist/build-* dist/tarball/* dist/debian/*.p[or]* dist/early/*.sh dracut/*/*.sh initramfs-tools/hooks/* \
		initramfs-tools/scripts/*/* src/libkmod.sh tests/packages tests/record tests/run tests/bench tests/coverage tests/fuzz/run tests/demo tests/lib/*.bash tests/lib/*.sh tests/lib/mkinitcpio tests/lib/proxmox-boot-tool tests/lib/update-initramfs \
		dist/hooks/* dist/mkinitcpio/image dist/mkinitcpio/install/* .ci/run
}

@test "the package's own scripts and the archive's are plain sh" {
	shellcheck -s dash dist/debian/*.p[or]* dist/tarball/*
}

@test "the scripts that run in an initramfs are plain sh" {
	shellcheck -s dash dist/early/*.sh dist/hooks/* dist/mkinitcpio/hooks/* initramfs-tools/hooks/* initramfs-tools/scripts/*/*
}

@test "checkbashisms finds nothing in what plain sh runs" {
	checkbashisms dist/debian-mirror dist/fetch-kmod dist/early/*.sh dist/hooks/* initramfs-tools/hooks/* initramfs-tools/scripts/*/* \
		src/libkmod.sh tests/packages
}

@test "cppcheck finds nothing" {
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 --inline-suppr \
		-D_GNU_SOURCE -DVERSION='""' src
}

@test "every file of ours starts by saying what it is, and names its licence" {
	local file
	for file in src/* dist/hooks/* dracut/*/* initramfs-tools/hooks/* initramfs-tools/scripts/*/* dist/* dist/early/* dist/mkinitcpio/* \
		dist/mkinitcpio/*/* dist/systemd/* dist/tarball/* dist/debian/rules dist/debian/control dist/debian/iommu-install.* tests/*.bats \
		tests/lib/* tests/model/*.c tests/*.c tests/fuzz/*.[ch] tests/fuzz/run tests/coverage tests/record tests/run tests/packages tests/commands dist/doc/picture Makefile .ci/run; do
		[ -f "$file" ] || continue
		head -n 2 "$file" | grep -qE '^(#|/\*) .+' || { echo "$file: no first line"; return 1; }
		[[ $file == *.bats ]] || head -n 6 "$file" | grep -q 'SPDX-License-Identifier: BSD-3-Clause' ||
			{ echo "$file: no licence"; return 1; }
	done
}
