#!/usr/bin/env bats
# Which kernel gives which device another default domain than the rest: each choice on a release before it came or went
# and on one after. Read in the sources of Debian's 5.10.262, 6.1.192, 6.12.117 and 7.2.13, and of 5.11, 6.8 and 6.9;
# src/evidence/excuses.c names the functions.
bats_require_minimum_version 1.5.0

ON="intel_iommu=on amd_iommu=on"

setup() {
	load ../lib/trees
	root=$BATS_TEST_TMPDIR/root
}

# machine intel|amd KERNEL CMDLINE TYPE...: one unit; group 0 is a host bridge's, 1 a disk's, 2 a root port's.
machine() {
	local kind=$1 kernel=$2 unit=dmar0 bridge=8086:29c0
	shift 2
	[ "$kind" = intel ] || { unit=ivhd0 bridge=1022:1630; }
	rm -rf "$root"
	tree "$root" "$kind" "$@"
	echo "$kernel" > "$root/proc/sys/kernel/osrelease"
	unit "$root" "$unit"
	device "$root" 0 0000:00:00.0 "$bridge" 0600 "$unit"
	device "$root" 1 0000:00:17.0 144d:a808 0108 "$unit"
	device "$root" 2 0000:00:1c.0 8086:1901 0604 "$unit"
}

# wants MODE STATUS VERDICT EFFECTIVE [REASON]
wants() {
	target "$root" "mode=$1"
	verify "$root"
	shift
	expect "$@"
}

# mixed TEXT: no mode matches, and the message names this and no other group.
mixed() {
	local mode
	for mode in strict pt; do
		wants "$mode" 2 mismatch mixed MIXED_GROUPS
	done
	[ "$(json '.effective.outliers | length')" = 0 ]
	# shellcheck disable=SC2053 # a pattern
	[[ $(json '.reasons[0].message') == *"translated; "$1 ]] || { json '.reasons[0].message'; return 1; }
}

# outliers WHY GROUP...: those are tolerated for that.
outliers() {
	local why=$1 got
	shift
	got=$(json '.effective.outliers[] | "\(.group) \(.why)"' | sort | xargs)
	[ "$got" = "$(printf "%s $why\n" "$@" | sort | xargs)" ] || { echo "outliers: $got"; return 1; }
}

# built OPTION...: the kernel's configuration has these and no others.
built() {
	mkdir -p "$root/boot"
	printf '%s=y\n' CONFIG_PCI "$@" > "$root/boot/config-$(< "$root/proc/sys/kernel/osrelease")"
}

# --- Units without pass-through -------------------------------------------------------------------------------------

@test "a unit that can't pass through translates from 6.12 on; before it passes through in software" {
	local kernel
	for kernel in 6.1.0-50-amd64 6.11.10-amd64 test 6.12.107+deb13-amd64; do
		machine intel "$kernel" "$ON iommu=pt" DMA DMA DMA DMA DMA DMA identity
		unit "$root" dmar0 f00f1e
		for n in 3 4 5 6; do device "$root" $n "0000:00:1d.$n" 8086:1533 0200 dmar0; done
		# One unexplained group is no machine that passes through.
		mixed "group 6 (0000:00:1d.6)"
		# Beside a unit that can.
		machine intel "$kernel" "$ON iommu=pt" identity identity identity DMA
		unit "$root" dmar1 f00f1e
		device "$root" 3 0000:00:02.0 8086:0046 0300 dmar1
		case $kernel in
		6.12* | 7*) wants pt 0 match pt; outliers no-passthrough 3 ;;
		*) mixed "group 3 (0000:00:02.0)" ;;
		esac
		# All of them alike.
		machine intel "$kernel" "$ON iommu=pt" DMA DMA DMA
		unit "$root" dmar0 f00f1e
		wants strict 0 match strict
		case $kernel in
		6.12* | 7*) wants pt 2 mismatch strict PASSTHROUGH_IMPOSSIBLE ;;
		*) wants pt 2 mismatch strict KERNEL_OVERRIDE ;;
		esac
	done
	# What the line asks for comes first, and one unit that can is enough for another reason.
	machine intel 6.12.107+deb13-amd64 "$ON" DMA DMA DMA
	unit "$root" dmar0 f00f1e
	wants pt 2 mismatch strict TOKEN_MISSING
	machine intel 6.12.107+deb13-amd64 "$ON iommu=pt" DMA DMA DMA
	unit "$root" dmar1 f00f1e
	wants pt 2 mismatch strict KERNEL_OVERRIDE
}

