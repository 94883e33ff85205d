#!/usr/bin/env bats
# Changes that are gone back on, interrupted, finished, taken out again, and looked at, on a real Debian system that is
# not booted.
bats_require_minimum_version 1.5.0

PT="intel_iommu=on amd_iommu=on iommu=pt"

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/kill
}

teardown() {
	machine_end
}

# What a change may touch, with owner and mode, but for grub.cfg and images: those can be made anew.
sources() {
	in_machine 'for f in /etc/iommu.target /etc/default/grub /etc/default/grub.d/* /etc/dracut.conf.d/*; do
		[ ! -e "$f" ] || { stat -c "%n %a %u:%g" "$f"; sha256sum < "$f"; }; done'
}

entries() {
	in_machine 'sed -n "s/^[[:space:]]*linux[[:space:]]*//p" /boot/grub/grub.cfg'
}

# Two kernels, the second one by another name, and an image of each.
second_kernel() {
	in_machine 'cd /boot && k=$(ls vmlinuz-6* | head -n 1) && k=${k#vmlinuz-} &&
		cp vmlinuz-$k vmlinuz-6.1.0-99-amd64 &&
		cp config-$k config-6.1.0-99-amd64 && cp -a /lib/modules/$k /lib/modules/6.1.0-99-amd64 &&
		depmod 6.1.0-99-amd64 && update-initramfs -c -k 6.1.0-99-amd64 && update-grub 2>&1'
}

# bats test_tags=boot
@test "rollback after each mode gives every source back, byte for byte, with owner and mode" {
	quick_machine
	local mode before before_entries
	in_machine 'update-grub 2>/dev/null; printf "mode=strict\n# mine\n" > /etc/iommu.target
		chmod 640 /etc/iommu.target; chgrp 4 /etc/iommu.target'
	before=$(sources) before_entries=$(entries)
	for mode in off-for-uio "off-for-vfio --force" "strict --force --on-mismatch=halt" \
		"pt --force --on-mismatch=reboot"; do
		in_machine "iommu-install $mode"
		[ "$(sources)" != "$before" ]
		in_machine 'iommu-install rollback'
		diff <(sources) <(echo "$before")
		[ "$(entries)" = "$before_entries" ]
	done
}

# bats test_tags=boot
@test "rollback gives extended attributes back" {
	quick_machine
	in_machine 'echo mode=strict > /etc/iommu.target'
	# The tools for it are this machine's.
	debugfs -w -R 'ea_set /etc/iommu.target user.note kept' "$machine?offset=$DISK_START" 2>/dev/null
	in_machine 'iommu-install pt --force && iommu-install remove && iommu-install rollback &&
		iommu-install strict --force'
	debugfs -R 'ea_get /etc/iommu.target user.note' "$machine?offset=$DISK_START" 2>/dev/null | grep kept
}

@test "rollback over a file that somebody edited since is refused by its name, and nothing is changed" {
	quick_machine
	in_machine 'iommu-install pt --force; echo "# mine" >> /etc/default/grub.d/zzz-iommu.cfg'
	local before
	before=$(files_of_machine)
	run in_machine 'iommu-install rollback'
	[ "$status" = 5 ]
	[[ $output == *"SOURCE_CHANGED: /etc/default/grub.d/zzz-iommu.cfg"* ]]
	[ "$(files_of_machine)" = "$before" ]
}

@test "a second rollback, and one without a change before it, say so" {
	quick_machine
	run -1 in_machine 'iommu-install rollback'
	[[ $output == *"no change was made yet"* ]]
	run -1 in_machine 'iommu-install off-for-uio; iommu-install rollback && iommu-install rollback'
	[[ $output == *"the last change was a rollback"* ]]
}

# bats test_tags=boot
@test "rollback after a kernel was added: the new kernel's entry and image go back too" {
	quick_machine
	in_machine 'iommu-install pt --force --on-mismatch=halt && iommu-install strict --force'
	second_kernel
	in_machine 'iommu-install rollback'
	[ "$(entries | grep -c "$PT")" -ge 4 ]
	[ "$(entries | grep -vc "$PT")" = 0 ]
	run -0 in_machine 'mount --bind / /mnt && iommu-install --root /mnt check'
	[ "$(grep -c '^match ' <<< "$output")" -ge 4 ]
	[ "$(grep -c 'wants pt, stops the boot on a mismatch' <<< "$output")" -ge 4 ]
}

