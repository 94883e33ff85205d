# Boots and drives virtual machines: one QEMU each, its serial console in a file.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

IOMMU_TEST_CACHE=${IOMMU_TEST_CACHE:-$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)/build/cache}
VM_DIR=${VM_DIR:-${BATS_TEST_TMPDIR:-${TMPDIR:-/tmp}/vm.$$}}

# So many seconds nobody waits for nothing: a machine that is slow, or has other things to do, is no failure.
VM_PATIENCE=${VM_PATIENCE:-2700}

# What the console shows when a boot ends at a shell or asks for a password to give one.
# shellcheck disable=SC2034 # for the tests
SHELL_PROMPTS='\(initramfs\)|dracut:/[^ ]*#|sh-[0-9.]+[#$]|~ #|Press Enter for maintenance|Entering emergency mode|'\
'emergency shell|Give root password|Dropping to debug shell|Cannot open access to console'

# vm_accel: `kvm` where a guest really runs under it, else `tcg`: /dev/kvm can be there and unusable. The guest is a
# boot sector that ends QEMU with status 33. Without the processor's own help (PVM) such a sector runs, and a kernel
# ends in "emulation failure".
vm_accel() {
	local file=$IOMMU_TEST_CACHE/accel boot status=0
	grep -qwE 'vmx|svm' /proc/cpuinfo || { echo tcg && return; }
	if [[ ! -s $file ]]; then
		mkdir -p "$IOMMU_TEST_CACHE"
		boot=$(mktemp)
		printf '\xb0\x10\xe6\xf4\xf4' >"$boot" # mov al,16; out 244,al; hlt
		printf '\x55\xaa' | dd of="$boot" bs=1 seek=510 conv=notrunc status=none
		truncate -s 1M "$boot"
		# In a subshell, so that nobody is told should it be aborted.
		(
			timeout 20 qemu-system-x86_64 -accel kvm -machine q35,kernel-irqchip=split -cpu max \
				-nodefaults -display none -device isa-debug-exit,iobase=0xf4,iosize=1 \
				-drive "file=$boot,format=raw,snapshot=on"
			exit $?
		) </dev/null >/dev/null 2>&1 3>&- || status=$?
		if [[ $status == 33 ]]; then echo kvm; else echo tcg; fi >"$file.$BASHPID"
		mv "$file.$BASHPID" "$file"
		rm "$boot"
	fi
	cat "$file"
}

# vm_start NAME [--iommu intel|amd|none] [--kernel FILE] [--initrd FILE] [--append STRING] [--disk FILE]... [-- QEMU...]
# Starts a machine in the background. Without a kernel it boots from its first disk. Disks are not written to.
vm_start() {
	local append='' kernel='' disks=0 vm=$VM_DIR/$1
	local qemu=(-machine 'q35,kernel-irqchip=split' -smp "${VM_CPUS:-1}" -m 1024 -nodefaults -display none
		-no-reboot -chardev 'stdio,id=console,signal=off' -serial chardev:console)
	if [[ $(vm_accel) == kvm ]]; then
		qemu+=(-accel kvm -cpu max)
	else
		# Emulated, the many features of `max` cost a boot a third more time.
		qemu+=(-accel 'tcg,thread=multi' -cpu 'qemu64,+rdrand')
	fi
	shift
	while [[ $# -gt 0 ]]; do
		case $1 in
		--iommu)
			case $2 in
			intel) qemu+=(-device 'intel-iommu,intremap=on') ;;
			amd) qemu+=(-device 'amd-iommu,intremap=on') ;;
			none) ;;
			*) echo "vm_start: no IOMMU is called '$2'" >&2 && return 2 ;;
			esac
			;;
		--kernel) kernel=$2 ;;
		--initrd) qemu+=(-initrd "$2") ;;
		--append) append=$2 ;;
		--disk)
			qemu+=(-drive "file=$2,format=raw,if=none,id=disk$disks,snapshot=on"
				-device "virtio-blk-pci,drive=disk$disks")
			disks=$((disks + 1))
			;;
		--)
			shift
			qemu+=("$@")
			break
			;;
		*) echo "vm_start: unknown argument '$1'" >&2 && return 2 ;;
		esac
		shift 2
	done
	# no_timer_check: on a loaded host an emulated timer can fail the kernel's test of it, which is a panic.
	[[ $kernel ]] && qemu+=(-kernel "$kernel" -append "console=ttyS0 no_timer_check${append:+ $append}")

	rm -f "$vm".{in,log,pid,position,status}
	mkdir -p "$VM_DIR" && mkfifo "$vm.in" && : >"$vm.log" || return
	echo "${qemu[*]@Q}" >"$vm.command" # for whoever looks into a failure
	echo boot >>"${TESTS_COUNTS:-/dev/null}"
	# Opened for both directions the FIFO neither blocks here nor ends when a writer is done. Nothing of the test
	# runner's (its descriptor 3) may stay open in the background, or it waits for the machine.
	(
		qemu-system-x86_64 "${qemu[@]}" <>"$vm.in" >>"$vm.log" 2>&1 &
		echo $! >"$vm.pid"
		wait $! || true # the test runner's shell would end here
		touch "$vm.status"
	) </dev/null >/dev/null 2>&1 3>&- 4>&- &
	while [[ ! -s $vm.pid ]]; do sleep 0.05; done
}

