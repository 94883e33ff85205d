#!/usr/bin/env bats
# The packages and the archive: built without a network, linted, looked into, and installed and removed on a Debian
# system that is not booted (boot-packages.bats boots them).
bats_require_minimum_version 1.5.0
# bats file_tags=boot

setup_file() {
	load ../lib/packages
	make_package deb
	make_package deb 0.9
	make_package rpm
	make_package tarball
}

setup() {
	load ../lib/machine
	load ../lib/packages
	top=$BATS_TEST_DIRNAME/../..
	built=$BATS_FILE_TMPDIR/1.0
}

teardown() {
	machine_end
}

# disk_with PATH=FILE...: makes $machine, a disk of this machine's release (what it builds is for that and later ones)
# with initramfs-tools and these files.
disk_with() {
	local disk
	disk=$(debian_disk "$OWN_SUITE" initramfs-tools)
	machine=$BATS_TEST_TMPDIR/machine.img
	disk_copy "$disk" "$machine" "$@" && note_writable
	in_machine 'update-grub 2> /dev/null'
}

# installed: what `make install` installs, one path a line; manuals as they are before they are compressed.
installed() {
	make -s -C "$top" install DESTDIR="$BATS_TEST_TMPDIR/d" DRACUTMODULESDIR=/usr/lib/dracut/modules.d
	(cd "$BATS_TEST_TMPDIR/d" && find . ! -type d | LC_ALL=C sort)
}

# plain: the same of a list of paths from a package.
plain() {
	sed -E -e 's,^\.?/,./,' -e '/\/man\//s/\.gz$//' | LC_ALL=C sort
}

# --- What is built ----------------------------------------------------------------------------------------------------

@test "lintian finds nothing in the Debian package and its source" {
	run -0 lintian --allow-root --fail-on error,warning "$built"/deb/*.dsc "$(deb)"
	[ -z "$output" ]
}

@test "the Debian package holds what make install installs, and its own papers" {
	diff <(installed) <(dpkg-deb --fsys-tarfile "$(deb)" | tar -t | grep -v '/$' |
		grep -v '^./usr/share/\(doc\|lintian\)/' | plain)
	dpkg-deb --fsys-tarfile "$(deb)" | tar -t | grep -x ./usr/share/doc/iommu-install/copyright
	[ "$(dpkg-deb --info "$(deb)" conffiles | sort | xargs)" = \
		"/etc/initramfs/post-update.d/zzz-iommu-check /etc/kernel/postinst.d/zzz-iommu-check" ]
}

@test "the Debian package names the sources that are linked into the helper, and runs on the release that built it" {
	local kmod musl
	kmod=$(dpkg-parsechangelog -l "$top/build/kmod/debian/changelog" -S Version)
	# shellcheck disable=SC2016 # for dpkg-query
	musl=$(dpkg-query -W -f '${source:Version}' musl-dev)
	[ "$(dpkg-deb -f "$(deb)" Static-Built-Using)" = "kmod (= $kmod), musl (= $musl)" ]
	[[ $(dpkg-deb -f "$(deb)" Depends) == *libkmod2* ]]
	local libc
	libc=$(dpkg-deb -f "$(deb)" Depends | sed -n 's/.*libc6 (>= \([^)]*\)).*/\1/p')
	# shellcheck disable=SC2016 # for dpkg-query
	dpkg --compare-versions "$libc" le "$(dpkg-query -W -f '${Version}' libc6)"
}

@test "debian/rules without kmod's source says so in one line, and downloads nothing" {
	cp -r "$built"/deb/iommu-install-1.0 "$BATS_TEST_TMPDIR/source"
	rm -r "$BATS_TEST_TMPDIR/source/kmod"
	run ! make -s -C "$BATS_TEST_TMPDIR/source" -f debian/rules override_dh_auto_build
	[[ ${lines[0]} == "debian/rules: no source of kmod in $BATS_TEST_TMPDIR/source/kmod: unpack"*\
" here, or set KMOD_SRC" ]]
	run ! grep -rE 'apt|curl|wget|fetch' "$top"/dist/debian/rules
}

@test "the source package builds again from its own files, elsewhere" {
	cd "$BATS_TEST_TMPDIR"
	dpkg-source -x "$built"/deb/iommu-install_1.0-1.dsc source
	cd source
	DEB_BUILD_OPTIONS=noautodbgsym unshare --net dpkg-buildpackage --no-sign -b > ../log 2>&1 ||
		{ tail -n 30 ../log; false; }
	cmp ../iommu-install_1.0-1_amd64.deb "$(deb)"
}

