# A stand-in for Arch's layout, made by hand on a Debian disk: kernels called after their package, presets, GRUB without
# grub.d. mkinitcpio is the real one where MKINITCPIO= names its source, else a stand-in too.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2016,SC2154 # for the shells in the machine; machine and BATS_ are the tests'

# shellcheck disable=SC2034 # for the tests
ARCH_LINES='sed -n "s/^[[:space:]]*linux[[:space:]]*[^ ]*vmlinuz[^ ]*[[:space:]]*//p" /boot/grub/grub.cfg'

# arch_machine: a kernel `linux` with two images, default and fallback.
arch_machine() {
	quick_machine # whose generator goes
	arch_mkinitcpio "$BATS_TEST_TMPDIR/mkinitcpio"
	in_machine 'cp -a /host/mkinitcpio/. /
		sed -i "s#default/grub\.d#default/other.d#" /usr/sbin/grub-mkconfig
		# Arch takes all that follows vmlinuz- for the name of the image, and has an entry for the fallback
		# image too.
		sed -i "/^ *version=/s/s,[^,]*,,g/s,^vmlinuz-,,/" /etc/grub.d/10_linux
		cat >> /etc/grub.d/10_linux <<-"EOF"
			for kernel in /boot/vmlinuz-linux*; do
				printf "menuentry \"fallback\" {\n\tlinux %s root=UUID=1-2 ro %s\n\
\tinitrd /boot/initramfs-%s-fallback.img\n}\n" \
					"$kernel" "$GRUB_CMDLINE_LINUX" "${kernel#/boot/vmlinuz-}"
			done
		EOF
		rm -f /usr/sbin/update-grub /usr/sbin/update-initramfs /usr/sbin/dracut /boot/initrd* /boot/System.map*
		printf "# mine\nGRUB_CMDLINE_LINUX=\"console=ttyS0 iommu=soft,noagp crypt=a,b\"\nGRUB_TIMEOUT=1\n" \
			> /etc/default/grub
		k=$(ls /lib/modules) && mv /boot/vmlinuz-$k /boot/vmlinuz-linux &&
			cp /boot/vmlinuz-linux /lib/modules/$k/vmlinuz &&
			echo linux > /lib/modules/$k/pkgbase && mv /boot/config-$k /lib/modules/$k/config
		arch-preset linux && mkinitcpio -P 2>&1 && grub-mkconfig -o /boot/grub/grub.cfg 2>&1'
}

# arch_second_kernel: `linux-lts`, as the package manager's hook adds it; then the entries are made anew.
arch_second_kernel() {
	in_machine 'k=$(cd /lib/modules && ls | head -n 1); n=${k%%-*}-1-lts; [ ! -e /boot/vmlinuz-linux-lts ] || exit 0
		cp -a /lib/modules/$k /lib/modules/$n; depmod $n; echo linux-lts > /lib/modules/$n/pkgbase
		# The same kernel, with another release of the same length or shorter in its header.
		cp /boot/vmlinuz-linux /boot/vmlinuz-linux-lts
		offset=$(od -An -j0x20E -dN2 /boot/vmlinuz-linux-lts)
		printf "%s \0" "$n" | dd of=/boot/vmlinuz-linux-lts bs=1 seek=$((offset + 0x200)) conv=notrunc \
			status=none
		cp /boot/vmlinuz-linux-lts /lib/modules/$n/vmlinuz
		arch-preset linux-lts && mkinitcpio -p linux-lts 2>&1 && grub-mkconfig -o /boot/grub/grub.cfg 2>&1'
}

# arch_mkinitcpio DIR: mkinitcpio and what belongs to it, to be copied over a system.
arch_mkinitcpio() {
	local dir=$1 lib=$1/usr/lib/initcpio file
	mkdir -p "$dir"/etc/{mkinitcpio.conf.d,mkinitcpio.d,initcpio/{post,hooks,install}} "$dir/usr/bin" "$lib"
	printf '%s\n' 'HOOKS=(base udev)' 'COMPRESSION=gzip' >"$dir/etc/mkinitcpio.conf"
	put 755 "$dir/usr/bin/arch-preset" <<-'EOF'
		#!/bin/sh
		# The preset of a kernel's package, with both images, as Arch's template has it with its comments taken
		# away.
		cat > "/etc/mkinitcpio.d/$1.preset" <<-END
			ALL_kver="/boot/vmlinuz-$1"
			PRESETS=('default' 'fallback')
			default_image="/boot/initramfs-$1.img"
			fallback_image="/boot/initramfs-$1-fallback.img"
			fallback_options="-S autodetect"
		END
	EOF
	if [[ -z ${MKINITCPIO:-} ]]; then
		cp "$BATS_TEST_DIRNAME/../lib/mkinitcpio" "$dir/usr/bin/mkinitcpio"
		return
	fi
	for file in mkinitcpio functions init init_functions; do
		sed -e "s#@VERSION@#test#g; s#@BINDIR@#/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin#g" \
			-e "s#@SYSCONFDIR@#/etc#g" \
			-e "s#@INITCPIO_LIBDIR@#/usr/lib/initcpio#g; s#@INITCPIO_SYSCONFDIR@#/etc/initcpio#g" \
			"$MKINITCPIO/$file" >"$lib/$file"
	done
	chmod 755 "$lib"/*
	mv "$lib/mkinitcpio" "$dir/usr/bin"
	cp -a "$MKINITCPIO/hooks" "$MKINITCPIO/install" "$lib"
	sed -i "s#@UDEVD_PATH@#/usr/lib/systemd/systemd-udevd#g; s#@TMPFILES_PATH@#/usr/bin/systemd-tmpfiles#g
		s#/usr/lib/libkmod.so.2#/usr/lib/x86_64-linux-gnu/libkmod.so.2#" \
		"$lib"/{hooks,install}/udev
	cp "$(command -v busybox)" "$lib/busybox"
	arch_bsdtar "$dir"
	mkdir -p "$dir/etc/udev"
	touch "$dir/etc/udev/hwdb.bin" # this Debian has none
	echo 'MODULES=(virtio_pci virtio_blk ext4)' >>"$dir/etc/mkinitcpio.conf"
}

# arch_bsdtar DIR: the host's, with its libraries in a directory of their own.
arch_bsdtar() {
	local lib=$1/usr/lib/bsdtar file
	mkdir -p "$lib"
	cp "$(command -v bsdtar)" "$lib/bsdtar"
	ldd "$lib/bsdtar" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' | while read -r file; do
		cp "$(realpath "$file")" "$lib/${file##*/}"
	done
	rm -f "$lib"/{libc,libm}.so.*
	put 755 "$1/usr/bin/bsdtar" <<-'EOF'
		#!/bin/sh
		LD_LIBRARY_PATH=/usr/lib/bsdtar exec /usr/lib/bsdtar/bsdtar "$@"
	EOF
}
