#!/usr/bin/env bats
# Machines from public reports (fixtures/reports): each becomes a tree, and is judged as the real one would be. And the
# tool that makes a tree of what people paste.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	PASTE=$BATS_TEST_DIRNAME/../tools/paste-to-tree
	REPORTS=$BATS_TEST_DIRNAME/../fixtures/reports
	root=$BATS_TEST_TMPDIR/root
}

@test "each machine of a public report has the mode and, for each target, the reason that the kernel's rules give" {
	run "$PASTE" --judge "$VERIFY" "$REPORTS"/*.txt
	grep '^wrong' <<< "$output" && return 1
	[ "$status" = 0 ]
	echo "# ${#lines[@]} machines" >&3
	[ "${#lines[@]}" -ge 90 ]
}

@test "each report says where it is from, and has nothing of its owner's in it" {
	local file
	for file in "$REPORTS"/*.txt; do
		grep -qE '^@from https://[^ ]+$' "$file" && grep -qE '^@machine .' "$file" &&
			grep -qE '^@expect ([^ ]+ ){4}[^ ]+$' "$file" || { echo "$file" && return 1; }
	done
	[ "$(sed -n 's/^@from //p' "$REPORTS"/*.txt | sort -u | wc -l)" -ge 60 ]
	# UUIDs, MAC and e-mail addresses, names of machines before a prompt, roots and homes.
	run ! grep -EiH -e '[0-9a-f]{8}-[0-9a-f]{4}-' -e '([0-9a-f]{2}:){5}[0-9a-f]{2}' -e '[a-z]@[a-z0-9-]*[:.]' \
		-e 'root=/dev|root=UUID|/home/' "$REPORTS"/*.txt
}

@test "a report with another expectation is found" {
	cp "$REPORTS/apu2-debian-9.txt" "$BATS_TEST_TMPDIR/report.txt"
	sed -i 's/^@expect strict/@expect pt/' "$BATS_TEST_TMPDIR/report.txt"
	run -1 "$PASTE" --judge "$VERIFY" "$BATS_TEST_TMPDIR/report.txt"
	[[ $output == *"wrong: "*"expected pt "*"got strict "* ]]
	sed -i '/^@expect/d' "$BATS_TEST_TMPDIR/report.txt"
	run -1 "$PASTE" --judge "$VERIFY" "$BATS_TEST_TMPDIR/report.txt"
}

# has PATH TEXT: the tree's file.
has() {
	[ "$(< "$root/$1")" = "$2" ] || { echo "$1: $(< "$root/$1")" && return 1; }
}

# in_group GROUP ADDRESS ID CLASS: the device is there, in that group.
in_group() {
	local device=$root/sys/kernel/iommu_groups/$1/devices/$2
	[ "$(< "$device/vendor"):$(< "$device/device") $(< "$device/class")" = "0x${3%:*}:0x${3#*:} 0x${4}00" ]
	[ "$(readlink -f "$device/iommu_group")" = "$(readlink -f "$root/sys/kernel/iommu_groups/$1")" ]
}

@test "what people paste becomes a tree: prompts, group listings, dmesg, lspci" {
	"$PASTE" "$root" <<-'END'
		user@host:~$ uname -r
		6.1.0-32-amd64
		user@host:~$ cat /proc/cmdline
		ro quiet intel_iommu=on iommu=pt
		[    0.017] ACPI: DMAR 0x000000004FFCB000 0000A8 (v01)
		[    0.248] DMAR: dmar0: reg_base_addr fed90000 ver 1:0 cap 1c0000c40660462 ecap 7e3ff0505e
		[    0.249] DMAR: dmar1: reg_base_addr fed91000 ver 1:0 cap d2008c40660462 ecap f050da
		[    0.303] iommu: Default domain type: Passthrough (set via kernel command line)
		[    0.400] pci 0000:00:14.0: Adding to iommu group 3
		[    0.401] iommu: Adding device 0000:00:14.2 to group 3
		[    0.402] platform MSFT0201:00: Adding to iommu group 9
		IOMMU Group 0 00:00.0 Host bridge [0600]: Some Name [8086:191f] (rev 07)
		IOMMU Group 1:
			00:01.0 PCI bridge [0604]: Some Name [8086:1901]
			01:00.0 VGA compatible controller [0300]: NVIDIA TU116 [GeForce] [10de:2184] (rev a1)
		/sys/kernel/iommu_groups/4/devices/0000:05:00.0
		/sys/kernel/iommu_groups/4/type:DMA
		05:00.0 Ethernet controller [0200]: Some Name [8086:1592] (rev 02)
			Subsystem: Another [1028:0001]
			Capabilities: [140 v1] Process Address Space ID (PASID)
			Capabilities: [150 v1] Page Request Interface (PRI)
			Capabilities: [160 v1] Address Translation Service (ATS)
		00:14.0 USB controller [0c03]: Some Name [8086:a12f]
	END
	has proc/sys/kernel/osrelease 6.1.0-32-amd64
	has proc/cmdline "ro quiet intel_iommu=on iommu=pt"
	[ -e "$root/sys/firmware/acpi/tables/DMAR" ]
	[ "$(ls "$root/sys/class/iommu")" = $'dmar0\ndmar1' ]
	has sys/class/iommu/dmar0/intel-iommu/ecap 7e3ff0505e
	in_group 0 0000:00:00.0 8086:191f 0600
	in_group 1 0000:00:01.0 8086:1901 0604
	in_group 1 0000:01:00.0 10de:2184 0300
	in_group 3 0000:00:14.0 8086:a12f 0c03
	in_group 4 0000:05:00.0 8086:1592 0200
	[ -L "$root/sys/kernel/iommu_groups/3/devices/0000:00:14.2" ]
	[ -L "$root/sys/kernel/iommu_groups/9/devices/MSFT0201:00" ]
	has sys/kernel/iommu_groups/1/type identity
	has sys/kernel/iommu_groups/4/type DMA
	# The three capabilities, each at the place that the one before it names.
	run -0 od -An -v -w16 -tx4 -j 256 -N 64 "$root/sys/bus/pci/devices/0000:05:00.0/config"
	[ "$(awk '{ print $1 }' <<< "$output" | xargs)" = "1101000d 1201000f 1301001b 00010013" ]
}

@test "what nobody pastes is told by lines with an at sign, and what is not understood is refused" {
	"$PASTE" "$root" <<-'END'
		@kernel 6.8.0
		@line quiet
		@unit ivhd0
		@features 206d73ef22254ade
		@type DMA-FQ
		0 identity 0000:41:00.0 [0200] [1022:1458]
		1 DMA-FQ 0000:42:00.0 [0c03] [8086:15f0]
		2 DMA-FQ 0000:43:00.0 [0108] [144d:a808]
		@caps 41:00.0 pasid
		@vf 41:00.1 41:00.0
		@removable 42:00.0
		@below 00:1c.0 42:00.0
		@config CONFIG_VFIO_NOIOMMU=y
		@parameter vfio enable_unsafe_noiommu_mode N
		@xen
		@hypervisor
		@file dev/kmsg one line
	END
	has sys/class/iommu/ivhd0/amd-iommu/features 206d73ef22254ade
	[ "$(realpath "$root/sys/bus/pci/devices/0000:41:00.1/physfn")" = \
		"$(realpath "$root/sys/bus/pci/devices/0000:41:00.0")" ]
	has sys/devices/pci0000:00/0000:00:1c.0/0000:42:00.0/removable removable
	has boot/config-6.8.0 CONFIG_VFIO_NOIOMMU=y
	has sys/module/vfio/parameters/enable_unsafe_noiommu_mode N
	has sys/hypervisor/type xen
	has dev/kmsg "one line"
	grep -q hypervisor "$root/proc/cpuinfo"
	[ -e "$root/sys/firmware/acpi/tables/IVRS" ]
	run -1 "$PASTE" "$root-2" <<< '@kernle 6.1'
	[[ $output == *"@kernle 6.1: not understood"* ]]
	run -1 "$PASTE" "$root-3" <<< $'@kernel 6.1\n@line quiet\nIOMMU Group 0 00:00.0 [0600]: [8086:191f]'
	[[ $output == *"type of group 0"* ]]
	run -1 "$PASTE" "$root-4" <<< 'IOMMU Group 0 00:00.0 [0600]: [8086:191f]'
	[[ $output == *"no kernel or no command line"* ]]
}

@test "show --report and show --groups of a tree become a tree that is judged alike" {
	local effective
	"$PASTE" "$REPORTS/tiger-lake-xps-ipu6.txt" "$root"
	verify "$root"
	effective=$(json '.effective | .mode, .units[]' | xargs)
	{
		"$INSTALLER" show --root "$root" --report
		"$INSTALLER" show --root "$root" --groups | grep -A 99 '^groups:' | grep -B 99 -m 1 '^target:'
		echo "@removable 01:00.0 02:02.0 03:00.0"
	} > "$BATS_TEST_TMPDIR/pasted"
	"$PASTE" "$BATS_TEST_TMPDIR/pasted" "$root-2"
	diff <(cat "$root/sys/kernel/iommu_groups"/*/type) <(cat "$root-2/sys/kernel/iommu_groups"/*/type)
	diff "$root/proc/cmdline" "$root-2/proc/cmdline"
	verify "$root-2"
	[ "$(json '.effective | .mode, .units[]' | xargs)" = "$effective" ]
	[ "$(json '.effective.outliers | length')" = 3 ]
}
