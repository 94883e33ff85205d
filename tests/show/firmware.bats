#!/usr/bin/env bats
# What `show` says of the firmware: its tables, whether it asks for DMA protection, and the TPM's event log.
bats_require_minimum_version 1.5.0

ON="intel_iommu=on amd_iommu=on"
DISABLED="7:80000007:DMA Protection Disabled"

setup() {
	load ../lib/trees
	root=$BATS_TEST_TMPDIR/root
	tree "$root" intel "$ON" DMA
	log=$root/sys/kernel/security/tpm0/binary_bios_measurements
	mkdir -p "${log%/*}"
}

# table NAME SIGNATURE BYTE...: an ACPI table of that name: its header, then those bytes (\xNN) and eight zero ones.
table() {
	{
		printf '%s' "$2"
		printf '\0%.0s' {5..36}
		printf '%b' "${@:3}" '\0\0\0\0\0\0\0\0'
	} > "$root/sys/firmware/acpi/tables/$1"
}

# firmware FILTER VALUE...: what the filter makes of that member of the object.
firmware() {
	local said
	said=$("$INSTALLER" show --root "$root" --json | jq -c ".firmware | $1")
	[ "$said" = "$2" ] || { echo "$1: $said, not $2"; return 1; }
}

tpm_log() {
	"$BATS_TEST_DIRNAME/../tools/tpm-log" "$@" > "$log"
}

# --- Tables -----------------------------------------------------------------------------------------------------------

@test "the table that is there is named, and none; tables that are hidden are no missing ones" {
	firmware .tables '"dmar"'
	tree "$root" amd "$ON" DMA
	rm "$root/sys/firmware/acpi/tables/DMAR"
	firmware .tables '"ivrs"'
	mv "$root"/sys/firmware/acpi/tables/{IVRS,VIOT}
	firmware . '{"tables":"viot","dma_opt_in":null,"dma_protection_disabled":null}'
	rm "$root/sys/firmware/acpi/tables/VIOT"
	firmware . '{"tables":"none","dma_opt_in":null,"dma_protection_disabled":null}'
	rm -r "$root/sys/firmware/acpi"
	firmware . '{"tables":"hidden","dma_opt_in":null,"dma_protection_disabled":null}'
}

@test "in a container that masks /sys/firmware its tables are hidden, and that it is a container is said" {
	run -0 unshare -m sh -c "mount -t tmpfs tmpfs /sys/firmware && mount -t tmpfs tmpfs /run &&
		touch /run/.containerenv && exec '$INSTALLER' show --json"
	[ "$(jq -r .firmware.tables <<< "$output")" = hidden ]
	rm -r "$root/sys/firmware/acpi"
	local plain container
	plain=$("$INSTALLER" show --root "$root" | grep ^firmware:)
	mkdir -p "$root/run"
	touch "$root/run/.containerenv"
	container=$("$INSTALLER" show --root "$root" | grep ^firmware:)
	[[ $plain != *container* && $container == *container* ]]
}

@test "a DMAR table asks for DMA protection by bit 2 of its flags, and by no other" {
	table DMAR DMAR '\x26' '\x04'
	firmware .dma_opt_in true
	table DMAR DMAR '\x04' '\xff'
	firmware .dma_opt_in true
	table DMAR DMAR '\xff' '\xfb'
	firmware .dma_opt_in false
}

@test "an IVRS table does by bit 1 of IVinfo, and by no other" {
	rm "$root/sys/firmware/acpi/tables/DMAR"
	table IVRS IVRS '\x02' '\0' '\0' '\0'
	firmware .dma_opt_in true
	table IVRS IVRS '\xfd' '\xff' '\xff' '\xff'
	firmware .dma_opt_in false
}

@test "a table that is cut off, empty, another one or not readable says nothing" {
	table DMAR DMAR '\x26' '\x04'
	local file=$root/sys/firmware/acpi/tables/DMAR
	truncate -s 39 "$file"
	firmware .dma_opt_in null
	: > "$file"
	firmware .dma_opt_in null
	table DMAR IVRS '\x26' '\x04'
	firmware .dma_opt_in null
	rm "$file"
	mkdir "$file"
	firmware . '{"tables":"dmar","dma_opt_in":null,"dma_protection_disabled":null}'
}

@test "what only root can read is not told to others, and that it needs root is" {
	table DMAR DMAR '\x26' '\x04'
	tpm_log agile "$DISABLED"
	chmod 400 "$root/sys/firmware/acpi/tables/DMAR" "$log"
	# Where others may go.
	local open
	open=$(mktemp -d /tmp/firmware.XXXXXX)
	cp "$INSTALLER" "$open/iommu-install"
	cp -a "$root" "$open/root"
	chmod 755 "$open" "$open/root"
	firmware . '{"tables":"dmar","dma_opt_in":true,"dma_protection_disabled":true}'
	run -0 --separate-stderr setpriv --reuid=65534 --clear-groups "$open/iommu-install" show \
		--root "$open/root" --json
	[ "$(jq -c .firmware <<< "$output")" = '{"tables":"dmar","dma_opt_in":null,"dma_protection_disabled":null}' ]
	run -0 --separate-stderr setpriv --reuid=65534 --clear-groups "$open/iommu-install" show \
		--root "$open/root"
	[ "$(grep -A 1 ^firmware: <<< "$output" | grep -c 'needs root$')" = 2 ]
	rm -r "$open"
}

