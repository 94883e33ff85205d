#!/usr/bin/env bats
# `explain`: near misses, what parameters do that decide nothing about the mode, the kernel it judges by, codes, JSON.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	VALIDATE=$BATS_TEST_DIRNAME/../tools/validate
	root=$BATS_TEST_TMPDIR/root
	cd "$BATS_TEST_TMPDIR"
	tree "$root" intel ""
}

# explained [OPTION]... LINE: $output is the object of it, as kernel 6.1 reads it.
explained() {
	run -0 --separate-stderr "$INSTALLER" explain --root "$root" --json "$@"
	"$VALIDATE" explain <<< "$output"
}

# said VENDOR: "parameter|effect|miss" of each, joined by blanks.
said() {
	json ".$1.parameters | map(.parameter + \"|\" + .effect + \"|\" + (.miss // \"-\")) | join(\" \")"
}

# tells LINE WHAT...: of that line and nothing else VENDOR, as said() has it, or MODE. On Intel, unless it is AMD's.
tells() {
	local vendor=intel
	[[ ${1,,} != *amd_iommu* ]] || vendor=amd
	explained "$1"
	shift
	[ "$(said $vendor)" = "$*" ] || { said $vendor; return 1; }
}

@test "near misses of the key: capital letters, letters that are missing, a list's and a boolean's" {
	tells IOMMU=pt 'IOMMU=pt|near-pt|case'
	tells INTEL_IOMMU=on 'INTEL_IOMMU=on|near-on|case'
	tells Intel_Iommu=off 'Intel_Iommu=off|near-off|case'
	tells AMD_IOMMU=off 'AMD_IOMMU=off|near-off|case'
	tells iommu.passtrough=1 'iommu.passtrough=1|near-pt|misspelt'
	tells iommu.pasthrough=0 'iommu.pasthrough=0|near-nopt|misspelt'
	tells IOMMU.passthrough=1 'IOMMU.passthrough=1|near-pt|case'
	tells intel_immou=on 'intel_immou=on|near-on|misspelt'
}

@test "near misses by blanks around the equals sign are told as one, and nothing behind them is swallowed" {
	tells 'intel_iommu = on iommu = pt' 'intel_iommu = on|near-on|blanks iommu = pt|near-pt|blanks'
	tells 'iommu= pt quiet' 'iommu= pt|near-pt|blanks'
	tells 'iommu =pt iommu=nopt' 'iommu =pt|near-pt|blanks iommu=nopt|nopt|-'
	[ "$(json .intel.mode)" = strict ]
	tells 'intel_iommu= online=1 iommu=pt' 'intel_iommu=|near-on|no-value iommu=pt|pt|-'
	tells 'iommu= iommu=pt' 'iommu=|unknown|no-value iommu=pt|pt|-'
	tells 'intel_iommu' 'intel_iommu|near-on|no-value'
	tells 'quiet intel_iommu -- iommu = pt' 'intel_iommu|near-on|no-value iommu = pt|init|blanks'
	tells 'amd_iommu' 'amd_iommu|unknown|no-value'
}

@test "a parameter that is stuck to another one is told, with what the kernel makes of the whole" {
	tells 'quiet;iommu=pt' 'iommu=pt|near-pt|stuck'
	tells 'intel_iommu=on;iommu=pt' 'intel_iommu=on;iommu=pt|on|- iommu=pt|near-pt|stuck'
	[ "$(json .intel.mode)" = strict ]
	tells 'intel_iommu=on,iommu=pt' 'intel_iommu=on|on|- iommu=pt|near-pt|stuck'
	tells 'amd_iommu=on,iommu=pt' 'amd_iommu=on|wish-on|- iommu=pt|near-pt|stuck'
	tells ';iommu=pt' 'iommu=pt|near-pt|stuck'
	tells 'iommu=pt;' 'iommu=pt;|pt|-' # which the kernel takes
	tells 'GRUB_CMDLINE=1;quiet' ''
}

@test "a setting that was pasted is explained as the line in it, and named" {
	local pasted
	for pasted in 'GRUB_CMDLINE_LINUX="quiet intel_iommu=on iommu=pt" # mine; iommu=nopt' \
		"GRUB_CMDLINE_LINUX_DEFAULT='intel_iommu=on iommu=pt'" \
		'GRUB_CMDLINE_LINUX=intel_iommu=on iommu=pt' 'options root=/dev/sda1 intel_iommu=on iommu=pt' \
		'export GRUB_CMDLINE_LINUX+="intel_iommu=on iommu=pt"' \
		'Kernel command line: intel_iommu=on iommu=pt'; do
		explained "$pasted"
		[ "$(json .setting)" != null ]
		[[ "$(said intel)" == 'intel_iommu=on|on|- iommu=pt|pt|-' ]] || { echo "$pasted: $output"; return 1; }
	done
	explained 'GRUB_CMDLINE_LINUX="iommu=pt"'
	[ "$(json '.setting, .line, .bytes' | xargs)" = "GRUB_CMDLINE_LINUX iommu=pt 8" ]
	run -0 "$INSTALLER" explain --root "$root" 'GRUB_CMDLINE_LINUX="iommu=pt"'
	[[ ${lines[0]} == GRUB_CMDLINE_LINUX* ]]
	# On the running line it is a word that the kernel does not know.
	echo 'GRUB_CMDLINE_LINUX="intel_iommu=on iommu=pt"' > "$root/proc/cmdline"
	explained
	[ "$(json .setting)" = null ]
	[ "$(said intel)" = 'intel_iommu=on|near-on|stuck iommu=pt|near-pt|stuck' ]
	# Words of the line that only begin like a setting.
	explained 'options.x=1 iommu=pt'
	[ "$(json .setting)" = null ]
}