# --- Displays -------------------------------------------------------------------------------------------------------

@test "igfx_off leaves every vendor's display untranslated, and its group, up to 6.9" {
	local kernel
	for kernel in 5.10.0-32-amd64 6.1.0-50-amd64 6.9.12-amd64 6.10.11-amd64 6.12.107+deb13-amd64 test; do
		machine intel "$kernel" "intel_iommu=on,igfx_off" DMA-FQ DMA-FQ identity
		# A root port, the NVIDIA card below it, and its sound.
		device "$root" 2 0000:01:00.0 10de:2184 0300 dmar0 below=0000:00:1c.0
		device "$root" 2 0000:01:00.1 10de:1aeb 0403 dmar0 below=0000:00:1c.0
		case $kernel in
		5* | 6.1.* | 6.9*) wants strict 0 match strict; outliers display 2 ;;
		*) wants strict 2 mismatch mixed MIXED_GROUPS ;;
		esac
	done
	for line in "intel_iommu=on intel_iommu=sm_on,igfx_off" "intel-iommu=igfx_off $ON"; do
		machine intel 6.1.0-50-amd64 "$line" DMA-FQ DMA-FQ DMA-FQ identity
		device "$root" 3 0000:06:00.0 1a03:2000 0300 dmar0 below=0000:00:1c.0
		wants strict 0 match strict
		outliers display 3
	done
	machine intel 6.1.0-50-amd64 "$ON -- intel_iommu=igfx_off" DMA-FQ DMA-FQ DMA-FQ identity
	device "$root" 3 0000:06:00.0 1a03:2000 0300 dmar0 below=0000:00:1c.0
	mixed "group 3 (0000:06:00.0)"
}

@test "chipsets whose graphics the kernel itself leaves untranslated, up to 6.9" {
	local id kernel
	for id in 2a40 0044; do
		for kernel in 6.1.0-50-amd64 6.12.107+deb13-amd64; do
			machine intel "$kernel" "$ON" DMA-FQ DMA-FQ DMA-FQ identity
			device "$root" 0 0000:00:00.0 "8086:$id" 0600 dmar0
			device "$root" 3 0000:01:00.0 1002:68e0 0300 dmar0 below=0000:00:1c.0
			case $kernel in
			6.1.*) wants strict 0 match strict; outliers display 3 ;;
			*) mixed "group 3 (0000:01:00.0)" ;;
			esac
		done
	done
	# Broadwell's and the Q35's own graphics are what the kernel looks for there.
	for id in 1616 163e 29b2; do
		machine intel 6.1.0-50-amd64 "$ON" DMA-FQ DMA-FQ DMA-FQ identity
		built
		device "$root" 3 0000:00:02.0 "8086:$id" 0300 dmar0
		wants strict 0 match strict
		outliers display 3
	done
	for id in 1610 1642 29b0; do
		machine intel 6.1.0-50-amd64 "$ON" DMA-FQ DMA-FQ DMA-FQ identity
		built
		device "$root" 3 0000:00:02.0 "8086:$id" 0300 dmar0
		mixed "group 3 (0000:00:02.0)"
	done
	# Ironlake: where the firmware has set no memory aside.
	machine intel 6.1.0-50-amd64 "$ON" DMA-FQ DMA-FQ DMA-FQ identity
	device "$root" 0 0000:00:00.0 8086:0040 0600 dmar0
	device "$root" 3 0000:01:00.0 10de:0a65 0300 dmar0 below=0000:00:1c.0
	wants strict 0 match strict
	printf '\x09' | dd of="$root/sys/devices/pci0000:00/0000:00:00.0/config" bs=1 seek=83 conv=notrunc status=none
	mixed "group 3 (0000:01:00.0)"
}

