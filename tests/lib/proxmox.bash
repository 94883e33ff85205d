# A stand-in for a Proxmox machine, made of a Debian 12 disk: two EFI system partitions that are not mounted, kept alike
# by proxmox-boot-tool. The partitions are ext4, as not every kernel that runs the tests knows FAT.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# shellcheck source=tests/lib/machine.bash
. "${BASH_SOURCE[0]%/*}/machine.bash"
# shellcheck source=tests/lib/carry.bash
. "${BASH_SOURCE[0]%/*}/carry.bash"

# shellcheck disable=SC2034 # for the tests
ESPS=(1111-AAAA 2222-BBBB)
RELEASES=(6.8.4-1-pve 6.8.12-4-pve)

# proxmox_machine systemd-boot|grub|both: makes $machine and its partitions, filled by the tool. The first one starts
# it, in a UEFI machine (systemd-boot, and GRUB on the second partition for `both`) or not (grub). Debian's GRUB is
# there too, with the very same line in its own grub.cfg. With PROXMOX=DIR, the sources of proxmox-kernel-helper, the
# tool is the real one.
proxmox_machine() {
	local uuid dir=$BATS_TEST_TMPDIR
	machine bookworm initramfs-tools || return
	for uuid in "${ESPS[@]}"; do
		rm -rf "$dir/esp"
		mkdir -p "$dir/esp/EFI/proxmox"
		case $1 in
		grub) mkdir "$dir/esp/grub" ;;
		both | systemd-boot)
			if [[ $1 = both && $uuid = "${ESPS[1]}" ]]; then
				mkdir "$dir/esp/grub"
				: >"$dir/esp/EFI/proxmox/grubx64.efi"
			else
				mkdir -p "$dir/esp/loader/entries"
				echo 'default proxmox-*' >"$dir/esp/loader/loader.conf"
			fi
			;;
		esac
		truncate -s 24M "$dir/$uuid.img" && mke2fs -q -t ext4 -d "$dir/esp" "$dir/$uuid.img" || return
	done
	cp "${BASH_SOURCE[0]%/*}/"{proxmox-boot-tool,update-initramfs} "$dir"
	[ -z "${PROXMOX:-}" ] || cp -r "$PROXMOX/src" "$dir/real"
	printf '%s\n' "${ESPS[@]}" >"$dir/list"
	echo "$1" >"$dir/kind"
	: >"$dir/running"
	in_proxmox_machine "$(declare -f proxmox_setup proxmox_kernel proxmox_booted); proxmox_setup ${RELEASES[*]}"
}