@test "rollback puts grub.cfg back byte for byte, owner and mode too, without its tool, and a dry run says so" {
	quick_machine
	run -0 in_machine 'iommu-install pt --force --on-mismatch=halt
		sed -i "1s/^/# as no tool would make it again\n/" /boot/grub/grub.cfg
		cp -a /boot/grub/grub.cfg /before; iommu-install strict --force
		printf "#!/bin/sh\nexit 1\n" > /usr/sbin/update-grub
		iommu-install rollback --dry-run --json > /host/dry.json
		iommu-install rollback --json > /host/real.json 2> /dev/null && cmp /boot/grub/grub.cfg /before'
	for run in dry real; do
		jq -e '.result == "done" and ([.commands[] | select(test("grub"))] == []) and
			([.files[] | select(.path == "/boot/grub/grub.cfg") | .action] == ["write"])' \
			"$BATS_TEST_TMPDIR/$run.json"
	done
	diff <(jq -c '.entries[] | [.kernel, .before, .after, .foreseen]' "$BATS_TEST_TMPDIR/dry.json") \
		<(jq -c '.entries[] | [.kernel, .before, .after, .foreseen]' "$BATS_TEST_TMPDIR/real.json")
}

@test "rollback of the first change gives the grub.cfg back that was there, whoever had written in it" {
	quick_machine
	run -0 in_machine 'sed -i "1s/^/# as no tool would make it again\n/" /boot/grub/grub.cfg
		chmod 640 /boot/grub/grub.cfg; chgrp 4 /boot/grub/grub.cfg
		stat -c "%a %u:%g" /boot/grub/grub.cfg > /mode
		cp -a /boot/grub/grub.cfg /before; iommu-install pt --force --on-mismatch=halt
		! cmp -s /boot/grub/grub.cfg /before && iommu-install rollback && cmp /boot/grub/grub.cfg /before &&
		stat -c "%a %u:%g" /boot/grub/grub.cfg | diff - /mode'
}

@test "rollback after somebody else has had grub.cfg made: what that has brought stays" {
	quick_machine
	# shellcheck disable=SC2016 # for the machine
	run -0 in_machine 'iommu-install pt --force --on-mismatch=halt
		printf "cat <<E\nmenuentry \"mark\" {\n\tchainloader /mark\n}\nE\n" > /etc/grub.d/41_mark
		chmod 755 /etc/grub.d/41_mark; update-grub 2> /dev/null; iommu-install rollback'
	run -0 in_machine 'cat /boot/grub/grub.cfg'
	[[ $output == *'"mark"'* && $output != *iommu* ]]
}

