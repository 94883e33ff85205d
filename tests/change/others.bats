#!/usr/bin/env bats
# Somebody else at the files of a change: an editor, a kernel's package, a boot that renames its entry, another run of
# the tools; between the plan and the write, while it is cut short, and once it is done.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/efi
	load ../lib/kill
	IN=in_machine
}

teardown() {
	if [ "$IN" = in_machine ]; then machine_end; else efi_machine_end; fi
}

# others BACKEND [FILE/HAND/WHEN]...: lib/others.sh in a fresh machine.
others() {
	cp "$BATS_TEST_DIRNAME"/../lib/{others.sh,kill.sh,judge.sh,update-initramfs} "$BATS_TEST_TMPDIR"
	$IN "bash /host/others.sh $*" > "$BATS_TEST_TMPDIR/found" 2>&1 ||
		{ cat "$BATS_TEST_TMPDIR/found"; return 1; }
	tail -n 1 "$BATS_TEST_TMPDIR/found" | sed 's/^/# /' >&3
}

# kill_others SCENARIO HAND STEP: lib/kill-others.sh in a fresh machine.
kill_others() {
	strace_into "$BATS_TEST_TMPDIR/strace" &&
		cp "$BATS_TEST_DIRNAME"/../lib/{kill-others.sh,others.sh,kill.sh,judge.sh,update-initramfs} \
			"$BATS_TEST_TMPDIR" || return
	rm -rf "$BATS_TEST_TMPDIR/kill-others"
	$IN "bash /host/kill-others.sh $*" > "$BATS_TEST_TMPDIR/points" 2>&1 ||
		{ cat "$BATS_TEST_TMPDIR/points"; return 1; }
	tail -n 1 "$BATS_TEST_TMPDIR/points" | sed 's/^/# /' >&3
}

# GRUB that reads /etc/default/grub alone.
grub_file_machine() {
	quick_machine
	in_machine 'sed -i "s#default/grub\.d#default/other.d#" /usr/sbin/grub-mkconfig
		echo "GRUB_CMDLINE_LINUX=\"console=ttyS0 crypt=a,b\" # mine" > /etc/default/grub
		update-grub 2> /dev/null'
}

systemd_boot_machine() {
	IN=in_efi_machine
	efi_machine trixie systemd-boot initramfs-tools
}

@test "while images are built somebody sets another policy: that is the one" {
	quick_machine
	others grub target/edit/building
}

@test "while images are built somebody adds a line to /etc/default/grub: it is there still" {
	grub_file_machine
	others grub-file default/edit/building
}

@test "while images are built somebody adds an option to a boot entry: it is there still" {
	systemd_boot_machine
	others systemd-boot entry/edit/building
}

@test "cut short, an entry edited, renamed by a boot that counts, or gone with its kernel: resume takes it as it is" {
	systemd_boot_machine
	others systemd-boot entry/edit/cut-early entry/rename/cut-early target/kernel-gone/cut-late
}

@test "cut short, a kernel gone and grub.cfg made anew, a resume that fails: grub.cfg names what is there" {
	quick_machine
	others grub target/kernel-gone/fails-early
}

@test "cut short, an image made anew by somebody, a resume that fails: it is that image that stays" {
	quick_machine
	others grub image/edit/fails image/edit/fails-early
}

@test "an entry that went with its kernel does not come back by a rollback" {
	systemd_boot_machine
	others systemd-boot target/kernel-gone/done
}

# bats test_tags=boot
@test "each file that a change writes with GRUB, each hand, each instant: the edit stays, and every entry starts" {
	quick_machine
	others grub
}

# bats test_tags=boot
@test "each file that a change writes with GRUB without grub.d, each hand, each instant: the same" {
	grub_file_machine
	others grub-file
}

# bats test_tags=boot
@test "each file that a change writes with systemd-boot, each hand, each instant: the same" {
	systemd_boot_machine
	others systemd-boot
}

