#!/usr/bin/env bats
# What one command leaves for the next: a change that never began, one that waits for its boot, one that was resumed and
# undone, a damaged record, and who else is at work.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
}

teardown() {
	machine_end
}

# bats test_tags=boot
@test "where the first file can't be written at all, nothing is left open, and the next command has nothing to finish" {
	quick_machine
	local before fault
	in_machine 'rm -rf /etc/default/grub.d'
	before=$(files_of_machine)
	# A file in the place of a directory; and /etc as a file system that is read-only.
	for fault in 'echo > /etc/default/grub.d' 'mount --bind /etc /etc && mount -o remount,bind,ro /etc'; do
		run -1 in_machine "$fault; iommu-install off-for-uio; s=\$?
			[ ! -f /etc/default/grub.d ] || rm /etc/default/grub.d; ls -d /var/lib/iommu; exit \$s"
		[[ $output == *"everything is as it was before"* ]]
		[[ $output == *"cannot access '/var/lib/iommu'"* ]]
		[ "$(files_of_machine)" = "$before" ]
	done
	run -0 in_machine 'iommu-install resume'
	[[ $output == *"no change is unfinished"* ]]
}

# The next change fails when the boot loader is updated, after it was killed there once.
# shellcheck disable=SC2016 # for the machine
FAILS='cp -n /usr/sbin/update-grub /root
	printf "#!/bin/sh\nkill -9 \$(pidof iommu-install)\n" > /usr/sbin/update-grub; chmod 755 /usr/sbin/update-grub
	iommu-install strict --force --on-mismatch=halt; ls /var/lib/iommu/change/journal
	printf "#!/bin/sh\nexit 1\n" > /usr/sbin/update-grub'

# bats test_tags=boot
@test "a change that was cut short, resumed and undone takes its sign of a pending change away, and only its own" {
	quick_machine
	run -0 in_machine "$FAILS; ls /run/iommu/pending
		iommu-install resume; [ \$? = 1 ] && ls /run/iommu/pending; [ ! -e /run/iommu ]"
	[[ $output == *"everything is as it was before"* ]]
	# One before it in this boot is pending still, and it is that one's target which the sign has.
	run -0 in_machine "cp /root/update-grub /usr/sbin && iommu-install off-for-uio; $FAILS
		iommu-install resume; [ \$? = 1 ] && cat /run/iommu/pending"
	[[ $output == *"everything is as it was before"*mode=off-for-uio ]]
	# Another boot has no such sign until it goes on.
	run -0 in_machine "$FAILS; rm -r /run/iommu
		echo 11111111-2222-3333-4444-555555555555 > /run/boot_id
		mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
		iommu-install resume; [ \$? = 1 ] && [ ! -e /run/iommu ]"
	[[ $output == *"everything is as it was before"* ]]
}

