#!/usr/bin/env bats
# What was typed wrong: both programs say in one line what, and which word was meant.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	root=$BATS_TEST_TMPDIR/root
	tree "$root" intel "intel_iommu=on" DMA
}

# wrong PROGRAM TYPED SUBJECT [MEANT]: exit 1, one line on stderr that begins with its subject and, where a word is
# near, asks whether that was meant.
wrong() {
	local words meant
	eval "words=($2)"
	run --separate-stderr "$1" "${words[@]}"
	meant=$(sed -n 's/.*; did you mean \(.*\)?.*/\1/p' <<< "$stderr")
	[ "$status" = 1 ] && [ -z "$output" ] && [ "$(wc -l <<< "$stderr")" = 1 ] && [ "$meant" = "${4-}" ] &&
		[[ $stderr == "${1##*/}: $3: "* ]] || { echo "$2: $status, $stderr" && return 1; }
}

@test "iommu-install: a command, mode, option or value that is none: the near ones are named, and nothing is done" {
	wrong "$INSTALLER" "stric" stric strict
	wrong "$INSTALLER" "tp" tp pt
	wrong "$INSTALLER" "off" off "off-for-uio or off-for-vfio"
	wrong "$INSTALLER" "rolback" rolback rollback
	wrong "$INSTALLER" "zebra" zebra
	wrong "$INSTALLER" "''" "''"
	wrong "$INSTALLER" "--jsno" --jsno --json
	wrong "$INSTALLER" "pt --dry_run=x" --dry_run --dry-run
	wrong "$INSTALLER" "pt --on" --on "--on-mismatch or --on-late-mismatch"
	wrong "$INSTALLER" "--zebra show" --zebra
	wrong "$INSTALLER" "show -x" -x
	wrong "$INSTALLER" "show -jx" -x
	wrong "$INSTALLER" "pt --on-mismatch=hlat" --on-mismatch halt
	wrong "$INSTALLER" "pt --flush lasy" --flush lazy
	wrong "$INSTALLER" "pt --backend=gurb" --backend grub
	wrong "$INSTALLER" "pt --initramfs=dracutt" --initramfs dracut
	wrong "$INSTALLER" "pt --commit=later" --commit
	wrong "$INSTALLER" "--print-completion=fsih" --print-completion fish
}

@test "iommu-install: an argument too much or missing, and options that exclude each other" {
	wrong "$INSTALLER" "--root" --root
	wrong "$INSTALLER" "--json=1" --json
	wrong "$INSTALLER" "show extra" extra
	wrong "$INSTALLER" "show --dry-run" show
	wrong "$INSTALLER" "show -n" show
	wrong "$INSTALLER" "--quiet --verbose" "--quiet and --verbose"
	wrong "$INSTALLER" "pt -qv" "--quiet and --verbose"
}

@test "iommu-install: a --root that is empty, not there or no directory, for every command" {
	local command
	for command in show pt check rollback resume remove explain; do
		wrong "$INSTALLER" "$command --root ''" --root
		wrong "$INSTALLER" "$command --root=/nonexistent" "--root: /nonexistent"
		wrong "$INSTALLER" "$command --root=/etc/passwd" "--root: /etc/passwd"
	done
}

@test "iommu-verify: an option or value that is none, too much or missing" {
	wrong "$VERIFY" "--jsn" --jsn
	wrong "$VERIFY" "--zebra" --zebra
	wrong "$VERIFY" "-qx" -x
	wrong "$VERIFY" "--json=1" --json
	wrong "$VERIFY" "--target" --target
	wrong "$VERIFY" "--phase erly" --phase
	wrong "$VERIFY" "--phase middle" --phase
	wrong "$VERIFY" "extra" extra
}

@test "iommu-verify: a --root or --target that was named and is not there is no verdict" {
	wrong "$VERIFY" "--root ''" --root
	wrong "$VERIFY" "--root=/nonexistent" "--root: /nonexistent"
	wrong "$VERIFY" "--root=/etc/passwd" "--root: /etc/passwd"
	wrong "$VERIFY" "--root '$root' --target=/nonexistent" "--target: /nonexistent"
	wrong "$VERIFY" "--root '$root' --target=''" "--target"
	# The tree's own may be missing: that is what is asked.
	run "$VERIFY" --root "$root" --quiet
	[ "$status" = 6 ]
}
