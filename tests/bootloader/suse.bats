#!/usr/bin/env bats
# openSUSE and SLE: stand-ins made by hand on Debian disks that are not booted. GRUB with perl-bootloader's
# update-bootloader, and the entries of sdbootutil with and without snapshots. suse-real.bats has the real programs in
# their place.
bats_require_minimum_version 1.5.0

PT="intel_iommu=on amd_iommu=on iommu=pt"

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/suse
	load ../lib/carry
	unset PBL SDBOOTUTIL
	judge=$(cat "$BATS_TEST_DIRNAME/../lib/judge.sh")
}

teardown() {
	machine_end
}

# sources FILE...: names, modes and contents.
sources() {
	in_machine "for f in $*; do [ ! -f \"\$f\" ] || { stat -c '%n %a %u:%g' \"\$f\"; sha256sum < \"\$f\"; }; done"
}

# --- GRUB ------------------------------------------------------------------------------------------------------------

# bats test_tags=boot
@test "SUSE's GRUB: four modes in a row, a kernel added in between, what is foreign stays, rollback gives it back" {
	grub2_four_modes
}

# bats test_tags=boot
@test "SUSE's GRUB: the words outlive update-bootloader and grub2-mkconfig, and what they put against them is seen" {
	grub2_next_run
}

# bats test_tags=boot
@test "SUSE's GRUB: rollback gives /etc/default/grub back, unless update-bootloader has edited it since" {
	suse_grub_machine
	local before
	before=$(sources /etc/iommu.target '/etc/default/grub*')
	grub2_set pt
	[ "$(sources /etc/iommu.target '/etc/default/grub*')" != "$before" ]
	in_machine 'iommu-install rollback --initramfs=none'
	diff <(sources /etc/iommu.target '/etc/default/grub*') <(echo "$before")
	grub2_set pt
	in_machine 'update-bootloader --add-option quiet2'
	run -5 in_machine 'iommu-install rollback --initramfs=none'
	[[ $output == *"SOURCE_CHANGED: /etc/default/grub"* ]]
}

