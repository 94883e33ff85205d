#!/usr/bin/env bats
# What people have in /etc/default/grub, through the real grub-mkconfig of Debian 11, 12, 13 and sid (2.06, 2.12, 2.14):
# every word they had is kept, the mode's words are there once, and what contradicts them is gone. Kernels and images
# are stand-ins.
bats_require_minimum_version 1.5.0

OURS="intel_iommu=on amd_iommu=on iommu=pt"

setup() {
	load ../lib/grub
}

teardown() {
	machine_end
}

# The kernel command lines of a grub.cfg in the test's directory, one a line, words separated by single blanks.
lines_in() {
	sed -n 's/^[[:space:]]*linux[[:space:]]*[^ ]*vmlinuz[^ ]*[[:space:]]*//p' "$BATS_TEST_TMPDIR/$1" |
		tr -d '\r' | tr -s ' \t' ' ' | sed 's/ $//'
}

# xen_in FILE: what Xen and its kernels are given there, in the same way.
xen_in() {
	sed -n '/^### BEGIN .*20_linux_xen/,/^### END/s/^[[:space:]]*\(multiboot\|module\)/\1/p' \
		"$BATS_TEST_TMPDIR/$1" | tr -d '\r' | tr -s ' \t' ' ' | sed 's/ $//'
}

