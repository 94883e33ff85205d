#!/usr/bin/env bats
# How often the boot loader is read: a change reads the next boot three times at most, a run with nothing to change
# once. Counted with strace, on a Debian 12 system by chroot with boot entries in files of their own.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	quick_machine
	ENTRIES=/boot/loader/entries
}

teardown() {
	machine_end
}

# The kernel's image and COUNT entries in /boot/loader/entries, which nothing but files is needed for.
PREPARE='prepare() {
	local i k
	k=$(ls /lib/modules)
	rm -rf /boot/grub /boot/grub2 /boot/EFI /boot/loader /var/lib/iommu /etc/iommu.target
	mkdir -p /boot/loader/entries /etc/kernel
	echo "root=UUID=1 ro" > /etc/kernel/cmdline
	for ((i = 1; i <= $1; i++)); do
		printf "title Debian %s\nversion %s\nlinux /vmlinuz-%s\ninitrd /initrd.img-%s\n\
options root=UUID=1 ro n=%s\n" $i $k $k $k $i > /boot/loader/entries/entry-$i.conf
	done
	[ -e /boot/initrd.img-$k ] || update-initramfs -c -k $k
	"$2"
}
systemd-boot() {
	mkdir -p /boot/EFI/systemd; echo > /boot/EFI/systemd/systemd-bootx64.efi
	echo "root=UUID=1 ro n=1" > /dev/cmdline
}
bls() {
	mkdir -p /boot/grub2; printf "insmod blscfg\nblscfg\n" > /boot/grub2/grub.cfg; rm -f /usr/sbin/update-grub
	echo "BOOT_IMAGE=/vmlinuz-$(ls /lib/modules) root=UUID=1 ro n=1" > /dev/cmdline
}
'

# opened < TRACE: how often the entry that was opened most often was, and how many entries there were; what is only
# looked up (O_PATH) is not opened.
opened() {
	sed -nE '/O_PATH/d; s#.* openat\(.*"([^"]*/)?entry-([0-9]+)\.conf", .*#\2#p' | sort | uniq -c |
		awk '$1 > n { n = $1 } END { print n + 0, NR }'
}

# listed < TRACE: how often their directory was listed; the last call of each listing returns nothing.
listed() {
	grep -cE "getdents64\([0-9]+<[^>]*$ENTRIES>.* = [1-9]"
}

# counts COUNT LAYOUT: a change, then a run with nothing to change.
counts() {
	local most entries dir=$BATS_TEST_TMPDIR change='iommu-install pt --force --on-mismatch=halt'
	run -0 in_machine "$PREPARE"'set -e; prepare '"$1 $2"'; iommu-install strict --force --on-mismatch=halt'
	# shellcheck disable=SC2154 # machine's
	run -0 strace -f -q -e trace=execve,openat,getdents64 -y -o "$dir/trace" bash -c "$(declare -f in_machine)
		machine=$machine DISK_START=$DISK_START
		in_machine '$PREPARE $2; $change && $change'"
	[[ $output == *"mode pt is set, and read back"*"mode pt is set already; nothing to change"* ]]
	[ "$(in_machine 'cat /boot/loader/entries/*.conf' | grep -c 'options.* iommu=pt')" = "$1" ]
	awk -v dir="$dir" '/execve\(.*"iommu-install", "pt"/ { n++ } n { print > dir "/run-" n }' "$dir/trace"
	[ ! -e "$dir/run-3" ]
	echo "# $2, $1: a change $(opened < "$dir/run-1"), $(listed < "$dir/run-1");" \
		"none $(opened < "$dir/run-2"), $(listed < "$dir/run-2")" >&3
	read -r most entries < <(opened < "$dir/run-1")
	[ "$most" -ge 1 ]
	[ "$most" -le 4 ]
	[ "$entries" = "$1" ]
	[ "$(listed < "$dir/run-1")" -le 4 ]
	read -r most entries < <(opened < "$dir/run-2")
	[ "$most" = 1 ] && [ "$entries" = "$1" ] && [ "$(listed < "$dir/run-2")" = 1 ]
}

@test "systemd-boot: a change opens each of 1, 3 or 10 entries four times at most, and lists them as often at most" {
	for n in 1 3 10; do counts $n systemd-boot; done
}

@test "bls: a change opens each of 1, 3 or 10 entries four times at most, and lists them as often at most" {
	for n in 1 3 10; do counts $n bls; done
}
