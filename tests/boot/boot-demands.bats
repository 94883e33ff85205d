#!/usr/bin/env bats
# What a target demands beside the mode, in the early phase: are the interrupts' chips and `removable` there before
# udev, and what do they say, on VT-d and AMD-Vi, with interrupt remapping and without.
bats_require_minimum_version 1.5.0

SUITES=${SUITES:-bullseye bookworm trixie sid}
PT="intel_iommu=on amd_iommu=on iommu=pt"

# The helper is all that runs in these images: nothing of udev's, or of a module's, comes before it.
setup_file() {
	load ../lib/trees
	load ../lib/vm
	load ../lib/images
	load ../lib/external-port
	external_port "$BATS_FILE_TMPDIR/table"
	cat > "$BATS_FILE_TMPDIR/init" <<-'END'
		#!/bin/sh
		mount -t proc proc /proc
		mount -t sysfs sysfs /sys
		mount -t devtmpfs dev /dev
		dmesg -n 1
		section() {
			echo "BEGIN $1"
			cat
			echo "END $1"
		}
		verdict() {
			printf '%s\n' mode=pt "$2" >/target
			{ iommu-verify --phase early --json --target /target; } | section "$1"
		}
		cat /sys/kernel/irq/*/chip_name | sed 's/-0000:.*//' | sort -u | xargs | section chips
		port=/sys/bus/pci/devices/0000:00:05.0
		outside=$(ls -d $port/0000:01:*)
		{
			for file in $port/removable $outside/removable $outside/iommu_group/type; do
				cat $file 2>/dev/null || echo -
			done
		} | xargs | section removable
		verdict plain '# nothing'
		verdict interrupts interrupts=remapped
		verdict exposed exposed=translated
		# No driver is bound to it. What the kernel allows is its own affair.
		echo identity 2>/dev/null >$outside/iommu_group/type
		cat $outside/iommu_group/type | section written
		verdict exposed-written exposed=translated
		poweroff -f
	END
	busybox_image "$BATS_FILE_TMPDIR/image" "$BATS_FILE_TMPDIR/init" usr/sbin/iommu-verify="$VERIFY"
}

setup() {
	load ../lib/trees
	load ../lib/vm
	load ../lib/kernels
	load ../lib/external-port
}

teardown() {
	vm_kill_all
}

# found SECTION: verdict and first reason.
found() {
	vm_section vm "$1" | jq -r '[.verdict, .effective.mode, (.reasons[0].code // "-")] | join(" ")'
}

# is SECTION WANTED [VALUE]: the section, or VALUE, is that; else `wrong` is one more.
is() {
	local got=${3-$(vm_section vm "$1")}
	[ "$got" = "$2" ] && return
	echo "$suite, $unit, intremap=$remap: $1 is '$got', wanted '$2'"
	wrong=$((wrong + 1))
}

# told SUITE intel|amd on|off: one boot, and all that it must show; what it does not is counted in `wrong`.
told() {
	local suite=$1 unit=$2 remap=$3 kernel chips old="" external
	external_port_args "$BATS_FILE_TMPDIR/table"
	kernel=$(debian_kernel "$suite")
	[[ $(< "$kernel/release") != 5.10.* ]] || old=yes
	boot vm --iommu none --kernel "$(kernel_image "$kernel")" --initrd "$BATS_FILE_TMPDIR/image" --append "$PT" \
		-- -device "$unit-iommu,intremap=$remap" "${external[@]}"
	chips=$(vm_section vm chips)
	echo "# $(< "$kernel/release") $unit intremap=$remap: chips $chips; removable: $(vm_section vm removable);" \
		"written: $(vm_section vm written) $(found exposed-written)" >&3
	is plain "match pt -" "$(found plain)"
	case $remap in
	on)
		is chips yes "$([[ $chips == *IR-* ]] && echo yes)"
		is interrupts "match pt -" "$(found interrupts)"
		;;
	off)
		is chips yes "$([[ $chips == *-* && $chips != *IR-* ]] && echo yes)"
		is interrupts "mismatch pt INTERRUPTS_NOT_REMAPPED" "$(found interrupts)"
		;;
	esac
	if [ "$old" ]; then
		# AMD-Vi does not look at what is outside yet: it passes through, and nobody can tell.
		is removable "- - $([ "$unit" = amd ] && echo identity || echo DMA)"
		is exposed "unknown pt EVIDENCE_MISSING" "$(found exposed)"
		is exposed-written "unknown pt EVIDENCE_MISSING" "$(found exposed-written)"
		return
	fi
	is removable "- removable DMA"
	is exposed "match pt -" "$(found exposed)"
	case $(vm_section vm written) in
	identity) is exposed-written "mismatch pt EXPOSED_DEVICE" "$(found exposed-written)" ;;
	*) is exposed-written "match pt -" "$(found exposed-written)" ;;
	esac
}

# bats test_tags=boot
@test "before udev the chips say whether interrupts are remapped, and what is outside is removable: two boots" {
	local wrong=0
	told bookworm intel on
	told bookworm amd off
	[ "$wrong" = 0 ]
}

# bats test_tags=full
@test "before udev the same is told by every kernel, on VT-d and AMD-Vi, with remapping and without" {
	local suite unit remap wrong=0 boots=0
	for suite in $SUITES; do
		for unit in intel amd; do
			for remap in on off; do
				told "$suite" "$unit" "$remap"
				boots=$((boots + 1))
			done
		done
	done
	[ "$wrong $boots" = "0 $((4 * $(wc -w <<< "$SUITES")))" ]
}
