#!/bin/sh
# Builds the static libkmod that goes into iommu-verify: the library's objects only, no decompressors, no openssl.
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: libkmod.sh KMOD_SRC OUT.a      (CC, CFLAGS, AR, LD, OBJCOPY, NM from the environment)
#
# kmod's own builds can't make a static library (autotools before 34, meson since), but its sources need no more than
# a dozen answers about the C library. Works for kmod 30 to 34.
set -eu
src=$1 out=$2
: "${CC:=cc}" "${AR:=ar}" "${LD:=ld}" "${OBJCOPY:=objcopy}" "${NM:=nm}"
die() { echo "libkmod.sh: $*" >&2; exit 1; }

[ -f "$src/libkmod/libkmod.h" ] || die "$src holds no kmod source (no libkmod/libkmod.h); set KMOD_SRC"
dir=$out.d
rm -rf "$dir"
mkdir -p "$dir"

# Does string.h declare basename()? glibc does, musl did until 1.2.5; kmod has its own for the rest.
# shellcheck disable=SC2086 # CC and CFLAGS are lists of words
if printf '#include <string.h>\nchar *(*f)(const char *) = (char *(*)(const char *))basename;\n' |
	$CC -D_GNU_SOURCE -x c -fsyntax-only - 2>/dev/null; then have_basename=1; else have_basename=0; fi

cat > "$dir/config.h" <<EOF
#define _GNU_SOURCE 1
#define PACKAGE "kmod"
#define VERSION "static"
#define KMOD_FEATURES ""
#define SYSCONFDIR "/etc"
#define DISTCONFDIR "/usr/lib"
#define MODULE_DIRECTORY "/lib/modules"
#define HAVE_NORETURN 1
#define HAVE_STATIC_ASSERT 1
#define HAVE_SECURE_GETENV 1
#define HAVE_STRUCT_STAT_ST_MTIM 1
#define HAVE_DECL_BE32TOH 1
#define HAVE_DECL_STRNDUPA 0
#define HAVE_DECL_BASENAME $have_basename
#define HAVE___BUILTIN_CLZ 1
#define HAVE___BUILTIN_TYPES_COMPATIBLE_P 1
#define HAVE___BUILTIN_UADD_OVERFLOW 1
#define HAVE___BUILTIN_UADDL_OVERFLOW 1
#define HAVE___BUILTIN_UADDLL_OVERFLOW 1
#define HAVE___BUILTIN_UMUL_OVERFLOW 1
#define HAVE___BUILTIN_UMULL_OVERFLOW 1
#define HAVE___BUILTIN_UMULLL_OVERFLOW 1
EOF

# Logging off: up to kmod 33 (autotools) these are asked for with #ifdef, since 34 (meson) by value.
if [ -f "$src/meson.build" ]; then
	printf '#define ENABLE_%s 0\n' LOGGING DEBUG ELFDBG >> "$dir/config.h"
fi

for file in "$src"/libkmod/*.c "$src"/shared/*.c; do
	case $file in */libkmod-file-*) continue ;; esac # decompressors
	# The library's own warnings are not ours to mend; its assertions name files the same wherever it is built.
	# shellcheck disable=SC2086
	$CC ${CFLAGS-} -w -ffile-prefix-map="$src"=kmod -include "$dir/config.h" -I"$src" -I"$src/libkmod" \
		-c "$file" -o "$dir/$(basename "$file" .c).o"
done

# One object, in which every function that opens a file by path or takes memory is ours: libkmod-root.h says why.
$LD -r -o "$dir/all.o" "$dir"/*.o
for f in open fopen opendir stat fstatat malloc calloc realloc strdup fdopen getdelim; do
	echo "$f root_libkmod_$f"
done > "$dir/rename"
$OBJCOPY --redefine-syms="$dir/rename" "$dir/all.o"
left=$($NM -u "$dir/all.o" | grep -xE ' *U (_*(open|fopen|opendir|l?stat|xstat|lxstat|access|readlink)(64)?(_2)?)' || :)
[ -z "$left" ] || die "libkmod opens files in a way that would escape --root: $left"
left=$($NM -u "$dir/all.o" | grep -xE ' *U (_*(strndup|reallocarray|getline|getdelim|open_memstream))' || :)
[ -z "$left" ] || die "libkmod takes memory in a way that nobody would know of when it has run out: $left"

rm -f "$out"
$AR rcs "$out" "$dir/all.o"