@test "rollback never brings back a grub.cfg that names a kernel or an image that is gone" {
	quick_machine
	second_kernel
	run -0 in_machine 'iommu-install pt --force --on-mismatch=halt
		rm -r /boot/*-6.1.0-99-amd64 /lib/modules/6.1.0-99-amd64; iommu-install rollback'
	run -0 in_machine 'cat /boot/grub/grub.cfg'
	[[ $output == *vmlinuz-6* && $output != *6.1.0-99* && $output != *iommu* ]]
}

@test "rollback over a grub.cfg that somebody has written by hand since is refused, and nothing is changed" {
	quick_machine
	local before
	in_machine 'iommu-install pt --force --on-mismatch=halt; echo "menuentry mine { true; }" > /boot/grub/grub.cfg'
	before=$(files_of_machine)
	run -5 --separate-stderr in_machine 'iommu-install rollback --json'
	[ "$(jq -r .refusal.code <<< "$output")" = GENERATED_ELSEWHERE ]
	[ "$(files_of_machine)" = "$before" ]
}

@test "a rollback that is killed once grub.cfg is back: resume ends with the same bytes" {
	quick_machine
	# shellcheck disable=SC2016 # for the machine
	run -0 in_machine 'iommu-install pt --force --on-mismatch=halt
		cp /boot/grub/grub.cfg /ours
		sed -i "1s/^/# as no tool would make it again\n/" /boot/grub/grub.cfg
		cp /boot/grub/grub.cfg /before; iommu-install strict --force; '"$SIGN_IMAGES"'
		mv /usr/sbin/update-initramfs /usr/sbin/update-initramfs.real
		printf "#!/bin/bash\ncmp -s /boot/grub/grub.cfg /before && kill -9 \$PPID\n%s\n" \
			"exec update-initramfs.real \"\$@\"" > /usr/sbin/update-initramfs
		chmod 755 /usr/sbin/update-initramfs; iommu-install rollback; ls /var/lib/iommu/change/journal
		mv /usr/sbin/update-initramfs.real /usr/sbin/update-initramfs
		iommu-install resume && cmp /boot/grub/grub.cfg /before'
}

@test "remove takes target, words and checks out, and leaves the line as it was before the first change" {
	quick_machine
	in_machine 'update-grub 2>/dev/null'
	local before
	before=$(sources; entries)
	in_machine 'iommu-install pt --force --on-mismatch=halt'
	run -0 in_machine 'iommu-install remove'
	[[ $output == *"no mode is wanted any more"* ]]
	[ "$(sources; entries)" = "$before" ]
	run -6 in_machine 'iommu-install check'
	[[ $output == *"no check"* ]]
	run -0 in_machine 'iommu-install remove'
	[[ $output == *"nothing of iommu-install is set"* ]]
	run -0 in_machine 'iommu-install rollback && cat /etc/iommu.target'
	[[ $output == *$'mode=pt\non-mismatch=halt'* ]]
}

# bats test_tags=boot
@test "a change that was killed is named by check, finished by resume, or by the next command that sets a mode" {
	quick_machine
	in_machine 'iommu-install strict --force --on-mismatch=halt'
	local killed='cat > /usr/local/bin/kill-it <<"EOF"
#!/bin/sh
kill -9 $(pidof iommu-install)
EOF
		chmod 755 /usr/local/bin/kill-it; mv /usr/sbin/update-grub /usr/sbin/update-grub.real
		ln -s /usr/local/bin/kill-it /usr/sbin/update-grub; iommu-install pt --force
		rm /usr/sbin/update-grub; mv /usr/sbin/update-grub.real /usr/sbin/update-grub'
	run -0 in_machine "$killed"
	run in_machine 'mount --bind / /mnt && iommu-install --root /mnt check'
	[[ $output == *"a change to pt is not finished"* ]]
	[[ $output == *"or the old mode for now"* ]]
	[ "$status" = 0 ]
	run -0 in_machine 'iommu-install resume'
	[[ $output == *"finishing the interrupted change to pt"*"the change to pt is finished"* ]]
	[ "$(in_machine 'cat /etc/iommu.target')" = $'mode=pt\non-mismatch=halt' ]
	[ "$(entries | grep -vc "$PT")" = 0 ]
	run -0 in_machine "$killed; iommu-install resume"
	[[ $output == *"no change is unfinished"* ]]

	run -0 in_machine "iommu-install strict --force; $killed"
	run -0 in_machine 'iommu-install off-for-uio'
	[[ $output == *"finishing the interrupted change to pt"*"mode off-for-uio is set"* ]]
	[ "$(in_machine 'ls /boot | grep iommu; true')" = "" ]
}

@test "rollback of a change that was killed goes back to what was before it" {
	quick_machine
	in_machine 'iommu-install strict --force --on-mismatch=halt'
	local before
	before=$(sources; entries)
	in_machine 'mv /usr/sbin/update-grub /usr/sbin/update-grub.real
		printf "#!/bin/sh\nkill -9 \$(pidof iommu-install)\n" > /usr/sbin/update-grub
		chmod 755 /usr/sbin/update-grub; iommu-install pt --force
		mv /usr/sbin/update-grub.real /usr/sbin/update-grub'
	run -0 in_machine 'iommu-install rollback'
	diff <(sources; entries) <(echo "$before")
}

@test "the package manager's lock: busy, unless it is an ancestor that holds it" {
	quick_machine
	local before
	before=$(files_of_machine)
	# perl is in every Debian system.
	# shellcheck disable=SC2016 # for perl
	local lock='use Fcntl; open F, "+</var/lib/dpkg/lock-frontend";
		$l = pack("s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0); fcntl F, F_SETLK, $l or die;'
	run -1 in_machine "perl -e '$lock print qq(held\n); \$| = 1; sleep 100' & sleep 2; iommu-install off-for-uio
		s=\$?; kill %1; exit \$s"
	[[ $output == *"the package manager is at work (process "* ]]
	[ "$(files_of_machine)" = "$before" ]
	run -0 in_machine "perl -e '$lock exit(system(qw(sh -c), q(iommu-install off-for-uio)) >> 8)'"
	[[ $output == *"mode off-for-uio is set"* ]]
}

@test "a /boot that is its own file system is frozen and thawed; killed in between, it thaws all the same" {
	quick_machine
	strace_into "$BATS_TEST_TMPDIR/strace"
	local boot='truncate -s 200M /host/boot.img && mke2fs -q /host/boot.img && mkdir -p /b &&
		mount -o loop /host/boot.img /b && cp -a /boot/. /b && mount --move /b /boot
		s="/host/strace/ld.so --library-path /host/strace /host/strace/strace"'
	run -0 in_machine "$LOOP_NODES
		$boot; \$s -o /host/trace -e trace=ioctl iommu-install off-for-uio
		grep -E 'FIFREEZE|FITHAW' /host/trace
		\$s -o /dev/null -e trace=ioctl \
			-e inject=ioctl:signal=KILL:when=\$(grep -n FITHAW /host/trace | head -n 1 | cut -d: -f1) \
			iommu-install strict --force
		touch /boot/it-is-thawed; iommu-install resume; umount /boot; rm /host/boot.img"
	[[ $output == *FIFREEZE*FITHAW* ]]
	[[ $output == *"the change to strict is finished"* ]]
}

# GRUB replays no journal, and on the disk a directory, a new file and an old one change in no order: all of the new one
# has to be there before it gets the name, and the old one until nothing leads to it any more.
@test "what a boot loader reads is exchanged with the old file between two flushes, never renamed over it" {
	quick_machine
	strace_into "$BATS_TEST_TMPDIR/strace"
	run -0 in_machine 'iommu-install pt --on-mismatch=halt --force > /host/log
		for change in "strict --force" rollback links "strict --force" rollback; do
			if [ "$change" = links ]; then
				mkdir /srv/boot
				for file in /boot/grub/grub.cfg /boot/initrd.img-*; do
					mv $file /srv/boot; ln -s /srv/boot/${file##*/} $file
				done
				continue
			fi
			/host/strace/ld.so --library-path /host/strace /host/strace/strace -y -o /host/trace \
				-e trace=rename,renameat,renameat2,syncfs,unlinkat iommu-install $change > /host/log
			awk "{ call[NR] = \$0 }
				END { for (i = 1; i <= NR; i++) {
					if (call[i] !~ /^rename/ || call[i] !~ /[<\"]\/(srv\/)?boot/) continue
					file = call[i]
					sub(/^[^\"]*\"/, \"\", file)
					sub(/\".*/, \"\", file)
					right = call[i] ~ /RENAME_EXCHANGE.* = 0/
					right = right && call[i - 1] ~ /^syncfs.* = 0/ && call[i + 1] ~ /^syncfs.* = 0/
					right = right && call[i + 2] ~ /^unlinkat.* = 0/ && index(call[i + 2], file)
					print file, right ? \"right\" : \"wrong\" } }" /host/trace
			echo "end of $change"
		done'
	echo "$output"
	[[ $output != *wrong* ]]
	[ "$(grep -c '^end of' <<<"$output")" = 4 ]
	awk '/grub.cfg.* right/ { grub++ } /initrd.img.* right/ { image++ }
		/^end of/ { if (!grub || !image) exit 1; grub = image = 0 }' <<<"$output"
}

# Where the firmware offers no IOMMU a line that asks for one gives none; seen as a tree, the lines alone decide.
# bats test_tags=boot
@test "check needs root, knows every entry, and finds a line or an image that somebody changed" {
	quick_machine
	in_machine 'iommu-install off-for-uio --on-mismatch=halt'
	run -4 in_machine 'setpriv --reuid=65534 --clear-groups iommu-install check'
	[[ $output == *"run it as root"* ]]
	run -0 in_machine 'iommu-install check'
	[[ $output == *"match     kernel 6.1."*", off-for-uio by its "*"(/etc/default/grub.d/zzz-iommu.cfg)"* ]]
	[[ $output == *"initramfs /boot/initrd.img-6.1."*": wants off-for-uio, stops the boot on a mismatch"* ]]
	run -0 in_machine 'iommu-install check --json'
	[ "$(json '.verdict, (.entries | length > 1), .entries[0].mode, .entries[0].hook,
		.entries[0].target, .entries[0].counted' | xargs)" = \
		"match true off-for-uio true off-for-uio true" ]

	run -2 in_machine 'mount --bind / /mnt; sed -i "s/intel_iommu=off/intel_iommu=on/" /boot/grub/grub.cfg
		iommu-install --root /mnt check'
	[[ $output == *"mismatch  kernel"*"give another mode than its initramfs wants"* ]]
	run -2 in_machine 'update-grub 2>/dev/null; mv /etc/iommu.target /root
		update-initramfs -u -k $(ls /lib/modules) >/dev/null; mv /root/iommu.target /etc
		iommu-install check'
	[[ $output == *"its initramfs does not check the mode"* ]]
	run -4 in_machine 'for i in /boot/initrd.img-*; do head -c $(($(stat -c %s $i) / 2)) $i > /i; cp /i $i; done
		iommu-install check'
	[[ $output == *"its initramfs can't be read"* ]]
	run -2 in_machine 'rm /boot/initrd.img-*; sed -i /initrd/d /boot/grub/grub.cfg; iommu-install check'
	[[ $output == *"it has no initramfs"* ]]
}

# bats test_tags=boot
@test "an update by somebody else that would make the next boot fail is warned about, and never fails" {
	machine bookworm initramfs-tools
	in_machine 'iommu-install off-for-uio --on-mismatch=halt'
	run -0 in_machine 'update-initramfs -u 2>&1'
	[[ $output != *WARNING* ]]
	run -0 in_machine 'for i in /boot/initrd.img-*; do head -c 100000 $i > /i; cp /i $i; done
		/etc/kernel/postinst.d/zzz-iommu-check 6.1 /boot/vmlinuz 2>&1'
	[[ $output == *"WARNING: it can't be told whether the next boot will be in the mode"* ]]
	run -0 in_machine 'mv /etc/iommu.target /root; update-initramfs -u -k all 2>&1; mv /root/iommu.target /etc
		/etc/initramfs/post-update.d/zzz-iommu-check 6.1 /boot/initrd.img 2>&1'
	[[ $output == \
		*"WARNING: one of these boot entries would not start in the mode"*"mismatch"* ]]
	# iommu-install's own changes do not warn about themselves.
	run -0 in_machine 'iommu-install pt --force --verbose 2>&1'
	[[ $output != *WARNING* ]]
}

# foreseen MODE WORD WHY: with that word on each line, WHY stands in what check --json says of it; "": it is a match.
foreseen() {
	local status=2
	[ -n "$3" ] || status=0
	run -$status in_machine 'mount --bind / /mnt; sed -i "/vmlinuz/s/$/ '"$2"'/" /boot/grub/grub.cfg
		iommu-install --root /mnt check --json > /host/check; s=$?
		sed -i "/vmlinuz/s/ '"$2"'$//" /boot/grub/grub.cfg; exit $s'
	[ "$(jq -r '.entries[] | .mode, (.why // "" | sub(".*(?<w>noiommu|unsafe|remapping|flush).*"; "\(.w)")),
		.would_stop' "$BATS_TEST_TMPDIR/check" | paste - - - | sort -u)" = \
		"$(printf '%s\t%s\t%s' "$1" "$3" "$([ -n "$3" ] && echo true || echo false)")" ]
}

# with_noiommu: the machine's vfio says that it has noiommu, which Debian 12 builds it without.
with_noiommu() {
	in_machine 'cp /lib/modules/*/kernel/drivers/vfio/vfio.ko /host/vfio.ko'
	objcopy --dump-section .modinfo="$BATS_TEST_TMPDIR/modinfo" "$BATS_TEST_TMPDIR/vfio.ko"
	printf '%s\0' 'parm=enable_unsafe_noiommu_mode:of a test' parmtype=enable_unsafe_noiommu_mode:bool \
		'parm=allow_unsafe_interrupts:of a test' parmtype=allow_unsafe_interrupts:bool \
		>> "$BATS_TEST_TMPDIR/modinfo"
	objcopy --update-section .modinfo="$BATS_TEST_TMPDIR/modinfo" "$BATS_TEST_TMPDIR/vfio.ko"
	in_machine 'cp /host/vfio.ko /lib/modules/*/kernel/drivers/vfio/vfio.ko'
}

@test "check foresees what else a target demands of a line: noiommu, unsafe interrupts, remapping, the flush policy" {
	quick_machine
	with_noiommu
	in_machine 'iommu-install strict --flush=sync --on-mismatch=halt --force'
	foreseen strict "" ""
	foreseen strict vfio.enable_unsafe_noiommu_mode=1 noiommu
	foreseen strict vfio-iommu-type1.allow_unsafe_interrupts=y unsafe
	foreseen strict iommufd.allow_unsafe_interrupts "" # this kernel has none
	foreseen strict "iommufd.allow_unsafe_interrupts=1 iommufd.allow_unsafe_interrupts=0" ""
	foreseen strict iommu.strict=0 flush
	foreseen strict intremap=off ""
	in_machine 'iommu-install pt --flush=any --allow-unsafe-interrupts --force'
	foreseen pt vfio_iommu_type1.allow_unsafe_interrupts=1 ""
	foreseen pt vfio.enable_unsafe_noiommu_mode=1 noiommu
	foreseen pt iommu.strict=0 ""
	in_machine 'echo interrupts=remapped >> /etc/iommu.target; update-initramfs -u -k $(ls /lib/modules)'
	foreseen pt nointremap remapping
	[ "$(jq -r '.entries[0].hint' "$BATS_TEST_TMPDIR/check")" = "take intremap=off or nointremap out" ]
	foreseen pt "" ""
	foreseen pt "intremap=off intremap=on" ""
}

@test "check foresees what modprobe.d and an image's copy of it make of the modules' parameters" {
	quick_machine
	with_noiommu
	in_machine 'iommu-install pt --on-mismatch=halt --force'
	in_machine 'echo "options vfio-iommu-type1 allow_unsafe_interrupts=1" > /etc/modprobe.d/a.conf'
	foreseen pt "" unsafe
	[[ $(jq -r '.entries[0] | .why, .hint' "$BATS_TEST_TMPDIR/check") == \
		"/etc/modprobe.d/a.conf:1 sets"*"put a # before that line" ]]
	foreseen pt vfio_iommu_type1.allow_unsafe_interrupts=0 ""
	# The image has it from now on, until it is made anew. A line can be long.
	in_machine 'printf "options vfio-iommu-type1 %2000s allow_unsafe_interrupts=1\n" > /etc/modprobe.d/a.conf
		update-initramfs -u -k $(ls /lib/modules); sed -i s/^/#/ /etc/modprobe.d/a.conf'
	foreseen pt "" unsafe
	[[ $(jq -r '.entries[0] | .why, .hint' "$BATS_TEST_TMPDIR/check") == \
		*"its initramfs holds"*"'iommu-install pt'" ]]
	in_machine 'iommu-install pt --force'
	foreseen pt "" ""
	# A parameter that the entry's kernel does not have sets nothing.
	in_machine 'echo "options iommufd allow_unsafe_interrupts=1" > /etc/modprobe.d/a.conf'
	foreseen pt "" ""
	in_machine 'k=$(ls /lib/modules) && cp /host/vfio.ko /lib/modules/$k/kernel/iommufd.ko && depmod $k &&
		update-initramfs -u -k $k' # which has it now
	foreseen pt "" unsafe
	foreseen pt iommufd.allow_unsafe_interrupts=0 ""
	in_machine 'rm /etc/modprobe.d/a.conf; update-initramfs -u -k $(ls /lib/modules)'
	foreseen pt iommufd.allow_unsafe_interrupts unsafe
	in_machine 'echo "options vfio enable_unsafe_noiommu_mode=Y" > /etc/modprobe.d/a.conf'
	foreseen pt "" noiommu
	in_machine 'rm /etc/modprobe.d/a.conf; iommu-install off-for-uio --force'
	in_machine 'echo "options vfio enable_unsafe_noiommu_mode=Y" > /etc/modprobe.d/a.conf'
	foreseen off-for-uio "" noiommu
	in_machine 'rm /etc/modprobe.d/a.conf; iommu-install off-for-vfio --force'
	foreseen off-for-vfio "" ""
}

@test "--root on a directory: configuration and images; the boot loader is left to the builder, and said so" {
	quick_machine
	# shellcheck disable=SC2016 # for the inner shell
	run -0 in_machine 'mkdir -p /t && cp -a /bin /sbin /lib /lib64 /etc /usr /var /boot /t/ &&
		mkdir -p /t/proc /t/sys /t/dev /t/run /t/tmp &&
		rm /t/boot/grub/grub.cfg && iommu-install --root /t pt --on-mismatch=halt && cat /t/etc/iommu.target &&
		ls /t/etc/default/grub.d /t/run &&
		cpio -i --quiet --to-stdout "*etc/iommu.target" < /t/boot/initrd.img-6*
		[ ! -e /etc/iommu.target ] && [ ! -e /t/boot/grub/grub.cfg ]'
	[[ $output == *"left to whoever makes the disk"* ]]
	[ "$(grep -c '^on-mismatch=halt' <<< "$output")" = 2 ]
	[[ $output == *zzz-iommu.cfg* ]]
}

# bats test_tags=boot
@test "--root on a mounted block device: grub.cfg too, and none of the running machine's refusals" {
	quick_machine
	local other=$BATS_TEST_TMPDIR/other.img
	cp --sparse=always "$machine" "$other"
	# shellcheck disable=SC2016 # for the inner shell
	run -0 in_machine "$LOOP_NODES"'
		loop=$(losetup --find --show --offset 1048576 /host/other.img) &&
		mknod /dev/vdb1 b 7 ${loop#/dev/loop} && rm /dev/loop* &&
		mkdir /m && mount /dev/vdb1 /m && touch /run/.containerenv &&
		mount --rbind /dev /m/dev && mount -t proc proc /m/proc && chroot /m update-grub 2> /dev/null &&
		umount -l /m/proc /m/dev &&
		iommu-install --root /m pt --on-mismatch=halt --dry-run --json > /host/dry.json &&
		iommu-install --root /m pt --on-mismatch=halt && iommu-install --root /m check; s=$?
		iommu-install --root /m check --json > /host/check.json
		grep -c "iommu=pt" /m/boot/grub/grub.cfg; umount /m; mknod /dev/loop0 b 7 ${loop#/dev/loop}
		losetup -d /dev/loop0; exit $s'
	[[ $output == *"mode pt is set, and read back from /boot/grub/grub.cfg and every initramfs"* ]]
	[[ $output == *"match     kernel 6.1."* ]]
	# The dry run has had its lines from the tree's own tool.
	diff <(jq -r '.entries[].after' "$BATS_TEST_TMPDIR/dry.json") \
		<(jq -r '.entries[].cmdline' "$BATS_TEST_TMPDIR/check.json")
	[ "$(jq '[.entries[].foreseen // false] | any' "$BATS_TEST_TMPDIR/dry.json")" = false ]
}

# bats test_tags=boot
@test "with dracut 059 and a /boot that fills up under it, the old image survives" {
	machine bookworm dracut
	# The old image is small, so that the change is begun; the new one does not fit.
	run -1 in_machine 'mkdir /b /c && cd /c && echo > init && mount -t tmpfs -o size=24m tmpfs /b &&
		cp -a /boot/grub /b && cp /boot/config-6* /b &&
		head -c 64k /dev/zero > /b/vmlinuz-$(ls /lib/modules) &&
		echo init | cpio --quiet -o -H newc > /b/initrd.img-$(ls /lib/modules) &&
		ln -sf /bin/true /usr/sbin/update-grub && # which would fail there
		mount --move /b /boot && sha256sum /boot/initrd.img-* > /sum && head -c 12m /dev/urandom > /boot/fill &&
		iommu-install pt --force; s=$?; sha256sum -c /sum || s=9; ls /boot; exit $s'
	echo "$output"
	[[ $output == *"No space left on device"*"everything is as it was before"* ]]
	[[ $output == *": OK"* ]]
}

@test "a disk whose key is sealed to the TPM is refused" {
	quick_machine
	in_machine 'printf "# disks\nroot /dev/vda2 none luks,tpm2-device=auto\n" > /etc/crypttab'
	local before
	before=$(files_of_machine)
	run -5 in_machine 'iommu-install off-for-uio'
	[[ $output == *"TPM_SEALED: /etc/crypttab:2: "* ]]
	[ "$(files_of_machine)" = "$before" ]
}

@test "a key that is bound to how the machine boots now (systemd-pcrlock) is refused too" {
	quick_machine
	local before
	before=$(files_of_machine)
	run -5 in_machine 'mkdir -p /var/lib/systemd && echo {} > /var/lib/systemd/pcrlock.json &&
		iommu-install off-for-uio'
	[[ $output == *"TPM_SEALED: /var/lib/systemd/pcrlock.json: "* ]]
	[ "$(files_of_machine)" = "$before" ]
}

# bats test_tags=boot
@test "--commit=after-boot: resume waits for the boot, says if it brought another mode, and ends what it brought" {
	[ -z "$(ls /sys/class/iommu 2>/dev/null)" ] || skip "this machine has an IOMMU"
	quick_machine
	in_machine 'iommu-install off-for-uio --on-mismatch=halt'
	# The next boot is this one with another name.
	local booted='echo 11111111-2222-3333-4444-555555555555 > /run/boot_id
		mount --bind /run/boot_id /proc/sys/kernel/random/boot_id'
	run -0 in_machine 'iommu-install strict --force --on-mismatch=halt --commit=after-boot; cat /etc/iommu.target
		iommu-install resume'
	[[ $output == *"the old mode is accepted too"*"mode=strict"*"accept=off-for-uio"*\
"the change to strict is finished after the next boot"* ]]
	run -2 in_machine "$booted; iommu-install resume"
	[[ $output == \
		*"iommu-install: this boot is not in mode strict, so the old mode is still accepted: "*": "* ]]
	[ "$(in_machine 'cat /etc/iommu.target')" = $'mode=strict\naccept=off-for-uio\non-mismatch=halt' ]
	in_machine 'iommu-install strict --force && iommu-install off-for-uio --commit=after-boot
		grep accept=strict /etc/iommu.target'
	run -0 in_machine "$booted; iommu-install resume"
	[ "$(in_machine 'cat /etc/iommu.target')" = $'mode=off-for-uio\non-mismatch=halt' ]
	run -0 in_machine "$booted; iommu-install resume"
	[[ $output == *"no change is unfinished"* ]]
}

@test "remove where nothing was ever set says so, and changes nothing" {
	quick_machine
	local before
	before=$(files_of_machine)
	run -0 in_machine 'iommu-install remove; rm /boot/grub/grub.cfg; iommu-install remove'
	[ "$output" = $'nothing of iommu-install is set\nnothing of iommu-install is set' ]
	diff <(files_of_machine) <(grep -v /boot/grub/grub.cfg <<< "$before")
}

# bats test_tags=boot
@test "an upgrade finishes a change that was cut short, with the new check" {
	quick_machine
	in_machine 'cp /usr/sbin/update-initramfs /root
		printf "#!/bin/sh\nkill -9 \$PPID\n" > /usr/sbin/update-initramfs
		iommu-install off-for-uio || [ $? = 137 ]
		cp /root/update-initramfs /usr/sbin; printf x >> /usr/sbin/iommu-verify; iommu-install internal-images
		iommu-install check'
}

# bats test_tags=boot
@test "a package's upgrade makes anew the images that hold another check, and only those" {
	quick_machine
	in_machine 'iommu-install internal-images; iommu-install off-for-uio'
	run -0 in_machine 'iommu-install internal-images'
	[ -z "$output" ]
	# Still a program, and another one.
	run -0 in_machine 'printf x >> /usr/sbin/iommu-verify; iommu-install internal-images
		iommu-install internal-images'
	[ "$(grep -c "^building /boot/initrd.img-6.*(1 of 1)" <<< "$output")" = 1 ]
	[ "$(in_machine 'find /boot -name "*.iommu-*"')" = "" ]
	run -0 in_machine 'iommu-install check'
	# The generator fails: the old image stays, and the package is told.
	run in_machine 'sha256sum /boot/initrd.img-6* > /sum; printf x >> /usr/sbin/iommu-verify
		printf "#!/bin/sh\nexit 1\n" > /usr/sbin/update-initramfs
		iommu-install internal-images; s=$?; sha256sum --quiet -c /sum && exit $s'
	echo "$output"
	[ "$status" = 1 ]
	[[ $output == *$'(1 of 1)\niommu-install: /boot/initrd.img-6'*": update-initramfs failed (status 1)"* ]]
	run in_machine 'rm /usr/sbin/update-initramfs; iommu-install internal-images'
	[ "$status" = 1 ]
	[[ $output == *"/boot/initrd.img-6"*": holds another version of iommu-verify than the installed one"* ]]
}

@test "usage: rollback, resume, remove and check take no mode's options" {
	quick_machine
	run -1 in_machine 'iommu-install rollback --on-mismatch=halt'
	run -1 in_machine 'iommu-install resume --dry-run'
	run -1 in_machine 'iommu-install remove pt'
	run -1 in_machine 'iommu-install pt --commit=later'
	[[ $output == *"--commit: use now or after-boot"* ]]
	run -1 in_machine 'iommu-install --root /nonexistent pt'
	[[ $output == *"--root: /nonexistent: No such file"* ]]
}

@test "a machine that GRUB has not booted is refused, unless the user names it" {
	quick_machine
	local before
	before=$(files_of_machine)
	run -5 in_machine 'umount /proc/cmdline; iommu-install off-for-uio'
	[[ $output == *"BOOTLOADER_UNPROVEN: "*"--backend=grub"* ]]
	[ "$(files_of_machine)" = "$before" ]
	run -0 in_machine 'umount /proc/cmdline; iommu-install off-for-uio --backend=grub'
	# A change that waits for its reboot has other words there.
	run -0 in_machine 'iommu-install strict --force'
}

# bats test_tags=boot
@test "on a terminal a long step shows how long it takes" {
	quick_machine
	in_machine 'mv /usr/sbin/update-initramfs /root
		printf "#!/bin/sh\nsleep 3\nexec /root/update-initramfs \"\$@\"\n" > /usr/sbin/update-initramfs
		chmod 755 /usr/sbin/update-initramfs'
	run -0 in_machine 'mkdir /dev/pts && mount -t devpts devpts /dev/pts -o ptmxmode=666 &&
		ln -s pts/ptmx /dev/ptmx && script -qec "iommu-install off-for-uio" /dev/null | tr "\r" "\n"'
	[[ $output == *"(1 of 1), 2 s"*"(1 of 1), 3 s"* ]]
	run -0 in_machine "$SIGN_IMAGES iommu-install strict --force"
	[ "$(grep -c '1 of 1' <<< "$output")" = 1 ]
}

# bats test_tags=boot
@test "killed before its last images: if the boot loader has lost the words since, resume puts them back first" {
	quick_machine
	in_machine "iommu-install pt --force --on-mismatch=halt; $SIGN_IMAGES"
	# Killed while the second image of the change is built.
	in_machine 'mv /usr/sbin/update-initramfs /root; cat > /usr/sbin/update-initramfs <<"EOF"
#!/bin/sh
grep -q accept /etc/iommu.target || kill -9 $(pidof iommu-install)
exec /root/update-initramfs "$@"
EOF
		chmod 755 /usr/sbin/update-initramfs; iommu-install strict --force; mv /root/update-initramfs /usr/sbin
		grep -q progress=sealing /var/lib/iommu/change/journal
		sed -i "s/amd_iommu=on/amd_iommu=on iommu=pt/" /boot/grub/grub.cfg'
	run -0 in_machine 'iommu-install resume'
	[[ $output == *"accepts the old mode too"*"updating /boot/grub/grub.cfg"*"the change to strict is finished"* ]]
	[ "$(entries | grep -c iommu=pt)" = 0 ]
	run -0 in_machine 'mount --bind / /mnt && iommu-install --root /mnt check'
}
