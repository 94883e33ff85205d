#!/usr/bin/env bats
# What tells others about the machine: check --nagios, /run/reboot-required, the next boot of a tree; on a real Debian system
# that is not booted.
bats_require_minimum_version 1.5.0

setup() {
	load lib/trees
	load lib/machine
}

teardown() {
	machine_end
}

# This machine's kernel shows no IOMMU: off-for-uio is what runs. An early check of this boot, as the helper leaves it:
EARLY='mkdir -p /run/iommu; iommu-verify --json --target /etc/iommu.target | sed "s/\"phase\": \"late\"/\"phase\": \"early\"/" > /run/iommu/early.json'

# nagios STATUS PATTERN: one line, that code, and such a text and figures in it.
nagios() {
	[ "$status" = "$1" ] && [ "$(wc -l <<< "$output")" = 1 ] && [[ $output == "IOMMU "*" - "*" | entries="[0-9]*" mismatch="[0-9]*" unknown="[0-9]* ]] &&
		[[ $output == *$2* ]] || { echo "$status: $output"; return 1; }
}

@test "check --nagios: OK as wanted; warning for a reboot that is waited for and for a mismatch under warn; critical under halt" {
	machine bookworm initramfs-tools
	in_machine 'iommu-install off-for-uio --on-mismatch=halt'
	run in_machine "$EARLY; iommu-install check --nagios"
	nagios 0 "IOMMU OK - running off-for-uio as wanted; ? of ? boot entries match |"
	[[ $output == *"| entries="[1-9]";;;0 mismatch=0;;;0 unknown=0;;;0 groups=0;;;0 tolerated=0;;;0" ]]

	# Nothing ran in this boot that would have checked it.
	run in_machine 'iommu-install check --nagios'
	nagios 2 "IOMMU CRITICAL - running off-for-uio, wanted off-for-uio (EARLY_CHECK_MISSING: "
	run in_machine 'echo mode=off-for-uio > /etc/iommu.target; iommu-install check --nagios'
	nagios 1 "IOMMU WARNING - running off-for-uio, wanted off-for-uio (EARLY_CHECK_MISSING: "

	run in_machine "$EARLY; iommu-install strict --force --on-mismatch=warn >/dev/null; iommu-install check --nagios"
	nagios 1 "IOMMU WARNING - running off-for-uio, the change to strict waits for the reboot; 0 of ? boot entries match"
	[[ $output == *"(kernel 6.1."*": the firmware offers no IOMMU)"* ]]
}

@test "check --nagios of a tree looks at its entries: another line is critical under halt, a warning under warn; a broken image is unknown" {
	machine bookworm initramfs-tools
	local look='mount --bind / /mnt; iommu-install --root /mnt check --nagios'
	in_machine 'iommu-install off-for-uio --on-mismatch=halt'
	run in_machine "$look"
	nagios 0 "IOMMU OK - ? of ? boot entries match |"
	run in_machine "sed -i '0,/intel_iommu=off/s//intel_iommu=on/' /boot/grub/grub.cfg; $look"
	nagios 2 "IOMMU CRITICAL - [1-9] of ? boot entries match (kernel 6.1."
	[[ $output == *"its line does not give what its image demands)"*"mismatch=1;;;0"* ]]
	# The image is that of a target with halt: the stricter of both counts.
	run in_machine "sed -i s/halt/warn/ /etc/iommu.target; $look"
	nagios 2 "IOMMU CRITICAL"
	run in_machine "update-initramfs -u -k all >/dev/null 2>&1; $look"
	nagios 1 "IOMMU WARNING"
	run in_machine "update-grub 2>/dev/null; for i in /boot/initrd.img-*; do head -c 100000 \$i > /i; cp /i \$i; done; $look"
	nagios 3 "its image can't be read"
}

