#!/usr/bin/env bats
# Which mode show recommends where no target is: by what is seen in hand-made and recorded trees.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	root=$BATS_TEST_TMPDIR/root
}

# has PROGRAM...: they are installed in the tree.
has() {
	local program
	for program; do
		mkdir -p "$root${program%/*}"
		: > "$root$program"
	done
}

# recommends MODE [WORD]: with a reason that has the word.
recommends() {
	run -0 --separate-stderr "$INSTALLER" show --root "$root" --json
	"$BATS_TEST_DIRNAME/../tools/validate" show <<< "$output"
	[ "$(json .recommendation.mode)" = "$1" ] && [[ $(json .recommendation.why) == *"${2:-}"* ]] ||
		{ json .recommendation; return 1; }
	# At most two lines of it, and the mode is in both.
	run -0 "$INSTALLER" show --root "$root"
	[ "$(sed -n '/^advice:/,/^next boot:/p' <<< "$output" | grep -c "$1")" = 2 ]
	[ "$(sed -n '/^advice:/,/^next boot:/p' <<< "$output" | wc -l)" = 3 ]
}

in_vm() {
	printf 'vendor_id\t: GenuineIntel\nflags\t\t: fpu hypervisor\n' > "$root/proc/cpuinfo"
}

@test "a machine with nothing special gets strict, one that runs guests or DPDK gets pt" {
	tree "$root" intel "quiet" DMA DMA
	recommends strict
	has /usr/bin/dpdk-devbind.py
	recommends pt DPDK
	has /usr/sbin/virtqemud
	recommends pt libvirt
}

@test "external ports come before guests: by their controller, or by what is plugged in" {
	tree "$root" intel "quiet" DMA DMA
	has /usr/sbin/libvirtd
	mkdir -p "$root/sys/bus/thunderbolt/devices/domain0"
	recommends strict Thunderbolt
	rm -r "$root/sys/bus/thunderbolt"
	recommends pt
	unit "$root" dmar0
	device "$root" 1 0000:2c:00.0 144d:a808 0108 dmar0 removable
	recommends strict Thunderbolt
	echo fixed > "$root/sys/devices/pci0000:00/0000:2c:00.0/removable"
	recommends pt
}

@test "without an IOMMU: an off mode, by whether it is a virtual machine, has DPDK, and a kernel with noiommu" {
	tree "$root" none "quiet"
	recommends off-for-uio firmware
	in_vm
	recommends off-for-uio "virtual machine"
	has /usr/bin/dpdk-testpmd
	recommends off-for-uio "no noiommu"
	parameter "$root" vfio enable_unsafe_noiommu_mode N
	recommends off-for-vfio noiommu
	# With one it is a machine like others.
	: > "$root/sys/firmware/acpi/tables/DMAR"
	recommends pt DPDK
}

@test "no pt where no unit can pass through and the kernel knows that" {
	tree "$root" intel "quiet" DMA DMA
	unit "$root" dmar0 0
	has /usr/bin/qemu-system-x86_64
	recommends pt
	echo 6.12.0-test > "$root/proc/sys/kernel/osrelease"
	recommends strict
}

@test "where a target is, valid or not, nothing is recommended" {
	tree "$root" intel "quiet" DMA
	local line
	for line in mode=strict modus=strict; do
		target "$root" "$line"
		run -0 --separate-stderr "$INSTALLER" show --root "$root" --json
		[ "$(json .recommendation)" = null ]
		run -0 "$INSTALLER" show --root "$root"
		[[ $output != *advice:* ]]
	done
}

@test "recorded trees: virtual machines with and without an IOMMU" {
	tar -xf "$BATS_TEST_DIRNAME/../fixtures/bookworm-6.1.tar.xz" -C "$BATS_TEST_TMPDIR" ./intel/strict ./amd/pt \
		./none/nothing
	root=$BATS_TEST_TMPDIR/none/nothing
	recommends off-for-uio "virtual machine"
	for root in "$BATS_TEST_TMPDIR"/intel/strict "$BATS_TEST_TMPDIR"/amd/pt; do
		recommends strict
	done
}
