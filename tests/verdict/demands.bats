#!/usr/bin/env bats
# What a target demands beside the mode: interrupts=remapped and exposed=translated, on hand-made trees.
bats_require_minimum_version 1.5.0

ON="intel_iommu=on amd_iommu=on"

setup() {
	load ../lib/trees
	root=$BATS_TEST_TMPDIR/root
}

# machine MODE [LINE]: a fresh tree in that mode, with a root port in group 0 and a device below it in group 1, which is
# translated; the target says so, and LINE.
machine() {
	local type=identity
	[ "$1" = pt ] || type=DMA-FQ
	rm -rf "$root"
	tree "$root" intel "$ON" "$type" DMA-FQ
	unit "$root" dmar0
	device "$root" 0 0000:00:1c.0 8086:06b8 0604 dmar0
	device "$root" 1 0000:01:00.0 8086:15f0 0c03 dmar0 removable below=0000:00:1c.0
	target "$root" "mode=$1" "${@:2}"
}

reasons() {
	json '[.reasons[].code] | join(" ")'
}

@test "interrupts=remapped: a chip that says so is a match, others a mismatch, in strict and in pt" {
	local mode before
	for mode in strict pt; do
		machine $mode interrupts=remapped
		# In whatever order a directory has them: it is not the same one that comes first or last.
		for before in 0 3 17 40; do
			chips "$root" $(seq -f PCI-MSI-%g "$before") IR-PCI-MSIX-0000:01:00.0 IO-APIC XT-PIC DMAR-MSI \
				$(seq -f PCI-MSI-%g "$before" 40)
			verify "$root"
			expect 0 match $mode
		done
		chips "$root" IO-APIC XT-PIC PCI-MSI DMAR-MSI AIR-GPIO
		verify "$root"
		expect 2 mismatch $mode INTERRUPTS_NOT_REMAPPED
		target "$root" mode=$mode interrupts=any
		verify "$root"
		expect 0 match $mode
	done
}

