# Looks whether kernel command lines in a machine carry a mode's words.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154 # lines is bats's

# Each mode with the words that it puts on the line.
# shellcheck disable=SC2034 # for the tests
FOUR_MODES="off-for-uio intel_iommu=off amd_iommu=off
off-for-vfio intel_iommu=off amd_iommu=off vfio.enable_unsafe_noiommu_mode=1
strict intel_iommu=on amd_iommu=on
pt intel_iommu=on amd_iommu=on iommu=pt"

# carry WORDS COMMAND: each line that COMMAND prints in the machine has these words once, and none that contradicts
# them.
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
