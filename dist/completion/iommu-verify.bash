# Completion of iommu-verify for bash.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034 # _init_completion's variables
_iommu_verify()
{
	local cur prev words cword split
	_init_completion -s || return
	case $prev in
	--root) _filedir -d && return ;;
	--target) _filedir && return ;;
	--phase) mapfile -t COMPREPLY < <(compgen -W 'early late' -- "$cur") && return ;;
	esac
	[[ $split == false ]] || return
	mapfile -t COMPREPLY < <(compgen -W \
		'--root= --target= --phase= --enforce --json --quiet --version --help' -- "$cur")
	[[ ${COMPREPLY[0]-} != *= ]] || compopt -o nospace
}
complete -F _iommu_verify iommu-verify
