#!/usr/bin/env bats
# iommu-install on a real Debian system (real GRUB, dracut, initramfs-tools), without booting it.
bats_require_minimum_version 1.5.0

PT="intel_iommu=on amd_iommu=on iommu=pt"

setup() {
	load ../lib/trees
	load ../lib/machine
	judge=$(cat "$BATS_TEST_DIRNAME/../lib/judge.sh")
}

teardown() {
	machine_end
}

# Every linux line of grub.cfg carries these words, and has an initrd.
entries_carry() {
	run -0 in_machine 'grep -E "^[[:space:]]*linux[[:space:]]" /boot/grub/grub.cfg'
	[ "${#lines[@]}" -ge 2 ]
	local line
	for line in "${lines[@]}"; do
		[[ " $line " == *" $1 "* ]]
	done
	[ "$(in_machine 'grep -c "^[[:space:]]*initrd[[:space:]]" /boot/grub/grub.cfg')" = "${#lines[@]}" ]
}

# fails_with STATUS TEXT: the last `run` ended so, with one line of ours that holds TEXT, and nothing was changed.
fails_with() {
	echo "$output"
	[ "$status" = "$1" ]
	[[ $output == *"iommu-install: "*"$2"* ]]
	[ "$(files_of_machine)" = "$before" ]
}

@test "pt on a machine with initramfs-tools: target, words, image and record are there, and the image holds the check" {
	machine bookworm initramfs-tools
	run -0 in_machine 'iommu-install pt --on-mismatch=halt --force'
	[[ $output == *"mode pt is set, and read back"* ]]
	entries_carry "$PT"
	[ "$(in_machine 'cat /etc/iommu.target')" = $'mode=pt\non-mismatch=halt' ]
	[ "$(in_machine "$judge"'; unpack /boot/initrd.img-* /run/i; cat /run/i/etc/iommu.target')" = \
		$'mode=pt\non-mismatch=halt' ]
	[ "$(in_machine 'ls -A /boot | grep iommu; ls /boot/grub | grep iommu; true')" = "" ]
	[ "$(in_machine 'stat -c "%a %U" /var/lib/iommu')" = "700 root" ]

	# The stand-in that many tests have for update-initramfs puts the same in.
	ours_in_image > "$BATS_TEST_TMPDIR/real"
	cp "$BATS_TEST_DIRNAME/../lib/update-initramfs" "$BATS_TEST_TMPDIR"
	in_machine '/host/update-initramfs -u -k $(ls /lib/modules)'
	diff <(ours_in_image) "$BATS_TEST_TMPDIR/real"
	[ "$(wc -l < "$BATS_TEST_TMPDIR/real")" -ge 5 ]
}

# The check's files in the image, with what they hold.
ours_in_image() {
	in_machine "$judge"'; unpack /boot/initrd.img-* /run/i && cd /run/i
		find . -type f -path "*iommu*" ! -name "iommu-test*" ! -name laid-over -exec sha256sum {} + |
			sed -E "s# \./(usr/)?# #" | sort -k 2'
}

# bats test_tags=boot
@test "the update-grub that remembers says and makes what the real one does, of other settings, scripts, kernels too" {
	quick_machine
	run -0 in_machine 'same() {
			grub-mkconfig -o /run/real 2> /run/said
			for i in 1 2; do
				update-grub -o /run/again 2> /run/said-again
				cmp /run/real /run/again; cmp /run/said /run/said-again
			done
			sum=$(sha256sum < /run/real); [[ $sums != *"$sum"* ]]; sums+=$sum
		}
		set -e; sums=; same; cp /etc/default/grub /run
		echo "GRUB_CMDLINE_LINUX=\"two
lines\"" >> /etc/default/grub; same
		sed -i s/^lines/sunil/ /etc/default/grub; same
		cp /run/grub /etc/default; echo "GRUB_TIMEOUT=7" > /etc/default/grub.d/a.cfg; same
		printf "#!/bin/sh\necho %s\n" "# mine" > /etc/grub.d/40_custom; same
		cp /boot/vmlinuz-6* /boot/vmlinuz-7.0.0; same; rm /boot/vmlinuz-7.0.0
		iommu-install strict --force --initramfs=none; same
		iommu-install pt --force --initramfs=none; same
		chmod -x /etc/grub.d/10_linux; same'
	run ! in_machine 'echo "(" > /etc/default/grub.d/b.cfg; update-grub'
	run ! in_machine 'rm /etc/default/grub.d/b.cfg; echo "GRUB_TERMINAL=none" >> /etc/default/grub; update-grub'
}

