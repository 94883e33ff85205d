#!/usr/bin/env bats
# The real GRUB as judge: it starts every entry of a grub.cfg full of variables (fixtures/grub-lines), in one machine
# that is reset after each, and a kernel of forty bytes (tools/say-cmdline.S) says which command line it was given. That
# is what our reader had said.
bats_require_minimum_version 1.5.0

MODULES="memdisk tar biosdisk normal linux test echo read configfile loadenv serial terminal minicmd hwmatch"
FIXTURE=$BATS_TEST_DIRNAME/../fixtures/grub-lines/grub.cfg

setup() {
	load ../lib/trees
	load ../lib/grub
	load ../lib/grub-lines
	dir=$BATS_TEST_TMPDIR
}

teardown() {
	vm_kill_all
	machine_end
}

# menu SUITE KERNEL: $dir/disk.img is that release's GRUB with the fixture as its grub.cfg, and KERNEL as /k.
menu() {
	grub_machine "$1"
	mkdir -p "$dir/files/boot/grub"
	cp "$FIXTURE" "$dir/files/boot/grub/grub.cfg"
	{
		printf '# GRUB Environment Block\nsaved_entry=x\nenvvar=a\\\\b c\nenvquote=q"uo\x27te\n'
		head -c 1024 /dev/zero | tr '\0' '#'
	} | head -c 1024 >"$dir/files/boot/grub/grubenv"
	cp "$2" "$dir/files/k"
	tar -C "$dir/files" -cf "$dir/files.tar" .
	printf '%s\n' 'serial --unit=0' 'terminal_input serial' 'terminal_output serial' normal >"$dir/early.cfg"
	in_machine "cd /host && grub-mkimage -O i386-pc -p '(memdisk)/boot/grub' -c early.cfg -m files.tar \
		-o core.img $MODULES && cat /usr/lib/grub/i386-pc/boot.img core.img > disk.img &&
		truncate -s %1M disk.img"
}

say_cmdline() {
	cc -m32 -c -o "$dir/say.o" "$BATS_TEST_DIRNAME/../tools/say-cmdline.S"
	objcopy -O binary -j .text "$dir/say.o" "$dir/say"
}

# ours: what our reader makes of the fixture: a line for each command, what else it can come to behind a tab.
ours() {
	grub_lines_build "$dir/grub-lines"
	"$dir/grub-lines" "$dir/files/boot/grub/grub.cfg" | grep -v '^[0-9]* [<?] ' | awk '{
		n = $1
		sub(/^[0-9]+ /, "")
		printf "%s%s", (n == last ? "\t" : (NR > 1 ? "\n" : "")), $0
		last = n
	} END { print "" }'
}

# judge SUITE: at least twenty lines, each as the kernel got it.
judge() {
	local entries got line compared=0
	say_cmdline
	menu "$1" "$dir/say"
	mapfile -t entries < <(seq 0 $(($(grep -c "^menuentry 'e" "$FIXTURE") - 1)))
	entries+=("${#entries[@]}>0" "${#entries[@]}>1>0")
	vm_start vm -- -drive "file=$dir/disk.img,format=raw,if=ide,snapshot=on" -action reboot=reset
	mapfile -t expected < <(ours)
	[ "${#expected[@]}" = "${#entries[@]}" ]
	for line in "${!entries[@]}"; do
		vm_expect vm READY
		vm_send vm "${entries[line]}"
		vm_expect vm $'GOT ([^\n]*)\n'
		got=$(sed 's/^BOOT_IMAGE=[^ ]* //; s/ *$//' <<<"${VM_MATCH[1]}")
		echo "got '$got', ours '${expected[line]}'"
		tr '\t' '\n' <<<"${expected[line]}" | grep -Fqx -- "$got"
		compared=$((compared + 1))
	done
	[ "$compared" -ge 20 ]
}

# entry NAME KERNEL OPTIONS: one in the tree that GRUB will read.
entry() {
	printf 'title %s\nversion 6.1.0-1\nlinux /%s\ninitrd /i\noptions %s\n' "$1" "$2" "$3" \
		>"$tree/boot/loader/entries/$1.conf"
	cp "$dir/say" "$tree/boot/$2"
}

