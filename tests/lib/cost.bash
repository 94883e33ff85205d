# What a check costs: a root in which the helper takes this machine for one with so many IOMMU groups, and what it does
# there.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154 # dir is the caller's

VERIFY=${VERIFY:-$BATS_TEST_DIRNAME/../../build/iommu-verify}
CHECK="/iommu-verify --phase early --quiet" # as in an initramfs, but that nothing is done about it

# with_groups N COMMAND...: runs a command in a root of its own, where the helper finds the real /proc and /sys, but in
# memory an Intel machine with N groups that agree with the target, and what an image holds. /host is $dir. The real
# /sys would not do: no machine at hand has 4,000 groups. Files in memory are read faster than those of sysfs, so that
# the helper's own share is larger here.
with_groups() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount bash -euc '
		n=$1 helper=$2 host=$3
		shift 3
		mkdir -p "$host/root"
		mount -t tmpfs tmpfs "$host/root"
		cd "$host/root"
		mkdir -p proc sys dev etc tmp usr/lib/iommu-verify host usr/libexec/valgrind
		mknod -m 666 dev/null c 1 3
		mount -t proc proc proc
		mount -t sysfs sysfs sys
		mount --bind "$host" host
		[[ ! -d /usr/libexec/valgrind ]] || mount --bind /usr/libexec/valgrind usr/libexec/valgrind
		cp "$helper" iommu-verify
		[[ ! -e $host/dynamic ]] || ldd "$host/dynamic" | grep -o "/[^ ]*" |
			xargs cp -L --parents -t . /etc/ld.so.cache
		for dir in kernel class firmware; do mount -t tmpfs tmpfs "sys/$dir"; done
		mkdir -p sys/class/iommu/dmar0 sys/firmware/acpi/tables sys/kernel/iommu_groups
		: >sys/firmware/acpi/tables/DMAR
		cd sys/kernel/iommu_groups
		seq 0 $((n - 1)) | xargs mkdir
		printf "%s/type\n" * >../../../tmp/types
		echo identity | xargs -a ../../../tmp/types tee >/dev/null
		cd ../../..
		echo "root=/dev/vda1 ro quiet intel_iommu=on amd_iommu=on iommu=pt" >etc/cmdline
		mount --bind etc/cmdline proc/cmdline
		echo mode=pt >etc/iommu.target
		printf "kernel=%s\nenforce=halt\nnoiommu=no\ntype1=yes\niommufd=no\n" \
			"$(uname -r)" >usr/lib/iommu-verify/image.conf
		exec chroot . "$@"
	' with_groups "$1" "$(realpath "$VERIFY")" "$(realpath "$dir")" "${@:2}"
}

# calls N: every system call of a check of N groups, one a line.
calls() {
	# shellcheck disable=SC2086 # words
	strace -f -qq -o "$dir/trace" bash -c "$(declare -f with_groups); VERIFY=$(realpath "$VERIFY") dir=$dir
		with_groups $1 $CHECK" || return
	awk -v 'helper=execve("/iommu-verify"' \
		'index($0, helper) { pid = $1 } pid == $1 { sub(/^[0-9]+ +/, ""); print }' "$dir/trace"
}

# opened: what is opened and read in such calls, in the form of tests/tools/bare.c.
opened() {
	local call='^open(at)?\(([A-Z_0-9]+, )?"([^"]*)", ' got=' = [0-9]+$'
	sed -nE "/O_PATH/d; s/$call.*O_DIRECTORY.*$got/\"D\3\",/p; t; s/$call.*$got/\"F\3\",/p"
}

# instructions N: how many a check of N groups takes in user space, by callgrind.
instructions() {
	# shellcheck disable=SC2086 # words
	TMPDIR=/tmp VALGRIND_LAUNCHER=/usr/bin/valgrind \
		with_groups "$1" /usr/libexec/valgrind/callgrind-amd64-linux --tool=callgrind \
		--callgrind-out-file="/host/callgrind.$1" $CHECK 2>&1 | sed -n 's/,//g; s/.*I *refs: *//p'
}

# cost_programs: builds, into $dir, what measures and what is measured against.
cost_programs() {
	local here=$BATS_TEST_DIRNAME/../tools static
	static=$(command -v musl-gcc || echo cc)
	cc -O2 -static -o "$dir/measure" "$here/measure.c" &&
		"$static" -O2 -static -o "$dir/static" "$here/bare.c" && cc -O2 -o "$dir/dynamic" "$here/bare.c"
}

# bare N: builds $dir/bare-N, the loop over the files that a check of N groups opens; prints how many.
bare() {
	calls "$1" | opened >"$dir/list-$1" &&
		"$(command -v musl-gcc || echo cc)" -O2 -static -DLIST="\"$dir/list-$1\"" \
			-o "$dir/bare-$1" "$BATS_TEST_DIRNAME/../tools/bare.c" && wc -l <"$dir/list-$1"
}
