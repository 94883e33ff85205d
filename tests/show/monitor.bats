#!/usr/bin/env bats
# What tells others about the machine: check --nagios, /run/reboot-required, the next boot of a tree; on a real Debian
# system that is not booted.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
}

teardown() {
	machine_end
}

# This machine's kernel shows no IOMMU: off-for-uio is what runs. An early check of this boot, as the helper leaves it:
EARLY='mkdir -p /run/iommu; iommu-verify --json --target /etc/iommu.target |
	sed "s/\"phase\": \"late\"/\"phase\": \"early\"/" > /run/iommu/early.json'

# nagios STATUS PATTERN: one line, that code, and such a text and figures in it.
nagios() {
	[ "$status" = "$1" ] && [ "$(wc -l <<< "$output")" = 1 ] &&
		[[ $output == "IOMMU "*" - "*" | entries="[0-9]*" mismatch="[0-9]*" unknown="[0-9]* ]] &&
		[[ $output == *$2* ]] || { echo "$status: $output"; return 1; }
}

@test "check --nagios: OK as wanted; warning for an awaited reboot and a mismatch under warn; critical under halt" {
	quick_machine
	in_machine 'iommu-install off-for-uio --on-mismatch=halt'
	run in_machine "$EARLY; iommu-install check --nagios"
	nagios 0 "IOMMU OK - running off-for-uio as wanted; ? of ? boot entries match |"
	[[ $output == *"| entries="[1-9]";;;0 mismatch=0;;;0 unknown=0;;;0 groups=0;;;0 tolerated=0;;;0" ]]

	# Nothing ran in this boot that would have checked it.
	run in_machine 'iommu-install check --nagios'
	nagios 2 "IOMMU CRITICAL - running off-for-uio, wanted off-for-uio (EARLY_CHECK_MISSING: "
	run in_machine 'echo mode=off-for-uio > /etc/iommu.target; iommu-install check --nagios'
	nagios 1 "IOMMU WARNING - running off-for-uio, wanted off-for-uio (EARLY_CHECK_MISSING: "

	run in_machine "$EARLY; iommu-install strict --force --on-mismatch=warn >/dev/null
		iommu-install check --nagios"
	nagios 1 "IOMMU WARNING - running off-for-uio, the change to strict waits for the reboot; \
0 of ? boot entries match"
	[[ $output == *"(kernel 6.1."*": the firmware offers no IOMMU)"* ]]
}

# bats test_tags=boot
@test "check --nagios of a tree: another line is critical under halt, a warning under warn; a broken image is unknown" {
	quick_machine
	local look='mount --bind / /mnt; iommu-install --root /mnt check --nagios'
	in_machine 'iommu-install off-for-uio --on-mismatch=halt'
	run in_machine "$look"
	nagios 0 "IOMMU OK - ? of ? boot entries match |"
	run in_machine "sed -i '0,/intel_iommu=off/s//intel_iommu=on/' /boot/grub/grub.cfg; $look"
	nagios 2 "IOMMU CRITICAL - [1-9] of ? boot entries match (kernel 6.1."
	[[ $output == *"its kernel parameters give another mode than its initramfs wants)"*"mismatch=1;;;0"* ]]
	# The image is that of a target with halt: the stricter of both counts.
	run in_machine "sed -i s/halt/warn/ /etc/iommu.target; $look"
	nagios 2 "IOMMU CRITICAL"
	run in_machine "update-initramfs -u -k all >/dev/null 2>&1; $look"
	nagios 1 "IOMMU WARNING"
	run in_machine "update-grub 2>/dev/null
		for i in /boot/initrd.img-*; do head -c 100000 \$i > /i; cp /i \$i; done; $look"
	nagios 3 "its initramfs can't be read"
}

# bats test_tags=boot
@test "check --nagios: whatever can't be told is unknown, on standard output: no target, no root, no boot loader" {
	quick_machine
	run in_machine 'iommu-install check --nagios 2>/dev/null'
	nagios 3 "IOMMU UNKNOWN - running off-for-uio, no target; 0 of ? boot entries match"
	run in_machine 'setpriv --reuid=65534 --clear-groups iommu-install check --nagios 2>/dev/null'
	[ "$status" = 3 ]
	[[ $output == "IOMMU UNKNOWN - "*"run it as root" ]]
	run in_machine 'rm /boot/grub/grub.cfg /usr/sbin/update-grub; iommu-install check --nagios 2>/dev/null'
	[ "$status" = 3 ]
	[ "$output" = "IOMMU UNKNOWN - no boot loader was found that iommu-install can read" ]
}

# bats test_tags=boot
@test "check --nagios: a change that is not finished is a warning that names the command" {
	quick_machine
	in_machine "iommu-install off-for-uio; $SIGN_IMAGES"
	in_machine 'mv /usr/sbin/update-initramfs /root
		printf "#!/bin/sh\nkill -9 \$(pidof iommu-install)\n" > /usr/sbin/update-initramfs
		chmod 755 /usr/sbin/update-initramfs; iommu-install off-for-uio --on-mismatch=halt
		mv /root/update-initramfs /usr/sbin'
	run in_machine "$EARLY; iommu-install check --nagios"
	[ "$status" = 1 ]
	[[ $output == "IOMMU WARNING - "*"a change is not finished: run 'iommu-install resume'"*" | "* ]]
}

