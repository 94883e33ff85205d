#!/usr/bin/env bats
# Same words, another kernel: what is kept of the last match, who writes it, and what a mismatch says of it.
bats_require_minimum_version 1.5.0

ON="intel_iommu=on amd_iommu=on"

setup() {
	load ../lib/trees
	load ../lib/machine
	root=$BATS_TEST_TMPDIR/root
}

teardown() {
	machine_end
}

# changed: a machine whose kernel, 6.1.0-test, passes through by the same line by which the one before translated.
changed() {
	tree "$root" intel "quiet $ON" identity
	target "$root" mode=strict
	mkdir -p "$root/var/lib/iommu" "$root/boot"
	record 6.0.9-before strict "$ON"
	echo CONFIG_INTEL_IOMMU=y > "$root/boot/config-6.0.9-before"
	printf '%s=y\n' CONFIG_INTEL_IOMMU CONFIG_IOMMU_DEFAULT_PASSTHROUGH > "$root/boot/config-6.1.0-test"
}

record() {
	printf '%s\n' "kernel=$1" "mode=$2" "words=$3" > "$root/var/lib/iommu/matched"
}

# last FILTER VALUE: what the filter makes of last_match, which status and show have alike.
last() {
	local said
	said=$("$INSTALLER" status --root "$root" --json | jq -c ".last_match | $1")
	[ "$said" = "$2" ] || { echo "$1: $said, not $2"; return 1; }
	[ "$("$INSTALLER" show --root "$root" --json | jq -c ".status.last_match | $1")" = "$2" ]
}

@test "a mismatch by the same words under another kernel says both releases, and the options that differ" {
	changed
	last . '{"there":"6.0.9-before","here":"6.1.0-test","mode":"strict","options":[{"name":'\
'"CONFIG_IOMMU_DEFAULT_PASSTHROUGH","there":false,"here":true}]}'
	run -2 "$INSTALLER" status --root "$root"
	[[ $output == *6.0.9-before*6.1.0-test* ]]
	run -0 --separate-stderr "$INSTALLER" show --root "$root"
	[[ $output == *$'\nkernel: '*6.0.9-before*6.1.0-test*CONFIG_IOMMU_DEFAULT_PASSTHROUGH* ]]
	[[ $output != *CONFIG_INTEL_IOMMU\ * ]]
	"$INSTALLER" status --root "$root" --json | "$BATS_TEST_DIRNAME/../tools/validate" status
}

@test "options are compared only where both kernels' configurations can be read" {
	changed
	rm "$root/boot/config-6.0.9-before"
	last .options null
	mv "$root/boot/config-6.1.0-test" "$root/boot/config-6.0.9-before"
	last .options null
	cp "$root/boot/config-6.0.9-before" "$root/boot/config-6.1.0-test"
	last .options '[]'
}

@test "nothing is said of other words, another mode, the same kernel, a match, or without a target" {
	changed
	record 6.0.9-before strict "$ON iommu=nopt"
	last . null
	record 6.0.9-before pt "$ON"
	last . null
	record 6.1.0-test strict "$ON"
	last . null
	record 6.0.9-before strict "$ON"
	last .there '"6.0.9-before"'
	echo mode=pt > "$root/etc/iommu.target"
	last . null
	rm "$root/etc/iommu.target"
	last . null
}

@test "no record, or one that is damaged, is none" {
	changed
	local bad
	for bad in '' kernel 'kernel=6.0.9-before' $'kernel=6.0.9-before\nwords=intel_iommu=on amd_iommu=on' \
		$'kernel=6.0.9-before\nmode=soft\nwords=intel_iommu=on amd_iommu=on' \
		$'mode=strict\nwords=intel_iommu=on amd_iommu=on' "$(printf '%9000s' ' ')"; do
		printf '%s' "$bad" > "$root/var/lib/iommu/matched"
		last . null
	done
	rm "$root/var/lib/iommu/matched"
	last . null
}

# An early check of this boot, as the helper leaves it. This machine shows no IOMMU: off-for-uio matches.
EARLY='mkdir -p /run/iommu; iommu-verify --json --target /etc/iommu.target |
	sed "s/\"phase\": \"late\"/\"phase\": \"early\"/" > /run/iommu/early.json'

@test "the hook of a new kernel and a command that changes note the running kernel; looking and remove do not" {
	quick_machine
	in_machine 'iommu-install off-for-uio'
	# The change itself was not made by a machine that matched.
	run -0 in_machine "$EARLY"'
		iommu-install show > /dev/null; iommu-install status; iommu-install check > /dev/null
		iommu-verify > /dev/null; iommu-install off-for-uio --dry-run
		ls /var/lib/iommu'
	[[ $output != *matched* ]]
	# Nothing is noted while the early check has not run.
	run -0 in_machine '/etc/kernel/postinst.d/zzz-iommu-check 2>&1; ls /var/lib/iommu'
	[[ $output != *matched* ]]
	run -0 in_machine "$EARLY"'; /etc/kernel/postinst.d/zzz-iommu-check
		stat -c "%a %U" /var/lib/iommu/matched; cat /var/lib/iommu/matched'
	[[ $output == *"600 root"*"kernel=$(uname -r)"*mode=off-for-uio* ]]
	# By a command that changes, too.
	in_machine "$EARLY"'; rm /var/lib/iommu/matched; iommu-install off-for-uio --delay=20
		[ -s /var/lib/iommu/matched ]'
	in_machine "$EARLY"'; rm /var/lib/iommu/matched; iommu-install remove; [ ! -e /var/lib/iommu/matched ]'
}

@test "check says of an entry that would mismatch that it matched by the same words under another kernel" {
	quick_machine
	in_machine 'iommu-install off-for-uio; echo mode=pt > /etc/iommu.target; update-initramfs -u -k all
		printf "%s\n" kernel=1.2.3-other mode=pt "words=intel_iommu=off amd_iommu=off" > /var/lib/iommu/matched'
	run -2 --separate-stderr in_machine 'iommu-install check --json'
	"$BATS_TEST_DIRNAME/../tools/validate" check <<< "$output"
	[ "$(jq -r '.last_match | .there + " " + .here' <<< "$output")" = \
		"1.2.3-other $(jq -r '.entries[0].kernel' <<< "$output")" ]
	run -2 in_machine 'iommu-install check'
	[[ $output == *1.2.3-other* ]]
	run -2 --separate-stderr in_machine 'rm /var/lib/iommu/matched; iommu-install check --json'
	[ "$(jq -r '.last_match' <<< "$output")" = null ]
}
