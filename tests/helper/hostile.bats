#!/usr/bin/env bats
# Hostile surroundings: what a caller leaves open, closed, limited or planted in our way.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/enforce
	d=$BATS_TEST_TMPDIR
	mkdir -p "$d"/{etc,sbin,run}
}

# check_early [SCRIPT [REST]]: the early check of a machine that is off, in a shell that has run SCRIPT, with REST
# behind its words. $output is the exit status.
check_early() {
	[ -z "$(ls /sys/class/iommu 2>/dev/null)" ] || skip "this machine has an IOMMU"
	touch "$d/etc/initrd-release"
	output=0
	# shellcheck disable=SC2016 # for the inner shells
	own_machine 'process bash -c "$2 exec $1 --enforce --phase early $3" 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-' \
		"$VERIFY" "${1-}" "${2-}" > "$d/out" 2>&1 || output=$?
}

# What the record of the check says.
recorded() {
	jq -r .verdict "$d/run/iommu/early.json"
}

# --- Descriptors ------------------------------------------------------------------------------------------------------

@test "with standard input, output and error closed, one or all, a check records what it found and nothing else" {
	local closed
	wanted mode=pt
	for closed in '<&-' '>&-' '2>&-' '<&- >&- 2>&-'; do
		rm -rf "$d/run/iommu"
		check_early "" "--json $closed"
		[ "$output" = 0 ]
		[ "$(recorded)" = mismatch ]
		[ "$(jq -s length "$d/run/iommu/early.json" "$d/run/iommu/status.json")" = 2 ] # nothing but the records
	done
}

@test "with them closed an enforcing check still stops" {
	wanted mode=pt on-mismatch=halt
	check_early "" '<&- >&- 2>&-'
	[ "$output" -gt 128 ]
	[ "$(recorded)" = mismatch ]
}

@test "with them closed the installer prints into no file that it writes, and none that it reads" {
	tree "$d/root" none "intel_iommu=off"
	mkdir -p "$d/root"/{usr/sbin,lib/modules/6.1.0-test} "$d/image"
	cp "$VERIFY" "$d/root/usr/sbin/iommu-verify"
	target "$d/root" mode=pt
	local closed
	for closed in '>&-' '2>&-' '<&- >&- 2>&-'; do
		rm -rf "$d/image/"*
		eval '"$INSTALLER" internal-image "$d/root" "$d/image" 6.1.0-test '"$closed" > /dev/null 2>&1 || :
		cmp "$d/image/usr/sbin/iommu-verify" "$VERIFY"
		cmp "$d/image/etc/iommu.target" "$d/root/etc/iommu.target"
		[ "$(grep -vc = "$d/image/usr/lib/iommu-verify/image.conf")" = 0 ]
	done
	# What can't be printed is an error, as with any closed output.
	run ! bash -c '"$1" show --root "$2" >&-' show "$INSTALLER" "$d/root"
	run ! bash -c '"$1" explain iommu=pt > /dev/full' explain "$INSTALLER"
}

# --- Limits -----------------------------------------------------------------------------------------------------------

@test "eight descriptors do: a mismatch stops, or is recorded and goes on; with fewer an enforcing check stops too" {
	local limit
	wanted mode=pt on-mismatch=halt
	for limit in 3 4 5 6 7 8; do
		check_early "ulimit -n $limit;"
		[ "$output" != 0 ] || { echo "limit $limit"; return 1; }
	done
	rm -rf "$d/run/iommu"
	wanted mode=pt
	check_early "ulimit -n 8;"
	[ "$output" = 0 ]
	[ "$(recorded)" = mismatch ]
}

@test "a setting in modprobe.d that must stop the boot is not passed over for want of descriptors" {
	local limit
	mkdir -p "$d/etc/modprobe.d"
	echo "options vfio enable_unsafe_noiommu_mode=1" > "$d/etc/modprobe.d/x.conf"
	wanted mode=off-for-uio on-mismatch=halt
	for limit in 4 5 6 7 8 9 10; do
		check_early "ulimit -n $limit;"
		[ "$output" != 0 ] || { echo "limit $limit"; return 1; }
	done
}

@test "with files that may not grow an enforcing check stops by itself, and a warning one goes on" {
	wanted mode=pt on-mismatch=halt
	check_early 'ulimit -f 0;'
	[ "$output" = 130 ] # reboot(2) has ended it, no SIGXFSZ
	[ ! -e "$d/run/iommu/early.json" ]
	wanted mode=pt
	check_early 'ulimit -f 0;'
	[ "$output" = 0 ]
	[ -z "$(ls -A "$d/run/iommu")" ]
}

# --- umask and environment --------------------------------------------------------------------------------------------

@test "whatever the umask is, records can be read by all and written by root alone" {
	local mask
	wanted mode=pt
	for mask in 0000 0777 0077; do
		rm -rf "$d/run/iommu"
		check_early "umask $mask;"
		[ "$output" = 0 ]
		[ "$(stat -c %a "$d/run/iommu" "$d/run/iommu/early.json" "$d/run/iommu/status.json" | xargs)" = \
			"755 644 644" ]
	done
}

