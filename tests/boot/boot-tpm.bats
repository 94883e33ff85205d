#!/usr/bin/env bats
# Disk keys in a TPM (swtpm) that are bound to how a Debian 13 with a unified image boots: who gets them, from the plain
# line and from each shell that other words on it give; and that a change is refused by name.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck disable=SC2154 # machine is lib/efi.bash's
bats_require_minimum_version 1.5.0
# bats file_tags=full

DISKS=(secret phases) # the first is the machine's: bound to 7+11+12. The other to 7+11, the line left out
PASSPHRASE_PROMPT='Please (enter passphrase|unlock disk)'

setup_file() {
	local BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR n=0 name
	load ../lib/efi
	load ../lib/tpm
	efi_machine trixie uki dracut systemd-cryptsetup cryptsetup-bin tpm2-tools libtss2-rc0t64
	for name in "${DISKS[@]}"; do
		truncate -s 20M "$BATS_FILE_TMPDIR/$name"
		n=$((n + 1))
		cryptsetup luksFormat --batch-mode --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
			--uuid "5ea1ed00-0000-4000-8000-00000000000$n" --key-file - "$BATS_FILE_TMPDIR/$name" \
			< <(printf passphrase)
	done
	attempt >"$BATS_FILE_TMPDIR/attempt"
	# Nothing is sealed yet, but crypttab says so.
	# shellcheck disable=SC2016 # for dracut
	in_efi_machine 'install -D /host/attempt /usr/lib/iommu-test/attempt
		echo "secret UUID=5ea1ed00-0000-4000-8000-000000000001 none luks,tpm2-device=auto,x-initrd.attach" \
			>/etc/crypttab
		printf "%s\n" "omit_dracutmodules=\"\${omit_dracutmodules/ crypt dm / }\"" \
			"add_dracutmodules+=\" crypt tpm2-tss systemd-cryptsetup systemd-pcrphase \"" \
			"install_items+=\" /etc/crypttab /usr/lib/iommu-test/attempt \"" \
			"install_items+=\" /usr/bin/sha256sum /usr/bin/cut /usr/bin/grep \"" \
			"install_items+=\" /etc/systemd/system.conf.d/iommu-test.conf \"" \
			>/etc/dracut.conf.d/zz-iommu-test-tpm.conf
		mkdir -p /etc/systemd/system.conf.d
		printf "%s\n" "[Manager]" DefaultTimeoutStartSec=infinity DefaultDeviceTimeoutSec=infinity \
			>/etc/systemd/system.conf.d/iommu-test.conf # an emulated machine is slow
		iommu-install pt --force --on-mismatch=halt'
	sealing >"$BATS_FILE_TMPDIR/sealing"
	start_machine "$BATS_FILE_TMPDIR/sealing"
	vm_expect vm "$PASSPHRASE_PROMPT"
	vm_send vm passphrase
	vm_wait vm
	disk_output vm
	[ "$(disk_status vm)" = 0 ]
}

setup() {
	local name
	load ../lib/efi
	load ../lib/tpm
	machine=$BATS_TEST_TMPDIR/machine.img script=$BATS_TEST_TMPDIR/script
	for name in machine.img "${DISKS[@]}"; do
		cp --sparse=auto --reflink=auto "$BATS_FILE_TMPDIR/$name" "$BATS_TEST_TMPDIR"
	done
	cp -a "$BATS_FILE_TMPDIR"/{machine.img.intel.vars,tpm} "$BATS_TEST_TMPDIR"
}

teardown() {
	vm_kill_all
	rm -f "$BATS_TEST_TMPDIR/machine.img"
}

teardown_file() {
	rm -f "$BATS_FILE_TMPDIR/machine.img"
}

