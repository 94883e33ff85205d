#!/usr/bin/env bats
# Which of several installed generators makes the images: the one that made those that are there. The generators are
# stand-ins.
bats_require_minimum_version 1.5.0
# bats file_tags=boot

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/arch
	quick_machine
	cp "$BATS_TEST_DIRNAME/../lib/update-initramfs" "$BATS_TEST_TMPDIR/dracut"
}

teardown() {
	machine_end
}

# made_by GENERATOR SCRIPT: what a change would use after it.
made_by() {
	run -0 in_machine "$2
		iommu-install pt --force --dry-run --json 2> /dev/null"
	[ "$(jq -r .generator <<< "$output")" = "$1" ]
}

# unclear SCRIPT: none.
unclear() {
	run -5 in_machine "$1
		iommu-install pt --force --json 2> /dev/null"
	[ "$(jq -r .refusal.code <<< "$output")" = GENERATOR_UNCLEAR ]
	run -0 in_machine 'test ! -e /etc/iommu.target'
}

# shellcheck disable=SC2016 # for the shell in the machine
DRACUTS='install /host/dracut /usr/bin/dracut; k=$(ls /lib/modules); dracut --force --quiet /boot/initrd.img-$k $k'
# shellcheck disable=SC2016
LEAVES='for f in /boot/initrd.img-*; do
	(cd /usr/share/initramfs-tools; echo hooks | cpio --quiet -o -H newc) > $f
done'

@test "both installed, and the image is initramfs-tools': that one; dracut's: dracut" {
	made_by initramfs-tools 'install /host/dracut /usr/bin/dracut; update-initramfs -u -k all'
	made_by dracut "$DRACUTS"
	run -0 in_machine "iommu-install pt --force --on-mismatch=halt && ls /etc/dracut.conf.d/50-iommu-verify.conf"
}

@test "what is left over of initramfs-tools beside sid's dracut, which has an update-initramfs, is not used" {
	made_by dracut "$DRACUTS; install /host/dracut /usr/sbin/update-initramfs"
}

@test "only one is installed: that one, whoever made the image" {
	made_by initramfs-tools 'update-initramfs -u -k all'
	made_by initramfs-tools "$LEAVES"
}

@test "several are installed and none of them made the image: GENERATOR_UNCLEAR, until one is named" {
	unclear "install /host/dracut /usr/bin/dracut; $LEAVES"
	run -0 in_machine 'iommu-install pt --force --initramfs=initramfs-tools'
}

@test "Arch with mkinitcpio and dracut, and mkinitcpio made the image: mkinitcpio" {
	arch_machine
	made_by mkinitcpio 'install /host/dracut /usr/bin/dracut'
}