@test "CONFIG_INTEL_IOMMU_BROKEN_GFX_WA leaves displays untranslated; its image knows it without the configuration" {
	machine intel 6.1.0-50-amd64 "$ON" DMA-FQ DMA-FQ DMA-FQ identity
	device "$root" 3 0000:01:00.0 1002:68e0 0300 dmar0 below=0000:00:1c.0
	built CONFIG_INTEL_IOMMU_BROKEN_GFX_WA
	wants strict 0 match strict
	built
	mixed "group 3 (0000:01:00.0)"
	rm -r "$root/boot"
	mixed "group 3 (0000:01:00.0)"
	mkdir -p "$root/usr/lib/iommu-verify"
	target "$root" mode=strict
	printf '%s\n' kernel=6.1.0-50-amd64 enforce=no gfx-wa=yes > "$root/usr/lib/iommu-verify/image.conf"
	verify "$root" --phase early
	expect 0 match strict
	printf '%s\n' kernel=6.1.0-49-amd64 enforce=no gfx-wa=yes > "$root/usr/lib/iommu-verify/image.conf"
	verify "$root" --phase early
	expect 2 mismatch mixed MIXED_GROUPS
}

@test "a card that somebody put into identity is mixed: no igfx_off, no such chipset, no such kernel" {
	local kernel id
	for kernel in 6.9.12-amd64 6.12.107+deb13-amd64 test; do
		for id in 10de:2184 8086:56a0; do
			machine intel "$kernel" "$ON" DMA-FQ DMA-FQ DMA-FQ identity
			device "$root" 3 0000:03:00.0 "$id" 0300 dmar0 below=0000:00:1c.0
			mixed "group 3 (0000:03:00.0)"
		done
		# On the root bus it is integrated, but somebody else's.
		machine intel "$kernel" "$ON" DMA-FQ DMA-FQ DMA-FQ identity
		device "$root" 3 0000:00:02.0 1a03:2000 0300 dmar0
		mixed "group 3 (0000:00:02.0)"
		machine intel "$kernel" "intel_iommu=on,igfx_off" DMA-FQ DMA-FQ DMA-FQ identity
		device "$root" 3 0000:03:00.0 8086:1533 0200 dmar0 below=0000:00:1c.0
		mixed "group 3 (0000:03:00.0)"
	done
}

@test "Intel's own display is identity where the kernel's configuration or the line makes it so, or nobody can tell" {
	local line option verdict
	while IFS='|' read -r line option verdict; do
		machine intel 6.12.107+deb13-amd64 "$line" DMA-FQ DMA-FQ DMA-FQ identity
		device "$root" 3 0000:00:02.0 8086:3e92 0300 dmar0
		# shellcheck disable=SC2086 # none is none
		[ "$option" = unreadable ] || built $option
		echo "$line, $option"
		if [ "$verdict" = match ]; then
			wants strict 0 match strict
			outliers display 3
		else
			mixed "group 3 (0000:00:02.0)"
		fi
		# A discrete one is never.
		machine intel 6.12.107+deb13-amd64 "$line" DMA-FQ DMA-FQ DMA-FQ identity
		device "$root" 3 0000:03:00.0 8086:56a0 0300 dmar0 below=0000:00:1c.0
		mixed "group 3 (0000:03:00.0)"
	done <<-'EOF'
		quiet|CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF|match
		quiet|unreadable|match
		intel_iommu=on|unreadable|match
		quiet|CONFIG_INTEL_IOMMU_DEFAULT_ON|mixed
		intel_iommu=on|CONFIG_INTEL_IOMMU_DEFAULT_ON|mixed
		intel_iommu=on|CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF|mixed
		intel_iommu=on,intgpu_off||match
		intel_iommu=on intel_iommu=intgpu_off|CONFIG_INTEL_IOMMU_DEFAULT_ON|match
		intel_iommu=intgpu_off,on|CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF|mixed
		quiet -- intel_iommu=intgpu_off|CONFIG_INTEL_IOMMU_DEFAULT_ON|mixed
	EOF
}

