#!/usr/bin/env bats
# What slow analysers say of the sources and the helper: nothing but what stands here, each with its reason. `make
# check-full` only.
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
}

@test "clang-tidy finds nothing; .clang-tidy says what it does not look for, and why" {
	local file bad=0 looked=0
	for file in src/*.c src/*/*.c; do
		looked=$((looked + 1))
		clang-tidy --quiet "$file" -- -Isrc -std=c11 -D_GNU_SOURCE -DVERSION='""' 2> /dev/null || bad=1
	done
	[ "$bad" = 0 ] && [ "$looked" -ge 85 ]
}

# What gcc 12 finds and is wrong about: it loses sight of what is put into an array that has just grown, or handed to a
# structure of the caller's.
accepted="initramfs/cpio.c take_data -Wanalyzer-malloc-leak
nextboot/prediction.c add -Wanalyzer-malloc-leak
system/edits.c edits_take -Wanalyzer-malloc-leak"

@test "gcc -fanalyzer finds nothing else than is known to be wrong" {
	local file found looked=0
	for file in src/*.c src/*/*.c; do
		looked=$((looked + 1))
		gcc -Isrc -std=c11 -D_GNU_SOURCE -DVERSION='""' -O1 -fanalyzer -fno-diagnostics-show-caret \
			-c -o /dev/null "$file" 2>&1
	done > "$BATS_TEST_TMPDIR/said"
	found=$(sed -nE "s#^src/([a-z/-]+\\.c): In function .([a-z_]+).:#\\1 \\2#p
		s#.*warning: .*\\[(-W[a-z-]+)\\]\$#\\1#p" "$BATS_TEST_TMPDIR/said" |
		awk '/^-W/ { print place, $0; next } { place = $0 }' | sort -u)
	diff <(echo "$found") <(sort <<< "$accepted")
	[ "$looked" -ge 85 ]
}

@test "valgrind finds nothing in the helper, whatever it judges" {
	load ../lib/trees
	local root=$BATS_TEST_TMPDIR/root helper=$BATS_TEST_TMPDIR/b/iommu-verify machine
	# Dynamic, so that valgrind can stand in for malloc().
	make -s B="$BATS_TEST_TMPDIR/b" KMOD_SRC="$(realpath build/kmod)" HELPER_CC=cc HELPER_CFLAGS="-O1 -g -fPIE" \
		HELPER_LDFLAGS=-pie "$helper"
	for machine in intel amd none; do
		rm -rf "$root"
		tree "$root" $machine "intel_iommu=on iommu=pt vfio.enable_unsafe_noiommu_mode=1" \
			$([ $machine = none ] || echo identity DMA DMA-FQ)
		[ $machine = none ] || device "$root" 1 0000:00:02.0 8086:3a3e 0300 '' removable
		mkdir -p "$root"/{boot,etc/modprobe.d}
		echo "options vfio_iommu_type1 allow_unsafe_interrupts=1" > "$root/etc/modprobe.d/x.conf"
		target "$root" mode=strict on-mismatch=halt
		run valgrind --quiet --leak-check=full --show-leak-kinds=all --track-fds=no --error-exitcode=99 \
			"$helper" --root "$root" --json
		[ "$status" != 99 ] || { echo "$output"; return 1; }
		[[ $output != *"=="[0-9]*"=="* ]] || { echo "$output"; return 1; }
	done
}

@test "no sanitizer reports anything while real systems are changed" {
	local top=$PWD b=$BATS_TEST_TMPDIR/b makeflags
	local flags='-O1\ -g\ -fsanitize=address,undefined\ -fno-sanitize-recover=all'
	# The systems have no sanitizers' libraries. Whoever calls make below this, for an installation, gets these
	# programs too.
	makeflags="B=$b KMOD_SRC=$(realpath build/kmod) KMOD_CFLAGS=-O1 HELPER_CC=cc HELPER_CFLAGS=-O1 CFLAGS=$flags"
	# Who looks for leaks traces itself, which strace does there too: sanitize.bats looks for them.
	mkdir "$b"
	echo 'const char *__asan_default_options(void) { return "detect_leaks=0"; }' | cc -x c -c -o "$b/options.o" -
	makeflags+=" LDFLAGS=$flags\ -static-libasan\ -static-libubsan\ $b/options.o"
	env MAKEFLAGS="$makeflags" make -s -C "$top" all
	cd "$BATS_TEST_DIRNAME/.."
	run env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="$HOME" \
		${IOMMU_TEST_CACHE:+IOMMU_TEST_CACHE="$IOMMU_TEST_CACHE"} MAKEFLAGS="$makeflags" \
		VERIFY="$b/iommu-verify" INSTALLER="$b/iommu-install" TMPDIR="$BATS_TEST_TMPDIR" \
		bats --jobs 2 --no-parallelize-across-files change/{hostile-install,install,transaction}.bats \
		bootloader/{backends,efi,proxmox,suse}.bats initramfs/arch.bats
	grep -v '^ok' <<< "$output" | head -n 60
	[ "$status" = 0 ]
}