# What somebody does who has a shell in the initramfs: asks the TPM for the keys of all disks. What systemd measures
# when an initramfs begins anybody can.
attempt() {
	cat <<-'EOS'
		#!/bin/sh
		export PATH=/usr/sbin:/usr/bin TPM2TOOLS_TCTI=device:/dev/tpm0
		[ -e /proc/self ] || mount -t proc proc /proc
		[ -e /sys/class ] || mount -t sysfs sysfs /sys
		[ -e /dev/vda ] || mount -t devtmpfs devtmpfs /dev
		for module in virtio_pci virtio_blk dm_mod dm_crypt; do modprobe $module; done
		until grep -q phases /sys/block/vd*/serial; do sleep 1; done
		attach() {
			disk=$(grep -l $1 /sys/block/vd*/serial) && disk=${disk#/sys/block/} &&
				systemd-cryptsetup attach try-$1 /dev/${disk%/serial} - tpm2-device=auto,headless=1
		}
		released() { attach $1 && echo "attempt: $1 released"; }
		released phases || {
			tpm2_pcrextend 11:sha256=$(printf enter-initrd | sha256sum | cut -d " " -f 1)
			released phases
		}
		released secret
		echo "attempt: end"
	EOS
}

# Binds the keys as systemd-cryptenroll does. PCR 11 is to be as it was when the initramfs had begun, and has gone on.
sealing() {
	cat <<-'EOS'
		set -e
		iommu-verify
		cat >replay <<-'EOF'
			import hashlib, json, sys
			value = bytes(32)
			for record in json.load(sys.stdin)["log"]:
			    if record["pcr"] == 11:
			        value = hashlib.sha256(value + bytes.fromhex(record["sha256"])).digest()
			        if record["description"] == "enter-initrd":
			            print(value.hex())
		EOF
		eleven=$(/usr/lib/systemd/systemd-pcrlock log --json=short | python3 replay)
		printf passphrase >key
		enroll() {
			systemd-cryptenroll --unlock-key-file=key --tpm2-device=auto --tpm2-pcrs="$2" \
				"/dev/disk/by-id/virtio-$1"
		}
		enroll secret "7+11:sha256=$eleven+12"
		enroll phases "7+11:sha256=$eleven"
		rm key
	EOS
}

# start_machine SCRIPT: starts $machine with its TPM and its disks, which are beside it.
start_machine() {
	local name disks=() dir=${machine%/*}
	for name in "${DISKS[@]}"; do
		disks+=(-drive "file=$dir/$name,format=raw,if=none,id=$name,cache=unsafe"
			-device "virtio-blk-pci,drive=$name,serial=$name")
	done
	tpm_start "$dir/tpm"
	efi_start vm "$machine" "$1" intel "${TPM_QEMU[@]}" "${disks[@]}"
}

# start_with WORDS: starts it with WORDS put before what is on its line, in systemd-boot's editor.
start_with() {
	echo "timeout menu-force" >"$BATS_TEST_TMPDIR/loader.conf"
	efi_write "$machine" /loader/loader.conf "$BATS_TEST_TMPDIR/loader.conf"
	start_machine ""
	vm_expect vm 'Debian GNU/Linux 13'
	vm_keys vm e
	vm_expect vm 'root=LABEL=iommuroot'
	vm_keys vm "$1 "
	vm_keys vm $'\r'
	vm_expect vm "Command line: $1 root=LABEL=iommuroot"
}

# kept WORDS: with WORDS on the line there is a shell, and what is asked from there gives the one key that is not bound
# to the line, and not the other.
kept() {
	start_with "$1"
	vm_expect vm '# |Press Enter for( system)? maintenance'
	shell_answers
	# Where udev is not started yet it would be waited for.
	vm_send vm 'DM_DISABLE_UDEV=1 /usr/lib/iommu-test/attempt'
	vm_expect vm 'attempt: end'
	vm_log vm | grep -F 'attempt: phases released'
	run ! grep -F 'attempt: secret released' <(vm_log vm)
}

@test "the plain line gets the key, nobody is asked; a change is refused by name; a key bound to PCR 7 alone is none" {
	cat >"$script" <<-'EOS'
		[ -b /dev/mapper/secret ] || exit 1
		iommu-verify || exit 2
		state() { find /boot /etc /var/lib/iommu -type f -exec sha256sum {} + | sort; }
		state >before
		iommu-install strict --json >/run/refused
		echo "refused: $?" $(cat /run/refused)
		iommu-install strict --dry-run --json >/run/refused
		echo "foreseen: $?" $(cat /run/refused)
		state | cmp before - || exit 3
		printf passphrase >key
		for disk in secret phases; do
			systemd-cryptenroll --unlock-key-file=key --wipe-slot=tpm2 --tpm2-device=auto --tpm2-pcrs=7 \
				/dev/disk/by-id/virtio-$disk || exit 4
		done
		iommu-install strict --dry-run --json >/run/foreseen
		echo "sealed to 7: $?" $(cat /run/foreseen)
	EOS
	start_machine "$script"
	vm_wait vm
	disk_output vm
	[ "$(disk_status vm)" = 0 ]
	run ! grep -E "$PASSPHRASE_PROMPT" <(vm_log vm)
	for word in refused foreseen; do
		run -0 sed -n "s/^$word: 5 //p" <(disk_output vm)
		[ "$(jq -r .refusal.code <<<"$output")" = TPM_SEALED ]
		[[ $(jq -r .refusal.message <<<"$output") == "/etc/crypttab:1 (PCR 7, 11, 12): "* ]]
	done
	run -0 sed -n 's/^sealed to 7: 0 //p' <(disk_output vm)
	[ "$(jq -r .result <<<"$output")" = "done" ]
}

@test "rdinit=/bin/sh: a shell, and the TPM keeps the key from it" {
	kept rdinit=/bin/sh
}

@test "rd.break=cmdline: a shell, and the TPM keeps the key from it" {
	kept 'rd.break=cmdline SYSTEMD_SULOGIN_FORCE=1' # root is locked in these images
}

@test "rd.emergency: a shell, and the TPM keeps the key from it" {
	kept 'rd.emergency SYSTEMD_SULOGIN_FORCE=1'
}

@test "break=top, a word of initramfs-tools: the TPM keeps the key from that boot too, which asks for the passphrase" {
	start_with break=top
	vm_expect vm "$PASSPHRASE_PROMPT"
}
