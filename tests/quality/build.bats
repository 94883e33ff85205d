#!/usr/bin/env bats
# The built programs: static, small, hardened, and from either generation of kmod.
bats_require_minimum_version 1.5.0

setup() {
	top=$BATS_TEST_DIRNAME/../..
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

# For any release: what kmod 34 and later compilers make is up to 4 KiB more than on Debian 12, where it is 130 KiB.
small() {
	[ "$(stat -c %s "$1")" -le $((144 * 1024)) ] || { stat -c '%s bytes' "$1"; return 1; }
}

@test "the helper is stripped and at most 144 KiB with musl" {
	[[ $(file "$helper") == *", stripped"* ]]
	small "$helper"
}

@test "the helper's stack is not executable and no segment is both writable and executable" {
	[[ $(readelf -lW "$helper" | grep GNU_STACK) == *" RW "* ]]
	[[ $(readelf -lW "$helper") != *" RWE "* ]]
}

@test "the helper's relocations are read-only, and its functions look after their stacks" {
	[[ $(readelf -lW "$helper") == *GNU_RELRO* ]]
	[ "$(objdump -d "$helper" | grep -c '%fs:0x28')" -gt 20 ]
}

@test "the installer is position independent, bound at once, relocations read-only, stacks guarded, copies checked" {
	local installer=$top/build/iommu-install symbols
	[[ $(readelf -hW "$installer") == *"DYN (Position-Independent Executable"* ]]
	[[ $(readelf -lW "$installer" | grep GNU_STACK) == *" RW "* ]]
	[[ $(readelf -lW "$installer") == *GNU_RELRO* && $(readelf -lW "$installer") != *" RWE "* ]]
	[[ $(readelf -dW "$installer") == *NOW* ]]
	symbols=$(readelf --dyn-syms -W "$installer")
	[[ $symbols == *__stack_chk_fail* && $symbols == *__snprintf_chk* ]]
}

@test "each function by which a libkmod.so opens files by path, or asks what its log is to be, is the installer's own" {
	local own name libkmod
	own=" $(nm -D --defined-only "$top/build/iommu-install" | awk '{ print $3 }' | xargs) "
	for name in open fopen opendir stat fstatat open64 fopen64 stat64 fstatat64 secure_getenv; do
		[[ $own == *" $name "* ]] || { echo "not ours: $name"; return 1; }
	done
	# The system's may know other ways.
	libkmod=$(ldd "$top/build/iommu-install" | awk '/libkmod/ { print $3 }')
	for name in $(nm -D -u "$libkmod" | sed -nE \
		's/^ *U (_*(f?open|opendir|l?stat|l?xstat|fstatat|access|readlink|statx)(64)?(_2)?)(@.*)?$/\1/p'); do
		[[ $own == *" $name "* ]] || { echo "libkmod's: $name"; return 1; }
	done
}

# bats test_tags=boot
@test "libkmod 34 goes into the helper as libkmod 30 does, and gives the same verdicts" {
	local kmod34=${IOMMU_TEST_CACHE:-$top/build/cache}/kmod-trixie
	[ -d "$kmod34" ] || "$top/dist/fetch-kmod" "$kmod34" trixie
	grep -q "version : '3[4-9]" "$kmod34/meson.build"
	make -s -C "$top" B="$BATS_TEST_TMPDIR/b" KMOD_SRC="$kmod34" "$BATS_TEST_TMPDIR/b/iommu-verify"
	static "$BATS_TEST_TMPDIR/b/iommu-verify"
	small "$BATS_TEST_TMPDIR/b/iommu-verify"

	load ../lib/trees
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

# bats test_tags=boot
@test "without musl the helper is built with glibc, static as well" {
	make -s -C "$top" B="$BATS_TEST_TMPDIR/b" KMOD_SRC="$(realpath "$top/build/kmod")" HELPER_CC=cc \
		"$BATS_TEST_TMPDIR/b/iommu-verify"
	static "$BATS_TEST_TMPDIR/b/iommu-verify"
	"$BATS_TEST_TMPDIR/b/iommu-verify" --version
}

@test "KMOD_SRC without a kmod in it is told in one line" {
	mkdir "$BATS_TEST_TMPDIR/empty" "$BATS_TEST_TMPDIR/b"
	run ! "$top/src/helper/libkmod.sh" "$BATS_TEST_TMPDIR/empty" "$BATS_TEST_TMPDIR/b/libkmod.a"
	[[ $output == *"holds no kmod source"* ]]
	[ "${#lines[@]}" = 1 ]
}

@test "make install puts every piece where the contract says" {
	make -s -C "$top" install DESTDIR="$BATS_TEST_TMPDIR/d" DRACUTMODULESDIR=/usr/lib/dracut/modules.d
	for f in usr/sbin/iommu-verify usr/sbin/iommu-install usr/lib/dracut/modules.d/50iommu-verify/module-setup.sh \
		usr/share/initramfs-tools/hooks/iommu-verify usr/share/initramfs-tools/scripts/init-top/iommu-verify; do
		[ -x "$BATS_TEST_TMPDIR/d/$f" ] || { echo "missing: $f"; return 1; }
	done
	for f in systemd/system/iommu-verify-late.service \
		systemd/system/sysinit.target.wants/iommu-verify-late.service \
		systemd/system/iommu-verify-report.service \
		systemd/system/iommu-target-met.target udev/rules.d/90-iommu-verify.rules \
		systemd/catalog/iommu-verify.catalog; do
		[ -e "$BATS_TEST_TMPDIR/d/usr/lib/$f" ] || { echo "missing: $f"; return 1; }
	done
	for f in man/man5/iommu.target.5 man/man7/iommu-bootloaders.7 man/man7/iommu-modes.7 \
		man/man8/iommu-install.8 man/man8/iommu-verify.8 \
		bash-completion/completions/iommu-install zsh/vendor-completions/_iommu-install \
		fish/vendor_completions.d/iommu-install.fish bash-completion/completions/iommu-verify \
		zsh/vendor-completions/_iommu-verify fish/vendor_completions.d/iommu-verify.fish; do
		[ -s "$BATS_TEST_TMPDIR/d/usr/share/$f" ] || { echo "missing: $f"; return 1; }
	done
	ldd "$BATS_TEST_TMPDIR/d/usr/sbin/iommu-install" | grep -q libkmod.so
}

# upward [DIR]: calls and uses of data, in the objects below DIR, that go from a folder of src/ into one below it in the
# table of src/README.md: FOLDER FOLDER SYMBOL. The last line is how many symbols were looked at.
upward() {
	local object
	for object in "$1"/*/*.o; do
		gcc-nm "$object" | sed "s#^#$(basename "$(dirname "$object")") #"
	done | awk '
		FILENAME != "-" { if ($0 ~ /^\| [a-z]+ \| (both|iommu)/) rank[$2] = ++n; next }
		$2 == "U" { used[$1 " " $3] = 1 }
		NF == 4 && $3 ~ /[A-TV-Z]/ { at[$4] = $1 }
		END {
			for (use in used) {
				split(use, part, " ")
				if (!(part[2] in at))
					continue
				seen++
				if (rank[at[part[2]]] > rank[part[1]])
					print part[1], at[part[2]], part[2]
			}
			print seen + 0
		}' "$top/src/README.md" - | sort
}

@test "no folder of src/ calls into one that stands below it, but for what src/README.md says" {
	local program allowed
	# Under "Calls upwards": a row each, `FOLDER` `FOLDER` `SYMBOL`.
	allowed=$(sed -n 's/^| `\([a-z]*\)` | `\([a-z]*\)` | `\([a-z_]*\)` .*/\1 \2 \3/p' "$top/src/README.md")
	for program in install verify; do
		run -0 upward "$top/build/$program"
		[ "${lines[0]}" -ge 90 ]
		[ -z "$(printf '%s\n' "${lines[@]:1}" | grep -vxF -e "$allowed" -e '')" ]
	done
	# Seen: one that is planted.
	cp -r "$top/build/install" "$BATS_TEST_TMPDIR"
	echo 'int change_mode(const void *); int planted(void); int planted(void) { return change_mode(0); }' |
		cc -x c -c -o "$BATS_TEST_TMPDIR/install/model/planted.o" -
	run -0 upward "$BATS_TEST_TMPDIR/install"
	[[ $output == *"model command change_mode"* ]]
}
