#!/usr/bin/env bats
# Hand-made trees of machines that can't be booted here: groups that differ by the kernel's own choice, laptops, Xen,
# virtio-iommu. Each names its source.
bats_require_minimum_version 1.5.0

ON="intel_iommu=on amd_iommu=on"
OFF="intel_iommu=off amd_iommu=off"

setup() {
	load ../lib/trees
	root=$BATS_TEST_TMPDIR/root
}

# intel CMDLINE TYPE... / amd CMDLINE TYPE...: a machine with one unit; group 0 and 1 are a host bridge and a disk's.
intel() {
	rm -rf "$root"
	tree "$root" intel "$@"
	unit "$root" dmar0
	device "$root" 0 0000:00:00.0 8086:29c0 0600 dmar0
	device "$root" 1 0000:00:01.0 144d:a808 0108 dmar0
}

amd() {
	rm -rf "$root"
	tree "$root" amd "$@"
	unit "$root" ivhd0
	device "$root" 0 0000:00:00.0 1022:1630 0600 ivhd0
	device "$root" 1 0000:00:01.0 144d:a808 0108 ivhd0
}

# later_kernel: the machine runs a kernel that translates where a unit can't pass through.
later_kernel() {
	echo 6.12.0-test > "$root/proc/sys/kernel/osrelease"
}

# wants MODE STATUS VERDICT EFFECTIVE [REASON]
wants() {
	target "$root" "mode=$1"
	verify "$root"
	shift
	expect "$@"
}

# outlier GROUP TYPE WHY: the one tolerated outlier, which is not counted.
outlier() {
	local got
	got=$(json '.effective.outliers | length, (.[0] | .group, .type, .why)' | xargs)
	[ "$got" = "1 $*" ] || { echo "outliers: $got"; return 1; }
}

@test "an AMD GPU with PASID stays identity under strict, and its group with it" {
	# drivers/iommu/amd/iommu.c:amd_iommu_def_domain_type(): PASID-capable devices get identity (6.1: with ATS and
	# PRI, behind a unit with GT and PPR)
	amd "$ON" DMA-FQ DMA-FQ identity
	device "$root" 2 0000:00:02.0 1002:744c 0300 ivhd0 ats pri pasid
	device "$root" 2 0000:00:02.1 1002:ab30 0403 ivhd0
	wants strict 0 match strict
	outlier 2 identity pasid
	[ "$(json '.effective.outliers[0].devices | sort | join(" ")')" = "0000:00:02.0 0000:00:02.1" ]
	[ "$(json '.effective.groups | ."DMA-FQ", .identity' | xargs)" = "2 0" ]
	wants pt 2 mismatch strict TOKEN_MISSING
}

@test "an AMD device without PASID that is identity under strict is mixed, and is named" {
	amd "$ON" DMA-FQ DMA-FQ identity
	device "$root" 2 0000:00:02.0 1002:744c 0300 ivhd0
	wants strict 2 mismatch mixed MIXED_GROUPS
	[[ $(json '.reasons[0].message') == *"group 2 (0000:00:02.0)"* ]]
	[ "$(json '.effective.outliers | length')" = 0 ]
}

@test "without the whole configuration space nobody can tell about PASID: unknown, never a guess" {
	amd "$ON" DMA-FQ DMA-FQ identity
	device "$root" 2 0000:00:02.0 1002:744c 0300 ivhd0 ats pri pasid
	truncate -s 64 "$root/sys/devices/pci0000:00/0000:00:02.0/config" # what an ordinary user sees
	wants strict 4 unknown unknown EVIDENCE_MISSING
	[[ $(json '.reasons[0].message') == *"0000:00:02.0"* ]]
	# A conventional PCI device has no more than this, and no PASID.
	truncate -s 256 "$root/sys/devices/pci0000:00/0000:00:02.0/config"
	wants strict 2 mismatch mixed MIXED_GROUPS
}

@test "a capability list that runs in a circle or out of the configuration space ends" {
	amd "$ON" DMA-FQ DMA-FQ identity
	device "$root" 2 0000:00:02.0 1002:744c 0300 ivhd0
	printf '\x0d\x00\x01\x10' | dd of="$root/sys/devices/pci0000:00/0000:00:02.0/config" bs=1 seek=256 \
		conv=notrunc status=none
	wants strict 2 mismatch mixed MIXED_GROUPS
	printf '\x0d\x00\xf1\xff' | dd of="$root/sys/devices/pci0000:00/0000:00:02.0/config" bs=1 seek=256 \
		conv=notrunc status=none
	wants strict 2 mismatch mixed MIXED_GROUPS
}

