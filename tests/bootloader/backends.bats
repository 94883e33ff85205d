#!/usr/bin/env bats
# Boot loaders other than Debian's GRUB, on a real Debian system that is not booted. GRUB without grub.d is Debian's own
# with its patch taken out; Fedora's layout (entries that GRUB reads, grubenv) is a stand-in made by hand.
bats_require_minimum_version 1.5.0

PT="intel_iommu=on amd_iommu=on iommu=pt"

setup() {
	load ../lib/trees
	load ../lib/machine
	load ../lib/fedora
	load ../lib/carry
	judge=$(cat "$BATS_TEST_DIRNAME/../lib/judge.sh")
}

teardown() {
	machine_end
}

# What a change may touch, with owner and mode, but for images.
sources() {
	in_machine 'for f in /etc/iommu.target /etc/default/grub /etc/default/grub.d/* /etc/kernel/cmdline \
		/boot/loader/entries/* /boot/grub2/grubenv; do
		[ ! -e "$f" ] || { stat -c "%n %a %u:%g" "$f"; sha256sum < "$f"; }; done'
}

# --- GRUB without grub.d ---------------------------------------------------------------------------------------------

GRUB_LINES='sed -n "s/^[[:space:]]*linux[[:space:]]*[^ ]*vmlinuz[^ ]*[[:space:]]*//p" /boot/grub/grub.cfg'

grub_file_machine() {
	quick_machine
	in_machine 'sed -i "s#default/grub\.d#default/other.d#" /usr/sbin/grub-mkconfig
		printf "# mine\nGRUB_CMDLINE_LINUX=\"console=ttyS0 iommu=soft,noagp crypt=a,b\" # note\n\
GRUB_TIMEOUT=1" > /etc/default/grub
		update-grub 2>/dev/null'
}

