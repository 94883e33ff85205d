# The helper with --enforce on this machine: in namespaces, where /etc and /run are the test's own and reboot(2) ends no
# more than the process.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154 # d is the test's

# own_console DIR: in a mount namespace, the only console is the file DIR/console, and what the kernel shows by itself,
# which keys it obeys and what it keeps over a stop stays as it is.
own_console() {
	local file
	echo console > "$1/active"
	cp /proc/sys/kernel/printk "$1/printk"
	echo 1 > "$1/sysrq"
	echo N > "$1/kept"
	: > "$1/console"
	for file in active:/sys/class/tty/console/active printk:/proc/sys/kernel/printk console:/dev/console \
		sysrq:/proc/sys/kernel/sysrq kept:/sys/module/printk/parameters/always_kmsg_dump; do
		[ ! -e "${file#*:}" ] || mount --bind "$1/${file%%:*}" "${file#*:}"
	done
}

# own_machine SCRIPT [ARGUMENT...]: runs a script of bash with $d/etc over /etc, $d/lib over /usr/lib, $d/sbin over
# /usr/sbin and $d/run as /run. In it `process COMMAND...` runs a command as the first process of a PID namespace. Where
# there is $d/machine (by tree() of trees.bash), the live /proc and /sys show that machine, and $d/kmsg is the kernel
# log and what the firmware keeps.
own_machine() {
	# An overlay's sign that there is no such file, whatever this machine has.
	mkdir -p "$d"/{etc,lib,sbin,run}
	[ -e "$d/etc/iommu.target" ] || mknod "$d/etc/iommu.target" c 0 0
	# shellcheck disable=SC2016 # for the inner shells
	unshare --mount bash -euc "$(declare -f own_console)"'
		mount -t overlay overlay -o "lowerdir=$1/etc:/etc" /etc
		mount -t overlay overlay -o "lowerdir=$1/lib:/usr/lib" /usr/lib
		mount -t overlay overlay -o "lowerdir=$1/sbin:/usr/sbin" /usr/sbin
		mount --bind "$1/run" /run
		if [ -d "$1/machine" ]; then
			for dir in bus class devices firmware kernel module; do
				[ ! -d "$1/machine/sys/$dir" ] || {
					mount -t tmpfs tmpfs "/sys/$dir" && cp -a "$1/machine/sys/$dir/." "/sys/$dir"
				}
			done
			for file in cmdline cpuinfo sys/kernel/osrelease; do
				mount --bind "$1/machine/proc/$file" "/proc/$file"
			done
			: > "$1/kmsg"
			for file in /dev/kmsg /dev/pmsg0; do
				[ ! -e "$file" ] || mount --bind "$1/kmsg" "$file"
			done
		fi
		# What is tried when reboot(2) fails would stop this very machine.
		[ ! -e /proc/sysrq-trigger ] || mount --bind /dev/null /proc/sysrq-trigger
		own_console "$1"
		process() { unshare --pid --fork --kill-child "$@"; }
		script=$2
		shift 2
		eval "$script"' own_machine "$d" "$@"
	local status=$?
	[ ! -c "$d/etc/iommu.target" ] || rm "$d/etc/iommu.target"
	return "$status"
}

# wanted LINE...: the target.
wanted() {
	mkdir -p "$d/etc"
	printf '%s\n' "$@" > "$d/etc/iommu.target"
}

# systemd STATE: a systemctl that says so, and leaves a trace of what else it is asked.
systemd() {
	mkdir -p "$d/run/systemd/system" "$d/sbin"
	# shellcheck disable=SC2016 # for the inner shell
	printf '#!/bin/sh\nif [ "$1" = is-system-running ]; then echo %s; else echo "$*" >> /run/asked; exit 1; fi\n' \
		"$1" > "$d/sbin/systemctl"
	chmod 755 "$d/sbin/systemctl"
}
