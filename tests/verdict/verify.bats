#!/usr/bin/env bats
# iommu-verify on hand-made trees: evidence, verdict, first reason, output.
bats_require_minimum_version 1.5.0

ON="intel_iommu=on amd_iommu=on"
OFF="intel_iommu=off amd_iommu=off"

setup() {
	load ../lib/trees
	root=$BATS_TEST_TMPDIR/root
}

# machine MACHINE CMDLINE [TYPE]...: a fresh tree.
machine() {
	rm -rf "$root"
	tree "$root" "$@"
}

# wants MODE STATUS VERDICT EFFECTIVE [REASON]
wants() {
	target "$root" "mode=$1"
	verify "$root"
	shift
	expect "$@"
}

@test "groups that are all identity are pt, all DMA or DMA-FQ strict, none off" {
	machine intel "" identity identity
	wants pt 0 match pt
	machine amd "" DMA-FQ DMA
	wants strict 0 match strict
	machine none ""
	wants off-for-uio 0 match off-for-uio
}

@test "the tokens say pt and the groups say DMA-FQ: a mismatch" {
	machine intel "$ON iommu=pt" DMA-FQ DMA-FQ
	wants pt 2 mismatch strict KERNEL_OVERRIDE
}

@test "the flush policy is lazy with DMA-FQ, sync with DMA, none in pt, unknown before 5.15" {
	machine intel "" DMA DMA-FQ
	verify "$root"; [ "$(json .effective.flush)" = lazy ]
	machine intel "" DMA
	verify "$root"; [ "$(json .effective.flush)" = sync ]
	echo 5.10.0-40-amd64 > "$root/proc/sys/kernel/osrelease"
	verify "$root"; [ "$(json .effective.flush)" = unknown ]
	machine intel "" identity
	verify "$root"; [ "$(json .effective.flush)" = none ]
}

@test "a demanded flush policy that is not there is FLUSH_MISMATCH" {
	machine intel "$ON" DMA-FQ
	target "$root" mode=strict flush=sync
	verify "$root"; expect 2 mismatch strict FLUSH_MISMATCH
	target "$root" mode=strict flush=lazy
	verify "$root"; expect 0 match strict
}

@test "groups that disagree are mixed" {
	machine intel "$ON" DMA-FQ identity
	wants pt 2 mismatch mixed MIXED_GROUPS
	wants strict 2 mismatch mixed MIXED_GROUPS
}

@test "blocked, unmanaged and unknown groups are counted as other and never decide" {
	machine amd "$ON iommu=pt" identity blocked unmanaged unknown auto
	wants pt 0 match pt
	[ "$(json .effective.groups.other)" = 4 ]
}

@test "vfio-noiommu groups without a unit are still off" {
	machine none "$OFF" unknown
	rm -rf "$root/sys/class/iommu/"*
	echo vfio-noiommu > "$root/sys/kernel/iommu_groups/0/name"
	parameter "$root" vfio enable_unsafe_noiommu_mode Y
	wants off-for-vfio 0 match off-for-vfio
}

@test "groups without a unit and units without a usable group are unknown, never a guess" {
	machine intel "$ON iommu=pt" identity
	rm -rf "$root/sys/class/iommu/dmar0"
	wants pt 4 unknown unknown EVIDENCE_MISSING
	machine intel "$ON iommu=pt" unknown
	wants pt 4 unknown unknown EVIDENCE_MISSING
}

@test "without a unit, groups that something blocks or translates are not off; noiommu ones are, however many" {
	machine none "$OFF" blocked
	rm -rf "$root/sys/class/iommu/"*
	wants off-for-uio 4 unknown unknown EVIDENCE_MISSING
	machine none "$OFF" unmanaged
	wants off-for-uio 4 unknown unknown EVIDENCE_MISSING
	machine none "$OFF" unknown DMA
	wants off-for-uio 4 unknown unknown EVIDENCE_MISSING
	machine none "$OFF" unknown unknown unknown
	for n in 0 1 2; do echo vfio-noiommu > "$root/sys/kernel/iommu_groups/$n/name"; done
	parameter "$root" vfio enable_unsafe_noiommu_mode Y
	wants off-for-vfio 0 match off-for-vfio
}

