#!/usr/bin/env bats
# --json and --dry-run of the commands that change: the dry run decides as the real run does, and whatever becomes of a
# command its object says what. On a Debian 12 system by chroot.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	quick_machine
	VALIDATE=$BATS_TEST_DIRNAME/../tools/validate
	in_machine 'update-grub 2> /dev/null' # here / has another name than in the boot that made the disk
}

teardown() {
	machine_end
}

# What both runs have to agree about, lines to the byte.
AGREED='[.result, .changed, .before, .after, .refusal.code, .overridden, [.files[] | [.path, .action]],
	[.images[] | [.path, .how]], [.entries[] | [.kernel, .after, .foreseen]], .commands, .backend,
	.generator]'

# agree STATUS COMMAND [BEFORE]: after BEFORE, both runs of COMMAND end so and agree, and the dry run changes nothing.
agree() {
	local dir=$BATS_TEST_TMPDIR look='find /boot /etc /var/lib/iommu -printf "%p %s %T@\n" 2> /dev/null | sort'
	rm -f "$dir"/*.json
	in_machine "${3-:}
		before=\$($look)
		s=0; iommu-install --dry-run --json $2 > /host/dry.json 2> /host/dry.said || s=\$?
		[ \$s = $1 ] || { echo \"the dry run's status: \$s\"; cat /host/dry.*; exit 1; }
		diff <(echo \"\$before\") <($look)
		s=0; iommu-install --json $2 > /host/real.json 2> /host/real.said || s=\$?
		[ \$s = $1 ] || { echo \"status: \$s\"; cat /host/real.*; exit 1; }"
	"$VALIDATE" change "$dir/dry.json" "$dir/real.json"
	[ "$(jq -r '.dry_run' "$dir/dry.json" "$dir/real.json" | paste -sd ' ')" = 'true false' ]
	diff <(jq "$AGREED" "$dir/dry.json") <(jq "$AGREED" "$dir/real.json")
}

# said KEY VALUE: what the real run's object has.
said() {
	local value
	value=$(jq -c "$1" "$BATS_TEST_TMPDIR/real.json")
	[ "$value" = "$2" ] || { echo "$1: $value" && return 1; }
}

@test "fresh, set, under another policy, and set already: the dry run says what the real run does" {
	agree 5 pt
	said .refusal.code '"NO_VIOMMU"'
	agree 0 'pt --force'
	said '[.result, .changed, .overridden, .reboot.required]' '["done",true,["NO_VIOMMU"],true]'
	said '[.files[].action]' '["create","create","regenerate"]'
	said '[.images[].how]' '["built"]'
	said '[.entries[].after | contains("iommu=pt")] | all' true
	agree 0 'pt --force'
	said '[.result, .changed, .files, .commands]' '["unchanged",false,[],[]]'
	agree 0 'pt --force --on-mismatch=halt'
	said '[.result, .before.on_mismatch, .after.on_mismatch]' '["done","warn","halt"]'
	agree 0 strict\ --force
	said '[.before.mode, .after.mode]' '["pt","strict"]'
}

@test "drift: a target, a grub.cfg, an image, a new kernel: the dry run says what the real run mends" {
	in_machine 'iommu-install pt --force'
	# A policy that somebody has written there is the wanted one; the image has another.
	agree 0 'pt --force' 'echo on-mismatch=poweroff >> /etc/iommu.target'
	said '[.result, .changed, .after.on_mismatch, [.images[].how]]' '["done",true,"poweroff",["laid-over"]]'
	in_machine 'iommu-install pt --force --on-mismatch=warn'
	agree 0 'pt --force' 'sed -i "s/ iommu=pt//" /boot/grub/grub.cfg'
	said '[.result, .changed, [.images[].how], [.files[].action]]' '["done",true,["kept"],["regenerate"]]'
	agree 0 'pt --force' 'rm /etc/iommu.target; update-initramfs -u -k all; echo mode=pt > /etc/iommu.target'
	said '[.result, .changed, [.images[].how]]' '["done",true,["built"]]'
	agree 0 'pt --force' 'k=$(ls /lib/modules); cp -r /lib/modules/$k /lib/modules/9.9
		cp /boot/vmlinuz-$k /boot/vmlinuz-9.9
		update-initramfs -c -k 9.9; update-grub 2> /dev/null'
	said .changed false
}

@test "rollback and remove have a dry run, and where nothing was ever set both say so" {
	agree 0 remove
	said '[.result, .changed]' '["unchanged",false]'
	agree 1 rollback
	said '[.result, .changed]' '["failed",false]'
	in_machine 'iommu-install pt --force; iommu-install strict --force'
	agree 0 rollback
	said '[.result, .before.mode, .after.mode]' '["done","strict","pt"]'
	said '[.entries[].after | contains("iommu=pt")] | all' true
	agree 0 'pt --force'
	said '[.result, .changed]' '["unchanged",false]'
	in_machine 'iommu-install strict --force'
	agree 0 remove
	said '[.result, .before.mode, .after]' '["done","strict",null]'
	said '[.entries[].after | contains("iommu")] | any' false
}

@test "busy, and without root: nothing is done, and the object says why" {
	agree 1 'pt --force' 'mkdir -m 700 /var/lib/iommu; exec 9> /var/lib/iommu/lock; flock 9'
	said '[.result, .changed, .resume]' '["failed",false,false]'
	run -4 --separate-stderr in_machine \
		'setpriv --reuid=65534 --clear-groups iommu-install pt --force --dry-run --json'
	"$VALIDATE" change <<< "$output"
	[ "$(jq -r .result <<< "$output")" = unknown ]
	run --separate-stderr -1 in_machine 'setpriv --reuid=65534 --clear-groups iommu-install pt --force --json'
	"$VALIDATE" change <<< "$output"
	[ "$(jq -c '[.result, .error]' <<< "$output")" = '["failed","needs root"]' ]
}

@test "a change that was cut short: what goes on with it says what it finishes, and so does the next command" {
	local cut='iommu-install pt --force > /dev/null; mv /usr/sbin/update-grub /usr/sbin/kept
		printf "#!/bin/sh\nkill -9 \$PPID\n" > /usr/sbin/update-grub; chmod 755 /usr/sbin/update-grub
		iommu-install strict --force --on-mismatch=halt > /dev/null || :
		mv /usr/sbin/kept /usr/sbin/update-grub'
	run -0 --separate-stderr in_machine "$cut; iommu-install resume --json"
	"$VALIDATE" change <<< "$output"
	[ "$(jq -c '[.command, .result, .changed, .after.mode, .resume]' <<< "$output")" = \
		'["resume","done",true,"strict",false]' ]
	agree 0 'strict --force --on-mismatch=halt' "$cut"
	said '[.result, .changed]' '["done",true]'
}

# broken PROGRAM SCRIPT: PROGRAM fails in that way while strict is set under halt; what is there before and after, and
# the object.
broken() {
	in_machine "iommu-install pt --force > /dev/null; $SIGN_IMAGES"
	in_machine "look() { find /boot /etc -type f ! -name 'record' -exec sha256sum {} + | sort -k 2; }
		mv /usr/sbin/$1 /usr/sbin/real-$1; printf '#!/bin/sh\n%s\n' '$2' > /usr/sbin/$1; chmod 755 /usr/sbin/$1
		look > /host/before; s=0
		iommu-install strict --force --on-mismatch=halt --json > /host/real.json 2> /host/said || s=\$?
		look > /host/after; mv /usr/sbin/real-$1 /usr/sbin/$1; [ \$s = 1 ] || { cat /host/said; exit 1; }"
	"$VALIDATE" change "$BATS_TEST_TMPDIR/real.json"
}

@test "a step that fails: the object says failed, and everything is as before" {
	local step program script
	for step in 'update-initramfs exit 1' 'update-initramfs exit 0' \
		'update-initramfs cd /boot && echo rubbish > new && mv new initrd.img-*-amd64' \
		'update-grub exit 1' 'update-grub exit 0' 'update-grub echo > $2'; do
		program=${step%% *} script=${step#* }
		broken "$program" "$script"
		said '[.result, .changed, .files, .entries, .resume]' '["failed",false,[],[],false]'
		said '.before == .after' true
		diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
		in_machine 'iommu-install remove > /dev/null'
	done
}

@test "a step that fails once the boot loader has been written: interrupted, and resume ends it" {
	broken update-initramfs 'grep -q accept /etc/iommu.target || exit 1; exec real-update-initramfs "$@"'
	said '[.result, .changed, .resume, .after.mode]' '["interrupted",true,true,"strict"]'
	run -0 --separate-stderr in_machine 'iommu-install resume --json'
	"$VALIDATE" change <<< "$output"
	[ "$(jq -c '[.result, .changed, .resume, .after.mode]' <<< "$output")" = '["done",true,false,"strict"]' ]
}

@test "whatever is wrong with what was typed, there is one object" {
	local words
	for words in 'pt --json --delay=1000' '--json pt --frobnicate' 'remove --json pt' 'pt --json --commit=later' \
		'rollback --json --force' 'pt --json --backend=lilo' 'resume --json --dry-run' \
		'--root /nonexistent strict --json'; do
		run -1 --separate-stderr in_machine "iommu-install $words"
		"$VALIDATE" change <<< "$output" || { echo "$words: $output"; return 1; }
		[ "$(jq -r .result <<< "$output")" = failed ]
	done
}

@test "a dry run builds no image, and writes to no file of the boot loader or of ours: its tool works in memory" {
	in_machine 'iommu-install pt --force'
	local command
	for command in 'strict --force --on-mismatch=halt' rollback remove; do
		# shellcheck disable=SC2154 # machine's
		run -0 strace -f -q -e trace=execve,openat,renameat,renameat2,unlink,unlinkat -y \
			-o "$BATS_TEST_TMPDIR/trace" bash -c "$(declare -f in_machine)
			machine=$machine DISK_START=$DISK_START
			in_machine 'exec iommu-install $command --dry-run --json'"
		awk '/execve\(.*"iommu-install", / { on = 1 } on' "$BATS_TEST_TMPDIR/trace" > "$BATS_TEST_TMPDIR/own"
		[ "$(grep -c 'execve(' "$BATS_TEST_TMPDIR/own")" -ge 2 ]
		run ! grep -E 'execve\("(/usr)?/s?bin/(update-initramfs|dracut|mkinit|kernel)' "$BATS_TEST_TMPDIR/own"
		# What it has made comes back byte for byte.
		[ "$command" = rollback ] || grep -q 'execve("/usr/sbin/update-grub"' "$BATS_TEST_TMPDIR/own"
		run ! grep -E '(O_WRONLY|O_RDWR|O_CREAT|rename|unlink).*"/?(boot|etc|var/lib/iommu|run/iommu)' \
			"$BATS_TEST_TMPDIR/own"
	done
}
