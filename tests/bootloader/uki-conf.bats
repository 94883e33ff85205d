#!/usr/bin/env bats
# Our reader of what makes unified kernel images, against how its owners read it: bash for dracut and mkinitcpio,
# Python's configparser for ukify. kernel-install's rules are written down here (kernel-install(8)).
bats_require_minimum_version 1.5.0

setup_file() {
	export UKI_CONF=$BATS_FILE_TMPDIR/uki-conf
	local top=$BATS_TEST_DIRNAME/../..
	cc -std=c11 -D_GNU_SOURCE -I"$top/src" -o "$UKI_CONF" "$top/tests/tools/uki-conf.c" "$top"/build/install/*/*.o \
		-lkmod -ldl
}

setup() {
	load ../lib/images
	root=$BATS_TEST_TMPDIR/root
	mkdir -p "$root"
}

# told EXPECTED WHO...: what WHO is told, by our reader.
told() {
	local said
	said=$("$UKI_CONF" "$root" "${@:2}")
	[ "$said" = "$1" ] || { echo "'$said', not '$1'"; return 1; }
}

# by_bash VARIABLE: what dracut's shell makes of its files: the main one, then names in order, each once.
by_bash() {
	# shellcheck disable=SC2016 # for the inner shell
	LC_ALL=C bash -c 'cd "$1"; ls etc/dracut.conf.d usr/lib/dracut/dracut.conf.d 2>/dev/null | sort -u > names
		[ ! -e etc/dracut.conf ] || . etc/dracut.conf
		while read -r name; do
			[[ $name == *.conf ]] || continue
			if [ -e "etc/dracut.conf.d/$name" ]; then . "etc/dracut.conf.d/$name"
			else . "usr/lib/dracut/dracut.conf.d/$name"; fi
		done < names
		echo "${!2:--}"' by_bash "$root" "$1"
}

@test "dracut: the last assignment of a plain value counts, whichever file has it" {
	put 644 "$root/etc/dracut.conf" <<< 'uefi="yes"'
	told yes dracut uefi
	put 644 "$root/etc/dracut.conf.d/20-b.conf" <<< "uefi='no'"
	told no dracut uefi
	put 644 "$root/usr/lib/dracut/dracut.conf.d/30-c.conf" <<< ' uefi=yes # a comment'
	told yes dracut uefi
	put 644 "$root/etc/dracut.conf.d/30-c.conf" <<< '# uefi=yes'
	told no dracut uefi
	put 644 "$root/etc/dracut.conf.d/40.config" <<< 'uefi=yes'
	printf 'uefi=a\nuefi=""\n' > "$root/etc/dracut.conf.d/50.conf"
	told - dracut uefi
	printf '\n\tuefi="yes" \nxuefi=no\nuefi_stub=/x\n' > "$root/etc/dracut.conf.d/60.conf"
	told yes dracut uefi
	told /x dracut uefi_stub
	for variable in uefi uefi_stub uefi_secureboot_key; do
		told "$(by_bash $variable)" dracut $variable
	done
}

@test "kernel-install: the first install.conf counts, drop-ins come after it by name, the first directory's of a name" {
	told "- " install
	put 644 "$root/usr/lib/kernel/install.conf" <<< 'layout=uki'
	told "uki " install
	put 644 "$root/usr/local/lib/kernel/install.conf" <<< $'# layout=uki\n;layout=uki\n layout = bls'
	told "- " install
	put 644 "$root/run/kernel/install.conf" <<< $'layout = "uki"\nuki_generator = dracut'
	told "uki dracut" install
	put 644 "$root/etc/kernel/install.conf" <<< 'uki_generator=ukify'
	told "- ukify" install
	put 644 "$root/usr/lib/kernel/install.conf.d/20-b.conf" <<< 'layout=uki'
	told "uki ukify" install
	put 644 "$root/etc/kernel/install.conf.d/20-b.conf" <<< ''
	told "- ukify" install
	put 644 "$root/run/kernel/install.conf.d/30-c.conf" <<< $'layout=bls\nlayout=uki'
	told "uki ukify" install
	put 644 "$root/run/kernel/install.conf.d/40-c.conf.off" <<< $'layout=bls'
	told "uki ukify" install
}

# by_python KEY: what ukify's parser finds for a key of [UKI] in /etc/kernel/uki.conf.
by_python() {
	python3 - "$root/etc/kernel/uki.conf" "$1" <<-'EOF'
		import configparser, sys
		cp = configparser.ConfigParser(comment_prefixes='#', inline_comment_prefixes='#', delimiters='=',
		                               empty_lines_in_values=False, interpolation=None, strict=False)
		cp.optionxform = lambda name: name
		cp.read(sys.argv[1])
		value = cp['UKI'].get(sys.argv[2], '') if cp.has_section('UKI') else ''
		print('set' if value else '-')
	EOF
}

@test "ukify: keys of [UKI] alone, no comments, with blanks, the last one; from the first uki.conf" {
	local text key shapes=0
	told "- - 0" ukify
	while IFS= read -r text; do
		printf "$text" | put 644 "$root/etc/kernel/uki.conf"
		for key in SecureBootPrivateKey Cmdline; do
			case $key in
			Cmdline) [[ $("$UKI_CONF" "$root" ukify) == *" 0" ]] && found=- || found='set' ;;
			*) [[ $("$UKI_CONF" "$root" ukify) == *" signs "* ]] && found='set' || found=- ;;
			esac
			[ "$found" = "$(by_python $key)" ] || { echo "$text: $key: $found"; return 1; }
		done
		shapes=$((shapes + 1))
	done <<-'EOF'
		[UKI]\nSecureBootPrivateKey=/key\n
		[UKI]\n#SecureBootPrivateKey=/key\n
		[UKI]\n  # SecureBootPrivateKey=/key\n
		[UKI]\nSecureBootPrivateKey = /key # mine\nCmdline\t=  x\n
		[UKI]\nCmdline=# x\n
		[UKI]\nCmdline= # x\n
		[UKI]\nSplash=/x\n Cmdline=x\n
		[UKI]\nSplash=/x\n\n Cmdline=x\n
		[UKI]\nSplash=/x\n# comment\n Cmdline=x\n
		[UKI]\n Cmdline=x\n
		[UKI]\nCmdline=a\nCmdline=\n
		[UKI]\nCmdline=\nCmdline=a\n
		[UKI]\nCmdline=\n a\n
		[PCRSignature:x]\nCmdline=x\n
		[UKI]\ncmdline=x\nCmdlines=x\n
		[UKI]\nOSRelease=x\n[Other]\nCmdline=x\n[UKI]\nSecureBootPrivateKey=x\n
		# [UKI]\n[Other]\nSecureBootPrivateKey=x\n
		[UKI]\nCmdline=x
	EOF
	[ $shapes = 18 ]
	printf '[UKI]\n\n# here\nCmdline = x\n' > "$root/etc/kernel/uki.conf"
	told "/etc/kernel/uki.conf - 4" ukify
	mkdir -p "$root/run/kernel" "$root"/usr/{,local/}lib/kernel
	printf '[UKI]\nCmdline=a\n' | tee "$root"/{run/kernel,usr/lib/kernel,usr/local/lib/kernel}/uki.conf
	for dir in etc/kernel run/kernel usr/local/lib/kernel usr/lib/kernel; do
		[[ $("$UKI_CONF" "$root" ukify) == "/$dir/uki.conf - "* ]]
		rm "$root/$dir/uki.conf"
	done
}

@test "mkinitcpio: a preset with default_uki= makes unified images" {
	put 644 "$root/etc/mkinitcpio.d/linux.preset" <<< $'#default_uki="/efi/a.efi"\ndefault_image=/x'
	told - mkinitcpio
	put 644 "$root/etc/mkinitcpio.d/linux-lts.preset" <<< 'default_uki="/efi/EFI/Linux/arch-linux-lts.efi"'
	told /etc/mkinitcpio.d/linux-lts.preset mkinitcpio
}