# bats test_tags=boot
@test "SUSE's GRUB: the image is initrd-RELEASE, and found is which back end without it being named" {
	suse_grub_machine
	in_machine 'sed -n "s/^[[:space:]]*linux[[:space:]]*[^ ]*/BOOT_IMAGE=x/p" /boot/grub2/grub.cfg |
		sed "s/ \${extra_cmdline}//;q" > /run/line
		mount --bind /run/line /proc/cmdline; iommu-install pt --force --on-mismatch=halt'
	grub2_carry "$PT"
	[ "$(in_machine "$judge"'; target_in /boot/initrd-6* | head -n 1; ls /boot | grep -c initrd')" = \
		"mode=pt
2" ]
	run in_machine 'iommu-install check --json'
	[ "$(jq -r '[.entries[] | "\(.hook) \(.target)"] | unique | join(" ")' <<<"$output")" = "true pt" ]
}

# bats test_tags=boot
@test "SUSE's kernels pass through by default: strict says iommu=nopt too" {
	suse_grub_machine
	in_machine 'echo CONFIG_IOMMU_DEFAULT_PASSTHROUGH=y >> /usr/lib/modules/6*/config'
	grub2_set strict
	grub2_carry "intel_iommu=on amd_iommu=on iommu=nopt"
	grub2_set pt
	grub2_carry "$PT"
}

# bats test_tags=boot
@test "what YaST reads /etc/default/grub with, Augeas's sysconfig lens, reads what we wrote" {
	suse_grub_machine
	grub2_set pt
	mkdir -p "$BATS_TEST_TMPDIR/yast/etc/default"
	in_machine 'cat /etc/default/grub' >"$BATS_TEST_TMPDIR/yast/etc/default/grub"
	run -0 augtool --noload --noautoload --root "$BATS_TEST_TMPDIR/yast" \
		--transform 'Sysconfig.lns incl /etc/default/grub' <<-EOF2
		load
		get /files/etc/default/grub/GRUB_CMDLINE_LINUX
		get /files/etc/default/grub/GRUB_CMDLINE_LINUX_DEFAULT
	EOF2
	[[ $output == \
		*"GRUB_CMDLINE_LINUX = $PT"*"GRUB_CMDLINE_LINUX_DEFAULT = splash=silent quiet iommu=noagp crypt=a,b"* ]]
}

# --- /etc/default/grub, in a tree -------------------------------------------------------------------------------------

suse_tree() {
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree"/{boot/grub2,dev,etc/default,etc/sysconfig,proc,run,sys,usr/sbin,var/lib} \
		"$tree/lib/modules/6.4.0-1-default"
	touch "$tree/boot/vmlinuz-6.4.0-1-default" "$tree/boot/initrd-6.4.0-1-default"
	echo >"$tree/boot/config-6.4.0-1-default"
	echo 'LOADER_TYPE="grub2-efi"' >"$tree/etc/sysconfig/bootloader"
	local program
	for program in grub2-mkconfig update-bootloader; do printf '#!/bin/sh\n' >"$tree/usr/sbin/$program"; done
	chmod 755 "$tree"/usr/sbin/*
	# shellcheck disable=SC2016 # as GRUB has it
	printf '%s\n' '### BEGIN /etc/grub.d/10_linux ###' 'menuentry x {' \
		'linux /boot/vmlinuz-6.4.0-1-default root=UUID=1 ${extra_cmdline} splash=silent' \
		'initrd /boot/initrd-6.4.0-1-default' '}' \
		'### END /etc/grub.d/10_linux ###' >"$tree/boot/grub2/grub.cfg"
}

# becomes TEXT TEXT: what pt makes of that /etc/default/grub, both as printf(1) has them.
becomes() {
	# shellcheck disable=SC2059 # they are formats
	printf "$1" >"$tree/etc/default/grub"
	rm -rf "$tree/var/lib/iommu"
	"$INSTALLER" --root "$tree" pt --initramfs=none
	# shellcheck disable=SC2059
	diff "$tree/etc/default/grub" <(printf "$2")
}

# damaged TEXT MESSAGE
damaged() {
	# shellcheck disable=SC2059 # it is a format
	[[ $1 == - ]] || printf "$1" >"$tree/etc/default/grub"
	local before
	before=$(find "$tree"/{boot,etc,usr} -type f -exec sha256sum {} +)
	run -1 "$INSTALLER" --root "$tree" pt --initramfs=none
	echo "$output"
	[[ $output == "iommu-install: /etc/default/grub$2"* && $(wc -l <<<"$output") = 1 ]]
	[ "$(find "$tree"/{boot,etc,usr} -type f -exec sha256sum {} +)" = "$before" ]
}

# bats test_tags=boot
@test "the words go to the line that counts, and every other byte of /etc/default/grub stays" {
	suse_tree
	becomes 'GRUB_CMDLINE_LINUX=""\n' "GRUB_CMDLINE_LINUX=\"$PT\"\n"
	becomes "GRUB_CMDLINE_LINUX='a  b' # c\n" "GRUB_CMDLINE_LINUX='a  b $PT' # c\n"
	becomes 'GRUB_CMDLINE_LINUX=a\nX=1' "GRUB_CMDLINE_LINUX=\"a $PT\"\nX=1"
	becomes 'export GRUB_CMDLINE_LINUX=\n' "export GRUB_CMDLINE_LINUX=\"$PT\"\n"
	becomes 'GRUB_CMDLINE_LINUX="a iommu=off"\n  GRUB_CMDLINE_LINUX="b"' \
		"GRUB_CMDLINE_LINUX=\"a\"\n  GRUB_CMDLINE_LINUX=\"b $PT\""
	becomes 'X=1\n#GRUB_CMDLINE_LINUX="iommu=off"' \
		"X=1\n#GRUB_CMDLINE_LINUX=\"iommu=off\"\nGRUB_CMDLINE_LINUX=\"$PT\"\n"
	becomes 'GRUB_CMDLINE_LINUX="x -- iommu=off"\n' "GRUB_CMDLINE_LINUX=\"x $PT -- iommu=off\"\n"
	becomes 'GRUB_CMDLINE_LINUX_RECOVERY="single intel_iommu=off"\r\nGRUB_CMDLINE_LINUX="a"\r\n' \
		"GRUB_CMDLINE_LINUX_RECOVERY=\"single\"\r\nGRUB_CMDLINE_LINUX=\"a $PT\"\r\n"
	# TuneD's line has to be worked out by the shell, and stays.
	becomes 'GRUB_CMDLINE_LINUX_DEFAULT="${GRUB_CMDLINE_LINUX_DEFAULT:+$GRUB_CMDLINE_LINUX_DEFAULT }'\
'\\$tuned_params"\nGRUB_CMDLINE_LINUX=\n' \
		"GRUB_CMDLINE_LINUX_DEFAULT=\"\${GRUB_CMDLINE_LINUX_DEFAULT:+\$GRUB_CMDLINE_LINUX_DEFAULT }\
\\\\\$tuned_params\"\nGRUB_CMDLINE_LINUX=\"$PT\"\n"
	becomes 'GRUB_CMDLINE_LINUX="dyndbg=\\"file x +p\\" iommu=off"\n' \
		"GRUB_CMDLINE_LINUX=\"dyndbg=\\\\\"file x +p\\\\\" $PT\"\n"
	# Xen's entries are not ours.
	becomes 'GRUB_CMDLINE_LINUX_XEN_REPLACE="iommu=off"\nGRUB_CMDLINE_LINUX=\n' \
		"GRUB_CMDLINE_LINUX_XEN_REPLACE=\"iommu=off\"\nGRUB_CMDLINE_LINUX=\"$PT\"\n"
	becomes "# $(printf '%1048576s' x)\nGRUB_CMDLINE_LINUX=\"%1048576s\"\n" \
		"# $(printf '%1048576s' x)\nGRUB_CMDLINE_LINUX=\"$PT\"\n"
}

# bats test_tags=boot
@test "an /etc/default/grub that is damaged, or only the shell can work out, is named by its line, nothing is changed" {
	suse_tree
	damaged 'X=1\nGRUB_CMDLINE_LINUX="a b' ":2: the value does not end on this line"
	damaged 'X=1\nGRUB_CMDLINE_LINUX="a \\\nb"\n' ":2: the value does not end on this line"
	damaged 'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX+=" iommu=off"\n' \
		":2: words about the IOMMU where they can't be told for sure"
	damaged 'GRUB_CMDLINE_LINUX="$(iommu=off) a"\n' ":1: words about the IOMMU where they can't be told for sure"
	damaged 'X=1\n\nGRUB_CMDLINE_LINUX="$X b"\n' ":3: GRUB_CMDLINE_LINUX has no plain value"
	damaged 'X=1\nY=\0\n' ":2: "
	head -c 4096 /dev/urandom >"$tree/etc/default/grub"
	printf '\0' >>"$tree/etc/default/grub"
	damaged - ":"
	rm "$tree/etc/default/grub"
	damaged - ": No such file or directory"
	mkdir "$tree/etc/default/grub"
	damaged - ": Is a directory"
}

# --- sdbootutil ------------------------------------------------------------------------------------------------------

in_esp() {
	in_machine() { in_efi_machine "$1"; }
	suse_efi_machine "$1" quick
}

SDBOOTUTIL_FILES="/etc/iommu.target /etc/kernel/cmdline '/etc/kernel/cmdline.d/*' '/boot/efi/loader/entries/*' \
'/boot/efi/*/*/*'"

# The target in the image that each entry names, in the order of the entries.
image_targets() {
	in_machine "$judge; for i in \$($ENTRY_IMAGES); do target_in \$i | head -n 1; done" | xargs
}

# bats test_tags=boot
@test "sdbootutil: four modes in a row, a kernel added in between, what is foreign stays, rollback gives it back" {
	in_esp systemd-boot
	sdbootutil_four_modes
}

# bats test_tags=boot
@test "sdbootutil with grub2-bls: the same" {
	in_esp grub2-bls
	sdbootutil_four_modes
}

# bats test_tags=boot
@test "sdbootutil: an entry gets words and image by one rename, no image there is touched, none of ours is left over" {
	in_esp systemd-boot
	local before first second
	before=$(sources "$SDBOOTUTIL_FILES")
	first=$(in_machine "$ENTRY_IMAGES; sha256sum \$($ENTRY_IMAGES)")
	sdbootutil_set pt --on-mismatch=halt
	second=$(in_machine "$ENTRY_IMAGES")
	[[ $second == */initrd-iommu-???????????????? ]]
	[ "$(image_targets)" = mode=pt ]
	[ "$(in_machine "ls ${first%%$'\n'*}; sha256sum ${first%%$'\n'*}")" = "$first" ]
	sdbootutil_set strict
	[ "$(image_targets)" = mode=strict ]
	[ "$(in_machine 'ls /boot/efi/*/*/initrd-* | grep -c iommu')" = 1 ]
	in_machine 'iommu-install rollback'
	[ "$(in_machine "$ENTRY_IMAGES") $(image_targets)" = "$second mode=pt" ]
	sdbootutil_carry "$PT"
	sdbootutil_set off-for-uio
	in_machine 'iommu-install remove'
	[[ $(image_targets) != *mode=* ]]
	run ! in_machine "$ENTRY_LINES | grep _iommu"
	sdbootutil_set pt --on-mismatch=halt
	in_machine 'iommu-install check --json' >"$BATS_TEST_TMPDIR/json" || :
	[ "$(jq -r '.entries[] | "\(.mode) \(.target) \(.hook) \(.counted)"' "$BATS_TEST_TMPDIR/json")" = \
		"pt pt true true" ]
}

