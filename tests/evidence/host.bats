#!/usr/bin/env bats
# iommu-verify on the machine that runs the tests: safe anywhere, for anyone.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	echo pt > "$BATS_TEST_TMPDIR/target"
}

@test "on this machine it prints its verdict with the matching exit status" {
	run --separate-stderr "$VERIFY" --json --target "$BATS_TEST_TMPDIR/target"
	case $(json .verdict) in
	match) [ "$status" = 0 ] ;;
	mismatch) [ "$status" = 2 ] ;;
	unknown) [ "$status" = 4 ] ;;
	*) return 1 ;;
	esac
	[ "$(json .kernel)" = "$(uname -r)" ]
}

@test "an ordinary user gets the same verdict as root" {
	# Where that user may go: not below bats's own directory.
	local dir
	dir=$(mktemp -d -p /tmp) # where anybody may go
	chmod 755 "$dir"
	cp "$VERIFY" "$BATS_TEST_TMPDIR/target" "$dir"
	run --separate-stderr "$dir/iommu-verify" --json --target "$dir/target"
	local as_root=$status:$output
	run --separate-stderr setpriv --reuid=65534 --regid=65534 --clear-groups "$dir/iommu-verify" --json \
		--target "$dir/target"
	rm -r "$dir"
	[ "$status:$output" = "$as_root" ]
}

@test "with /sys unmounted it can't tell: EVIDENCE_MISSING, exit status 4" {
	run --separate-stderr unshare -m sh -c "umount -l /sys &&
		exec '$VERIFY' --json --target '$BATS_TEST_TMPDIR/target'"
	expect 4 unknown unknown EVIDENCE_MISSING
}

@test "with /proc unmounted it can't tell: EVIDENCE_MISSING, exit status 4" {
	run --separate-stderr unshare -m sh -c "umount -l /proc &&
		exec '$VERIFY' --json --target '$BATS_TEST_TMPDIR/target'"
	expect 4 unknown unknown EVIDENCE_MISSING
}

@test "in a container with its own root, /proc and PID namespace it gives a verdict and no error" {
	local root=$BATS_TEST_TMPDIR/container
	mkdir -p "$root"/{proc,sys,etc,run,bin}
	cp "$VERIFY" "$root/bin/iommu-verify"
	echo pt > "$root/etc/iommu.target"
	[ -z "${COVERAGE-}" ] || skip "it has to be static"
	run --separate-stderr unshare -mpf --mount-proc sh -c "mount --rbind /sys '$root/sys' &&
		mount -t proc proc '$root/proc' && exec chroot '$root' /bin/iommu-verify --json"
	[ -z "$stderr" ]
	case $status:$(json .verdict) in 0:match | 2:mismatch) ;; *) echo "$status $output"; return 1 ;; esac
}

@test "the early check with --enforce, typed on a running system, is refused, says so, and does nothing" {
	for args in "--enforce --phase early" "--enforce --phase early --target $BATS_TEST_TMPDIR/target" \
		"--enforce --phase early --root /"; do
		# shellcheck disable=SC2086 # words on purpose
		run --separate-stderr "$VERIFY" $args
		[ "$status" = 1 ] && [ -z "$output" ] && [[ $stderr == *"refused"* ]] ||
			{ echo "$args: $status $stderr"; return 1; }
		[ ! -e /run/iommu ]
	done
}

@test "--enforce with --root is refused whatever the tree looks like" {
	tree "$BATS_TEST_TMPDIR/root" intel "" DMA
	: > "$BATS_TEST_TMPDIR/root/etc/initrd-release"
	run --separate-stderr "$VERIFY" --enforce --phase early --root "$BATS_TEST_TMPDIR/root"
	[ "$status" = 1 ]
	[[ $stderr == *"refused with --root"* ]]
	[ ! -e "$BATS_TEST_TMPDIR/root/run" ]
}