@test "Debian's Intel graphics and Tylersburg's sound may be identity under strict" {
	# Debian's CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF; drivers/iommu/intel/iommu.c:device_def_domain_type()
	# (IS_AZALIA)
	for device in "3e92 0300 display" "3a3e 0403 8086:3a3e"; do
		read -r id class why <<< "$device"
		intel "$ON" DMA-FQ DMA-FQ identity
		device "$root" 2 0000:00:02.0 "8086:$id" "$class" dmar0
		wants strict 0 match strict
		outlier 2 identity "$why"
	done
	# Not just any device.
	intel "$ON" DMA-FQ DMA-FQ identity
	device "$root" 2 0000:00:02.0 10de:2204 0300 dmar0
	wants strict 2 mismatch mixed MIXED_GROUPS
}

@test "a device behind an external port stays translated under pt" {
	# drivers/iommu/iommu.c:iommu_get_default_domain_type(): untrusted devices get DMA; drivers/pci/probe.c:
	# set_pcie_untrusted(), pci_set_removable()
	intel "$ON iommu=pt" identity identity DMA
	device "$root" 2 0000:3b:00.0 8086:15d9 0c03 dmar0 removable
	wants pt 0 match pt
	outlier 2 DMA removable
	[ "$(json '.effective.flush')" = none ]
	echo fixed > "$root/sys/devices/pci0000:00/0000:3b:00.0/removable"
	wants pt 2 mismatch mixed MIXED_GROUPS
}

@test "an Intel unit without pass-through translates under pt, beside one that can" {
	# drivers/iommu/intel/iommu.c:device_def_domain_type() since 6.12: no ecap_pass_through() gives DMA
	intel "$ON iommu=pt" identity identity DMA-FQ
	later_kernel
	unit "$root" dmar1 f00f1e
	device "$root" 2 0000:00:02.0 8086:a0ef 0c03 dmar1
	wants pt 0 match pt
	outlier 2 DMA-FQ no-passthrough
	# Alone, it is what the machine does.
	intel "$ON iommu=pt" DMA DMA
	unit "$root" dmar0 f00f1e
	wants pt 2 mismatch strict KERNEL_OVERRIDE
	wants strict 0 match strict
	later_kernel
	wants pt 2 mismatch strict PASSTHROUGH_IMPOSSIBLE
	wants strict 0 match strict
}