# bats test_tags=boot
@test "sdbootutil: an image is named as its own file system has it, also behind one with somebody else's entries" {
	in_esp systemd-boot
	run -0 in_machine 'mkdir /efi && mount -t tmpfs tmpfs /efi && mkdir -p /efi/loader/entries
		printf "title memtest\nefi /memtest.efi\n" > /efi/loader/entries/memtest.conf; touch /efi/memtest.efi
		iommu-install pt --force --backend=sdbootutil --on-mismatch=halt; iommu-install check
		name=$(sed -n "s/^initrd *//p" /boot/efi/loader/entries/*.conf); echo "$name"; ls /boot/efi$name'
	[[ ${lines[-2]} == /*/*/initrd-iommu-* && ${lines[-1]} == "/boot/efi${lines[-2]}" ]]
}

# bats test_tags=boot
@test "sdbootutil: rollback of the first change gives every file back" {
	in_esp systemd-boot
	local before
	before=$(sources "$SDBOOTUTIL_FILES")
	sdbootutil_set pt --on-mismatch=halt
	in_machine 'iommu-install rollback'
	diff <(sources "$SDBOOTUTIL_FILES") <(echo "$before")
}

# bats test_tags=boot
@test "sdbootutil: an image that it makes anew, and a later kernel's, have the check and what the line gives" {
	in_esp systemd-boot
	sdbootutil_set pt --on-mismatch=halt
	in_machine "$SDBOOTUTIL_KERNEL"
	in_machine 'sdbootutil mkinitrd'
	[[ $(in_machine "$ENTRY_IMAGES") != *iommu* ]]
	[ "$(image_targets)" = "mode=pt mode=pt" ]
	sdbootutil_set strict
	[ "$(image_targets)" = "mode=strict mode=strict" ]
	sdbootutil_carry "intel_iommu=on amd_iommu=on"
}

