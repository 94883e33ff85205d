#!/usr/bin/env bats
# The parameters for whoever makes images elsewhere (--emit): each form by a real reader of its format.
bats_require_minimum_version 1.5.0

setup() {
	INSTALL=$BATS_TEST_DIRNAME/../../build/iommu-install
}

# emitted FORM MODE: what is printed, as JSON.
emitted() {
	"$INSTALL" "$2" --emit="$1" |
		python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)'
}

# words MODE: as a list in JSON.
words() {
	"$INSTALL" "$1" --emit=ukify-addon | sed -n 's/^Cmdline=//p' | jq -R 'split(" ")'
}

@test "machineconfig and talos are YAML that has each mode's parameters, each by itself, in their order" {
	local mode looked=0
	for mode in off-for-uio off-for-vfio strict pt; do
		words "$mode" > "$BATS_TEST_TMPDIR/words"
		[ "$(jq length "$BATS_TEST_TMPDIR/words")" -ge 2 ]
		emitted machineconfig "$mode" | jq -e --slurpfile words "$BATS_TEST_TMPDIR/words" '
			.apiVersion == "machineconfiguration.openshift.io/v1" and .kind == "MachineConfig" and
			.metadata.labels == {"machineconfiguration.openshift.io/role": "worker"} and
			.metadata.name == "99-worker-iommu" and .spec.config.ignition.version == "3.2.0" and
			.spec.kernelArguments == $words[0]'
		emitted talos "$mode" | jq -e --slurpfile words "$BATS_TEST_TMPDIR/words" '
			. == {"machine": {"install": {"extraKernelArgs": $words[0]}}}'
		looked=$((looked + 1))
	done
	[ "$looked" = 4 ]
}

@test "kargs.d is TOML that has each mode's parameters" {
	local mode
	for mode in off-for-uio off-for-vfio strict pt; do
		"$INSTALL" "$mode" --emit=kargs.d |
			python3 -c 'import json, sys, tomllib; json.dump(tomllib.load(sys.stdin.buffer), sys.stdout)' |
			jq -e --argjson words "$(words "$mode")" '
				. == {"kargs": $words, "match-architectures": ["x86_64"]}'
	done
}
