#!/usr/bin/env bats
# Module parameters in real boots: what modprobe and the kernel make of the command line and of modprobe.d is what the
# helper said before.
# SPDX-License-Identifier: BSD-3-Clause
bats_require_minimum_version 1.5.0
# bats file_tags=boot

PT="intel_iommu=on amd_iommu=on iommu=pt"
LINE=vfio.enable_unsafe_noiommu_mode
OPTION="options vfio enable_unsafe_noiommu_mode"

# An image with the real modprobe, Debian's vfio and the one with noiommu, and the functions that the boots' scripts are
# made of. The network card's own driver is not in it, so that vfio-pci finds the card free.
setup_file() {
	load ../lib/trees
	load ../lib/vm
	load ../lib/images
	load ../lib/noiommu
	local tree kver noiommu dir=$BATS_FILE_TMPDIR/modules name lib libs=()
	tree=$(debian_tree bookworm)
	kver=$(tree_kver "$tree")
	noiommu=$(noiommu_modules)
	tree_vmlinux "$tree" > "$BATS_FILE_TMPDIR/kernel"
	gcc -Wall -Wextra -Werror -O2 -static -o "$BATS_FILE_TMPDIR/vfio-open" "$BATS_TEST_DIRNAME/../tools/vfio-open.c"

	mkdir -p "$dir/lib/modules/$kver"
	cp "$tree/lib/modules/$kver/"modules.{builtin,builtin.modinfo,order} "$dir/lib/modules/$kver"
	for name in irqbypass vfio vfio_iommu_type1 vfio_virqfd vfio-pci-core vfio-pci; do
		find "$tree/usr/lib/modules" -name "$name.ko" -exec cp {} "$dir/lib/modules/$kver" \;
	done
	depmod -b "$dir" "$kver"
	for lib in $(chroot "$tree" /lib64/ld-linux-x86-64.so.2 --list /bin/kmod | grep -o '/lib[^ ]*'); do
		libs+=("${lib#/}=$(realpath "$tree$lib")")
	done

	cat > "$BATS_FILE_TMPDIR/init" <<-'END'
		#!/bin/sh
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t devtmpfs dev /dev
		dmesg -n 1
		modules=/lib/modules/$(uname -r)
		allow=

		# use stock|noiommu: which vfio modprobe finds.
		use() {
			cp /modules/$1/* $modules
		}

		# configure [TEXT]: modprobe.d has this and nothing else: `etc/a.conf LINE; lib/b.conf LINE`.
		configure() {
			rm -rf /etc/modprobe.d /run/modprobe.d /lib/modprobe.d
			printf '%s\n' "$1" | sed 's/; */\n/g' | while read -r file line; do
				[ -n "$file" ] || continue
				mkdir -p /${file%/*}/modprobe.d
				printf '%s\n' "$line" >> /${file%/*}/modprobe.d/${file##*/}
			done
		}

		# image_conf yes|no|unknown: this is an image, whose kernel's vfio has noiommu, or not.
		image_conf() {
			mkdir -p /usr/lib/iommu-verify
			printf '%s\n' kernel=$(uname -r) enforce=no noiommu=$1 type1=yes iommufd=no \
				> /usr/lib/iommu-verify/image.conf
		}

		# section NAME: standard input, for the test to read.
		section() {
			echo "BEGIN $1"
			cat
			echo "END $1"
		}

		# verdict SECTION MODE [OPTION]...: the helper's exit status and JSON for that target.
		verdict() {
			section=$1
			printf '%s\n' mode=$2 $allow > /target
			shift 2
			iommu-verify --json --target /target "$@" > /json 2>&1
			{ echo $?; cat /json; } | section $section
		}

		# judged NAME: the helper, modprobe vfio, the helper again; vfio is out again in the end.
		judged() {
			verdict $1-before off-for-vfio
			dmesg -c > /dev/null
			/sbin/modprobe vfio > /err 2>&1 < /dev/null
			status=$?
			parameter=/sys/module/vfio/parameters/enable_unsafe_noiommu_mode
			{
				if [ ! -e /sys/module/vfio ]; then echo "not loaded"
				elif [ ! -e $parameter ]; then echo "no parameter"
				else cat $parameter
				fi
				echo "status $status"
				cat /err
				dmesg
			} | section $1-load
			verdict $1-after off-for-vfio
			for module in vfio_iommu_type1 vfio; do
				[ ! -e /sys/module/$module ] || rmmod $module
			done
		}

		# bind: gives the network card to vfio-pci. $group is its name in /dev/vfio.
		bind() {
			card=$(grep -l 0x10d3 /sys/bus/pci/devices/*/device)
			card=${card%/device}
			/sbin/modprobe vfio-pci
			echo vfio-pci > $card/driver_override
			echo ${card##*/} > /sys/bus/pci/drivers_probe
			group=$(ls /dev/vfio | grep -v '^vfio$')
		}
	END
	printf '%s\n' '. /script' 'poweroff -f' >> "$BATS_FILE_TMPDIR/init"
	busybox_image "$BATS_FILE_TMPDIR/image" "$BATS_FILE_TMPDIR/init" usr/sbin/iommu-verify="$VERIFY" \
		usr/sbin/vfio-open="$BATS_FILE_TMPDIR/vfio-open" sbin/modprobe="$(realpath "$tree/bin/kmod")" \
		"${libs[@]}" lib/modules="$dir/lib/modules" modules/noiommu="$noiommu" \
		modules/stock/vfio.ko="$dir/lib/modules/$kver/vfio.ko" \
		modules/stock/vfio_iommu_type1.ko="$dir/lib/modules/$kver/vfio_iommu_type1.ko"
}