@test "where either mode could be the rule the groups are mixed" {
	intel "$ON" identity DMA
	rm -rf "$root"/sys/kernel/iommu_groups/*/devices
	device "$root" 0 0000:00:02.0 8086:3e92 0300 dmar0
	device "$root" 1 0000:3b:00.0 8086:15d9 0c03 dmar0 removable
	wants strict 2 mismatch mixed MIXED_GROUPS
	wants pt 2 mismatch mixed MIXED_GROUPS
	[ "$(json '.effective.outliers | length')" = 0 ]
}

@test "groups all of one kind give that mode though each of them would be an outlier elsewhere" {
	intel "$ON iommu=pt" identity
	rm -rf "$root"/sys/kernel/iommu_groups/1
	device "$root" 0 0000:00:02.0 8086:3e92 0300 dmar0
	wants pt 0 match pt
	[ "$(json '.effective.outliers | length')" = 0 ]
}

@test "a group without devices does not count, nor one that vanishes while it is read" {
	intel "$ON" DMA-FQ DMA-FQ identity
	mkdir "$root/sys/kernel/iommu_groups/2/devices"
	wants strict 0 match strict
	device "$root" 2 0000:00:02.0 10de:2204 0300 dmar0
	rm -r "$root/sys/devices/pci0000:00/0000:00:02.0" # a dangling link
	wants strict 2 mismatch mixed MIXED_GROUPS
}

@test "a graphics unit that the kernel ignores leaves its device without a group" {
	# drivers/iommu/intel/iommu.c:init_no_remapping_devices() with intel_iommu=igfx_off
	intel "intel_iommu=on,igfx_off" DMA-FQ DMA-FQ
	mkdir -p "$root/sys/devices/pci0000:00/0000:00:02.0"
	wants strict 0 match strict
	[ "$(json .cmdline.mode)" = strict ]
}

@test "openSUSE's kernel passes through with strict's own tokens: TOKEN_MISSING, and iommu=nopt mends it" {
	# config/x86_64/default in kernel-source: CONFIG_IOMMU_DEFAULT_PASSTHROUGH=y
	intel "$ON" identity identity
	mkdir "$root/boot"
	echo CONFIG_IOMMU_DEFAULT_PASSTHROUGH=y > "$root/boot/config-6.1.0-test"
	wants strict 2 mismatch pt TOKEN_MISSING
	[[ $(json '.reasons[0].message') == *"default is passthrough"* ]]
	# That is said where it is known, and nowhere else.
	echo "# CONFIG_IOMMU_DEFAULT_PASSTHROUGH is not set" > "$root/boot/config-6.1.0-test"
	wants strict 2 mismatch pt TOKEN_MISSING
	[[ $(json '.reasons[0].message') != *"default is passthrough"* ]]
	rm "$root/boot/config-6.1.0-test"
	wants strict 2 mismatch pt TOKEN_MISSING
	[[ $(json '.reasons[0].message') != *"default"* ]]
	intel "$ON iommu=nopt" DMA-FQ DMA-FQ
	wants strict 0 match strict
}

@test "a laptop whose firmware opts in: the log says Translated, groups are identity, the reason is KERNEL_OVERRIDE" {
	# drivers/iommu/intel/iommu.c:platform_optin_force_iommu(), on a kernel without CONFIG_INTEL_IOMMU_DEFAULT_ON
	intel "quiet splash" identity identity DMA
	device "$root" 2 0000:3b:00.0 8086:15d9 0c03 dmar0 removable
	mkdir "$root/dev"
	printf '%s\n' '6,1,100,-;iommu: Default domain type: Translated' \
		'6,2,200,-;DMAR: Intel-IOMMU force enabled due to platform opt in' \
		'6,3,300,-;DMAR: dmar0: Using Queued invalidation' > "$root/dev/kmsg"
	wants strict 2 mismatch pt KERNEL_OVERRIDE
	[[ $(json '.reasons[0].message') == *"opt-in"* ]]
	wants pt 0 match pt
	: > "$root/dev/kmsg"
	wants strict 2 mismatch pt TOKEN_MISSING
}

@test "virtio-iommu: off until its driver comes, with a note; then as its groups say" {
	# drivers/iommu/virtio-iommu.c; Documentation: VIOT table; PCI id 1af4:1057
	rm -rf "$root"
	tree "$root" none "$OFF"
	echo "flags : fpu hypervisor" > "$root/proc/cpuinfo"
	wants off-for-uio 0 match off-for-uio
	[ "$(json '.notes | length')" = 0 ]
	mkdir -p "$root/sys/bus/pci/devices/0000:00:03.0"
	echo 0x1af4 > "$root/sys/bus/pci/devices/0000:00:03.0/vendor"
	echo 0x1057 > "$root/sys/bus/pci/devices/0000:00:03.0/device"
	wants off-for-uio 0 match off-for-uio
	[ "$(json '.notes[0].code')" = VIRTIO_IOMMU ]
	rm -r "$root/sys/bus"
	: > "$root/sys/firmware/acpi/tables/VIOT"
	wants off-for-uio 0 match off-for-uio
	[ "$(json '.notes[0].code')" = VIRTIO_IOMMU ]
	unit "$root" 0000:00:03.0
	mkdir -p "$root/sys/kernel/iommu_groups/0"
	echo DMA > "$root/sys/kernel/iommu_groups/0/type"
	wants off-for-uio 2 mismatch strict KERNEL_OVERRIDE
}

@test "Xen's dom0 sees no IOMMU: the message says who has it" {
	# arch/x86/kernel/pci-dma.c:pci_iommu_alloc() returns early; drivers/xen/sys-hypervisor.c
	rm -rf "$root"
	tree "$root" none "$ON"
	mkdir -p "$root/sys/hypervisor/properties"
	echo xen > "$root/sys/hypervisor/type"
	echo 00002705 > "$root/sys/hypervisor/properties/features" # without XENFEAT_dom0
	wants strict 2 mismatch off-for-uio FIRMWARE_OFF
	[[ $(json '.reasons[0].message') != *Xen* ]]
	echo 00002f05 > "$root/sys/hypervisor/properties/features"
	wants strict 2 mismatch off-for-uio FIRMWARE_OFF
	[[ $(json '.reasons[0].message') == *Xen* ]]
}

@test "acpi=off on the line is named where the tables are missing" {
	rm -rf "$root"
	tree "$root" none "$ON acpi=off"
	wants strict 2 mismatch off-for-uio FIRMWARE_OFF
	[[ $(json '.reasons[0].message') == *"acpi=off"* ]]
	[ "$(json .cmdline.mode)" = off-for-uio ]
}

# bats test_tags=boot
@test "4,000 groups with an outlier among them are read, and the outlier found" {
	amd "$ON" DMA-FQ DMA-FQ
	for i in $(seq 2 4000); do
		mkdir "$root/sys/kernel/iommu_groups/$i"
		echo DMA-FQ > "$root/sys/kernel/iommu_groups/$i/type"
	done
	echo identity > "$root/sys/kernel/iommu_groups/3999/type"
	device "$root" 3999 0000:ff:02.0 1002:744c 0300 ivhd0 ats pri pasid
	wants strict 0 match strict
	outlier 3999 identity pasid
}

@test "unreadable files and links that lead out of the tree are unknown, never a guess" {
	intel "$ON" DMA-FQ DMA-FQ identity
	device "$root" 2 0000:00:02.0 8086:3e92 0300 dmar0
	rm "$root/sys/devices/pci0000:00/0000:00:02.0/vendor"
	mkdir "$root/sys/devices/pci0000:00/0000:00:02.0/vendor"
	wants strict 4 unknown unknown EVIDENCE_MISSING
	intel "$ON" DMA-FQ DMA-FQ
	echo identity > "$BATS_TEST_TMPDIR/outside"
	ln -sfn "$BATS_TEST_TMPDIR/outside" "$root/sys/kernel/iommu_groups/1/type"
	wants strict 4 unknown unknown EVIDENCE_MISSING
	intel "$ON" DMA-FQ DMA-FQ
	mkdir "$root/sys/kernel/iommu_groups/x"
	wants strict 4 unknown unknown EVIDENCE_MISSING
}

@test "iommufd: its parameter is judged, /dev/iommu and the devices of vfio's cdev are shown" {
	# drivers/iommu/iommufd/device.c (allow_unsafe_interrupts, 6.5); Debian's kernels have no iommufd
	intel "$ON iommu=pt" identity identity
	echo 6.8.0-test > "$root/proc/sys/kernel/osrelease"
	mkdir -p "$root/dev/vfio/devices"
	touch "$root/dev/iommu" "$root/dev/vfio/devices/vfio"{0,1,2}
	parameter "$root" iommufd allow_unsafe_interrupts Y
	wants pt 2 mismatch pt UNSAFE_INTERRUPTS
	[[ $(json '.reasons[0].message') == "iommufd.allow_unsafe_interrupts is Y (live)" ]]
	target "$root" mode=pt allow-unsafe-interrupts=yes
	verify "$root"
	expect 0 match pt
	run "$INSTALLER" show --root "$root"
	grep -x "iommufd:    yes" <<< "$output"
	grep -x "vfio-cdev:  3" <<< "$output"
	run "$INSTALLER" show --root "$root" --json
	[ "$(json '.iommufd, .vfio_cdev' | xargs)" = "true 3" ]
	# Before 6.5 it had no such parameter.
	rm -r "$root/sys/module/iommufd"
	mkdir -p "$root/boot"
	echo CONFIG_IOMMUFD=m > "$root/boot/config-6.4.0-test"
	echo 6.4.0-test > "$root/proc/sys/kernel/osrelease"
	verify "$root"
	[ "$(json '.modules["iommufd.allow_unsafe_interrupts"].source')" = absent ]
}

@test "show --verbose names each item of evidence with where it was read" {
	amd "$ON" DMA-FQ DMA-FQ identity
	device "$root" 2 0000:00:02.0 1002:744c 0300 ivhd0 ats pri pasid
	mkdir -p "$root"/{boot,dev,sys/kernel/irq/24,sys/kernel/security}
	echo IR-PCI-MSI > "$root/sys/kernel/irq/24/chip_name"
	echo "[none] integrity confidentiality" > "$root/sys/kernel/security/lockdown"
	echo "CONFIG_IOMMU_DEFAULT_PASSTHROUGH=y" > "$root/boot/config-6.1.0-test"
	echo "6,1,100,-;AMD-Vi: Extended features (0x4f77ef22294ada): PPR NX GT IA GA PC GA_vAPIC" > "$root/dev/kmsg"
	run -0 "$INSTALLER" show --root "$root" --verbose
	echo "$output"
	[[ $output == *"/sys/class/iommu "*"ivhd0 (AMD-Vi)"* ]]
	[[ $output == *"/sys/kernel/iommu_groups/*/type "*"0 DMA-FQ: 0000:00:00.0"*\
"2 identity: 0000:00:02.0; tolerated: pasid"* ]]
	[[ $output == *"/sys/firmware/acpi/tables "*"IVRS"* ]]
	[[ $output == *"chip_name "*"interrupt remapping: yes"* ]]
	[[ $output == *"CONFIG_IOMMU_DEFAULT_PASSTHROUGH: y"* ]]
	[[ $output == *"lockdown "*"[none]"* ]]
	[[ $output == *"/dev/kmsg (no proof) "*"AMD-Vi: Extended features"* ]]
}