# entries: 32 lines of all lengths modulo 32, eight kernels whose paths have several lengths and that have $kernelopts
# of grubenv, and a mode set over them; 16 of which nobody has taken care, in lengths that GRUB 2.14 can break, in
# $broken.
# shellcheck disable=SC2016 # GRUB's
entries() {
	local n words line
	mkdir -p "$tree"/{boot/grub2,boot/loader/entries,dev,etc,proc,run,sys,tmp,var/lib,lib/modules/6.1.0-1}
	printf 'load_env\nblscfg\n' >"$tree/boot/grub2/grub.cfg"
	echo initrd >"$tree/boot/i"
	words=$(printf 'x%.0s' {1..19})
	{
		printf '# GRUB Environment Block\nkernelopts=root=UUID=1 ro %s\n' "$words"
		head -c 1024 /dev/zero | tr '\0' '#'
	} | head -c 1024 >"$tree/boot/grub2/grubenv"
	for n in {1..32}; do entry "pad$n" k "root=UUID=1 ro $(printf 'x%.0s' $(seq "$n"))"; done
	for n in {1..8}; do entry "env$n" "$(printf 'k%.0s' $(seq "$n"))" '$kernelopts'; done
	"$INSTALLER" --root "$tree" pt --initramfs=none
	for n in {2..17}; do
		line="root=UUID=1 ro "
		line+=$(printf 'y%.0s' $(seq $((32 * n - 8 - 2 - ${#line}))))
		entry "broken$n" k "$line"
		broken+=("broken$n")
	done
}

# bats test_tags=full
@test "GRUB 2.14's blscfg gives each of our lines its initrd, whatever their length, and loses it with others" {
	local tree=$dir/tree name lost=0 ours=0 broken=()
	MODULES+=" blsuki"
	say_cmdline
	entries
	grub_machine sid
	mkdir -p "$dir/files/boot/grub"
	cp -r "$tree/boot/." "$dir/files"
	cp "$tree/boot/grub2/grubenv" "$dir/files/boot/grub"
	printf '%s\n' 'load_env' 'set root=memdisk' 'set timeout=0' 'echo READY' 'read choice' 'set default=$choice' \
		blscfg >"$dir/files/boot/grub/grub.cfg"
	tar -C "$dir/files" -cf "$dir/files.tar" .
	printf '%s\n' 'serial --unit=0' 'terminal_input serial' 'terminal_output serial' normal >"$dir/early.cfg"
	in_machine "cd /host && grub-mkimage -O i386-pc -p '(memdisk)/boot/grub' -c early.cfg -m files.tar \
		-o core.img $MODULES && cat /usr/lib/grub/i386-pc/boot.img core.img > disk.img &&
		truncate -s %1M disk.img"
	vm_start vm -- -drive "file=$dir/disk.img,format=raw,if=ide,snapshot=on" -action reboot=reset
	for name in pad{1..32} env{1..8} "${broken[@]}"; do
		vm_expect vm READY
		vm_send vm "$name"
		# GRUB goes on without an initrd once a key is pressed.
		vm_expect vm $'INITRD[[:space:]]*GOT ([^\n]*)\n|error: [^\n]*\n'
		echo "$name: ${VM_MATCH[0]}"
		case ${VM_MATCH[0]},$name in
		error:*,broken*) lost=$((lost + 1)) ;;
		error:*) false ;;
		*,pad* | *,env*)
			[[ ${VM_MATCH[1]} == *" intel_iommu=on amd_iommu=on iommu=pt"* ]]
			ours=$((ours + 1))
			;;
		esac
	done
	[ "$ours" = 40 ]
	[ "$lost" -ge 1 ]
}

# bats test_tags=boot
@test "what GRUB 2.06 gives its kernel is what our reader has said, for 28 shapes of variables" {
	judge bookworm
}

# bats test_tags=full
@test "what GRUB 2.14 gives its kernel is what our reader has said" {
	judge sid
}