@test "what decides nothing about the mode, and matters all the same, is told for what it does" {
	tells vfio_iommu_type1.allow_unsafe_interrupts=1 \
		'vfio_iommu_type1.allow_unsafe_interrupts=1|unsafe-interrupts|-'
	tells iommufd.allow_unsafe_interrupts=N 'iommufd.allow_unsafe_interrupts=N|no-unsafe-interrupts|-'
	tells 'iommu.strict=1 iommu.strict=0' 'iommu.strict=1|sync|- iommu.strict=0|lazy|-'
	tells amd_iommu=fullflush 'amd_iommu=fullflush|sync|-'
	tells intel_iommu=igfx_off,sm_on,strict,tboot_noforce \
		'intel_iommu=igfx_off|no-graphics|- intel_iommu=sm_on|scalable|-' \
		'intel_iommu=strict|sync|- intel_iommu=tboot_noforce|no-tboot|-'
	tells intremap=nosid,off 'intremap=nosid|no-source-id|- intremap=off|no-remap|-'
	tells nointremap 'nointremap|no-remap|-'
	tells pcie_acs_override=downstream,multifunction 'pcie_acs_override=downstream,multifunction|acs-override|-'
	tells 'pci=nomsi,noats,config_acs=101xxx@pci:8086:1901' \
		'pci=noats|no-ats|- pci=config_acs=101xxx@pci:8086:1901|acs-config|-'
	tells vfio-pci.ids=10de:1b80,10de:10f0 'vfio-pci.ids=10de:1b80,10de:10f0|vfio-ids|-'
	tells iommu=force 'iommu=force|force|-'
	[ "$(json .intel.mode)" = default ]
}

@test "--kernel says by which kernel a line is read: iommu=soft, booleans, amd_iommu= before 6.1" {
	explained --kernel=5.18 iommu=soft
	[ "$(said intel) $(json .intel.mode)" = "iommu=soft|off-sticky|- off-for-uio" ]
	explained --kernel=5.19.0-1-amd64 iommu=soft
	[ "$(said intel) $(json .intel.mode)" = "iommu=soft|soft|- default" ]
	[ "$(json .kernel)" = 5.19.0-1-amd64 ]
	explained --kernel=5.15 iommu.passthrough=true
	[ "$(json .intel.mode)" = default ]
	explained --kernel=6.1 iommu.passthrough=true
	[ "$(json .intel.mode)" = pt ]
	explained --kernel=5.10 amd_iommu=xoff
	[ "$(json .amd.mode)" = off-for-uio ]
	explained amd_iommu=xoff
	[ "$(json '.amd.mode, .kernel' | xargs)" = "default 6.1.0-test" ]
	run -1 "$INSTALLER" explain --root "$root" --kernel=new iommu=pt
	run -1 "$INSTALLER" show --kernel=6.1
}

@test "the mode is what the configuration of the kernel that reads the line makes of it" {
	mkdir "$root/boot"
	printf 'CONFIG_IOMMU_DEFAULT_PASSTHROUGH=y\nCONFIG_INTEL_IOMMU_DEFAULT_ON=y\n' > "$root/boot/config-6.1.0-test"
	printf '# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set\n' > "$root/boot/config-6.4.0-other"
	printf 'CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF=y\n' > "$root/boot/config-6.12-deb"
	explained intel_iommu=on
	[ "$(json '.intel, .amd | .mode, .decided_by' | xargs)" = "pt configuration pt configuration" ]
	[ "$(json '.default_passthrough, .default_on' | xargs)" = "true true" ]
	explained 'intel_iommu=on iommu=nopt'
	[ "$(json '.intel, .amd | .mode, .decided_by' | xargs)" = "strict line strict line" ]
	explained 'intel_iommu=off amd_iommu=off'
	[ "$(json '.intel, .amd | .mode' | xargs)" = "off-for-uio off-for-uio" ]
	explained --kernel=6.4.0-other quiet
	[ "$(json '.intel, .amd | .mode, .decided_by' | xargs)" = "off-for-uio configuration strict configuration" ]
	explained --kernel=6.12-deb quiet
	[ "$(json '.intel, .amd | .mode, .decided_by' | xargs)" = "strict configuration strict configuration" ]
	explained --kernel=6.9.9-none quiet
	[ "$(json '.intel, .amd | .mode, .decided_by' | xargs)" = "default null default null" ]
	[ "$(json '.default_on, .default_passthrough' | xargs)" = "null null" ]
	run -0 "$INSTALLER" explain --root "$root" intel_iommu=on
	[[ $output == *"mode: pt ("* ]]
}