setup() {
	load ../lib/trees
	load ../lib/machine
	VM_DIR=$BATS_FILE_TMPDIR/machines # tests share boots
}

teardown() {
	machine_end
}

teardown_file() {
	load ../lib/vm
	VM_DIR=$BATS_FILE_TMPDIR/machines vm_kill_all
}

# in_boot NAME: the boot that the function NAME makes, which the first test that asks for it does; $vm is its name.
in_boot() {
	vm=$1
	cached "$BATS_FILE_TMPDIR/$1" "$1" > /dev/null
}

# starts none|intel LINE NEW [PATH=FILE]...: one boot of the image, with a network card, and a script from standard
# input. Makes the file NEW. Interrupts are not remapped on any machine.
starts() {
	local machine=$1 line=$2 new=$3 qemu=(-device "e1000e,romfile=")
	shift 3
	[ "$machine" = none ] || qemu=(-device "intel-iommu,intremap=off" "${qemu[@]}")
	cat > "$new.script"
	cpio_append "$BATS_FILE_TMPDIR/image" "$new.image" script="$new.script" "$@" || return
	boot "$vm" --kernel "$(< "$BATS_FILE_TMPDIR/kernel")" --initrd "$new.image" --append "$line" -- "${qemu[@]}" ||
		return
	rm "$new.image"
	[ "$VM_END" = poweroff ] || { vm_complain "$vm" "ended: $VM_END"; return 1; }
	touch "$new"
}

# said SECTION: $status and $output are the helper's there, for expect() and json().
said() {
	output=$(vm_section "$vm" "$1")
	status=$(head -n 1 <<< "$output")
	output=$(tail -n +2 <<< "$output")
	[ -n "$output" ] || { vm_complain "$vm" "has no section $1"; return 1; }
}

# The value and the source of a parameter in $output.
parameter_said() {
	json ".modules[\"$1\"] | \"\(.value) \(.source)\""
}

# loaded NAME: the parameter after modprobe vfio in that case, or why there is none.
loaded() {
	vm_section "$vm" "$1-load" | head -n 1
}