@test "the word that is blamed is the one that stands on the line" {
	local machine line type wanted word
	while IFS='|' read -r machine line type wanted word; do
		# shellcheck disable=SC2086 # no type is none
		machine "$machine" "$line" $type
		target "$root" "mode=$wanted"
		verify "$root"
		[[ $(json '.reasons[0].message') == *"'$word'"* ]] || { echo "$line: $output"; return 1; }
	done <<-'EOF'
		intel|quiet intel_iommu=off splash||strict|intel_iommu=off
		intel|intel_iommu=on iommu=off||strict|iommu=off
		intel|intel_iommu=on iommu=off||strict|intel_iommu=on
		intel|quiet intel_iommu=enable mitigations=off||strict|intel_iommu=enable
		amd|amd_iommu=pt|DMA|pt|amd_iommu=pt
		intel|intel_iommu=on iommu=pt iommu=nopt|DMA|pt|iommu=nopt
		intel|intel_iommu=on iommu=pt|identity|strict|iommu=pt
		intel|intel_iommu=on iommu.passthrough=0|identity|strict|iommu.passthrough=0
		intel|intel_iommu=off|DMA|off-for-uio|intel_iommu=off
		intel|intel_iommu=off intel_iommu=on|DMA|off-for-uio|intel_iommu=on
		amd|amd_iommu=disable|DMA|off-for-uio|amd_iommu=disable
	EOF
}

@test "a word about something else is no near miss, whatever its value" {
	local word
	for word in mitigations=off audit=0 nokaslr selinux=0 quiet=on apparmor=on pci=off memory=pt mmu=pt omu=x; do
		machine intel "$word"
		wants strict 2 mismatch off-for-uio TOKEN_MISSING
		machine amd "$word" DMA
		wants pt 2 mismatch strict TOKEN_MISSING
		wants off-for-uio 2 mismatch strict TOKEN_MISSING
	done
}

@test "whose the machine is: by its unit, else its table, else its processor, else nobody knows" {
	machine amd "intel_iommu=off" DMA # GenuineIntel by cpuinfo, AMD by its unit
	verify "$root"; [ "$(json .cmdline.mode)" = default ]
	machine amd "intel_iommu=off"
	verify "$root"; [ "$(json .cmdline.mode)" = default ]
	machine none "intel_iommu=off"
	verify "$root"; [ "$(json .cmdline.mode)" = off-for-uio ]
	printf 'vendor_id\t: AuthenticAMD\n' > "$root/proc/cpuinfo"
	verify "$root"; [ "$(json .cmdline.mode)" = default ]
	printf 'vendor_id\t: HygonGenuine\n' > "$root/proc/cpuinfo"
	verify "$root"; [ "$(json .cmdline.mode)" = default ]
	printf 'vendor_id\t: CentaurHauls\n' > "$root/proc/cpuinfo"
	verify "$root"; [ "$(json .cmdline.mode)" = unknown ]
	echo "iommu=pt" > "$root/proc/cmdline"
	verify "$root"; [ "$(json .cmdline.mode)" = pt ]
}

@test "without /sys or /proc the verdict is unknown with exit status 4" {
	machine intel "$ON iommu=pt" identity
	rm -rf "${root:?}/sys"; mkdir "$root/sys"
	wants pt 4 unknown unknown EVIDENCE_MISSING
	machine intel "$ON iommu=pt" identity
	rm -rf "${root:?}/proc"; mkdir "$root/proc"
	wants pt 4 unknown unknown EVIDENCE_MISSING
}

