# Looks whether kernel command lines in a machine carry a mode's words.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154 # lines is bats's

# carry WORDS COMMAND: each line that COMMAND prints in the machine has these words once, and none that contradicts them.
carry() {
	run -0 in_machine "$2"
	[ "${#lines[@]}" -ge 2 ]
	local line
	for line in "${lines[@]}"; do
		[[ " $line " == *" $1 "* ]] || { echo "without '$1': $line"; return 1; }
		line=" $line "
		line=${line/ $1 / }
		[[ $line != *iommu[.=_]* ]] || { echo "more than '$1': $line"; return 1; }
	done
}