# told NAME RESULT: in that case the helper said RESULT before, `Y configured` or so, and modprobe and the kernel did
# that. RESULT `not loaded`: they failed, and the helper did not promise noiommu.
told() {
	local before=no after=no verdict load
	load=$(loaded "$1")
	said "$1-before" && before=$(parameter_said "$LINE") && verdict=$(json .verdict)
	said "$1-after" && after=$(parameter_said "$LINE")
	case "$2 $load" in
	"not loaded not loaded") [[ $before != Y* && $after != Y* && $verdict == mismatch ]] ;;
	"Y configured Y") [[ $before == "$2" && $after == "Y live" && $verdict == match ]] ;;
	"N configured N" | "N default N") [[ $before == "$2" && $after == "N live" && $verdict == mismatch ]] ;;
	*) false ;;
	esac || {
		echo "$1: expected '$2'; the helper said '$before', $verdict;" \
			"vfio was '$load', the helper said '$after'"
		vm_section "$vm" "$1-load"
		return 1
	}
}

# Many cases for one boot: test, name, what told() expects, command line, modprobe.d. The line is put over
# /proc/cmdline, where modprobe reads it; the kernel does nothing with words for a module that is not built in.
cases() {
	local again="install vfio /sbin/modprobe --ignore-install vfio" alone="etc/a.conf softdep vfio post: nothing"
	sed '/|/!d; s/ *| */|/g' <<-END
		line|dash             |Y configured|vfio.enable-unsafe-noiommu-mode=1
		line|quoted-value     |Y configured|$LINE="1"
		line|quoted-word      |Y configured|"$LINE=1"
		line|quoted-parameter |N default   |vfio."enable_unsafe_noiommu_mode=1"
		line|bare             |Y configured|$LINE
		line|on               |Y configured|$LINE=on
		line|Yes              |Y configured|$LINE=Yes
		line|true             |Y configured|$LINE=true
		line|off              |N configured|$LINE=off
		line|last-is-0        |N configured|$LINE=1 $LINE=0
		line|last-is-1        |Y configured|$LINE=0 $LINE=1
		line|after-dashes     |Y configured|quiet -- $LINE=1
		line|other-module     |N default   |vfio_pci.enable_unsafe_noiommu_mode=1
		line|other-parameter  |N default   |${LINE}_too=1
		line|blacklist        |Y configured|modprobe.blacklist=vfio $LINE=1

		file|nothing          |N default   ||
		file|Y                |Y configured||etc/a.conf $OPTION=Y
		file|N                |N configured||etc/a.conf $OPTION=N
		file|dash             |Y configured||etc/a.conf options vfio enable-unsafe-noiommu-mode=1
		file|quoted           |Y configured||etc/a.conf $OPTION="1"
		file|bare             |Y configured||etc/a.conf $OPTION
		file|continued        |Y configured||etc/a.conf options vfio \\; etc/a.conf enable_unsafe_noiommu_mode=1
		file|twice            |N configured||etc/a.conf $OPTION=1 enable_unsafe_noiommu_mode=0
		file|unknown-beside   |Y configured||etc/a.conf $OPTION=1 no_such_parameter=0
		file|comment          |N default   ||etc/a.conf #$OPTION=1
		file|not-conf         |N default   ||etc/a.conf.bak $OPTION=1
		file|other-module     |N default   ||etc/a.conf options vfio_iommu_type1 enable_unsafe_noiommu_mode=1
		file|blacklist        |Y configured||etc/a.conf $OPTION=1; etc/a.conf blacklist vfio

		order|line-N          |N configured|$LINE=N|etc/z.conf $OPTION=Y
		order|line-Y          |Y configured|$LINE=Y|etc/z.conf $OPTION=N
		order|after-dashes-N  |N configured|-- $LINE=N|etc/z.conf $OPTION=Y
		order|a-N-b-Y         |Y configured||etc/b.conf $OPTION=Y; etc/a.conf $OPTION=N
		order|a-Y-b-N         |N configured||etc/a.conf $OPTION=Y; etc/b.conf $OPTION=N
		order|by-base-name    |Y configured||etc/a.conf $OPTION=N; lib/b.conf $OPTION=Y
		order|etc-hides-lib   |N configured||etc/a.conf $OPTION=N; lib/a.conf $OPTION=Y
		order|empty-hides-too |N default   ||etc/a.conf #; lib/a.conf $OPTION=Y
		order|run-hides-lib   |Y configured||run/a.conf $OPTION=Y; lib/a.conf $OPTION=N
		order|etc-hides-run   |N configured||etc/a.conf $OPTION=N; run/a.conf $OPTION=Y

		fails|empty-on-line   |not loaded  |$LINE=
		fails|empty-in-file   |not loaded  ||etc/a.conf $OPTION=
		fails|number          |not loaded  |$LINE=2
		fails|single-quotes   |not loaded  ||etc/a.conf $OPTION='1'
		undoes|empty-after-1  |not loaded  |$LINE=1 $LINE=
		undoes|empty-before-1 |not loaded  |$LINE=1|etc/a.conf $OPTION=
		dashes|in-file        |N default   ||etc/a.conf options vfio -- enable_unsafe_noiommu_mode=1

		softdep|false         |Y configured|$LINE=1|etc/a.conf install vfio /bin/false
		softdep|true          |Y configured||etc/a.conf $OPTION=1; etc/b.conf install vfio /bin/true
		softdep|again         |Y configured|$LINE=1|etc/a.conf $again \$CMDLINE_OPTS
		install|false         |not loaded  |$LINE=1|etc/a.conf install vfio /bin/false; $alone
		install|true          |not loaded  |$LINE=1|etc/a.conf install vfio /bin/true; $alone
		install|elsewhere     |not loaded  |$LINE=1|lib/z.conf install vfio :; $alone
		again|line            |Y configured|$LINE=1|etc/a.conf $again \$CMDLINE_OPTS; $alone
		again|file            |Y configured||etc/a.conf $again; etc/b.conf $OPTION=1; $alone
	END
}

