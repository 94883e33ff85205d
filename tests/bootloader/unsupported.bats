#!/usr/bin/env bats
# Ways to boot that iommu-install knows and does not change: refused, with the commands to run by hand.
bats_require_minimum_version 1.5.0

PT="intel_iommu=on amd_iommu=on iommu=pt"
# What pt excludes.
NOT_PT="intel_iommu=off amd_iommu=off iommu=nopt iommu=off iommu=soft iommu.passthrough=0 iommu.passthrough=1 \
vfio.enable_unsafe_noiommu_mode=1 vfio_iommu_type1.allow_unsafe_interrupts=1 iommufd.allow_unsafe_interrupts=1"

setup_file() {
	# One machine for all of them, put back by each.
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true machine
	load ../lib/machine
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR quick_machine
}

teardown_file() {
	rm -f "$machine"
}

setup() {
	load ../lib/trees
	load ../lib/machine
	tree=$BATS_TEST_TMPDIR/tree
}

# new_tree SIGN...: a tree that is not running, with these files; "PATH=LINE" has a line in it.
new_tree() {
	local sign
	rm -rf "$tree"
	mkdir -p "$tree"/{boot,dev,etc,proc,run,sys,usr/bin,var/lib}
	touch "$tree/boot/vmlinuz-6.1.0-1-amd64"
	for sign; do
		mkdir -p "$tree$(dirname "${sign%%=*}")"
		echo "${sign#*=}" >"$tree${sign%%=*}"
	done
}

files_of_tree() {
	find "$tree/boot" "$tree/etc" "$tree/usr" -type f -exec sha256sum {} +
}

# each FORMAT WORD...: the format once for each word.
each() {
	local format=$1
	shift
	# shellcheck disable=SC2059 # that is what it is
	printf -- "$format" "$@"
}

# tree_refused SEEN ADVICE [MODE]: of that tree.
tree_refused() {
	local before
	before=$(files_of_tree)
	# shellcheck disable=SC2086 # options on purpose
	run "$INSTALLER" --root "$tree" ${3:-pt}
	refused "$1" "$2"
	[ "$(files_of_tree)" = "$before" ]
}

# refused SEEN ADVICE: the last `run` ended so, with just this message.
refused() {
	echo "$output"
	echo "iommu-install: BOOTLOADER_UNSUPPORTED: the kernel command line comes from $1; $2"
	[ "$status" = 5 ]
	[ "$output" = "iommu-install: BOOTLOADER_UNSUPPORTED: the kernel command line comes from $1; $2" ]
}

