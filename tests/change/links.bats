#!/usr/bin/env bats
# Links, modes, owners: every file that a change writes, in every guise that somebody can give it, whichever way the
# change goes. On a real Debian system that is not booted; what makes grub.cfg and images is a stand-in, as the files
# are the subject.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/kill
}

teardown() {
	machine_end
}

# combinations LAYOUT FILE SORT...: lib/links.sh in a fresh machine; says how many there were.
combinations() {
	quick_machine
	gcc -O1 -static -o "$BATS_TEST_TMPDIR/attributes" "$BATS_TEST_DIRNAME/../tools/attributes.c"
	cp "$BATS_TEST_DIRNAME/../lib/links.sh" "$BATS_TEST_TMPDIR"
	run in_machine "bash /host/links.sh $*"
	[ "$status" = 0 ] || { echo "$output" && return 1; }
	[[ ${lines[-1]} == *" combinations, 0 wrong" ]]
	echo "# ${lines[-1]}" >&3
}

@test "the target: as a link that is good, as one that others can turn, as a file of a mode and owner of its own" {
	combinations grub iommu.target chain through-user 0640
}

@test "grub.cfg: as a link to another file system, as one to nothing, with attributes and an access list" {
	combinations grub grub.cfg other-fs dangling attributes
}

# A good link, one that is not, a file of another mode and owner, and one that can't be replaced, of every file.
SORTS="chain through-user dangling 0640 attributes immutable"

# bats test_tags=boot
@test "each file that a change writes with grub: what it was is what it is, or refused by name" {
	combinations grub all "$SORTS"
}

# bats test_tags=boot
@test "each file that a change writes with grub-file: what it was is what it is, or refused by name" {
	combinations grub-file all "$SORTS"
}

# bats test_tags=boot
@test "each file that a change writes with dracut: what it was is what it is, or refused by name" {
	combinations dracut all "$SORTS"
}

# bats test_tags=boot
@test "each file that a change writes with bls: what it was is what it is, or refused by name" {
	combinations bls all "$SORTS"
}

# bats test_tags=full
@test "every sort of link and file of each file that a change writes with grub" {
	combinations grub all all
}

# bats test_tags=full
@test "every sort of link and file of each file that a change writes with grub-file" {
	combinations grub-file all all
}

# bats test_tags=full
@test "every sort of link and file of each file that a change writes with dracut" {
	combinations dracut all all
}

# bats test_tags=full
@test "every sort of link and file of each file that a change writes with bls" {
	combinations bls all all
}

# bats test_tags=boot
@test "a user's own file under a name of ours is refused by its name, or left alone where none of ours is to be" {
	quick_machine
	local before file=/etc/default/grub.d/zzz-iommu.cfg
	in_machine "mkdir -p /etc/default/grub.d /etc/dracut.conf.d; echo 'GRUB_CMDLINE_LINUX=mine' > $file"
	before=$(files_of_machine)
	run -5 in_machine 'iommu-install pt --force'
	[[ $output == "iommu-install: FILE_FOREIGN: $file "* ]]
	run -5 in_machine 'iommu-install pt --force --dry-run'
	[[ $output == *FILE_FOREIGN* ]]
	run -0 in_machine 'iommu-install remove'
	[ "$(files_of_machine)" = "$before" ]
	run ! in_machine 'ls -d /var/lib/iommu /run/iommu'
	# dracut's, which another generator does not need.
	in_machine "rm $file; echo '# mine' > /etc/dracut.conf.d/50-iommu-verify.conf
		iommu-install pt --force --on-mismatch=halt && iommu-install remove"
	run -0 in_machine 'cat /etc/dracut.conf.d/50-iommu-verify.conf'
	[ "$output" = "# mine" ]
}

