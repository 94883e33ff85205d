#!/usr/bin/env bats
# What a check and a run with nothing to change cost, counted, never timed: files opened, system calls, instructions,
# memory.
bats_require_minimum_version 1.5.0

setup_file() {
	dir=$BATS_FILE_TMPDIR
	load ../lib/cost
	cost_programs
	local n
	for n in 10 300 4000; do calls $n >"$dir/calls-$n"; done
}

setup() {
	load ../lib/cost
	dir=$BATS_FILE_TMPDIR
}

@test "a check with groups that agree opens one file of each, and nothing else because of them" {
	for n in 10 300 4000; do
		opened <"$dir/calls-$n" >"$dir/opened-$n"
		[ "$(grep -cxE '"F[0-9]+/type",' "$dir/opened-$n")" = $n ]
		grep -vxE '"F[0-9]+/type",' "$dir/opened-$n" >"$dir/others-$n"
		cmp "$dir/others-10" "$dir/others-$n"
	done
	grep -qx '"D/sys/kernel/iommu_groups",' "$dir/others-10"
}

@test "a group costs three system calls, and its part of a listing, whether there are 300 or 4,000" {
	local few some many
	few=$(wc -l <"$dir/calls-10") some=$(wc -l <"$dir/calls-300") many=$(wc -l <"$dir/calls-4000")
	((some - few >= 3 * 290 && some - few <= 3 * 290 + 290 / 50))
	((many - some >= 3 * 3700 && many - some <= 3 * 3700 + 3700 / 50))
	# What a check costs by itself.
	((few - 3 * 10 <= 80))
}

@test "the instructions for a group are as many with 4,000 groups as with 300, and no more than a thousand" {
	local few some many
	few=$(instructions 10) some=$(instructions 300) many=$(instructions 4000)
	echo "$few $some $many"
	((few > 0 && some > few))
	# Within a tenth: longer names have more digits.
	((10 * 290 * (many - some) <= 11 * 3700 * (some - few)))
	(((many - some) / 3700 < 1000))
}

@test "a check of 4,000 groups never has 1 MiB of memory" {
	local peak
	peak=$(with_groups 4000 /host/measure peak "$CHECK")
	echo "$peak KiB"
	((peak > 0 && peak < 1024))
}

@test "iommu-install pt with nothing to change starts no other program, and writes no file" {
	load ../lib/machine
	quick_machine
	in_machine 'iommu-install pt --force' >/dev/null
	# Mounted again the disk can have another number, and is read once more.
	# shellcheck disable=SC2154 # machine's
	run -0 strace -f -q -e trace=process,openat,rename,unlink,mkdir -o "$BATS_TEST_TMPDIR/trace" \
		bash -c "$(declare -f in_machine)
		machine=$machine DISK_START=$DISK_START
		in_machine 'iommu-install pt --force && exec iommu-install pt --force'"
	[ "${lines[-1]}" = "mode pt is set already; nothing to change" ]
	awk '/execve\(.*iommu-install"/ { main = $1; out = "" } $1 == main { out = out $0 "\n" }
		END { printf "%s", out }' "$BATS_TEST_TMPDIR/trace" >"$BATS_TEST_TMPDIR/last"
	[ "$(grep -c execve "$BATS_TEST_TMPDIR/last")" = 1 ]
	grep -q '"/var/lib/iommu/record", O_RDONLY' "$BATS_TEST_TMPDIR/last"
	# The lock is the one file that is opened for writing.
	run ! grep -E 'clone|fork|rename|unlink|O_WRONLY|O_TRUNC' "$BATS_TEST_TMPDIR/last"
	[ "$(grep -E 'O_RDWR|O_CREAT' "$BATS_TEST_TMPDIR/last" |
		grep -cv -e '/var/lib/iommu/lock"' -e lock-frontend)" = 0 ]
	machine_end
}
