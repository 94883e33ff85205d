#!/usr/bin/env bats
# The shell that runs the early check where no systemd does: it goes on when it must, and only then.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	d=$BATS_TEST_TMPDIR
	early=$BATS_TEST_DIRNAME/../../dist/early
}

teardown() {
	[ ! -d "$d/frozen" ] || { fsfreeze -u "$d/frozen"; umount --lazy "$d/frozen"; } 2> /dev/null || :
}

# check KIND HELPER...: makes $d/check.sh, the script of that kind with another helper, and a clock of two seconds.
check() {
	local helper="${*:2}"
	sed -e "s|/usr/sbin/iommu-verify --enforce --phase early|$helper|" -e 's/sleep 30/sleep 2/' \
		-e "s|/run/iommu|$d/run|" -e "s|> /proc/sysrq-trigger|> $d/stopped; exit 99|" \
		-e "s|/usr/lib/iommu-verify/stop-message.sh|/dev/null|; s|/dev/kmsg|$d/kmsg|" \
		"$early/check-$1.sh" > "$d/check.sh"
	printf '. %s/check.sh\necho on > %s/on\n' "$d" "$d" > "$d/init"
	rm -rf "$d/on" "$d/stopped" "$d/run"
	mkdir "$d/run"
}

# each SCRIPT: what it says with each shell that images have.
each() {
	local shell
	for shell in dash "busybox ash" bash; do
		# shellcheck disable=SC2086 # words
		timeout -s KILL 60 $shell "$d/init" || :
		eval "$1" || { echo "$shell"; return 1; }
		rm -f "$d/on" "$d/stopped"
	done
}

@test "under warn a boot goes on whatever the helper's end is" {
	local helper
	for helper in true false "sh -c 'kill -9 \$\$'" /nowhere/iommu-verify "sleep 1"; do
		check warn "$helper"
		each '[ -e "$d/on" ]'
	done
}

@test "under warn a helper that hangs is ended, and the boot goes on" {
	check warn "sh -c 'echo \$\$ > $d/pid; exec sleep 1000'"
	each '[ -e "$d/on" ] && until [ ! -e "/proc/$(cat "$d/pid")" ]; do sleep 0.1; done'
}

@test "under warn a boot does not wait for a helper that no signal ends" {
	truncate -s 8M "$d/disk"
	mkfs.ext4 -q "$d/disk"
	mkdir "$d/frozen"
	mount -o loop "$d/disk" "$d/frozen"
	fsfreeze -f "$d/frozen"
	check warn "sh -c 'echo \$\$ > $d/pid; exec touch $d/frozen/file'"
	each '[ -e "$d/on" ] && [ "$(cut -d" " -f3 "/proc/$(cat "$d/pid")/stat")" = D ]'
}

@test "under a stopping policy only a helper that succeeds and leaves its record goes on" {
	check stop "sh -c 'echo {} > $d/run/early.json'"
	each '[ -e "$d/on" ] && [ ! -e "$d/stopped" ]'
	local helper
	for helper in true false "sh -c 'kill -9 \$\$'" /nowhere/iommu-verify; do
		check stop "$helper"
		each '[ ! -e "$d/on" ] && [ -e "$d/stopped" ]'
	done
}

# orders: init-top's ORDER of an image with our script, in a root of its own at $d/image.
orders() {
	mkdir -p "$d/image/conf" "$d/image/scripts/init-top"
	cp "$BATS_TEST_DIRNAME/../../initramfs-tools/scripts/init-top/iommu-verify" "$d/image/scripts/init-top"
	sed -i -e "s|/conf/|$d/image/conf/|g; s|/usr/lib/iommu-verify|$d|g" "$d/image/scripts/init-top/iommu-verify"
	# As initramfs-tools' mkinitramfs writes it.
	printf '%s "$@"\n[ -e %s ] && . %s\n' "$d/image/scripts/init-top/iommu-verify" "$d/image/conf/param.conf" \
		"$d/image/conf/param.conf" /bin/true "$d/image/conf/param.conf" "$d/image/conf/param.conf" \
		> "$d/image/scripts/init-top/ORDER"
	printf '. %s\necho on > %s/on\n' "$d/image/scripts/init-top/ORDER" "$d" > "$d/init"
}

@test "with initramfs-tools the check is run once, by init's own shell" {
	check stop "sh -c 'cut -d\" \" -f4 /proc/\$\$/stat >> $d/parents; echo {} > $d/run/early.json'"
	orders
	echo 'echo $$ > '"$d/init.pid" | cat - "$d/init" > "$d/init.new"
	mv "$d/init.new" "$d/init"
	each '[ -e "$d/on" ] && [ "$(cat "$d/parents")" = "$(cat "$d/init.pid")" ] &&
		rm -f "$d/parents" "$d/image/conf"/*'
}

@test "with initramfs-tools init stops too where helper and script are killed" {
	check stop "sh -c 'kill -9 \$\$'"
	orders
	each '[ ! -e "$d/on" ] && [ -e "$d/stopped" ] && rm -f "$d/image/conf"/*'
}

# The kernel hands words that it does not know, NAME=VALUE, to init as its environment.
@test "with initramfs-tools no word on the kernel command line makes init pass the check over" {
	check stop "sh -c 'kill -9 \$\$'"
	orders
	export iommu_verify=begun iommu_verify_pid=1 iommu_verify_clock=1 iommu_verify_stop=true
	each '[ ! -e "$d/on" ] && [ -e "$d/stopped" ] && rm -f "$d/image/conf"/*'
}