# bats test_tags=boot
@test "pt on a machine with dracut: the image holds the check, and dracut is told not to leave it out" {
	machine bookworm dracut
	run -0 in_machine 'iommu-install pt --on-mismatch=halt --force'
	entries_carry "$PT"
	[ "$(in_machine "$judge; target_in /boot/initrd.img-*")" = $'mode=pt\non-mismatch=halt' ]
	in_machine 'grep -q force_add_dracutmodules /etc/dracut.conf.d/50-iommu-verify.conf'
	run -0 in_machine 'iommu-install pt --on-mismatch=warn --force'
	in_machine '[ ! -e /etc/dracut.conf.d/50-iommu-verify.conf ]'
}

# bats test_tags=boot
@test "a second run changes nothing, says so and runs no external command" {
	machine bookworm initramfs-tools
	in_machine 'iommu-install pt --force'
	local before
	before=$(files_of_machine)
	run -0 in_machine 'iommu-install pt --force'
	# Mounted again the disk can have another number, and all is read once more: then --force says what it overrode.
	[[ ${lines[0]} == "mode pt is set already; nothing to change" &&
		$(grep -vc '^--force overrode' <<< "$output") = 1 ]]
	[ "$(files_of_machine)" = "$before" ]
	# A tool that runs leaves a trace.
	in_machine 'iommu-install pt --force
		for f in update-grub update-initramfs gzip zstd; do p=$(command -v $f); mv $p $p.real
		printf "#!/bin/sh\ntouch /called\nexec $p.real \"\$@\"\n" > $p; chmod +x $p; done
		iommu-install pt --force && [ ! -e /called ]'
	# Anything that differs is read back in full, and found to be right.
	run -0 in_machine 'touch /etc/default/grub && iommu-install pt --force && ls /called'
	[[ $output == *"nothing to change"* ]]
}

# bats test_tags=boot
@test "an image that was changed in place, its size and time as before, is read again and made anew" {
	machine bookworm initramfs-tools
	run -0 in_machine 'iommu-install pt --force >/dev/null && iommu-install pt --force &&
		image=$(echo /boot/initrd.img-*) && cp -p "$image" /tmp/as-it-was &&
		printf X | dd of="$image" bs=1 seek=$(($(stat -c %s "$image") / 2)) conv=notrunc status=none &&
		touch -r /tmp/as-it-was "$image" && iommu-install pt --force && rm /tmp/as-it-was &&
		iommu-install pt --force'
	[ "${lines[0]}" = "mode pt is set already; nothing to change" ]
	[[ $output == *"building /boot/initrd.img"*"mode pt is set, and read back"* ]]
	[ "${lines[-1]}" = "mode pt is set already; nothing to change" ]
}

@test "a line that is added in place to a file of modprobe.d is seen by the next run" {
	quick_machine
	run -5 in_machine 'mount -t tmpfs sys /sys && mkdir -p /sys/firmware/acpi/tables &&
		touch /sys/firmware/acpi/tables/DMAR
		echo "# nothing" >/etc/modprobe.d/site.conf; iommu-install pt >/dev/null && iommu-install pt &&
		echo "options vfio enable_unsafe_noiommu_mode=1" >>/etc/modprobe.d/site.conf && iommu-install pt'
	[ "${lines[0]}" = "mode pt is set already; nothing to change" ]
	[[ $output == *"MODPROBE_CONFLICT: /etc/modprobe.d/site.conf:2: "* ]]
}

# bats test_tags=boot
@test "from pt to strict and to off-for-uio every entry gets exactly the new mode's words" {
	quick_machine
	in_machine 'iommu-install pt --force && iommu-install strict --force'
	entries_carry "intel_iommu=on amd_iommu=on"
	run ! in_machine 'grep -q iommu=pt /boot/grub/grub.cfg'
	in_machine 'iommu-install off-for-uio'
	entries_carry "intel_iommu=off amd_iommu=off"
	run ! in_machine 'grep -q iommu=on /boot/grub/grub.cfg'
}