@test "show --verbose says of what is not there, and of what explains it, that it is so" {
	rm -rf "$root"
	tree "$root" none "$ON"
	mkdir -p "$root/sys/hypervisor/properties"
	echo 00002f05 > "$root/sys/hypervisor/properties/features"
	touch "$root/proc/vmcore"
	run -0 "$INSTALLER" show --root "$root" --verbose
	[[ $output == *"/sys/class/iommu "*"no unit"*"/sys/kernel/iommu_groups "*"no group"*"no DMAR, IVRS or VIOT"* ]]
	[[ $output == *"/sys/hypervisor "*"Xen dom0: Xen has the IOMMU"*"/proc/vmcore "*"a kdump kernel"* ]]
	rm -r "$root/sys"
	run -0 "$INSTALLER" show --root "$root" --verbose
	[[ $output == *"  missing "*"/sys"* ]] || { echo "$output"; return 1; }
}

@test "words that iommu-install leaves alone are named as what to take out" {
	rm -rf "$root"
	tree "$root" none "$ON acpi=off"
	wants strict 2 mismatch off-for-uio FIRMWARE_OFF
	[[ $(json '.reasons[0].hint') == "take acpi=off out"* ]]
	echo "flags : fpu hypervisor" > "$root/proc/cpuinfo"
	wants strict 2 mismatch off-for-uio NO_VIOMMU
	[[ $(json '.reasons[0].hint') == "take acpi=off out"* ]]
	rm -rf "$root"
	tree "$root" amd "swiotlb=force"
	echo 5.10.0-test > "$root/proc/sys/kernel/osrelease"
	wants strict 2 mismatch off-for-uio TOKEN_MISSING
	[[ $(json '.reasons[0].hint') == "take it out"* ]]
}

