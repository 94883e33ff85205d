# A stand-in for Fedora's layout, made by hand on a Debian disk: boot entries that GRUB reads, grubenv, a rescue entry.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# shellcheck disable=SC2016,SC2034 # for the shells in the machine; for the tests
ID=00112233445566778899aabbccddeeff
BLS_LINES='for f in /boot/loader/entries/*[!e].conf; do sed -n "/^options/{s/^options//p;q}" $f; done'

# fedora_machine [kernelopts|-] [GENERATOR]: two kernels and a rescue entry; the line is said in each entry, or once in
# grubenv with `kernelopts`.
fedora_machine() {
	local options='root=UUID=1-2 ro console=ttyS0 iommu=soft $tuned_params'
	[ "${1:-}" != kernelopts ] || options='$kernelopts'
	if [ "${2:-}" ]; then machine bookworm "$2"; else quick_machine; fi
	printf '%s\n' "$options" > "$BATS_TEST_TMPDIR/options"
	in_machine 'rm -rf /usr/sbin/update-grub /etc/kernel/cmdline; mv /boot/grub /boot/grub2
		printf "set tuned_params=\"\"\ninsmod blscfg\nblscfg\n" > /boot/grub2/grub.cfg
		printf "GRUB_CMDLINE_LINUX=\"console=ttyS0\"\nGRUB_ENABLE_BLSCFG=true\n" > /etc/default/grub
		echo '$ID' > /etc/machine-id
		cd /boot && k=$(ls vmlinuz-6* | head -n 1) && k=${k#vmlinuz-}
		cp config-$k config-6.1.0-90.fc38.x86_64; cp -a /lib/modules/$k /lib/modules/6.1.0-90.fc38.x86_64
		depmod 6.1.0-90.fc38.x86_64
		for r in 6.1.0-90.fc38.x86_64 0-rescue-'$ID'; do
			cp vmlinuz-$k vmlinuz-$r; cp initrd.img-$k initrd.img-$r
		done
		mkdir -p loader/entries
		for r in $k 6.1.0-90.fc38.x86_64 0-rescue-'$ID'; do
			printf "title Fedora Linux (%s)\nversion %s\nlinux /vmlinuz-%s\n\
initrd /initrd.img-%s \$tuned_initrd\noptions %s\n# mine\ngrub_users \$grub_users\n" \
				$r $r $r $r "$(cat /host/options)" > loader/entries/'$ID'-$r.conf
		done
		mv loader/entries/'$ID'-0-rescue-'$ID'.conf loader/entries/'$ID'-0-rescue.conf
		{ printf "# GRUB Environment Block\nsaved_entry=x\n\
kernelopts=root=UUID=1-2 ro console=ttyS0 iommu=soft\nboot_success=0\n"
			head -c 1024 /dev/zero | tr "\0" "#"; } | head -c 1024 > /boot/grub2/grubenv
		[ "$(cat /host/options)" = "\$kernelopts" ] || grub-editenv /boot/grub2/grubenv unset kernelopts'
}
