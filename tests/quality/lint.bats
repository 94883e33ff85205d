#!/usr/bin/env bats
# What analysers say of the sources: nothing.
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
}

@test "shellcheck finds nothing in any script" {
	shellcheck -x dist/debian-mirror dist/fetch-kmod dist/image-test dist/source-archives dist/build-* \
		dist/tarball/* \
		dist/debian/*.p[or]* dist/early/*.sh dracut/*/*.sh initramfs-tools/hooks/* initramfs-tools/scripts/*/* \
		src/helper/libkmod.sh tests/packages tests/record tests/run tests/surroundings tests/abilities \
		tests/layout tests/check-fresh tests/bench tests/coverage tests/mutants tests/fuzz/run tests/demo \
		tests/lib/*.bash tests/lib/*.sh tests/lib/mkinitcpio tests/lib/proxmox-boot-tool \
		tests/lib/update-initramfs tests/lib/update-grub dist/hooks/* dist/mkinitcpio/image \
		dist/mkinitcpio/install/* .ci/run
}

@test "the package's own scripts, the archive's and the image test are plain sh" {
	shellcheck -s dash dist/debian/*.p[or]* dist/tarball/* dist/image-test \
		dist/mkosi/mkosi.postinst.chroot dist/mkosi/mkosi.finalize
}

@test "the scripts that run in an initramfs are plain sh" {
	shellcheck -s dash dist/early/*.sh dist/hooks/* dist/mkinitcpio/hooks/* initramfs-tools/hooks/* \
		initramfs-tools/scripts/*/*
}

@test "checkbashisms finds nothing in what plain sh runs" {
	checkbashisms dist/debian-mirror dist/fetch-kmod dist/image-test dist/early/*.sh dist/hooks/* \
		initramfs-tools/hooks/* initramfs-tools/scripts/*/* src/helper/libkmod.sh tests/packages
}

