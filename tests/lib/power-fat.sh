#!/bin/bash
# Reads an EFI system partition at every write and flush of a log of its writes, as firmware does: by the first FAT,
# with no repair of anything.
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: power-fat.sh DIR START WORDS. DIR has before.img, the disk with the partition at byte START when the log began;
# esp.img, what it came to; esp.log, the log; replay. Prints each point at which an entry would not start, and last:
# POINTS points, WRONG wrong.
set -u

# shellcheck source=tests/lib/judge.sh
. "${BASH_SOURCE[0]%/*}/judge.sh"

dir=$1 words=$3
disk=$dir/replayed.img
partition=$disk@@$2
scratch=$(mktemp -d "$dir/fat.XXXXXX")
esp=$scratch/esp
export MTOOLS_SKIP_CHECK=1

# read_esp: the entries, and what they name, in $esp. A file that can't be read to its end is as good as none.
read_esp() {
	local entry file
	rm -rf "$esp"
	for entry in $(mdir -b -i "$partition" ::/loader/entries | sed -n 's/^:://; /\.conf$/p'); do
		take "$entry" || return
		while read -r file; do
			take "$file" || return
		done < <(sed -n 's/^\(linux\|initrd\)[[:space:]]*//p' "$esp$entry")
	done
}

take() { # take FILE: copies it to $esp
	mkdir -p "$esp${1%/*}"
	mcopy -n -Q -i "$partition" "::$1" "$esp$1"
}

# whole: a kernel is never changed.
whole() {
	cmp -n "$(stat -c %s "$dir/kernel")" "$scratch"/boot/vmlinuz-* "$dir/kernel"
}

cp --sparse=always "$dir/before.img" "$disk"
points=0 wrong=0
declare -A seen=()
coproc "$dir/replay" "$dir/esp.log" "$disk" writes
while read -r point <&"${COPROC[0]}"; do
	points=$((points + 1))
	key=
	if read_esp >"$scratch/said" 2>&1; then
		key=$(cd "$esp" && find . -type f -exec sha256sum {} + | sort | sha256sum)
		if [ ! "${seen[$key]-}" ]; then
			if judge_esp "$esp" "$scratch" 1 >"$scratch/said" 2>&1 && whole >>"$scratch/said" 2>&1; then
				seen[$key]=yes
			else
				key=
			fi
		fi
	fi
	if [ ! "$key" ]; then
		wrong=$((wrong + 1))
		echo "--- $point: $(cat "$scratch/said")"
	fi
	echo >&"${COPROC[1]}"
done
echo "$points points, $wrong wrong, ${#seen[@]} states seen"
[ "$points" -gt 20 ] && [ "$wrong" = 0 ] && [ "${#seen[@]}" -ge 4 ] && cmp "$disk" "$dir/esp.img" &&
	grep -q "$words" "$scratch/boot/entries"