all_cases() {
	cases > "$1.cases"
	starts none "" "$1" cases="$1.cases" <<-'END'
		use noiommu
		while IFS='|' read -r test name result line files; do
			printf '%s\n' "$line" > /line
			configure "$files"
			mount -o bind /line /proc/cmdline
			judged $test-$name < /dev/null
			umount /proc/cmdline
		done < /cases
	END
}

# told_in TEST: told() of all cases of that test.
told_in() {
	local bad=0 test name result rest
	in_boot all_cases
	while IFS='|' read -r test name result rest; do
		[ "$test" != "$1" ] || told "$test-$name" "$result" || bad=1
	done < <(cases)
	[ "$bad" = 0 ]
}

@test "each spelling of noiommu on the command line is told as modprobe reads it" {
	told_in line
}

@test "each spelling of noiommu in modprobe.d is told as modprobe reads it" {
	told_in file
}

@test "where command line and files of modprobe.d disagree, the helper knows whom modprobe follows" {
	told_in order
}

@test "a value that is no boolean keeps vfio from loading, and the helper does not promise noiommu" {
	told_in fails
}

@test "a value that is no boolean beside a good one keeps vfio from loading, and the helper does not promise noiommu" {
	told_in undoes
}

@test "what stands after -- in an options line never reaches vfio, and the helper does not promise it" {
	told_in dashes
}

# kmod runs no install line of a module whose soft dependencies are there, and vfio has one on vfio_iommu_type1
# (modprobe.d(5) of kmod 30: softdep takes precedence; libkmod-module.c:__kmod_module_fill_softdep(); kmod's issue 446).
@test "an install line does not keep vfio from loading, as vfio has soft dependencies: no MODULE_BLOCKED" {
	told_in softdep
}