# on_machine LINE SETUP [COMMAND]: in the machine that was booted by this line; SETUP makes signs with `sign FILE...`,
# and takes them away with `away FILE...`. All is put back.
on_machine() {
	in_machine "
		back() { rm -rf \"\${signs[@]}\"; for f in \"\${gone[@]}\"; do mv \"\$f.away\" \"\$f\"; done; }
		signs=() gone=()
		sign() { local f; for f; do mkdir -p \"\$(dirname \"\$f\")\"; touch \"\$f\"; signs+=(\"\$f\"); done; }
		away() { local f; for f; do mv \"\$f\" \"\$f.away\"; gone+=(\"\$f\"); done; }
		trap back EXIT
		printf '%s\n' '$1' > /run/line && mount --bind /run/line /proc/cmdline
		$2
		${3:-iommu-install pt --force}"
}

# machine_refused SEEN ADVICE LINE SETUP
machine_refused() {
	local before
	before=$(files_of_machine)
	run on_machine "$3" "$4"
	refused "$1" "$2"
	[ "$(files_of_machine)" = "$before" ]
}

# advised: the commands of the last message, for the tree's files.
advised() {
	sed -e 's/^[^;]*; //' -e "s, /\(boot\|etc\|usr/share\)/, $tree/\1/,g" <<<"$output"
}

# --- Trees that are not running ---------------------------------------------------------------------------------------

@test "rpm-ostree: kargs for each word that goes and that comes, and the target into the initramfs" {
	new_tree /usr/bin/rpm-ostree /usr/bin/bootc /ostree/repo
	# shellcheck disable=SC2086 # words
	tree_refused "rpm-ostree (/usr/bin/rpm-ostree, /ostree/repo)" \
		"touch /etc/iommu.target && sed -i '/^ *mode *=/d' /etc/iommu.target && echo mode=pt >> \
/etc/iommu.target && rpm-ostree kargs$(
		each " --delete-if-present=%s" $NOT_PT; each " --append-if-missing=%s" $PT
		) && rpm-ostree initramfs-etc --track=/etc/iommu.target"
}

@test "the words are those of the mode with its options" {
	new_tree /usr/bin/rpm-ostree /ostree/repo
	run -5 "$INSTALLER" --root "$tree" strict --flush=sync --allow-unsafe-interrupts
	[[ $output == *"echo mode=strict >> "* ]]
	[[ $output == *" --append-if-missing=iommu=nopt --append-if-missing=iommu.strict=1 "* ]]
	[[ $output == *" --append-if-missing=vfio_iommu_type1.allow_unsafe_interrupts=1 "* ]]
	[[ $output == *" --delete-if-present=iommu=pt "* && $output == *" --delete-if-present=iommu.strict=0 "* ]]
	[[ $output != *"--delete-if-present=iommu=nopt"* && $output != *"--delete-if-present=vfio_iommu_type1"* ]]
	run -5 "$INSTALLER" --root "$tree" off-for-vfio
	[[ $output == *"echo mode=off-for-vfio >> "*" --append-if-missing=vfio.enable_unsafe_noiommu_mode=1 "* ]]
}

@test "bootc: the image's kargs.d" {
	new_tree /usr/bin/bootc /ostree/repo
	tree_refused "bootc (/usr/bin/bootc, /ostree/repo)" \
		"where its image is made: take '$NOT_PT' out of usr/lib/bootc/kargs.d && \
iommu-install pt --emit=kargs.d > usr/lib/bootc/kargs.d/50-iommu.toml; and here, with the new image: bootc upgrade"
}

@test "ostree alone: set-kargs" {
	new_tree /ostree/repo
	tree_refused "ostree (/ostree/repo)" \
		"take '$NOT_PT' out of the options line of /boot/loader/entries/ostree-*.conf && \
ostree admin instutil set-kargs --merge --replace=intel_iommu=on --replace=amd_iommu=on --replace=iommu=pt"
}

@test "bootc that is only installed is no reason" {
	new_tree /usr/bin/bootc
	run ! "$INSTALLER" --root "$tree" pt
	[[ $output == "iommu-install: "* && $output != *"comes from"* ]]
}

@test "NixOS and Guix: their declarations" {
	new_tree /etc/NIXOS
	tree_refused "NixOS (/etc/NIXOS)" "take '$NOT_PT' out of boot.kernelParams && \
put boot.kernelParams = [ \"intel_iommu=on\" \"amd_iommu=on\" \"iommu=pt\" ]; into /etc/nixos/configuration.nix && \
nixos-rebuild boot"
	new_tree /etc/os-release=ID=guix
	tree_refused "Guix (ID=guix in os-release)" "take '$NOT_PT' out of kernel-arguments && \
put (kernel-arguments (cons* \"intel_iommu=on\" \"amd_iommu=on\" \"iommu=pt\" %default-kernel-arguments)) into the \
operating-system of /etc/config.scm && guix system reconfigure /etc/config.scm"
}

@test "Flatcar: linux_append of its OEM partition, and the command does it" {
	new_tree '/usr/lib/os-release=ID="flatcar"' /usr/share/oem/grub.cfg
	tree_refused "Flatcar (ID=flatcar in os-release)" "take '$NOT_PT' out of /usr/share/oem/grub.cfg && \
echo 'set linux_append=\"\$linux_append $PT\"' >> /usr/share/oem/grub.cfg"
	advised | sed 's/^.*grub.cfg && //' | bash
	grep -Fx "set linux_append=\"\$linux_append $PT\"" "$tree/usr/share/oem/grub.cfg"
}

@test "Talos: the schematic and the upgrade" {
	new_tree /etc/os-release=ID=talos
	tree_refused "Talos (ID=talos in os-release)" \
		"put extraKernelArgs: [\"intel_iommu=on\", \"amd_iommu=on\", \"iommu=pt\", ] \
under customization: of its Image Factory schematic (with GRUB: under machine.install: of the machine \
configuration) && \
talosctl upgrade --image factory.talos.dev/installer/SCHEMATIC:VERSION"
}

@test "Ubuntu Core: snapd's option" {
	new_tree /var/lib/snapd/modeenv
	tree_refused "snapd (/var/lib/snapd/modeenv)" \
		"take '$NOT_PT' out of what snap get system system.kernel says and of the \
gadget snap && snap set system system.kernel.cmdline-append=\"$PT\" (beside what it holds; the gadget snap has to \
allow it, or the model be dangerous: system.kernel.dangerous-cmdline-append)"
}

@test "clr-boot-manager: cmdline.d and its update" {
	new_tree /usr/bin/clr-boot-manager
	tree_refused "clr-boot-manager (/usr/bin/clr-boot-manager)" \
		"mkdir -p /etc/kernel/cmdline.d /etc/kernel/cmdline-removal.d && \
put what is there of '$NOT_PT', each on a line, into /etc/kernel/cmdline-removal.d/iommu.conf && \
echo '$PT' > /etc/kernel/cmdline.d/iommu.conf && clr-boot-manager update"
}

@test "transactional-update (openSUSE MicroOS): the words, the target, and a new snapshot with an initrd made by it" {
	new_tree /usr/sbin/transactional-update
	tree_refused "transactional-update (/usr/sbin/transactional-update)" \
		"put '$PT' in place of '$NOT_PT' on the line of /etc/kernel/cmdline \
(with GRUB: into GRUB_CMDLINE_LINUX of /etc/default/grub) && touch /etc/iommu.target && \
sed -i '/^ *mode *=/d' /etc/iommu.target && echo mode=pt >> /etc/iommu.target && \
transactional-update initrd (with GRUB: transactional-update initrd grub.cfg)"
}

@test "kernelstub: -d and -a, never -o; its program without its configuration is no reason" {
	new_tree /usr/bin/kernelstub /etc/kernelstub/configuration
	tree_refused "kernelstub (/usr/bin/kernelstub, /etc/kernelstub/configuration)" \
		"kernelstub -d \"$NOT_PT\" -a \"$PT\""
	rm "$tree/etc/kernelstub/configuration"
	run ! "$INSTALLER" --root "$tree" pt
	[[ $output == "iommu-install: "* && $output != *"comes from"* ]]
}

@test "rEFInd: the command changes the options of every line, and takes out what goes" {
	new_tree /boot/refind_linux.conf
	cat >"$tree/boot/refind_linux.conf" <<-'END'
		# "a comment"
		"Standard"  "root=/dev/sda1 iommu=soft intel_iommu=on,sm_on quiet"
		"Quoted"	"root=/dev/sda1 dyndbg=""file x +p"" iommu=off"  
	END
	run "$INSTALLER" --root "$tree" pt
	[[ $output == *"comes from rEFInd (/boot/refind_linux.conf); sed -i"*\
" (and the same in the options of a stanza of refind.conf)" ]]
	advised | sed 's/ (and.*//' | bash
	diff "$tree/boot/refind_linux.conf" - <<-END
		# "a comment"
		"Standard"  "root=/dev/sda1 intel_iommu=on,sm_on quiet $PT"
		"Quoted"	"root=/dev/sda1 dyndbg=""file x +p"" $PT"
	END
}

@test "limine: its file wherever it is, and Arch's tools where they are" {
	local conf
	for conf in /boot/limine.conf /boot/limine/limine.conf /boot/EFI/BOOT/limine.conf \
		/efi/EFI/limine/limine.conf; do
		new_tree $conf
		run "$INSTALLER" --root "$tree" pt
		[[ $status == 5 && $output == *"comes from limine ($conf); sed -i -E "*"cmdline:.*)/\1 $PT/' $conf" ]]
	done
	new_tree /boot/limine.conf
	printf '/Arch\n    protocol: linux\n    cmdline: root=/dev/sda2 iommu=off rw\n' >"$tree/boot/limine.conf"
	run "$INSTALLER" --root "$tree" pt
	advised | bash
	grep -Fx "    cmdline: root=/dev/sda2 rw $PT" "$tree/boot/limine.conf"

	new_tree /boot/limine.conf /etc/default/limine /usr/bin/limine-update
	tree_refused "limine (/etc/default/limine, /usr/bin/limine-update)" \
		"take '$NOT_PT' out of /etc/default/limine && \
echo 'KERNEL_CMDLINE[default]+=\" $PT\"' >> /etc/default/limine && /usr/bin/limine-update"
	new_tree /etc/default/limine /usr/bin/limine-mkinitcpio
	run -5 "$INSTALLER" --root "$tree" pt
	[[ $output == *" >> /etc/default/limine && /usr/bin/limine-mkinitcpio" ]]
}

@test "ZFSBootMenu: zbm-kcl" {
	new_tree /etc/zfsbootmenu/config.yaml
	# shellcheck disable=SC2086 # words
	tree_refused "ZFSBootMenu (/etc/zfsbootmenu)" \
		"zbm-kcl$(each " -r %s" $NOT_PT; each " -a %s" $PT) (without zbm-kcl: the same \
words in zfs set org.zfsbootmenu:commandline=\"...\" of the dataset that is /)"
}

@test "Alpine's extlinux: the command changes its options, and takes out what goes" {
	new_tree /etc/update-extlinux.conf /boot/extlinux.conf
	printf '# default_kernel_opts="x"\ndefault_kernel_opts="iommu=off quiet iommu=nopt" # yes\n' \
		>"$tree/etc/update-extlinux.conf"
	run "$INSTALLER" --root "$tree" pt
	[[ $status == 5 && $output == *"comes from extlinux (/etc/update-extlinux.conf); "*" && update-extlinux" ]]
	advised | sed 's/ && update-extlinux//' | bash
	grep -Ex "default_kernel_opts=\" ?quiet ? $PT\" # yes" "$tree/etc/update-extlinux.conf"
	grep -Fx '# default_kernel_opts="x"' "$tree/etc/update-extlinux.conf"
}

@test "syslinux, u-boot-menu and LILO: the file, and the program that reads it" {
	new_tree /boot/syslinux/syslinux.cfg
	printf 'LABEL a\n\tLINUX vmlinuz\n\tAPPEND root=/dev/sda1 iommu=soft\n' >"$tree/boot/syslinux/syslinux.cfg"
	run "$INSTALLER" --root "$tree" pt
	[[ $status == 5 && $output == *"comes from syslinux (/boot/syslinux/syslinux.cfg); sed "* ]]
	advised | bash
	grep -Fx "	APPEND root=/dev/sda1 $PT" "$tree/boot/syslinux/syslinux.cfg"

	new_tree /boot/extlinux/extlinux.conf /usr/sbin/u-boot-update
	tree_refused "u-boot-menu (/usr/sbin/u-boot-update, /boot/extlinux/extlinux.conf)" \
		"put '$PT' in place of '$NOT_PT' into U_BOOT_PARAMETERS=\"...\" of /etc/default/u-boot && u-boot-update"
	new_tree /etc/lilo.conf /sbin/lilo
	tree_refused "LILO (/etc/lilo.conf, /sbin/lilo)" \
		"put '$PT' in place of '$NOT_PT' into append=\"...\" of each image in /etc/lilo.conf && lilo"
}

# --- A running machine, with GRUB -------------------------------------------------------------------------------------

@test "what has to go is what is on the running line, and what is left of it stays" {
	machine_refused "kernelstub (/usr/bin/kernelstub, /etc/kernelstub/configuration)" \
		"kernelstub -d \"intel_iommu=off,sm_on iommu=soft\" -a \"$PT intel_iommu=sm_on\"" \
		'initrd=\EFI\x root=/dev/x iommu=pt intel_iommu=off,sm_on iommu=soft -- iommu=off' \
		'sign /usr/bin/kernelstub /etc/kernelstub/configuration'
}

@test "where nothing has to go, nothing is said about it" {
	machine_refused "kernelstub (/usr/bin/kernelstub, /etc/kernelstub/configuration)" "kernelstub -a \"$PT\"" \
		'initrd=\EFI\x root=/dev/x quiet' 'sign /usr/bin/kernelstub /etc/kernelstub/configuration'
}

@test "kernelstub on a machine that GRUB has booted is no reason" {
	run on_machine 'BOOT_IMAGE=/boot/vmlinuz root=/dev/x' 'sign /usr/bin/kernelstub /etc/kernelstub/configuration'
	[[ $output == *"BOOTLOADER_UNPROVEN: "* && $output != *"comes from"* ]]
}

@test "rpm-ostree, Ubuntu Core and a network boot are refused beside GRUB, bootc by its composefs too" {
	machine_refused "ostree (/run/ostree-booted)" \
		"ostree admin instutil set-kargs --merge --replace=intel_iommu=on --replace=amd_iommu=on \
--replace=iommu=pt" \
		'BOOT_IMAGE=/x root=/dev/x' 'sign /run/ostree-booted'
	local before
	before=$(files_of_machine)
	run on_machine 'BOOT_IMAGE=/x root=/dev/x ro amd_iommu=off,pgtbl_v2' \
		'sign /run/ostree-booted /usr/bin/rpm-ostree'
	[[ $status == 5 && $output == \
		*"BOOTLOADER_UNSUPPORTED: the kernel command line comes from rpm-ostree (/usr/bin/rpm-ostree, \
/run/ostree-booted); "* ]]
	[[ $output == *" --delete-if-present=amd_iommu=off,pgtbl_v2 "* &&
		$output == *" --append-if-missing=amd_iommu=pgtbl_v2 "* ]]
	run on_machine 'root=UUID=x composefs=abc rw' 'sign /usr/bin/bootc'
	[[ $status == 5 && $output == \
		*"comes from bootc (/usr/bin/bootc, composefs= on it); where its image is made: iommu-install pt"* ]]
	run on_machine 'snapd_recovery_mode=run console=tty1 panic=-1' ':'
	[[ $status == 5 && $output == \
		*"comes from snapd (snapd_recovery_mode= on it); snap set system \
system.kernel.cmdline-append=\"$PT\""* ]]
	run on_machine 'BOOT_IMAGE=vmlinuz root=/dev/sda1 BOOTIF=01-52-54-00-12-34-56 iommu=off' ':'
	[[ $status == 5 && $output == \
		*"comes from the network (BOOTIF= on it); put '$PT' in place of 'iommu=off' on this machine's kernel \
line in the configuration of the server"* ]]
	[ "$(files_of_machine)" = "$before" ]
}

@test "a dry run by somebody who can't look into the ESP does not find everything there" {
	run on_machine 'root=/dev/x' \
		'away /boot/grub/grub.cfg; sign /boot/efi/x; chmod 700 /boot/efi; trap "back; rmdir /boot/efi" EXIT' \
		'setpriv --reuid 65534 --regid 65534 --clear-groups iommu-install pt --dry-run'
	[[ $output == "iommu-install: "* && $output != *"comes from"* ]]
}

@test "ZFSBootMenu that has booted the machine is refused beside GRUB" {
	run on_machine 'root=zfs:pool/ROOT/debian spl_hostid=0x1 quiet' 'sign /etc/zfsbootmenu/config.yaml'
	[[ $status == 5 && $output == \
		*"comes from ZFSBootMenu (/etc/zfsbootmenu, spl_hostid= on it); zbm-kcl -a intel_iommu=on -a \
amd_iommu=on -a iommu=pt (without"* ]]
}

@test "files of rEFInd, limine, syslinux and LILO beside GRUB are no reason" {
	run -0 on_machine "$(in_machine 'cat /proc/cmdline')" \
		'sign /boot/refind_linux.conf /boot/limine.conf /boot/syslinux/syslinux.cfg /etc/lilo.conf /sbin/lilo' \
		'iommu-install pt --force --dry-run'
	[[ $output != *"comes from"* ]]
}

@test "a back end that is named is not refused for what else is there" {
	run -0 on_machine 'BOOT_IMAGE=x root=/dev/x' 'sign /run/ostree-booted' \
		'iommu-install pt --force --dry-run --backend=grub'
	[[ $output != *"comes from"* ]]
}

# --- A running machine, without GRUB ----------------------------------------------------------------------------------

@test "a root on the network is refused where no boot loader is" {
	local root
	for root in root=/dev/nfs root=nfs nfsroot= netroot= root=iscsi:; do
		run on_machine "BOOT_IMAGE=x ip=dhcp ${root}x" 'away /boot/grub/grub.cfg'
		[[ $status == 5 && $output == \
			*"comes from the network ($root on it); put '$PT' on this machine's kernel line"* ]]
	done
	run on_machine 'BOOT_IMAGE=x root=/dev/nfs' ':'
	[[ $output == *"BOOTLOADER_UNPROVEN: "* && $output != *"comes from"* ]]
}

@test "a kernel that the firmware has booted: efibootmgr with the whole new line" {
	local vars=/sys/firmware/efi/efivars boot=BootCurrent-8be4df61-93ca-11d2-aa0d-00e098032b8c
	local efi="away /boot/grub/grub.cfg; mount -t tmpfs sys /sys; mkdir -p $vars; touch $vars/$boot"
	machine_refused "the firmware's boot entry ($vars/$boot, initrd=\\ on it)" \
		"make the entry anew that efibootmgr -v names as BootCurrent: \
efibootmgr --create --disk DISK --part PART --label LABEL --loader '\\KERNEL' --unicode \
'root=/dev/x rw initrd=\\initramfs.img $PT'" 'root=/dev/x rw iommu=off initrd=\initramfs.img' "$efi"
	run on_machine 'root=/dev/x initrd=\i' "$efi; touch $vars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
	[[ $status == 5 && $output != *"comes from"* ]]
}

@test "a file of rEFInd's is no reason on a machine that GRUB has booted" {
	run on_machine 'BOOT_IMAGE=x root=/dev/x' 'away /boot/grub/grub.cfg; sign /boot/refind_linux.conf'
	[[ $status == 5 && $output == *"NO_ENTRY: "* && $output != *"comes from"* ]]
}