@test "an image judges by what was known when it was built, as the running system does by the configuration" {
	local known status
	for known in yes:0 no:2 unknown:0; do
		machine intel 6.12.107+deb13-amd64 "quiet" DMA-FQ DMA-FQ DMA-FQ identity
		device "$root" 3 0000:00:02.0 8086:3e92 0300 dmar0
		target "$root" mode=strict
		mkdir -p "$root/usr/lib/iommu-verify"
		printf '%s\n' kernel=6.12.107+deb13-amd64 enforce=no "igfx-identity=${known%:*}" \
			> "$root/usr/lib/iommu-verify/image.conf"
		verify "$root" --phase early
		[ "$status" = "${known#*:}" ] || { echo "$known: $output"; return 1; }
	done
	machine intel 6.12.107+deb13-amd64 "quiet" identity identity identity
	target "$root" mode=strict
	mkdir -p "$root/usr/lib/iommu-verify"
	echo "kernel=6.12.107+deb13-amd64
enforce=no
default-passthrough=yes" > "$root/usr/lib/iommu-verify/image.conf"
	verify "$root" --phase early
	[[ $(json '.reasons[0].message') == *"default is passthrough"* ]]
}

@test "Intel's image processor is identity on Ubuntu's kernels, whose patch does that, and on no other" {
	local kernel
	for kernel in 6.8.0-45-generic 6.8.0-1014-oem 6.1.0-50-amd64 6.8.9-300.fc40.x86_64 7.2.13+deb14-amd64; do
		machine intel "$kernel" "$ON" DMA-FQ DMA-FQ DMA-FQ identity
		device "$root" 3 0000:00:05.0 8086:9a19 0480 dmar0
		case $kernel in
		*-generic | *-oem) wants strict 0 match strict; outliers class-0480 3 ;;
		*) mixed "group 3 (0000:00:05.0)" ;;
		esac
	done
}

# --- PASID ----------------------------------------------------------------------------------------------------------

@test "a virtual function is asked for its physical function's PASID from 6.8 on" {
	local kernel
	for kernel in 6.7.12-amd64 test 6.8.12-amd64 7.2.13+deb14-amd64; do
		machine amd "$kernel" "$ON" DMA-FQ DMA-FQ DMA-FQ identity identity identity
		device "$root" 3 0000:41:00.0 1dd8:1003 0200 ivhd0 ats pri pasid below=0000:00:1c.0
		device "$root" 4 0000:41:00.1 1dd8:1003 0200 ivhd0 below=0000:00:1c.0 vf=0000:41:00.0
		device "$root" 5 0000:41:00.2 1dd8:1003 0200 ivhd0 below=0000:00:1c.0 vf=0000:41:00.0
		case $kernel in
		6.8* | 6.12* | 7*) wants strict 0 match strict; outliers pasid 3 4 5 ;;
		*) mixed "group 4 (0000:41:00.1), group 5 (0000:41:00.2)" ;;
		esac
		# Of a physical function without it.
		machine amd "$kernel" "$ON" DMA-FQ DMA-FQ DMA-FQ DMA-FQ identity
		device "$root" 3 0000:41:00.0 15b3:1017 0200 ivhd0 ats below=0000:00:1c.0
		device "$root" 4 0000:41:00.1 15b3:1018 0200 ivhd0 ats below=0000:00:1c.0 vf=0000:41:00.0
		mixed "group 4 (0000:41:00.1)"
		# Nobody without the right to read it can tell.
		case $kernel in
		6.8* | 6.12* | 7*) truncate -s 64 "$root/sys/devices/pci0000:00/0000:00:1c.0/0000:41:00.0/config"
			wants strict 4 unknown unknown EVIDENCE_MISSING ;;
		esac
		# Behind an Intel unit there is no such rule.
		machine intel "$kernel" "$ON" DMA-FQ DMA-FQ DMA-FQ DMA-FQ identity
		device "$root" 3 0000:41:00.0 8086:1592 0200 dmar0 ats pasid below=0000:00:1c.0
		device "$root" 4 0000:41:00.1 8086:1889 0200 dmar0 below=0000:00:1c.0 vf=0000:41:00.0
		mixed "group 4 (0000:41:00.1)"
	done
}