@test "interrupts=remapped: without a chip's name nobody can tell, and the mode stays what it is" {
	machine pt interrupts=remapped
	verify "$root"
	expect 4 unknown pt EVIDENCE_MISSING
	[[ $(json '.reasons[0].message') == /sys/kernel/irq/* ]]
	mkdir -p "$root/sys/kernel/irq/9"
	verify "$root"
	expect 4 unknown pt EVIDENCE_MISSING
	: > "$root/sys/kernel/irq/9/chip_name"
	verify "$root"
	expect 4 unknown pt EVIDENCE_MISSING
	target "$root" mode=pt
	verify "$root"
	expect 0 match pt
}

@test "exposed=translated: a removable device in an identity group is a mismatch that names it" {
	machine pt exposed=translated
	verify "$root"
	expect 0 match pt
	echo identity > "$root/sys/kernel/iommu_groups/1/type"
	verify "$root"
	expect 2 mismatch pt EXPOSED_DEVICE
	[[ $(json '.reasons[0].message') == *0000:01:00.0* ]]
	target "$root" mode=pt
	verify "$root"
	expect 0 match pt
	# In strict it is a group that somebody wrote to, besides.
	machine strict exposed=translated
	echo identity > "$root/sys/kernel/iommu_groups/1/type"
	verify "$root"
	[ "$status $(reasons)" = "2 MIXED_GROUPS EXPOSED_DEVICE" ]
}

@test "exposed=translated: what is fixed, blocked or in no group is not exposed" {
	machine pt exposed=translated
	local device=$root/sys/bus/pci/devices/0000:01:00.0
	echo identity > "$root/sys/kernel/iommu_groups/1/type"
	for word in fixed unknown ""; do
		echo "$word" > "$device/removable"
		verify "$root"
		expect 0 match pt
	done
	echo removable > "$device/removable"
	echo blocked > "$root/sys/kernel/iommu_groups/1/type"
	verify "$root"
	expect 0 match pt
	rm "$device/iommu_group"
	verify "$root"
	expect 0 match pt
}

@test "exposed=translated: a kernel without the attribute, of no known version, or without devices can't tell" {
	machine pt exposed=translated
	for release in 5.10.0-32-amd64 5.13.0 next; do
		echo "$release" > "$root/proc/sys/kernel/osrelease"
		# These say nothing of what is removable. What kernels call removable is DMA there too: see evidence.
		echo identity > "$root/sys/kernel/iommu_groups/1/type"
		verify "$root"
		expect 4 unknown pt EVIDENCE_MISSING || { echo "$release"; return 1; }
	done
	echo 5.14.0 > "$root/proc/sys/kernel/osrelease"
	verify "$root"
	expect 2 mismatch pt EXPOSED_DEVICE
	rm -r "$root/sys/bus/pci"
	verify "$root"
	expect 4 unknown pt EVIDENCE_MISSING
}

@test "exposed=translated: an attribute that can't be read is no answer" {
	machine pt exposed=translated
	echo identity > "$root/sys/kernel/iommu_groups/1/type"
	rm "$root/sys/bus/pci/devices/0000:01:00.0/removable"
	mkdir "$root/sys/bus/pci/devices/0000:01:00.0/removable"
	verify "$root"
	expect 4 unknown pt EVIDENCE_MISSING
}

@test "both demands come behind unsafe interrupts and before the flush policy" {
	machine strict interrupts=remapped exposed=translated flush=sync
	rm -r "$root/sys/kernel/iommu_groups/1"
	device "$root" 2 0000:02:00.0 8086:15f0 0c03 dmar0 removable
	echo identity > "$root/sys/kernel/iommu_groups/2/type"
	chips "$root" PCI-MSI
	parameter "$root" vfio_iommu_type1 allow_unsafe_interrupts Y
	verify "$root"
	[ "$(reasons)" = "MIXED_GROUPS UNSAFE_INTERRUPTS INTERRUPTS_NOT_REMAPPED EXPOSED_DEVICE" ]
	rm -r "$root/sys/kernel/iommu_groups/2"
	verify "$root"
	[ "$(reasons)" = "UNSAFE_INTERRUPTS INTERRUPTS_NOT_REMAPPED FLUSH_MISMATCH" ]
}

@test "where the mode is another one the demands are said besides, and never in its place" {
	machine pt interrupts=remapped
	target "$root" mode=strict interrupts=remapped
	chips "$root" PCI-MSI
	verify "$root"
	[[ $status == 2 && $(reasons) == *" INTERRUPTS_NOT_REMAPPED" ]]
	# An off mode that is accepted for now demands nothing.
	rm -rf "$root"
	tree "$root" intel "intel_iommu=off"
	target "$root" mode=pt accept=off-for-uio interrupts=remapped exposed=translated
	chips "$root" PCI-MSI
	mkdir -p "$root/sys/bus/pci/devices"
	verify "$root"
	expect 0 match off-for-uio
}

# opened [LINE]: which files below /sys/kernel/irq and of which attribute a check opens, for a target with LINE.
opened() {
	machine pt "$@"
	chips "$root" IR-PCI-MSI
	strace -qq -e trace=open,openat,openat2 -o "$BATS_TEST_TMPDIR/trace" "$VERIFY" --root "$root" "--phase=$phase" \
		--quiet
	grep -oE 'sys/kernel/irq|/removable|bus/pci/devices' "$BATS_TEST_TMPDIR/trace" | sort -u | xargs
}

@test "without a demand none of it is opened, early or late; with one, only what it is about" {
	# Groups that agree: where they do not, the classifier asks what is removable by itself.
	local phase
	for phase in early late; do
		machine() {
			rm -rf "$root"
			tree "$root" intel "$ON" identity identity
			unit "$root" dmar0
			device "$root" 1 0000:01:00.0 8086:15f0 0c03 dmar0
			target "$root" "mode=$1" "${@:2}"
		}
		[ "$(opened)" = "" ]
		[ "$(opened interrupts=any exposed=any)" = "" ]
		[ "$(opened interrupts=remapped)" = "sys/kernel/irq" ]
		[ "$(opened exposed=translated)" = "/removable bus/pci/devices" ]
	done
}

@test "show says both without a demand, and that they are wrong with one" {
	show() {
		run -0 --separate-stderr "$INSTALLER" --root "$root" show --json
		json '[.checks[] | select(.name == "interrupts" or .name == "exposed") | .result] | join(" ")'
	}
	machine pt
	chips "$root" IR-PCI-MSI
	[ "$(show)" = "pass pass" ]
	chips "$root" PCI-MSI
	echo identity > "$root/sys/kernel/iommu_groups/1/type"
	[ "$(show)" = "warn warn" ]
	target "$root" mode=pt interrupts=remapped exposed=translated
	[ "$(show)" = "fail fail" ]
	chips "$root"
	echo 5.10.0 > "$root/proc/sys/kernel/osrelease"
	[ "$(show)" = "fail fail" ]
	# What can't be told and is not asked for is left out; --verbose says it.
	target "$root" mode=pt
	[ "$(show)" = "" ]
	run -0 --separate-stderr "$INSTALLER" --root "$root" show --verbose
	grep -E '/chip_name +.*unknown$' <<< "$output"
	grep -E '/removable +.*unknown$' <<< "$output"
}