@test "check --nagios: whatever can't be told is unknown, on standard output: no target, no root, no boot loader" {
	machine bookworm initramfs-tools
	run in_machine 'iommu-install check --nagios 2>/dev/null'
	nagios 3 "IOMMU UNKNOWN - running off-for-uio, no target; 0 of ? boot entries match"
	run in_machine 'setpriv --reuid=65534 --clear-groups iommu-install check --nagios 2>/dev/null'
	[ "$status" = 3 ]
	[[ $output == "IOMMU UNKNOWN - "*"needs root to read it" ]]
	run in_machine 'rm /boot/grub/grub.cfg /usr/sbin/update-grub; iommu-install check --nagios 2>/dev/null'
	[ "$status" = 3 ]
	[ "$output" = "IOMMU UNKNOWN - no boot loader that is known here" ]
}

@test "check --nagios: a change that is not finished is a warning that names the command" {
	machine bookworm initramfs-tools
	in_machine 'iommu-install off-for-uio'
	in_machine 'mv /usr/sbin/update-initramfs /root; printf "#!/bin/sh\nkill -9 \$(pidof iommu-install)\n" > /usr/sbin/update-initramfs
		chmod 755 /usr/sbin/update-initramfs; iommu-install off-for-uio --on-mismatch=halt; mv /root/update-initramfs /usr/sbin'
	run in_machine "$EARLY; iommu-install check --nagios"
	[ "$status" = 1 ]
	[[ $output == "IOMMU WARNING - "*"a change is not finished: run 'iommu-install resume'"*" | "* ]]
}

@test "check on a terminal: its verdicts are in colour" {
	machine bookworm initramfs-tools
	run -6 in_machine 'mkdir /dev/pts && mount -t devpts devpts /dev/pts -o ptmxmode=666 && ln -s pts/ptmx /dev/ptmx &&
		TERM=xterm script -qec "iommu-install check" /dev/null'
	[[ $output == *$'\e[1;33mno-target\e[0m kernel 6.1.'* ]]
	run -6 in_machine 'TERM=xterm iommu-install check'
	[[ $output == *"no-target kernel 6.1."* && $output != *$'\e'* ]]
}

# It is not about images: none is built.
# shellcheck disable=SC2016 # for the inner shell
CHANGE='change() { case $1 in remove) iommu-install "$@" --initramfs=none ;; *) iommu-install "$@" --initramfs=none --force ;; esac > /dev/null; }
'

# What stands in /run about a reboot.
SIGNS='for f in /run/reboot-required /run/reboot-required.pkgs; do [ ! -e $f ] || { echo "${f##*/}:"; cat $f; }; done; ls /run/iommu | grep reboot || :'

@test "a change that waits for its reboot is told to Debian, once; one taken back before the reboot is taken back there too" {
	machine bookworm initramfs-tools
	# shellcheck disable=SC2016 # for the inner shell
	run -0 in_machine "$CHANGE"'(change strict; change pt); '"$SIGNS"'; echo ---; change remove; '"$SIGNS"
	[ "$output" = $'reboot-required:\n*** System restart required ***\nreboot-required.pkgs:\niommu-install\nreboot-required\n---' ]
	# The mode that the running line has is nothing to reboot for, whatever else is new.
	in_machine "$CHANGE"'change pt'
	run -0 in_machine "$CHANGE"'change pt --on-mismatch=halt; '"$SIGNS"
	[ "$output" = "" ]
	# A change that fails leaves nothing.
	run -0 in_machine "$CHANGE"'mv /usr/sbin/update-grub /root; printf "#!/bin/sh\nexit 1\n" > /usr/sbin/update-grub; chmod 755 /usr/sbin/update-grub
		change strict 2>/dev/null; mv /root/update-grub /usr/sbin; '"$SIGNS"
	[ "$output" = "" ]
}