@test "a group whose type can't be read is unknown" {
	machine intel "$ON iommu=pt" identity identity
	rm "$root/sys/kernel/iommu_groups/1/type"
	ln -s type "$root/sys/kernel/iommu_groups/1/type"
	wants pt 4 unknown unknown EVIDENCE_MISSING
}

@test "a kernel without IOMMU support has neither class nor groups, and is off" {
	machine none ""
	rm -rf "$root/sys/class/iommu" "$root/sys/kernel/iommu_groups"
	wants off-for-uio 0 match off-for-uio
}

@test "on is wanted and off is found: each first reason" {
	machine none "$ON iommu=pt";                wants pt 2 mismatch off-for-uio FIRMWARE_OFF
	echo "flags : fpu hypervisor" > "$root/proc/cpuinfo"; wants pt 2 mismatch off-for-uio NO_VIOMMU
	machine intel "$OFF";                       wants pt 2 mismatch off-for-uio TOKEN_MISSING
	machine intel "quiet";                      wants pt 2 mismatch off-for-uio TOKEN_MISSING
	machine intel "intel_iommu=on iommu=off";   wants strict 2 mismatch off-for-uio TOKEN_OVERRIDDEN
	machine amd "amd_iommu=off amd_iommu=on";   wants strict 2 mismatch off-for-uio TOKEN_OVERRIDDEN
	machine intel "intel_iommu=enable";         wants strict 2 mismatch off-for-uio TOKEN_INVALID
	machine intel "$ON";                        wants strict 2 mismatch off-for-uio KERNEL_OFF
	machine amd "quiet";                        wants strict 2 mismatch off-for-uio KERNEL_OFF
}

@test "pt is wanted and strict is found: each first reason" {
	machine intel "$ON" DMA;                    wants pt 2 mismatch strict TOKEN_MISSING
	machine amd "amd_iommu=pt" DMA;             wants pt 2 mismatch strict TOKEN_INVALID
	# Another vendor's near miss would have changed nothing here.
	machine intel "amd_iommu=pt" DMA;           wants pt 2 mismatch strict TOKEN_MISSING
	machine intel "$ON iommu=pt iommu=nopt" DMA; wants pt 2 mismatch strict TOKEN_OVERRIDDEN
	machine intel "$ON iommu=pt" DMA;           wants pt 2 mismatch strict KERNEL_OVERRIDE
	machine intel "$ON -- iommu=pt" DMA;        wants pt 2 mismatch strict TOKEN_MISSING
}

@test "strict is wanted and pt is found: each first reason" {
	machine intel "$ON iommu=pt" identity;      wants strict 2 mismatch pt TOKEN_OVERRIDDEN
	machine intel "$ON iommu=nopt" identity;    wants strict 2 mismatch pt KERNEL_OVERRIDE
	machine intel "$ON" identity;               wants strict 2 mismatch pt TOKEN_MISSING
}

@test "off is wanted and on is found: each first reason" {
	machine intel "$OFF" DMA;                   wants off-for-uio 2 mismatch strict KERNEL_OVERRIDE
	machine intel "intel_iommu=off intel_iommu=on" DMA; wants off-for-uio 2 mismatch strict TOKEN_OVERRIDDEN
	machine amd "amd_iommu=disable" DMA;        wants off-for-uio 2 mismatch strict TOKEN_INVALID
	machine amd "intel_iommu=off" DMA;          wants off-for-uio 2 mismatch strict TOKEN_MISSING
}

@test "noiommu Y is a mismatch in every mode but off-for-vfio" {
	machine none "$OFF"
	parameter "$root" vfio enable_unsafe_noiommu_mode Y
	wants off-for-vfio 0 match off-for-vfio
	wants off-for-uio 2 mismatch off-for-vfio NOIOMMU_ENABLED
	machine intel "$ON iommu=pt" identity
	parameter "$root" vfio enable_unsafe_noiommu_mode Y
	wants pt 2 mismatch pt NOIOMMU_ENABLED
}