@test "before 6.8 PASID counts with page requests and ATS only, and always behind a unit with GT and PPR" {
	local kernel caps features verdict
	while IFS='|' read -r kernel caps features verdict; do
		machine amd "$kernel" "$ON" DMA-FQ DMA-FQ DMA-FQ identity
		unit "$root" ivhd0 "$features"
		# shellcheck disable=SC2086 # words
		device "$root" 3 0000:03:00.0 1002:744c 0300 ivhd0 $caps below=0000:00:1c.0
		echo "$kernel, $caps, $features"
		case $verdict in
		match) wants strict 0 match strict; outliers pasid 3 ;;
		*) mixed "group 3 (0000:03:00.0)" ;;
		esac
	done <<-'EOF'
		5.10.0-32-amd64|ats pri pasid|12|match
		6.1.0-50-amd64|ats pri pasid|0:12|match
		6.1.0-50-amd64|pasid|0:12|mixed
		6.1.0-50-amd64|ats pasid|0:12|mixed
		6.1.0-50-amd64|pri pasid|0:12|mixed
		6.1.0-50-amd64|ats pri|0:12|mixed
		6.1.0-50-amd64|ats pri pasid|12:0|mixed
		5.10.0-32-amd64|ats pri pasid|2|mixed
		5.10.0-32-amd64|ats pri pasid|10|mixed
		6.7.12-amd64|pasid|12|mixed
		test|pasid|12|mixed
		test|ats pri pasid|12|match
		6.8.12-amd64|pasid|12|match
		6.8.12-amd64|pasid|2|mixed
		6.8.12-amd64|ats pri|12|mixed
		7.2.13+deb14-amd64|pasid|12:0|match
		7.2.13+deb14-amd64|pasid|0:12|mixed
	EOF
}

@test "PASID does not count where the line isolates by force or hides ATS, nor with memory encryption" {
	local kernel line
	for kernel in 6.1.0-50-amd64 6.12.107+deb13-amd64; do
		for line in amd_iommu=force_isolation amd_iommu=pgtbl_v1,force_isolation pci=noats pci=nomsi,noats \
			mem_encrypt=on "mem_encrypt=on mem_encrypt=off" "-- amd_iommu=force_isolation"; do
			machine amd "$kernel" "$ON $line" DMA-FQ DMA-FQ DMA-FQ identity
			printf 'vendor_id\t: AuthenticAMD\nflags\t\t: fpu sme sev\n' > "$root/proc/cpuinfo"
			device "$root" 3 0000:03:00.0 1002:744c 0300 ivhd0 ats pri pasid below=0000:00:1c.0
			echo "$kernel, $line"
			case $kernel,$line in
			6.12*,pci=*) wants strict 0 match strict ;; # it asks for PASID alone
			*,mem_encrypt=*off | *,--*) wants strict 0 match strict ;;
			*) mixed "group 3 (0000:03:00.0)" ;;
			esac
		done
		# A processor that can't encrypt does not, whatever the line says.
		machine amd "$kernel" "$ON mem_encrypt=on" DMA-FQ DMA-FQ DMA-FQ identity
		device "$root" 3 0000:03:00.0 1002:744c 0300 ivhd0 ats pri pasid below=0000:00:1c.0
		wants strict 0 match strict
	done
}

# --- What is plugged in ---------------------------------------------------------------------------------------------

# dock KIND KERNEL TYPE_OF_USB: an Alpine Ridge dock below the root port: a bridge in group 3, its USB in 4.
dock() {
	local unit=dmar0
	[ "$1" = intel ] || unit=ivhd0
	machine "$1" "$2" "$ON iommu=pt" identity identity identity DMA "$3"
	device "$root" 3 0000:3a:00.0 8086:15ef 0604 "$unit" below=0000:00:1c.0
	device "$root" 4 0000:3b:00.0 8086:15f0 0c03 "$unit" below=0000:00:1c.0/0000:3a:00.0
}

@test "without a removable attribute, before 5.14, what is below one root port and agrees is a dock's" {
	local kernel
	for kernel in 5.10.0-32-amd64 5.13.19-amd64 5.14.21-amd64 6.1.0-50-amd64 test; do
		dock intel "$kernel" DMA
		case $kernel in
		5.10* | 5.13*) wants pt 0 match pt; outliers behind-port 3 4 ;;
		*) mixed "group 3 (0000:3a:00.0), group 4 (0000:3b:00.0)" ;;
		esac
		# They disagree: somebody's hand.
		dock intel "$kernel" identity
		mixed "group 3 (0000:3a:00.0)"
		# On the root bus there is no port.
		machine intel "$kernel" "$ON iommu=pt" identity identity DMA
		mixed "group 2 (0000:00:1c.0)"
	done
	# Nobody asked on AMD machines before 5.11.
	dock amd 5.10.0-32-amd64 DMA
	mixed "group 3 (0000:3a:00.0), group 4 (0000:3b:00.0)"
	dock amd 5.11.22-amd64 DMA
	wants pt 0 match pt
	# With the attribute it is what counts.
	dock intel 6.1.0-50-amd64 DMA
	echo removable > "$root/sys/devices/pci0000:00/0000:00:1c.0/0000:3a:00.0/removable"
	echo removable > "$root/sys/devices/pci0000:00/0000:00:1c.0/0000:3a:00.0/0000:3b:00.0/removable"
	wants pt 0 match pt
	outliers removable 3 4
}

