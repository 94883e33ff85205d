#!/usr/bin/env bats
# What a stop leaves for the next boot, and what that boot's first late check makes of it: in namespaces, where the
# directory of what the machine has kept is the test's own.
bats_require_minimum_version 1.5.0

SIGN="iommu-verify: this boot is stopped: "

setup() {
	load ../lib/trees
	load ../lib/enforce
	d=$BATS_TEST_TMPDIR
	mkdir -p "$d"/{etc,lib,sbin,run,pstore}
	tree "$d/machine" none "intel_iommu=off"
	mkdir -p "$d/machine/sys/module/printk/parameters"
	: > "$d/machine/sys/module/printk/parameters/always_kmsg_dump"
	wanted mode=off-for-uio
}

# late: the late check of a boot that goes on; $d/pstore is what has been kept, and what of that is left.
late() {
	# shellcheck disable=SC2016 # for the inner shell
	own_machine 'mount -t tmpfs tmpfs /sys/fs && mkdir /sys/fs/pstore && mount --bind "$1/pstore" /sys/fs/pstore
		process "$2" --enforce --phase late' "$d" "$VERIFY"
}

# stopped POLICY: an early check that stops so; what it logs is in $d/kmsg.
stopped() {
	touch "$d/etc/initrd-release"
	wanted mode=pt on-mismatch="$1" $([ "$1" = halt ] || echo delay=30)
	# shellcheck disable=SC2016 # for the inner shell
	run own_machine 'timeout -s KILL 3 unshare --pid --fork --kill-child "$@" < /dev/null' \
		"$VERIFY" --enforce --phase early
	[ "$status" -gt 128 ]
	rm "$d/etc/initrd-release"
}

@test "a stop logs one line for the next boot, and has the kernel keep its log, but not where a loop would fill that" {
	local policy kept
	for policy in halt poweroff reboot; do
		kept=Y
		[ $policy != reboot ] || kept=N
		stopped $policy
		grep -F "${SIGN}mismatch: target pt, effective off-for-uio: " "$d/kmsg" | grep "on-mismatch=$policy"
		[[ $(< "$d/kept") == $kept* ]] || { echo "$policy: $(< "$d/kept")"; return 1; }
	done
}

@test "the first late check tells what was kept, once, and takes that out alone" {
	printf 'Shutdown#1 Part1\n<3>[    1.0] %sone; on-mismatch=halt\n<0>[    2.0] reboot: System halted\n' "$SIGN" \
		> "$d/pstore/dmesg-erst-1"
	printf 'Panic#1 Part1\n<3>[    1.0] somebody else\n' > "$d/pstore/dmesg-erst-2"
	late
	[ "$(< "$d/run/iommu/last-stop")" = "one; on-mismatch=halt" ]
	grep -F "the last boot was stopped: one; on-mismatch=halt" "$d/kmsg"
	[ "$(ls "$d/pstore")" = dmesg-erst-2 ]
	late
	[ "$(< "$d/run/iommu/last-stop")" = "one; on-mismatch=halt" ]
	run ! grep "the last boot" "$d/kmsg"
	# The next boot finds nothing.
	rm -r "$d/run/iommu"
	late
	[ ! -e "$d/run/iommu/last-stop" ]
}

@test "of several the newest is told; what a terminal could take for something else is not" {
	printf '%sold\n' "$SIGN" > "$d/pstore/a"
	printf '\0%sthe\033[2J newest\0\1 \377\n%s' "$SIGN" "and more" > "$d/pstore/b"
	printf '%solder\n' "$SIGN" > "$d/pstore/c"
	touch -d @1000 "$d/pstore/a"
	touch -d @500 "$d/pstore/c"
	late
	[ "$(< "$d/run/iommu/last-stop")" = "the?[2J newest ? ?" ]
	[ -z "$(ls "$d/pstore")" ]
}

@test "records that are empty, cut, too long, no files or no machine's own keep no check from its work" {
	: > "$d/pstore/empty"
	printf '%s' "${SIGN:0:20}" > "$d/pstore/cut"
	head -c 300000 /dev/zero > "$d/pstore/long"
	mkdir "$d/pstore/directory"
	ln -s /etc/passwd "$d/pstore/link"
	mkfifo "$d/pstore/fifo"
	late
	[ ! -e "$d/run/iommu/last-stop" ]
	[ "$(jq -r .phase "$d/run/iommu/status.json")" = late ]
	printf '%s%s' "$SIGN" "$(printf 'x%.0s' {1..5000})" > "$d/pstore/wide"
	rm -r "$d/run/iommu"
	late
	[ "$(wc -c < "$d/run/iommu/last-stop")" = 255 ]
}