@test "what others have said about a reboot stays as it is" {
	machine bookworm initramfs-tools
	in_machine "$CHANGE"'change off-for-uio'
	local change='change strict; cp /run/reboot-required.pkgs /b; change off-for-uio'
	# Named before us, without a newline at the end.
	run -0 in_machine "$CHANGE"'echo theirs > /run/reboot-required; printf linux-image > /run/reboot-required.pkgs; '"$change; cat /b; $SIGNS"
	[ "$output" = $'linux-image\niommu-install\nreboot-required:\ntheirs\nreboot-required.pkgs:\nlinux-image' ]
	# Named after us.
	run -0 in_machine "$CHANGE"'change strict; echo libc6 >> /run/reboot-required.pkgs; change off-for-uio; '"$SIGNS"
	[ "$output" = $'reboot-required:\n*** System restart required ***\nreboot-required.pkgs:\nlibc6' ]
	# Touched after us, with no name.
	run -0 in_machine "$CHANGE"'change strict; sleep 1; touch /run/reboot-required; change off-for-uio; '"$SIGNS"
	[ "$output" = $'reboot-required:\n*** System restart required ***' ]
	# There before, with no name.
	run -0 in_machine "$CHANGE"'touch /run/reboot-required; '"$change; $SIGNS"
	[ "$output" = "reboot-required:" ]
}

@test "a system that is no Debian is told nothing" {
	machine bookworm initramfs-tools
	run -0 in_machine "$CHANGE"'rm /etc/os-release; echo ID=fedora > /etc/os-release; change strict; '"$SIGNS"
	[ "$output" = "" ]
	run -0 in_machine "$CHANGE"'printf "ID=ubuntu\nID_LIKE=\"mint debian\"\n" > /etc/os-release; change pt; '"$SIGNS"
	[[ $output == *reboot-required.pkgs* ]]
}

@test "show: the next boot of a tree, by its boot loader's entries" {
	machine bookworm initramfs-tools
	in_machine 'iommu-install pt --force'
	run -0 in_machine 'mount --bind / /mnt; iommu-install show --root /mnt; iommu-install show --root /mnt --json | grep next_boot; ls /mnt/proc | head -n 1'
	grep -x "next boot:  pt" <<< "$output"
	grep -q '"next_boot": "pt"' <<< "$output"
	[[ $output == *"pass  next-boot    every entry asks for pt"* ]]
	run -0 in_machine 'mount --bind / /mnt; sed -i "0,/iommu=pt/s///" /boot/grub/grub.cfg; iommu-install show --root /mnt'
	grep -x "next boot:  mixed" <<< "$output"
	[[ $output == *"fail  next-boot "*"-> run 'iommu-install pt'"* ]]
	run -0 in_machine 'mount --bind / /mnt; setpriv --reuid=65534 --clear-groups iommu-install show --root /mnt'
	grep -x "next boot:  needs root" <<< "$output"
}

@test "show --report: entries of the boot loader without a word that is the machine's own" {
	machine bookworm initramfs-tools
	in_machine 'iommu-install pt --force --on-mismatch=halt'
	run -0 in_machine 'iommu-install show --report'
	[[ $output == *"loader:     grub, proven"* ]]
	[[ $output == *"entries:    1. mismatch: kernel 6.1."*", pt by its line; image: a check that stops, target pt; the firmware offers no IOMMU"* ]]
	[[ $output == *"root=... "*"intel_iommu=on amd_iommu=on iommu=pt"* ]]
	run ! grep -E '[0-9a-f]{8}-[0-9a-f]{4}' <<< "$output"
	# A rescue kernel's name has the machine's id in it.
	run -0 in_machine 'sed -i "s,vmlinuz-6[^ ]*,vmlinuz-0-rescue-2f0c1b1a9d2e4c558a6b0123456789ab,; s,initrd.img-6[^ ]*,initrd.img-0-rescue-2f0c1b1a9d2e4c558a6b0123456789ab," \
		/boot/grub/grub.cfg; for i in vmlinuz initrd.img; do cp /boot/$i-6* /boot/$i-0-rescue-2f0c1b1a9d2e4c558a6b0123456789ab; done; iommu-install show --report'
	[[ $output == *"kernel 0-rescue-..."* ]]
	[[ $output != *2f0c1b1a* ]]
	run -0 in_machine 'setpriv --reuid=65534 --clear-groups iommu-install show --report'
	[[ $output == *"entries:    only root can read them"* ]]
}