@test "device nodes in a tree are not opened: nothing hangs, and the host's kernel log is not read" {
	intel "quiet" identity identity
	mkdir -p "$root"/{boot,dev}
	mknod "$root/dev/kmsg" c 1 11
	mknod "$root/boot/config-6.1.0-test" c 1 5 # without end
	target "$root" mode=strict
	run timeout 60 "$VERIFY" --root "$root" --json
	[ "$status" = 2 ]
	# A leak detector can't work beside strace.
	run env ASAN_OPTIONS=detect_leaks=0 timeout 60 strace -f -e trace=read -o "$BATS_TEST_TMPDIR/trace" \
		"$INSTALLER" show --root "$root" --verbose
	[ "$status" = 0 ]
	run ! grep -E 'read\([0-9]+, "[0-9]+,[0-9]+,[0-9]+,' "$BATS_TEST_TMPDIR/trace"
}

@test "a live parameter that can't be read is unknown, in every mode where it counts" {
	intel "$ON iommu=pt" identity identity
	mkdir -p "$root/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"
	wants pt 4 unknown unknown EVIDENCE_MISSING
	rm -r "$root/sys/module/vfio"
	mkdir -p "$root/sys/module/vfio_iommu_type1/parameters"
	echo maybe > "$root/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"
	wants pt 4 unknown unknown EVIDENCE_MISSING
}

@test "the word that sticks is the one that is blamed, and each near miss for its own wish" {
	rm -rf "$root"
	tree "$root" intel "iommu=off intel_iommu=off intel_iommu=on"
	wants strict 2 mismatch off-for-uio TOKEN_OVERRIDDEN
	[[ $(json '.reasons[0].message') == *"'iommu=off' defeats it" ]]
	intel "intel_iommu=enable intel_iommu=on iommu=passthrough" DMA DMA
	wants pt 2 mismatch strict TOKEN_INVALID
	[[ $(json '.reasons[0].message') == *"'iommu=passthrough'" ]]
}

