#!/usr/bin/env bats
# What goes into an initramfs image: iommu-install internal-image on hand-made roots.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	root=$BATS_TEST_TMPDIR/root dest=$BATS_TEST_TMPDIR/dest
	mkdir -p "$dest" "$root"/{etc/modprobe.d,run/modprobe.d,usr/sbin,usr/lib/modprobe.d,boot,lib/modules/6.1.0-test}
	ln -s usr/lib/modprobe.d "$root/lib/modprobe.d" 2> /dev/null || :
	cp "$VERIFY" "$root/usr/sbin/iommu-verify"
	cat > "$root/boot/config-6.1.0-test" <<-EOF
		CONFIG_VFIO=m
		# CONFIG_VFIO_NOIOMMU is not set
		CONFIG_VFIO_IOMMU_TYPE1=m
	EOF
	target "$root" mode=pt on-mismatch=halt
}

build() {
	run --separate-stderr "$INSTALLER" internal-image "$root" "$dest" "${1-6.1.0-test}"
}

conf() {
	cat "$dest/usr/lib/iommu-verify/image.conf"
}

copied() {
	(cd "$dest/usr/lib/iommu-verify/modprobe.d" && ls)
}

@test "without a target nothing is written and the build goes on" {
	rm "$root/etc/iommu.target"
	build
	[ "$status" = 0 ]
	[ -z "$output$stderr" ]
	[ -z "$(ls "$dest")" ]
}