@test "off-for-vfio with noiommu N is NOIOMMU_DISABLED, without the parameter NOIOMMU_UNSUPPORTED" {
	machine none "$OFF"
	parameter "$root" vfio enable_unsafe_noiommu_mode N
	wants off-for-vfio 2 mismatch off-for-uio NOIOMMU_DISABLED
	rm "$root/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
	wants off-for-vfio 2 mismatch off-for-uio NOIOMMU_UNSUPPORTED
}

@test "allow_unsafe_interrupts Y is a mismatch in pt unless the target allows it, and a note in the off modes" {
	machine intel "$ON iommu=pt" identity
	parameter "$root" vfio_iommu_type1 allow_unsafe_interrupts Y
	wants pt 2 mismatch pt UNSAFE_INTERRUPTS
	target "$root" mode=pt allow-unsafe-interrupts=yes
	verify "$root"; expect 0 match pt
	machine none "$OFF"
	parameter "$root" vfio_iommu_type1 allow_unsafe_interrupts Y
	wants off-for-uio 0 match off-for-uio
	[ "$(json '.notes[0].code')" = UNSAFE_INTERRUPTS ]
}

@test "an accepted mode is a match that is called transitional, and follows that mode's rules" {
	machine intel "$ON" DMA
	target "$root" mode=pt accept=strict,pt
	verify "$root"; expect 0 match strict
	[ "$(json .transitional)" = true ]
	target "$root" mode=strict accept=pt
	verify "$root"; expect 0 match strict
	[ "$(json .transitional)" = false ]
}

@test "modprobe.d and the tree's own command line give the configured value, the last one wins" {
	machine none "$OFF vfio.enable_unsafe_noiommu_mode=1"
	mkdir -p "$root/lib/modules/6.1.0-test" "$root/etc/modprobe.d" "$root/boot"
	echo CONFIG_VFIO_NOIOMMU=y > "$root/boot/config-6.1.0-test"
	echo "options vfio enable_unsafe_noiommu_mode=N" > "$root/etc/modprobe.d/a.conf"
	wants off-for-vfio 0 match off-for-vfio
	[ "$(json '.modules["vfio.enable_unsafe_noiommu_mode"] | .value + .source')" = Yconfigured ]
	echo quiet > "$root/proc/cmdline"
	echo "options vfio enable_unsafe_noiommu_mode=Y" > "$root/etc/modprobe.d/a.conf"
	wants off-for-vfio 0 match off-for-vfio
	echo "options vfio enable-unsafe-noiommu-mode=0" > "$root/etc/modprobe.d/b.conf"
	wants off-for-vfio 2 mismatch off-for-uio NOIOMMU_DISABLED
}

@test "a kernel configuration without CONFIG_VFIO_NOIOMMU means the parameter is absent whatever the line says" {
	machine none "$OFF vfio.enable_unsafe_noiommu_mode=1"
	mkdir "$root/boot"
	echo "# CONFIG_VFIO_NOIOMMU is not set" > "$root/boot/config-6.1.0-test"
	wants off-for-vfio 2 mismatch off-for-uio NOIOMMU_UNSUPPORTED
	[ "$(json '.modules["vfio.enable_unsafe_noiommu_mode"] | .value, .source' | xargs)" = "null absent" ]
}

@test "noiommu set where nobody can tell whether the kernel has it is unknown" {
	machine none "$OFF vfio.enable_unsafe_noiommu_mode=1"
	debian_module vfio
	xz "$root/lib/modules/6.1.0-test/vfio.ko" # the helper has no decompressors
	depmod -b "$root" 6.1.0-test
	wants off-for-uio 4 unknown unknown EVIDENCE_MISSING
	[ "$(json '.modules["vfio.enable_unsafe_noiommu_mode"].source')" = unknown ]
	echo "$OFF vfio.enable_unsafe_noiommu_mode=0" > "$root/proc/cmdline"
	wants off-for-uio 0 match off-for-uio
}

