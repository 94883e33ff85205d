#!/usr/bin/env bats
# /etc/default/grub as we write it, on a tree whose grub-mkconfig is a stand-in that does not run: what a shell, Augeas'
# lenses and a line parser of the kind that upgrade tools have make of it.
bats_require_minimum_version 1.5.0

PT="intel_iommu=on amd_iommu=on iommu=pt"

setup() {
	load ../lib/trees
	tree=$BATS_TEST_TMPDIR/tree file=$BATS_TEST_TMPDIR/tree/etc/default/grub
	mkdir -p "$tree"/{boot/grub,dev,etc/default,proc,run,sys,usr/sbin,var/lib,lib/modules/6.1.0-1}
	touch "$tree/boot/vmlinuz-6.1.0-1" "$tree/boot/initrd.img-6.1.0-1"
	echo '# CONFIG_IOMMU_DEFAULT_PASSTHROUGH is not set' >"$tree/boot/config-6.1.0-1"
	printf '#!/bin/sh\nexit 1\n' >"$tree/usr/sbin/grub-mkconfig"
	chmod 755 "$tree/usr/sbin/grub-mkconfig"
}

mode() {
	"$INSTALLER" --root "$tree" "$@" --initramfs=none
}

# parsed: by each of them.
parsed() {
	local lens line
	sh -n "$file"
	for lens in Shellvars Shellvars_list Sysconfig; do
		run -0 augtool --noautoload --root "$tree" <<-EOF
			set /augeas/load/X/lens $lens.lns
			set /augeas/load/X/incl /etc/default/grub
			load
			print /augeas/files/etc/default/grub/error
			match /files/etc/default/grub/GRUB_CMDLINE_LINUX
		EOF
		[[ $output != *parse_failed* && $output == */files/etc/default/grub/GRUB_CMDLINE_LINUX* ]]
	done
	while IFS= read -r line; do
		[[ $line =~ ^(#.*|[A-Z_]+=[^\ ]*|[A-Z_]+=\"[^\"]*\"|[A-Z_]+=\'[^\']*\')?$ ]]
	done <"$file"
}

# value NAME: as grub-mkconfig's shell has it, words separated by single blanks.
value() {
	sh -euc '. "$1"; eval "set -- \$$2"; echo "$*"' value "$file" "$1"
}

@test "other tools' parsers read what we write, with every mode, and after a second one" {
	printf '%s\n' GRUB_TIMEOUT=1 'GRUB_CMDLINE_LINUX="console=ttyS0 iommu=soft"' GRUB_CMDLINE_LINUX_DEFAULT=quiet \
		>"$file"
	local mode
	for mode in off-for-uio strict pt 'strict --flush=lazy'; do
		# shellcheck disable=SC2086 # options on purpose
		mode $mode
		parsed
	done
	[ "$(value GRUB_CMDLINE_LINUX)" = "console=ttyS0 intel_iommu=on amd_iommu=on iommu.strict=0" ]
	mode remove
	parsed
	[ "$(value GRUB_CMDLINE_LINUX)" = console=ttyS0 ]
	! grep -q iommu "$file"
}

@test "contrary parameters are taken out however they are written, and all else stays byte for byte" {
	local shape
	for shape in 'GRUB_CMDLINE_LINUX="a iommu=off b"' "GRUB_CMDLINE_LINUX='a iommu=off b'" \
		$'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX iommu=off b"' \
		$'  export GRUB_CMDLINE_LINUX="a iommu=off b" # note' $'GRUB_CMDLINE_LINUX="a \\\n iommu=off b"' \
		$'MINE="iommu=off b"\nGRUB_CMDLINE_LINUX="a $MINE"' "GRUB_CMDLINE_LINUX=\"a \"'iommu=off b'" \
		$'GRUB_CMDLINE_LINUX="a intel_iommu=off"\nGRUB_CMDLINE_LINUX="a b"'; do
		rm -rf "$tree/var/lib/iommu" "$tree/etc/iommu.target"
		printf '# mine\n%s\nGRUB_CMDLINE_LINUX_DEFAULT="quiet iommu=nopt"\nGRUB_CMDLINE_XEN="iommu=verbose"\n' \
			"$shape" >"$file"
		mode pt
		echo "$shape: $(value GRUB_CMDLINE_LINUX)"
		[ "$(value GRUB_CMDLINE_LINUX)" = "a b $PT" ]
		[ "$(value GRUB_CMDLINE_LINUX_DEFAULT)" = quiet ]
		[ "$(value GRUB_CMDLINE_XEN)" = iommu=verbose ]
		[ "$(head -n 1 "$file")" = '# mine' ]
	done
}