@test "without soft dependencies an install line that loads nothing is MODULE_BLOCKED, and vfio is not loaded" {
	local name
	in_boot all_cases
	for name in false true elsewhere; do
		[ "$(loaded "install-$name")" = "not loaded" ]
		said "install-$name-before"
		expect 2 mismatch off-for-vfio MODULE_BLOCKED
	done
}

@test "without soft dependencies an install line that runs modprobe --ignore-install is not MODULE_BLOCKED" {
	told_in again
}

@test "a blacklist line and modprobe.blacklist= are not MODULE_BLOCKED, and modprobe vfio loads it" {
	local name
	in_boot all_cases
	for name in line file; do
		[ "$(loaded "$name-blacklist")" = Y ]
		said "$name-blacklist-before"
		expect 0 match off-for-vfio
		[ "$(json '[.reasons[], .notes[]] | length')" = 0 ]
	done
}

line_y() {
	starts none "$LINE=1 vfio-iommu-type1.allow_unsafe_interrupts=\"on\"" "$1" <<-END
		use stock
		configure
		judged stock-line
		configure "etc/a.conf $OPTION=Y"
		judged stock-both
		image_conf no
		verdict stock-early off-for-vfio --phase early

		configure
		mv /lib/modules /lib/away
		for has in yes unknown; do
			image_conf \$has
			verdict early-\$has off-for-vfio --phase early
		done
		mv /lib/away /lib/modules
		rm /usr/lib/iommu-verify/image.conf

		use noiommu
		judged line
		configure "etc/a.conf $OPTION=N"
		judged line-over-file
		bind
		verdict bound off-for-vfio
		verdict bound-uio off-for-uio
		{
			basename "\$(readlink \$card/driver)"
			cat \$card/iommu_group/type \$card/iommu_group/name
			echo \$group
			vfio-open \$group
		} 2>&1 | section card
	END
}

line_n() {
	starts none "$LINE=N module_blacklist=vfio module_blacklist=kvm" "$1" <<-END
		use noiommu
		configure
		judged line
		configure "etc/a.conf $OPTION=Y"
		judged line-over-file
		bind
		verdict bound off-for-vfio
		{
			[ ! -e \$card/driver ] || echo bound
			[ ! -e \$card/iommu_group ] || echo group
			echo "groups \$group"
		} | section card
	END
}

after_dashes() {
	starts none "quiet -- $LINE=1" "$1" <<-END
		use noiommu
		configure
		judged line
	END
}

empty() {
	starts none "$LINE=" "$1" <<-END
		use noiommu
		configure
		judged line
	END
}

blacklisted() {
	starts none "module_blacklist=kvm,vfio $LINE=1" "$1" <<-END
		use noiommu
		configure
		judged line
	END
}

@test "noiommu=1 on the kernel's line: configured before, live after, also over an N in modprobe.d" {
	in_boot line_y
	told line "Y configured"
	told line-over-file "Y configured"
}

@test "noiommu=N on the kernel's line: configured before, live after, also over a Y in modprobe.d" {
	in_boot line_n
	told line "N configured"
	told line-over-file "N configured"
}

@test "noiommu after -- on the kernel's line is still given to the module by modprobe" {
	in_boot after_dashes
	told line "Y configured"
}

@test "an empty value on the kernel's line keeps vfio from loading" {
	in_boot empty
	told line "not loaded"
	vm_section "$vm" line-load | grep "invalid for parameter"
	vm_section "$vm" line-load | grep "Invalid argument"
}

@test "a quoted value and a dash in the module's name set vfio_iommu_type1's parameter too" {
	in_boot line_y
	said line-before
	[ "$(parameter_said vfio_iommu_type1.allow_unsafe_interrupts)" = "Y configured" ]
	said line-after
	[ "$(parameter_said vfio_iommu_type1.allow_unsafe_interrupts)" = "Y live" ]
}