# In the machine: our two kernels, whose files nobody looks into, the tool, and what it makes.
proxmox_setup() {
	set -e
	local debian release kind
	kind=$(cat /host/kind)
	debian=$(basename /boot/vmlinuz-*) debian=${debian#vmlinuz-}
	install /host/update-initramfs /usr/sbin/update-initramfs
	rm /boot/initrd.img-*
	if [ -d /host/real ]; then
		install -D /host/real/bin/proxmox-boot-tool /usr/sbin/proxmox-boot-tool
		install -D /host/real/proxmox-boot/functions /usr/share/proxmox-kernel-helper/scripts/functions
		install /host/real/proxmox-boot/zz-proxmox-boot /host/real/proxmox-boot/proxmox-auto-removal \
			/etc/kernel/postinst.d
		install /host/real/proxmox-boot/proxmox-boot-sync /etc/initramfs/post-update.d
		install /host/real/proxmox-boot/000_proxmox_boot_header /etc/grub.d
	else
		install /host/proxmox-boot-tool /usr/sbin
		install /host/proxmox-boot-tool /etc/kernel/postinst.d/zz-proxmox-boot
		install /host/proxmox-boot-tool /etc/initramfs/post-update.d/proxmox-boot-sync
		install /host/proxmox-boot-tool /etc/grub.d/000_proxmox_boot_header
	fi
	mv "/lib/modules/$debian" /lib/modules/pve
	mv "/boot/config-$debian" /boot/config
	rm "/boot/vmlinuz-$debian" "/boot/System.map-$debian"
	# Without the list none of it does anything yet.
	for release; do proxmox_kernel "$release" >/var/log/kernel 2>&1 || { cat /var/log/kernel; return 1; }; done
	update-grub 2>/dev/null
	sed -n 's/^[[:space:]]*linux[[:space:]]*[^ ]* *//p' /boot/grub/grub.cfg | head -n 1 >/etc/kernel/cmdline
	cp /host/list /etc/kernel/proxmox-boot-uuids
	proxmox-boot-tool refresh >/var/log/refresh 2>&1 || { cat /var/log/refresh; return 1; }
	proxmox_booted
}

# In the machine: from now on it is as if the first partition's first entry had booted it.
proxmox_booted() {
	mount /dev/disk/by-uuid/1111-AAAA /mnt
	if [ -d /mnt/loader ]; then
		sed -n 's/^options */initrd=\\EFI\\proxmox\\6.8.12-4-pve\\initrd.img-6.8.12-4-pve /p' \
			/mnt/loader/entries/*
	else
		sed -n 's/^[[:space:]]*linux[[:space:]]*/BOOT_IMAGE=/p' /mnt/grub/grub.cfg
	fi | head -n 1 >/host/running
	umount /mnt
}

# In the machine: installs a kernel of that release as its package does.
proxmox_kernel() {
	ln -s pve "/lib/modules/$1"
	cp /boot/config "/boot/config-$1"
	truncate -s 64K "/boot/vmlinuz-$1"
	printf '%s\n' "Package: proxmox-kernel-$1" 'Status: install ok installed' 'Architecture: amd64' 'Version: 1' \
		'Maintainer: nobody' 'Description: nothing' '' >>/var/lib/dpkg/status
	DPKG_RUNNING_VERSION=1 INITRAMFS_TOOLS_KERNEL_HOOK=1 run-parts --arg="$1" /etc/kernel/postinst.d
}

# in_proxmox_machine SCRIPT: in_machine, with its partitions' disks. $BOOTED is what a UEFI machine is told to be
# started by.
in_proxmox_machine() {
	echo "${BOOTED-systemd-boot 252.17-1}" >"$BATS_TEST_TMPDIR/booted"
	in_machine "$LOOP_NODES; $(declare -f proxmox_disks); proxmox_disks; $1"
}

# They are gone when the script has ended, and nothing has them mounted.
# shellcheck disable=SC2317,SC2034 # called in the machine; what has a number stays open
proxmox_disks() {
	local image loop fd letter=b
	for image in /host/*-*.img; do
		loop=$(losetup --find --show "$image")
		mknod "/dev/vd${letter}1" b "$(stat -c 0x%t "$loop")" "$(stat -c 0x%T "$loop")"
		ln -s "../../vd${letter}1" "/dev/disk/by-uuid/$(basename "$image" .img)"
		exec {fd}<"$loop"
		losetup -d "$loop"
		letter=$(echo "$letter" | tr b-y c-z)
	done
	mount -t tmpfs tmpfs /sys/firmware
	if [ "$(cat /host/kind)" != grub ]; then
		mkdir -p /sys/firmware/efi/efivars
		{ printf '\6\0\0\0' && printf '%s\0' "$(cat /host/booted)" | iconv -t UTF-16LE; } \
			>/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f
	fi
	[ ! -s /host/running ] || mount --bind /host/running /proc/cmdline
}

# In the machine: each partition at /esp/UUID, where it can be mounted.
# shellcheck disable=SC2317 # called in the machine
esps_mount() {
	local uuid
	for uuid in /dev/disk/by-uuid/????-????; do
		uuid=${uuid##*/}
		mkdir -p "/esp/$uuid"
		mount "/dev/disk/by-uuid/$uuid" "/esp/$uuid" 2>/dev/null || :
	done
}

# on_esps SCRIPT: a script in the machine that has them there.
on_esps() {
	in_proxmox_machine "$(declare -f esps_mount); esps_mount; $1"
}