# A change to strict waits for its boot; the machine runs with the IOMMU off. What it has now is kept in /before.
# shellcheck disable=SC2016 # for the machine
WAITS='iommu-install off-for-uio --on-mismatch=halt &&
	iommu-install strict --force --on-mismatch=halt --commit=after-boot > /dev/null || exit 99
	look() { sha256sum /etc/iommu.target /etc/default/grub.d/* /boot/grub/grub.cfg /boot/initrd.img-* \
		/var/lib/iommu/change/*; }
	look > /before'
# shellcheck disable=SC2016 # for the machine
BOOTED='echo 11111111-2222-3333-4444-555555555555 > /run/boot_id
	mount --bind /run/boot_id /proc/sys/kernel/random/boot_id'

needs_no_iommu() {
	[ -z "$(ls /sys/class/iommu 2>/dev/null)" ] || skip "this machine has an IOMMU"
}

# bats test_tags=boot
@test "a change that waits for its boot is sealed by nothing in that boot: not by itself, nor by one that is refused" {
	needs_no_iommu
	quick_machine
	run -0 in_machine "$WAITS"'
		iommu-install strict --force --on-mismatch=halt --commit=after-boot && iommu-install strict --force &&
		iommu-install strict --force && look | diff /before - &&
		iommu-install pt; [ $? = 5 ] && look | diff /before - &&
		iommu-install pt --force --on-mismatch=reboot --delay=1; [ $? = 1 ] && look | diff /before -'
	[ "$(grep -c "the change to strict waits for the next boot; nothing to change" <<< "$output")" = 3 ]
	run -0 --separate-stderr in_machine 'iommu-install strict --force --json'
	[ "$(json '.result, .changed, .after.mode' | xargs)" = "unchanged false strict" ]
	# Another policy waits too; a change that is asked for at once does not.
	run -0 in_machine 'iommu-install strict --force --on-mismatch=reboot && cat /etc/iommu.target &&
		grep progress= /var/lib/iommu/change/journal'
	[[ $output == *$'mode=strict\naccept=off-for-uio\non-mismatch=reboot\n'*"progress=boot" ]]
	run -0 in_machine 'iommu-install strict --force --commit=now && ls /var/lib/iommu/change/done &&
		cat /etc/iommu.target'
	[[ $output == *$'mode=strict\non-mismatch=reboot' ]]
}

# bats test_tags=boot
@test "another mode replaces a change that waits: what is and what may come is accepted, and undone it waits again" {
	needs_no_iommu
	quick_machine
	run -0 in_machine "$WAITS; $SIGN_IMAGES"'
		mv /usr/sbin/update-initramfs /root; cat > /usr/sbin/update-initramfs <<"END"
#!/bin/sh
cat /etc/iommu.target >> /targets
exec /root/update-initramfs "$@"
END
		chmod 755 /usr/sbin/update-initramfs; mv /usr/sbin/update-grub /root
		printf "#!/bin/sh\nexit 1\n" > /usr/sbin/update-grub; chmod 755 /usr/sbin/update-grub
		iommu-install pt --force --json > /host/object; [ $? = 1 ] &&
		sha256sum /etc/iommu.target /etc/default/grub.d/* /boot/grub/grub.cfg /var/lib/iommu/change/* |
			diff <(grep -v initrd /before) - && mv /root/update-grub /usr/sbin
		iommu-install resume'
	[ "$(jq -r .result "$BATS_TEST_TMPDIR/object")" = failed ]
	[[ $output == *"the change to strict is finished after the next boot"* ]]
	run -0 in_machine 'rm /targets; iommu-install pt --force --commit=after-boot &&
		cat /targets /etc/iommu.target && grep -x -e command=pt -e progress=boot /var/lib/iommu/change/journal'
	[[ $output == *$'mode=pt\naccept=off-for-uio,strict\non-mismatch=halt\nmode=pt\naccept=off-for-uio,strict\n'*\
$'command=pt\nprogress=boot' ]]
	[[ $output != *accept=*mode=strict* ]]
	# Without that word it ends as any other, and so do the two ways back.
	run -0 in_machine 'iommu-install strict --force && cat /etc/iommu.target &&
		iommu-install off-for-uio --commit=after-boot && iommu-install remove && [ ! -e /etc/iommu.target ]'
	[[ $output == *$'mode=strict\non-mismatch=halt\n'* ]]
}

# bats test_tags=boot
@test "in a later boot the same command seals a change that waited if the machine has come up so, else it says so" {
	needs_no_iommu
	quick_machine
	run -0 in_machine "$WAITS"
	run -0 in_machine "$BOOTED"'
		look() { cat /etc/iommu.target /boot/initrd.img-* /var/lib/iommu/change/* | sha256sum; }; look > /before
		iommu-install strict --force && look | diff /before -'
	[[ $output == *"this boot is not in mode strict, so the old mode is still accepted"* ]]
	run -0 in_machine 'iommu-install off-for-uio --commit=after-boot && grep accept=strict /etc/iommu.target'
	run -0 in_machine "$BOOTED"'
		iommu-install off-for-uio --delay=1000; [ $? = 1 ] && grep accept=strict /etc/iommu.target &&
		iommu-install off-for-uio && cat /etc/iommu.target && ls /var/lib/iommu/change/done'
	[[ $output == *$'mode=off-for-uio\non-mismatch=halt\n'* ]]
}

# bats test_tags=boot
@test "a record of a finished change that is damaged, or of a newer format, is told, and costs the rollback only" {
	quick_machine
	in_machine 'update-grub 2>/dev/null' # the proof that it is GRUB stands on its own
	local damage
	for damage in 'echo x >' 'sed -i s/^format=.*/format=3/' 'truncate -s 0' 'sed -i s/^progress=.*//'; do
		run -0 in_machine "iommu-install off-for-uio --on-mismatch=halt && $damage /var/lib/iommu/change/done &&
			iommu-install internal-images && iommu-install check && iommu-install resume &&
			iommu-install off-for-uio --on-mismatch=halt && { iommu-install rollback; [ \$? = 1 ]; } &&
			iommu-install strict --force && $damage /var/lib/iommu/change/done && iommu-install remove &&
			[ ! -e /etc/iommu.target ] && iommu-install rollback"
		[ "$(grep -c "can't be rolled back" <<< "$output")" -ge 4 ]
	done
	# One of the first format, which had no such line, is read.
	run -0 in_machine 'iommu-install pt --force && sed -i /^format=/d /var/lib/iommu/change/done &&
		iommu-install rollback && cat /etc/iommu.target'
	[[ $output == *mode=strict* ]]
}

# bats test_tags=boot
@test "a damaged record of a change that was cut short bars neither remove, nor a change to warn, nor new images" {
	quick_machine
	in_machine 'update-grub 2>/dev/null'
	# shellcheck disable=SC2016 # for the machine
	local cut='iommu-install off-for-uio --on-mismatch=halt; cp -n /usr/sbin/update-grub /root
		printf "#!/bin/sh\nkill -9 \$(pidof iommu-install)\n" > /usr/sbin/update-grub
		iommu-install strict --force --on-mismatch=halt; cp /root/update-grub /usr/sbin
		j=/var/lib/iommu/change/journal; look() { sha256sum /etc/iommu.target /boot/initrd.img-*64 $j; }'
	run -0 in_machine "$cut; echo x > \$j; look > /before"'
		iommu-install resume; [ $? = 1 ] && iommu-install strict --force; [ $? = 1 ] &&
		iommu-install rollback; [ $? = 1 ] && iommu-install internal-images && look | diff /before - &&
		iommu-install check --nagios; [ $? != 0 ] && iommu-install pt --force --on-mismatch=warn &&
		cat /etc/iommu.target && iommu-install rollback'
	[ "$(grep -c "left to do is 'iommu-install remove'" <<< "$output")" = 3 ]
	[[ $output == *"can neither be finished nor undone"*"mode=pt"* ]]
	run -0 in_machine "$cut; sed -i s/^format=.*/format=3/ \$j; look > /before
		printf '#!/bin/sh\nexit 1\n' > /usr/sbin/update-grub"'
		iommu-install remove; [ $? = 1 ] && look | diff /before - && cp /root/update-grub /usr/sbin &&
		iommu-install remove && [ ! -e /etc/iommu.target ] && ! grep -q iommu= /boot/grub/grub.cfg &&
		iommu-install resume'
	[[ $output == *"written by a newer iommu-install: it can neither be finished"*"no change is unfinished"* ]]
}

# perl is in every Debian system; this holds the lock on a file.
# shellcheck disable=SC2016 # for perl
HOLD='use Fcntl; sub hold { open F, "+<$_[0]" or die; $l = pack("s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0);
	fcntl F, F_SETLK, $l or die; $| = 1; print "held\n"; }'