@test "columns hold: no line is longer than 120 characters, and each text begins at its column" {
	run -0 "$INSTALLER" explain --root "$root" \
		"intel_iommu=on,igfx_off vfio_iommu_type1.allow_unsafe_interrupts=1 pcie_acs_override=downstream quiet"
	[ "$(grep -c . <<< "$output")" -ge 14 ]
	grep -qxF "  vfio_iommu_type1.allow_unsafe_interrupts=1" <<< "$output"
	# A parameter stands behind two blanks, a text at 37.
	grep -vE '^(on |  mode: |$|  [^ ]{35,}$| {37}[^ ]|  [^ ].{33} [^ ])' <<< "$output" > wrong || :
	grep -E '^.{121}| $' <<< "$output" >> wrong || :
	[ ! -s wrong ] || { cat wrong; return 1; }
}

@test "explain CODE tells of every code what it means, whom it blames, who says it, and what to do" {
	local codes code
	mapfile -t codes < <(awk '/^enum reason/ { on = 1; next } /^};/ { on = 0 } on' \
		"$BATS_TEST_DIRNAME/../../src/model/reason.h" | sed -n 's/^\t\([A-Z_0-9]*\),.*/\1/p')
	[ "${#codes[@]}" -ge 38 ]
	for code in "${codes[@]}"; do
		explained "$code"
		[ "$(json '.code, (.verdict or .refusal), .notice' | xargs)" = "$code true false" ] ||
			{ echo "$output"; return 1; }
		run -0 "$INSTALLER" explain "$code"
		[[ ${lines[0]} == "$code: "?* && $output != *'{'* ]]
	done
	explained token_missing
	[ "$(json '.code, .layer, .verdict, .refusal, .forcible' | xargs)" = \
		"TOKEN_MISSING the kernel command line true false false" ]
	explained TPM_SEALED
	[ "$(json '.verdict, .refusal, .forcible' | xargs)" = "false true true" ]
	for code in VFIO_DEVICES UIO_DEVICES VFIO_IDS VFIO_IN_USE KEXEC_REBOOT IMAGES_YOURS ENTRY_UNCHECKED \
		ENTRY_UNEDITED; do
		explained "$code"
		[ "$(json '.code, .verdict, .refusal, .notice, .forcible' | xargs)" = "$code false false true false" ]
		run -0 "$INSTALLER" explain "${code,,}"
		[[ ${lines[0]} == "$code: "?* ]]
	done
	# What is no code is a line.
	explained TOKEN_MISING
	[ "$(json .line)" = TOKEN_MISING ]
}

@test "standard input and the running line are named as where a line is from" {
	echo iommu=pt > "$root/proc/cmdline"
	explained
	[ "$(json '.source, .intel.mode' | xargs)" = "running pt" ]
	explained - <<< $'intel_iommu=on\niommu=nopt'
	[ "$(json '.source, .intel.mode' | xargs)" = "standard input strict" ]
	explained "$(printf 'x%.0s' {1..2050}) iommu=pt"
	[ "$(json '.bytes, (.line | length), .intel.mode' | xargs)" = "2059 2047 default" ]
	explained 'iommu=pt iommu=nopt'
	[ "$(json '.intel.parameters[0].defeated_by')" = iommu=nopt ]
}

@test "a near miss that would have asked for what is wanted is the reason of the verdict" {
	local line
	for line in "intel_iommu=on IOMMU=pt" "intel_iommu=on iommu = pt" "intel_iommu=on,iommu=pt" \
		"intel_iommu=on;iommu=pt" "intel_iommu=on iommu.passtrough=1"; do
		rm -rf "$root"
		tree "$root" intel "$line" DMA DMA
		target "$root" mode=pt
		verify "$root"
		expect 2 mismatch strict TOKEN_INVALID
	done
	for line in INTEL_IOMMU=on "intel_iommu = on" intel_iommu "quiet;intel_iommu=on"; do
		rm -rf "$root"
		tree "$root" intel "$line"
		target "$root" mode=strict
		verify "$root"
		expect 2 mismatch off-for-uio TOKEN_INVALID
	done
	# Not where it would have asked for something else.
	rm -rf "$root"
	tree "$root" intel "INTEL_IOMMU=on" DMA DMA
	target "$root" mode=pt
	verify "$root"
	expect 2 mismatch strict TOKEN_MISSING
}
