#!/usr/bin/env bats
# Images of every shape (tools/image-shapes): what our reader finds in them is what the kernel makes of them, as
# boot/boot-unpack.bats has it from Linux 5.10 and 7.2.
bats_require_minimum_version 1.5.0

setup_file() {
	export SHAPES=$BATS_FILE_TMPDIR/shapes UNPACK=$BATS_FILE_TMPDIR/unpack
	local top=$BATS_TEST_DIRNAME/../.. names
	"$top/tests/tools/image-shapes" "$SHAPES" /bin/true
	cc -std=c11 -D_GNU_SOURCE -I"$top/src" -o "$UNPACK" "$top/tests/tools/unpack.c" "$top"/build/install/*/*.o \
		-lkmod -ldl
	names=$(sed -n 's/^NAMES = \[\(.*\)\]$/\1/p' "$top/tests/tools/image-shapes" | tr -d '",')
	# shellcheck disable=SC2086 # words
	cut -d ' ' -f 1 "$SHAPES/table" | "$UNPACK" "$SHAPES" $names > "$SHAPES/ours"
}

# agree REGEX AT_LEAST: the shapes whose names match, of which there are so many.
agree() {
	[ "$(grep -Ec "$1" "$SHAPES/table")" -ge "$2" ]
	diff <(grep -E "$1" "$SHAPES/table") <(grep -E "$1" "$SHAPES/ours")
}

@test "archives behind each other are all read, the last file of a name wins, and what is no archive ends it" {
	agree '^(plain|zeros)-?(plain|no-trailer|junk|unaligned|odc|cut|070702)?[^ ]* ' 15
}

@test "each compression alone, padded by any number of zero bytes, before and behind an archive" {
	for kind in gzip bzip2 lzma xz lzo lz4 zstd; do
		agree "^(plain-)?$kind(-zeros-[13]|-plain|-unaligned-plain|-junk|-two-inside|-many-blocks)? " 9
	done
}

@test "the compressions behind each other, each behind each" {
	agree '^(chain|gzip-gzip|lz4-lz4|[a-z]*-no-sum|zstd-content|gzip-named)' 11
}

@test "what the kernel does not take ends an image, and one that is cut short is called that" {
	agree '^[a-z0-9]*-(junk-inside|cut|member-split|xz-crc64|xz-crc64-plain|lz4-frame|070702) ' 20
}

@test "hard links have the data that comes with another name, and links lead where they led when it was unpacked" {
	agree '^(again|dot|slash|no-dir|links|through|link|file-by|directory|empty)' 22
}

@test "an image in a section of a PE file" {
	agree ^pe- 3
}