@test "a tie names both sides, and where either could be the rule what is special of them" {
	machine intel 6.1.0-50-amd64 "$ON iommu=pt" identity DMA
	rm -rf "$root/sys/kernel/iommu_groups/2" "$root/sys/devices/pci0000:00/0000:00:1c.0"
	mixed "group 0 (0000:00:00.0), group 1 (0000:00:17.0)"
	machine intel 6.1.0-50-amd64 "$ON" identity DMA DMA
	rm -rf "$root"/sys/kernel/iommu_groups/*/devices
	device "$root" 0 0000:00:02.0 8086:3e92 0300 dmar0
	device "$root" 1 0000:3b:00.0 8086:15d9 0c03 dmar0 removable
	device "$root" 2 0000:3c:00.0 8086:15d9 0c03 dmar0 removable
	mixed "group 0 (0000:00:02.0: display)"
}

@test "one guilty group is named beside excused ones, and among five hundred" {
	local n
	machine amd 7.2.13+deb14-amd64 "$ON" $(printf 'DMA-FQ %.0s' {0..500}) identity
	for n in $(seq 3 499); do
		echo identity > "$root/sys/kernel/iommu_groups/$n/type"
		mkdir -p "$root/sys/kernel/iommu_groups/$n/devices"
		ln -s "../../../../devices/pci0000:00/0000:41:00.0" \
			"$root/sys/kernel/iommu_groups/$n/devices/0000:41:$n.0"
	done
	mkdir -p "$root/sys/devices/pci0000:00/0000:41:00.0"
	device "$root" 500 0000:41:00.0 1dd8:1003 0200 ivhd0 pasid
	device "$root" 501 0000:42:00.0 8086:1533 0200 ivhd0
	echo identity > "$root/sys/kernel/iommu_groups/500/type"
	wants strict 2 mismatch mixed MIXED_GROUPS
	[[ $(json '.reasons[0].message') == *"translated; group 501 (0000:42:00.0)" ]]
}

@test "a group with two demands gets what neither asks for: no excuse" {
	# amd_iommu_def_domain_type(): PASID and, beside it in the group, what is plugged in
	machine amd 6.1.0-50-amd64 "$ON" DMA-FQ DMA-FQ DMA-FQ identity
	device "$root" 3 0000:03:00.0 1002:744c 0300 ivhd0 ats pri pasid below=0000:00:1c.0
	wants strict 0 match strict
	device "$root" 3 0000:03:00.1 1002:ab30 0403 ivhd0 removable below=0000:00:1c.0
	mixed "group 3 (0000:03:00.*"
	machine amd 6.1.0-50-amd64 "$ON iommu=pt" identity identity identity DMA
	device "$root" 3 0000:03:00.1 1002:ab30 0403 ivhd0 removable below=0000:00:1c.0
	wants pt 0 match pt
	device "$root" 3 0000:03:00.0 1002:744c 0300 ivhd0 ats pri pasid below=0000:00:1c.0
	mixed "group 3 (0000:03:00.*"
	# Who is plugged in is translated, whatever else it is: one demand.
	machine intel 6.1.0-50-amd64 "intel_iommu=on,igfx_off iommu=pt" identity identity identity DMA
	device "$root" 3 0000:3b:00.0 10de:2184 0300 dmar0 removable below=0000:00:1c.0
	wants pt 0 match pt
	outliers removable 3
}

# --- No unit at all -------------------------------------------------------------------------------------------------

@test "an mdev's group, without a name as on 5.10, is no sign of an IOMMU" {
	local kernel
	for kernel in 5.10.0-32-amd64 6.1.0-50-amd64; do
		rm -rf "$root"
		tree "$root" none "intel_iommu=off amd_iommu=off" unknown
		rm -rf "$root/sys/class/iommu/"*
		echo "$kernel" > "$root/proc/sys/kernel/osrelease"
		wants off-for-uio 0 match off-for-uio
		wants strict 2 mismatch off-for-uio FIRMWARE_OFF
	done
}

@test "Xen has an AMD machine's IOMMU too, though its dom0 sees the table" {
	rm -rf "$root"
	tree "$root" amd "$ON"
	mkdir -p "$root/sys/hypervisor/properties"
	echo 00002f05 > "$root/sys/hypervisor/properties/features"
	wants strict 2 mismatch off-for-uio FIRMWARE_OFF
	[[ $(json '.reasons[0].message + .reasons[0].hint') == *Xen*"Xen's own command line"* ]]
	echo 00002705 > "$root/sys/hypervisor/properties/features" # a guest
	wants strict 2 mismatch off-for-uio KERNEL_OFF
}

@test "where the firmware's tables can't be seen the line is blamed, and nobody is sent to the firmware" {
	local line code
	while IFS='|' read -r line code; do
		rm -rf "$root"
		tree "$root" none "$line"
		rm -r "$root/sys/firmware"
		wants pt 2 mismatch off-for-uio "$code"
		[[ $(json '.reasons[0].hint') != *firmware\ setup* ]]
	done <<-'EOF'
		intel_iommu=off amd_iommu=off|TOKEN_MISSING
		intel_iommu=on iommu=off|TOKEN_OVERRIDDEN
		intel_iommu=enable|TOKEN_INVALID
		quiet|TOKEN_MISSING
		iommu=pt|TOKEN_MISSING
		intel_iommu=on iommu=pt|KERNEL_OFF
	EOF
	# Without ACPI there are none to see.
	rm -rf "$root"
	tree "$root" none "$ON acpi=off"
	rm -r "$root/sys/firmware"
	wants pt 2 mismatch off-for-uio FIRMWARE_OFF
}

@test "iommu=pt switches nothing on, tboot and iommu=soft are named, and off that nobody chose is just off" {
	rm -rf "$root"
	tree "$root" intel "quiet iommu=pt"
	wants pt 2 mismatch off-for-uio TOKEN_MISSING
	[[ $(json '.reasons[0].message') == "'iommu=pt' is on the line"* ]]
	rm -rf "$root"
	tree "$root" intel "intel_iommu=off" DMA
	wants off-for-uio 2 mismatch strict KERNEL_OVERRIDE
	[[ $(json '.reasons[0].hint') == *intel_iommu=tboot_noforce* ]]
	rm -rf "$root"
	tree "$root" amd "amd_iommu=off" DMA
	wants off-for-uio 2 mismatch strict KERNEL_OVERRIDE
	[[ $(json '.reasons[0].hint') != *tboot* ]]
	rm -rf "$root"
	tree "$root" amd "iommu=soft" DMA
	wants off-for-uio 2 mismatch strict TOKEN_MISSING
	[[ $(json '.reasons[0].message') == "'iommu=soft'"* ]]
	rm -rf "$root"
	tree "$root" none "quiet"
	run -6 "$VERIFY" --root "$root"
	[[ $output == *"effective:  off (units: none"* ]]
	target "$root" mode=off-for-uio
	run -0 "$VERIFY" --root "$root"
	[[ $output == *"effective:  off-for-uio (units: none"* ]]
}

@test "every combination of unit, device, line, configuration and kernel is judged as that kernel's own code chooses" {
	local src=$BATS_TEST_DIRNAME/../../src
	cc -O2 -std=c11 -D_GNU_SOURCE -I"$src" -ffunction-sections -Wl,--gc-sections -o "$BATS_TEST_TMPDIR/model" \
		"$BATS_TEST_DIRNAME/../tools/kernel-model.c" \
		"$src"/evidence/{classify,evidence,excuses,groups,pci-device}.c \
		"$src"/model/{cmdline-words,image-conf,kernel-parameters,mode}.c "$src"/base/{json,keyval}.c
	run -0 "$BATS_TEST_TMPDIR/model"
	echo "# $output" >&3
	[[ $output == *" combinations, 0 disagreements, "* ]]
	[ "${output%% *}" -ge 1000000 ]
}