# bats test_tags=boot
@test "policies not given stay as they are in the target; an off mode takes unsafe interrupts back" {
	quick_machine
	in_machine 'iommu-install strict --force --on-mismatch=poweroff --delay=60 --flush=sync \
		--allow-unsafe-interrupts --allow-override'
	[ "$(in_machine 'cat /etc/iommu.target' | xargs)" = \
		"mode=strict on-mismatch=poweroff flush=sync allow-unsafe-interrupts=yes allow-override=yes delay=60" ]
	entries_carry "intel_iommu=on amd_iommu=on iommu.strict=1 vfio_iommu_type1.allow_unsafe_interrupts=1 \
iommufd.allow_unsafe_interrupts=1"
	in_machine 'iommu-install pt --force'
	[ "$(in_machine 'cat /etc/iommu.target' | xargs)" = \
		"mode=pt on-mismatch=poweroff allow-unsafe-interrupts=yes allow-override=yes delay=60" ]
	run ! in_machine 'grep -q iommu.strict /boot/grub/grub.cfg'
	in_machine 'iommu-install off-for-uio --on-mismatch=warn --allow-override=no'
	[ "$(in_machine 'cat /etc/iommu.target' | xargs)" = "mode=off-for-uio" ]
	run ! in_machine 'grep -q unsafe /boot/grub/grub.cfg'
}

@test "policies not given are those of the file, not those that this boot's early check judged by" {
	quick_machine
	in_machine 'printf "mode=pt\non-mismatch=halt\n" > /etc/iommu.target
		tree=$(mktemp -d); mkdir -p $tree/etc; echo mode=pt > $tree/etc/iommu.target; mkdir /run/iommu
		iommu-verify --root $tree --json > /run/iommu/early.json || true
		grep -q "\"on_mismatch\": \"warn\"" /run/iommu/early.json
		iommu-install strict --force --initramfs=none'
	[ "$(in_machine 'cat /etc/iommu.target')" = $'mode=strict\non-mismatch=halt' ]
}

@test "a machine whose firmware offers no IOMMU refuses strict and pt, and takes them with --force" {
	[ -z "$(ls /sys/class/iommu 2>/dev/null)" ] || skip "this machine has an IOMMU"
	quick_machine
	local before
	before=$(files_of_machine)
	local bind='/proc/cpuinfo > /run/cpuinfo; mount --bind /run/cpuinfo /proc/cpuinfo'
	run in_machine "sed 's/ hypervisor//' $bind; iommu-install pt"
	fails_with 5 "FIRMWARE_OFF: the firmware offers no IOMMU (no DMAR or IVRS table)"
	run in_machine "sed 's/^flags.*/& hypervisor/' $bind; iommu-install strict"
	fails_with 5 "NO_VIOMMU: this virtual machine has no IOMMU"
	run -0 in_machine 'iommu-install pt --force'
}

@test "pt is refused where no unit can pass through and a kernel, which is named, then translates" {
	[ -z "$(ls /sys/class/iommu 2>/dev/null)" ] || skip "this machine has an IOMMU"
	quick_machine
	local before made
	before=$(files_of_machine)
	made='mount -t tmpfs iommu /sys/class; mkdir -p /sys/class/iommu/dmar0/intel-iommu
		mount -t tmpfs groups /sys/kernel; mkdir -p /sys/kernel/iommu_groups/0
		echo DMA > /sys/kernel/iommu_groups/0/type; echo f00f1e > /sys/class/iommu/dmar0/intel-iommu/ecap'
	later='cp /boot/vmlinuz-6.1.* /boot/vmlinuz-6.12.0-1-amd64; mkdir -p /lib/modules/6.12.0-1-amd64'
	run -0 in_machine "$made; iommu-install pt --dry-run"
	run in_machine "$made; $later; iommu-install pt"
	[ "$status" = 5 ]
	[[ $output == *"PASSTHROUGH_IMPOSSIBLE: "*"kernel 6.12.0-1-amd64 then translates"* ]]
	run -0 in_machine "$made; iommu-install strict --dry-run"
}

