#!/usr/bin/env bats
# Hostile surroundings for a whole change: what is planted in the installer's way, closed, limited or put in its
# environment, on a real Debian system that is not booted. initramfs-tools is a stand-in that makes a real archive in
# milliseconds.
bats_require_minimum_version 1.5.0
# bats file_tags=boot

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/kill
}

teardown() {
	machine_end
}

# What a script in the machine finds in /host/lib.sh. CHANGE is the change under test.
small_machine() {
	quick_machine
	cat > "$BATS_TEST_TMPDIR/lib.sh" <<-'EOF'
		CHANGE="iommu-install strict --force --backend=grub"
		FILES="/boot /etc/default /etc/iommu.target /etc/dracut.conf.d /var/lib/iommu"
		STATE="/boot /etc/default /etc/iommu.target /etc/dracut.conf.d"
		# What the machine boots from and what that is made of, with owner and mode.
		state() {
			find $STATE ! -type d ! -name '*.iommu-new' ! -name '*.new' -printf '%p %y %m %U:%G ' \
				-exec sha256sum {} \; 2>/dev/null | sort
		}
		keep() {
			rm -rf /kept && mkdir /kept && cp -a --parents $FILES /kept 2>/dev/null || :
		}
		reset() {
			rm -rf $FILES /run/iommu && cp -a /kept/. /
		}
		# START and END are the states before and after a change that nothing disturbs.
		begin() {
			k=$(basename /boot/vmlinuz-6*) && truncate -s 64K "/boot/$k"
			update-initramfs -c -k "${k#vmlinuz-}" && update-grub > /dev/null 2>&1
			iommu-install pt --on-mismatch=halt --force --backend=grub > /dev/null
			keep
			START=$(state)
			$CHANGE > /dev/null
			END=$(state)
			[ "$START" != "$END" ]
			reset
			[ "$(state)" = "$START" ]
		}
		# same WANTED: the machine is in that state, else says how it is not.
		same() {
			diff <(state) <(echo "$1")
		}
		# all_or_nothing STATUS SAID: the change is done, or undone with a line that says so.
		all_or_nothing() {
			if [ "$1" = 0 ]; then same "$END"; return; fi
			[ "$1" = 1 ] && grep -q '^iommu-install: ' "$2" && same "$START" && return
			echo "status $1"; cat "$2"; return 1
		}
	EOF
}

# hostile SCRIPT: in that machine, after begin; each of its lines has to succeed.
hostile() {
	in_machine "set -e; . /host/lib.sh; begin; $1"
}

# --- What stands in the way -------------------------------------------------------------------------------------------