# bats test_tags=boot
@test "an image that is a link: real initramfs-tools makes a file of it; it is a link again, whichever way it goes" {
	machine bookworm initramfs-tools
	local before marks='cd /boot; k=$(echo vmlinuz-6*); k=${k#vmlinuz-}
		stat -c "%N %A %u:%g" initrd.img-$k images/initrd.img-$k; ls -A . images | grep iommu | cat'
	in_machine 'cd /boot; k=$(echo vmlinuz-6*); k=${k#vmlinuz-}; mkdir images; mv initrd.img-$k images
		chmod 600 images/initrd.img-$k
		ln -s images/initrd.img-$k initrd.img-$k; update-grub 2>&1'
	before=$(in_machine "$marks")
	in_machine 'iommu-install pt --force --on-mismatch=halt'
	[ "$(in_machine "$marks")" = "$before" ]
	run -0 in_machine 'mount --bind / /mnt && iommu-install --root /mnt check'
	[[ $output == *"stops the boot on a mismatch"* ]]
	in_machine 'mv /usr/sbin/update-grub /usr/sbin/update-grub.real
		printf "#!/bin/sh\nexit 1\n" > /usr/sbin/update-grub; chmod 755 /usr/sbin/update-grub'
	run -1 in_machine 'iommu-install strict --force'
	[[ $output == *"everything is as it was before"* ]]
	[ "$(in_machine "$marks")" = "$before" ]
	in_machine 'mv /usr/sbin/update-grub.real /usr/sbin/update-grub; iommu-install rollback'
	[ "$(in_machine "$marks")" = "$before" ]
	in_machine 'iommu-install remove'
	[ "$(in_machine "$marks")" = "$before" ]
}

# bats test_tags=boot
@test "an image whose link or mode was replaced when the change was cut: resume, or the next images, give it back" {
	quick_machine
	local before finish marks='cd /boot; stat -c "%N %A" initrd.img-6* images/* 2>/dev/null
		ls -A . images 2>/dev/null | grep iommu | cat'
	# update-initramfs is the last thing that happens, once.
	in_machine 'mv /usr/sbin/update-initramfs /usr/sbin/ui.real
		printf "%s\n" "#!/bin/sh" "/usr/sbin/ui.real \"\$@\"" \
			"if [ -e /cut ]; then rm /cut; kill -9 \$PPID; fi" > /usr/sbin/update-initramfs
		chmod 755 /usr/sbin/update-initramfs
		chmod 600 /boot/initrd.img-6*; iommu-install pt --force; '"$SIGN_IMAGES"
	before=$(in_machine "$marks")
	run in_machine 'touch /cut; iommu-install strict --force'
	in_machine 'iommu-install resume'
	[ "$(in_machine "$marks")" = "$before" ]
	in_machine 'cd /boot; mkdir images; for i in initrd.img-6*; do mv $i images; ln -s images/$i $i; done'
	before=$(in_machine "$marks")
	for finish in "iommu-install pt --force" "echo x >> /usr/sbin/iommu-verify; iommu-install internal-images"; do
		run in_machine "touch /cut; $finish"
		in_machine 'iommu-install resume; iommu-install internal-images'
		[ "$(in_machine "$marks")" = "$before" ]
		cmp <(in_machine 'cat /boot/initrd.img-6*') <(in_machine 'cat /boot/images/*')
	done
}

# bats test_tags=boot
@test "a file with an access list: while it is written nobody can open it who could not before" {
	quick_machine
	strace_into "$BATS_TEST_TMPDIR/strace"
	gcc -O1 -static -o "$BATS_TEST_TMPDIR/attributes" "$BATS_TEST_DIRNAME/../tools/attributes.c"
	# shellcheck disable=SC2034 # machine_end's: it is writable for its group
	WRITABLE=mine
	in_machine 'iommu-install pt --force; /host/attributes set /etc/iommu.target; chmod 664 /etc/iommu.target
		chgrp 100 /etc/iommu.target
		/host/strace/ld.so --library-path /host/strace /host/strace/strace -y -o /trace \
			-e trace=fchmod,fsetxattr,fremovexattr -- /usr/sbin/iommu-install strict --force'
	# The mode comes last, once what the list grants is known.
	run -0 in_machine 'grep "target.iommu-new>" /trace |
		sed "s/(.*posix_acl.*/ list/; s/(.*, 0/ 0/; s/).*//" | xargs'
	[[ $output == "fchmod 0600 fremovexattr list "*"fsetxattr list "*"fchmod 0664"* ]]
	[[ $output != *"fchmod 0664 "*"list"* || $output == *"fchmod 0664 fchmod 0600 fremovexattr list"* ]]
}
