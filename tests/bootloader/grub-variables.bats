#!/usr/bin/env bats
# GRUB's variables: what a linux command comes to, and what follows from that for a mode, on trees made by hand whose
# grub-mkconfig and update-grub are stand-ins that must not run. boot/boot-grub-lines.bats has the real GRUB say it.
bats_require_minimum_version 1.5.0

# shellcheck disable=SC2016 # what stands in GRUB's files
setup_file() {
	load ../lib/trees
	load ../lib/grub-lines
	grub_lines_build "$BATS_FILE_TMPDIR/grub-lines"
}

setup() {
	load ../lib/trees
	tree=$BATS_TEST_TMPDIR/tree
	mkdir -p "$tree"/{boot/grub,dev,etc/default/grub.d,etc/kernel,proc,run,sys,usr/sbin,var/lib,lib/modules}
	mkdir "$tree/lib/modules/6.1.0-1-amd64"
	touch "$tree/boot/vmlinuz-6.1.0-1-amd64" "$tree/boot/initrd.img-6.1.0-1-amd64"
	echo '# CONFIG_IOMMU_DEFAULT_PASSTHROUGH is not set' >"$tree/boot/config-6.1.0-1-amd64"
	local program
	for program in grub-mkconfig update-grub; do
		printf '#!/bin/sh\n# reads /etc/default/grub.d\nexit 1\n' >"$tree/usr/sbin/$program"
	done
	chmod 755 "$tree"/usr/sbin/*
	echo 'GRUB_CMDLINE_LINUX="quiet"' >"$tree/etc/default/grub"
}

# config WORDS: grub.cfg has what is on standard input, then an entry with these words.
config() {
	{
		cat
		printf '%s\n' '### BEGIN /etc/grub.d/10_linux ###' 'menuentry x {' \
			"	linux /boot/vmlinuz-6.1.0-1-amd64 root=UUID=1 ro $1" \
			'	initrd /boot/initrd.img-6.1.0-1-amd64' '}' '### END /etc/grub.d/10_linux ###'
	} >"$tree/boot/grub/grub.cfg"
}

# mode MODE [OPTION...]: sets it; its object is in $BATS_TEST_TMPDIR/out.
mode() {
	"$INSTALLER" --root "$tree" "$@" --initramfs=none --json >"$BATS_TEST_TMPDIR/out"
}

# refused WORDS ORIGIN MODE: so, with the parameters and who has set them in the message, and nothing is changed.
refused() {
	local before
	before=$(find "$tree" -type f -exec sha256sum {} + | sort)
	run -5 --separate-stderr mode "$3"
	jq -r '.refusal.message' "$BATS_TEST_TMPDIR/out"
	[ "$(jq -r '.refusal.code' "$BATS_TEST_TMPDIR/out")" = LINE_OVERRIDDEN ]
	[[ $(jq -r '.refusal.message' "$BATS_TEST_TMPDIR/out") == *"$1"*$2* ]]
	diff <(find "$tree" -type f -exec sha256sum {} + | sort) <(echo "$before")
}

# entry FILTER: of the one entry that check has.
entry() {
	"$INSTALLER" --root "$tree" check --json >"$BATS_TEST_TMPDIR/check.json" || :
	jq -r ".entries[0]$1" "$BATS_TEST_TMPDIR/check.json"
}

TUNED='### BEGIN /etc/grub.d/00_tuned ###
set tuned_params="%s"
### END /etc/grub.d/00_tuned ###\n'

# shellcheck disable=SC2059 # a format
@test "what TuneD sets against the mode is refused by file, line and program; --force goes on; what agrees is done" {
	printf "$TUNED" 'isolcpus=1 intel_iommu=on iommu=pt' | config 'quiet $tuned_params'
	refused 'iommu=pt' '/boot/grub/grub.cfg:2*/etc/grub.d/00_tuned*TuneD' strict
	[ "$(entry .mode)" = pt ]
	[ "$(entry .cmdline)" = 'root=UUID=1 ro quiet isolcpus=1 intel_iommu=on iommu=pt' ]
	mode strict --force
	[ "$(jq -c .overridden "$BATS_TEST_TMPDIR/out")" = '["LINE_OVERRIDDEN"]' ]
	mode pt
	printf "$TUNED" 'isolcpus=1 nohz_full=1' | config 'quiet $tuned_params'
	mode strict
	[ "$(jq -r .result "$BATS_TEST_TMPDIR/out")" = done ]
}

