# Stand-ins for openSUSE, made by hand on Debian disks: GRUB as perl-bootloader has it, and the entries of sdbootutil.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154 # output and lines are bats's

# shellcheck source=tests/lib/efi.bash
. "${BASH_SOURCE[0]%/*}/efi.bash"

# --- GRUB, update-bootloader ------------------------------------------------------------------------------------------

# shellcheck disable=SC2016,SC2034 # for the shells in the machine; for the tests
GRUB2_LINES='sed -n "s/^[[:space:]]*linux[[:space:]]*[^ ]*vmlinuz[^ ]*[[:space:]]*//p" /boot/grub2/grub.cfg'

# suse_grub_machine: GRUB as openSUSE has it: grub2 in its names, no grub.d, kernels and their configuration in
# /usr/lib/modules with links in /boot, initrd-RELEASE, ${extra_cmdline} for snapshots in each line. With PBL=DIR,
# sources of perl-bootloader, update-bootloader is that one.
suse_grub_machine() {
	machine bookworm dracut
	suse_update_bootloader >"$BATS_TEST_TMPDIR/update-bootloader"
	rm -rf "$BATS_TEST_TMPDIR/pbl"
	[ -z "${PBL:-}" ] || cp -r "$PBL" "$BATS_TEST_TMPDIR/pbl"
	# shellcheck disable=SC2016 # for the shell in the machine
	in_machine 'rm /usr/sbin/update-grub; mv /boot/grub /boot/grub2
		sed "s#default/grub\.d#default/other.d#; s#/boot/grub/#/boot/grub2/#g" \
			/usr/sbin/grub-mkconfig > /usr/sbin/grub2-mkconfig
		chmod 755 /usr/sbin/grub2-mkconfig; rm /usr/sbin/grub-mkconfig
		sed -i "s#root=\${linux_root_device_thisversion} ro #\
root=\${linux_root_device_thisversion} \\\\\${extra_cmdline} #" /etc/grub.d/10_linux
		grep -q extra_cmdline /etc/grub.d/10_linux
		rm -f /etc/default/grub.d/* /etc/grub.d/05_debian_theme
		cd /boot && k=$(ls -d vmlinuz-6*) && k=${k#vmlinuz-}
		mv vmlinuz-$k /usr/lib/modules/$k/vmlinuz; mv config-$k /usr/lib/modules/$k/config
		mv initrd.img-$k initrd-$k
		ln -s ../usr/lib/modules/$k/vmlinuz vmlinuz-$k; ln -s ../usr/lib/modules/$k/config config-$k
		ln -s vmlinuz-$k vmlinuz; ln -s initrd-$k initrd
		mkdir -p /etc/sysconfig
		printf "%s\n" "## Type: list(grub,grub2,grub2-efi,none)" "LOADER_TYPE=\"grub2\"" \
			"SECURE_BOOT=\"no\"" > /etc/sysconfig/bootloader
		printf "%s\n" "# If you change this file, run grub2-mkconfig -o /boot/grub2/grub.cfg" \
			"GRUB_DEFAULT=0" "GRUB_TIMEOUT=8" \
			"GRUB_CMDLINE_LINUX_DEFAULT=\"splash=silent quiet iommu=soft,noagp crypt=a,b\" # mine" \
			"GRUB_CMDLINE_LINUX=\"\"" "GRUB_CMDLINE_LINUX_RECOVERY=\"single\"" \
			"SUSE_BTRFS_SNAPSHOT_BOOTING=\"true\"" > /etc/default/grub
		if [ -d /host/pbl ]; then
			install -m 755 /host/pbl/pbl.sh /usr/sbin/pbl; ln -s pbl /usr/sbin/update-bootloader
			ln -s pbl /usr/sbin/bootloader_entry
			mkdir -p /usr/lib/bootloader; cp -a /host/pbl/{include,grub2,grub2-efi} /usr/lib/bootloader
			ln -sf bash /usr/bin/sh # as on openSUSE
		else
			install -m 755 /host/update-bootloader /usr/sbin/update-bootloader
		fi
		update-bootloader --config 2>/dev/null'
}

# A stand-in for perl-bootloader's: what it reads, and which line it writes.
suse_update_bootloader() {
	cat <<-'EOF'
		#!/bin/bash
		set -eu
		value() { sh -c '. /etc/default/grub; printf %s "${GRUB_CMDLINE_LINUX_DEFAULT-}"'; }
		without() { value | tr ' ' '\n' | grep -v -x -e "$1" -e "$1=.*" | paste -s -d ' ' || :; }
		put() { sed -i "/^GRUB_CMDLINE_LINUX_DEFAULT=/c GRUB_CMDLINE_LINUX_DEFAULT=\"$1\"" /etc/default/grub; }
		case ${1:---config} in
		--config | --refresh) exec grub2-mkconfig -o /boot/grub2/grub.cfg ;;
		--add-option) put "$(without "${2%%=*}") $2" ;;
		--del-option) put "$(without "$2")" ;;
		--get-option) value | tr ' ' '\n' | grep -x -e "$2" -e "$2=.*" || : ;;
		*) exit 1 ;;
		esac
	EOF
}

# The kernel's package adds one: with files and links, and then as its script does it.
# shellcheck disable=SC2016,SC2034 # for the shell in the machine; for the tests
GRUB2_KERNEL='cd /boot && k=$(readlink vmlinuz) && k=${k#vmlinuz-} n=6.1.999-1-default
	cp -a /usr/lib/modules/$k /usr/lib/modules/$n; depmod $n
	ln -s ../usr/lib/modules/$n/vmlinuz vmlinuz-$n; ln -s ../usr/lib/modules/$n/config config-$n
	cp initrd-$k initrd-$n
	if [ -e /usr/sbin/bootloader_entry ]; then bootloader_entry add default $n vmlinuz-$n initrd-$n
	else update-bootloader --config; fi 2>/dev/null'

# grub2_carry WORDS: every entry carries them, and what others have put there is there still.
grub2_carry() {
	carry "$1" "$GRUB2_LINES | sed 's/iommu=noagp/foreign/'"
	# shellcheck disable=SC2016 # as GRUB has it
	[[ $output == *'${extra_cmdline}'* && $output == *foreign* && $output == *"crypt=a,b"* &&
		$output == *"single"* ]]
}

grub2_set() {
	in_machine "iommu-install $1 --force --backend=update-bootloader --initramfs=none"
}

# Each mode, a kernel added in between, and back.
grub2_four_modes() {
	local mode words
	suse_grub_machine
	while read -r mode words; do
		grub2_set "$mode"
		grub2_carry "$words"
		[ "$mode" != strict ] || in_machine "$GRUB2_KERNEL"
		grub2_carry "$words"
		in_machine 'grep -x "# If you change this file, run grub2-mkconfig -o /boot/grub2/grub.cfg" \
			/etc/default/grub
			grep -c "# mine$" /etc/default/grub | grep -x 1; grep -c . /etc/default/grub | grep -x 7'
	done <<< "$FOUR_MODES"
	# two kernels, their recovery entries, and the first one once more
	[ "$(in_machine "$GRUB2_LINES" | grep -c .)" = 5 ]
	in_machine 'iommu-install rollback --initramfs=none'
	grub2_carry "intel_iommu=on amd_iommu=on"
	in_machine 'iommu-install remove --initramfs=none'
	run -0 in_machine "$GRUB2_LINES"
	[[ $output != *_iommu* && $output == *"iommu=noagp"*"crypt=a,b"* ]]
}

# What update-bootloader and grub2-mkconfig do by themselves after us.
grub2_next_run() {
	suse_grub_machine
	grub2_set pt
	in_machine 'update-bootloader --add-option quiet2=1 && update-bootloader --config 2>/dev/null
		update-bootloader --get-option quiet2 | grep -x quiet2=1'
	grub2_carry "intel_iommu=on amd_iommu=on iommu=pt"
	[[ $output == *quiet2=1* ]]
	in_machine 'update-bootloader --del-option quiet2 && grub2-mkconfig -o /boot/grub2/grub.cfg 2>/dev/null'
	grub2_carry "intel_iommu=on amd_iommu=on iommu=pt"
	[[ $output != *quiet2* ]]
	# What contradicts us is seen, and goes with the next mode.
	in_machine 'update-bootloader --add-option iommu=nopt && update-bootloader --config 2>/dev/null'
	run in_machine 'iommu-install check --json'
	# recovery entries have no such option
	[ "$(jq -r '[.entries[] | select(.kernel | startswith("6")) | .mode] | unique | join(" ")' <<<"$output")" = \
		"pt strict" ]
	grub2_set off-for-uio
	carry "intel_iommu=off amd_iommu=off" "$GRUB2_LINES"
}

# --- sdbootutil -------------------------------------------------------------------------------------------------------

# suse_efi_machine systemd-boot|grub2-bls [quick]: the entries of sdbootutil on a Debian disk: kernels in
# /usr/lib/modules and on the EFI system partition, none in /boot; `quick`: with suse_quick_dracut. With SDBOOTUTIL=FILE
# sdbootutil is that one.
suse_efi_machine() {
	efi_machine trixie systemd-boot dracut
	rm -f "$BATS_TEST_TMPDIR"/sdbootutil*
	if [ -n "${SDBOOTUTIL:-}" ]; then
		cp "$SDBOOTUTIL" "$BATS_TEST_TMPDIR/sdbootutil-real"
		# What firmware a machine that has not booted has, bootctl can't tell it.
		printf '#!/bin/sh\nexec /usr/bin/sdbootutil-real --arch=x64 "$@"\n' >"$BATS_TEST_TMPDIR/sdbootutil"
	else
		suse_sdbootutil >"$BATS_TEST_TMPDIR/sdbootutil"
	fi
	[ "${2:-}" != quick ] || suse_quick_dracut
	program_into "$(command -v jq)" "$BATS_TEST_TMPDIR/jq"
	# shellcheck disable=SC2016 # for the shell in the machine
	in_efi_machine "$ROOT_NODE"'; k=$(ls /usr/lib/modules); cd /boot; mv vmlinuz-$k /usr/lib/modules/$k/vmlinuz
		mv config-$k /usr/lib/modules/$k/config
		rm -rf initrd.img-$k vmlinuz* initrd.img* /etc/kernel/postinst.d/* /boot/efi/loader/entries/* \
			/boot/efi/$(cat /etc/machine-id)
		[ '"$1"' = systemd-boot ] || rm -r /boot/efi/EFI/systemd
		mkdir -p /etc/sysconfig /etc/kernel/cmdline.d
		printf "LOADER_TYPE=\"%s\"\nSECURE_BOOT=\"no\"\n" '"$1"' > /etc/sysconfig/bootloader
		echo "root=LABEL=iommuroot rw console=ttyS0 iommu=soft,noagp crypt=a,b" > /etc/kernel/cmdline
		printf "# mine\nsecurity=apparmor iommu=nopt\n" > /etc/kernel/cmdline.d/apparmor.conf
		install -m 755 /host/sdbootutil* /usr/bin
		printf "#!/bin/sh\nexec /host/jq/ld.so --library-path /host/jq /host/jq/jq \"\$@\"\n" > /usr/bin/jq
		chmod 755 /usr/bin/jq
		sdbootutil add-kernel $k'
}

# A stand-in for sdbootutil, by what its README, ARCHITECTURE.md and help say: names, what feeds a line, when an image
# is used again, and which entries are whose. The snapshot is the one that / is, unless another is named.
suse_sdbootutil() {
	cat <<-'EOF'
		#!/bin/bash
		set -eu
		shopt -s nullglob
		boot=/boot/efi token=$(cat /etc/machine-id) again=yes
		here=$(awk '$5 == "/" { root = $4 } END { sub("^/", "", root); print root }' /proc/self/mountinfo)
		number() { sed -n 's,.*/\.snapshots/\([0-9]*\)/snapshot$,\1,p' <<<"$1"; }
		line() { # SNAPSHOT
			local file text='' part
			for file in /etc/kernel/cmdline /etc/kernel/cmdline.d/* /etc/kernel/cmdline.d/*; do
				while read -r part; do [[ $part == '#'* ]] || text+=${text:+ }$part; done <"$file"
			done
			[[ ! $1 ]] || text=$(sed 's,rootflags=subvol=[^ ]* *,,' <<<"$text")" \
rootflags=subvol=@/.snapshots/$1/snapshot"
			echo "$text"
		}
		entry() { # RELEASE SNAPSHOT
			local prefix=
			if grep -q grub2-bls /etc/sysconfig/bootloader; then
				[[ $2 == "$(number "$here")" ]] && prefix=system- || prefix=snapper-
			fi
			echo "$boot/loader/entries/$prefix$token-$1${2:+-$2}.conf"
		}
		add() { # RELEASE SNAPSHOT
			local conf parent kernel image= new
			conf=$(entry "$1" "$2") parent=$(entry "$1" "$(number "$here")")
			mkdir -p "$boot/$token/$1"
			kernel=/$token/$1/linux-$(sha1sum "/usr/lib/modules/$1/vmlinuz" | cut -d ' ' -f 1)
			[ -e "$boot$kernel" ] || cp "/usr/lib/modules/$1/vmlinuz" "$boot$kernel"
			for old in "$conf" "$parent"; do
				[[ $again != yes || $image || ! -e $old ]] || image=$(sed -n 's/^initrd *//p' "$old")
			done
			if [[ ! $image ]]; then
				new=$(mktemp)
				dracut --quiet --force --reproducible "$new" "$1"
				image=/$token/$1/initrd-$(sha1sum "$new" | cut -d ' ' -f 1)
				[ -e "$boot$image" ] || cp "$new" "$boot$image"
				rm "$new"
			fi
			printf '%-10s %s\n' title 'openSUSE Tumbleweed' version "${2:+$2@}$1" machine-id "$token" \
				sort-key opensuse options "$(line "$2")" linux "$kernel" initrd "$image" >"$conf"
			cleanup
		}
		cleanup() {
			local file
			for file in "$boot/$token"/*/*; do
				grep -qF "${file#"$boot"}" "$boot"/loader/entries/*.conf || rm "$file"
			done
		}
		while [[ ${1:-} == --* ]]; do shift; done
		case $1 in
		add-kernel) add "$2" "${3-$(number "$here")}" ;;
		add-all-kernels | mkinitrd)
			[[ $1 == add-all-kernels ]] || again=no
			for kernel in /usr/lib/modules/*/vmlinuz; do
				kernel=${kernel%/*}
				add "${kernel##*/}" "${2-$(number "$here")}"
			done
			;;
		update-all-entries)
			snapshot=${2-$(number "$here")}
			for conf in "$boot"/loader/entries/*"$token"-*"${snapshot:+-$snapshot}.conf"; do
				sed -i "s|^options .*|options    $(line "$snapshot")|" "$conf"
			done
			;;
		*) exit 1 ;;
		esac
	EOF
}

# A kernel that the distribution adds: its files, then its package's trigger.
# shellcheck disable=SC2016,SC2034 # for the shell in the machine; for the tests
SDBOOTUTIL_KERNEL='k=$(ls /usr/lib/modules | head -n 1) n=6.12.999-1-default
	cp -a /usr/lib/modules/$k /usr/lib/modules/$n; depmod $n; sdbootutil add-kernel $n'

# sdbootutil finds out what / is by its device, which the small /dev of a machine has not.
# shellcheck disable=SC2016,SC2034 # for the shell in the machine; for the tests
ROOT_NODE='n=$(mountpoint -d /); [ -e "$(findmnt -v -n -o SOURCE /)" ] ||
	mknod "$(findmnt -v -n -o SOURCE /)" b ${n%:*} ${n#*:}'

# suse_quick_dracut: in place of dracut, a real archive with the real check in it, in no time.
suse_quick_dracut() {
	cat >"$BATS_TEST_TMPDIR/dracut" <<-'EOF'
		#!/bin/bash
		set -eu
		dir=$(mktemp -d) out=${*: -2:1}
		[ ! -e /root/dracut-fails ] || exit 1
		kind=$(iommu-install internal-image / "$dir" "${*: -1}")
		mkdir -p "$dir/var/lib/dracut/hooks/cmdline" "$dir/usr/lib/dracut"
		[ ! "$kind" ] ||
			cp "/usr/lib/iommu-verify/check-$kind.sh" "$dir/var/lib/dracut/hooks/cmdline/00-check-$kind.sh"
		echo "${*: -1}" >"$dir/init"
		cd "$dir"
		find . -exec touch -h -d @0 {} +
		find . | sort | cpio --quiet --reproducible -o -H newc >"$out"
		cd /
		rm -r "$dir"
	EOF
	in_efi_machine 'install -m 755 /host/dracut /usr/bin/dracut'
}

# shellcheck disable=SC2016,SC2034 # for the shell in the machine; for the tests
ENTRY_LINES='sed -n "s/^options *//p" /boot/efi/loader/entries/*.conf'
# shellcheck disable=SC2016,SC2034
ENTRY_IMAGES='sed -n "s,^initrd *,/boot/efi,p" /boot/efi/loader/entries/*.conf'

# sdbootutil_carry WORDS: every entry and /etc/kernel/cmdline carry them, and what is foreign is there still.
sdbootutil_carry() {
	carry "$1" "{ $ENTRY_LINES; cat /etc/kernel/cmdline; } | sed 's/iommu=noagp/foreign/'"
	[[ $output == *foreign* && $output == *"crypt=a,b"* && $output == *"security=apparmor"* ]]
	in_machine 'grep -x "# mine" /etc/kernel/cmdline.d/apparmor.conf
		grep -x security=apparmor /etc/kernel/cmdline.d/apparmor.conf'
}

sdbootutil_set() {
	in_machine "iommu-install $1 --force --backend=sdbootutil ${*:2}"
}

# Each mode, a kernel added in between, and back.
sdbootutil_four_modes() {
	local mode words
	while read -r mode words; do
		sdbootutil_set "$mode" --initramfs=none
		sdbootutil_carry "$words"
		[ "$mode" != strict ] || in_machine "$SDBOOTUTIL_KERNEL"
		[ "$mode" = pt ] || in_machine 'sdbootutil update-all-entries' # what it has edited no rollback touches
		sdbootutil_carry "$words"
	done <<< "$FOUR_MODES"
	[ "$(in_machine "$ENTRY_LINES" | grep -c .)" = 2 ]
	in_machine 'iommu-install rollback --initramfs=none'
	sdbootutil_carry "intel_iommu=on amd_iommu=on"
	in_machine 'iommu-install remove --initramfs=none'
	run -0 in_machine "$ENTRY_LINES; cat /etc/kernel/cmdline"
	[[ $output != *_iommu* && $output == *"iommu=noagp"*"crypt=a,b"* ]]
}

# in_snapshot NUMBER SCRIPT: as in_efi_machine, with / being that snapshot of a btrfs file system, as far as mountinfo
# tells: the machine's own files, linked into /@/.snapshots/NUMBER/snapshot by the first who asks for it.
in_snapshot() {
	printf '%s\n' "new=/@/.snapshots/$1/snapshot" >"$BATS_TEST_TMPDIR/snapshot"
	printf '%s\n' "$2" >"$BATS_TEST_TMPDIR/in-snapshot"
	# shellcheck disable=SC2016 # for the shells in the machine
	in_efi_machine '. /host/snapshot
		if [ ! -d $new ]; then
			mkdir -p $new
			for d in /*; do
				case $d in
				/@ | /proc | /sys | /dev | /run | /host | /boot | /tmp) mkdir -p $new$d ;;
				*) cp -al $d $new 2>/dev/null || : ;; # but for files that are mounted
				esac
			done
			mkdir -p $new/boot/efi
		fi
		mount --bind $new /mnt
		for d in proc sys dev run host boot/efi'"${COVERAGE:+ $COVERAGE}"'; do
			mkdir -p /mnt/$d; mount --rbind /$d /mnt/$d
		done
		chroot /mnt bash -euc "$(cat /host/in-snapshot)"'
}

# in_btrfs NUMBER SCRIPT: the same on a real btrfs, which the first call makes, with the machine's files in snapshot 1.
# It takes a kernel that has btrfs and mkfs.btrfs. snapper is a stand-in that knows of the snapshots' numbers alone.
in_btrfs() {
	local disk=$BATS_TEST_TMPDIR/btrfs.img
	[ -e "$disk" ] || {
		truncate -s 3G "$disk" && mkfs.btrfs -q "$disk" &&
			program_into "$(command -v btrfs)" "$BATS_TEST_TMPDIR/btrfs"
	} || return
	printf '%s\n' "n=$1" >"$BATS_TEST_TMPDIR/snapshot"
	printf '%s\n' "$2" >"$BATS_TEST_TMPDIR/in-snapshot"
	cat >"$BATS_TEST_TMPDIR/snapper" <<-'EOF'
		#!/bin/sh
		cd /.snapshots
		printf '{"root":['
		for n in *; do
			printf '{"number":%s,"type":"single","date":"","description":"","userdata":null,'\
'"default":false}\n' "$n"
		done | paste -s -d ,
		echo ']}'
	EOF
	# shellcheck disable=SC2016 # for the shells in the machine
	in_efi_machine "$LOOP_NODES; $ROOT_NODE"'; . /host/snapshot; mkdir -p /tmp/all
		printf "#!/bin/sh\nexec /host/btrfs/ld.so --library-path /host/btrfs /host/btrfs/btrfs \"\$@\"\n" \
			> /usr/bin/btrfs
		cp /host/snapper /usr/bin; chmod 755 /usr/bin/btrfs /usr/bin/snapper
		mount -o loop /host/btrfs.img /tmp/all
		if [ ! -d /tmp/all/@ ]; then
			btrfs subvolume create /tmp/all/@ && btrfs subvolume create /tmp/all/@/.snapshots &&
				mkdir /tmp/all/@/.snapshots/1 && btrfs subvolume create /tmp/all/@/.snapshots/1/snapshot
			cp -a --one-file-system /bin /sbin /lib* /usr /etc /var /root \
				/tmp/all/@/.snapshots/1/snapshot 2>/dev/null
			(cd /tmp/all/@/.snapshots/1/snapshot &&
				mkdir -p proc sys dev run host tmp mnt .snapshots boot/efi &&
				cp /usr/bin/bootctl usr/bin)
		fi >/dev/null
		mount -o subvol=@/.snapshots/$n/snapshot $(findmnt -n -o SOURCE /tmp/all) /mnt
		mount -o subvol=@/.snapshots $(findmnt -n -o SOURCE /tmp/all) /mnt/.snapshots
		for d in proc sys dev run host boot/efi'"${COVERAGE:+ $COVERAGE}"'; do
			mkdir -p /mnt/$d; mount --rbind /$d /mnt/$d
		done
		chroot /mnt bash -euc "$(cat /host/in-snapshot)"'
}