# bats test_tags=boot
@test "check on a terminal: its verdicts are in colour" {
	quick_machine
	run -6 in_machine 'mkdir /dev/pts && mount -t devpts devpts /dev/pts -o ptmxmode=666 &&
		ln -s pts/ptmx /dev/ptmx && TERM=xterm script -qec "iommu-install check" /dev/null'
	[[ $output == *$'\e[1;33mno-target\e[0m kernel 6.1.'* ]]
	run -6 in_machine 'TERM=xterm iommu-install check'
	[[ $output == *"no-target kernel 6.1."* && $output != *$'\e'* ]]
}

# It is not about images: none is built.
# shellcheck disable=SC2016 # for the inner shell
CHANGE='change() {
	case $1 in
	remove) iommu-install "$@" --initramfs=none ;;
	*) iommu-install "$@" --initramfs=none --force ;;
	esac > /dev/null
}
'

# What stands in /run about a reboot.
SIGNS='for f in /run/reboot-required /run/reboot-required.pkgs; do
	[ ! -e $f ] || { echo "${f##*/}:"; cat $f; }
done
ls /run/iommu 2>/dev/null | grep reboot || :'

@test "a change that waits for its reboot is told to Debian, once; one taken back before it is taken back there too" {
	quick_machine
	# shellcheck disable=SC2016 # for the inner shell
	run -0 in_machine "$CHANGE"'(change strict; change pt); '"$SIGNS"'; echo ---; change remove; '"$SIGNS"
	[ "$output" = $'reboot-required:\n*** System restart required ***\n'\
$'reboot-required.pkgs:\niommu-install\nreboot-required\n---' ]
	# The mode that the running line has is nothing to reboot for, whatever else is new.
	in_machine "$CHANGE"'change pt'
	run -0 in_machine "$CHANGE"'change pt --on-mismatch=halt 2> /dev/null; '"$SIGNS"
	[ "$output" = "" ]
	# A change that fails leaves nothing.
	run -0 in_machine "$CHANGE"'mv /usr/sbin/update-grub /root; printf "#!/bin/sh\nexit 1\n" > /usr/sbin/update-grub
		chmod 755 /usr/sbin/update-grub
		change strict 2>/dev/null; mv /root/update-grub /usr/sbin; '"$SIGNS"
	[ "$output" = "" ]
}

# bats test_tags=boot
@test "what others have said about a reboot stays as it is" {
	quick_machine
	in_machine "$CHANGE"'change off-for-uio'
	local change='change strict; cp /run/reboot-required.pkgs /b; change off-for-uio'
	# Named before us, without a newline at the end.
	run -0 in_machine "$CHANGE"'echo theirs > /run/reboot-required
		printf linux-image > /run/reboot-required.pkgs; '"$change; cat /b; $SIGNS"
	[ "$output" = $'linux-image\niommu-install\nreboot-required:\ntheirs\nreboot-required.pkgs:\nlinux-image' ]
	# Named after us.
	run -0 in_machine "$CHANGE"'change strict; echo libc6 >> /run/reboot-required.pkgs
		change off-for-uio; '"$SIGNS"
	[ "$output" = $'reboot-required:\n*** System restart required ***\nreboot-required.pkgs:\nlibc6' ]
	# Touched after us, with no name.
	run -0 in_machine "$CHANGE"'change strict; sleep 1; touch /run/reboot-required; change off-for-uio; '"$SIGNS"
	[ "$output" = $'reboot-required:\n*** System restart required ***' ]
	# There before, with no name.
	run -0 in_machine "$CHANGE"'touch /run/reboot-required; '"$change; $SIGNS"
	[ "$output" = "reboot-required:" ]
}

# bats test_tags=boot
@test "a system that is no Debian is told nothing" {
	quick_machine
	run -0 in_machine "$CHANGE"'rm /etc/os-release; echo ID=fedora > /etc/os-release; change strict; '"$SIGNS"
	[ "$output" = "" ]
	run -0 in_machine "$CHANGE"'printf "ID=ubuntu\nID_LIKE=\"mint debian\"\n" > /etc/os-release
		change pt; '"$SIGNS"
	[[ $output == *reboot-required.pkgs* ]]
}

@test "show: the next boot of a tree, by its boot loader's entries" {
	quick_machine
	in_machine 'iommu-install pt --force'
	run -0 in_machine 'mount --bind / /mnt; iommu-install show --root /mnt
		iommu-install show --root /mnt --json | grep next_boot; ls /mnt/proc | head -n 1'
	grep -x "next boot:  pt" <<< "$output"
	grep -q '"next_boot": "pt"' <<< "$output"
	[[ $output == *"pass  next-boot    every entry asks for pt"* ]]
	run -0 in_machine 'mount --bind / /mnt; sed -i "0,/iommu=pt/s///" /boot/grub/grub.cfg
		iommu-install show --root /mnt'
	grep -x "next boot:  mixed" <<< "$output"
	[[ $output == *"fail  next-boot "*"-> run 'iommu-install pt'"* ]]
	run -0 in_machine 'mount --bind / /mnt; setpriv --reuid=65534 --clear-groups iommu-install show --root /mnt'
	grep -x "next boot:  needs root" <<< "$output"
}