# keeps SED [XEN-SED]: with the file on standard input as /etc/default/grub, each line after the change is the line
# before it with SED applied (what is to be taken out) and ours put in behind GRUB_CMDLINE_LINUX. On each suite; Xen's
# lines are as they were, with XEN-SED applied. Without CHECK_FULL the oldest and the newest GRUB have to do.
keeps() {
	local sed=$1 xen_sed=${2-} suite suites='bullseye sid'
	[ -z "${CHECK_FULL:-}" ] || suites='bullseye bookworm trixie sid'
	cat > "$BATS_TEST_TMPDIR/default"
	for suite in $suites; do
		grub_machine $suite
		in_machine '
			rm -f /etc/default/grub.d/*
			cp /host/default /etc/default/grub
			[ ! -e /host/dropin ] || cp /host/dropin /etc/default/grub.d/50-cloudimg-settings.cfg
			update-grub -o /boot/grub/grub.cfg 2>/dev/null && cp /boot/grub/grub.cfg /host/before
			iommu-install pt --force --initramfs=none --backend=grub
			cp /boot/grub/grub.cfg /host/after'
		compare "$sed"
		[ "$(xen_in before | wc -l)" -ge 9 ]
		diff <(xen_in before | sed -E "$xen_sed; s/ +/ /g") <(xen_in after)
	done
}

compare() {
	local before after i words
	mapfile -t before < <(lines_in before | sed -E "$1; s/ +/ /g; s/ $//")
	mapfile -t after < <(lines_in after)
	printf 'before: %s\n' "${before[@]}"
	printf 'after:  %s\n' "${after[@]}"
	[ "${#before[@]}" -ge 3 ]
	[ "${#after[@]}" = "${#before[@]}" ]
	for i in "${!after[@]}"; do
		words=" ${after[i]} "
		[[ $words == *" $OURS "* ]]
		# Without ours nothing is left but what was there, in the order it had.
		words=${words/ $OURS / }
		[ "$(xargs -0 <<< "$words")" = "$(xargs -0 <<< " ${before[i]} ")" ]
	done
}

# bats test_tags=boot
@test "double quotes" {
	keeps '' <<< 'GRUB_CMDLINE_LINUX="console=ttyS0 crypt=a,b quiet"'
}

# bats test_tags=boot
@test "single quotes, and none" {
	keeps '' <<-'EOF'
		GRUB_CMDLINE_LINUX='console=ttyS0 quiet'
		GRUB_CMDLINE_LINUX_DEFAULT=splash
	EOF
}

# bats test_tags=boot
@test "a trailing comment, and a trailing blank" {
	keeps '' <<-'EOF'
		GRUB_CMDLINE_LINUX="console=ttyS0 quiet " # GRUB_CMDLINE_LINUX="other"
	EOF
}

@test "escaped quotes around a value with blanks" {
	keeps '' <<< 'GRUB_CMDLINE_LINUX="dyndbg=\"file drivers/iommu/* +p\" quiet"'
}

# bats test_tags=boot
@test "an escaped dollar sign in memmap" {
	keeps '' <<< 'GRUB_CMDLINE_LINUX="memmap=64G\\\$128G quiet"'
}

# bats test_tags=boot
@test "continuation lines" {
	keeps '' <<-'EOF'
		GRUB_CMDLINE_LINUX="console=ttyS0 \
		quiet \
		splash"
	EOF
}

# bats test_tags=boot
@test "two assignments, of which the last one counts" {
	keeps '' <<-'EOF'
		GRUB_CMDLINE_LINUX="first"
		GRUB_CMDLINE_LINUX="second"
	EOF
}

# bats test_tags=boot
@test "an assignment that appends" {
	keeps 's/ iommu=nopt//' <<-'EOF'
		GRUB_CMDLINE_LINUX="first"
		GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX second iommu=nopt"
	EOF
}

# bats test_tags=boot
@test "export and indentation" {
	keeps '' <<-'EOF'
		  export GRUB_CMDLINE_LINUX="first second"
		if true; then
		    GRUB_CMDLINE_LINUX_DEFAULT="quiet"
		fi
	EOF
}

# bats test_tags=boot
@test "CRLF line ends" {
	printf 'GRUB_CMDLINE_LINUX="first second"\r\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\r\n' | keeps ''
}

# bats test_tags=boot
@test "nothing but a commented-out line" {
	keeps '' <<< '#GRUB_CMDLINE_LINUX="commented out"'
}

# bats test_tags=boot
@test "a _DEFAULT that switches the IOMMU off" {
	keeps 's/ (intel_iommu=off|iommu=off)//g' <<-'EOF'
		GRUB_CMDLINE_LINUX="console=ttyS0"
		GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=off iommu=off splash"
	EOF
}

@test "leftovers of every kind: foreign items keep their word and place" {
	keeps 's/intel_iommu=on,sm_on/intel_iommu=sm_on/; s/iommu=pt,force/iommu=force/; s/ iommu.passthrough=1//
		s/ amd_iommu=off//; s/ "?iommu="?nopt"?//; s/ vfio[._a-z1-]*=1//g; s/ intel-iommu=off//' <<-EOF
		GRUB_CMDLINE_LINUX="a intel_iommu=on,sm_on iommu=pt,force iommu.passthrough=1 b amd_iommu=off \
intel-iommu=igfx_off c"
		GRUB_CMDLINE_LINUX_DEFAULT="intremap=off vfio.enable_unsafe_noiommu_mode=1 amd_iommu=force_isolation \
intel-iommu=off iommu=nopt vfio_iommu_type1.allow-unsafe-interrupts=1 quiet"
	EOF
}

# bats test_tags=boot
@test "quoted spellings of our own words" {
	keeps 's/ ("intel_iommu=off"|amd_iommu="off")//g' <<< \
		'GRUB_CMDLINE_LINUX="a \"intel_iommu=off\" amd_iommu=\"off\" b"'
}

# bats test_tags=boot
@test "a cloud image's drop-in that overrides GRUB_CMDLINE_LINUX" {
	echo 'GRUB_CMDLINE_LINUX="console=tty1 console=ttyS0 iommu=soft"' > "$BATS_TEST_TMPDIR/dropin"
	keeps 's/ iommu=soft//' <<< 'GRUB_CMDLINE_LINUX="lost"'
}

# bats test_tags=boot
@test "words behind -- are init's: ours come before them, theirs stay" {
	keeps '' <<< 'GRUB_CMDLINE_LINUX="quiet -- iommu=off intel_iommu=off"'
}

@test "the recovery entry carries the words too" {
	# Of this one Xen's recovery entries have no variable of their own (from 2.12 on they read it).
	keeps 's/ iommu=off//' 's/ iommu=off//' <<-'EOF'
		GRUB_CMDLINE_LINUX="console=ttyS0"
		GRUB_CMDLINE_LINUX_RECOVERY="single iommu=off"
		GRUB_CMDLINE_LINUX_DEFAULT="quiet"
	EOF
	lines_in after | grep single | grep -qF "$OURS"
}

# bats test_tags=boot
@test "without our program update-grub still puts the words in, and does not fail" {
	grub_machine bookworm
	in_machine 'update-grub 2>/dev/null
		iommu-install pt --force --initramfs=none --backend=grub && mv /usr/sbin/iommu-install /root &&
		update-grub && cp /boot/grub/grub.cfg /host/after'
	run -0 lines_in after
	[ "${#lines[@]}" = 3 ]
	[[ "${lines[0]}" == *" $OURS"* ]]
	[[ "${lines[2]}" == *" $OURS"* ]]
}
