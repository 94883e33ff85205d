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

# bats test_tags=boot
@test "what GRUB 2.06 gives its kernel is what our reader has said, for 28 shapes of variables" {
	judge bookworm
}

# bats test_tags=full
@test "what GRUB 2.14 gives its kernel is what our reader has said" {
	judge sid
}