# --- The TPM's event log ----------------------------------------------------------------------------------------------

@test "'DMA Protection Disabled' is found in PCR 7 of a log of either format, first or last, and with a NUL behind it" {
	local format
	for format in sha1 agile; do
		tpm_log "$format" "$DISABLED"
		firmware .dma_protection_disabled true
		tpm_log "$format" 0:8:v1 "7:80000001:SecureBoot" "$DISABLED"
		firmware .dma_protection_disabled true
		tpm_log "$format" "$DISABLED" 0:8:v1
		firmware .dma_protection_disabled true
	done
	perl -0pi -e 's/\x17\0\0\0DMA Protection Disabled/\x18\0\0\0DMA Protection Disabled\0/' "$log"
	firmware .dma_protection_disabled true
}

@test "a whole log without it says no; in another PCR, or as part of another text, it is not it" {
	local format
	for format in sha1 agile; do
		tpm_log "$format" 0:8:v1
		firmware .dma_protection_disabled false
		tpm_log "$format" 0:8:v1 "5:80000007:DMA Protection Disabled" \
			"7:80000007:DMA Protection Disabled." "7:80000007:DMA Protection Disable" "7:80000001:"
		firmware .dma_protection_disabled false
	done
	tpm_log agile # an agile log of its header alone is whole
	firmware .dma_protection_disabled false
}

@test "the log of a real firmware, four digests to an event, is read to its end" {
	# OVMF's, as Linux 6.1 hands it on (QEMU and swtpm).
	cp "$BATS_TEST_DIRNAME/../fuzz/corpus/tpmlog/ovmf" "$log"
	firmware .dma_protection_disabled false
	truncate -s -1 "$log"
	firmware .dma_protection_disabled null
}

@test "a log that is cut off anywhere says nothing but at the end of an event, and never what it does not hold" {
	local len whole=() size
	tpm_log agile 0:8:v1 "$DISABLED"
	size=$(stat -c %s "$log")
	cp "$log" "$BATS_TEST_TMPDIR/log"
	for ((len = 0; len <= size; len++)); do
		head -c "$len" "$BATS_TEST_TMPDIR/log" > "$log"
		whole+=("$("$INSTALLER" show --root "$root" --json | jq -c .firmware.dma_protection_disabled)")
	done
	# The header is 69 bytes, each event 72 and its data.
	[ "$size" = $((69 + 72 + 2 + 72 + 23)) ]
	for ((len = 0; len <= size; len++)); do
		case $len in
		69 | 143) [ "${whole[len]}" = false ] ;;
		"$size") [ "${whole[len]}" = true ] ;;
		*) [ "${whole[len]}" = null ] ;;
		esac || { echo "$len: ${whole[len]}"; return 1; }
	done
}

@test "a log whose numbers lie says nothing: sizes, counts and algorithms that there are not" {
	local lie
	# of the header: its size, how many algorithms; of the event: how many digests, which, the size of its data
	for lie in '28:\xff\xff\xff\xff' '28:\x26' '56:\0' '56:\x11' '56:\xff\xff\xff\xff' '77:\xff\xff\xff\xff' \
		'77:\x01' '81:\x0c' '137:\xff\xff\xff\xff' '137:\x18'; do
		tpm_log agile "$DISABLED"
		printf '%b' "${lie#*:}" | dd of="$log" bs=1 seek="${lie%%:*}" conv=notrunc status=none
		firmware .dma_protection_disabled null || { echo "$lie"; return 1; }
	done
	tpm_log sha1 "$DISABLED"
	firmware .dma_protection_disabled true
	printf '\xff\xff\xff\xff' | dd of="$log" bs=1 seek=28 conv=notrunc status=none
	firmware .dma_protection_disabled null
}

@test "a log that is empty, a directory or too large is unknown, and show prints the rest" {
	: > "$log"
	firmware .dma_protection_disabled null
	rm "$log"
	mkdir "$log"
	firmware .dma_protection_disabled null
	rmdir "$log"
	truncate -s 5M "$log"
	firmware . '{"tables":"dmar","dma_opt_in":null,"dma_protection_disabled":null}'
}

@test "nothing of the firmware's evidence is in a report, and it judges nothing" {
	local before after
	before=$("$INSTALLER" show --root "$root" --report)
	table DMAR DMAR '\x26' '\x04'
	tpm_log agile "$DISABLED"
	after=$("$INSTALLER" show --root "$root" --report)
	[ "$before" = "$after" ]
	echo mode=strict > "$root/etc/iommu.target"
	[ "$("$INSTALLER" show --root "$root" --json | jq -r .verdict)" = match ]
}
