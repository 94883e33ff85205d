# tests/corpus: boot layouts of public shapes, and what must come out of each.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# shellcheck source=tests/lib/machine.bash
. "${BASH_SOURCE[0]%/*}/machine.bash"
CORPUS=$TREE_REPO/tests/corpus

# layouts COUNT EXPECTED: those that expect that, at least so many, go through set, check, rollback and remove.
layouts() {
	local names
	mapfile -t names < <(cd "$CORPUS" && grep -lx -- "$2" ./*/expect | cut -d / -f 2)
	[ "${#names[@]}" -ge "$1" ]
	quick_machine
	cp -r "$CORPUS" "$TREE_REPO"/tests/lib/corpus* "$BATS_TEST_TMPDIR"
	: >"$BATS_TEST_TMPDIR/table"
	program_into "$(command -v jq)" "$BATS_TEST_TMPDIR/jq" # the machine has none
	in_machine "iommu-install pt --force >/dev/null 2>&1 && cp /boot/initrd.img-* /root/check.img
		bash /host/corpus.sh /host/corpus /host /root/check.img /host/table ${names[*]}"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/table")" = "${#names[@]}" ]
}