# bats test_tags=boot
@test "GRUB without grub.d: four modes, a kernel added in between, what is foreign stays, rollback gives it back" {
	grub_file_machine
	local mode words
	while read -r mode words; do
		in_machine "iommu-install $mode --force --backend=grub-file --initramfs=none"
		carry "$words" "$GRUB_LINES | sed 's/iommu=noagp/foreign/'"
		[ "$mode" != strict ] || in_machine 'cd /boot && k=$(ls vmlinuz-6* | head -n 1) &&
			cp $k vmlinuz-6.1.0-99-amd64 && cp config-${k#vmlinuz-} config-6.1.0-99-amd64 &&
			cp initrd.img-${k#vmlinuz-} initrd.img-6.1.0-99-amd64 && update-grub 2>/dev/null'
		carry "$words" "$GRUB_LINES | sed 's/iommu=noagp/foreign/'"
		in_machine 'grep -x "# mine" /etc/default/grub
			grep -c "BEGIN iommu-install" /etc/default/grub | grep -x 1'
	done <<< "$FOUR_MODES"
	in_machine 'iommu-install rollback --initramfs=none'
	carry "intel_iommu=on amd_iommu=on" "$GRUB_LINES | sed 's/iommu=noagp/foreign/'"
	in_machine 'iommu-install remove --initramfs=none'
	run -0 in_machine "$GRUB_LINES"
	[[ $output != *intel_iommu* && $output == *"console=ttyS0"*"crypt=a,b"* ]]
	run ! in_machine 'grep -q iommu-install /etc/default/grub'
}

@test "GRUB without grub.d: rollback of the first change gives /etc/default/grub back byte for byte" {
	grub_file_machine
	local before
	before=$(sources)
	in_machine 'iommu-install pt --force --initramfs=none'
	[ "$(sources)" != "$before" ]
	in_machine 'iommu-install rollback --initramfs=none'
	diff <(sources) <(echo "$before")
}

# --- Fedora's layout -------------------------------------------------------------------------------------------------

@test "Fedora's layout: four modes, a kernel added in between, comments and keys stay, rollback gives all back" {
	fedora_machine
	local mode words
	while read -r mode words; do
		in_machine "iommu-install $mode --force --backend=bls --initramfs=none"
		carry "$words" "$BLS_LINES; cat /etc/kernel/cmdline"
		# The next kernel's entry is made from /etc/kernel/cmdline, which has to be complete, and newer than
		# what grub2-mkconfig reads.
		in_machine 'grep -q "root=UUID=1-2 ro console=ttyS0" /etc/kernel/cmdline
			[ ! /etc/kernel/cmdline -ot /etc/default/grub ]'
		in_machine '[ "$(grep -c "^# mine" /boot/loader/entries/*.conf | grep -c ":1$")" -ge 3 ]
			grep -q "^grub_users" /boot/loader/entries/*-0-rescue.conf'
		[ "$mode" != strict ] || in_machine 'cd /boot && k=6.1.0-90.fc38.x86_64 &&
			cp vmlinuz-$k vmlinuz-6.1.0-91.fc38.x86_64 && cp config-$k config-6.1.0-91.fc38.x86_64 &&
			cp initrd.img-$k initrd.img-6.1.0-91.fc38.x86_64 &&
			sed "s/0-90/0-91/g; s#^options.*#options $(cat /etc/kernel/cmdline)#" \
				loader/entries/'$ID'-$k.conf > loader/entries/'$ID'-6.1.0-91.fc38.x86_64.conf'
	done <<< "$FOUR_MODES"
	in_machine 'iommu-install rollback --initramfs=none'
	carry "intel_iommu=on amd_iommu=on" "$BLS_LINES; cat /etc/kernel/cmdline"
}

# bats test_tags=boot
@test "Fedora's layout: rollback of the first change gives every file back, and a kernel that came since its words" {
	fedora_machine
	local before
	before=$(sources)
	in_machine 'iommu-install pt --force --backend=bls --initramfs=none'
	in_machine 'iommu-install rollback --initramfs=none'
	diff <(sources) <(echo "$before")
	in_machine 'iommu-install pt --force --backend=bls --initramfs=none
		cd /boot && k=6.1.0-90.fc38.x86_64 && cp vmlinuz-$k vmlinuz-6.1.0-91 && cp config-$k config-6.1.0-91 &&
		cp initrd.img-$k initrd.img-6.1.0-91 &&
		sed "s/0-90.fc38.x86_64/0-91/g; s#^options.*#options $(cat /etc/kernel/cmdline)#" \
			loader/entries/'$ID'-$k.conf > loader/entries/'$ID'-6.1.0-91.conf
		iommu-install rollback --initramfs=none'
	in_machine 'grep "^options.*iommu=soft" /boot/loader/entries/'$ID'-6.1.0-91.conf'
	run ! in_machine 'grep -E "^options.*(intel_iommu|iommu=pt)" /boot/loader/entries/'$ID'-6.1.0-91.conf'
}

# bats test_tags=boot
@test "Fedora's layout: rollback to a line whose words about the IOMMU stood in a list with others" {
	fedora_machine
	in_machine 'sed -i "s/iommu=soft/iommu=soft,noagp/" /boot/loader/entries/*.conf'
	local before
	before=$(sources)
	in_machine 'iommu-install pt --force --backend=bls --initramfs=none && iommu-install rollback --initramfs=none'
	diff <(sources) <(echo "$before")
}

# bats test_tags=boot
@test "Fedora's layout: remove takes out words that grubby has copied to /etc/default/grub, where they can be told" {
	fedora_machine
	in_machine 'iommu-install pt --force --backend=bls --initramfs=none
		sed -i "s/^GRUB_CMDLINE_LINUX=.*/GRUB_CMDLINE_LINUX=\"console=ttyS0 '"$PT"'\"/" /etc/default/grub
		echo "GRUB_CMDLINE_LINUX_DEFAULT=\"\$x iommu=pt\" # mine" >> /etc/default/grub
		iommu-install remove --initramfs=none'
	[ "$(in_machine 'cat /etc/default/grub')" = $'GRUB_CMDLINE_LINUX="console=ttyS0"\nGRUB_ENABLE_BLSCFG=true\n'\
$'GRUB_CMDLINE_LINUX_DEFAULT="$x iommu=pt" # mine' ]
	# The file that we made for later kernels goes too.
	run -0 in_machine "$BLS_LINES; [ ! -e /etc/kernel/cmdline ]"
	[[ $output != *intel_iommu* && $output != *iommu=pt* && $output == *"console=ttyS0"* ]]
}

# bats test_tags=boot
@test "EL 8's layout: a grubenv without room for the words is refused, and nothing is changed" {
	fedora_machine kernelopts
	in_machine 'grub-editenv /boot/grub2/grubenv set "kernelopts=root=UUID=1-2 $(printf "%0930d" 1)"'
	local before
	before=$(sources)
	run -1 in_machine 'iommu-install pt --force --backend=bls --initramfs=none'
	[[ $output == *"/boot/grub2/grubenv: no room for the mode's kernel parameters in kernelopts"* ]]
	diff <(sources) <(echo "$before")
}

# bats test_tags=boot
@test "Fedora's layout: a second options line, which grubby reads and GRUB does not, loses its words about the IOMMU" {
	fedora_machine
	in_machine 'echo "options iommu=nopt two=2" >> /boot/loader/entries/'$ID'-6.1.0-90.fc38.x86_64.conf
		iommu-install pt --force --backend=bls --initramfs=none
		grep -x "options two=2" /boot/loader/entries/'$ID'-6.1.0-90.fc38.x86_64.conf'
}

# bats test_tags=boot
@test "EL 8's layout: entries that say \$kernelopts get their words in grubenv, which stays a block of 1024 bytes" {
	fedora_machine kernelopts
	in_machine 'iommu-install pt --force --backend=bls --initramfs=none'
	[ "$(in_machine 'grub-editenv /boot/grub2/grubenv list' | sed -n 's/^kernelopts=//p')" = \
		"root=UUID=1-2 ro console=ttyS0 $PT" ]
	[ "$(in_machine 'stat -c %s /boot/grub2/grubenv
		grub-editenv /boot/grub2/grubenv list | grep -v kernelopts' | xargs)" = \
		"1024 saved_entry=x boot_success=0" ]
	[ "$(in_machine 'grep -h ^options /boot/loader/entries/* | sort -u')" = 'options $kernelopts' ]
	run -0 in_machine 'iommu-install check --verbose; [ $? = 2 ] # its images hold no check'
	[[ $output == *"pt by its kernel parameters"*"root=UUID=1-2 ro console=ttyS0 $PT"* ]]
	in_machine 'iommu-install rollback --initramfs=none; grub-editenv /boot/grub2/grubenv list | grep "iommu=soft"'
}

# bats test_tags=boot
@test "Fedora's layout: the image that dracut makes is the one that the entry names, initramfs-RELEASE.img" {
	fedora_machine - dracut
	in_machine 'cd /boot && for f in initrd.img-*; do mv $f initramfs-${f#initrd.img-}.img; done
		sed -i -E "s#^initrd /initrd.img-([^ ]*)#initrd /initramfs-\1.img#" loader/entries/*.conf
		rm vmlinuz-6.1.0-90* initramfs-6.1.0-90* loader/entries/*-90.*
		iommu-install pt --force --on-mismatch=halt --backend=bls'
	[ "$(in_machine 'ls /boot | grep -c initrd')" = 0 ]
	[ "$(in_machine "$judge"'; target_in /boot/initramfs-6*.img | head -n 1')" = mode=pt ]
	run in_machine 'iommu-install check --json'
	[ "$(jq -r '.entries[] | select(.kernel | startswith("6.1")) | "\(.hook) \(.target)"' <<< "$output")" = \
		"true pt" ]
	run ! in_machine 'lsinitrd /boot/initramfs-0-rescue* | grep iommu-verify'
}

# bats test_tags=boot
@test "a rescue entry, whose image has no check by design, stays as it is, and is listed, not counted, by check" {
	fedora_machine
	local before
	before=$(in_machine 'cat /boot/loader/entries/*-0-rescue.conf')
	in_machine 'iommu-install pt --force --backend=bls'
	[ "$(in_machine 'cat /boot/loader/entries/*-0-rescue.conf')" = "$before" ]
	run -0 in_machine 'iommu-install check --json; [ $? -le 2 ]'
	[ "$(jq -r '.entries[] | select(.kernel | startswith("0-rescue")) | "\(.counted) \(.hook)"' <<< "$output")" = \
		"false false" ]
	in_machine 'iommu-install remove'
	[ "$(in_machine 'cat /boot/loader/entries/*-0-rescue.conf')" = "$before" ]
}

# bats test_tags=boot
@test "a rescue entry of Fedora's kind with a normal image is this system's, as its kernel has modules here" {
	fedora_machine
	in_machine 'cd /boot/loader/entries
		sed -i "s,^initrd.*,initrd /initrd.img-6.1.0-90.fc38.x86_64," *-0-rescue.conf
		cp --remove-destination /boot/vmlinuz-6.1.0-50* "$(ls /boot/vmlinuz-0-rescue-*)"
		iommu-install pt --force --backend=bls
		grep "^options.* intel_iommu=on amd_iommu=on iommu=pt" *-0-rescue.conf'
}

# bats test_tags=boot
@test "an entry of an equal release whose root= is another file system that is present stays, and it is said why" {
	fedora_machine
	in_machine 'mknod /dev/vdb1 b 7 99; ln -s ../../vdb1 /dev/disk/by-uuid/2222-3333
		cd /boot/loader/entries; sed "s/UUID=1-2/UUID=2222-3333/" '$ID'-6.1.0-90.fc38.x86_64.conf > other.conf
		cp other.conf /root; iommu-install pt --force --backend=bls --initramfs=none
		cmp other.conf /root/other.conf
		iommu-install check --verbose > /host/check || :'
	[ "$(grep -c "not counted: .*root=" "$BATS_TEST_TMPDIR/check")" = 1 ]
	# Where nothing of that name is present it names no other system.
	in_machine 'iommu-install pt --force --backend=bls --initramfs=none
		grep "UUID=2222-3333.* iommu=pt" /boot/loader/entries/other.conf'
}

# bats test_tags=boot
@test "entries with the machine-id of whoever built the guest's image are set where it runs, whatever machine-id is" {
	fedora_machine
	local id mode seen=0
	while read -r mode id; do
		in_machine "echo 'BOOT_IMAGE=(hd0)/vmlinuz root=UUID=1-2 ro console=ttyS0' > /run/line
			mount --bind /run/line /proc/cmdline
			echo '$id' > /etc/machine-id; iommu-install $mode --force"
		run in_machine 'iommu-install check --json'
		[ "$(jq -r '[.entries[] | select(.counted) | .mode] | join(" ")' <<< "$output")" = "$mode $mode" ]
		seen=$((seen + 1))
	done <<-'EOF'
		pt ffffffffffffffffffffffffffffffff
		strict uninitialized
		pt
	EOF
	[ "$seen" = 3 ]
}

# bats test_tags=boot
@test "the entry that started this boot is this system's, without modules too" {
	fedora_machine
	# A copy of a kernel would be known by its header, which has modules here.
	in_machine 'cd /boot; echo kernel > vmlinuz-5.4.0-whole; cp initrd.img-6.1.0-90* initrd.img-5.4.0-whole
		sed "s/6.1.0-90.fc38.x86_64/5.4.0-whole/g; s/^options .*/& whole/" \
			loader/entries/'$ID'-6.1.0-90.fc38.x86_64.conf > loader/entries/whole.conf
		iommu-install pt --force --backend=bls --initramfs=none
		! grep iommu=pt loader/entries/whole.conf || exit 1
		iommu-install remove --initramfs=none; rm -r /var/lib/iommu
		echo "BOOT_IMAGE=(hd0)/vmlinuz-5.4.0-whole root=UUID=1-2 ro console=ttyS0 whole" > /run/line
		echo 5.4.0-whole > /run/release; mount --bind /run/line /proc/cmdline
		mount --bind /run/release /proc/sys/kernel/osrelease
		iommu-install pt --force --initramfs=none; grep iommu=pt loader/entries/whole.conf'
}

# bats test_tags=boot
@test "an /etc/kernel/cmdline with the words about the IOMMU alone is made complete from the newest entry" {
	fedora_machine
	in_machine 'echo "iommu=pt" > /etc/kernel/cmdline; iommu-install strict --force --backend=bls --initramfs=none'
	[ "$(in_machine 'cat /etc/kernel/cmdline' | xargs)" = \
		"root=UUID=1-2 ro console=ttyS0 \$tuned_params intel_iommu=on amd_iommu=on" ]
}

# bats test_tags=boot
@test "a machine that no entry's line has booted is refused: BOOTLOADER_UNPROVEN; with the line of one it is taken" {
	fedora_machine
	local before
	before=$(sources)
	in_machine 'echo "root=/dev/other ro" > /run/line; mount --bind /run/line /proc/cmdline
		iommu-install pt --force --initramfs=none; [ $? = 5 ]' 2> "$BATS_TEST_TMPDIR/err"
	grep "BOOTLOADER_UNPROVEN: .*--backend=bls" "$BATS_TEST_TMPDIR/err"
	[ "$(sources)" = "$before" ]
	in_machine 'echo "BOOT_IMAGE=(hd0)/vmlinuz root=UUID=1-2 ro console=ttyS0" > /run/line
		mount --bind /run/line /proc/cmdline
		iommu-install pt --force --initramfs=none'
}

# --- Damage ----------------------------------------------------------------------------------------------------------

# damaged FILE SCRIPT TEXT: with FILE changed by SCRIPT the mode is refused by one line with TEXT, and nothing is
# changed.
damaged() {
	local before
	in_machine "cp -a $1 /root/kept; $2"
	before=$(sources)
	run -1 in_machine 'iommu-install pt --force --backend=bls --initramfs=none'
	echo "$output"
	[[ $output == *"iommu-install: "*"$3"* && $(wc -l <<< "$output") = 1 ]]
	[ "$(sources)" = "$before" ]
	in_machine "cp -a /root/kept $1"
}

# bats test_tags=boot
@test "a boot entry that is damaged, or is none, stays as it is, and is in nobody's way" {
	fedora_machine
	local entry=/boot/loader/entries/$ID-6.1.0-90.fc38.x86_64.conf damage seen=0
	while IFS= read -r damage; do
		in_machine "rm -rf $entry; $damage > /root/damage; cp -a /root/damage $entry
			iommu-install pt --force --backend=bls --initramfs=none; cmp /root/damage $entry
			iommu-install rollback --initramfs=none; cmp /root/damage $entry"
		seen=$((seen + 1))
	done <<-'EOF'
		printf 'title x\nlinux /a\0b\n'
		head -c 12 /dev/urandom | tr -d '\0'
		:
	EOF
	in_machine "rm $entry; mkdir $entry; iommu-install pt --force --backend=bls --initramfs=none; [ -d $entry ]"
	[ "$seen" = 3 ]
}

# bats test_tags=boot
@test "grubenv or /etc/kernel/cmdline that is damaged is named, with the line, and nothing is changed" {
	fedora_machine
	damaged /boot/grub2/grubenv "echo rubbish > /boot/grub2/grubenv" \
		"/boot/grub2/grubenv:1: this is no GRUB environment block"
	in_machine 'cp -a /etc/default/grub /etc/kernel/cmdline'
	damaged /etc/kernel/cmdline "printf 'root=x\0\n' > /etc/kernel/cmdline" "/etc/kernel/cmdline:1: "
}

# bats test_tags=boot
@test "entries with CRLF, without a final newline, with a line of 1 MiB, keep what they have" {
	fedora_machine
	local dir=/boot/loader/entries
	in_machine "cd $dir && sed -i 's/\$/\r/' $ID-6.1.0-90.fc38.x86_64.conf &&
		printf '# %1048576s\n' x >> $ID-6.1.0-90.fc38.x86_64.conf
		sed -i '/^options/d;/^# mine/d' $ID-6.1.0-50-amd64.conf && truncate -s -1 $ID-6.1.0-50-amd64.conf"
	in_machine 'iommu-install pt --force --backend=bls --initramfs=none'
	in_machine "grep \$'^options.* $PT\r\$' $dir/$ID-6.1.0-90.fc38.x86_64.conf &&
		[ \$(stat -c %s $dir/$ID-6.1.0-90.fc38.x86_64.conf) -gt 1048576 ] &&
		grep -x 'options root=UUID=1-2 ro console=ttyS0 \$tuned_params $PT' $dir/$ID-6.1.0-50-amd64.conf &&
		grep -x 'grub_users \$grub_users' $dir/$ID-6.1.0-50-amd64.conf"
}
