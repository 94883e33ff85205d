# Completion of iommu-verify for fish.
# SPDX-License-Identifier: BSD-3-Clause
function __iommu_verify_empty
	test -z (commandline -ct)
end
complete -c iommu-verify -f
complete -c iommu-verify -l root -r -f -d 'read that tree, not the running system' \
	-a '(__fish_complete_directories (commandline -ct | string replace -r -- "^-[^=]*=" ""))'
complete -c iommu-verify -l target -r -F -d 'read the wanted mode from a file'
complete -c iommu-verify -l phase -r -f -a 'early late' -d 'in the initramfs, or after'
complete -c iommu-verify -l enforce -d 'log, record, act as the target says'
complete -c iommu-verify -l json -s j -d 'print JSON'
complete -c iommu-verify -l quiet -s q -d 'print nothing'
complete -c iommu-verify -l version -s V -d 'print the version'
complete -c iommu-verify -l help -s h -d 'print a summary of the usage'
# fish itself offers options only behind a dash.
complete -c iommu-verify -n __iommu_verify_empty \
	-a '--root= --target= --phase= --enforce --json --quiet --version --help'