# vm_log NAME: the console so far, without carriage returns and terminal control sequences.
vm_log() {
	LC_ALL=C sed -e 's/\x1b\[[0-9;?]*[ -/]*[@-~]//g; s/\x1b[]P][^\x07\x1b]*\(\x07\|\x1b\\\)//g; s/\x1b[^][]//g' \
		-e 's/[\r\x00]//g' "$VM_DIR/$1.log"
}

# vm_section NAME SECTION: what the machine printed between `BEGIN SECTION` and `END SECTION` (see root_disk).
vm_section() {
	vm_log "$1" | sed -n "/^BEGIN $2\$/,/^END $2\$/{//!p}"
}

# vm_kill NAME: ends that machine, if it still runs.
vm_kill() {
	local vm=$VM_DIR/$1
	[[ -e $vm.status ]] || kill -KILL "$(<"$vm.pid")" 2>/dev/null || true
	while [[ ! -e $vm.status ]]; do sleep 0.05; done
}

# vm_kill_all: ends every machine; for a test's teardown.
vm_kill_all() {
	local pid
	for pid in "$VM_DIR"/*.pid; do
		[[ ! -e $pid ]] || vm_kill "$(basename "$pid" .pid)"
	done
	return 0
}

# vm_end NAME: how the boot ended as far as the console tells; nothing while it runs.
#
# What programs print can stand on the same line as the kernel's last words, after them too.
vm_end() {
	local log ended=
	[[ -e $VM_DIR/$1.status ]] && ended=yes # asked first: what it printed last is in the log then
	log=$(vm_log "$1")
	if grep -q 'Kernel panic - not syncing' <<<"$log"; then
		# Without panic= the machine stays on; with it, the end is a moment away.
		if [[ $ended ]] || grep -q 'end Kernel panic' <<<"$log"; then echo panic; fi
	elif grep -Eq '(^|\] )reboot: System halted' <<<"$log"; then
		echo halted
	elif [[ $ended ]]; then
		case $(grep -Eo '(^|\] )reboot: (Power down|Restarting system)' <<<"$log") in
		*'Power down') echo poweroff ;;
		*'Restarting system') echo reboot ;;
		*) echo exited ;;
		esac
	fi
}

# vm_wait NAME [SECONDS]: waits for the end of the boot, ends QEMU, and tells in VM_END how it was: poweroff, reboot,
# halted, panic, exited (QEMU ended, the console does not say why) or timeout, which is a failure.
vm_wait() {
	local limit=$((SECONDS + ${2:-$VM_PATIENCE}))
	while VM_END=$(vm_end "$1") && [[ ! $VM_END ]]; do
		if ((SECONDS >= limit)); then
			vm_kill "$1"
			VM_END=timeout
			vm_complain "$1" "ran for ${2:-$VM_PATIENCE} s without an end"
			return 1
		fi
		sleep 0.5
	done
	vm_kill "$1"
}

# boot NAME ARGS...: vm_start, then vm_wait.
boot() {
	vm_start "$@" && vm_wait "$1"
}

# vm_expect NAME REGEX [SECONDS]: waits until the console shows REGEX (an ERE, over all text since the last match: `.`
# matches a newline too). VM_MATCH has the match and its groups.
vm_expect() {
	local limit=$((SECONDS + ${3:-$VM_PATIENCE})) LC_ALL=C text position=0 ended
	[[ -e $VM_DIR/$1.position ]] && position=$(<"$VM_DIR/$1.position")
	while true; do
		ended=
		[[ -e $VM_DIR/$1.status ]] && ended=yes # asked first: what it printed last is still looked at
		text=$(vm_log "$1" && echo .)
		text=${text%.}
		if [[ ${text:position} =~ $2 ]]; then
			# shellcheck disable=SC2034 # for the tests
			VM_MATCH=("${BASH_REMATCH[@]}")
			text=${text:position}
			text=${text%%"${BASH_REMATCH[0]}"*}
			echo $((position + ${#text} + ${#BASH_REMATCH[0]})) >"$VM_DIR/$1.position"
			return
		fi
		if [[ $ended ]] || ((SECONDS >= limit)); then
			vm_complain "$1" "did not show '$2'"
			return 1
		fi
		sleep 0.2
	done
}

# vm_send NAME TEXT: types TEXT and Enter on the console.
vm_send() {
	vm_keys "$1" "$2"$'\r'
}

# vm_keys NAME KEYS: types just these.
vm_keys() {
	printf '%s' "$2" 1<>"$VM_DIR/$1.in"
}

vm_complain() {
	echo "machine '$1' $2; its console's last lines:" >&2
	vm_log "$1" | tail -n 30 >&2
}

# shell_answers: a shell reads the console of machine vm: it runs what is typed there.
# Typed more than once, as a prompt can drop what came early.
shell_answers() {
	local n
	for ((n = 0; n < 30; n++)); do
		vm_send vm ''
		# shellcheck disable=SC2016 # for the machine's shell
		vm_send vm 'echo answer=$((6 * 7))'
		vm_expect vm 'answer=42' 10 && return
	done
	return 1
}