@test "off-for-vfio on Debian's kernel is refused, which has no noiommu" {
	quick_machine
	local before
	before=$(files_of_machine)
	run in_machine 'iommu-install off-for-vfio'
	fails_with 5 "NOIOMMU_UNSUPPORTED: the vfio module of kernel 6.1"
}

@test "a line in modprobe.d that the mode excludes is refused with file and line; --force sets the mode all the same" {
	quick_machine
	in_machine 'printf "# ours\noptions vfio enable_unsafe_noiommu_mode=1\n" > /etc/modprobe.d/dpdk.conf
		echo "options vfio_iommu_type1 disable_hugepages=1 allow-unsafe-interrupts" > /etc/modprobe.d/kvm.conf'
	local before
	before=$(files_of_machine)
	run in_machine 'mount -t tmpfs sys /sys && mkdir -p /sys/firmware/acpi/tables &&
		touch /sys/firmware/acpi/tables/DMAR && iommu-install strict'
	fails_with 5 "MODPROBE_CONFLICT: /etc/modprobe.d/dpdk.conf:2: "
	run in_machine 'sed -i 2d /etc/modprobe.d/dpdk.conf
		mount -t tmpfs sys /sys && mkdir -p /sys/firmware/acpi/tables &&
		touch /sys/firmware/acpi/tables/DMAR && iommu-install strict'
	fails_with 5 "MODPROBE_CONFLICT: /etc/modprobe.d/kvm.conf:1: "
	run -0 in_machine 'iommu-install strict --force --initramfs=none'
	entries_carry "intel_iommu=on amd_iommu=on"
}

# bats test_tags=boot
@test "an install line that keeps vfio from loading is refused for off-for-vfio, one that modprobe passes over is not" {
	quick_machine
	in_machine 'printf "# ours\ninstall vfio /bin/false\n" > /etc/modprobe.d/no-vfio.conf'
	load ../lib/noiommu
	cp "$(noiommu_modules)/vfio.ko" "$BATS_TEST_TMPDIR"
	in_machine 'cp /host/vfio.ko /lib/modules/*/kernel/drivers/vfio && depmod $(ls /lib/modules)'
	# modprobe passes over it, as vfio has soft dependencies (libkmod).
	run -0 in_machine 'iommu-install off-for-vfio --initramfs=none && iommu-install remove --initramfs=none'
	in_machine 'sed -i "/^softdep vfio /d" /lib/modules/*/modules.softdep'
	local before
	before=$(files_of_machine)
	run in_machine 'iommu-install off-for-vfio'
	fails_with 5 "MODPROBE_CONFLICT: /etc/modprobe.d/no-vfio.conf:2: an install line"
	run -0 in_machine 'iommu-install off-for-uio --initramfs=none'
}

@test "a flush policy is refused where a kernel is older than 5.15 and can't tell it" {
	quick_machine
	in_machine 'truncate -s 64K /boot/vmlinuz-5.10.0-9-amd64 && cp /boot/config-6* /boot/config-5.10.0-9-amd64 &&
		mkdir /lib/modules/5.10.0-9-amd64 &&
		update-grub 2>/dev/null'
	local before
	before=$(files_of_machine)
	run in_machine 'mount -t tmpfs sys /sys && mkdir -p /sys/firmware/acpi/tables &&
		touch /sys/firmware/acpi/tables/DMAR && iommu-install strict --flush=lazy'
	fails_with 5 "FLUSH_UNSUPPORTED: kernel 5.10.0-9-amd64 "
}

@test "a line that would be longer than the kernel reads is refused, and the entry is named" {
	quick_machine
	in_machine 'echo "GRUB_CMDLINE_LINUX=\"$(printf "%01990d" 0 | sed s/^/pad=/)\"" >> /etc/default/grub &&
		update-grub 2>/dev/null'
	local before
	before=$(files_of_machine)
	run in_machine 'iommu-install off-for-uio'
	fails_with 5 "CMDLINE_TOO_LONG: boot entry Debian GNU/Linux (/boot/grub/grub.cfg:"
	[[ $output =~ "its kernel command line would have 2"[0-9]+" bytes, and the kernel reads 2047" ]]
}