# bats test_tags=boot
@test "show --report: entries of the boot loader without a word that is the machine's own" {
	quick_machine
	in_machine 'iommu-install pt --force --on-mismatch=halt'
	run -0 in_machine 'iommu-install show --report'
	[[ $output == *"loader:     grub, proven"* ]]
	[[ $output == *"entries:    1. mismatch: kernel 6.1."*", pt by its "*" stops "*", wants pt; \
the firmware offers no IOMMU"* ]]
	[[ $output == *"root=... "*"intel_iommu=on amd_iommu=on iommu=pt"* ]]
	run ! grep -E '[0-9a-f]{8}-[0-9a-f]{4}' <<< "$output"
	# A rescue kernel's name has the machine's id in it.
	run -0 in_machine 'sed -i "s,vmlinuz-6[^ ]*,vmlinuz-0-rescue-2f0c1b1a9d2e4c558a6b0123456789ab,
			s,initrd.img-6[^ ]*,initrd.img-0-rescue-2f0c1b1a9d2e4c558a6b0123456789ab," /boot/grub/grub.cfg
		for i in vmlinuz initrd.img; do cp /boot/$i-6* /boot/$i-0-rescue-2f0c1b1a9d2e4c558a6b0123456789ab; done
		iommu-install show --report'
	[[ $output == *"kernel 0-rescue-..."* ]]
	[[ $output != *2f0c1b1a* ]]
	run -0 in_machine 'setpriv --reuid=65534 --clear-groups iommu-install show --report'
	[[ $output == *"entries:    only root can read them"* ]]
}

# As if the firmware offered an IOMMU.
DMAR='mount -t tmpfs tmpfs /sys/firmware && mkdir -p /sys/firmware/acpi/tables && echo > /sys/firmware/acpi/tables/DMAR'

@test "a host whose entries lost the parameters under halt is not pending, not safe, and asks for no reboot" {
	quick_machine
	run -0 in_machine "$DMAR
		look() {
			iommu-install show --json > /host/\$1.json
			cat /run/reboot-required.pkgs 2> /dev/null || echo none
		}
		iommu-install strict --force --on-mismatch=halt --json 2> /dev/null > /host/change.json
		look set; sed -i 's/ intel_iommu=on amd_iommu=on//' /boot/grub/grub.cfg
		/etc/kernel/postinst.d/zzz-iommu-check 2> /dev/null; look lost"
	[ "$output" = $'iommu-install\nnone' ]
	"$BATS_TEST_DIRNAME/../tools/validate" change "$BATS_TEST_TMPDIR/change.json"
	[ "$(jq -c '[.result, .reboot]' "$BATS_TEST_TMPDIR/change.json")" = '["done",{"required":true,"safe":true}]' ]
	"$BATS_TEST_DIRNAME/../tools/validate" show "$BATS_TEST_TMPDIR"/{set,lost}.json
	[ "$(jq -c '[.verdict, .reboot.safe, .entries.mismatch]' "$BATS_TEST_TMPDIR/set.json")" = '["pending",true,0]' ]
	[ "$(jq -c '[.verdict, .reboot.safe]' "$BATS_TEST_TMPDIR/lost.json")" = '["mismatch",false]' ]
}

@test "an image that lost its check shows, in show's object and in the metrics, though every line is right" {
	quick_machine
	run -0 in_machine "$DMAR; iommu-install strict --force > /dev/null; mv /etc/iommu.target /kept
		update-initramfs -u -k all; mv /kept /etc/iommu.target
		iommu-install show --json > /host/lost.json; iommu-install check --json > /host/check.json || :
		iommu-install show --prometheus"
	[ "$(jq -c '[.next_boot, .entries.match, .reboot.safe]' "$BATS_TEST_TMPDIR/lost.json")" = '["strict",0,false]' ]
	[ "$(jq '.entries | .unchecked > 0 and .unchecked == .mismatch' "$BATS_TEST_TMPDIR/lost.json")" = true ]
	[ "$(jq -r '.checks[] | select(.name == "next-boot") | .result' "$BATS_TEST_TMPDIR/lost.json")" = fail ]
	[[ $output == *$'\niommu_boot_entries{verdict="match"} 0\n'*$'\niommu_reboot_safe 0'* ]]
	"$BATS_TEST_DIRNAME/../tools/validate" check "$BATS_TEST_TMPDIR/check.json"
	[ "$(jq -c '[.entries[] | select(.counted) | .hook, .would_stop] | unique' "$BATS_TEST_TMPDIR/check.json")" = \
		'[false]' ]
	[ "$(jq -r '.entries[0].title' "$BATS_TEST_TMPDIR/check.json")" = "Debian GNU/Linux" ]
}