@test "a card bound to vfio-pci with noiommu is in a vfio-noiommu group and can be opened; the mode is off-for-vfio" {
	in_boot line_y
	run vm_section "$vm" card
	[ "${lines[*]}" = "vfio-pci unknown vfio-noiommu noiommu-0 ok" ]
	said bound
	expect 0 match off-for-vfio
	[ "$(json '.effective.groups | [.identity, .DMA, ."DMA-FQ", .other] | join(" ")')" = "0 0 0 1" ]
	said bound-uio
	expect 2 mismatch off-for-vfio NOIOMMU_ENABLED
}

@test "with noiommu N vfio-pci does not take the card, and the mode is off-for-uio" {
	in_boot line_n
	run vm_section "$vm" card
	[ "${lines[*]}" = "groups " ]
	said bound
	expect 2 mismatch off-for-uio NOIOMMU_DISABLED
}

@test "Debian's own vfio has no noiommu: NOIOMMU_UNSUPPORTED before and after loading, and early" {
	local name
	in_boot line_y
	for name in line both; do
		[ "$(loaded "stock-$name")" = "no parameter" ]
		vm_section "$vm" "stock-$name-load" | grep "unknown parameter 'enable_unsafe_noiommu_mode' ignored"
	done
	for name in line-before line-after both-before both-after early; do
		said "stock-$name"
		expect 2 mismatch off-for-uio NOIOMMU_UNSUPPORTED
		[ "$(parameter_said "$LINE")" = "null absent" ]
	done
}

@test "early, in an image without vfio, image.conf tells whether what the line sets will be there" {
	in_boot line_y
	said early-yes
	expect 0 match off-for-vfio
	[ "$(parameter_said "$LINE")" = "Y configured" ]
	said early-unknown
	expect 4 unknown unknown EVIDENCE_MISSING
	[ "$(parameter_said "$LINE")" = "Y unknown" ]
}

@test "module_blacklist= with vfio in it is MODULE_BLOCKED before, and vfio is not loaded" {
	in_boot blacklisted
	[ "$(loaded line)" = "not loaded" ]
	vm_section "$vm" line-load | grep "Operation not permitted"
	said line-before
	expect 2 mismatch off-for-vfio MODULE_BLOCKED
}

@test "only the last module_blacklist= counts" {
	in_boot line_n
	[ "$(loaded line)" = N ]
	said line-before
	[ "$(json '[.reasons[], .notes[]] | map(select(.code == "MODULE_BLOCKED")) | length')" = 0 ]
}

interrupts_kept() {
	starts intel "$PT" "$1" <<-'END'
		use stock
		configure
		verdict before pt
		bind
		dmesg -c > /dev/null
		{ vfio-open $group; dmesg; } 2>&1 | section refused
		verdict after pt
		echo 1 > /sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts
		vfio-open $group 2>&1 | section opened
		verdict changed pt
	END
}