@test "a contrary parameter in a variable of grub.d, in one that another one has, and in grubenv is refused too" {
	printf 'set mine=iommu=off\nset all="quiet $mine"\n' | config '$all'
	refused 'iommu=off' '/boot/grub/grub.cfg:1' pt
	printf '# GRUB Environment Block\nx=1\nextra=amd_iommu=off\n' >"$tree/boot/grub/grubenv"
	printf 'if [ -s $prefix/grubenv ]; then\n  load_env\nfi\n' | config '$extra'
	refused 'amd_iommu=off' '/boot/grub/grubenv:3' pt
	# The last one counts, and what nobody loads is not there.
	printf 'set mine=iommu=off\nset mine=harmless\n' | config '$mine $extra'
	mode pt
}

@test "what only an if decides is one or the other: unknown where the modes differ, known where they do not" {
	printf 'if search --set=root x; then\n set x=iommu=pt\nelse\n set x=\nfi\n' | config 'intel_iommu=on $x'
	[ "$(entry .mode)" = unknown ]
	printf 'if search --set=root x; then\n set x=iommu=pt\nfi\n' | config 'intel_iommu=on iommu=pt $x'
	[ "$(entry .mode)" = pt ]
	printf 'if [ -s $prefix/none ]; then\n set x=iommu=pt\nfi\n' | config 'intel_iommu=on iommu.passthrough=0 $x'
	[ "$(entry .mode)" = strict ]
}

@test "what a file that is read with source may set is unknown, if it is one that can't be read, and that it is said" {
	printf 'source /elsewhere/x.cfg\n' | config 'intel_iommu=on $x'
	[ "$(entry .mode)" = unknown ]
	printf 'source ${config_directory}/custom.cfg\n' | config 'intel_iommu=on iommu.passthrough=0 $x'
	[ "$(entry .mode)" = strict ]
	echo 'set x="iommu.passthrough=1"' >"$tree/boot/grub/custom.cfg"
	[ "$(entry .mode)" = pt ]
	refused 'iommu.passthrough=1' '/boot/grub/custom.cfg:1' strict
}

@test "a drop-in that is read after ours is refused by file and line, in whatever order the shell sorts" {
	config quiet </dev/null
	local name
	for name in zzzz-local.cfg zzz_site.cfg Zzzz.cfg; do
		printf '# mine\nGRUB_CMDLINE_LINUX_DEFAULT="quiet iommu=pt"\n' >"$tree/etc/default/grub.d/$name"
		refused 'iommu=pt' "/etc/default/grub.d/$name:2" strict
		rm "$tree/etc/default/grub.d/$name"
	done
	echo 'GRUB_CMDLINE_LINUX="console=ttyS0"' >"$tree/etc/default/grub.d/zzzz.cfg"
	refused 'GRUB_CMDLINE_LINUX=' /etc/default/grub.d/zzzz.cfg:1 strict
	echo 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX console=ttyS0"' >"$tree/etc/default/grub.d/zzzz.cfg"
	echo 'GRUB_CMDLINE_LINUX_DEFAULT="iommu=pt"' >"$tree/etc/default/grub.d/50-before.cfg"
	mode strict
}