# In the machine: a line for each file on each partition, with what it holds; then the same for what else a change may
# touch, but for images in /boot.
# shellcheck disable=SC2317 # called in the machine
proxmox_state() {
	local uuid
	esps_mount
	find /esp -type f | sort | xargs -r sha256sum
	for uuid in /esp/*; do ! mountpoint -q "$uuid" || umount "$uuid"; done
	echo
	find /etc/iommu.target /etc/kernel /etc/default /boot -path '/boot/initrd.img-*-pve' -o -type f \
		-printf '%p %m %U:%G ' -exec sha256sum {} \; 2>/dev/null | sort
}

state() {
	in_proxmox_machine "$(declare -f esps_mount proxmox_state); proxmox_state 2>/dev/null"
}

# esp_lines: each entry's line, on each partition, without the kernel.
esp_lines() {
	on_esps 'sed -n "s/^options *//p" /esp/*/loader/entries/*.conf
		sed -n "s/^[[:space:]]*linux[[:space:]]*[^ ]* //p" /esp/*/grub/grub.cfg; :' 2>/dev/null
}

# carried COUNT WORDS: that many lines on all partitions, each with these words once and none that contradicts them;
# what is foreign is there too.
carried() {
	local lines line
	mapfile -t lines < <(esp_lines)
	printf '%s\n' "${lines[@]}"
	[ "${#lines[@]}" = "$1" ] || { echo "${#lines[@]} lines, not $1"; return 1; }
	for line in "${lines[@]}"; do
		line=" ${line/iommu=noagp/foreign} "
		[[ $line == *" $2 "* && $line == *" foreign "* && $line == *" crypt=a,b "* ]] ||
			{ echo "without '$2': $line"; return 1; }
		line=${line/ $2 / }
		[[ $line != *iommu[.=_]* ]] || { echo "more than '$2': $line"; return 1; }
	done
}

# refused STATUS TEXT SCRIPT [OPTION...]: after SCRIPT, which has the partitions at /esp/UUID, setting a mode is refused
# by one line with TEXT, and nothing is changed.
refused() {
	run "-$1" in_proxmox_machine "set -e; $(declare -f esps_mount proxmox_state)
		esps_mount; $3
		cd /
		for uuid in /esp/*; do ! mountpoint -q \$uuid || umount \$uuid; done
		proxmox_state >/tmp/before 2>/dev/null
		status=0; iommu-install pt --force --initramfs=none ${*:4} || status=\$?
		proxmox_state 2>/dev/null | diff - /tmp/before || exit 99
		exit \$status"
	echo "$output"
	[[ $output == *"iommu-install: "*"$2"* && $(wc -l <<<"$output") = 1 ]]
}

# proxmox_four_modes KIND COUNT: each mode, in so many lines; after the third one a kernel is added as its package does
# it, which takes the oldest one's place. Foreign words and comments stay. A refresh of the tool finds nothing to
# change, ever. Then back.
proxmox_four_modes() {
	local mode words before
	proxmox_machine "$1"
	# shellcheck disable=SC2016 # for the machine's shell
	in_proxmox_machine "$(declare -f proxmox_booted)"'
		sed -i "1s/$/ iommu=soft,noagp crypt=a,b/; \$a # mine" /etc/kernel/cmdline
		printf "# mine\nGRUB_CMDLINE_LINUX=\"console=ttyS0 no_timer_check iommu=soft,noagp crypt=a,b\"\n" \
			> /etc/default/grub
		proxmox-boot-tool refresh && proxmox_booted' >/dev/null 2>&1
	while read -r mode words; do
		in_proxmox_machine "iommu-install $mode --force --on-mismatch=halt"
		carried "$2" "$words" || return
		if [ "$mode" = strict ]; then
			in_proxmox_machine "$(declare -f proxmox_kernel); proxmox_kernel 6.8.12-9-pve" >/dev/null 2>&1
			carried "$2" "$words" || return
		fi
		before=$(state)
		in_proxmox_machine 'proxmox-boot-tool refresh' >/dev/null 2>&1
		diff <(state) <(echo "$before") || return
	done <<< "$FOUR_MODES"
	in_proxmox_machine 'grep -x "# mine" /etc/kernel/cmdline /etc/default/grub'
	in_proxmox_machine 'iommu-install rollback'
	carried "$2" "intel_iommu=on amd_iommu=on"
}

# proxmox_gives_back KIND: rollback of the first change gives every file back, remove takes everything out again; a
# kernel that came since has none of the words then.
proxmox_gives_back() {
	local before output
	proxmox_machine "$1"
	before=$(state)
	in_proxmox_machine 'iommu-install pt --force --on-mismatch=halt'
	[ "$(state)" != "$before" ] || return
	in_proxmox_machine 'iommu-install rollback'
	diff <(state) <(echo "$before") || return
	in_proxmox_machine "$(declare -f proxmox_kernel)"'; iommu-install pt --force --on-mismatch=halt
		proxmox_kernel 6.8.12-9-pve && iommu-install remove' >/dev/null 2>&1
	output=$(esp_lines)
	echo "$output"
	[[ $output == *root=* && $output != *iommu* ]] || return
	on_esps '[ -e /esp/1111-AAAA/EFI/proxmox/6.8.12-9-pve ] || [ -e /esp/2222-BBBB/vmlinuz-6.8.12-9-pve ]
		! ls /etc/iommu.target /etc/default/grub.d/zzz-iommu.cfg 2>/dev/null || exit 1
		! grep iommu /etc/kernel/cmdline'
}