# bats test_tags=boot
@test "sdbootutil: an image that can't be made leaves everything as it was, the EFI system partition too" {
	in_esp systemd-boot
	sdbootutil_set pt --on-mismatch=halt
	local before
	before=$(sources "$SDBOOTUTIL_FILES")
	in_machine 'touch /root/dracut-fails'
	run -1 sdbootutil_set strict
	[[ $output == *"dracut failed"*"everything is as it was before"* ]]
	diff <(sources "$SDBOOTUTIL_FILES") <(echo "$before")
	run -5 in_machine 'rm /root/dracut-fails
		fallocate -l $(($(df --output=avail -k /boot/efi | tail -n 1) - 512))K /boot/efi/fill
		iommu-install strict --force --backend=sdbootutil; s=$?; rm /boot/efi/fill; exit $s'
	[[ $output == *"BOOT_SPACE: /boot/efi/loader/entries has 512 KiB free"* ]]
	diff <(sources "$SDBOOTUTIL_FILES") <(echo "$before")
}

# bats test_tags=boot
@test "sdbootutil: entries of other snapshots keep line and image, which belong together; listed, not counted" {
	in_esp systemd-boot
	in_machine() { in_snapshot 1 "$1"; }
	in_machine 'rm -r /boot/efi/loader/entries/* /boot/efi/0*; sdbootutil add-kernel $(ls /usr/lib/modules)'
	sdbootutil_set pt --on-mismatch=halt
	in_machine 'sdbootutil add-all-kernels 2' # snapper's plug-in, when it makes a snapshot
	[ "$(in_machine "$ENTRY_IMAGES" | sort -u | wc -l)" = 1 ]
	sdbootutil_set strict
	[ "$(image_targets)" = "mode=strict mode=pt" ]
	[ "$(in_machine "$ENTRY_LINES | grep -o 'iommu=pt\|snapshots/./'" | xargs)" = \
		"snapshots/1/ iommu=pt snapshots/2/" ]
	run in_machine 'iommu-install check --json'
	[ "$(jq -r '[.entries[] | "\(.mode) \(.target) \(.counted)"] | join(", ")' <<<"$output")" = \
		"strict strict true, pt pt false" ]
	in_machine 'iommu-install rollback'
	[ "$(image_targets)" = "mode=pt mode=pt" ]
	in_machine 'iommu-install remove'
	[[ $(image_targets) != *strict* && $(in_machine "$ENTRY_LINES" | grep -c _iommu) = 1 ]]
}

