#!/usr/bin/env bats
# Changes of mode cut short on real machines, power cuts, and appliances made without a running machine. `make
# check-full` only.
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup() {
	load ../lib/trees
	load ../lib/machine
	script=$BATS_TEST_TMPDIR/script
	boot=$BATS_TEST_TMPDIR/boot.img
}

teardown() {
	vm_kill_all
	machine_end
	rm -f "$BATS_TEST_TMPDIR"/*.img "$BATS_TEST_TMPDIR"/*.log
}

@test "--commit=after-boot: sealed once the machine has come up in the new mode, not before" {
	machine bookworm initramfs-tools
	inside intel 'iommu-install pt --on-mismatch=halt --commit=after-boot && cat /etc/iommu.target &&
		iommu-install resume'
	[[ $output == *"the old mode is accepted too"*"accept="*"is finished after the next boot"* ]]
	# The firmware has it off: the machine comes up all the same, and nothing is sealed.
	inside none 'while systemctl is-active -q iommu-install-resume.service ||
			[ "$(systemctl show -p ActiveState --value iommu-install-resume.service)" = activating ]; do
			sleep 1
		done
		systemctl status --no-pager -l iommu-install-resume.service; cat /etc/iommu.target
		ls /var/lib/iommu/change/journal'
	[[ $output == *"is not in mode pt"*"accept="*"change/journal"* ]]
	inside intel 'until [ ! -e /var/lib/iommu/change/journal ]; do sleep 1; done; cat /etc/iommu.target
		iommu-install check'
	[[ $output == *$'mode=pt\non-mismatch=halt\n'* ]]
	[[ $output != *accept=* ]]
	[[ $output == *"match     kernel 6.1."*"wants pt, stops the boot on a mismatch"* ]]
	inside intel 'iommu-verify'
	[[ $output == *"verdict:    match"* ]]
}

# cut_with_lock SETTING...: $machine with a change that was cut short, and at its boot somebody who has dpkg's lock.
cut_with_lock() {
	machine bookworm initramfs-tools
	in_machine 'mv /usr/sbin/update-grub /root
		printf "#!/bin/sh\nkill -9 \$(pidof iommu-install)\n" > /usr/sbin/update-grub
		chmod 755 /usr/sbin/update-grub; iommu-install off-for-uio; mv /root/update-grub /usr/sbin
		ls /var/lib/iommu/change/journal'
	# shellcheck disable=SC2016 # for perl
	in_machine "mkdir -p /etc/systemd/system/iommu-install-resume.service.d
		printf '%s\n' $(printf "'%s' " "$@") > /etc/systemd/system/iommu-install-resume.service.d/test.conf
		cat > /usr/local/bin/hold <<'END'
#!/usr/bin/perl
use Fcntl;
open F, '+</var/lib/dpkg/lock-frontend' or die;
\$l = pack('s s x4 q q i x4', F_WRLCK, 0, 0, 0, 0);
fcntl F, F_SETLK, \$l or die;
open H, '>/run/held';
sleep;
END
		chmod 755 /usr/local/bin/hold
		cat > /etc/systemd/system/hold.service <<'END'
[Unit]
Before=iommu-install-resume.service
[Service]
ExecStart=/usr/local/bin/hold
ExecStartPost=sh -c 'until [ -e /run/held ]; do sleep 0.2; done'
END
		ln -s ../hold.service /etc/systemd/system/multi-user.target.wants/hold.service"
}

@test "at the boot the package manager is at work: resume tells it on the console, is tried again, and finishes" {
	cut_with_lock '[Service]' RestartSec=5s
	# As an error in the journal, twice; then the lock is given back.
	inside none 'told() { journalctl -o cat -p err -u iommu-install-resume.service | grep -c "manager is at work"; }
		until [ "$(told)" -ge 2 ]; do sleep 1; done; systemctl stop hold.service
		until [ ! -e /var/lib/iommu/change/journal ]; do sleep 1; done; iommu-install check
		cat /etc/iommu.target'
	[[ $output == *"match     kernel 6.1."*mode=off-for-uio* ]]
	vm_log vm | grep -F 'iommu-install: /var/lib/dpkg/lock-frontend: the package manager is at work'
}

@test "a change that can't be finished is tried so often in a boot, and no oftener" {
	cut_with_lock '[Unit]' StartLimitBurst=3 '[Service]' RestartSec=1s
	inside none 'until systemctl is-failed -q iommu-install-resume.service; do sleep 1; done; sleep 5
		systemctl show -p Result -p ActiveState --value iommu-install-resume.service
		ls /var/lib/iommu/change/journal'
	[[ $output == *"failed"*change/journal* ]]
	[ "$(vm_log vm | grep -c 'the package manager is at work')" = 3 ]
}

@test "an appliance made with --root on a mounted disk, never touched again: verifies; with the IOMMU off it stops" {
	machine bookworm dracut
	mv "$machine" "$BATS_TEST_TMPDIR/appliance.img"
	machine bookworm initramfs-tools # the builder's machine
	# The disk has the name here that it will have in its own machine.
	# shellcheck disable=SC2016 # for the inner shell
	run -0 in_machine "$LOOP_NODES"'
		loop=$(losetup --find --show --offset 1048576 /host/appliance.img) && rm /dev/loop* /dev/vda1 &&
		mknod /dev/vda1 b 7 ${loop#/dev/loop} &&
		mkdir /m && mount /dev/vda1 /m && iommu-install --root /m pt --on-mismatch=halt; s=$?
		umount /m; mknod /dev/loop0 b 7 ${loop#/dev/loop}; losetup -d /dev/loop0; exit $s'
	[[ $output == *"mode pt is set, and read back from /boot/grub/grub.cfg and every initramfs"* ]]
	mv "$BATS_TEST_TMPDIR/appliance.img" "$machine"
	inside intel 'iommu-verify && cat /run/iommu/status.json'
	[[ $output == *"verdict:    match"*"target:     pt (on-mismatch=halt)"* ]]
	: > "$script"
	disk_run vm "$machine" "$script" --iommu none
	[ "$VM_END" = halted ]
	vm_log vm | grep -F "iommu-verify: mismatch: target pt, effective off-for-uio"
	run ! grep -E "EXT4-fs|$SHELL_PROMPTS" <(vm_log vm)
}

# A machine whose /boot is a disk of its own, $boot, wanting pt and halting.
machine_with_boot() {
	machine bookworm initramfs-tools
	in_machine 'mke2fs -q -t ext4 -L iommuboot -d /boot /host/boot.img 200M && rm -rf /boot/* &&
		echo "LABEL=iommuboot /boot ext4 defaults 0 2" >> /etc/fstab' >/dev/null
	cp "$BATS_TEST_TMPDIR/boot.img" "$BATS_TEST_TMPDIR/first.img"
	mkdir -p "$BATS_TEST_TMPDIR/read"
	debugfs -R "rdump / $BATS_TEST_TMPDIR/read" "$boot" 2>/dev/null
	with_boot 'update-grub && iommu-install pt --on-mismatch=halt --backend=grub' \
		--kernel "$(echo "$BATS_TEST_TMPDIR"/read/vmlinuz-*)" \
		--initrd "$(echo "$BATS_TEST_TMPDIR"/read/initrd.img-*)" \
		--append "root=LABEL=iommuroot ro intel_iommu=on iommu=pt"
	vm_wait vm
	[ "$(disk_status vm)" = 0 ] || { vm_log vm | tail -n 40; return 1; }
}

# with_boot SCRIPT ARGS...: starts that machine; BOOT_DRIVE is how QEMU opens $boot.
with_boot() {
	local drive=(-drive "file=$boot,format=raw,if=none,id=boot,cache=unsafe")
	printf '%s\n' "$1" > "$script"
	[[ ${BOOT_DRIVE-} ]] && read -ra drive <<< "$BOOT_DRIVE"
	disk_start vm "$machine" "$script" --iommu intel "${@:2}" -- "${drive[@]}" -device virtio-blk-pci,drive=boot
}

# grub_args: what GRUB would boot by the first entry on $boot, read without replaying its journal.
grub_args() {
	local config kernel initrd words dir=$BATS_TEST_TMPDIR/read
	rm -rf "$dir"
	mkdir "$dir"
	config=$(debugfs -R "cat /grub/grub.cfg" "$boot" 2>/dev/null)
	read -r kernel words < <(sed -n 's/^[[:space:]]*linux[[:space:]]*//p' <<< "$config" | head -n 1)
	initrd=$(sed -n 's/^[[:space:]]*initrd[[:space:]]*//p' <<< "$config" | head -n 1)
	debugfs -R "dump $kernel $dir/kernel" "$boot" 2>/dev/null
	debugfs -R "dump $initrd $dir/initrd" "$boot" 2>/dev/null
	[ -s "$dir/kernel" ]
	[ -s "$dir/initrd" ]
	args=(--kernel "$dir/kernel" --initrd "$dir/initrd" --append "$words")
}

