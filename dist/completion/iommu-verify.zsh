#compdef iommu-verify
# Completion of iommu-verify for zsh.
# SPDX-License-Identifier: BSD-3-Clause
local -a listed=(
	'--root=:read that tree, not the running system'
	'--target=:read the wanted mode from a file'
	'--phase=:in the initramfs, or after'
	'--enforce:log, record, act as the target says'
	'--json:print JSON'
	'--quiet:print nothing'
	'--version:print the version'
	'--help:print a summary of the usage'
)
# The empty word, where the dashes are not typed yet.
if [[ -z $words[CURRENT] && $words[CURRENT-1] != --(root|target|phase) ]]; then
	_describe -o option listed
	return
fi
_arguments -S \
	'--root=[read that tree, not the running system]:DIR:_directories' \
	'--target=[read the wanted mode from a file]:FILE:_files' \
	'--phase=[in the initramfs, or after]:PHASE:(early late)' \
	'--enforce[log, record, act as the target says]' \
	'(-j --json)'{-j,--json}'[print JSON]' \
	'(-q --quiet)'{-q,--quiet}'[print nothing]' \
	'(-V --version)'{-V,--version}'[print the version]' \
	'(-h --help)'{-h,--help}'[print a summary of the usage]'