# bats test_tags=boot
@test "sdbootutil: entries of a kernel that has gone, and of another system, stay; a last line gets its end" {
	in_esp systemd-boot
	in_machine 'cd /boot/efi/loader/entries && sed "s/^version .*/version 6.1.0-gone/" *.conf > gone.conf
		sed "s/^machine-id .*/machine-id ffffffffffffffffffffffffffffffff/; /^sort-key/d" 0*.conf > other.conf
		echo "sort-key other" >> other.conf
		cp gone.conf other.conf /root; truncate -s -1 /etc/kernel/cmdline'
	sdbootutil_set pt --on-mismatch=halt
	in_machine 'cd /boot/efi/loader/entries; cmp gone.conf /root/gone.conf; cmp other.conf /root/other.conf
		tail -c 1 /etc/kernel/cmdline | cmp - <(echo)'
	run in_machine 'iommu-install check --json'
	[ "$(jq -r '[.entries[].counted] | join(" ")' <<<"$output")" = "true false false" ]
	in_machine 'rm /boot/efi/loader/entries/{gone,other}.conf /etc/kernel/cmdline'
	sdbootutil_set strict
	in_machine 'grep "root=LABEL=iommuroot.*amd_iommu=on$" /etc/kernel/cmdline'
}

# bats test_tags=boot
@test "sdbootutil: killed, and with a full disk, while pt becomes strict: every entry starts, and resume finishes" {
	load ../lib/kill
	in_machine() { in_efi_machine "$1"; }
	KILL_MACHINE="suse_efi_machine systemd-boot quick"
	kill_points strict kill 23
	kill_points rollback ENOSPC 47
}

# esp_damaged FILE SCRIPT MESSAGE
esp_damaged() {
	local before
	in_machine "cp -a $1 /root/kept; $2"
	before=$(sources "$SDBOOTUTIL_FILES")
	run -1 sdbootutil_set pt
	echo "$output"
	output=$(grep -v "^sed: read error on .*$1" <<<"$output") # the harness's
	[[ $output == "iommu-install: $3"* && $(wc -l <<<"$output") = 1 ]]
	[ "$(sources "$SDBOOTUTIL_FILES")" = "$before" ]
	in_machine "rm -rf $1; cp -a /root/kept $1"
}

# bats test_tags=boot
@test "sdbootutil: a damaged command line is named, with file and line, nothing is changed; a damaged entry is none" {
	in_esp systemd-boot
	local entry
	entry=$(in_machine 'ls /boot/efi/loader/entries/*')
	# What is no entry is in nobody's way.
	in_machine "cd /boot/efi/loader/entries; printf 'title x\nlinux /a\0b\n' > x.conf; printf 'title y\n' > y.conf
		mkdir z.conf"
	esp_damaged /etc/kernel/cmdline "printf 'root=x\n\0' > /etc/kernel/cmdline" "/etc/kernel/cmdline:2: "
	esp_damaged /etc/kernel/cmdline.d/apparmor.conf "printf '\n\n\0' > /etc/kernel/cmdline.d/apparmor.conf" \
		"/etc/kernel/cmdline.d/apparmor.conf:3: "
	esp_damaged /etc/kernel/cmdline "rm /etc/kernel/cmdline; mkdir /etc/kernel/cmdline" \
		"/etc/kernel/cmdline: Is a directory"
	in_machine "sed -i 's/\$/\r/' $entry; printf '# %1048576s\n' x >> $entry"
	sdbootutil_set pt --initramfs=none
	in_machine "grep \$'^options.* $PT\r\$' $entry; [ \$(stat -c %s $entry) -gt 1048576 ]"
}

# bats test_tags=boot
@test "sdbootutil: a contrary parameter in a drop-in of the distribution is refused by file and line; a mask helps" {
	in_esp systemd-boot
	in_machine 'mkdir -p /usr/kernel/cmdline.d; printf "quiet\nintel_iommu=on\n" > /usr/kernel/cmdline.d/50-x.conf'
	run -5 in_machine 'iommu-install off-for-uio --backend=sdbootutil'
	[[ $output == *"LINE_OVERRIDDEN: 'intel_iommu=on' is set in /usr/kernel/cmdline.d/50-x.conf:2"* ]]
	in_machine 'mkdir -p /etc/kernel/cmdline.d; : > /etc/kernel/cmdline.d/50-x.conf
		iommu-install off-for-uio --backend=sdbootutil'
}
