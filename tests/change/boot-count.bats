#!/usr/bin/env bats
# A boot that counts its tries renames its entry (x+3.conf, x+2-1.conf), and one that was good takes the count away:
# between the plan and the write, while a change is cut short, and once it is done. Type 1 entries and unified images.
# bats file_tags=boot
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/efi
}

teardown() {
	efi_machine_end
}

# counted KIND: a Debian 13 with systemd-boot whose one entry is counted, in mode pt; what is run there is by a stand-in
# for update-initramfs and by the real ukify, and each does at its Nth call what is in /run/at-PROGRAM-N.
counted() {
	efi_machine trixie "$1" initramfs-tools
	cp "$BATS_TEST_DIRNAME"/../lib/{update-initramfs,judge.sh} "$BATS_TEST_TMPDIR"
	cat > "$BATS_TEST_TMPDIR/lib.sh" <<-'EOF'
		. /host/judge.sh
		shopt -s nullglob
		dir=/boot/efi/loader/entries end=conf
		! compgen -G '/boot/efi/EFI/Linux/*.efi' > /dev/null || dir=/boot/efi/EFI/Linux end=efi
		id=00112233445566778899aabbccddeeff-$(basename /lib/modules/6*)

		# goes_on COUNT: the entry has another name from now on.
		goes_on() { mv $dir/$id*.$end $dir/$id$1.$end; }

		section() { # section FILE NAME
			python3 -c '
		import pefile, sys
		for s in pefile.PE(sys.argv[1], fast_load=True).sections:
		    if s.Name.rstrip(b"\0").decode() == sys.argv[2]:
		        sys.stdout.buffer.write(s.get_data()[:s.Misc_VirtualSize])' $1 $2
		}

		line_of() { # line_of FILE
			if [ $end = conf ]; then sed -n 's/^options[ \t]*//p' $1; return; fi
			section $1 .cmdline | tr -d '\0'
		}

		image_of() {
			if [ $end = conf ]; then echo /boot/efi$(sed -n 's/^initrd[ \t]*//p' $1); return; fi
			section $1 .initrd > /run/image && echo /run/image
		}

		# stands COUNT MODE...: it is the one entry, comes up in one of these modes, and its image takes that.
		stands() {
			local file=$dir/$id$1.$end all mode
			all=$(ls $dir)
			[ "$all" = "$id$1.$end" ] || { echo "not one entry $1: $all"; return 1; }
			[ -z "$(find /boot -name '*iommu-*')" ] || { find /boot -name '*iommu-*'; return 1; }
			mode=$(modes_of "$(line_of $file)")
			[[ " ${*:2} " == *" $mode "* ]] || { echo "it is $mode: $(line_of $file)"; return 1; }
			unpack $(image_of $file) /run/unpacked || { echo "its image is damaged"; return 1; }
			[ ! -e /run/unpacked/etc/iommu.target ] || accepted /run/unpacked $mode "$(line_of $file)"
		}

		wrap() {
			local program
			for program in /usr/sbin/update-initramfs /usr/bin/ukify; do
				[ -e $program ] || continue
				mv $program $program.real
				printf '%s\n' '#!/bin/bash' "name=${program##*/}" \
					'n=$(($(cat /run/calls-$name 2> /dev/null || echo 0) + 1))' \
					'echo $n > /run/calls-$name' \
					'[ ! -e /run/at-$name-$n ] || . /run/at-$name-$n' 'exec $0.real "$@"' > $program
				chmod 755 $program
			done
		}

		# at PROGRAM N COMMAND
		at() { printf '%s\n' '. /host/lib.sh' "$3" > /run/at-$1-$2; }
		again() { rm -f /run/at-* /run/calls-*; }
		# tries STATUS COMMAND...
		tries() {
			local wanted=$1 status=0
			shift
			"$@" > /run/said 2>&1 || status=$?
			[ $status = $wanted ] || { echo "$*: $status"; cat /run/said; exit 1; }
		}
		say() { echo "wrong: $1"; cat /run/said; ls -l $dir; exit 1; }
	EOF
	in_efi_machine '. /host/lib.sh; cp /host/update-initramfs /usr/sbin; goes_on +3'
	in_efi_machine '. /host/lib.sh
		tries 0 iommu-install pt --force --on-mismatch=halt; stands +3 pt || say pt; wrap
		for i in /boot/initrd.img-*[0-9a-z]; do touch $i.sig; done # so that images are built, not laid over'
}

