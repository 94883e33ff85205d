#!/usr/bin/env bats
# Titles, and which entry is started where nobody chooses: what GRUB's own grub-mkconfig and grub-editenv write, and
# files of systemd-boot and of GRUB with entries of its own.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	quick_machine
}

teardown() {
	machine_end
}

# defaults SCRIPT: what check has of each entry after it.
defaults() {
	in_machine "$1; iommu-install check --json > /host/check.json || :"
	"$BATS_TEST_DIRNAME/../tools/validate" check "$BATS_TEST_TMPDIR/check.json" >&2
	jq -c '[.entries[].default]' "$BATS_TEST_TMPDIR/check.json"
}

@test "GRUB: the default by number, in a submenu, by title, by id, and the one that was saved" {
	local id set='set() {
			sed -i "s,^GRUB_DEFAULT=.*,GRUB_DEFAULT=\"$1\"," /etc/default/grub; update-grub 2> /dev/null
		}
		grep -q ^GRUB_DEFAULT /etc/default/grub || echo GRUB_DEFAULT=0 >> /etc/default/grub'
	[ "$(defaults "$set; set 0")" = '[true,false,false]' ]
	[ "$(jq -r '.entries[0].title' "$BATS_TEST_TMPDIR/check.json")" = 'Debian GNU/Linux' ]
	[[ $(jq -r '.entries[2].title' "$BATS_TEST_TMPDIR/check.json") == *"(recovery mode)" ]]
	[ "$(defaults "$set; set '1>1'")" = '[false,false,true]' ]
	[ "$(defaults "$set; set 'Debian GNU/Linux'")" = '[true,false,false]' ]
	id=$(in_machine "sed -n \"s/.*menuentry_id_option '\\(gnulinux-advanced[^']*\\)'.*/\\1/p\" \
		/boot/grub/grub.cfg")
	[ "$(defaults "$set; set '$id>0'")" = '[false,true,false]' ]
	[ "$(defaults "$set; set saved")" = '[true,false,false]' ]
	local save='grub-editenv /boot/grub/grubenv set saved_entry="1>1"'
	[ "$(defaults "$set; set saved; $save")" = '[false,false,true]' ]
	# One that is not there, and a submenu, tell nothing.
	[ "$(defaults "$set; set 7")" = '[null,null,null]' ]
	[ "$(defaults "$set; set 1")" = '[null,null,null]' ]
}

@test "systemd-boot and GRUB's own entries: loader.conf's pattern, grubenv's saved entry" {
	local entries='k=$(ls /lib/modules); rm -rf /boot/grub; mkdir -p /boot/loader/entries
		for n in a b; do
			printf "title Entry %s\nlinux /vmlinuz-%s\ninitrd /initrd.img-%s\noptions root=x\n" $n $k $k \
				> /boot/loader/entries/$n.conf
		done'
	local systemd="$entries; mkdir -p /boot/EFI/systemd; : > /boot/EFI/systemd/systemd-bootx64.efi"
	[ "$(defaults "$systemd")" = '[null,null]' ]
	[ "$(jq -c '[.entries[].title]' "$BATS_TEST_TMPDIR/check.json")" = '["Entry a","Entry b"]' ]
	[ "$(defaults "$systemd; echo 'default b.conf' > /boot/loader/loader.conf")" = '[false,true]' ]
	[ "$(defaults "$systemd; echo 'default a*' > /boot/loader/loader.conf")" = '[true,false]' ]
	[ "$(defaults "$systemd; echo 'default *.conf' > /boot/loader/loader.conf")" = '[null,null]' ]
	local bls="$entries; rm -rf /boot/EFI /usr/sbin/update-grub; mkdir -p /boot/grub2
		echo blscfg > /boot/grub2/grub.cfg"
	[ "$(defaults "$bls")" = '[null,null]' ]
	local save='grub-editenv /boot/grub2/grubenv create; grub-editenv /boot/grub2/grubenv set saved_entry=b'
	[ "$(defaults "$bls; $save")" = '[false,true]' ]
}