@test "apt's lock is held by an ancestor also in a chroot without /proc, and where that can't be mounted" {
	quick_machine
	in_machine 'iommu-install off-for-uio'
	local bare='umount -l /proc/cmdline; umount -l /proc; [ ! -e /proc/self ];'
	run -1 in_machine "$bare perl -e '$HOLD hold(qw(/var/lib/dpkg/lock-frontend)); sleep 100' & sleep 2; s=0
		$bare iommu-install remove --backend=grub || s=\$?; kill %1; exit \$s"
	[[ $output == *"the package manager is at work (process "* ]]
	run -0 in_machine "$bare perl -e '$HOLD hold(qw(/var/lib/dpkg/lock-frontend));
		exit(system(qw(sh -c), q(sh -c \"iommu-install remove --backend=grub\"; exit \$?)) >> 8)'
		[ ! -e /etc/iommu.target ] && iommu-install off-for-uio --backend=grub"
	# A package's script says so where it may not look: dpkg does.
	local script='DPKG_MAINTSCRIPT_NAME=prerm setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin'
	run -0 in_machine "$bare perl -e '$HOLD hold(qw(/var/lib/dpkg/lock-frontend));
		exit(system(qw(sh -c), q($script iommu-install remove --dry-run --backend=grub; exit \$?)) >> 8)'"
}

@test "rpm's and pacman's locks: busy, unless an ancestor holds it or, pacman's being a file, nobody does" {
	quick_machine
	local before lock
	in_machine 'mkdir -p /var/lib/rpm /usr/lib/sysimage/rpm /var/lib/pacman
		touch /var/lib/rpm/.rpm.lock /usr/lib/sysimage/rpm/.rpm.lock /var/lib/pacman/db.lck'
	before=$(files_of_machine)
	for lock in /var/lib/rpm/.rpm.lock /usr/lib/sysimage/rpm/.rpm.lock /var/lib/pacman/db.lck; do
		run -1 in_machine "perl -e '$HOLD hold(qw($lock)); sleep 100' & sleep 2; s=0
			iommu-install off-for-uio --dry-run --json > /host/object || [ \$? = 1 ] &&
			iommu-install off-for-uio || s=\$?; kill %1; exit \$s"
		[[ $output == *"$lock: the package manager is at work (process "* ]]
		[ "$(files_of_machine)" = "$before" ]
	done
	for lock in /var/lib/rpm/.rpm.lock /var/lib/pacman/db.lck; do
		run -0 in_machine "perl -e '$HOLD hold(qw($lock));
			exit(system(qw(sh -c), q(iommu-install off-for-uio --dry-run; exit \$?)) >> 8)'"
	done
	run -0 in_machine 'iommu-install off-for-uio'
}

# bats test_tags=boot
@test "nobody works beside a program that a killed iommu-install had started: resume waits for it, or says so" {
	quick_machine
	local killed='mv /usr/sbin/update-initramfs /root; cat > /usr/sbin/update-initramfs <<"END"
#!/bin/sh
# An orphan: its parent is killed, and it goes on.
echo begins >> /calls
[ -e /killed ] || { touch /killed; kill -9 $PPID; sleep "$(cat /seconds)"; }
/root/update-initramfs "$@"
echo ends >> /calls
END
		chmod 755 /usr/sbin/update-initramfs; iommu-install off-for-uio; ls /killed'
	run -0 in_machine "echo 3 > /seconds; $killed; iommu-install resume && cat /calls"
	[[ $output == *"the change to off-for-uio is finished"$'\nbegins\nends' ]]
	run -1 in_machine "cp /root/update-initramfs /usr/sbin; rm /killed /calls; iommu-install strict --force
		$SIGN_IMAGES
		echo 1000 > /seconds; $killed; iommu-install resume; s=\$?; cat /calls
		ls /var/lib/iommu/change; exit \$s"
	[[ $output == *"a program that an iommu-install started, which is gone, is still at work"*begins*journal* ]]
	[[ $output != *ends* ]]
	run -0 in_machine 'cp /root/update-initramfs /usr/sbin; iommu-install resume'
	[[ $output == *"the change to off-for-uio is finished"* ]]
}

# bats test_tags=boot
@test "what somebody wrote into the target stays through a change and its end, and a second run has nothing to do" {
	needs_no_iommu
	quick_machine
	# shellcheck disable=SC2016 # for the machine
	run -0 in_machine 'cd /etc
		printf "# why\n\nmode = off-for-uio  \n  # stop\non-mismatch=halt\n# end\n" > iommu.target
		iommu-install off-for-uio && cp /etc/iommu.target /1 && iommu-install off-for-uio &&
		iommu-install strict --force --commit=after-boot && cp /etc/iommu.target /2 &&
		iommu-install strict --force --commit=now --allow-override && cp /etc/iommu.target /3 &&
		iommu-install strict --force && cmp /3 /etc/iommu.target && cp /1 /2 /3 /host'
	[ "$(grep -c "nothing to change" <<< "$output")" = 2 ]
	diff "$BATS_TEST_TMPDIR/1" - <<< $'# why\n\nmode = off-for-uio  \n  # stop\non-mismatch=halt\n# end'
	grep -qx accept=off-for-uio "$BATS_TEST_TMPDIR/2" # while it waits
	diff <(sed /^accept/d "$BATS_TEST_TMPDIR/2") - <<< $'# why\n\nmode=strict\n  # stop\non-mismatch=halt\n# end'
	diff "$BATS_TEST_TMPDIR/3" - <<< $'# why\n\nmode=strict\n  # stop\non-mismatch=halt\nallow-override=yes\n# end'
}

@test "after a run with nothing to change a line in any of modprobe's directories is seen by the next" {
	quick_machine
	local dir
	for dir in /etc /run /usr/local/lib /usr/lib; do
		run -5 in_machine "iommu-install off-for-uio && iommu-install off-for-uio && mkdir -p $dir/modprobe.d &&
			echo 'options vfio enable_unsafe_noiommu_mode=1' > $dir/modprobe.d/x.conf
			iommu-install off-for-uio; s=\$?; rm $dir/modprobe.d/x.conf; exit \$s"
		[[ $output == *"nothing to change"*"MODPROBE_CONFLICT: $dir/modprobe.d/x.conf:1"* ]]
	done
}

# bats test_tags=boot
@test "a way out over a change that can't be finished, itself undone, leaves that change to be finished" {
	quick_machine
	local out
	# Without its generator the change to strict can neither go on nor be undone.
	run -0 in_machine "iommu-install off-for-uio; $FAILS
		sed -i s/^generator=.*/generator=dracut/ /var/lib/iommu/change/journal
		sha256sum /var/lib/iommu/change/* /etc/iommu.target /boot/grub/grub.cfg > /before"
	for out in remove 'strict --force --on-mismatch=warn'; do
		run -0 in_machine "iommu-install $out; [ \$? = 1 ] && sha256sum --quiet -c /before"
	done
	run -0 in_machine "cp /root/update-grub /usr/sbin
		sed -i s/^generator=.*/generator=initramfs-tools/ /var/lib/iommu/change/journal
		iommu-install resume && ls /var/lib/iommu/change/done && grep -x mode=strict /etc/iommu.target"
}

# bats test_tags=boot
@test "a rollback to a change that waited for its boot waits for that boot again" {
	needs_no_iommu
	quick_machine
	run -0 in_machine "$WAITS"'
		iommu-install pt --force && iommu-install rollback && cat /etc/iommu.target &&
		grep -x progress=boot /var/lib/iommu/change/journal && grep ^mode= /var/lib/iommu/change/after.0 &&
		! grep accept= /var/lib/iommu/change/after.0'
	[[ $output == *$'mode=strict\naccept=off-for-uio,pt\non-mismatch=halt\nprogress=boot\nmode=strict' ]]
}

# bats test_tags=boot
@test "of a change that waits for its boot nobody says that it is to be resumed before that" {
	needs_no_iommu
	quick_machine
	run in_machine "$WAITS"'
		iommu-install check; iommu-install check --nagios; iommu-install status'
	[ "$(grep -c "waits for the next boot" <<< "$output")" = 3 ]
	[[ $output != *resume* ]]
	run in_machine "$BOOTED; iommu-install check; iommu-install check --nagios; iommu-install status"
	[ "$(grep -c "not finished.*resume" <<< "$output")" = 3 ]
}