@test "a policy that stops is refused where there is no evidence to judge by; one that warns is not" {
	quick_machine
	local before
	before=$(files_of_machine)
	run in_machine 'mount -t tmpfs sys /sys; iommu-install off-for-uio --on-mismatch=halt'
	fails_with 5 "CANNOT_JUDGE: a policy that stops the boot "
	run -0 in_machine 'mount -t tmpfs sys /sys; iommu-install off-for-uio --initramfs=none'
}

@test "on-late-mismatch=same is written and kept, and default takes it out again" {
	quick_machine
	in_machine 'iommu-install pt --force --on-mismatch=halt --on-late-mismatch=same --initramfs=none &&
		iommu-install strict --force --initramfs=none'
	[ "$(in_machine 'cat /etc/iommu.target')" = $'mode=strict\non-mismatch=halt\non-late-mismatch=same' ]
	in_machine 'iommu-install strict --force --on-late-mismatch=warn --initramfs=none'
	[ "$(in_machine 'cat /etc/iommu.target')" = $'mode=strict\non-mismatch=halt' ]
}

@test "the commands of our own pieces refuse wrong arguments, and the root directory as an image" {
	run -1 "$INSTALLER" internal-words one
	[[ $output == "iommu-install: internal-words: wrong arguments for an internal command"* ]]
	run -1 "$INSTALLER" internal-image / / 6.1.0
	[[ $output == "iommu-install: /: an image is never built in the root directory"* ]]
	run -1 "$INSTALLER" internal-image /nonexistent "$BATS_TEST_TMPDIR" 6.1.0
	[[ $output == "iommu-install: /nonexistent: No such file or directory"* ]]
}

@test "a container, a live system, Xen's dom0 and a virtio-iommu are refused, each by its name" {
	quick_machine
	local before
	before=$(files_of_machine)
	run in_machine 'touch /run/.containerenv; iommu-install pt --force'
	fails_with 5 "CONTAINER: "
	run in_machine 'mkdir /run/u /run/w && mount -t overlay o -o lowerdir=/,upperdir=/run/u,workdir=/run/w /mnt &&
		chroot /mnt iommu-install pt --force'
	fails_with 5 "LIVE_SYSTEM: / is an overlay"
	run in_machine 'mount -t tmpfs sys /sys && mkdir -p /sys/hypervisor/properties &&
		echo 00002f05 > /sys/hypervisor/properties/features && iommu-install pt --force'
	fails_with 5 "XEN_DOM0: "
	run in_machine 'mount -t tmpfs sys /sys && mkdir -p /sys/firmware/acpi/tables &&
		touch /sys/firmware/acpi/tables/VIOT && iommu-install off-for-uio'
	fails_with 5 "VIRTIO_IOMMU: "
}

@test "bad usage: unknown mode, bad value, contrary options: one line, nothing changed" {
	quick_machine
	local before
	before=$(files_of_machine)
	run in_machine 'iommu-install passthrough'
	fails_with 1 "passthrough: no such command or mode"
	run in_machine 'iommu-install pt --on-mismatch=stop --force'
	fails_with 1 "--on-mismatch: use "
	run in_machine 'iommu-install pt --flush=sync --force'
	fails_with 1 "only mode=strict"
	run in_machine 'iommu-install off-for-uio --allow-unsafe-interrupts'
	fails_with 1 "mode off-for-uio has no interrupt remapping to go without"
	run in_machine 'iommu-install pt --on-mismatch=reboot --delay=5 --force'
	fails_with 1 "at least 30 seconds"
	run in_machine 'iommu-install pt --backend=lilo --force'
	fails_with 1 "--backend: use "
	run in_machine 'iommu-install pt --initramfs=mkinitrd --force'
	fails_with 1 "--initramfs: use initramfs-tools, dracut, mkinitcpio or none"
	run in_machine 'iommu-install pt --emit=grub'
	fails_with 1 "--emit: use kargs.d, ukify-addon, machineconfig or talos"
	run in_machine 'iommu-install pt --backend=uki --force'
	fails_with 5 "BOOTLOADER_UNSUPPORTED"
	run in_machine 'setpriv --reuid=65534 iommu-install pt'
	fails_with 1 "needs root"
}