@test "a grub.cfg that somebody has written by hand is not made anew, whatever is named" {
	quick_machine
	in_machine "printf '%s\n' 'menuentry mine {' \
		\"linux /boot/\$(cd /boot && ls vmlinuz-6*) root=/dev/vda1 ro mine\" \
		\"initrd /boot/\$(cd /boot && ls initrd.img-6*)\" '}' > /boot/grub/grub.cfg"
	local before
	before=$(files_of_machine)
	run -5 in_machine 'iommu-install pt --force --backend=grub'
	run -5 in_machine 'iommu-install pt --force --backend=grub --json 2> /dev/null'
	[ "$(jq -r .refusal.code <<< "$output")" = GENERATED_ELSEWHERE ]
	run -5 in_machine 'iommu-install pt --force'
	[ "$(files_of_machine)" = "$before" ]
}

# A grub.cfg that grub-mkconfig has not written, with this system's kernel.
# shellcheck disable=SC2016 # for the machine
BY_HAND='cd /boot && printf "%s\n" "menuentry mine {" "linux /boot/$(ls vmlinuz-6*) root=/dev/vda1 ro mine" \
	"initrd /boot/$(ls initrd.img-6*)" "}" > grub/grub.cfg && sha256sum grub/grub.cfg > /before'
REMOVED='iommu-install remove && [ ! -e /etc/iommu.target ] && [ ! -e /etc/default/grub.d/zzz-iommu.cfg ] &&
	! cpio -i --quiet --to-stdout etc/iommu.target < /boot/initrd.img-6* | grep .'

# bats test_tags=boot
@test "remove takes out what it can where no boot loader's tool is there any more" {
	quick_machine
	run -0 in_machine "iommu-install off-for-uio --on-mismatch=halt &&
		mkdir /away && mv /usr/sbin/update-grub /usr/sbin/grub-mkconfig /away &&
		{ iommu-install pt --force; [ \$? = 1 ]; } && sha256sum /boot/grub/grub.cfg > /before &&
		$REMOVED && sha256sum -c /before && iommu-install remove"
}

# bats test_tags=boot
@test "remove, and a change that was cut short, leave a grub.cfg that somebody has written by hand meanwhile" {
	quick_machine
	run -0 in_machine "iommu-install off-for-uio --on-mismatch=halt && ($BY_HAND) && $REMOVED && cd /boot &&
		sha256sum -c /before"
	run -0 in_machine "update-grub 2> /dev/null; iommu-install off-for-uio --on-mismatch=halt --backend=grub
		cp /usr/sbin/update-grub /root
		printf '#!/bin/sh\nkill -9 \$(pidof iommu-install)\n' > /usr/sbin/update-grub
		iommu-install strict --force --backend=grub; ls /var/lib/iommu/change/journal &&
			cp /root/update-grub /usr/sbin && ($BY_HAND)
		iommu-install resume; cd /boot && sha256sum -c /before && $REMOVED && sha256sum -c /before"
}

# What somebody does between the cut and the resume is one of seven, by turns.
# bats test_tags=boot
@test "killed at a few of its calls, another hand, and it goes on, with GRUB: nothing is lost, and every entry starts" {
	quick_machine
	kill_others strict turns 53
}

# bats test_tags=boot
@test "killed at a few of its calls, another hand, and it goes on, with systemd-boot: the same" {
	systemd_boot_machine
	kill_others strict turns 61
}

# every_point MACHINE: the four kinds of change, each point with one of the seven hands.
every_point() {
	local scenario bad=0
	for scenario in first strict rollback remove; do
		"$1" && kill_others "$scenario" turns 1 || bad=1
	done
	[ "$bad" = 0 ]
}

# bats test_tags=full
@test "killed at every one of its calls, another hand, and it goes on, with GRUB: the same" {
	every_point quick_machine
}

# bats test_tags=full
@test "killed at every one of its calls, another hand, and it goes on, with systemd-boot: the same" {
	every_point systemd_boot_machine
}