@test "module information tells that Debian's vfio has no noiommu and its vfio_iommu_type1 has unsafe interrupts" {
	machine intel "$ON iommu=pt vfio.enable_unsafe_noiommu_mode=1 vfio_iommu_type1.allow_unsafe_interrupts=1" \
		identity
	debian_module vfio vfio_iommu_type1
	depmod -b "$root" 6.1.0-test
	wants pt 2 mismatch pt UNSAFE_INTERRUPTS
	[ "$(json '.modules["vfio.enable_unsafe_noiommu_mode"].source')" = absent ]
	[ "$(json '.modules["vfio_iommu_type1.allow_unsafe_interrupts"].source')" = configured ]
	[ -z "$stderr" ] # nothing of libkmod's own either
}

@test "noiommu set where there is no vfio module at all is absent" {
	machine none "$OFF vfio.enable_unsafe_noiommu_mode=1"
	wants off-for-uio 0 match off-for-uio
	[ "$(json '.modules["vfio.enable_unsafe_noiommu_mode"].source')" = absent ]
}

@test "an install line that keeps vfio from loading is MODULE_BLOCKED under off-for-vfio and a note elsewhere" {
	machine none "$OFF vfio.enable_unsafe_noiommu_mode=1"
	mkdir -p "$root/boot" "$root/etc/modprobe.d"
	echo CONFIG_VFIO_NOIOMMU=y > "$root/boot/config-6.1.0-test"
	echo "install vfio /bin/false" > "$root/etc/modprobe.d/block.conf"
	wants off-for-vfio 2 mismatch off-for-vfio MODULE_BLOCKED
	machine intel "$ON module_blacklist=kvm,vfio" DMA
	wants strict 0 match strict
	[ "$(json '.notes[0].code')" = MODULE_BLOCKED ]
}

@test "--root never shows the host's command line to libkmod, nor follows a link out of the tree" {
	machine none "$OFF"
	mkdir -p "$root/boot" "$root/etc/modprobe.d" "$BATS_TEST_TMPDIR/outside"
	echo CONFIG_VFIO_NOIOMMU=y > "$root/boot/config-6.1.0-test"
	echo "options vfio enable_unsafe_noiommu_mode=1" > "$BATS_TEST_TMPDIR/outside/x.conf"
	ln -s "$BATS_TEST_TMPDIR/outside/x.conf" "$root/etc/modprobe.d/x.conf"
	wants off-for-uio 0 match off-for-uio
}

# bats test_tags=boot
@test "a tree with 4,000 groups is read" {
	machine intel "$ON iommu=pt" identity
	for i in $(seq 1 4000); do
		mkdir "$root/sys/kernel/iommu_groups/$i"
		echo identity > "$root/sys/kernel/iommu_groups/$i/type"
	done
	wants pt 0 match pt
	[ "$(json .effective.groups.identity)" = 4001 ]
}

@test "a command line with quotes, control characters and broken UTF-8 gives well-formed JSON" {
	machine intel "" identity
	printf 'iommu=pt a="b \\ c" \001\377\303\251\n' > "$root/proc/cmdline"
	wants pt 0 match pt
	[ "$(json .cmdline.mode)" = pt ]
	[[ $(json .cmdline.text) == *'a="b \ c"'*é ]]
}

@test "cmdline.mode is what this machine's vendor makes of the line" {
	while read -r machine mode line; do
		machine "$machine" "$line"
		verify "$root"
		[ "$(json .cmdline.mode)" = "$mode" ] ||
			{ echo "$machine $line: $(json .cmdline.mode), not $mode"; return 1; }
	done <<-'EOF'
		intel default quiet
		intel strict intel_iommu=on
		intel pt intel_iommu=on iommu=pt
		intel pt iommu=pt
		intel off-for-uio intel_iommu=on,off
		intel strict intel_iommu=off,on
		intel off-for-uio iommu=off intel_iommu=on
		intel off-for-uio "intel-iommu=off"
		intel off-for-uio intel_iommu="off"
		intel strict intel_iommu=on -- intel_iommu=off iommu=pt
		intel default amd_iommu=off
		intel pt iommu.passthrough=0 iommu.passthrough=Yes
		intel strict iommu=pt iommu.passthrough=off intel_iommu=on
		intel default iommu=usedac,pt
		intel pt iommu=pt,usedac
		intel off-for-vfio intel_iommu=off vfio.enable-unsafe-noiommu-mode=1
		amd off-for-uio amd_iommu=off amd_iommu=on
		amd strict amd_iommu=on intel_iommu=off
		amd default intel_iommu=off
		amd default iommu=soft
	EOF
}