@test "rpmlint finds nothing in the rpm packages and their spec file" {
	run -0 rpmlint -c "$top/dist/rpmlint.toml" "$built"/rpm/RPMS/*/*.rpm "$built"/rpm/SRPMS/*.rpm \
		"$built/rpm/iommu-install.spec"
	[[ $output == *"3 packages and 1 specfiles checked; 0 errors, 0 warnings"* ]]
}

@test "the rpm packages hold what make install installs, but for others' hooks; the dracut module has one of its own" {
	local rpm
	mkdir "$BATS_TEST_TMPDIR/r"
	for rpm in "$built"/rpm/RPMS/*/*.rpm; do
		(cd "$BATS_TEST_TMPDIR/r" && rpm2cpio "$rpm" | cpio -id --quiet)
	done
	diff <(installed | grep -Ev '^./(etc|usr/share/initramfs-tools|usr/lib/initcpio)/|/mkinitcpio-image$') \
		<(cd "$BATS_TEST_TMPDIR/r" && find . ! -type d | grep -Ev '/share/(doc|licenses)/' | plain)
	"$BATS_TEST_TMPDIR/r/usr/sbin/iommu-verify" --version | grep -x "iommu-verify 1.0"
	"$BATS_TEST_TMPDIR/r/usr/sbin/iommu-install" --version | grep -x "iommu-install 1.0"
	diff <(rpm -qpl "$built"/rpm/RPMS/noarch/*.rpm) <(installed | grep dracut |
		sed -e 's/^.//' -e '1i/usr/lib/dracut/modules.d/50iommu-verify')
	rpm -qp --requires "$built"/rpm/RPMS/noarch/*.rpm | grep -x 'iommu-install = 1.0'
}

@test "the archive holds what make install installs, owned by root, and the way to take it out" {
	diff <(installed) <(tar -tf "$(tarball)" | sed -n 's,^iommu-install-1.0/files/,./,p' | grep -v '/$' |
		grep -vE 'usr/lib/iommu-verify/(installed|uninstall.sh)' | LC_ALL=C sort)
	run ! grep -v ' 0/0 ' <(tar -tvf "$(tarball)" --numeric-owner)
}

# --- On a machine -----------------------------------------------------------------------------------------------------

@test "installed, set, removed, purged: words and checks go with the package, every other file is as it was" {
	disk_with "/root/iommu.deb=$(deb)"
	local before
	before=$(files_of_disk)
	run -0 in_machine 'apt-get -q install -y /root/iommu.deb'
	[[ $output != *update-initramfs* ]]
	in_machine 'iommu-install pt --force --on-mismatch=halt && grep -c iommu=pt /boot/grub/grub.cfg'
	run -0 in_machine 'apt-get -q remove -y iommu-install; ls /etc/iommu.target; grep -c iommu /boot/grub/grub.cfg
		for hook in /etc/kernel/postinst.d /etc/initramfs/post-update.d; do
			$hook/zzz-iommu-check 6.1 /boot/vmlinuz && echo harmless
		done'
	[[ $output == *"no mode is wanted any more"*"cannot access '/etc/iommu.target'"*\
$'\n0\nharmless\nharmless' ]]
	run -0 in_machine 'dpkg --purge iommu-install && dpkg-query -W iommu-install; ls -d /var/lib/iommu; true'
	[[ $output == *"no packages found"*"cannot access '/var/lib/iommu'"* ]]
	no_trace
	diff <(echo "$before") <(files_of_disk)
}

@test "where the words can't be taken out the package stays, and says what to do; done so, it goes" {
	disk_with "/root/iommu.deb=$(deb)"
	in_machine 'dpkg -i /root/iommu.deb && iommu-install pt --force --on-mismatch=halt &&
		mv /usr/sbin/update-grub /root && ln -s /bin/false /usr/sbin/update-grub'
	run -1 in_machine 'dpkg -r iommu-install'
	[[ $output == *"update-grub failed"*"the package stays, and so do the mode and its checks"* ]]
	run -0 in_machine 'dpkg-query -W -f "\${db:Status-Status}\n" iommu-install; iommu-install --version
		cat /etc/iommu.target'
	[[ $output == installed$'\n'"iommu-install 1.0"$'\n'mode=pt* ]]
	run -0 in_machine 'rm /etc/iommu.target && dpkg -r iommu-install'
	[[ $output == *"WARNING: no target is set, so the package goes"* ]]
}

@test "upgraded, an image that has the check is made anew once; if that fails the old one stays, and dpkg says so" {
	disk_with "/root/old.deb=$(deb 0.9)" "/root/new.deb=$(deb)"
	run -0 in_machine 'dpkg -i /root/old.deb && dpkg -i /root/new.deb /root/old.deb; dpkg -i /root/old.deb'
	[[ $output != *building* ]] # nothing is set
	in_machine 'iommu-install off-for-uio --on-mismatch=halt && mv /usr/sbin/update-initramfs /root &&
		cp -a /boot /before
		printf "#!/bin/sh\n[ \$1 = -u ] || exec /root/update-initramfs \"\$@\"\necho broken >&2; exit 1\n" \
			> /usr/sbin/update-initramfs; chmod 755 /usr/sbin/update-initramfs'
	run -1 in_machine 'dpkg -i /root/new.deb'
	[[ $output == *"update-initramfs failed (status 1)"*"still has iommu-verify of the version before"* ]]
	in_machine 'diff -r /before /boot; iommu-install check'
	run -0 in_machine 'mv /root/update-initramfs /usr/sbin && dpkg --configure iommu-install &&
		iommu-install check && iommu-install internal-images &&
		unmkinitramfs /boot/initrd.img-6* /i &&
		cmp $(find /i -path "*usr/sbin/iommu-verify") /usr/sbin/iommu-verify && ls /boot'
	[ "$(grep -c '^building' <<< "$output")" = 1 ]
	[[ $output == *"stops the boot on a mismatch"* && $output != *iommu-old* ]]
}

@test "never used, on a system without a boot loader or an image generator, the package goes without a word of either" {
	local tree=$BATS_TEST_TMPDIR/tree
	image_tree "$(debian_tree "$OWN_SUITE")" "$tree"
	cp "$(deb)" "$tree/iommu.deb"
	tree_run "$tree" dpkg -i /iommu.deb
	run -0 tree_run "$tree" dpkg --purge iommu-install
	[[ $output == *"nothing of iommu-install is set"* ]]
	run ! tree_run "$tree" ls -d /var/lib/iommu
}

@test "the archive: installed where there is no compiler, works, goes over an older one, and goes without a trace" {
	disk_with "/root/iommu.tar.gz=$(tarball)"
	local before
	before=$(files_of_disk)
	run -0 in_machine '! command -v cc gcc make && cd /root && tar -xf iommu.tar.gz &&
		iommu-install-1.0/install.sh && iommu-install off-for-uio'
	[[ $output == *"mode off-for-uio is set"* ]]
	run -0 in_machine 'echo /usr/share/old-file >> /usr/lib/iommu-verify/installed; touch /usr/share/old-file
		/root/iommu-install-1.0/install.sh; ls /usr/share/old-file; iommu-install check'
	[[ $output == *"cannot access '/usr/share/old-file'"*"warns on a mismatch"* ]]
	run -1 in_machine 'mv /usr/sbin/update-grub /root; ln -s /bin/false /usr/sbin/update-grub
		/usr/lib/iommu-verify/uninstall.sh; s=$?
		mv /root/update-grub /usr/sbin; exit $s'
	[[ $output == *"so all stays"* ]]
	run -0 in_machine '/usr/lib/iommu-verify/uninstall.sh && ! ls /etc/iommu.target'
	[[ $output == *"no mode is wanted any more"*"everything of iommu-install is out again"*\
"cannot access '/etc/iommu.target'"* ]]
	no_trace
	diff <(echo "$before") <(files_of_disk)
}

@test "the archive is not installed beside the package, nor by anybody but root" {
	disk_with "/root/iommu.tar.gz=$(tarball)" "/root/iommu.deb=$(deb)"
	run -1 in_machine 'cd /tmp && tar -xf /root/iommu.tar.gz &&
		setpriv --reuid=65534 --clear-groups iommu-install-1.0/install.sh'
	[ "$output" = "install.sh: needs root" ]
	run -1 in_machine 'dpkg -i /root/iommu.deb && /tmp/iommu-install-1.0/install.sh'
	[[ ${lines[-1]} == "install.sh: the package iommu-install is installed; "* ]]
}
