#!/usr/bin/env bats
# Debian 13 disks that boot through UEFI firmware and systemd-boot: the disks as they are, then set, rebooted, verified,
# stopped.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2154,SC2028 # machine is lib/efi.bash's; for the inner shell
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup() {
	load ../lib/efi
	load ../lib/carry
	script=$BATS_TEST_TMPDIR/script
}

teardown() {
	vm_kill_all
	efi_machine_end
}

# boots KIND GENERATOR IOMMU: the disk boots through systemd-boot as its only entry says, and runs a script; a command
# in it by chroot has seen the same command line before.
boots() {
	local words
	efi_machine trixie "$1" "$2"
	in_efi_machine 'cat /proc/cmdline >/host/words; bootctl is-installed; echo "hello ESP" >/boot/efi/hello'
	words=$(<"$BATS_TEST_TMPDIR/words")
	[[ $words == *'root=LABEL=iommuroot rw console=ttyS0 no_timer_check'* ]]
	cat >"$script" <<-'EOS'
		echo "words: $(cat /proc/cmdline)"
		bootctl --no-pager status | sed 's/^ */status: /'
		bootctl --no-pager list
		cd /boot/efi && find loader/entries EFI/Linux -type f | sed 's/^/entry: /'
		echo "mounted: $(findmnt -n -o FSTYPE /boot/efi)"
		echo "put there: $(cat /boot/efi/hello)"
	EOS
	efi_run vm "$machine" "$script" "$3"
	output=$(disk_output vm)
	echo "$output"
	[[ $VM_END == poweroff && $(disk_status vm) == 0 ]]
	line "words: $words"
	[[ $output == *'status: Product: systemd-boot 257'* ]]
	line 'mounted: vfat'
	line 'put there: hello ESP'
}

# line TEXT: the script has printed this line.
line() {
	grep -xF -- "$1" <<<"$output"
}

# entries FILE: this is the only one.
entries() {
	[ "$(grep '^entry: ' <<<"$output")" = "entry: $1" ]
}

in_machine() {
	in_efi_machine "$1"
}

release() {
	in_efi_machine 'ls /lib/modules'
}

@test "systemd-boot with initramfs-tools' image: the disk boots its entry and runs a script" {
	boots systemd-boot initramfs-tools intel
	entries "loader/entries/$EFI_MACHINE_ID-$(release).conf"
}

@test "systemd-boot with dracut's image: the disk boots its entry and runs a script" {
	boots systemd-boot dracut amd
	entries "loader/entries/$EFI_MACHINE_ID-$(release).conf"
}

@test "a unified kernel image: the disk boots it and runs a script" {
	boots uki initramfs-tools intel
	entries "EFI/Linux/$EFI_MACHINE_ID-$(release).efi"
}

@test "a file put on the partition is there, as is what a boot writes; the firmware's variables outlive the boot" {
	efi_machine trixie systemd-boot initramfs-tools
	entry=/loader/entries/$EFI_MACHINE_ID-$(release).conf
	efi_read "$machine" "$entry" | sed 's/^options .*/& added.word=1/' >"$BATS_TEST_TMPDIR/entry"
	efi_write "$machine" "$entry" "$BATS_TEST_TMPDIR/entry"
	echo 'grep -o added.word=1 /proc/cmdline; echo written >/boot/efi/written; bootctl set-default "*-a*.conf"' \
		>"$script"
	efi_run vm "$machine" "$script" none
	[ "$(disk_status vm)" = 0 ]
	[ "$(disk_output vm)" = added.word=1 ]
	[ "$(efi_read "$machine" /written)" = written ]
	echo 'tr -d "\0" </sys/firmware/efi/efivars/LoaderEntryDefault-*' >"$script"
	efi_run vm "$machine" "$script" none
	disk_output vm | grep -F '*-a*.conf'
}

# inside IOMMU SCRIPT: boots $machine and runs a script in it, to its end; $output is what it printed.
inside() {
	printf '%s\n' "$2" >"$script"
	efi_run vm "$machine" "$script" "$1"
	output=$(disk_output vm)
	echo "$output"
	[[ $VM_END == poweroff && $(disk_status vm) == 0 ]]
}

# sets_and_verifies KIND GENERATOR: pt is set inside, and the next boot, on Intel and then on AMD, is what was wanted.
sets_and_verifies() {
	efi_machine trixie "$1" "$2"
	inside intel 'iommu-install pt --on-mismatch=halt | cat && iommu-verify
		[ $? = 3 ] && iommu-install check && ! find /boot -name "*iommu*" | grep .'
	[[ $output == *"mode pt is set, and read back"*"verdict:    pending"* ]]
	inside intel 'iommu-verify && cat /run/iommu/early.json'
	[[ $output == *'"verdict": "match"'*'"phase": "early"'*'"mode": "pt", "flush": "none"'*dmar0* ]]
}

# stops: the boot that just ended was stopped by the early check.
stops() {
	[ "$VM_END" = halted ]
	vm_log vm | grep -F "iommu-verify: mismatch: target pt, effective strict"
	vm_log vm | grep -F TOKEN_MISSING
	run ! grep -E "EXT4-fs|$SHELL_PROMPTS" <(vm_log vm)
}

@test "systemd-boot: pt is set inside, the next boot matches; with iommu=pt taken out of the entry it stops" {
	sets_and_verifies systemd-boot initramfs-tools
	entry=/loader/entries/$EFI_MACHINE_ID-$(release).conf
	efi_read "$machine" "$entry" | sed 's/ iommu=pt//' >"$BATS_TEST_TMPDIR/entry"
	efi_write "$machine" "$entry" "$BATS_TEST_TMPDIR/entry"
	: >"$script"
	efi_run vm "$machine" "$script" intel
	stops
}

