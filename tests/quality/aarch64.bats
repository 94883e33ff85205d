#!/usr/bin/env bats
# Machines that are no x86: both programs built for aarch64 by Debian's cross compiler, run by qemu-user.
bats_require_minimum_version 1.5.0
# bats file_tags=boot

# Debian 12's emulator knows no openat2(2), 13's does.
emulator() {
	unpack trixie amd64 qemu-user "$1.d" && mv "$1.d/usr/bin/qemu-aarch64" "$1" && rm -rf "$1.d"
}

setup_file() {
	load ../lib/tree
	local libraries qemu program
	local packages=libkmod-dev,libpci-dev,libc6-dev
	libraries=$(cached \
		"$IOMMU_TEST_CACHE/arm64-libraries-$(recipe_key "$OWN_SUITE" "$packages" "$(declare -f unpack)")" \
		unpack "$OWN_SUITE" arm64 "$packages")
	qemu=$(cached "$IOMMU_TEST_CACHE/qemu-aarch64" emulator)
	local cc="aarch64-linux-gnu-gcc --sysroot=$libraries"
	make -s -C "$TREE_REPO" B="$BATS_FILE_TMPDIR/b" KMOD_SRC="$(realpath "$TREE_REPO/build/kmod")" \
		CC="$cc" HELPER_CC="$cc" AR=aarch64-linux-gnu-ar LD=aarch64-linux-gnu-ld NM=aarch64-linux-gnu-nm \
		OBJCOPY=aarch64-linux-gnu-objcopy EMULATOR="$qemu -L $libraries" all
	for program in iommu-verify iommu-install; do
		printf '#!/bin/sh\nexec %s -L %s %s "$@"\n' "$qemu" "$libraries" \
			"$BATS_FILE_TMPDIR/b/$program" > "$BATS_FILE_TMPDIR/$program"
		chmod +x "$BATS_FILE_TMPDIR/$program"
	done
}

setup() {
	load ../lib/trees
	BUILT=$BATS_FILE_TMPDIR/b
	VERIFY=$BATS_FILE_TMPDIR/iommu-verify INSTALLER=$BATS_FILE_TMPDIR/iommu-install
	root=$BATS_TEST_TMPDIR/root
}

# An Arm machine as far as the programs read it: SMMUs have no tables that are known here.
arm_tree() {
	tree "$root" none "$1" "${@:2}"
	printf 'processor\t: 0\nCPU implementer\t: 0x41\n' > "$root/proc/cpuinfo"
	mkdir -p "$root/sys/class/iommu/smmu3.0x0000000009050000"
}

@test "the programs are aarch64 ones" {
	[[ $(file "$BUILT/iommu-verify") == *"ARM aarch64"*"statically linked"* ]]
	[[ $(file "$BUILT/iommu-install") == *"ARM aarch64"*"dynamically linked"* ]]
	cmp "$BUILT/completion/bash" "$BATS_TEST_DIRNAME/../../build/completion/bash"
}

@test "each command that sets a mode is refused: ARCH_UNSUPPORTED, exit status 5, forced or not, nothing is written" {
	local mode options before
	before=$(ls -la /etc/iommu.target /var/lib/iommu /run/iommu 2>&1 || true)
	for mode in off-for-uio off-for-vfio strict pt; do
		for options in "" --dry-run --force "--backend=grub --on-mismatch=halt"; do
			# shellcheck disable=SC2086 # words
			run --separate-stderr "$INSTALLER" $mode $options
			[ "$status" = 5 ]
			[ -z "$output" ]
			[[ $stderr == "iommu-install: ARCH_UNSUPPORTED: this machine is aarch64"* ]]
			[ "${#stderr_lines[@]}" = 1 ]
		done
	done
	[ "$(ls -la /etc/iommu.target /var/lib/iommu /run/iommu 2>&1 || true)" = "$before" ]
}

@test "an image of an x86 machine can be configured from there: --emit prints the words" {
	run -0 "$INSTALLER" pt --emit=kargs.d
	[[ $output == *'"iommu=pt"'* ]]
}

@test "show, explain and iommu-verify work, on the machine and on a tree, and the verdict is what the groups are" {
	run -0 "$INSTALLER"
	[[ $output == *"effective:"*"verdict:"* ]]
	run -0 "$INSTALLER" explain "iommu.passthrough=1"
	[[ $output == *"mode: pt"* ]]
	arm_tree "iommu.passthrough=0" DMA-FQ DMA-FQ
	target "$root" strict
	verify "$root"
	[ "$status" = 0 ]
	[ "$(json '[.verdict, .effective.mode, .effective.units[0]] | @csv')" = \
		'"match","strict","smmu3.0x0000000009050000"' ]
	target "$root" pt
	verify "$root"
	[ "$status" = 2 ]
	run -0 "$INSTALLER" show --root "$root" --json
	[ "$(json '[.verdict, .effective.mode] | @csv')" = '"mismatch","strict"' ]
}

@test "the hook: without a target an image gets nothing, with one all that the check needs" {
	arm_tree "" DMA
	mkdir -p "$root/usr/sbin" "$BATS_TEST_TMPDIR/image"
	cp "$BUILT/iommu-verify" "$root/usr/sbin"
	run -0 "$INSTALLER" internal-image "$root" "$BATS_TEST_TMPDIR/image" 6.1.0-test
	[ -z "$output$(ls -A "$BATS_TEST_TMPDIR/image")" ]
	target "$root" mode=strict
	run --separate-stderr "$INSTALLER" internal-image "$root" "$BATS_TEST_TMPDIR/image" 6.1.0-test
	[ "$status" = 0 ]
	[ "$output" = warn ]
	cmp "$BUILT/iommu-verify" "$BATS_TEST_TMPDIR/image/usr/sbin/iommu-verify"
	[ "$(cat "$BATS_TEST_TMPDIR/image/etc/iommu.target")" = mode=strict ]
}

@test "on an x86 machine a tree for another one is refused, by the header of its own programs" {
	local x86=$BATS_TEST_DIRNAME/../../build/iommu-install
	mkdir -p "$root"/{bin,boot,etc,var/lib}
	cp "$BUILT/iommu-verify" "$root/bin/sh"
	run -5 "$x86" --root "$root" pt
	[[ $output == "iommu-install: ARCH_UNSUPPORTED: this tree is aarch64"* ]]
	# Big-endian: s390x.
	printf '\x7fELF\x02\x02\x01\0\0\0\0\0\0\0\0\0\0\x03\0\x16\0\0\0\x01' > "$root/bin/sh"
	run -5 "$x86" --root "$root" pt
	[[ $output == "iommu-install: ARCH_UNSUPPORTED: this tree is s390x"* ]]
	# Its own machine, and one that does not tell: other things are missing there.
	cp "$BATS_TEST_DIRNAME/../../build/iommu-verify" "$root/bin/sh"
	run "$x86" --root "$root" pt
	[[ $output != *ARCH_UNSUPPORTED* ]]
	[ "$status" != 0 ]
	echo "#!/bin/true" > "$root/bin/sh"
	run "$x86" --root "$root" pt
	[[ $output != *ARCH_UNSUPPORTED* ]]
	[ "$status" != 0 ]
	[ -z "$(find "$root/etc" "$root/boot" -type f)" ]
}

@test "a 32-bit x86 system is one" {
	run setarch i686 "$BATS_TEST_DIRNAME/../../build/iommu-install" pt --dry-run --backend=grub
	[[ $output != *ARCH_UNSUPPORTED* ]]
}
