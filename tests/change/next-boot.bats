#!/usr/bin/env bats
# What a command says last where it has done what it was asked to and the next boot will not come up: a machine without
# an IOMMU, forced.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	quick_machine
}

teardown() {
	machine_end
}

# told WORD: the last line on stderr says what the next boot would do.
told() {
	# shellcheck disable=SC2154 # run's
	[[ ${stderr_lines[-1]} == "iommu-install: the next boot would $1: boot entry "* ]] ||
		{ echo "$stderr" && return 1; }
}

@test "a forced mode under a stopping policy: the next boot is told last, whatever is to be quiet; exit status 0" {
	run -0 --separate-stderr in_machine 'iommu-install pt --force --on-mismatch=halt'
	told halt
	run -0 --separate-stderr in_machine 'iommu-install pt --force --on-mismatch=poweroff --quiet'
	told "power off"
	[ -z "$output" ]
	run -0 --separate-stderr in_machine 'iommu-install strict --force --json'
	told "power off"
	[ "$(jq -c '[.result, .reboot.safe]' <<< "$output")" = '["done",false]' ]
	run -2 in_machine 'iommu-install check'
}

@test "a dry run says it too, and a rollback to such a state" {
	run -0 --separate-stderr in_machine 'iommu-install pt --force --on-mismatch=reboot --dry-run'
	told "restart again and again"
	in_machine 'iommu-install pt --force --on-mismatch=halt; iommu-install off-for-uio --on-mismatch=halt'
	run -0 --separate-stderr in_machine 'iommu-install rollback'
	told halt
}

@test "under warn, in an off mode, or without --force nothing of the kind is said" {
	run -0 --separate-stderr in_machine 'iommu-install pt --force'
	[[ $stderr != *"next boot would"* ]]
	run -0 --separate-stderr in_machine 'iommu-install off-for-uio --on-mismatch=halt'
	[[ $stderr != *"next boot would"* ]]
}

@test "what --force overrode is named, by its code; without need of it nothing is" {
	local code
	run -0 --separate-stderr in_machine 'iommu-install pt --force'
	code=$(sed -n 's/^--force overrode \([A-Z_]*\): ..*/\1/p' <<< "$output")
	[ "$code" = FIRMWARE_OFF ] || [ "$code" = NO_VIOMMU ]
	run -0 --separate-stderr in_machine 'iommu-install off-for-uio --force'
	[[ $output != *overrode* ]]
}

@test "rollback names the mode that is wanted then, or that none is" {
	in_machine 'iommu-install pt --force --on-mismatch=halt; iommu-install off-for-uio'
	run -0 --separate-stderr in_machine 'iommu-install rollback'
	[[ ${lines[-2]}${lines[-1]} == *"mode pt "*"halt"* ]]
	in_machine 'iommu-install remove; iommu-install off-for-uio'
	run -0 --separate-stderr in_machine 'iommu-install rollback'
	[[ ${lines[-1]} == "no mode is wanted any more"* ]]
}
