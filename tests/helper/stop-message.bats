#!/usr/bin/env bats
# What a person is told who stands before a machine that stops: every reason, policy and way back, without a machine.
bats_require_minimum_version 1.5.0

setup_file() {
	top=$BATS_TEST_DIRNAME/../..
	export SAY=$BATS_FILE_TMPDIR/stop-messages
	gcc -std=c11 -D_GNU_SOURCE -Wall -g -fsanitize=address,undefined -I"$top/src" -o "$SAY" \
		"$top"/tests/tools/stop-messages.c "$top"/src/helper/stop-message.c "$top"/src/model/*.c \
		"$top"/src/base/{keyval,error,root}.c
	"$SAY" > "$SAY.all"
}

setup() {
	load ../lib/trees
	load ../lib/enforce
	d=$BATS_TEST_TMPDIR
}

# page REASON POLICY WAY LINE short|long [override]: that message.
page() {
	awk -v title="== $*" '/^== / { on = $0 == title; next } on' "$SAY.all"
}

# says "REASON POLICY WAY LINE LENGTH" PIECE...: that message has these pieces, in this order.
says() {
	local text piece
	# shellcheck disable=SC2086 # words
	text=$(page $1)
	for piece in "${@:2}"; do
		[[ $text == *"$piece"* ]] || { echo "$1: no '$piece': $text"; return 1; }
		text=${text#*"$piece"}
	done
}

# titles PATTERN: the messages whose title fits.
titles() {
	grep -E "^== $1" "$SAY.all" | cut -c 4-
}

@test "a message has at most eight lines of 80 columns of ASCII, and the manual's section as its last" {
	[ "$(grep -c '^== ' "$SAY.all")" = "$((22 * 3 * 4 * 3 * 4))" ]
	run -0 awk 'function page_end() {
			if (title != "" && (n > 8 || n < 6 || last != manual)) { print title, n; bad = 1 } }
		BEGIN { manual = "Manual: iommu-verify(8), \"A machine that stops at boot\"" }
		/^== / { page_end(); title = $0; n = 0; next }
		{ n++; last = $0 }
		length($0) > 80 || /[^ -~]/ { print title, $0; bad = 1 }
		END { page_end(); exit bad }' "$SAY.all"
	grep -qxF '.Ss A machine that stops at boot' "$BATS_TEST_DIRNAME/../../dist/man/iommu-verify.8"
}

@test "every message says what was wanted and found, its reason, that it is on purpose, and by which setting" {
	local title reason policy rest text effective
	while read -r reason policy rest; do
		text=$(page "$reason" "$policy" $rest)
		case $reason$rest in
		TARGET_MISSING*) effective="no-target: target none, effective" ;;
		TARGET_INVALID*) effective="mismatch: target invalid, effective" ;;
		*long*) effective="mismatch: target off-for-vfio, effective off-for-uio" ;;
		*) effective="mismatch: target strict, effective pt" ;;
		esac
		[[ $text == "iommu-verify: $effective"* && $text == *$'\n'*"$reason: a s"*$'\n'* ]] &&
			[[ $text == *$'\n'"iommu-verify: "*" this machine"*": on-mismatch=$policy"$'\n'* ]] &&
			[[ $text == *$'\n'"On purpose (/etc/iommu.target). To start it"* ]] ||
			{ echo "$reason $policy $rest:"; echo "$text"; return 1; }
	done < <(titles '.*(menu|entry|unknown) 0 ')
}

@test "how the machine comes to its menu follows the policy" {
	says "TOKEN_MISSING halt menu 0 short" "To start it once: reset it, in the boot menu"
	says "TOKEN_MISSING poweroff menu 0 short" "To start it once: switch it on, in the boot menu"
	says "TOKEN_MISSING reboot menu 0 short" "rebooting this machine in 300 seconds: on-mismatch=reboot" \
		"To start it once: at restart, in the boot menu"
}

@test "parameters are named where they help: what to add and what to take out, by the menu that there is" {
	local reason
	for reason in TOKEN_MISSING TOKEN_INVALID TOKEN_OVERRIDDEN; do
		says "$reason halt menu 1 short" "press e, and add: intel_iommu=on iommu=nopt"$'\n' \
			"and take out: intel_iommu=off"$'\n' \
			"GRUB: line 'linux', then Ctrl-X. Once it is up, run: iommu-install strict"$'\n'
		says "$reason halt locked-menu 1 short" "add: intel_iommu=on" "take out: intel_iommu=off" \
			"Locked: password, other entry, live system. Once up: iommu-install strict"
	done
	for reason in TOKEN_MISSING NOIOMMU_ENABLED UNSAFE_INTERRUPTS FLUSH_MISMATCH; do
		says "$reason halt menu 1 short" "press e, and add: intel_iommu=on iommu=nopt" \
			"and take out: intel_iommu=off"
		run ! says "$reason halt entry 1 short" "press e"
		says "$reason halt entry 1 short" "take another entry" \
			"/mnt/usr/sbin/iommu-install --root /mnt strict"$'\n'
	done
	# What is not known is told both ways.
	says "TOKEN_MISSING halt unknown 1 short" "press e, and add: intel_iommu=on" \
		"If locked: another entry, live system. Once up, run: iommu-install strict"
	says "NOIOMMU_ENABLED halt menu 0 short" vfio.enable_unsafe_noiommu_mode=0
	says "NOIOMMU_DISABLED halt menu 0 long" vfio.enable_unsafe_noiommu_mode=1
	says "UNSAFE_INTERRUPTS halt menu 0 short" vfio_iommu_type1.allow_unsafe_interrupts=0
	says "FLUSH_MISMATCH halt menu 0 short" iommu.strict=1
	says "EARLY_CHECK_MISSING halt menu 0 short" "add: single"
}

@test "where no parameter helps the message names the firmware, the virtual machine, another entry or a live system" {
	local reason warn="--root /mnt strict --on-mismatch=warn"
	says "FIRMWARE_OFF halt menu 0 short" "in the firmware's" "switch on VT-d (Intel), or AMD-Vi" \
		"live system" "$warn"
	says "NO_VIOMMU halt menu 0 short" "give it an IOMMU" "-device intel-iommu" "$warn"
	# A table that acpi=off hides is none that is missing.
	says "FIRMWARE_OFF halt menu 2 short" "press e" "and take out: "
	for reason in EVIDENCE_MISSING MIXED_GROUPS KERNEL_OFF KERNEL_OVERRIDE NOIOMMU_UNSUPPORTED MODULE_BLOCKED \
		INTERRUPTS_NOT_REMAPPED EXPOSED_DEVICE; do
		says "$reason halt menu 0 short" "What to do: " "take another entry" "$warn"
		# A target that lets the line soften the policy has a shorter way.
		says "$reason halt menu 0 short override" "add: rd.iommu.verify=warn"
		run ! says "$reason halt entry 0 short override" rd.iommu.verify
	done
	for reason in TARGET_MISSING TARGET_INVALID; do
		says "$reason halt menu 0 short" "take another entry" "--root /mnt MODE"
	done
}

# advised MODE VENDOR LINE: what to add, what to take out, and the mode then.
advised() {
	echo "$*" | "$SAY" advice
}

@test "a line with its advice followed asks for the wanted mode, whatever it was, on Intel and on AMD" {
	local mode vendor first second line
	local words=(intel_iommu=on intel_iommu=off intel_iommu=off,sm_on amd_iommu=on amd_iommu=off iommu=pt iommu=nopt
		iommu=off iommu=pt,off iommu.passthrough=1 iommu.passthrough=0 vfio.enable_unsafe_noiommu_mode=1
		vfio.enable-unsafe-noiommu-mode=0 acpi=off intel_iommu=pt ro)
	for mode in off-for-uio off-for-vfio strict pt; do
		for vendor in intel amd; do
			for first in "${words[@]}"; do
				for second in "${words[@]}"; do
					echo "$mode $vendor quiet $first $second -- iommu=off"
				done
			done
		done
	done > "$d/lines"
	"$SAY" advice < "$d/lines" > "$d/advice"
	paste -d '|' "$d/lines" "$d/advice" > "$d/both"
	[ "$(wc -l < "$d/both")" = $((8 * 16 * 16)) ]
	# AMD's default is on: nothing has to ask for it.
	run -0 awk -F'|' '{ split($1, words, " ") }
		$4 != words[1] && !($4 == "default" && words[1] == "strict" && words[2] == "amd")' "$d/both"
	[ -z "$output" ]
}

@test "as little as possible is advised: what is there already, or is another vendor's, is not named" {
	[ "$(advised pt intel 'intel_iommu=on quiet')" = "iommu=pt||pt" ]
	[ "$(advised pt amd 'quiet')" = "iommu=pt||pt" ]
	[ "$(advised pt intel 'amd_iommu=off intel_iommu=on iommu=pt,nopt')" = "iommu=pt|iommu=pt,nopt|pt" ]
	[ "$(advised off-for-uio intel 'intel_iommu=on,sm_on')" = \
		"intel_iommu=sm_on intel_iommu=off|intel_iommu=on,sm_on|off-for-uio" ]
	[ "$(advised off-for-uio amd 'iommu=off')" = "||off-for-uio" ]
}

@test "before a check stops a machine the message is on its console, once, and the log has its own records" {
	[ -z "$(ls /sys/class/iommu 2>/dev/null)" ] || skip "this machine has an IOMMU"
	[ -e /sys/class/tty/console/active ] && [ -e /dev/console ] || skip "this machine has no console"
	wanted mode=pt on-mismatch=halt
	touch "$d/etc/initrd-release"
	own_machine 'process "$1" --enforce --phase early' "$VERIFY" || :
	tr -d '\r' < "$d/console" > "$d/text"
	[ "$(grep -c . "$d/text")" -le 8 ]
	[ "$(grep -c '^iommu-verify: mismatch: target pt, effective off-for-uio$' "$d/text")" = 1 ]
	[ "$(grep -c 'on-mismatch=halt$' "$d/text")" = 1 ]
	[ "$(tail -n 1 "$d/text")" = 'Manual: iommu-verify(8), "A machine that stops at boot"' ]
	# The kernel shows nothing of its log besides.
	[ "$(head -c 1 "$d/printk")" = 1 ]
}

@test "a console that takes nothing holds up neither the stop nor the other consoles" {
	[ -z "$(ls /sys/class/iommu 2>/dev/null)" ] || skip "this machine has an IOMMU"
	[ -e /sys/class/tty/console/active ] && [ -e /dev/console ] || skip "this machine has no console"
	wanted mode=pt on-mismatch=halt
	touch "$d/etc/initrd-release"
	mkfifo "$d/stuck"
	exec 9<> "$d/stuck"
	dd if=/dev/zero of="$d/stuck" bs=4096 oflag=nonblock 2> /dev/null || :
	: > "$d/other"
	local status=0
	own_machine 'echo "console full" > "$2/active"
		mount --bind "$2/stuck" /dev/console
		mount --bind "$2/other" /dev/full
		process "$1" --enforce --phase early' "$VERIFY" "$d" 9>&- || status=$?
	[ "$status" -gt 128 ]
	[ "$(tail -n 1 "$d/other")" = 'Manual: iommu-verify(8), "A machine that stops at boot"' ]
	exec 9>&-
}

@test "a check that goes on leaves what the kernel shows as it is" {
	wanted mode=pt
	touch "$d/etc/initrd-release"
	own_machine 'process "$1" --enforce --phase early' "$VERIFY"
	[ "$(< "$d/printk")" = "$(< /proc/sys/kernel/printk)" ]
}

@test "where the helper is missing the shell says the same kind of thing, in eight lines of 80 columns" {
	[ -e /sys/class/tty/console/active ] && [ -e /dev/console ] || skip "this machine has no console"
	mkdir -p "$d/bin" "$d/lib"
	printf '#!/bin/sh\n' > "$d/bin/sleep"
	chmod 755 "$d/bin/sleep"
	printf 'kernel=x\nenforce=poweroff\n' > "$d/lib/image.conf"
	own_machine 'mkdir -p /run/lib && cp "$2" "$3/image.conf" /run/lib &&
		sed -i s#/usr/lib/iommu-verify#/run/lib# /run/lib/stop-message.sh &&
		PATH=$1:$PATH sh /run/lib/stop-message.sh 127 && wait' \
		"$d/bin" "$BATS_TEST_DIRNAME/../../dist/early/stop-message.sh" "$d/lib"
	until grep -q Manual "$d/console"; do sleep 0.1; done
	grep . "$d/console" > "$d/text"
	[ "$(wc -l < "$d/text")" -le 8 ]
	run ! grep -E '.{81}|[^ -~]' "$d/text"
	page() { cat "$d/text"; }
	says - "iommu-verify: no verdict (status 127): powering off" "on-mismatch=poweroff in /etc/iommu.target" \
		"another entry" "--root /mnt MODE" 'Manual: iommu-verify(8), "A machine that stops at boot"'
	# systemd runs it after every end of the service.
	own_machine 'SERVICE_RESULT=success sh "$1"' "$BATS_TEST_DIRNAME/../../dist/early/stop-message.sh"
	[ ! -s "$d/console" ]
}