@test "power cuts: at every flush of the boot disk while pt becomes strict, GRUB finds entries that start" {
	machine_with_boot
	gcc -O2 -static -o "$BATS_TEST_TMPDIR/replay" "$BATS_TEST_DIRNAME/../tools/replay.c"
	cp "$BATS_TEST_DIRNAME/.."/lib/{power,judge}.sh "$BATS_TEST_TMPDIR"
	cp --sparse=always "$boot" "$BATS_TEST_TMPDIR/before.img"
	truncate -s 1G "$BATS_TEST_TMPDIR/boot.log"
	grub_args
	BOOT_DRIVE="-blockdev driver=file,filename=$boot,node-name=bootfile
		-blockdev driver=file,filename=$BATS_TEST_TMPDIR/boot.log,node-name=bootlog
		-blockdev driver=blklogwrites,node-name=boot,file=bootfile,log=bootlog,log-sector-size=512"
	BOOT_DRIVE=$(xargs <<< "$BOOT_DRIVE")
	with_boot 'iommu-install strict --backend=grub' "${args[@]}"
	vm_wait vm
	[ "$(disk_status vm)" = 0 ]
	disk_output vm
	run -0 in_machine 'bash /host/power.sh'
	echo "# $output" >&3
}

@test "five power cuts at random instants, each followed by a boot that finishes the change" {
	local mode i
	machine_with_boot
	for i in 1 2 3 4 5; do
		mode=$([ $((i % 2)) = 1 ] && echo strict || echo pt)
		grub_args
		with_boot "echo BEGUN; iommu-install $mode --backend=grub; sync; echo CHANGED; sleep 1000" "${args[@]}"
		vm_expect vm BEGUN
		sleep "$((RANDOM % 30)).$((RANDOM % 10))"
		vm_kill vm
		echo "killed: $(disk_output vm | tail -n 1)"
		grub_args
		echo "${args[*]: -1}"
		with_boot "until [ ! -e /var/lib/iommu/change/journal ]; do sleep 1; done
			iommu-install $mode --backend=grub && iommu-install check && ! ls -A /boot | grep iommu; s=\$?
			cat /etc/iommu.target; exit \$s" "${args[@]}"
		vm_wait vm
		output=$(disk_output vm)
		echo "$output"
		[ "$VM_END $(disk_status vm)" = "poweroff 0" ]
		[[ $output == *"mode=$mode"*"on-mismatch=halt"* ]]
	done
}

