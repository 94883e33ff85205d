#!/usr/bin/env bats
# What iommu-install shows to people, to whoever is asked for help, and to monitoring: hand-made trees.
bats_require_minimum_version 1.5.0

ON="intel_iommu=on amd_iommu=on"

setup() {
	load ../lib/trees
	root=$BATS_TEST_TMPDIR/root
}

# laptop [TARGET_LINE...]: graphics, a NIC and a disk in a dock, under pt; two names in its pci.ids.
laptop() {
	rm -rf "$root"
	tree "$root" intel "BOOT_IMAGE=/vmlinuz root=/dev/sda1 quiet $ON iommu=pt" identity identity DMA identity
	unit "$root" dmar0
	device "$root" 0 0000:00:02.0 8086:3e92 0300 dmar0
	device "$root" 1 0000:00:1f.6 8086:15bc 0200 dmar0
	device "$root" 1 0000:00:1f.0 8086:a30d 0601 dmar0
	device "$root" 2 0000:2c:00.0 144d:a808 0108 dmar0 removable
	mkdir -p "$root/usr/share/misc"
	printf '%s\n' '8086  Tree Intel' $'\t3e92  Tree Graphics' '144d  Tree Samsung' $'\ta808  Tree SSD' \
		'C 03  Display controller' $'\t00  Tree VGA' > "$root/usr/share/misc/pci.ids"
	[ $# = 0 ] || target "$root" "$@"
}

# show OPTION...: of the tree, which must be printed.
show() {
	run --separate-stderr "$INSTALLER" show --root "$root" "$@"
	[ "$status" = 0 ] || { echo "$status: $stderr"; return 1; }
}

# terminal [VARIABLE=VALUE...]: the same on a terminal.
terminal() {
	run -0 env -i PATH="$PATH" "$@" script -qec "'$INSTALLER' show --root '$root' --groups" /dev/null
}

# --- For people -------------------------------------------------------------------------------------------------------

@test "each fact is a line, under a name that scripts find, its value in the thirteenth column" {
	laptop mode=pt
	show
	local name
	for name in cmdline mode effective target "next boot" modules iommufd vfio-cdev checks verdict; do
		[ "$(grep -c "^$name: \{1,12\}[^ ]" <<< "$output")" = 1 ] || { echo "no $name"; return 1; }
	done
	run ! grep -vE '^([a-z -]{1,10}:)? *[^ ]' <<< "$output"
	# The first one is that of status, whole.
	show
	[ "$(head -n 1 <<< "$output")" = "$("$INSTALLER" status --root "$root")" ]
	run ! grep -vE '^.{12}[^ ]|^ {18}-> ' <<< "$(tail -n +2 <<< "$output")"
}

@test "a terminal gets colours; a pipe, NO_COLOR, TERM=dumb and no TERM get none" {
	laptop mode=strict
	terminal TERM=xterm
	[[ $output == *$'\e[1;31mmismatch\e[0m'* ]]
	[[ $output == *$'\e[32mpass\e[0m'*$'\e[1;31mfail\e[0m'* ]]
	[[ $output == *$'\e[1;31m<- disagrees\e[0m'* || $output == *$'\e[1;33m<- tolerated'* ]]
	terminal TERM=xterm NO_COLOR=
	[[ $output == *$'\e['* ]]
	local plain
	for plain in "TERM=xterm NO_COLOR=1" TERM=dumb TERM= ""; do
		# shellcheck disable=SC2086 # words on purpose
		terminal $plain
		[[ $output != *$'\e'* && $output == *mismatch* ]] || { echo "$plain"; return 1; }
	done
	TERM=xterm show --groups
	[[ $output != *$'\e'* ]]
}

@test "what is well passes, what is not fails or is warned about, with what to do" {
	laptop mode=pt
	mkdir -p "$root/sys/kernel/irq/24"
	echo IR-PCI-MSI > "$root/sys/kernel/irq/24/chip_name"
	show
	[ "$(sed -n 's/.*\(pass\|warn\|fail\)  \([a-z-]*\) .*/\1 \2/p' <<< "$output" | xargs)" = \
		"pass firmware pass mode pass interrupts pass exposed" ]

	echo PCI-MSI > "$root/sys/kernel/irq/24/chip_name"
	target "$root" mode=strict
	show
	[[ $output == *"pass  firmware "*"fail  mode "*"pt, wanted is strict"*"warn  interrupts "*"are not remapped"*\
"-> take intremap=off"* ]]
	[[ $output == *"reason:     TOKEN_OVERRIDDEN"* ]]

	rm "$root/etc/iommu.target"
	show
	[[ $output == *"warn  mode "*"no mode is wanted"*"-> set one with 'iommu-install MODE'"* ]]

	rm -r "$root"
	tree "$root" none "$ON iommu=pt"
	target "$root" mode=pt
	show
	[[ $output == *"fail  firmware "*"-> switch on VT-d"* ]]
	target "$root" mode=off-for-uio
	show
	[[ $output == *"pass  firmware "*"none is wanted"*"pass  mode "* ]]
	echo modus=pt > "$root/etc/iommu.target"
	show
	[[ $output == *"fail  mode "*"the target file is not valid"* ]]
}

@test "JSON has the same facts and checks as the text" {
	laptop mode=strict
	parameter "$root" vfio enable_unsafe_noiommu_mode Y
	mkdir -p "$root/dev/vfio/devices"
	touch "$root/dev/iommu" "$root/dev/vfio/devices/vfio0"
	mkdir -p "$root/sys/kernel/irq/24"
	echo PCI-MSI > "$root/sys/kernel/irq/24/chip_name"
	show
	local text
	text=$(sed -n 's/^.\{12\}\(pass\|warn\|fail\)  \([a-z-]*\)  *\(.*\)/\1 \2 \3/p; s/^ \{18\}-> //p' <<< "$output")
	local facts
	facts=$(sed -nE 's/^(cmdline|mode|effective|target|iommufd|vfio-cdev|verdict): +//p
		s/^modules: +| {12}([a-z_0-9]+[.][a-z_]+=)/\1/p' <<< "$output" |
		sed 's/^yes$/true/; s/ (units: .*//; s/ (on-mismatch.*//')
	show --json
	diff <(json '.cmdline.text, .cmdline.mode, .effective.mode, .target.mode,
		(.modules | to_entries[] | "\(.key)=\(.value.value // "-") (\(.value.source))"),
		.iommufd, .vfio_cdev, .verdict') - <<< "$facts"
	[ "$(json '.checks[] | "\(.result) \(.name) \(.seen)", (.hint | select(. != ""))')" = "$text" ]
}

# --- Groups -----------------------------------------------------------------------------------------------------------

@test "--groups lists every device by address and name, in order, and marks what is not like the rest" {
	laptop mode=pt
	show --groups
	# What is below each is in groups.bats.
	diff <(sed -n '/^groups:/,/^target:/p' <<< "$output" | grep -v '^ \{24\}') - <<- 'END'
groups:       0 identity 0000:00:02.0 Tree VGA [0300]: Tree Intel Tree Graphics [8086:3e92]
              1 identity 0000:00:1f.0 class [0601]: device [8086:a30d]
              1 identity 0000:00:1f.6 class [0200]: device [8086:15bc]
              2 DMA      0000:2c:00.0 class [0108]: Tree Samsung Tree SSD [144d:a808]  <- tolerated: removable
              3 identity (no device)
target:     pt (on-mismatch=warn)
	END
	# Written by somebody: no excuse for it.
	rm "$root/sys/devices/pci0000:00/0000:2c:00.0/removable"
	show --groups
	[[ $output == *"[144d:a808]  <- disagrees"* ]]
	[ "$(grep -c '<-' <<< "$output")" = 1 ]
	rm -r "$root/sys/kernel/iommu_groups"
	show --groups
	grep -x "groups:     none" <<< "$output"
}

@test "--groups --json has the same groups and devices" {
	laptop mode=pt
	mkdir -p "$root/sys/kernel/iommu_groups/3/devices" "$root/sys/devices/platform/ABCD0001:00"
	ln -s ../../../../devices/platform/ABCD0001:00 "$root/sys/kernel/iommu_groups/3/devices/ABCD0001:00"
	show --groups --json
	[ "$(json '.groups_list[] | "\(.group) \(.type) \(.outlier) \(.why) \([.devices[].address] | join(","))"')" = \
"0 identity null null 0000:00:02.0
1 identity null null 0000:00:1f.0,0000:00:1f.6
2 DMA tolerated removable 0000:2c:00.0
3 identity null null ABCD0001:00" ]
	[ "$(json '.groups_list[0].devices[0] | [.class, .class_name, .id, .name] | join("|")')" = \
		"0300|Tree VGA|8086:3e92|Tree Intel Tree Graphics" ]
	[ "$(json '.groups_list[3].devices[0] | [.class, .class_name, .id, .name] | tostring')" = \
		'[null,null,null,null]' ]
	show --json
	[ "$(json 'has("groups_list")')" = false ]
}

@test "with --root names come from the tree's pci.ids, and where it has none there are numbers" {
	laptop mode=pt
	[ -s /usr/share/misc/pci.ids ] # the host has names for these devices
	rm "$root/usr/share/misc/pci.ids"
	run -0 env ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=%file -o "$BATS_TEST_TMPDIR/trace" "$INSTALLER" show \
		--root "$root" --groups
	[[ $output == *"0000:00:02.0 class [0300]: device [8086:3e92]"* ]]
	grep -q pci.ids "$BATS_TEST_TMPDIR/trace"
	run ! grep -E '"/(usr|etc|root|home|lib)/[^"]*(pci\.ids|pciids|hwdb)"' \
		<(grep -v RESOLVE_IN_ROOT "$BATS_TEST_TMPDIR/trace")
	# A link leads to the tree's own file.
	ln -s /usr/share/misc/pci.ids "$root/usr/share/misc/pci.ids"
	show --groups
	[[ $output == *"0000:00:02.0 class [0300]: device [8086:3e92]"* ]]
	# Fedora's place.
	mkdir "$root/usr/share/hwdata"
	printf '%s\n' '8086  Tree Intel' $'\t3e92  Elsewhere' > "$root/usr/share/hwdata/pci.ids"
	rm "$root/usr/share/misc/pci.ids"
	show --groups
	[[ $output == *"Tree Intel Elsewhere [8086:3e92]"* ]]
}

@test "a damaged pci.ids costs names and one line, no more" {
	laptop mode=pt
	printf 'C 03  Display controller\n\tzz rubbish\n' > "$root/usr/share/misc/pci.ids"
	show --groups
	[[ $output == *"0000:00:02.0 "*"[0300]: device [8086:3e92]"*"verdict:    match"* ]]
	[ "$(wc -l <<< "$stderr")" = 1 ]
	[[ $stderr == *"pci.ids can't be read to its end"* ]]
	head -c 100000 /dev/urandom > "$root/usr/share/misc/pci.ids"
	show --groups
	[[ $output == *"verdict:    match"* ]]
}

@test "without libpci there are numbers, and no complaint" {
	laptop mode=pt
	run --separate-stderr unshare -m sh -c "for l in /usr/lib/*/libpci.so.3; do mount --bind /dev/null \$l; done
		exec '$INSTALLER' show --root '$root' --groups"
	[ "$status" = 0 ]
	[ -z "$stderr" ]
	[[ $output == *"0000:00:02.0 class [0300]: device [8086:3e92]"* ]]
}

# --- The report -------------------------------------------------------------------------------------------------------

@test "--report says what helps, and nothing that is the asker's own" {
	laptop "# SECRET1 of jane" mode=pt on-mismatch=halt
	mkdir -p "$root/sys/class/dmi/id"
	echo "Example Corp" > "$root/sys/class/dmi/id/sys_vendor"
	echo "Laptop 9 Gen 3" > "$root/sys/class/dmi/id/product_name"
	echo "1.2.3" > "$root/sys/class/dmi/id/bios_version"
	echo SECRET2 | tee "$root"/sys/class/dmi/id/{product_serial,product_uuid,board_serial,chassis_asset_tag} \
		> /dev/null
	printf 'PRETTY_NAME="SECRET3 Linux"\nID=debian\nVERSION_ID="12"\nHOME_URL=https://SECRET3.example\n' \
		> "$root/etc/os-release"
	echo SECRET4-host | tee "$root/etc/hostname" "$root/proc/sys/kernel/hostname" > /dev/null
	mkdir -p "$root/sys/kernel/iommu_groups/3/devices"
	ln -s ../../x "$root/sys/kernel/iommu_groups/3/devices/83b8f4f2-509f-382f-3c1e-e6bfe0fa1001"
	printf '%s\n' "BOOT_IMAGE=(hd0,gpt2)/SECRET5 root=UUID=2f0c1b1a-9d2e-4c55-8a6b-0123456789ab \
resume=/dev/mapper/SECRET5 ro quiet rd.luks.name=2f0c1b1a-9d2e-4c55-8a6b-0123456789ab=SECRET5 \
cryptdevice=/dev/sda:SECRET5 ip=192.0.2.7::192.0.2.1:255.255.255.0:SECRET5:eth0:off \
ifname=eth0:52:54:00:12:34:56 systemd.set_credential=pw:SECRET5 SECRET5 foo.SECRET=x \
2f0c1b1a9d2e4c558a6b0123456789ab=1 \"SECRET5 x=1\" user=jane $ON iommu=pt iommu.strict=0 intel-iommu=sm_on \
vfio-pci.ids=10de:1b80,10de:10f0 vfio.note=\"SECRET5 pw\" -- SECRET6 jane" \
		| sed 's/foo\.SECRET=x/foo.bar=x/' > "$root/proc/cmdline"
	show --report
	echo "$output"
	# As it stands: the words about the IOMMU; by their names: the others.
	grep -x "cmdline:    BOOT_IMAGE=\.\.\. root=\.\.\. resume=\.\.\. ro quiet rd\.luks\.name=\.\.\. \
cryptdevice=\.\.\. ip=\.\.\. ifname=\.\.\. systemd\.set_credential=\.\.\. \.\.\. foo\.bar=\.\.\. \.\.\.=\.\.\. \
\.\.\.=\.\.\. user=\.\.\. $ON iommu=pt iommu\.strict=0 intel-iommu=sm_on \
vfio-pci\.ids=10de:1b80,10de:10f0 vfio\.note=\.\.\. -- \.\.\." <<< "$output"
	run ! grep -iE 'SECRET|jane|hd0|sda|eth0|192\.0|52:54|[0-9a-f]{8}-[0-9a-f]{4}|2f0c1b1a' <<< "$output"
	show --report
	[[ $output == *"Example Corp Laptop 9 Gen 3"*"1.2.3"*"debian 12"*"kernel:     6.1.0-test"* ]]
	[[ $output == *"effective:  pt"*"target:     pt, on-mismatch=halt"*"verdict:    match"*\
"0000:00:02.0 Tree VGA"* ]]
	[[ $output == *"(a device of another bus than PCI)"* ]]
}

@test "a report of reasons has their codes, and of a damaged target no word" {
	laptop
	printf 'mode=pt\npassword=SECRET\n' > "$root/etc/iommu.target"
	show --report
	grep -x "target:     invalid" <<< "$output"
	grep -x "reasons:    TARGET_INVALID" <<< "$output"
	[[ $output != *SECRET* && $output != *password* ]]
	target "$root" mode=strict
	show --report
	grep -x "reasons:    TOKEN_OVERRIDDEN" <<< "$output"
	rm "$root/sys/kernel/iommu_groups/2/type"
	show --report
	grep -x "reasons:    EVIDENCE_MISSING" <<< "$output"
	grep -x "missing:    /sys/kernel/iommu_groups/2/type: .*" <<< "$output"
}

@test "kernel and machine names that hold a machine id, a UUID or an Ethernet address are not reported whole" {
	laptop mode=pt
	mkdir -p "$root/sys/class/dmi/id"
	echo "Box 52:54:00:12:34:56 v2" > "$root/sys/class/dmi/id/product_name"
	echo "6.1.0-2f0c1b1a9d2e4c558a6b0123456789ab" > "$root/proc/sys/kernel/osrelease"
	show --report
	[[ $output == *"Box ... v2"* ]]
	run ! grep -E '2f0c1b1a|52:54' <<< "$output"
}

# --- Prometheus -------------------------------------------------------------------------------------------------------

# metric NAME{LABELS}: its value in $output.
metric() {
	awk -v name="$1" 'index($0, name " ") == 1 { print substr($0, length(name) + 2) }' <<< "$output"
}

# states NAME: the labels of its series that are 1.
states() {
	sed -n "s/^$1{[a-z]*=\"\(.*\)\"} 1\$/\1/p" <<< "$output"
}

@test "promtool finds nothing wrong with the metrics of any verdict" {
	load ../lib/prometheus
	local tool line
	tool=$(promtool)
	for line in mode=pt mode=strict mode=off-for-uio modus=pt ""; do
		laptop "$line"
		show --prometheus
		run -0 "$tool" check metrics <<< "$output"
		[ -z "$output" ]
	done
	# The tool can find something.
	run ! "$tool" check metrics <<< 'iommu_x{a="b} 1'
}

@test "a state is one series out of all that it can be" {
	laptop mode=pt
	show --prometheus
	[ "$(states iommu_effective_mode) $(states iommu_target_mode) $(states iommu_verdict) \
$(states iommu_next_boot_mode)" = "pt pt match unknown" ]
	[ "$(states iommu_flush_policy) $(states iommu_target_on_mismatch) $(states iommu_reason)" = "none warn " ]
	[ "$(grep -c '^iommu_effective_mode{' <<< "$output") $(grep -c '^iommu_verdict{' <<< "$output")" = "6 5" ]
	[ "$(metric 'iommu_groups{type="identity"}') $(metric 'iommu_groups{type="DMA"}') \
$(metric 'iommu_groups{type="tolerated"}')" = "3 0 1" ]
	[ "$(metric iommu_units)" = 1 ]
	target "$root" mode=strict on-mismatch=halt
	parameter "$root" vfio enable_unsafe_noiommu_mode Y
	show --prometheus
	[ "$(states iommu_target_mode) $(states iommu_verdict) $(states iommu_target_on_mismatch)" = \
		"strict mismatch halt" ]
	[ "$(states iommu_reason | xargs)" = "TOKEN_OVERRIDDEN NOIOMMU_ENABLED" ]
	[ "$(metric 'iommu_module_parameter_enabled{module="vfio",parameter="enable_unsafe_noiommu_mode"}')" = 1 ]
	rm "$root/etc/iommu.target"
	show --prometheus
	[ "$(states iommu_target_mode)$(states iommu_target_on_mismatch) $(states iommu_verdict)" = " no-target" ]
}

@test "text in a label can't break out of it" {
	load ../lib/prometheus
	laptop mode=pt
	printf '6.1"} 7\n\\x\001\303\050' > "$root/proc/sys/kernel/osrelease"
	show --prometheus
	grep -F 'kernel="6.1\"} 7?\\x??("} 1' <<< "$output"
	"$(promtool)" check metrics <<< "$output"
}

@test "--prometheus=FILE writes it whole, for all to read, and follows no link there" {
	laptop mode=pt
	local dir=$BATS_TEST_TMPDIR/textfile
	mkdir "$dir"
	umask 077
	show --prometheus="$dir/iommu.prom"
	[ -z "$output$stderr" ]
	[ "$(stat -c '%a %F' "$dir/iommu.prom")" = "644 regular file" ]
	show --prometheus
	diff "$dir/iommu.prom" <(echo "$output")

	# Planted by whoever the directory belongs to.
	echo precious > "$BATS_TEST_TMPDIR/precious"
	ln -sf ../precious "$dir/iommu.prom"
	ln -s ../precious "$dir/.iommu.prom.iommu-new"
	show --prometheus="$dir/iommu.prom"
	[ "$(cat "$BATS_TEST_TMPDIR/precious")" = precious ]
	[ "$(stat -c '%a %F' "$dir/iommu.prom")" = "644 regular file" ]
	[ "$(ls -A "$dir")" = iommu.prom ]
}

# features: what Node Feature Discovery takes from the file on its standard input; it fails where that would complain.
features() {
	local file over='' time='^# \+expiry-time=([0-9]{4}(-[0-9]{2}){2}T([0-9]{2}:){2}[0-9]{2}Z)$'
	local name='[a-z0-9][-a-z0-9]{0,61}[a-z0-9]' value='[A-Za-z0-9][-A-Za-z0-9_.]{0,61}[A-Za-z0-9]'
	local line="^feature\.node\.kubernetes\.io/$name=$value\$"
	file=$(cat)
	! grep -vE -e "$time" -e "$line" <<< "$file" || return 1
	over=$(sed -nE "s/$time/\1/p" <<< "$file")
	[[ -n $over && ! $over > $(date -u +%FT%TZ) ]] || sed -n 's,^feature.node.kubernetes.io/,,p' <<< "$file"
}

@test "--nfd says mode, verdict, target and next boot in Node Feature Discovery's format, whatever they are" {
	local line want seen=0
	while read -r line want; do
		laptop "$line"
		[ "$line" != none ] || rm "$root/etc/iommu.target"
		show --nfd
		[ "$(features <<< "$output" | xargs)" = "$want" ]
		seen=$((seen + 1))
	done <<-END
		mode=pt iommu-mode=pt iommu-verdict=match iommu-target=pt iommu-next-boot=unknown
		mode=off-for-uio iommu-mode=pt iommu-verdict=mismatch iommu-target=off-for-uio iommu-next-boot=unknown
		modus=pt iommu-mode=pt iommu-verdict=unknown iommu-target=none iommu-next-boot=unknown
		none iommu-mode=pt iommu-verdict=no-target iommu-target=none iommu-next-boot=unknown
	END
	[ "$seen" = 4 ]
	# The reader takes nothing that has expired, and can complain.
	[ -z "$(sed "s/expiry-time=2/expiry-time=1/" <<< "$output" | features)" ]
	run ! features <<< "iommu-mode=pt"
}

@test "the rule for nodes of Kubernetes asks for a feature that --nfd writes, by a value that it can have" {
	laptop mode=strict
	show --nfd
	run -0 sed -nE 's,^ *(feature\.node\.kubernetes\.io/[^:]*): \{op: In\, value: \[(.*)\]\}$,\1=\2,p' \
		"$BATS_TEST_DIRNAME/../../dist/kubernetes/node-feature-rule.yml" <<< "$output"
	[ "$output" ]
	"$INSTALLER" show --root "$root" --nfd | grep -xF "$output"
}

@test "what --nfd writes is over within three periods of the timer, and never half there to read" {
	laptop mode=pt
	local dir=$BATS_TEST_TMPDIR/features.d until
	mkdir "$dir"
	# A leak detector can't work beside strace.
	run -0 env ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=openat -o "$BATS_TEST_TMPDIR/trace" \
		"$INSTALLER" show --root "$root" --nfd="$dir/iommu"
	[ "$(ls -A "$dir")" = iommu ]
	run -0 sed -n 's/.*openat([0-9]*, "\([^"]*\)", [^)]*O_CREAT.*/\1/p' "$BATS_TEST_TMPDIR/trace"
	[ "$output" = .iommu.iommu-new ]
	until=$(date -d "$(sed -n 's/^# +expiry-time=//p' "$dir/iommu")" +%s)
	grep -x 'OnCalendar=\*:0/5' "$BATS_TEST_DIRNAME/../../dist/systemd/iommu-prometheus.timer"
	[ "$until" -gt "$(date +%s)" ]
	[ "$until" -le "$(($(date +%s) + 900))" ]
}

@test "--prometheus=FILE makes no directory, and when it fails the old file stays" {
	laptop mode=pt
	run --separate-stderr "$INSTALLER" show --root "$root" --prometheus="$BATS_TEST_TMPDIR/none/iommu.prom"
	[ "$status" = 1 ]
	[ "$stderr" = "iommu-install: $BATS_TEST_TMPDIR/none/iommu.prom: No such file or directory" ]
	[ ! -e "$BATS_TEST_TMPDIR/none" ]

	local dir=$BATS_TEST_TMPDIR/full
	mkdir "$dir"
	run --separate-stderr unshare -m sh -c "mount -t tmpfs -o size=4k tmpfs '$dir' && echo old > '$dir/iommu.prom'
		'$INSTALLER' show --root '$root' --prometheus='$dir/iommu.prom'; echo \$?; cat '$dir/iommu.prom'
		ls -A '$dir'"
	[ "$output" = $'1\nold\niommu.prom' ]
	[[ $stderr == "iommu-install: $dir/iommu.prom: No space left on device" ]]
}

@test "the timer and its service are ones that systemd takes, and are not enabled by being installed" {
	local dir=$BATS_TEST_TMPDIR/installed
	make -s -C "$BATS_TEST_DIRNAME/../.." install DESTDIR="$dir" DRACUTMODULESDIR=/usr/lib/dracut/modules.d
	run -0 unshare -m sh -c "mount -t overlay overlay -o 'lowerdir=$dir/usr/sbin:/usr/sbin' /usr/sbin &&
		systemd-analyze verify --man=no '$dir/usr/lib/systemd/system/iommu-prometheus.service' \
			'$dir/usr/lib/systemd/system/iommu-prometheus.timer'"
	[ -z "$output" ]
	[ -z "$(find "$dir" -type l -name 'iommu-prometheus*')" ]
	# It can find something.
	sed 's/^Type=oneshot/Type=onesh/' \
		"$dir/usr/lib/systemd/system/iommu-prometheus.service" > "$BATS_TEST_TMPDIR/bad.service"
	run systemd-analyze verify --man=no "$BATS_TEST_TMPDIR/bad.service"
	[ -n "$output" ]
}

@test "a form of output is one at a time, and belongs to its command" {
	laptop mode=pt
	local args
	for args in "show --report --json" "show --prometheus --json" "show --report --prometheus" \
		"show --report --groups" \
		"show --prometheus --groups" "show --nagios" "check --groups" "check --report" "check --prometheus" \
		"check --nagios --json" "pt --groups" "pt --nagios" "rollback --report" "explain --groups"; do
		# shellcheck disable=SC2086 # words on purpose
		run --separate-stderr "$INSTALLER" $args --root "$root"
		[ "$status" = 1 ] && [ -z "$output" ] && [ "$(wc -l <<< "$stderr")" = 1 ] ||
			{ echo "$args: $status $output $stderr"; return 1; }
	done
}