@test "check names what feeds a line: the variable's file, ours, or grub.cfg that somebody edited" {
	config 'intel_iommu=on amd_iommu=on iommu=pt' </dev/null
	mode pt
	run "$INSTALLER" --root "$tree" check
	[[ $output == *"(/etc/default/grub.d/zzz-iommu.cfg)"* ]]
	config 'intel_iommu=on amd_iommu=on' </dev/null
	run "$INSTALLER" --root "$tree" check
	[[ $output == *"(/boot/grub/grub.cfg:3)"* ]]
	printf 'set a=iommu=pt\n' | config '$a'
	run "$INSTALLER" --root "$tree" check
	[[ $output == *"(/boot/grub/grub.cfg:1"* ]]
}

@test "the options of an entry: a blank behind each value, what blscfg finds when it runs, default_kernelopts" {
	local lines="$BATS_FILE_TMPDIR/grub-lines" file=$BATS_TEST_TMPDIR/grub.cfg
	printf 'set a="one two"\nblscfg\nset a=late\n' >"$file"
	[ "$("$lines" "$file" 'ro $a quiet')" = '0 ro one two quiet' ]
	[ "$("$lines" "$file" 'ro $none quiet')" = '0 ro quiet' ]
	[ "$("$lines" "$file" '$a')" = '0 ' ] # GRUB loses a last field of one letter
	[ "$("$lines" "$file" 'ro x=$a')" = '0 ro x=' ]
	printf 'set tuned="iommu=off"\nset all="root=1 $tuned"\nblscfg\n' >"$file"
	[ "$("$lines" "$file" 'ro $all')" = "0 ro root=1 iommu=off
0 < root=1 iommu=off ($file:1)" ]
}

@test "Ubuntu's shape: a word that a function's if decides is on the running line, and the machine is known by it" {
	load ../lib/machine
	quick_machine
	cat >"$BATS_TEST_TMPDIR/handoff" <<-'END'
		#!/bin/sh
		cat <<"EOF"
		function gfxmode {
			set gfxpayload="${1}"
			if [ "${1}" = "keep" ]; then
				set vt_handoff=vt.handoff=7
			else
				set vt_handoff=
			fi
		}
		if hwmatch ${prefix}/gfxblacklist.txt 3; then
			set linux_gfx_mode=text
		else
			set linux_gfx_mode=keep
		fi
		gfxmode $linux_gfx_mode
		export vt_handoff
		EOF
	END
	# The machine was booted with the word that the variable stands for.
	in_machine 'set -e; cp /host/handoff /etc/grub.d/09_handoff && chmod 755 /etc/grub.d/09_handoff
		echo "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash \\\$vt_handoff\"" >> /etc/default/grub
		update-grub 2> /dev/null
		sed -n "s/^[[:space:]]*linux[[:space:]]*[^ ]*/BOOT_IMAGE=x/p" /boot/grub/grub.cfg | head -n 1 |
			sed "s/\$vt_handoff/vt.handoff=7/" > /run/cmdline
		grep -q "splash vt.handoff=7" /run/cmdline
		mount --bind /run/cmdline /proc/cmdline
		iommu-install pt --force --initramfs=none
		grep -q "splash \$vt_handoff" /boot/grub/grub.cfg
		! grep -q "linux.*splash vt.handoff" /boot/grub/grub.cfg'
	machine_end
}

@test "grub.cfg that was made in a language is made in it again, by a mode and by remove" {
	load ../lib/machine
	quick_machine
	in_machine 'set -e; sed -i /GRUB_TERMINAL/d /etc/default/grub # on a console it speaks English alone
		printf "#!/bin/sh\necho \"  set lang=\${LANG%%%%.*}\"\n" > /etc/grub.d/08_lang
		chmod 755 /etc/grub.d/08_lang
		LC_ALL= LANG=de_DE.UTF-8 update-grub 2> /dev/null
		grep -qx "  set lang=de_DE" /boot/grub/grub.cfg
		iommu-install pt --force --backend=grub --initramfs=none
		grep -qx "  set lang=de_DE" /boot/grub/grub.cfg
		iommu-install remove --initramfs=none
		grep -qx "  set lang=de_DE" /boot/grub/grub.cfg'
	machine_end
}
