#!/usr/bin/env bats
# The corpus: boot layouts of public shapes (tests/corpus), each through set, check, rollback and remove: foreign
# parameters stay where they are, exactly ours are in effect, foreign entries stay as they are, and a rollback gives
# every byte back; or refused, and nothing is touched. By chroot; grub-mkconfig is a stand-in, images hold the real
# check.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/corpus
}

teardown() {
	machine_end
}

@test "GRUB with drop-ins: Debian and its family, Ubuntu's and the providers' images" {
	layouts 20 'backend grub'
}

@test "GRUB by /etc/default/grub alone: Arch, Gentoo, Void, CentOS 7, openSUSE" {
	layouts 5 'backend grub-file\|backend update-bootloader'
}

@test "GRUB with boot entries: Fedora, EL 8 to 10, Amazon Linux" {
	layouts 15 'backend bls'
}

@test "systemd-boot: by hand, by kernel-install and by sdbootutil, one system or two" {
	layouts 5 'backend systemd-boot\|backend sdbootutil'
}

@test "what is refused, by its code, and stays as it is: NixOS, Pop!_OS, Qubes, contrary variables" {
	layouts 15 'refused .*'
}

# Back end or refusal, whose the entries are, what feeds a line, and with which variables.
kind() {
	cat "$CORPUS/$1/expect" | sed 's/\(counted\|other\) .*/\1/' | sort | uniq -c
	! [ -d "$CORPUS/$1/tree" ] || (
		cd "$CORPUS/$1/tree"
		grep -rohE '\$\{?[a-z_]+' boot/loader boot/grub* efi etc/grub.d etc/default etc/corpus-linux \
			2>/dev/null | sort -u
		find . -type f | sed 's/[0-9a-f]\{32\}//; s/[0-9][^/]*//g' | sort -u
	)
}

@test "there are at least 60 layouts, each names its shape, and at least 40 differ in what reads or feeds their lines" {
	local path count=0
	for path in "$CORPUS"/*; do
		head -n 1 "$path/layout" | grep -q '^# .\{15\}'
		kind "${path##*/}" | sha256sum >>"$BATS_TEST_TMPDIR/kinds"
		count=$((count + 1))
	done
	# Each is in one of the tests above.
	local known='grub\|grub-file\|update-bootloader\|bls\|systemd-boot\|sdbootutil'
	[ "$(grep -lx "backend \\($known\\)\\|refused .*" "$CORPUS"/*/expect | wc -l)" = "$count" ]
	echo "$count layouts, $(sort -u "$BATS_TEST_TMPDIR/kinds" | wc -l) kinds"
	[ "$count" -ge 60 ]
	[ "$(sort -u "$BATS_TEST_TMPDIR/kinds" | wc -l)" -ge 40 ]
}
