#!/usr/bin/env bats
# Where keys are looked for that a TPM gives out only to the same boot, and to which registers they are bound: trees
# with LUKS2 headers of the real cryptsetup, whose tokens are as systemd-cryptenroll and Clevis write them.
bats_require_minimum_version 1.5.0

setup_file() {
	local top=$BATS_TEST_DIRNAME/../..
	export SEALED=$BATS_FILE_TMPDIR/sealed DISK=$BATS_FILE_TMPDIR/disk
	cc -std=c11 -D_GNU_SOURCE -I"$top/src" -o "$SEALED" "$top/tests/tools/sealed.c" "$top"/build/install/*/*.o \
		-lkmod -ldl
	truncate -s 20M "$DISK"
	echo key | cryptsetup -q luksFormat --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
		--luks2-keyslots-size 256k "$DISK" -
}

setup() {
	root=$BATS_TEST_TMPDIR/root disk=$BATS_TEST_TMPDIR/disk
	mkdir -p "$root"/{etc,var/lib/systemd,sys/class/block}
	cp "$DISK" "$disk"
}

# token JSON: puts it into the disk's header.
token() {
	cryptsetup token import --token-id 0 --token-replace "$disk" <<< "$1"
}

# enrolled PCRS [MORE]: a token as systemd-cryptenroll writes it.
enrolled() {
	token '{"type": "systemd-tpm2", "keyslots": ["0"], "tpm2-blob": "AAAA", "tpm2-pcrs": ['"$1"'],
		"tpm2-pcr-bank": "sha256", "tpm2-policy-hash": "00"'"${2:+, $2}"'}'
}

# clevis PIN: a token as clevis-luks-bind writes it.
clevis() {
	local header
	header=$(printf '{"alg":"dir","clevis":%s,"enc":"A256GCM"}' "$1" | base64 -w 0 | tr '+/' '-_' | tr -d =)
	token '{"type": "clevis", "keyslots": ["0"],
		"jwe": {"ciphertext": "x", "protected": "'"$header"'", "tag": "y"}}'
}

# sealed WHERE [LINE]: what is found.
sealed() {
	run -0 "$SEALED" "$root" "${2-}"
	echo "$output"
	[ "$output" = "$1" ]
}

crypttab() {
	echo "root $disk none luks${1:+,$1}" > "$root/etc/${2-crypttab}"
}

@test "crypttab, and crypttab.initramfs: what the disk's own token is bound to, or what the options say" {
	crypttab tpm2-device=auto
	enrolled 7,11,12
	sealed "/etc/crypttab:1 (PCR 7, 11, 12)"
	enrolled 7
	sealed none
	echo "root UUID=none none luks,tpm2-device=auto" > "$root/etc/crypttab"
	sealed "/etc/crypttab:1"
	echo "root UUID=none none luks,tpm2-device=auto,tpm2-pcrs=7+9" > "$root/etc/crypttab"
	sealed "/etc/crypttab:1 (PCR 7, 9)"
	echo "root UUID=none none luks,tpm2-device=auto,tpm2-pcrs=7" > "$root/etc/crypttab"
	sealed none
	echo "# root UUID=none none luks,tpm2-device=auto" > "$root/etc/crypttab"
	sealed none
	enrolled 8
	crypttab tpm2-device=auto crypttab.initramfs
	sealed "/etc/crypttab.initramfs:1 (PCR 8)"
}

@test "options on the kernel command line, with and without rd. and a UUID" {
	sealed entry "root=/dev/x rd.luks.options=tpm2-device=auto quiet"
	sealed entry "luks.options=discard,tpm2-device=auto"
	sealed "entry (PCR 4, 9)" "rd.luks.options=01234567-89ab-cdef-0123-456789abcdef=tpm2-device=auto,tpm2-pcrs=4+9"
	sealed none "rd.luks.options=discard"
	sealed none "rd.luks.options=tpm2-device=auto,tpm2-pcrs=7"
}

@test "a token in the header without any option: systemd's and Clevis', nested ones too; Tang's is none" {
	crypttab
	enrolled 9
	sealed "/etc/crypttab:1 (PCR 9)"
	enrolled '' '"tpm2_pubkey_pcrs": [11], "tpm2_pubkey": "AAAA"'
	sealed none # a boot loader without unified images leaves 11 alone
	enrolled '' '"tpm2_pcrlock": true'
	sealed "/etc/crypttab:1"
	clevis '{"pin":"tpm2","tpm2":{"hash":"sha256","key":"ecc","pcr_bank":"sha256","pcr_ids":"8,9"}}'
	sealed "/etc/crypttab:1 (PCR 8, 9)"
	clevis '{"pin":"tpm2","tpm2":{"hash":"sha256","key":"ecc","pcr_bank":"sha256","pcr_ids":"7"}}'
	sealed none
	clevis '{"pin":"tang","tang":{"url":"http://tang.example"}}'
	sealed none
	local inner
	inner=$(printf '{"clevis":{"pin":"tpm2","tpm2":{"pcr_ids":"9"}}}' | base64 -w 0 | tr '+/' '-_' | tr -d =)
	clevis '{"pin":"sss","sss":{"t":1,"jwe":["'"$inner"'..x.y.z"]}}'
	sealed "/etc/crypttab:1 (PCR 9)"
}

@test "systemd-pcrlock's policy counts by its registers" {
	echo '{}' > "$root/var/lib/systemd/pcrlock.json"
	sealed /var/lib/systemd/pcrlock.json
	echo '{"pcrBank": "sha256", "pcrValues": [{"pcr": 4, "values": ["00"]}, {"pcr": 9, "values": ["11"]}]}' \
		> "$root/var/lib/systemd/pcrlock.json"
	sealed "/var/lib/systemd/pcrlock.json (PCR 4, 9)"
	echo '{"pcrBank": "sha256", "pcrValues": [{"pcr": 7, "values": ["00"]}]}' > "$root/var/lib/systemd/pcrlock.json"
	sealed none
}
