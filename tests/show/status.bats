#!/usr/bin/env bats
# The machine in one line: status, and the same on top of show. Twelve states of a real Debian system that is not
# booted, and hand-made trees.
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

# This machine's kernel shows no IOMMU: off-for-uio is what runs. An early check of this boot, as the helper leaves it:
EARLY='mkdir -p /run/iommu; iommu-verify --json --target /etc/iommu.target |
	sed "s/\"phase\": \"late\"/\"phase\": \"early\"/" > /run/iommu/early.json'
# As if the firmware offered an IOMMU.
DMAR='mount -t tmpfs tmpfs /sys/firmware && mkdir -p /sys/firmware/acpi/tables && echo > /sys/firmware/acpi/tables/DMAR'
# The first entry asks for an IOMMU, and its image wants none.
WRONG='sed -i "0,/intel_iommu=off amd_iommu=off/s//intel_iommu=on amd_iommu=on/" /boot/grub/grub.cfg'

# state EXIT FILTER=VALUE... -- SCRIPT: after the script status ends so, its object is what its schema says and has
# these members, its line and show's first one are the same, and show has the object too.
state() {
	local code=$1 got members=()
	shift
	while [ "$1" != -- ]; do
		members+=("$1")
		shift
	done
	in_machine "$2
		as=\"\${AS-}\" look=/host/look
		for form in '' --json; do
			code=0
			\$as iommu-install status \$form > \$look\$form || code=\$?
			echo \$code > \$look\$form.code
		done
		\$as iommu-install show > \$look.show; \$as iommu-install show --json > \$look.show.json"
	cd "$BATS_TEST_TMPDIR"
	[ "$(cat look.code) $(cat look--json.code) $(jq .exit look--json)" = "$code $code $code" ] ||
		{ cat look look.code; return 1; }
	"$BATS_TEST_DIRNAME/../tools/validate" status look--json
	"$BATS_TEST_DIRNAME/../tools/validate" show look.show.json
	[ "$(wc -l < look)" = 1 ]
	[ "$(jq -r .line look--json)" = "$(cat look)" ]
	[ "$(head -n 1 look.show)" = "$(cat look)" ]
	[ "$(jq -cS 'del(.schema)' look--json)" = "$(jq -cS .status look.show.json)" ]
	for member in "${members[@]}"; do
		got=$(jq -c ".${member%%=*}" look--json)
		[ "$got" = "${member#*=}" ] || { echo "$member is $got"; cat look; return 1; }
	done
	grep '^verdict:' look.show > look.verdict
}

@test "status of a fresh machine, of one that is set, and of one whose change waits for its reboot" {
	quick_machine
	state 6 'verdict="no-target"' wanted=null on_mismatch=null now='"off-for-uio"' next_boot='"default"' \
		would_stop=false -- ''
	in_machine 'iommu-install off-for-uio --on-mismatch=halt'
	state 0 'verdict="match"' wanted='"off-for-uio"' on_mismatch='"halt"' next_boot='"off-for-uio"' seen=null \
		hint=null -- "$EARLY"
	state 3 'verdict="pending"' now='"off-for-uio"' next_boot='"strict"' would_stop=false hint='"reboot"' -- \
		"$DMAR; iommu-install strict --force >/dev/null"
}

@test "status of a machine that is wrong now, by its next boot, and in both" {
	quick_machine
	in_machine 'iommu-install off-for-uio --on-mismatch=halt'
	# Nothing ran in this boot that would have checked it.
	state 2 'verdict="mismatch"' would_stop=false hint='"reboot"' -- ''
	state 2 'verdict="mismatch"' would_stop=true hint='"run iommu-install off-for-uio"' -- "$DMAR; $EARLY; $WRONG"
	# The machine matches now, and show does not end with that.
	[[ $(cat look.verdict) == *"match now, but "* ]]
	state 2 'verdict="mismatch"' would_stop=true hint='"run iommu-install off-for-uio"' -- "$DMAR; $WRONG"
	# Under warn nothing will be stopped.
	in_machine 'iommu-install off-for-uio --on-mismatch=warn'
	state 2 'verdict="mismatch"' would_stop=false hint='"run iommu-install off-for-uio"' -- "$DMAR; $EARLY; $WRONG"
}

