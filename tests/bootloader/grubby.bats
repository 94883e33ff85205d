#!/usr/bin/env bats
# The real grubby of Fedora and RHEL (a shell script, GRUBBY=/path/to/grubby-bls names it; it is not ours and not in
# here), 8.40-42 or later, and iommu-install on the same files, in both orders. Without GRUBBY all of it is skipped.
bats_require_minimum_version 1.5.0
# bats file_tags=full

PT="intel_iommu=on amd_iommu=on iommu=pt"
STRICT="intel_iommu=on amd_iommu=on"

setup() {
	[ -f "${GRUBBY:-}" ] || skip "GRUBBY= names no grubby-bls"
	load ../lib/trees
	load ../lib/machine
	load ../lib/fedora
	load ../lib/carry
}

teardown() {
	[ ! -f "${GRUBBY:-}" ] || machine_end
}

# The stand-in for Fedora with the real grubby in it. What grubby runs is Debian's by Fedora's name, but for rpm-sort
# (before 8.40-68), which is sort -V.
grubby_machine() {
	fedora_machine "$@"
	cp "$GRUBBY" "$BATS_TEST_TMPDIR/grubby"
	in_machine 'install -m 755 /host/grubby /usr/sbin/grubby
		ln -s grub-editenv /usr/bin/grub2-editenv
		mkdir -p /usr/libexec/grubby; printf "#!/bin/sh\nexec sort -V\n" > /usr/libexec/grubby/rpm-sort
		chmod 755 /usr/libexec/grubby/rpm-sort'
}

set_mode() {
	in_machine "iommu-install $1 --force --backend=bls --initramfs=none"
}

# each_carries COUNT WORDS COMMAND: COMMAND prints so many lines in the machine, each with these words once, one after
# the other, and with no other word about the IOMMU.
each_carries() {
	run -0 in_machine "$3"
	printf '%s\n' "${lines[@]}"
	[ "${#lines[@]}" = "$1" ]
	local line
	for line in "${lines[@]}"; do
		[[ " $line " == *" $2 "* ]] || { echo "without '$2': $line"; return 1; }
		line=" $line "
		line=${line/ $2 / }
		[[ $line != *iommu* ]] || { echo "more than '$2': $line"; return 1; }
	done
}

# What grubby takes for each entry's line but the rescue one's; the line in each place, $kernelopts put in by hand; what
# grub2-mkconfig sources.
INFO='grubby --info=ALL | awk -F"\"" "/^kernel=/ { rescue = /0-rescue/ } /^args=/ && ! rescue { print \$2 }"'
OPTIONS='o=$(grub-editenv /boot/grub2/grubenv list | sed -n "s/^kernelopts=//p"); sed "s#\$kernelopts#$o#"'
CMDLINE='cat /etc/kernel/cmdline'
DEFAULT='sh -euc ". /etc/default/grub; echo \"\$GRUB_CMDLINE_LINUX \${GRUB_CMDLINE_LINUX_DEFAULT-}\""'

# everywhere WORDS FOREIGN...: our words and no others about the IOMMU, in each of these; and foreign words in each that
# this grubby writes: before 8.40-63, and on EL 8 before -48, that is not /etc/kernel/cmdline.
everywhere() {
	local words=$1 word written=4
	grep -q '> /etc/kernel/cmdline' "$GRUBBY" || written=3
	each_carries 4 "$words" "($BLS_LINES) | { $OPTIONS; }; $CMDLINE; $DEFAULT"
	for word in "${@:2}"; do
		[ "$(printf ' %s \n' "${lines[@]}" | grep -c -- " $word ")" = $written ] ||
			{ echo "a line without $word"; return 1; }
	done
	each_carries 2 "$words" "$INFO"
}

# modes: each entry's mode as iommu-install reads it, in one line. Status 0, 2 and 6 are what it thinks of them.
modes() {
	in_machine 'iommu-install check --json; s=$?; [ $s = 0 ] || [ $s = 2 ] || [ $s = 6 ]' |
		jq -r '[.entries[].mode] | join(" ")'
}

block() {
	in_machine 'sed -n "/^# BEGIN iommu-install/,/^# END iommu-install/p" /etc/default/grub'
}

# --- Ours, read by grubby --------------------------------------------------------------------------------------------