@test "with more units than most machines have, outliers behind the last ones are tolerated too" {
	intel "$ON" DMA-FQ DMA-FQ identity
	for i in $(seq 1 99); do unit "$root" "dmar$i"; done
	device "$root" 2 0000:00:02.0 8086:3e92 0300 dmar99
	wants strict 0 match strict
}

@test "an excuse is one vendor's: Intel's graphics behind an AMD unit, PASID behind an Intel one, are mixed" {
	amd "$ON" DMA-FQ DMA-FQ identity
	device "$root" 2 0000:00:02.0 8086:56a0 0300 ivhd0
	wants strict 2 mismatch mixed MIXED_GROUPS
	amd "$ON" DMA-FQ DMA-FQ identity
	device "$root" 2 0000:00:02.0 8086:3a3e 0403 ivhd0
	wants strict 2 mismatch mixed MIXED_GROUPS
	intel "$ON" DMA-FQ DMA-FQ identity
	device "$root" 2 0000:00:02.0 1002:744c 0200 dmar0 ats pri pasid
	wants strict 2 mismatch mixed MIXED_GROUPS
}

@test "what is no display is none: an Intel network card, sound or bridge in identity is mixed" {
	local class
	for class in 0200 0400 0403 0604 0c03 0600; do
		intel "$ON" DMA-FQ DMA-FQ identity
		device "$root" 2 0000:00:02.0 8086:15b8 "$class" dmar0
		wants strict 2 mismatch mixed MIXED_GROUPS
	done
}

@test "a unit that can't be told excuses nothing: not named among those that differ, not registered, or without ecap" {
	# No device says which unit it is behind, and they differ.
	intel "$ON iommu=pt" identity identity DMA-FQ
	later_kernel
	unit "$root" dmar0 f00f1e
	unit "$root" dmar1
	device "$root" 0 0000:00:00.0 8086:29c0 0600 dmar1
	device "$root" 1 0000:00:01.0 144d:a808 0108 dmar1
	device "$root" 2 0000:00:02.0 8086:a0ef 0c03
	wants pt 2 mismatch mixed MIXED_GROUPS
	# Behind a unit that is not registered.
	intel "$ON" DMA-FQ DMA-FQ identity
	device "$root" 2 0000:00:02.0 8086:3e92 0300 dmar7
	wants strict 2 mismatch mixed MIXED_GROUPS
	intel "$ON iommu=pt" identity identity DMA-FQ
	later_kernel
	unit "$root" dmar0 f00f1e
	device "$root" 2 0000:00:02.0 8086:a0ef 0c03 dmar7
	wants pt 2 mismatch mixed MIXED_GROUPS
	# Nobody knows whether the unit can pass through.
	intel "$ON iommu=pt" identity identity DMA-FQ
	later_kernel
	rm "$root/sys/devices/virtual/iommu/dmar0/intel-iommu/ecap"
	device "$root" 2 0000:00:02.0 8086:a0ef 0c03 dmar0
	wants pt 2 mismatch mixed MIXED_GROUPS
	echo rubbish > "$root/sys/devices/virtual/iommu/dmar0/intel-iommu/ecap"
	wants pt 2 mismatch mixed MIXED_GROUPS
	# Nor whether another than those of the identity groups can, which nothing speaks against.
	intel "$ON iommu=pt" identity identity DMA-FQ
	later_kernel
	unit "$root" dmar1
	device "$root" 2 0000:00:02.0 8086:a0ef 0c03 dmar1
	rm "$root/sys/devices/virtual/iommu/dmar1/intel-iommu/ecap"
	wants pt 2 mismatch mixed MIXED_GROUPS
	# One that certainly can't is an excuse there.
	unit "$root" dmar1 f00f1e
	wants pt 0 match pt
}

@test "three guilty groups are named, and how many more there are" {
	local i
	intel "$ON" $(printf 'DMA-FQ %.0s' {1..12}) identity identity identity identity identity
	for i in {2..16}; do device "$root" "$i" "0000:05:$(printf %02x "$i").0" 8086:1533 0200 dmar0; done
	wants strict 2 mismatch mixed MIXED_GROUPS
	[[ $(json '.reasons[0].message') == *"group 12 (0000:05:0c.0), group 13 (0000:05:0d.0), "*\
"group 14 (0000:05:0e.0) and 2 more" ]]
}