@test "no variable of the environment changes what either program finds" {
	tree "$d/root" none "intel_iommu=off"
	target "$d/root" mode=off-for-uio
	mkdir -p "$d/hostile"
	printf '#!/bin/sh\ntouch %s/ran\n' "$d" |
		tee "$d/hostile/diff" "$d/hostile/systemctl" "$d/hostile/modprobe" > /dev/null
	chmod 755 "$d"/hostile/*
	local hostile=(PATH="$d/hostile" IFS=/ LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8 TMPDIR=/nonexistent
		GCONV_PATH="$d/hostile" MODPROBE_OPTIONS="-C $d/hostile" KMOD_LOG=7 POSIXLY_CORRECT=1
		LD_LIBRARY_PATH="$d/hostile" LD_BIND_NOW=1 HOME= SHELL="$d/hostile/diff"
		MALLOC_PERTURB_=170 BASH_ENV="$d/hostile/diff" ENV="$d/hostile/diff")
	local command
	for command in "$VERIFY --root $d/root --json" "$INSTALLER show --root $d/root" \
		"$INSTALLER explain iommu=pt --root $d/root" "$INSTALLER pt --emit=kargs.d --force"; do
		# shellcheck disable=SC2086 # words
		diff <(env -i $command) <(env -i "${hostile[@]}" $command)
	done
	[ ! -e "$d/ran" ]
}

# --- What stands in the way -------------------------------------------------------------------------------------------

@test "a link in the place of /run/iommu is not followed, and the verdict stands without a record" {
	mkdir "$d/elsewhere"
	ln -s "$d/elsewhere" "$d/run/iommu"
	wanted mode=pt on-mismatch=halt
	check_early
	[ "$output" -gt 128 ]
	wanted mode=pt
	check_early
	[ "$output" = 0 ]
	[ -z "$(ls "$d/elsewhere")" ]
	[ -L "$d/run/iommu" ]
}

@test "links in the place of the records and of their temporary names are replaced or left, never written through" {
	echo mine > "$d/victim"
	mkdir "$d/run/iommu"
	# The process is the first one of its namespace, so its names are known.
	for name in status.json .early.json.1 .status.json.1; do ln -s "$d/victim" "$d/run/iommu/$name"; done
	wanted mode=pt
	check_early
	[ "$output" = 0 ]
	[ "$(< "$d/victim")" = mine ]
	[ "$(recorded)" = mismatch ]
	[ ! -L "$d/run/iommu/status.json" ]
	[ -z "$(find "$d/run/iommu" -name '.*.1')" ]
	# early.json is written once: what stands there stays.
	rm "$d/run/iommu/early.json"
	ln -s "$d/victim" "$d/run/iommu/early.json"
	check_early
	[ "$(< "$d/victim")" = mine ]
}

# bats test_tags=boot
@test "a target that is written anew all the time is read whole, as the one or the other" {
	tree "$d/root" none "intel_iommu=off"
	(for ((i = 0; i < 3000; i++)); do
		printf 'mode=off-for-uio\n' > "$d/new" && mv "$d/new" "$d/root/etc/iommu.target"
		printf 'mode=pt\non-mismatch=halt\n' > "$d/new" && mv "$d/new" "$d/root/etc/iommu.target"
	done) &
	local writer=$! seen=""
	until [ -e "$d/root/etc/iommu.target" ]; do sleep 0.01; done
	for _ in {1..100}; do
		verify "$d/root"
		seen+="$status $(json .verdict) "
	done
	kill "$writer" 2> /dev/null || :
	wait "$writer" || :
	[ -z "$(xargs -n 2 <<< "$seen" | sort -u | grep -vE '^(0 match|2 mismatch)$')" ]
}

# bats test_tags=boot
@test "a target that is cut short while it is read is invalid, or valid as far as it got, and nothing crashes" {
	tree "$d/root" none "intel_iommu=off"
	(for ((i = 0; i < 3000; i++)); do
		: > "$d/root/etc/iommu.target"
		printf 'mode=off-for-uio\n' >> "$d/root/etc/iommu.target"
		printf '# %4000s\n' x >> "$d/root/etc/iommu.target"
		head -c 9000 /dev/zero >> "$d/root/etc/iommu.target"
	done) &
	local writer=$!
	until [ -e "$d/root/etc/iommu.target" ]; do sleep 0.01; done
	for _ in {1..100}; do
		verify "$d/root"
		[ "$status" = 0 ] || [ "$status" = 1 ] || { echo "$status: $output"; kill "$writer"; return 1; }
	done
	kill "$writer" 2> /dev/null || :
	wait "$writer" || :
}

# --- System calls that are denied -------------------------------------------------------------------------------------

# denying: a program that runs another one without reboot(2): the call fails, or ends the process.
denying() {
	cat > "$d/denying.c" <<-'EOF'
		#include <errno.h>
		#include <linux/filter.h>
		#include <linux/seccomp.h>
		#include <stddef.h>
		#include <sys/prctl.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		int main(int argc, char **argv)
		{
			unsigned deny = argv[1][0] == 'k' ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM;
			struct sock_filter code[] = {
				BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
				BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_reboot, 0, 1),
				BPF_STMT(BPF_RET | BPF_K, deny),
				BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
			};
			struct sock_fprog program = { 4, code };
			if (argc < 3 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
			    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
				return 125;
			execv(argv[2], argv + 2);
			return 126;
		}
	EOF
	gcc -o "$d/denying" "$d/denying.c"
}

# bats test_tags=boot
@test "where reboot(2) is denied an enforcing check does not return: it waits to be stopped" {
	denying
	wanted mode=pt on-mismatch=halt
	# It would stay for ever: ended from outside once it has said what it does, which is what its last lines in the
	# log are.
	check_early "timeout --signal=KILL 20 $d/denying errno $VERIFY --enforce --phase early; exit;"
	[ "$output" = 137 ]
	[ "$(recorded)" = mismatch ]
}

@test "where reboot(2) ends the process its end is no success" {
	denying
	wanted mode=pt on-mismatch=halt
	check_early "$d/denying kill $VERIFY --enforce --phase early; exit;"
	[ "$output" = 159 ] # SIGSYS
	[ "$(recorded)" = mismatch ]
}