# each SCRIPT...: each in a fresh copy of what there is now; set is the change, and what stands then is taken out.
each() {
	local n=0 bad=0 machine0=$machine.counted
	cp --sparse=always "$machine" "$machine0"
	for script; do
		n=$((n + 1))
		[ $n = 1 ] || cp --sparse=always "$machine0" "$machine"
		echo "--- $script"
		in_efi_machine ". /host/lib.sh; $script
			again; tries 0 iommu-install remove
			stands +2-1 'off-for-uio strict pt' || say removed" || bad=1
	done
	[ $bad = 0 ]
}

R='goes_on +2-1'
SET='iommu-install strict --force'

@test "a type 1 entry: renamed while images are built, while the change is cut short, and before its rollback" {
	counted systemd-boot
	each "at update-initramfs 1 '$R'; tries 0 $SET; stands +2-1 strict || say 'while built'" \
		"at update-initramfs 2 '$R'; tries 0 $SET; stands +2-1 strict || say 'while sealed'" \
		"at update-initramfs 1 'kill -9 \$PPID; exit 1'; tries 137 $SET; $R; again
			tries 0 iommu-install resume; stands +2-1 strict || say 'cut early'" \
		"at update-initramfs 2 'kill -9 \$PPID; exit 1'; tries 137 $SET; $R; again
			tries 0 iommu-install resume; stands +2-1 strict || say 'cut late'" \
		"cp \$dir/*.conf /run/before; at update-initramfs 1 'kill -9 \$PPID; exit 1'; tries 137 $SET; $R; again
			at update-initramfs 1 'exit 1'; tries 1 iommu-install resume; stands +2-1 pt || say undone
			cmp /run/before \$dir/*.conf || say 'another text'" \
		"tries 0 $SET; $R; tries 0 iommu-install rollback; stands +2-1 pt || say 'rolled back'" \
		"tries 0 $SET; at update-initramfs 3 '$R'; tries 0 iommu-install rollback
			stands +2-1 pt || say 'while rolled back'"
}

@test "a unified image: renamed while initramfs or image are built, and a change that is undone then" {
	counted uki
	each "at update-initramfs 1 '$R'; tries 0 $SET; stands +2-1 strict || say 'initramfs built'" \
		"at ukify 1 '$R'; tries 0 $SET; stands +2-1 strict || say 'first image built'" \
		"at ukify 2 '$R'; tries 0 $SET; stands +2-1 strict || say 'second image built'" \
		"at ukify 3 '$R'; tries 0 $SET; stands +2-1 strict || say 'last image built'" \
		"cp \$dir/*.efi /run/before; at ukify 2 '$R; exit 1'; tries 1 $SET; stands +2-1 pt || say undone
			cmp /run/before \$dir/*.efi || say 'another image'"
}

@test "a unified image: renamed while the change is cut short, resumed or undone then, and before its rollback" {
	counted uki
	each "at ukify 1 'kill -9 \$PPID; exit 1'; tries 137 $SET; $R; again
			tries 0 iommu-install resume; stands +2-1 strict || say 'cut early'" \
		"at ukify 3 'kill -9 \$PPID; exit 1'; tries 137 $SET; $R; again
			tries 0 iommu-install resume; stands +2-1 strict || say 'cut late'" \
		"cp \$dir/*.efi /run/before; at ukify 2 'kill -9 \$PPID; exit 1'; tries 137 $SET; $R; again
			at ukify 1 'exit 1'; tries 1 iommu-install resume; stands +2-1 pt || say undone
			cmp /run/before \$dir/*.efi || say 'another image'" \
		"tries 0 $SET; $R; tries 0 iommu-install rollback; stands +2-1 pt || say 'rolled back'"
}
