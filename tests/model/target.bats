#!/usr/bin/env bats
# /etc/iommu.target: what is accepted, and how each kind of error is told.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	root=$BATS_TEST_TMPDIR/root
	tree "$root" intel "intel_iommu=on amd_iommu=on iommu=pt" identity
}

# refused LINE TEXT: the target is invalid, and the message names the file, the line (0: none) and holds the text.
refused() {
	verify "$root"
	expect 1 unknown pt TARGET_INVALID
	local where=/etc/iommu.target
	[ "$1" = 0 ] || where=$where:$1
	[[ $(json '.reasons[0].message') == "$where: "*"$2"* ]] || { echo "$output"; return 1; }
	[ "$(json .target)" = null ]
}

# A second line in bash printf syntax for bytes that a shell can't hold.
bytes() {
	printf "$1" > "$root/etc/iommu.target"
}

@test "a target of a mode line is read, with the contract's defaults" {
	target "$root" mode=pt
	verify "$root"
	expect 0 match pt
	[ "$(json '.target | [.mode, .on_mismatch, .on_late_mismatch, .flush, .interrupts, .exposed,
		.allow_unsafe_interrupts, .allow_override, .delay] | @csv')" = \
		'"pt","warn","warn","any","any","any",false,false,10' ]
}

@test "a target that is only a mode word is read" {
	for mode in off-for-uio off-for-vfio strict pt; do
		target "$root" $mode
		verify "$root"
		[ "$(json .target.mode)" = $mode ]
	done
}

@test "comments, blank lines, spaces around the equals sign and CRs are tolerated" {
	bytes '# a comment\r\n\r\n  mode = pt \r\n\ton-mismatch\t=\thalt\r\n'
	verify "$root"
	expect 0 match pt
	[ "$(json .target.on_mismatch)" = halt ]
}

@test "a target without a newline at its end is read" {
	bytes 'mode=pt\non-mismatch=poweroff'
	verify "$root"
	expect 0 match pt
	[ "$(json .target.on_mismatch)" = poweroff ]
}

@test "every key takes every value of the contract" {
	target "$root" mode=strict on-mismatch=reboot on-late-mismatch=same accept=pt,off-for-uio flush=lazy \
		interrupts=remapped exposed=translated allow-unsafe-interrupts=yes allow-override=yes delay=300
	verify "$root"
	[ "$(json '.target | [.mode, .on_mismatch, .on_late_mismatch, (.accept | join("+")), .flush, .interrupts,
		.exposed, .allow_unsafe_interrupts, .allow_override, .delay] | @csv')" = \
		'"strict","reboot","same","off-for-uio+pt","lazy","remapped","translated",true,true,300' ]
}

@test "with on-mismatch=reboot the delay is 30 seconds by default" {
	target "$root" mode=pt on-mismatch=reboot
	verify "$root"
	[ "$(json .target.delay)" = 30 ]
}

@test "an unknown mode is refused with its line" {
	target "$root" '# first' mode=passthrough
	refused 2 "bad value 'passthrough' for 'mode': use off-for-uio, off-for-vfio, strict or pt"
}

@test "an unknown key is refused with its line" {
	target "$root" mode=pt onmismatch=halt
	refused 2 "unknown key 'onmismatch'"
}

@test "a duplicate key is refused with its line and the first one's" {
	target "$root" mode=pt delay=5 mode=pt
	refused 3 "'mode' was already given in line 1"
}

@test "each key refuses a bad value with its line" {
	for bad in on-mismatch=stop on-late-mismatch=halt accept=pt,foo accept= flush=strict allow-unsafe-interrupts=1 \
		interrupts=yes interrupts= exposed=remapped exposed=identity allow-override=true \
		delay=301 delay=-1 delay=1s delay= on-mismatch=WARN; do
		target "$root" mode=strict "$bad"
		refused 2 "bad value '${bad#*=}' for '${bad%%=*}'" || { echo "for $bad"; return 1; }
	done
}

@test "a reboot delay of less than 30 seconds is refused, whichever line comes first" {
	target "$root" mode=pt on-mismatch=reboot delay=29
	refused 3 "at least 30 seconds"
	target "$root" delay=29 mode=pt on-mismatch=reboot
	refused 1 "at least 30 seconds"
}

@test "a flush policy with a mode other than strict is refused" {
	target "$root" flush=sync mode=pt
	refused 1 "only mode=strict"
}

@test "interrupts=remapped and exposed=translated are for strict and pt, whichever line comes first" {
	local mode demand
	for demand in interrupts=remapped exposed=translated; do
		for mode in off-for-uio off-for-vfio; do
			target "$root" mode=$mode '# demanded' "$demand"
			refused 3 "'${demand%=*}' demands what only mode=strict and mode=pt can have"
			target "$root" "$demand" mode=$mode
			refused 1 "'${demand%=*}'"
			target "$root" mode=$mode "${demand%=*}=any"
			verify "$root"
			[ "$(json .target.mode)" = $mode ]
		done
	done
	chips "$root" IR-PCI-MSI
	for mode in strict pt; do
		target "$root" mode=$mode interrupts=remapped exposed=translated
		verify "$root"
		[ "$(json '.target | [.mode, .interrupts, .exposed] | join(" ")')" = "$mode remapped translated" ]
	done
}

@test "a target without a mode is refused" {
	target "$root" on-mismatch=halt
	refused 0 "no 'mode=' line"
	: > "$root/etc/iommu.target"
	refused 0 "no 'mode=' line"
}

@test "a line that is no key=value is refused, also beside a mode word" {
	target "$root" mode=pt halt
	refused 2 "'halt' is not 'key=value'"
	target "$root" pt on-mismatch=halt
	refused 1 "a mode word must stand alone"
}

@test "a NUL byte is refused with its line" {
	bytes 'mode=pt\n# \0\n'
	refused 2 "NUL byte"
}

@test "a target of 4 KiB is read, one byte more is refused" {
	{ echo mode=pt; printf '#%.0s' {1..4088}; } > "$root/etc/iommu.target"
	[ "$(stat -c %s "$root/etc/iommu.target")" = 4096 ]
	verify "$root"
	expect 0 match pt
	echo >> "$root/etc/iommu.target"
	refused 0 "longer than 4096 bytes"
}

@test "a target that is a directory, a device or a FIFO is refused and hangs nobody" {
	mkdir "$root/etc/iommu.target"
	refused 0 "not a regular file"
	rmdir "$root/etc/iommu.target"
	mkfifo "$root/etc/iommu.target"
	refused 0 "not a regular file"
}

@test "a target that can't be opened is refused, not taken for missing" {
	ln -s iommu.target "$root/etc/iommu.target"
	refused 0 "can't be opened: "
}

@test "no target is verdict no-target with exit status 6" {
	verify "$root"
	expect 6 no-target pt
}