@test "no assertion of a test stands in a list whose status nobody sees" {
	tests/tools/unseen tests/*/*.bats tests/lib/*.bash
	# It finds each form.
	printf '%s\n' '@test "x" {' '[ 1 = 2 ] && [ 1 = 1 ]' '! true' "run -0 in_machine 'true" '! true' "! true'" \
		'! false' '}' > "$BATS_TEST_TMPDIR/x.bats"
	run -1 tests/tools/unseen "$BATS_TEST_TMPDIR/x.bats"
	[ "$(sed 's/.*://' <<<"$output" | xargs)" = "2 3 5" ]
}

@test "cppcheck finds nothing" {
	# Later versions say of each larger file that they did not try every branch.
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --error-exitcode=1 --inline-suppr \
		--suppress=normalCheckLevelMaxBranches \
		-Isrc -D_GNU_SOURCE -DVERSION='""' src
}

@test "each fuzzer compiles, with the warnings of the sources" {
	local file
	for file in tests/fuzz/*.c; do
		clang -fsyntax-only -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror \
			-Wno-missing-field-initializers -DVERSION='""' -Isrc "$file"
	done
}

@test "every file of ours starts by saying what it is, and names its licence" {
	local files=() file
	for file in src/*.c src/*/* dist/hooks/* dracut/*/* initramfs-tools/hooks/* initramfs-tools/scripts/*/* dist/* \
		dist/early/* dist/mkinitcpio/* dist/mkinitcpio/*/* dist/systemd/* dist/tarball/* dist/debian/rules \
		dist/debian/control dist/debian/iommu-install.* tests/*/*.bats tests/lib/* tests/*/*.[ch] \
		tests/fuzz/run tests/coverage tests/mutants* tests/record tests/run tests/surroundings tests/abilities \
		tests/layout tests/check-fresh tests/packages tests/commands dist/doc/picture Makefile .ci/run; do
		[ ! -f "$file" ] || files+=("$file")
	done
	[ "${#files[@]}" -ge 300 ]
	run -0 awk '
		FNR <= 2 && /^(#|\/\*) ./ { first[FILENAME] = 1 }
		FNR <= 6 && /SPDX-License-Identifier: BSD-3-Clause/ { licence[FILENAME] = 1 }
		FNR > 6 { nextfile }
		END {
			for (i = 1; i < ARGC; i++) {
				if (!(ARGV[i] in first))
					print ARGV[i] ": no first line"
				if (!(ARGV[i] in licence) && ARGV[i] !~ /[.]bats$/)
					print ARGV[i] ": no licence"
			}
		}' "${files[@]}"
	[ -z "$output" ] || { echo "$output" && return 1; }
}

@test "the folders of src/ use each other in one direction, as src/README.md says" {
	run -0 tests/layout
	[[ $output =~ ^12\ folders,\ ([0-9]+)\ files,\ ([0-9]+)\ includes$ ]]
	[ "${BASH_REMATCH[1]}" -ge 160 ] && [ "${BASH_REMATCH[2]}" -ge 400 ]
}

# planted PATH LINE TEXT: with that file in a copy of the sources tests/layout fails, and says TEXT.
planted() {
	local copy
	copy=$(mktemp -d "$BATS_TEST_TMPDIR/XXXXXX") && cp -r src Makefile "$copy"
	run -0 tests/layout "$copy"
	mkdir -p "$(dirname "$copy/$1")"
	echo "$2" >> "$copy/$1"
	run -1 tests/layout "$copy"
	[[ ${lines[0]} == "$3"* ]]
}

@test "an include that points the wrong way, or nowhere, and a folder or file that has no place are found" {
	planted src/model/planted.h '#include "bootloader/backend.h"' \
		"src/model/planted.h:1: model must not use bootloader"
	planted src/helper/planted.c '#include "evidence/groups.h"
#include "system/files.h"' "src/helper/planted.c:2: helper must not use system"
	planted src/system/planted.c '#include "helper/enforce.h"' "src/system/planted.c:1: system must not use helper"
	planted src/system/planted.c '#include "files.h"' "src/system/planted.c:1: files.h is no path from src/"
	planted src/system/planted.c '#include "../base/run.h"' "src/system/planted.c:1: ../base/run.h is no path"
	planted src/extra/planted.h '' "src/extra: the table of src/README.md has no such folder"
	planted src/planted.c '' "src/planted.c: the table"
	planted Makefile 'BOTH += helper' "Makefile: other folders"
}

@test "no line of the sources, tests, scripts and settings is longer than 120 columns, but for data and tables" {
	local files place
	# Not data (recorded and made trees, kept inputs, command lines, a drawn picture), nor the prose of dist/doc.
	mapfile -t files < <(find Makefile .ci src dist dracut initramfs-tools tests -type f \
		! -path 'tests/fixtures/*' ! -path 'tests/fuzz/corpus/*' ! -path 'tests/corpus/*' \
		! -path tests/model/lines.txt \
		! -path dist/doc/demo.svg ! -path 'dist/doc/*.md')
	for place in src/:200 tests/:130 dist/:35 dracut/:1 initramfs-tools/:2 .ci/:1 Makefile:1; do
		[ "$(printf '%s\n' "${files[@]}" | grep -c "^${place%:*}")" -ge "${place#*:}" ]
	done
	# A table has a row a line, whatever is in it: in Markdown, and below the comments of three lists.
	run -0 awk '
		FILENAME ~ /\.md$/ && /^\|/ { next }
		FILENAME ~ /^tests\/(commands|(advice|coverage|mutants)\.txt)$/ && !/^#/ { next }
		{
			while (i = index($0, "\t"))
				$0 = substr($0, 1, i - 1) sprintf("%*s", 8 - (i - 1) % 8, "") substr($0, i + 1)
		}
		length($0) > 120 { print FILENAME ":" FNR }' "${files[@]}"
	[ -z "$output" ] || { echo "$output" && return 1; }
}

@test "every test is in one tier: no tag is misspelt, stands alone, or comes on top of another" {
	run -0 awk '
		function wrong(what) { print FILENAME ":" FNR ": " what }
		FNR == 1 { files++; tagged = tests = of_file = 0 }
		tagged && !/^@test / { wrong("a tag that stands alone") }
		{ tagged = 0 }
		/^@test / { tests++ }
		tolower($0) !~ /^[ \t]*#[ \t]*bats[ \t]*[a-z_]+=/ { next }
		!/^# bats (file|test)_tags=(boot|full)$/ { wrong("no tag of ours") }
		of_file || (/file_tags/ && tests) { wrong("a tag on top of another") }
		/file_tags/ { of_file = 1 }
		/test_tags/ { tagged = 1; tests++ }
		END { print files }' tests/*/*.bats
	[ "$output" = "$(ls tests/*/*.bats | wc -l)" ] && [ "$output" -ge 60 ] || { echo "$output" && return 1; }
}