@test "a file of ours that is no text any more is named, and nothing is changed" {
	quick_machine
	in_machine 'printf "mode=pt\n\0" > /etc/iommu.target'
	local before
	before=$(files_of_machine)
	run in_machine 'iommu-install off-for-uio'
	fails_with 1 "/etc/iommu.target: "
}

@test "a read-only /boot is refused" {
	quick_machine
	local before
	before=$(files_of_machine)
	run in_machine 'mount --bind /boot /boot && mount -o remount,ro,bind /boot && iommu-install pt --force'
	fails_with 5 BOOT_READONLY
}

@test "a full /boot is refused before anything is written" {
	quick_machine
	local before
	before=$(files_of_machine)
	run in_machine 'mkdir /b && mount -t tmpfs -o size=60m tmpfs /b && cp -a /boot/. /b && mount --move /b /boot &&
		head -c 100m /dev/zero > /boot/fill; iommu-install pt --force'
	fails_with 5 BOOT_SPACE
}

@test "without update-grub, or without a generator, nothing is changed" {
	quick_machine
	in_machine 'mv /usr/sbin/update-grub /root'
	local before
	before=$(files_of_machine)
	run in_machine 'iommu-install pt --force'
	fails_with 1 "update-grub is missing"
	in_machine 'mv /root/update-grub /usr/sbin; mv /usr/sbin/update-initramfs /root'
	run in_machine 'iommu-install pt --force'
	fails_with 1 "update-initramfs, dracut or mkinitcpio is missing"
}

@test "without a boot menu, or a boot loader that is known, a mode is refused with the words to put there" {
	quick_machine
	in_machine 'rm /boot/grub/grub.cfg'
	local before
	before=$(files_of_machine)
	run in_machine 'iommu-install pt --force'
	fails_with 5 "NO_ENTRY"
	[[ $output == *"add the kernel parameters '$PT' by hand"* ]]
	in_machine 'mv /usr/sbin/grub-mkconfig /usr/sbin/update-grub /root'
	run in_machine 'iommu-install pt --force'
	fails_with 5 "BOOTLOADER_UNSUPPORTED"
	[[ $output == *"add the kernel parameters '$PT' by hand"* ]]
}

# replace PROGRAM SCRIPT: another program in its place.
replace() {
	in_machine "mv \$(command -v $1) /root/$1.real; cat > /usr/sbin/$1 <<'EOF'
#!/bin/sh
$2
EOF
chmod +x /usr/sbin/$1"
}

@test "an update-grub that fails, does nothing, or writes half: every file as before, images too" {
	quick_machine
	local before
	before=$(files_of_machine)
	replace update-grub 'exit 1'
	run in_machine 'iommu-install pt --force'
	fails_with 1 "update-grub failed (status 1)"
	replace update-grub 'exit 0'
	run in_machine 'iommu-install pt --force'
	fails_with 1 "wrote nothing"
	replace update-grub 'head -c 3000 /boot/grub/grub.cfg > "$2"'
	run in_machine 'iommu-install pt --force'
	fails_with 1 "grub.cfg.iommu"
	replace update-grub 'grub-mkconfig -o "$2" && sed -i "/initrd/d" "$2"'
	run in_machine 'iommu-install pt --force'
	fails_with 1 "it has no initramfs"
}

# bats test_tags=boot
@test "an update-grub that ignores -o: kept if right, put back if not" {
	quick_machine
	local before
	before=$(files_of_machine)
	replace update-grub 'grub-mkconfig -o /boot/grub/grub.cfg && sed -i s/iommu=pt/iommu=p/ /boot/grub/grub.cfg'
	run in_machine 'iommu-install pt --force'
	fails_with 1 "does not have exactly"
	replace update-grub 'grub-mkconfig -o /boot/grub/grub.cfg'
	run -0 in_machine 'iommu-install pt --force'
	entries_carry "$PT"
}