@test "entries that we wrote: grubby shows the words of each mode once in every one but the rescue one" {
	grubby_machine
	local mode words
	while read -r mode words; do
		set_mode "$mode"
		each_carries 2 "$words" "$INFO"
		[ "$(in_machine 'grubby --info=ALL | grep -c "^kernel=.*vmlinuz-0-rescue"')" = 1 ]
		[ "$(in_machine 'grubby --info=ALL | grep -c "^root=\"UUID=1-2\"$"')" = 3 ]
	done <<< "$FOUR_MODES"
	in_machine 'iommu-install remove --initramfs=none'
	run -0 in_machine "$INFO"
	[[ ${#lines[@]} = 2 && $output != *iommu* ]]
}

@test "entries that say \$kernelopts: grubby shows the words once in every one, from what we wrote to grubenv" {
	grubby_machine kernelopts
	set_mode pt
	each_carries 2 "$PT" "$INFO"
	set_mode strict
	each_carries 2 "$STRICT" "$INFO"
	[ "$(in_machine 'grep -h ^options /boot/loader/entries/* | sort -u')" = 'options $kernelopts' ]
}

# --- grubby's, read by us --------------------------------------------------------------------------------------------

# wrote MODE ARGUMENTS...: with that done by grubby to all entries, each is read as being of that mode.
wrote() {
	in_machine "grubby --update-kernel=ALL ${*:2}"
	run -0 modes
	echo "after ${*:2}: $output"
	[ "$output" = "$1 $1 $1" ]
	run -0 in_machine 'iommu-install check --verbose; s=$?; [ $s = 0 ] || [ $s = 2 ] || [ $s = 6 ]'
	[ "$(grep -c ", $1 by its kernel parameters" <<< "$output")" = 3 ]
	in_machine 'iommu-install show || :' > "$BATS_TEST_TMPDIR/shown"
	grep "^next boot: *$1\$" "$BATS_TEST_TMPDIR/shown" || { cat "$BATS_TEST_TMPDIR/shown"; return 1; }
}

read_and_taken_over() {
	wrote pt '--args="iommu=pt intel_iommu=on amd_iommu=on"'
	wrote pt '--args="iommu=pt iommu=pt intel_iommu=on intel_iommu=on"'
	wrote strict '--args="iommu=pt iommu=nopt"'
	wrote strict '--args="iommu=pt iommu.passthrough=1 iommu.passthrough=0"'
	# It takes the first of equal words out, and leaves the rest.
	wrote pt '--args="iommu=pt iommu=pt iommu=pt" --remove-args="iommu.passthrough"'
	wrote pt '--remove-args="iommu=pt"'
	wrote strict '--remove-args="iommu" --args="foo=bar"'
	wrote off-for-uio '--args="intel_iommu=off amd_iommu=off"'
	wrote pt '--args="iommu=pt iommu=pt intel_iommu=off intel_iommu=on amd_iommu=on"'
	set_mode strict
	everywhere "$STRICT" foo=bar
	[ "$(modes)" = "strict strict strict" ]
}

@test "entries that grubby wrote are read as the modes they are, and a mode of ours takes all its words' place" {
	grubby_machine
	read_and_taken_over
}

@test "\$kernelopts that grubby wrote is read as the mode it is, and a mode of ours takes all its words' place" {
	grubby_machine kernelopts
	read_and_taken_over
}

@test "one entry of \$kernelopts that grubby gave its own line: read as it is, then gets our words as the others do" {
	grubby_machine kernelopts
	set_mode strict
	in_machine 'grubby --update-kernel=/boot/vmlinuz-6.1.0-90.fc38.x86_64 --args="iommu=pt foo=bar"'
	[ "$(in_machine 'grep -h ^options /boot/loader/entries/* | grep -c "^options root=.*iommu=pt"')" = 1 ]
	[ "$(modes)" = "strict strict pt" ]
	set_mode off-for-uio
	everywhere "intel_iommu=off amd_iommu=off"
	[ "$(in_machine 'grep -l foo=bar /boot/loader/entries/*')" = \
		"/boot/loader/entries/$ID-6.1.0-90.fc38.x86_64.conf" ]
	[ "$(in_machine 'grep -hc "^options \$kernelopts$" /boot/loader/entries/* | xargs')" = "1 1 0" ]
}

# --- grubby after us -------------------------------------------------------------------------------------------------

# It rewrites every line that begins with GRUB_CMDLINE_LINUX, GRUB_CMDLINE_LINUX_DEFAULT's too.
after_us() {
	in_machine 'echo "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet\"" >> /etc/default/grub'
	set_mode pt
	local before
	before=$(block)
	in_machine 'grubby --update-kernel=ALL --args=foo=bar'
	[ "$(block)" = "$before" ]
	everywhere "$PT" foo=bar
	set_mode pt
	everywhere "$PT" foo=bar
	set_mode strict
	everywhere "$STRICT" foo=bar
	in_machine 'grubby --update-kernel=ALL --remove-args=foo'
	everywhere "$STRICT"
	[[ $output != *foo* ]]
}

@test "grubby after us keeps our words and our block, and a mode after that keeps grubby's" {
	grubby_machine
	after_us
}

@test "grubby after us with \$kernelopts keeps our words and our block, and a mode after that keeps grubby's" {
	grubby_machine kernelopts
	after_us
	[ "$(in_machine 'stat -c %s /boot/grub2/grubenv')" = 1024 ]
}

@test "grubby after us with another mode's words: entries are read as they are, what grub2-mkconfig sources stays" {
	grubby_machine
	set_mode strict
	in_machine 'grubby --update-kernel=ALL --args="iommu=pt"'
	[ "$(modes)" = "pt pt pt" ]
	each_carries 1 "$STRICT" "$DEFAULT"
	set_mode strict
	everywhere "$STRICT"
}

@test "remove after grubby has copied our words to /etc/default/grub's own line leaves none of them anywhere" {
	grubby_machine
	set_mode pt
	in_machine 'grubby --update-kernel=ALL --args=foo=bar; iommu-install remove --initramfs=none'
	run -0 in_machine "($BLS_LINES) | { $OPTIONS; }; $CMDLINE; $DEFAULT"
	echo "$output"
	[[ $output != *iommu* ]]
	[ "$(grep -c foo=bar <<< "$output")" -ge 4 ]
}

# --- Rescue ----------------------------------------------------------------------------------------------------------

# rescue STATUSES WORDS...: check's status is one of these, and counted, hook and mode of the rescue entry are the
# words. The two others are counted.
rescue() {
	run in_machine 'iommu-install check --json'
	echo "status $status: $output"
	[[ $1 == *"$status"* ]]
	[ "$(jq '[.entries[] | select(.counted)] | length' <<< "$output")" = 2 ]
	[ "$(jq -r '.entries[] | select(.kernel | startswith("0-rescue")) | "\(.counted) \(.hook) \(.mode)"' \
		<<< "$output")" = "${*:2}" ]
}

@test "a rescue entry that grubby edited is listed and not counted by check: its initramfs does not check the mode" {
	grubby_machine
	# The one mode that is right with and without an IOMMU in the machine that the tests run on.
	in_machine 'iommu-install off-for-uio --force --backend=bls'
	in_machine 'grubby --update-kernel=ALL --args=foo=bar'
	rescue 0 false false off-for-uio
	in_machine 'grubby --update-kernel=/boot/vmlinuz-0-rescue-'$ID' --args="intel_iommu=on amd_iommu=on iommu=pt"'
	rescue 0 false false pt
	in_machine 'grubby --update-kernel=ALL --args="intel_iommu=on amd_iommu=on iommu=nopt"'
	rescue "0 2" false false strict # without an IOMMU these lines are no mismatch
	in_machine 'iommu-install off-for-uio --force --backend=bls'
	rescue 0 false false off-for-uio
	everywhere "intel_iommu=off amd_iommu=off" foo=bar
}

# --- Rollback --------------------------------------------------------------------------------------------------------

# refused FILES ARGUMENTS...: after grubby did that, rollback names a file that it changed, one of these, and changes
# none.
refused() {
	local before
	in_machine "grubby ${*:2}"
	before=$(files_of_machine)
	run -5 in_machine 'iommu-install rollback --initramfs=none'
	echo "$output"
	[[ $output =~ SOURCE_CHANGED:\ ($1)\ is\ not\ as\ the\ last\ change\ left\ it && $(wc -l <<< "$output") = 1 ]]
	diff <(files_of_machine) <(echo "$before")
}

@test "rollback after grubby edited a file is refused by its name, and nothing is changed; a mode takes it over" {
	grubby_machine
	set_mode pt
	refused /etc/default/grub --update-kernel=ALL --args=foo=bar
	set_mode strict
	refused "/boot/loader/entries/$ID-0-rescue.conf|/etc/kernel/cmdline|/boot/grub2/grubenv" --update-kernel=ALL \
		--args=foo=baz --no-etc-grub-update
	set_mode pt
	refused "/boot/loader/entries/$ID-6.1.0-90.fc38.x86_64.conf" \
		--update-kernel=/boot/vmlinuz-6.1.0-90.fc38.x86_64 --args=one=1
	# What rollback gives back is what grubby left.
	local before
	before=$(files_of_machine)
	set_mode strict
	in_machine 'iommu-install rollback --initramfs=none'
	diff <(files_of_machine) <(echo "$before")
}

@test "rollback after grubby edited \$kernelopts is refused by a file's name, and nothing is changed" {
	grubby_machine kernelopts
	set_mode pt
	refused "/boot/grub2/grubenv|/etc/kernel/cmdline" --update-kernel=ALL --args=foo=bar --no-etc-grub-update
}
