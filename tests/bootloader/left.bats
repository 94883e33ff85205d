#!/usr/bin/env bats
# Entries of this system that a change can't make right, on a Debian 12 disk by chroot: a menu entry by hand, a copy of
# kernel and image, kernels without an initramfs; the default and others, under a policy that warns and one that stops.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	quick_machine
}

teardown() {
	machine_end
}

# A machine with a DMAR table, for a script in it.
SYS='mount -t tmpfs sys /sys/firmware; mkdir -p /sys/firmware/acpi/tables; touch /sys/firmware/acpi/tables/DMAR'

# by_hand [DEFAULT]: an entry by hand, with this system's kernel and image and without the words; it, or entry 0, is
# started by default.
by_hand() {
	in_machine 'k=$(ls /lib/modules)
		printf "#!/bin/sh\nexec tail -n +3 \$0\n\
menuentry \"Mine\" --id \"mine\" {\n linux /boot/vmlinuz-%s root=UUID=1 ro\n\
 initrd /boot/initrd.img-%s\n}\n" $k $k > /etc/grub.d/40_custom; chmod 755 /etc/grub.d/40_custom
		echo "GRUB_DEFAULT='"${1:-0}"'" >> /etc/default/grub; update-grub 2> /dev/null'
}

# set_mode STATUS OPTION...: pt with these options ends so; its object is in $output.
set_mode() {
	local expected=$1
	shift
	run --separate-stderr in_machine "$SYS; iommu-install pt --backend=grub --json $*"
	echo "$output"
	echo "$stderr"
	[ "$status" = "$expected" ]
}

# listed FILTER: of the entries that check has.
listed() {
	in_machine "$SYS; iommu-install check --json || :" | jq -r "[.entries[] | $1] | join(\" \")"
}

# state: all of /boot and /etc by content but the images: those are made anew.
state() {
	in_machine 'find /boot /etc -type f ! -name "initrd.img*" -exec sha256sum {} + | sort'
}

# bats test_tags=boot
@test "a custom entry that is the default, under a policy that stops: refused before anything is built" {
	by_hand mine
	local before
	before=$(state)
	set_mode 5 --on-mismatch=halt
	[ "$(jq -r .refusal.code <<< "$output")" = ENTRY_WOULD_STOP ]
	# By its title, and where it is.
	[[ $(jq -r .refusal.message <<< "$output") == *Mine*/boot/grub/grub.cfg:[0-9]* ]]
	diff <(state) <(echo "$before")
	set_mode 0 --on-mismatch=halt --force
	[ "$(jq -c .overridden <<< "$output")" = '["ENTRY_WOULD_STOP"]' ]
}

# bats test_tags=boot
@test "a custom entry under a policy that warns is named, not counted, and stays as it is" {
	by_hand mine
	set_mode 0
	[ "$(jq -r '[.notices[].code] | join(" ")' <<< "$output")" = ENTRY_UNEDITED ]
	in_machine "$SYS; iommu-install check"
	[ "$(listed 'select(.title == "Mine") | "\(.counted) \(.would_stop) \(.why != null)"')" = "false false true" ]
	in_machine 'grep -x " linux /boot/vmlinuz-[^ ]* root=UUID=1 ro" /boot/grub/grub.cfg'
}

# bats test_tags=boot
@test "a custom entry that is not the default, under a policy that stops: done, and it is said that it would stop" {
	by_hand 0
	set_mode 0 --on-mismatch=halt
	[ "$(jq -r '[.notices[].code] | join(" ")' <<< "$output")" = ENTRY_UNEDITED ]
	[ "$(jq .reboot.safe <<< "$output")" = true ]
	in_machine "$SYS; iommu-install check"
	[ "$(listed 'select(.title == "Mine") | "\(.counted) \(.would_stop)"')" = "false true" ]
	# With the words in it, it is like the others.
	in_machine 'sed -i "s/root=UUID=1 ro/& intel_iommu=on amd_iommu=on iommu=pt/" /etc/grub.d/40_custom
		sed -i "s/^GRUB_DEFAULT=.*/GRUB_DEFAULT=mine/" /etc/default/grub; update-grub 2> /dev/null'
	set_mode 0 --on-mismatch=halt
	[ "$(jq -r .notices[].code <<< "$output")" = "" ]
	[ "$(listed 'select(.title == "Mine").would_stop')" = false ]
}

# bats test_tags=boot
@test "a copy of kernel and image has no check: the default is refused under a policy that stops, else it is named" {
	in_machine 'k=$(ls /lib/modules); cp /boot/vmlinuz-$k /boot/vmlinuz-$k.safe
		cp /boot/initrd.img-$k /boot/initrd.img-$k.safe
		echo GRUB_DISABLE_SUBMENU=y >> /etc/default/grub; update-grub 2> /dev/null
		grep "^[[:space:]]*linux.*safe" /boot/grub/grub.cfg'
	[[ $(listed 'select(.default).image') == *.safe ]]
	set_mode 5 --on-mismatch=halt
	[ "$(jq -r .refusal.code <<< "$output")" = IMAGE_WITHOUT_CHECK ]
	[[ $(jq -r .refusal.message <<< "$output") == *Debian*/boot/grub/grub.cfg:[0-9]* ]]
	in_machine 'echo GRUB_DEFAULT=2 >> /etc/default/grub; update-grub 2> /dev/null'
	set_mode 0 --on-mismatch=halt
	[ "$(jq -r '[.notices[].code] | join(" ")' <<< "$output")" = ENTRY_UNCHECKED ]
	[ "$(listed 'select(.image | endswith(".safe")) | "\(.counted) \(.would_stop) \(.verdict)"')" = \
		"true true mismatch true true mismatch" ]
	# Its line has the words all the same.
	[ "$(listed 'select(.mode == "pt").mode')" = "pt pt pt pt" ]
}