@test "a change is pending for the late check from before its first file until it has failed" {
	quick_machine
	replace update-grub 'cp /run/iommu/pending /host/seen; exit 1'
	run -0 in_machine '! iommu-install pt --force && ! ls /run/iommu/pending
		mkdir -p /run/iommu && touch /run/iommu/pending && ! iommu-install pt --force && ls /run/iommu/pending'
	grep -x mode=pt "$BATS_TEST_TMPDIR/seen"
}

@test "an update-initramfs that fails or does nothing: every file as before" {
	quick_machine
	local before
	before=$(files_of_machine)
	replace update-initramfs 'echo no space left; exit 1'
	run in_machine 'iommu-install pt --force'
	fails_with 1 "update-initramfs failed (status 1)"
	replace update-initramfs 'exit 0'
	run in_machine 'iommu-install pt --force'
	fails_with 1 "holds no target"
}

# bats test_tags=boot
@test "a dracut that fails, does nothing or writes rubbish: every file as before" {
	machine bookworm dracut
	local before
	before=$(files_of_machine)
	replace dracut 'exit 1'
	run in_machine 'iommu-install pt --force'
	fails_with 1 "dracut failed (status 1)"
	replace dracut 'exit 0'
	run in_machine 'iommu-install pt --force'
	fails_with 1 "No such file"
	replace dracut 'for a; do case $a in /boot/*) echo rubbish > "$a";; esac; done'
	run in_machine 'iommu-install pt --force'
	fails_with 1 "is no initramfs"
}

@test "--dry-run as an ordinary user shows diffs, commands and the words of each entry, and that is what then happens" {
	quick_machine
	in_machine 'update-grub 2>/dev/null' # here / has another name than in the boot that made the disk
	local before
	before=$(files_of_machine)
	run -4 in_machine 'setpriv --reuid=65534 --regid=65534 --clear-groups iommu-install --dry-run pt \
		--on-mismatch=halt --force'
	local shown=$output
	[ "$(files_of_machine)" = "$before" ]
	[[ $shown == *"+++ /etc/iommu.target"*"+mode=pt"*"+on-mismatch=halt"* ]]
	[[ $shown == *"+++ /etc/default/grub.d/zzz-iommu.cfg"*"+iommu_words='$PT'"* ]]
	[[ $shown == *"update-initramfs -u -k 6.1."* ]]
	[[ $shown == *"update-grub -o /boot/grub/grub.cfg.iommu"* ]]
	# Debian's grub.cfg is root's alone.
	[[ $shown == *"needs root to read it"* ]]
	run -0 in_machine 'iommu-install --dry-run pt --on-mismatch=halt --force'
	[ "$(files_of_machine)" = "$before" ]
	shown=$output

	in_machine 'iommu-install pt --on-mismatch=halt --force'
	local promised happened
	promised=$(sed -n '/^entries of/,$s/^  [0-9][^ ]*\( (.*)\)\?: //p' <<< "$shown")
	happened=$(in_machine \
		'sed -n "s/^[[:space:]]*linux[[:space:]]*[^ ]*vmlinuz[^ ]*[[:space:]]*//p" /boot/grub/grub.cfg')
	[ "$promised" = "$happened" ]
	[ "$(sed -n 's/^+\([^+]\)/\1/p' <<< "$shown" | grep -c .)" = \
		"$(in_machine 'cat /etc/iommu.target /etc/default/grub.d/zzz-iommu.cfg' | grep -c .)" ]
}

@test "show needs no root but for the next boot, and its JSON has the same facts" {
	quick_machine
	run -0 in_machine 'iommu-install pt --force >/dev/null; iommu-install show; echo ---; iommu-install --json'
	[[ $output == *"target:     pt (on-mismatch=warn)"* ]]
	[[ $output == *"next boot:  pt"* ]]
	output=${output#*---}
	[ "$(json '[.schema, .target.mode, .next_boot, .iommufd, .vfio_cdev] | @csv')" = '1,"pt","pt",false,0' ]
}

@test "two at once: the second one says that another is at work" {
	quick_machine
	run in_machine 'mkdir -m 700 -p /var/lib/iommu; exec 9>/var/lib/iommu/lock; flock 9; iommu-install pt --force'
	[ "$status" = 1 ]
	[[ $output == *"at work"* ]]
}