interrupts_allowed() {
	starts intel "$PT vfio_iommu_type1.allow_unsafe_interrupts=1" "$1" <<-END
		use noiommu
		configure "etc/a.conf $OPTION=Y"
		/sbin/modprobe vfio
		allow=allow-unsafe-interrupts=yes
		verdict noiommu pt
		rmmod vfio_iommu_type1 vfio

		use stock
		configure
		for allow in allow-unsafe-interrupts=no allow-unsafe-interrupts=yes; do
			verdict before-\${allow##*=} pt
		done
		bind
		vfio-open \$group 2>&1 | section opened
		for allow in allow-unsafe-interrupts=no allow-unsafe-interrupts=yes; do
			verdict after-\${allow##*=} pt
		done
	END
}

@test "without interrupt remapping vfio refuses a device; changed at run time the parameter allows it, and is seen" {
	in_boot interrupts_kept
	vm_section "$vm" refused | grep -x "VFIO_SET_IOMMU: Operation not permitted"
	vm_section "$vm" refused | grep "No interrupt remapping support"
	said before
	expect 0 match pt
	[ "$(parameter_said vfio_iommu_type1.allow_unsafe_interrupts)" = "N default" ]
	said after
	expect 0 match pt
	[ "$(parameter_said vfio_iommu_type1.allow_unsafe_interrupts)" = "N live" ]
	[ "$(vm_section "$vm" opened)" = ok ]
	said changed
	expect 2 mismatch pt UNSAFE_INTERRUPTS
}

@test "allow_unsafe_interrupts=1 on the line: vfio takes the device; a match only where the target allows it" {
	local name
	in_boot interrupts_allowed
	[ "$(vm_section "$vm" opened)" = ok ]
	for name in before after; do
		said $name-no
		expect 2 mismatch pt UNSAFE_INTERRUPTS
		said $name-yes
		expect 0 match pt
		[ "$(json '[.reasons[], .notes[]] | length')" = 0 ]
	done
	[ "$(parameter_said vfio_iommu_type1.allow_unsafe_interrupts)" = "Y live" ]
}

@test "noiommu Y beside a working IOMMU is NOIOMMU_ENABLED, and the mode stays pt" {
	in_boot interrupts_allowed
	said noiommu
	expect 2 mismatch pt NOIOMMU_ENABLED
	[ "$(parameter_said "$LINE")" = "Y live" ]
}

# on_disk SCRIPT: boots $machine, without interrupt remapping, and runs a script; $output is what it printed.
on_disk() {
	cat > "$BATS_TEST_TMPDIR/script" <<-'END'
		open_card() {
			card=$(grep -l 0x10d3 /sys/bus/pci/devices/*/device)
			card=${card%/device}
			/sbin/modprobe vfio-pci
			echo vfio-pci > $card/driver_override
			[ ! -e $card/driver ] || echo ${card##*/} > $card/driver/unbind
			echo ${card##*/} > /sys/bus/pci/drivers_probe
			/usr/local/bin/vfio-open $(ls /dev/vfio | grep -v '^vfio$')
		}
	END
	printf '%s\n' "$1" >> "$BATS_TEST_TMPDIR/script"
	disk_run disk "$machine" "$BATS_TEST_TMPDIR/script" -- -device intel-iommu,intremap=off \
		-device "e1000e,romfile="
	output=$(disk_output disk)
	echo "$output"
	[ "$VM_END" = poweroff ]
	[ "$(disk_status disk)" = 0 ]
}

@test "on a disk pt --allow-unsafe-interrupts lets vfio take a device without interrupt remapping, and =no ends that" {
	machine bookworm initramfs-tools
	cp "$BATS_FILE_TMPDIR/vfio-open" "$BATS_TEST_TMPDIR"
	in_machine 'install /host/vfio-open /usr/local/bin && iommu-install pt --allow-unsafe-interrupts --force'
	grub_linux "$machine" | grep -w iommufd.allow_unsafe_interrupts=1 |
		grep -w vfio_iommu_type1.allow_unsafe_interrupts=1

	on_disk 'open_card && iommu-verify && cat /run/iommu/early.json'
	[[ $output == ok$'\n'*"verdict:    match"* ]]
	[[ $output == *'"verdict": "match"'*'"phase": "early"'*'"allow_unsafe_interrupts": true'* ]]

	in_machine 'iommu-install pt --allow-unsafe-interrupts=no --force'
	run ! grep allow_unsafe_interrupts <(disk_cat "$machine" /boot/grub/grub.cfg)
	grub_linux "$machine" | grep -w iommu=pt
	on_disk 'open_card; iommu-verify --json && dmesg | grep "No interrupt remapping"'
	[[ $output == \
		"VFIO_SET_IOMMU: Operation not permitted"*'"verdict": "match"'*'"allow_unsafe_interrupts": false'* ]]
}
