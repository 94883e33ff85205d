#!/usr/bin/env bats
# Memory that runs out at one call, each in turn: what must stop stops, what must go on goes on, nothing is changed by
# half.
bats_require_minimum_version 1.5.0

setup_file() {
	local top=$BATS_TEST_DIRNAME/../.. b=$BATS_FILE_TMPDIR/b
	export FAILING=$BATS_FILE_TMPDIR/failing.so STARVED=$b/iommu-verify
	gcc -O1 -fno-builtin -shared -fPIC -o "$FAILING" "$BATS_TEST_DIRNAME/../tools/failing-malloc.c"
	"$(command -v musl-gcc || echo gcc)" -O1 -fno-builtin -c -o "$BATS_FILE_TMPDIR/failing.o" \
		"$BATS_TEST_DIRNAME/../tools/failing-malloc.c"
	# All of it: what libkmod and the C library ask for, too.
	make -s -C "$top" B="$b" KMOD_SRC="$(realpath "$top/build/kmod")" HELPER_CFLAGS="-O1 -fno-pie" \
		HELPER_LDFLAGS="-static -no-pie $BATS_FILE_TMPDIR/failing.o" "$STARVED"
}

setup() {
	load ../lib/trees
	load ../lib/enforce
	d=$BATS_TEST_TMPDIR
	mkdir -p "$d"/{etc,sbin,run}
}

# each COMMAND...: runs it once for every call of malloc() that it makes, which fails, and prints its exit status each
# time; the last line is their number.
each() {
	local n status
	for ((n = 1; ; n++)); do
		: > "$d/hit"
		status=0
		MALLOC_FAILS_AT=$n "$@" > "$d/out" 2> "$d/err" 9> "$d/hit" < /dev/null || status=$?
		[ -s "$d/hit" ] || break
		echo "$status"
	done
	echo "$((n - 1)) calls"
}

# enforced early|late: each() of the helper with --enforce; $output has the distinct statuses, and $calls how many calls
# there were.
enforced() {
	[ -z "$(ls /sys/class/iommu 2>/dev/null)" ] || skip "this machine has an IOMMU"
	touch "$d/etc/initrd-release"
	run own_machine "d=$d; $(declare -f each)"'
		enforced() { rm -rf /run/iommu; process "$1" --enforce --phase "$2"; }
		each enforced "$@"' "$STARVED" "$1"
	[ "$status" = 0 ]
	calls=${lines[-1]% calls}
	[ "$calls" -gt 10 ]
	output=$(grep -v calls <<< "$output" | sort -un | xargs)
}

# systemd STATE: a systemctl that says so.
systemd() {
	mkdir -p "$d/run/systemd/system"
	printf '#!/bin/sh\necho %s\n' "$1" > "$d/sbin/systemctl"
	chmod 755 "$d/sbin/systemctl"
}

@test "an early check that must stop stops, whichever call fails" {
	wanted mode=pt on-mismatch=halt
	enforced early
	[[ " $output " != *" 0 "* ]]
	[[ " $output " != *" 139 "* && " $output " != *" 134 "* ]]
	wanted mode=pt on-mismatch=poweroff delay=0
	enforced early
	[[ " $output " != *" 0 "* ]]
}

# bats test_tags=boot
@test "a setting in modprobe.d that must stop the boot is not passed over where memory runs out" {
	mkdir -p "$d/etc/modprobe.d"
	echo "options vfio enable_unsafe_noiommu_mode=1" > "$d/etc/modprobe.d/x.conf"
	wanted mode=off-for-uio on-mismatch=halt
	enforced early
	[[ " $output " != *" 0 "* ]]
}

# bats test_tags=boot
@test "an early check that only warns lets the boot go on, whichever call fails" {
	wanted mode=pt
	enforced early
	[ "$output" = 0 ]
	wanted mode=off-for-uio
	enforced early
	[ "$output" = 0 ]
}

# bats test_tags=boot
@test "a machine that is as it should be goes on, or stops for want of evidence; nothing crashes" {
	wanted mode=off-for-uio on-mismatch=halt
	enforced early
	[[ " $output " == *" 0 "* ]]
	local status
	for status in $output; do [ "$status" = 0 ] || [ "$status" = 130 ] || { echo "$status"; return 1; }; done
}

# bats test_tags=boot
@test "the late check: the same, also where systemd can't be asked for want of memory" {
	systemd starting
	wanted mode=strict on-mismatch=halt
	enforced late
	[[ " $output " != *" 0 "* ]]
	wanted mode=strict
	enforced late
	[ "$output" = 0 ]
}

@test "on a machine with outliers the helper never says match where there is none" {
	tree "$d/root" none "intel_iommu=on iommu=pt" identity identity DMA DMA-FQ
	unit "$d/root" dmar0
	device "$d/root" 2 0000:00:02.0 1234:5678 0200 dmar0
	device "$d/root" 3 0000:00:03.0 1234:5678 0200 dmar0 removable
	target "$d/root" mode=pt
	run each "$STARVED" --root "$d/root"
	[ "${lines[-1]% calls}" -gt 10 ]
	[[ "$(grep -v calls <<< "$output" | sort -u | xargs)" =~ ^(2\ )?4$ ]]
}

@test "an image that must stop is whole or its build fails" {
	mkdir -p "$d/root"/{usr/sbin,etc/modprobe.d,lib/modules/6.1.0-test} "$d/image"
	cp "$VERIFY" "$d/root/usr/sbin/iommu-verify"
	echo "options vfio enable_unsafe_noiommu_mode=1" > "$d/root/etc/modprobe.d/x.conf"
	target "$d/root" mode=off-for-uio on-mismatch=halt
	build() {
		rm -rf "$d/image/"*
		LD_PRELOAD=$FAILING "$INSTALLER" internal-image "$d/root" "$d/image" 6.1.0-test || return
		[ "$(< "$d/out")" = stop ] && cmp -s "$d/image/usr/sbin/iommu-verify" "$VERIFY" &&
			cmp -s "$d/image/etc/iommu.target" "$d/root/etc/iommu.target" &&
			grep -q noiommu_mode=1 "$d/image/usr/lib/iommu-verify/modprobe.d/x.conf" &&
			grep -q enforce=halt "$d/image/usr/lib/iommu-verify/image.conf" || return 99
	}
	run each build
	[ "$(grep -v calls <<< "$output" | sort -u | xargs)" = "0 1" ]
}

@test "words are printed whole or not at all: the GRUB drop-in takes over what is printed" {
	words() { LD_PRELOAD=$FAILING "$INSTALLER" internal-words 'quiet iommu=soft' 'intel_iommu=on'; }
	run each words
	[ "$(grep -v calls <<< "$output" | sort -u | xargs)" = "0 1" ]
	check_words() {
		words || { [ ! -s "$d/out" ] && return 1; return 99; }
		[ "$(< "$d/out")" = "quiet intel_iommu=on" ] || return 98
	}
	run each check_words
	[ "$(grep -v calls <<< "$output" | sort -u | xargs)" = "0 1" ]
}