@test "rollback after the distribution has installed a kernel in between: every entry that is there boots and matches" {
	machine bookworm initramfs-tools
	cp /etc/resolv.conf "$BATS_TEST_TMPDIR"
	apt-config dump Acquire | grep -E '::(Check-|Proxy|http)' > "$BATS_TEST_TMPDIR/apt.conf" || true
	in_machine 'iommu-install pt --on-mismatch=halt --force && iommu-install strict --force &&
		rm -f /etc/resolv.conf && cp /host/resolv.conf /etc &&
		cp /host/apt.conf /etc/apt/apt.conf.d/host && apt-get -q update &&
		DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install linux-image-rt-amd64' \
		> "$BATS_TEST_TMPDIR/apt" 2>&1 || { tail -n 30 "$BATS_TEST_TMPDIR/apt"; return 1; }
	[ "$(in_machine 'ls /boot/vmlinuz-* | wc -l')" = 2 ]
	in_machine 'iommu-install rollback'
	run -0 in_machine 'mount --bind / /mnt && iommu-install --root /mnt check'
	[ "$(grep -c '^match .* pt by its kernel parameters' <<< "$output")" = 5 ]

	local choice
	printf 'uname -r; iommu-verify\n' > "$script"
	for choice in 0 "1 0" "1 2"; do
		disk_start vm "$machine" "$script" --iommu intel
		# shellcheck disable=SC2086 # one word for each menu
		grub_choose vm $choice
		vm_wait vm
		vm_log vm | grep "verdict:    match"
		[ "$(disk_status vm)" = 0 ]
	done
	# Recovery entries end at a prompt for root, after the check.
	for choice in "1 1" "1 3"; do
		disk_start vm "$machine" "$script" --iommu intel
		# shellcheck disable=SC2086
		grub_choose vm $choice
		vm_expect vm 'iommu-verify: match: target pt'
		vm_expect vm 'EXT4-fs .*mounted filesystem'
		vm_kill vm
	done
}
