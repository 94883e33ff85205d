#!/usr/bin/env bats
# The command line: the reader against a model written from kernel source by someone who had not seen it, and `explain`.
bats_require_minimum_version 1.5.0

setup_file() {
	local here=$BATS_TEST_DIRNAME/.. flags="-std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror"
	flags+=" -Wno-missing-field-initializers"
	# shellcheck disable=SC2086 # words on purpose
	cc $flags -o "$BATS_FILE_TMPDIR/model" "$here/model/cmdline.c"
	# shellcheck disable=SC2086
	cc $flags -I "$here/../src" -o "$BATS_FILE_TMPDIR/reader" "$here/model/reader.c" \
		"$here"/../src/model/{cmdline,cmdline-words,kernel-parameters,mode}.c
}

setup() {
	load ../lib/trees
}

@test "reader and model agree on every line, for Intel and AMD, of kernels 5.10, 6.1, 6.12 and 7.2" {
	local disagreements=0 compared=0 vendor kernel
	for kernel in 5.10 6.1 6.12 7.2; do
		for vendor in intel amd; do
			for who in model reader; do
				"$BATS_FILE_TMPDIR/$who" $vendor $kernel < "$BATS_TEST_DIRNAME/../model/lines.txt" \
					> "$BATS_TEST_TMPDIR/$who"
			done
			paste -d '|' "$BATS_TEST_TMPDIR"/{model,reader} "$BATS_TEST_DIRNAME/../model/lines.txt" |
				LC_ALL=C awk -F '|' -v where="$vendor $kernel" \
					'$1 != $2 { print where ": model " $1 ", reader " $2 ": " $0 }' \
					> "$BATS_TEST_TMPDIR/differ"
			cat -v "$BATS_TEST_TMPDIR/differ"
			disagreements=$((disagreements + $(wc -l < "$BATS_TEST_TMPDIR/differ")))
			[ "$(wc -l < "$BATS_TEST_TMPDIR/model")" = "$(wc -l < "$BATS_TEST_TMPDIR/reader")" ]
			compared=$((compared + $(wc -l < "$BATS_TEST_TMPDIR/model")))
		done
	done
	echo "# $compared lines compared, $disagreements disagreements" >&3
	[ "$compared" -ge 1600 ]
	[ "$disagreements" = 0 ]
}

@test "explain tells for each word what it does on Intel and on AMD, and which mode follows" {
	run "$INSTALLER" explain 'quiet intel_iommu=on,sm_on amd_iommu=on iommu=pt'
	[ "$status" = 0 ]
	echo "$output"
	[[ $output == *"on Intel"*"intel_iommu=on "*"switches the IOMMU on"*"intel_iommu=sm_on "*"the mode stays"*\
"mode: pt"*"on AMD"*"mode: pt"* ]]
	run ! grep quiet <<< "$output"
}

@test "explain names who wins, what sticks and what is init's" {
	run "$INSTALLER" explain \
		'iommu=pt iommu=nopt amd_iommu=off amd_iommu=on intel_iommu=off intel_iommu=on -- iommu=off'
	[ "$status" = 0 ]
	echo "$output"
	[[ $output == *"iommu=pt "*"the later 'iommu=nopt' wins"* ]]
	[[ $output == *"intel_iommu=off "*"the later 'intel_iommu=on' wins"* ]]
	[[ $output == *"amd_iommu=off "*"nothing later undoes that"* ]]
	[[ $output == *"amd_iommu=on "*"'amd_iommu=off' switches AMD-Vi off"* ]]
	[[ $output == *"iommu=off "*"it is init's"* ]]
	[[ $output == *"mode: strict"*"on AMD"*"mode: off-for-uio"* ]]
}

@test "explain says of near misses that they are ignored, and what was meant" {
	while read -r word meant; do
		run "$INSTALLER" explain "$word"
		[[ $output == *"$word "*"IGNORED"*"meant: $meant"* ]] || { echo "$word: $output"; return 1; }
		[[ $output == *"mode: default"* ]] || { echo "$word: $output"; return 1; }
	done <<-'EOF2'
		intel_iommu=enable intel_iommu=on
		intel_iommu=On intel_iommu=on
		intel_iommu=disable intel_iommu=off
		amd_iommu=pt iommu=pt
		iommu=passthrough iommu=pt
		iommu=on intel_iommu=on
		iommu=1 intel_iommu=on
		iommu=strict iommu=nopt
		intel_immou=on intel_iommu=on
		intel_iomu=on intel_iommu=on
		iommuu=pt iommu=pt
		immou=pt iommu=pt
		iommu.passthru=1 iommu=pt
		iommu_pt=1 iommu=pt
		iommu.passthrough=passthrough iommu=pt
	EOF2
}

@test "explain reads standard input, the running line, and a line of its own words" {
	run "$INSTALLER" explain - <<< $'intel_iommu=on\niommu=pt'
	[ "$status" = 0 ]
	[[ $output == *"mode: pt"* ]]
	run "$INSTALLER" explain intel_iommu=on iommu=pt
	[ "$status" = 0 ]
	[[ $output == *"mode: pt"* ]]
	run "$INSTALLER" explain
	[ "$status" = 0 ]
	[[ $output == *"on Intel"*"mode: "*"on AMD"*"mode: "* ]]
	run "$INSTALLER" explain ""
	[ "$status" = 0 ]
	[[ $output == *"no parameter about the IOMMU"* ]]
}

@test "explain says that the kernel cuts a line of more than 2,047 bytes" {
	run "$INSTALLER" explain "$(printf 'x%.0s' {1..2050}) iommu=pt"
	[ "$status" = 0 ]
	[[ $output == *"2059 bytes"* ]]
	run ! grep -F "iommu=pt" <<< "$output"
}

@test "explain prints no control character of a line, and names what other words do with the tables" {
	run "$INSTALLER" explain $'intel_iommu=o\en'
	[[ $output == *"intel_iommu=o?n "*ignored* && $output != *$'\e'* ]]
	run "$INSTALLER" explain "acpi=off acpi=force"
	[[ $output == *"acpi=off "*"hides the firmware's tables"*"acpi=force "*"lets the firmware's tables be read"* ]]
}

@test "explain takes none of the options that set a mode" {
	run --separate-stderr "$INSTALLER" explain --force iommu=pt
	[ "$status" = 1 ]
	[[ $stderr == "iommu-install: explain: "* ]]
}