@test "status without root, in a container, and where a change is not finished" {
	quick_machine
	in_machine 'iommu-install off-for-uio'
	local user='AS="setpriv --reuid=65534 --clear-groups"'
	state 0 'verdict="match"' needs_root=true -- "$EARLY; $user"
	# What is known is known.
	state 2 'verdict="mismatch"' needs_root=true -- "$user"
	state 4 'verdict="unknown"' needs_root=false -- "$EARLY; touch /run/.containerenv"
	in_machine "iommu-install off-for-uio --on-mismatch=warn; $SIGN_IMAGES"'mv /usr/sbin/update-initramfs /root
		printf "#!/bin/sh\nkill -9 \$(pidof iommu-install)\n" > /usr/sbin/update-initramfs
		chmod 755 /usr/sbin/update-initramfs; iommu-install off-for-uio --on-mismatch=halt || :
		mv /root/update-initramfs /usr/sbin'
	state 3 'verdict="pending"' change_open=true hint='"run iommu-install resume"' -- "$EARLY"
	state 3 'verdict="pending"' needs_root=true -- "$DMAR; iommu-install strict --force >/dev/null; $user"
}

@test "status without a boot loader, of an image without the check, of what can't be told, of an invalid target" {
	quick_machine
	in_machine 'iommu-install off-for-uio --on-mismatch=halt'
	state 4 'verdict="unknown"' next_boot=null -- "$EARLY; mv /boot/grub/grub.cfg /usr/sbin/update-grub /root"
	[[ $(cat look.verdict) == *"match now, but "* ]]
	in_machine 'mv /root/grub.cfg /boot/grub; mv /root/update-grub /usr/sbin'
	state 4 'verdict="unknown"' now='"unknown"' -- "$EARLY; mount -t tmpfs tmpfs /sys"
	state 1 'verdict="unknown"' wanted=null -- 'echo mode=off >> /etc/iommu.target'
	in_machine 'echo mode=off-for-uio > /etc/iommu.target; mv /etc/iommu.target /kept
		update-initramfs -u -k all; mv /kept /etc/iommu.target'
	state 2 'verdict="mismatch"' would_stop=false hint='"run iommu-install off-for-uio"' -- "$EARLY"
}

@test "status of a machine whose firmware offers no IOMMU: no mode that wants one mends it" {
	quick_machine
	in_machine 'iommu-install pt --force --on-mismatch=reboot'
	state 2 'verdict="mismatch"' would_stop=true -- ''
	jq -e '.hint | test("off-for-uio$")' look--json
}

@test "status of a tree: the machine as it is there, and the next boot where it has a boot loader" {
	tree "$root" intel "$ON iommu=pt" identity identity
	run -6 "$INSTALLER" status --root "$root"
	target "$root" mode=pt on-mismatch=halt
	run -0 --separate-stderr "$INSTALLER" status --root "$root" --json
	[ "$(json '"\(.verdict) \(.now) \(.wanted) \(.next_boot)"')" = "match pt pt null" ]
	run -0 "$INSTALLER" status --root "$root" --quiet
	[ -z "$output" ]
	target "$root" mode=strict
	run -2 "$INSTALLER" status --root "$root"
	target "$root" modus=strict
	run -1 "$INSTALLER" status --root "$root"
	run -1 "$INSTALLER" status --root "$root/nothing"

	quick_machine
	in_machine 'iommu-install off-for-uio --on-mismatch=halt'
	run -0 in_machine "mount --bind / /mnt; iommu-install show --root /mnt --json > /host/right; $WRONG
		iommu-install show --root /mnt --json > /host/wrong"
	[ "$(jq -c '[.status.would_stop, .entries.mismatch]' "$BATS_TEST_TMPDIR/right")" = '[false,0]' ]
	[ "$(jq -c '[.status.would_stop, .entries.mismatch]' "$BATS_TEST_TMPDIR/wrong")" = '[true,1]' ]
}