@test "with --root no file outside the tree is opened" {
	local root=$BATS_TEST_TMPDIR/root trace=$BATS_TEST_TMPDIR/trace
	tree "$root" none "vfio.enable_unsafe_noiommu_mode=1"
	mkdir -p "$root/etc/modprobe.d"
	ln -s /etc/passwd "$root/etc/modprobe.d/x.conf"
	run strace -f -e trace=%file -o "$trace" "$VERIFY" --root "$root" --quiet
	[ "$status" = 6 ]
	# Every call but the first ones names a path below the tree's directory, resolved in the kernel.
	grep -q 'openat2([0-9]*, "/proc/cmdline".*RESOLVE_IN_ROOT' "$trace"
	run grep -v -e execve -e openat2 -e "\"$root\"" -e '([0-9]*, "[^/]' -e '+++' ${COVERAGE:+-e "$COVERAGE"} \
		"$trace"
	[ -z "$output" ]
}

@test "with --root a file that the kernel can't look up while somebody renames or mounts is asked for again" {
	local root=$BATS_TEST_TMPDIR/root n
	tree "$root" intel "intel_iommu=on iommu=pt" identity identity
	target "$root" pt
	for n in 1 2 7 20 40; do
		run strace -o /dev/null -e trace=openat2 -e inject=openat2:error=EAGAIN:when=$n..$((n + 5)) "$VERIFY" \
			--root "$root" --quiet
		[ "$status" = 0 ]
	done
	# For ever it is not.
	run timeout 20 strace -o /dev/null -e trace=openat2 -e inject=openat2:error=EAGAIN "$VERIFY" --root "$root" \
		--quiet
	[ "$status" = 1 ]
}

@test "what libkmod thinks of a configuration is not printed, whatever the environment asks it to print" {
	local root=$BATS_TEST_TMPDIR/root
	tree "$root" none ""
	mkdir -p "$root"/{etc/modprobe.d,lib/modules/6.1.0-test}
	echo "options" > "$root/etc/modprobe.d/x.conf"
	for program in "$VERIFY --root $root" "$INSTALLER show --root $root"; do
		for level in err debug; do
			run --separate-stderr env KMOD_LOG=$level $program
			[ -z "$stderr" ] || { echo "$program: $stderr"; return 1; }
		done
	done
}

@test "vfio tokens on the host's own command line do not leak into what --root says" {
	local root=$BATS_TEST_TMPDIR/root line=$BATS_TEST_TMPDIR/line
	tree "$root" none "intel_iommu=off amd_iommu=off"
	mkdir -p "$root"/{boot,etc/modprobe.d,lib/modules/6.1.0-test}
	echo CONFIG_VFIO_NOIOMMU=y > "$root/boot/config-6.1.0-test"
	target "$root" off-for-uio
	echo "vfio.enable_unsafe_noiommu_mode=1 vfio_iommu_type1.allow_unsafe_interrupts=1" > "$line"
	# An absolute link in a tree leads to the tree's own file, never to the host's.
	mkdir -p "$BATS_TEST_TMPDIR/outside"
	echo "options vfio enable_unsafe_noiommu_mode=1" > "$BATS_TEST_TMPDIR/outside/x.conf"
	ln -s "$BATS_TEST_TMPDIR/outside/x.conf" "$root/etc/modprobe.d/x.conf"
	for program in "$VERIFY --root $root --json" "$INSTALLER show --root $root --json"; do
		run --separate-stderr unshare -m sh -c "mount --bind '$line' /proc/cmdline && exec $program"
		[ "$status" = 0 ]
		[ "$(json '.verdict')" = match ]
		[ "$(json '.modules["vfio.enable_unsafe_noiommu_mode"] | .value + .source')" = Ndefault ]
	done
	# The test can fail: of the running system they would be seen.
	run --separate-stderr unshare -m sh -c "mount --bind '$line' /proc/cmdline && exec $INSTALLER show --json"
	[[ $(json .cmdline.text) == vfio.enable* ]]
	# And a tree's own tokens are seen.
	cp "$line" "$root/proc/cmdline"
	run --separate-stderr "$INSTALLER" show --root "$root" --json
	[ "$(json '.modules["vfio.enable_unsafe_noiommu_mode"] | .value + .source')" = Yconfigured ]
}