# The names that a change creates files under, the kernel's own lock but for: /paths. -y tells which directory a
# descriptor is.
TRACE='
	strace="/host/strace/ld.so --library-path /host/strace /host/strace/strace"
	$strace -y -o /trace -e trace=openat,renameat,rename,renameat2 -- /usr/sbin/iommu-install ${CHANGE#* } \
		> /dev/null
	sed -n "s/^openat(AT_FDCWD[^,]*, \"\([^\"]*\)\", [^,]*O_CREAT.*/\1/p
		s/^openat([0-9]*<\([^>]*\)>, \"\([^\"]*\)\", [^,]*O_CREAT.*/\1\/\2/p" /trace |
		grep -vE "/lock$" | sort -u > /paths'

@test "a link planted under any temporary name of a change is never written through" {
	small_machine
	strace_into "$BATS_TEST_TMPDIR/strace"
	hostile "$TRACE"'
		[ "$(grep -c "iommu-new$" /paths)" -ge 8 ]
		reset
		echo mine > /victim
		n=0
		while read -r path; do
			[ ! -e "$path" ] || continue
			mkdir -p "$(dirname "$path")"
			[ "$(dirname "$path")" != /run/iommu ] || chmod 755 /run/iommu
			ln -s /victim "$path"
			n=$((n + 1))
		done < /paths
		[ "$n" -ge 8 ]
		$CHANGE > /said 2>&1 || { cat /said; exit 1; }
		[ "$(cat /victim)" = mine ]
		same "$END"
		[ -z "$(find $FILES /run/iommu -lname /victim)" ] || { find $FILES /run/iommu -lname /victim; exit 1; }'
}

@test "a link planted under a final name that is not there yet is refused by name, or replaced, never written through" {
	small_machine
	strace_into "$BATS_TEST_TMPDIR/strace"
	# shellcheck disable=SC2034 # machine_end's: the victim is writable for everybody
	WRITABLE=mine
	# A machine on which nothing was ever set has fewer names taken.
	hostile '
		iommu-install remove > /dev/null
		rm -rf /var/lib/iommu /run/iommu; keep; START=$(state)
		'"$TRACE"'
		sed -n "s/^renameat2*([0-9]*<\([^>]*\)>, [^,]*, [0-9]*<[^>]*>, \"\([^\"]*\)\".*/\1\/\2/p
			s/^rename(.*, \"\([^\"]*\)\").*/\1/p" /trace | sort -u > /paths
		reset
		n=0 refused=0
		while read -r path; do
			[ ! -e "$path" ] && [ ! -L "$path" ] || continue
			case $path in /var/lib/iommu/*) continue ;; esac # nobody can plant anything there
			for victim in /srv/open/victim /none; do
				mkdir -p -m 777 /srv/open && echo mine > /srv/open/victim
				mkdir -p "$(dirname "$path")"
				[ "$(dirname "$path")" != /run/iommu ] || chmod 755 /run/iommu
				ln -s "$victim" "$path"
				status=0; $CHANGE > /said 2>&1 || status=$?
				[ "$(cat /srv/open/victim)" = mine ] && [ ! -e /none ] ||
					{ echo "$path: written through"; exit 1; }
				if [ "$status" = 5 ]; then
					grep -qE "^iommu-install: (LINK_UNSAFE|FILE_FOREIGN): $path" /said ||
						{ echo "$path"; cat /said; exit 1; }
					[ "$(readlink "$path")" = "$victim" ] && [ ! -e /var/lib/iommu ]
					refused=$((refused + 1))
				else
					[ "$status" = 0 ] || { echo "$path: $status"; cat /said; exit 1; }
				fi
				[ -z "$(find $FILES /run/iommu -perm /022 ! -type l ! -path "/var/lib/iommu/*" \
					2>/dev/null)" ]
				rm -f "$path"
				reset
				n=$((n + 1))
			done
		done < /paths
		echo "$n links planted, $refused refused"
		[ "$n" -ge 6 ] && [ "$refused" -ge 3 ]'
}

@test "a directory in the place of a temporary name fails the change, which names it, and nothing is changed" {
	small_machine
	hostile '
		for path in /etc/iommu.target.iommu-new /etc/default/grub.d/zzz-iommu.cfg.iommu-new \
			/boot/grub/grub.cfg.iommu; do
			mkdir -p "$path/full"
			status=0; $CHANGE > /said 2>&1 || status=$?
			rm -r "$path"
			[ "$status" = 1 ] || { echo "$path: $status"; cat /said; exit 1; }
			all_or_nothing "$status" /said
			grep -q "^iommu-install: .*${path%.iommu*}" /said || { echo "$path"; cat /said; exit 1; }
			iommu-install resume > /said 2>&1
			grep -q "no change is unfinished" /said
		done'
}

@test "a state directory that is a link, another user's, or writable for others is refused, and nothing is changed" {
	small_machine
	hostile '
		refused() {
			status=0; $CHANGE > /said 2>&1 || status=$?
			[ "$status" = 1 ] && grep -q "^iommu-install: $1: not root'"'"'s own directory" /said ||
				{ cat /said; exit 1; }
			[ "$(wc -l < /said)" = 1 ]
			same "$START"
			reset
		}
		mv /var/lib/iommu /elsewhere && ln -s /elsewhere /var/lib/iommu
		refused /var/lib/iommu
		chown 1000 /var/lib/iommu
		refused /var/lib/iommu
		chmod 775 /var/lib/iommu
		refused /var/lib/iommu
		rm -r /var/lib/iommu && touch /var/lib/iommu
		refused /var/lib/iommu
		rm -rf /elsewhere'
}

@test "links in the place of what the state directory holds are replaced or refused by name, never followed" {
	small_machine
	hostile '
		mkdir /elsewhere
		for name in lock record change change.other; do
			rm -rf "/var/lib/iommu/$name"
			echo mine > /elsewhere/file
			case $name in
			change*) ln -s /elsewhere "/var/lib/iommu/$name" ;;
			*) ln -s /elsewhere/file "/var/lib/iommu/$name" ;;
			esac
			status=0; $CHANGE > /said 2>&1 || status=$?
			[ "$(cat /elsewhere/file)" = mine ] && [ "$(ls /elsewhere)" = file ] ||
				{ echo "$name"; ls -l /elsewhere; exit 1; }
			all_or_nothing "$status" /said
			[ "$status" = 0 ] || grep -q "/var/lib/iommu/$name" /said ||
				{ echo "$name"; cat /said; exit 1; }
			reset
		done'
}

@test "a link in the place of /run/iommu, or of what it holds, is not followed" {
	small_machine
	hostile '
		mkdir /elsewhere && ln -s /elsewhere /run/iommu
		status=0; $CHANGE > /said 2>&1 || status=$?
		all_or_nothing "$status" /said
		[ -z "$(ls /elsewhere)" ]
		reset
		echo mine > /victim && mkdir -m 755 /run/iommu && rm -f /run/reboot-required*
		for name in pending pending.iommu-new reboot-required; do ln -s /victim "/run/iommu/$name"; done
		ln -s /victim /run/reboot-required
		ln -s /victim /run/reboot-required.pkgs
		status=0; $CHANGE > /said 2>&1 || status=$?
		all_or_nothing "$status" /said
		[ "$(cat /victim)" = mine ]'
}

# --- Closed, limited --------------------------------------------------------------------------------------------------

@test "with standard input, output and error closed, one or all, a change is done, no file has what it would print" {
	small_machine
	hostile '
		exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
		for closed in "<&-" ">&-" "2>&-" "<&- >&- 2>&-"; do
			status=0; eval "$CHANGE $closed" > /said 2>&1 || status=$?
			same "$END" || { echo "$closed: $status"; exit 1; }
			reset
		done'
}

@test "files that may not grow past a size: the change is done, or undone" {
	small_machine
	hostile '
		undone=0
		for blocks in 0 1 2 8 16 64 128 256 1024; do
			# Through a pipe, which no such limit is for.
			(ulimit -f $blocks; exec $CHANGE) 2>&1 | cat > /said && status=${PIPESTATUS[0]}
			all_or_nothing "$status" /said || { echo "$blocks blocks"; exit 1; }
			[ "$status" = 0 ] || undone=$((undone + 1))
			echo "$blocks: $status $(tail -n 2 /said)"
			reset
		done
		[ "$undone" -ge 4 ] && [ "$status" = 0 ]'
}

@test "few descriptors: the change is done, or undone" {
	small_machine
	hostile '
		undone=0
		for limit in 3 4 5 6 7 8 9 10 11 12 13 14 16 20 32 34 36 37 38 39 40 64; do
			status=0; (ulimit -n $limit; exec $CHANGE) > /said 2>&1 || status=$?
			# With three a program can not even load its libraries.
			if [ "$status" != 127 ]; then
				all_or_nothing "$status" /said || { echo "$limit descriptors"; exit 1; }
			else
				same "$START"
			fi
			[ "$status" = 0 ] || undone=$((undone + 1))
			reset
		done
		[ "$undone" -ge 12 ] && [ "$status" = 0 ]'
}

# --- umask and environment --------------------------------------------------------------------------------------------

@test "whatever the umask is, files have the owner and mode that they should have" {
	small_machine
	hostile '
		for mask in 0000 0777 0027; do
			(umask $mask; exec $CHANGE) > /said 2>&1 || { cat /said; exit 1; }
			same "$END" || { echo "umask $mask"; exit 1; }
			[ "$(stat -c "%a" /var/lib/iommu)" = 700 ]
			[ -z "$(find /var/lib/iommu /run/iommu -perm /022 ! -type l)" ]
			reset
		done'
}

@test "no program and no setting of the environment gets into a change" {
	small_machine
	hostile '
		mkdir /hostile
		for program in update-grub update-initramfs grub-mkconfig diff fsfreeze mount cp sh bash; do
			printf "#!/bin/true\n" > /hostile/$program
		done
		echo "touch /hostile/ran" > /hostile/rc
		chmod 755 /hostile/*
		cd /hostile
		env PATH=/hostile:. IFS=/ TMPDIR=/nonexistent BASH_ENV=/hostile/rc ENV=/hostile/rc \
			GRUB_CMDLINE_LINUX=evil GRUB_DEVICE=evil LD_LIBRARY_PATH=/hostile \
			MODPROBE_OPTIONS="-C /hostile" POSIXLY_CORRECT=1 SHELL=/hostile/sh LC_ALL=tr_TR.UTF-8 \
			GRUB_CONFIG_FILE=/hostile/rc DPKG_MAINTSCRIPT_PACKAGE=evil \
			/usr/sbin/iommu-install ${CHANGE#* } > /said 2>&1 ||
			{ cat /said; exit 1; }
		[ ! -e /hostile/ran ]
		same "$END"'
}