# shellcheck disable=SC2016 # for the machine's shells
@test "proxmox-boot-tool's partition, a real FAT one that is not mounted: pt is set inside, the next boot matches" {
	efi_machine trixie systemd-boot initramfs-tools
	cp "$BATS_TEST_DIRNAME/../lib/proxmox-boot-tool" "$BATS_TEST_TMPDIR"
	in_efi_machine 'k=$(ls /lib/modules) d=EFI/proxmox/$(ls /lib/modules); cd /boot/efi
		rm -r loader/entries/* '"$EFI_MACHINE_ID"' && mkdir -p $d && cp /boot/vmlinuz-$k /boot/initrd.img-$k $d
		printf "%s\n" "title x" "version $k" "options $(cat /etc/kernel/cmdline)" "linux /$d/vmlinuz-$k" \
			"initrd /$d/initrd.img-$k" >loader/entries/proxmox-$k.conf
		sed -i /vfat/d /etc/fstab; install /host/proxmox-boot-tool /usr/sbin
		echo '"${EFI_ID:0:4}-${EFI_ID:4}"' >/etc/kernel/proxmox-boot-uuids'
	# systemd mounts it at /efi when somebody looks there.
	inside intel '! mountpoint -q /boot/efi && iommu-install pt --on-mismatch=halt | cat && iommu-install check &&
		proxmox-boot-tool refresh && iommu-install check && ! grep /run/iommu/esp /proc/mounts'
	[[ $output == *"mode pt is set, and read back from the partitions in \
/etc/kernel/proxmox-boot-uuids and every initramfs"* ]]
	inside intel 'iommu-verify && cat /run/iommu/early.json'
	[[ $output == *'"verdict": "match"'*'"phase": "early"'*dmar0* ]]
}

@test "systemd-boot with dracut's image: pt is set inside, the next boot matches" {
	sets_and_verifies systemd-boot dracut
}

@test "a unified kernel image: pt is set inside, the next boot matches; with another .cmdline in it it stops" {
	sets_and_verifies uki initramfs-tools
	image=/EFI/Linux/$EFI_MACHINE_ID-$(release).efi
	# As long as it was, so that the rest of the file stays where it is.
	efi_read "$machine" "$image" |
		LC_ALL=C sed 's/ intel_iommu=on amd_iommu=on iommu=pt/ intel_iommu=on amd_iommu=on other=xy/' \
			>"$BATS_TEST_TMPDIR/image"
	efi_write "$machine" "$image" "$BATS_TEST_TMPDIR/image"
	: >"$script"
	efi_run vm "$machine" "$script" intel
	stops
}

@test "an entry with two images, as dracut's plug-in of kernel-install makes them: the check in both follows the mode" {
	efi_machine trixie systemd-boot dracut
	in_efi_machine "$(cat "$BATS_TEST_DIRNAME/../lib/judge.sh")"'
		iommu-install pt --force --on-mismatch=halt
		k=$(ls /lib/modules); kernel-install add $k /boot/vmlinuz-$k 2>&1; ls /boot/efi/*/$k
		lsinitrd /boot/efi/*/$k/initrd | grep iommu.target
		iommu-install strict --force
		for f in /boot/efi/*/$k/initrd*; do
			[ "$(target_in $f | head -n 1)" = mode=strict ] || echo "wrong: $f"
		done > /host/wrong
		iommu-install remove
		for f in /boot/efi/*/$k/initrd*; do
			! lsinitrd $f | grep -E "iommu.target|sbin/iommu-verify" || echo "left: $f"
		done >> /host/wrong
		ls /boot/efi/*/$k | wc -l > /host/count'
	[ ! -s "$BATS_TEST_TMPDIR/wrong" ]
	[ "$(< "$BATS_TEST_TMPDIR/count")" = 3 ]
}

@test "systemd-boot with kernels in /lib/modules only, as Fedora has it: the image is made where the entry names it" {
	efi_machine trixie systemd-boot dracut
	# shellcheck disable=SC2016 # for the shell in it
	in_machine 'k=$(ls /lib/modules); mv /boot/vmlinuz-$k /lib/modules/$k/vmlinuz
		mv /boot/config-$k /lib/modules/$k/config; rm /boot/initrd.img-$k
		iommu-install pt --force --on-mismatch=halt; iommu-install check
		n=6.12.999-test; cp -a /lib/modules/$k /lib/modules/$n; depmod $n
		kernel-install add $n /lib/modules/$n/vmlinuz'
	run -2 in_machine 'iommu-install check'
	[[ $(grep -c "wants pt, stops the boot on a mismatch" <<< "$output") == 2 ]]
	in_machine 'iommu-install strict --force --on-mismatch=halt'
	carry "intel_iommu=on amd_iommu=on" 'sed -n "s/^options *//p" /boot/efi/loader/entries/*.conf'
	run -2 in_machine 'iommu-install check' # it can't be in that mode here, without an IOMMU
	[[ $(grep -c "wants strict, stops the boot on a mismatch" <<< "$output") == 2 ]]
	run ! in_machine 'ls /boot | grep initr'
	in_machine 'iommu-install remove'
	run ! in_machine 'for i in /boot/efi/*/6*/initrd*; do lsinitrd $i; done |
			grep -E "sbin/iommu-verify|iommu.target"
		find /boot/efi -name "*iommu*" | grep .'
}
