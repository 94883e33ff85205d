#!/usr/bin/env bats
# The built programs: static, small, hardened, and from either generation of kmod.
bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_DIRNAME/..
	helper=$top/build/iommu-verify
}

static() {
	[[ $(file "$1") == *"statically linked"* ]]
	run ldd "$1"
	[[ $output == *"not a dynamic executable"* || $output == *"statically linked"* ]]
	[[ $(readelf -lW "$1") != *INTERP* ]]
	[[ $(readelf -dW "$1") != *NEEDED* ]]
}

@test "file, ldd and readelf call the helper static" {
	static "$helper"
}

@test "the helper is stripped and at most 128 KiB with musl" {
	[[ $(file "$helper") == *", stripped"* ]]
	[ "$(stat -c %s "$helper")" -le 131072 ]
}

@test "the helper's stack is not executable and no segment is both writable and executable" {
	[[ $(readelf -lW "$helper" | grep GNU_STACK) == *" RW "* ]]
	[[ $(readelf -lW "$helper") != *" RWE "* ]]
}

@test "the helper's relocations are read-only, and its functions look after their stacks" {
	[[ $(readelf -lW "$helper") == *GNU_RELRO* ]]
	[ "$(objdump -d "$helper" | grep -c '%fs:0x28')" -gt 20 ]
}

@test "the installer is position independent, bound at once, with read-only relocations, guarded stacks and checked copies" {
	local installer=$top/build/iommu-install symbols
	[[ $(readelf -hW "$installer") == *"DYN (Position-Independent Executable"* ]]
	[[ $(readelf -lW "$installer" | grep GNU_STACK) == *" RW "* ]]
	[[ $(readelf -lW "$installer") == *GNU_RELRO* && $(readelf -lW "$installer") != *" RWE "* ]]
	[[ $(readelf -dW "$installer") == *NOW* ]]
	symbols=$(readelf --dyn-syms -W "$installer")
	[[ $symbols == *__stack_chk_fail* && $symbols == *__snprintf_chk* ]]
}

@test "libkmod 34 goes into the helper as libkmod 30 does, and gives the same verdicts" {
	local kmod34=${IOMMU_TEST_CACHE:-$top/build/cache}/kmod-trixie
	[ -d "$kmod34" ] || "$top/dist/fetch-kmod" "$kmod34" trixie
	grep -q "version : '3[4-9]" "$kmod34/meson.build"
	make -s -C "$top" B="$BATS_TEST_TMPDIR/b" KMOD_SRC="$kmod34" "$BATS_TEST_TMPDIR/b/iommu-verify"
	static "$BATS_TEST_TMPDIR/b/iommu-verify"
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/b/iommu-verify")" -le 135168 ] # a page more than with kmod 30

	load lib/trees
	tree "$BATS_TEST_TMPDIR/root" none "vfio.enable_unsafe_noiommu_mode=1"
	mkdir -p "$BATS_TEST_TMPDIR/root"/{boot,etc/modprobe.d}
	echo CONFIG_VFIO_NOIOMMU=y > "$BATS_TEST_TMPDIR/root/boot/config-6.1.0-test"
	echo "options vfio_iommu_type1 allow_unsafe_interrupts=1" > "$BATS_TEST_TMPDIR/root/etc/modprobe.d/x.conf"
	target "$BATS_TEST_TMPDIR/root" off-for-vfio
	verify "$BATS_TEST_TMPDIR/root"
	expect 0 match off-for-vfio
	local with30=$output
	VERIFY=$BATS_TEST_TMPDIR/b/iommu-verify verify "$BATS_TEST_TMPDIR/root"
	[ "$output" = "$with30" ]
}

@test "without musl the helper is built with glibc, static as well" {
	make -s -C "$top" B="$BATS_TEST_TMPDIR/b" KMOD_SRC="$(realpath "$top/build/kmod")" HELPER_CC=cc "$BATS_TEST_TMPDIR/b/iommu-verify"
	static "$BATS_TEST_TMPDIR/b/iommu-verify"
	"$BATS_TEST_TMPDIR/b/iommu-verify" --version
}

@test "KMOD_SRC without a kmod in it is told in one line" {
	mkdir "$BATS_TEST_TMPDIR/empty" "$BATS_TEST_TMPDIR/b"
	run ! "$top/src/libkmod.sh" "$BATS_TEST_TMPDIR/empty" "$BATS_TEST_TMPDIR/b/libkmod.a"
	[[ $output == *"holds no kmod source"* ]]
	[ "${#lines[@]}" = 1 ]
}

@test "make install puts every piece where the contract says" {
	make -s -C "$top" install DESTDIR="$BATS_TEST_TMPDIR/d" DRACUTMODULESDIR=/usr/lib/dracut/modules.d
	for f in usr/sbin/iommu-verify usr/sbin/iommu-install usr/lib/dracut/modules.d/50iommu-verify/module-setup.sh \
		usr/share/initramfs-tools/hooks/iommu-verify usr/share/initramfs-tools/scripts/init-top/iommu-verify; do
		[ -x "$BATS_TEST_TMPDIR/d/$f" ] || { echo "missing: $f"; return 1; }
	done
	for f in systemd/system/iommu-verify-late.service systemd/system/sysinit.target.wants/iommu-verify-late.service \
		systemd/system/iommu-target-met.target udev/rules.d/90-iommu-verify.rules systemd/catalog/iommu-verify.catalog; do
		[ -e "$BATS_TEST_TMPDIR/d/usr/lib/$f" ] || { echo "missing: $f"; return 1; }
	done
	for f in man/man5/iommu.target.5 man/man7/iommu-modes.7 man/man8/iommu-install.8 man/man8/iommu-verify.8 \
		bash-completion/completions/iommu-install zsh/vendor-completions/_iommu-install fish/vendor_completions.d/iommu-install.fish; do
		[ -s "$BATS_TEST_TMPDIR/d/usr/share/$f" ] || { echo "missing: $f"; return 1; }
	done
	ldd "$BATS_TEST_TMPDIR/d/usr/sbin/iommu-install" | grep -q libkmod.so
}