@test "text output names verdict, target, effective mode, reason and what to do" {
	machine intel "$ON" DMA-FQ
	target "$root" mode=pt on-mismatch=halt
	run "$VERIFY" --root "$root"
	[ "$status" = 2 ]
	[[ $output == *"verdict:    mismatch"* && $output == *"target:     pt (on-mismatch=halt)"* ]]
	[[ $output == *"effective:  strict (units: dmar0; groups: 1 DMA-FQ)"* ]]
	[[ $output == *"TOKEN_MISSING: "*"-> run 'iommu-install pt' and reboot"* ]]
}

@test "text output says that there is no target, or an invalid one, and does not list units without end" {
	machine intel "$ON" DMA-FQ
	mkdir "$root"/sys/class/iommu/dmar{1,2,3,4,5}
	run -6 "$VERIFY" --root "$root"
	[[ $output == *"target:     none"* &&
		$output == *"(units: dmar0, dmar1, dmar2 and 3 more; groups: 1 DMA-FQ)"* ]]
	target "$root" mode=mystery
	run -1 "$VERIFY" --root "$root"
	[[ $output == *"target:     invalid"* ]]
}

@test "a value that is no boolean keeps vfio from loading: off-for-vfio is not what it says" {
	machine none "intel_iommu=off amd_iommu=off vfio.enable_unsafe_noiommu_mode=maybe"
	mkdir -p "$root/usr/lib/iommu-verify"
	printf 'kernel=6.1.0-test\nenforce=no\nnoiommu=yes\ntype1=yes\niommufd=no\n' \
		> "$root/usr/lib/iommu-verify/image.conf"
	target "$root" mode=off-for-vfio
	verify "$root" --phase early
	[ "$status" = 2 ]
	[[ $(json '[.reasons[], .notes[]] | map(.message) | join(" ")') == \
		*"vfio can't load: 'enable_unsafe_noiommu_mode=maybe' is no yes or no"* ]] ||
		{ echo "$output"; return 1; }
}

@test "what can't be printed is an error, the version is printed, and --enforce is for root" {
	machine intel "$ON" DMA-FQ
	run -1 bash -c '"$1" --root "$2" --json > /dev/full' verify "$VERIFY" "$root"
	[[ $output == "iommu-verify: standard output: No space left on device" ]]
	run -0 "$VERIFY" --version
	[[ $output =~ ^"iommu-verify "[0-9.]+$ ]]
	run -1 setpriv --reuid=65534 --clear-groups "$VERIFY" --enforce --phase late
	[[ $output == "iommu-verify: --enforce: refused: needs root" ]]
}

@test "--quiet prints nothing and keeps the exit status" {
	machine intel "$ON" DMA-FQ
	target "$root" mode=pt
	run --separate-stderr "$VERIFY" --root "$root" --quiet
	[ "$status" = 2 ]
	[ -z "$output$stderr" ]
}

@test "bad usage is one line on stderr and exit status 1" {
	for args in --bogus "--phase middle" "extra" "--root /nonexistent"; do
		# shellcheck disable=SC2086 # words on purpose
		run --separate-stderr "$VERIFY" $args
		[ "$status" = 1 ] && [ -z "$output" ] && [[ $stderr == *iommu-verify:* ]] ||
			{ echo "$args: $status $stderr"; return 1; }
	done
}