@test "target, helper and image.conf are in the image, and a stopping policy asks for the stopping check" {
	build
	[ "$status" = 0 ]
	[ "$output" = stop ]
	[ -z "$stderr" ]
	cmp "$dest/etc/iommu.target" "$root/etc/iommu.target"
	cmp "$dest/usr/sbin/iommu-verify" "$VERIFY"
	[ -x "$dest/usr/sbin/iommu-verify" ]
	[ "$(conf)" = "kernel=6.1.0-test
enforce=halt
noiommu=no
type1=yes
iommufd=no
default-passthrough=no
igfx-identity=no
gfx-wa=no
way-back=unknown" ]
}

@test "enforce= names each policy, and a warning one asks for the warning check" {
	for policy in halt poweroff reboot; do
		target "$root" mode=pt on-mismatch=$policy
		build
		[ "$output" = stop ]
		grep -qx enforce=$policy <<< "$(conf)"
	done
	target "$root" mode=pt
	build
	[ "$output" = warn ]
	grep -qx enforce=no <<< "$(conf)"
}

@test "a compressed module tells what it has, and what is not known is unknown, not no" {
	rm "$root/boot/config-6.1.0-test"
	debian_module vfio vfio_iommu_type1
	xz "$root/lib/modules/6.1.0-test/"*.ko
	depmod -b "$root" 6.1.0-test
	build
	[ "$(conf | grep -E "^(noiommu|type1|iommufd)=" | xargs)" = "noiommu=no type1=yes iommufd=no" ]
	echo "no module" > "$root/lib/modules/6.1.0-test/vfio.ko.xz"
	build
	[ "$status" = 0 ]
	[ "$(conf | grep -E "^(noiommu|type1|iommufd)=" | xargs)" = "noiommu=unknown type1=yes iommufd=no" ]
}

@test "an enforcing image without a helper, or with one that is no program, fails the build" {
	rm "$root/usr/sbin/iommu-verify"
	build
	[ "$status" = 1 ]
	[ -z "$output" ]
	[[ $stderr == *"/usr/sbin/iommu-verify: No such file"* ]]
	: > "$root/usr/sbin/iommu-verify"
	build
	[ "$status" = 1 ]
	[[ $stderr == *"/usr/sbin/iommu-verify: "* ]]
}

@test "a warning image without a helper is a loud warning and the build goes on" {
	target "$root" mode=pt
	rm "$root/usr/sbin/iommu-verify"
	build
	[ "$status" = 0 ]
	[ -z "$output" ]
	[[ $stderr == *"WARNING: the initramfs of kernel 6.1.0-test will not check"* ]]
}

@test "an invalid target that wants to stop, or can't say, fails the build and names its line" {
	target "$root" mode=pt on-mismatch=halt bogus=1
	build
	[ "$status" = 1 ]
	[[ $stderr == *"/etc/iommu.target:3: unknown key 'bogus'"* ]]
	target "$root" mode=pt on-mismatch=hlat
	build
	[ "$status" = 1 ]
	[[ $stderr == *"/etc/iommu.target:2: "* ]]
	printf 'mode=pt\0' > "$root/etc/iommu.target"
	build
	[ "$status" = 1 ]
}

@test "an invalid target that warns goes into the image as it is, told with its line" {
	target "$root" mode=ptt
	build
	[ "$status" = 0 ]
	[ "$output" = warn ]
	[[ $stderr == *"/etc/iommu.target:1: bad value 'ptt'"* ]]
	cmp "$dest/etc/iommu.target" "$root/etc/iommu.target"
}

@test "a full disk while an enforcing image is filled fails the build" {
	mount -t tmpfs -o size=64k tmpfs "$dest" || skip "needs root"
	build
	umount "$dest"
	[ "$status" = 1 ]
	[[ $stderr == *"No space left on device"* ]]
}

@test "only lines about the three modules are copied, continuations joined, under their file's name" {
	cat > "$root/etc/modprobe.d/vfio.conf" <<-'EOF'
		# options vfio enable_unsafe_noiommu_mode=1
		options vfio-pci ids=8086:1234
		options vfio \
		    enable_unsafe_noiommu_mode=0
		 install   vfio_iommu_type1 /bin/false
		blacklist iommufd
		alias char-major-10-196 vfio
		options vfio-iommu-type1 allow_unsafe_interrupts=1
		options e1000e debug=16
	EOF
	echo "options snd debug=1" > "$root/etc/modprobe.d/sound.conf"
	echo "options vfio x=1" > "$root/etc/modprobe.d/not-read.txt"
	build
	[ "$(copied)" = vfio.conf ]
	[ "$(tr -s ' \t' ' ' < "$dest/usr/lib/iommu-verify/modprobe.d/vfio.conf")" = \
		"options vfio enable_unsafe_noiommu_mode=0
 install vfio_iommu_type1 /bin/false
blacklist iommufd
alias char-major-10-196 vfio
options vfio-iommu-type1 allow_unsafe_interrupts=1" ]
}

@test "an install line that modprobe passes over, as vfio has soft dependencies, is not one in the image either" {
	debian_module vfio vfio_iommu_type1 irqbypass
	depmod -b "$root" 6.1.0-test
	echo CONFIG_VFIO_NOIOMMU=y > "$root/boot/config-6.1.0-test"
	target "$root" mode=off-for-vfio on-mismatch=halt
	printf 'install vfio /bin/false\noptions vfio enable_unsafe_noiommu_mode=1\n' \
		> "$root/etc/modprobe.d/block.conf"
	build
	[ "$status" = 0 ]
	# initramfs-tools copies the file as it is, too; ours hides it.
	mkdir -p "$dest/etc/modprobe.d"
	cp "$root/etc/modprobe.d/block.conf" "$dest/etc/modprobe.d"
	grep -x "# passed over.*: install vfio /bin/false" "$dest/usr/lib/iommu-verify/modprobe.d/block.conf"
	tree "$dest" none ""
	sed -i 's/noiommu=no/noiommu=yes/' "$dest/usr/lib/iommu-verify/image.conf" # Debian's own module has none
	verify "$dest" --phase early
	expect 0 match off-for-vfio
	# Without the soft dependency it blocks.
	rm -r "$root"/lib/modules/6.1.0-test/* "$dest/usr"
	build
	verify "$dest" --phase early
	expect 2 mismatch off-for-vfio MODULE_BLOCKED
}

@test "a file of /etc that shadows one of /usr/lib does so in the image too" {
	echo "options vfio enable_unsafe_noiommu_mode=1" > "$root/usr/lib/modprobe.d/a.conf"
	echo "options vfio enable_unsafe_noiommu_mode=0" > "$root/etc/modprobe.d/a.conf"
	echo "options vfio enable_unsafe_noiommu_mode=1" > "$root/usr/lib/modprobe.d/masked.conf"
	ln -s /dev/null "$root/etc/modprobe.d/masked.conf"
	mkdir "$root/dev"
	: > "$root/dev/null"
	build
	[ "$(copied | xargs)" = "a.conf masked.conf" ]
	grep -q =0 "$dest/usr/lib/iommu-verify/modprobe.d/a.conf"
	[ ! -s "$dest/usr/lib/iommu-verify/modprobe.d/masked.conf" ]
}

@test "a dangling link and a directory in modprobe.d are passed over, as libkmod does" {
	ln -s /etc/alternatives/gone "$root/etc/modprobe.d/nvidia.conf"
	mkdir "$root/etc/modprobe.d/old.conf"
	echo "options vfio x=1" > "$root/etc/modprobe.d/vfio.conf"
	build
	[ "$status" = 0 ]
	[ "$(copied)" = vfio.conf ]
}

@test "links in the image's own directory never lead the files out of it" {
	mkdir "$BATS_TEST_TMPDIR/outside"
	ln -s "$BATS_TEST_TMPDIR/outside" "$dest/etc"
	build
	[ "$status" = 1 ]
	[ -z "$(ls "$BATS_TEST_TMPDIR/outside")" ]
}

@test "the early check reads the copied lines beside the image's own, and image.conf tells what exists" {
	tree "$dest" none "intel_iommu=off amd_iommu=off"
	mkdir -p "$dest/usr/lib/modprobe.d"
	echo "options vfio enable_unsafe_noiommu_mode=1" > "$root/etc/modprobe.d/vfio.conf"
	echo "options vfio enable_unsafe_noiommu_mode=0" > "$dest/usr/lib/modprobe.d/vfio.conf"
	target "$root" mode=off-for-vfio
	build
	verify "$dest" --phase early
	expect 2 mismatch off-for-uio NOIOMMU_UNSUPPORTED
	sed -i s/noiommu=no/noiommu=yes/ "$dest/usr/lib/iommu-verify/image.conf"
	verify "$dest" --phase early
	expect 0 match off-for-vfio
	[ "$(json '.modules["vfio.enable_unsafe_noiommu_mode"].source')" = configured ]
	sed -i s/noiommu=yes/noiommu=unknown/ "$dest/usr/lib/iommu-verify/image.conf"
	verify "$dest" --phase early
	expect 4 unknown unknown EVIDENCE_MISSING
}

@test "an image.conf of an older version, or with keys of a later one, is read; a damaged one is not" {
	local conf=$dest/usr/lib/iommu-verify/image.conf
	tree "$dest" none "vfio.enable_unsafe_noiommu_mode=1"
	target "$root" mode=off-for-uio
	build
	sed -i '/^way-back=/d' "$conf"
	verify "$dest" --phase early
	expect 0 match off-for-uio
	printf 'way-back=moon\nsome-later-key=yes\n' >> "$conf"
	verify "$dest" --phase early
	expect 0 match off-for-uio
	echo 'no equals sign' >> "$conf"
	verify "$dest" --phase early
	expect 4 unknown unknown EVIDENCE_MISSING
}

@test "an enforcing image has what the shell prints without a helper, where the system has it" {
	build
	[ ! -e "$dest/usr/lib/iommu-verify/stop-message.sh" ]
	mkdir -p "$root/usr/lib/iommu-verify"
	cp "$BATS_TEST_DIRNAME/../../dist/early/stop-message.sh" "$root/usr/lib/iommu-verify"
	target "$root" mode=pt
	build
	[ ! -e "$dest/usr/lib/iommu-verify/stop-message.sh" ]
	target "$root" mode=pt on-mismatch=halt
	build
	cmp "$dest/usr/lib/iommu-verify/stop-message.sh" "$root/usr/lib/iommu-verify/stop-message.sh"
}

@test "an image made for another kernel does not vouch for this one's modules" {
	tree "$dest" none "vfio.enable_unsafe_noiommu_mode=1"
	target "$root" mode=off-for-uio
	build
	verify "$dest" --phase early
	expect 0 match off-for-uio
	sed -i s/kernel=.*/kernel=5.0/ "$dest/usr/lib/iommu-verify/image.conf"
	verify "$dest" --phase early
	expect 4 unknown unknown EVIDENCE_MISSING
}

@test "no target in an enforcing image is TARGET_MISSING, in another one just no target" {
	build
	tree "$dest" intel "iommu=pt" identity
	rm "$dest/etc/iommu.target"
	verify "$dest" --phase early
	expect 6 no-target pt TARGET_MISSING
	sed -i s/enforce=.*/enforce=no/ "$dest/usr/lib/iommu-verify/image.conf"
	verify "$dest" --phase early
	expect 6 no-target pt
}

@test "a target whose policy can't be told counts as a stopping one: two on-mismatch lines, one that is too long" {
	target "$root" mode=pt on-mismatch=warn on-mismatch=warn
	build
	[ "$status" != 0 ]
	[ ! -e "$dest/usr/lib/iommu-verify/image.conf" ]
	target "$root" mode=pt on-mismatch=wran
	build
	[ "$status" != 0 ]
	{ echo mode=pt && yes '# comment' | head -c 70000; } > "$root/etc/iommu.target"
	build
	[ "$status" != 0 ]
	[ ! -e "$dest/usr/lib/iommu-verify/image.conf" ]
	printf 'mode=pt\n\0' > "$root/etc/iommu.target"
	build
	[ "$status" != 0 ]
	# Where the policy is plain it is that one.
	target "$root" mode=mystery
	build
	[ "$status" = 0 ]
}
