#!/usr/bin/env bats
# Somebody else at the files of a change: an editor, a kernel's package, a boot that renames its entry, another run of
# the tools; between the plan and the write, while it is cut short, and once it is done.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/efi
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