# bats test_tags=boot
@test "a kernel built by hand without an initramfs, and one left over without modules: the others are set" {
	in_machine 'k=$(ls /lib/modules); cp -a /lib/modules/$k /lib/modules/5.0.0-mine
		echo "stands in" > /boot/vmlinuz-5.0.0-mine; echo "stands in" > /boot/vmlinuz-4.9.0-gone
		cp /boot/config-$k /boot/config-5.0.0-mine; update-grub 2> /dev/null'
	set_mode 0
	[ "$(jq -r '[.notices[].code] | join(" ")' <<< "$output")" = ENTRY_UNCHECKED ]
	[ "$(jq -r '[.images[].kernel] | length' <<< "$output")" = 1 ]
	in_machine "$SYS"'; iommu-install check; [ ! -e /boot/initrd.img-5.0.0-mine ]
		[ ! -e /boot/initrd.img-4.9.0-gone ]'
	set_mode 0 --on-mismatch=halt
	[ "$(jq .reboot.safe <<< "$output")" = false ]
	run -2 in_machine "$SYS; iommu-install check"
}

# forced [IMAGE]: a 10_linux with Ubuntu's branches: while GRUB_FORCE_PARTUUID is set an entry begins with a boot
# without an initramfs, or with that image alone.
# shellcheck disable=SC2016 # for the inner shells
forced() {
	cat > "$BATS_TEST_TMPDIR/linux" << 'END'
#!/bin/sh
for f in /etc/default/grub /etc/default/grub.d/*.cfg; do . "$f"; done
k=$(ls /lib/modules) args="$GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT"
echo "menuentry 'Ubuntu' --class gnu-linux \$menuentry_id_option 'gnulinux-simple' {"
if [ "$GRUB_FORCE_PARTUUID" ]; then
	printf '\t%s\n' 'if [ "${initrdfail}" = 1 ]; then' \
		"  linux /boot/vmlinuz-$k root=PARTUUID=$GRUB_FORCE_PARTUUID ro $args" \
		"  initrd /boot/initrd.img-$k" else \
		"  linux /boot/vmlinuz-$k root=PARTUUID=$GRUB_FORCE_PARTUUID ro $args panic=-1" "  MICROCODE" fi
else
	printf '\t%s\n' "linux /boot/vmlinuz-$k root=UUID=1 ro $args" "initrd /boot/initrd.img-$k"
fi
echo "}"
END
	sed -i "s,MICROCODE,${1:+initrd $1}," "$BATS_TEST_TMPDIR/linux"
	in_machine 'cp /host/linux /etc/grub.d/10_linux; chmod 755 /etc/grub.d/10_linux
		echo GRUB_FORCE_PARTUUID=1-2 > /etc/default/grub.d/40-force-partuuid.cfg
		echo "stands in" > /boot/microcode.cpio
		update-grub 2> /dev/null; grep -q "panic=-1" /boot/grub/grub.cfg'
}

# bats test_tags=boot
@test "Ubuntu's cloud images: what boots without an initramfs goes with a mode, and comes back with rollback" {
	local image policy before seen=0
	for image in '' /boot/microcode.cpio; do
		for policy in warn halt; do
			forced $image
			before=$(state)
			# Before the change check reads both ways that the entry can go.
			[ "$(listed '.default' | grep -o true | wc -l)" = 2 ]
			set_mode 0 --on-mismatch=$policy
			run ! in_machine 'grep -e PARTUUID -e panic=-1 /boot/grub/grub.cfg'
			in_machine "$SYS; iommu-install check"
			[ "$(listed '"\(.counted) \(.mode) \(.hook)"')" = "true pt true" ]
			in_machine 'iommu-install rollback'
			diff <(state) <(echo "$before")
			seen=$((seen + 1))
		done
	done
	[ "$seen" = 4 ]
}

# bats test_tags=boot
@test "a drop-in that sets GRUB_FORCE_PARTUUID after ours: the way without an initramfs is found by check" {
	forced
	set_mode 0 --on-mismatch=halt
	in_machine 'mv /etc/default/grub.d/40-force-partuuid.cfg /etc/default/grub.d/zzzz.cfg; update-grub 2> /dev/null'
	run -2 in_machine "$SYS; iommu-install check --json"
	[ "$(jq -r '[.entries[] | "\(.default) \(.would_stop)"] | join(" ")' <<< "$output")" = "true false true true" ]
	in_machine 'iommu-install remove'
	set_mode 5 --on-mismatch=halt
	[ "$(jq -r .refusal.code <<< "$output")" = IMAGE_WITHOUT_CHECK ]
	set_mode 0
}
