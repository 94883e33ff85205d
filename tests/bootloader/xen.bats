#!/usr/bin/env bats
# Xen's entries, by Debian's real 20_linux_xen and its hypervisor's files: listed, never edited nor counted. Not booted.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/grub
	load ../lib/fedora
}

teardown() {
	machine_end
}

# xen_machine SUITE: one that has words about the IOMMU everywhere: its kernels', and others that are the hypervisor's
# own.
xen_machine() {
	grub_machine "$1"
	put 644 "$BATS_TEST_TMPDIR/default" <<-'EOF'
		GRUB_CMDLINE_LINUX="console=ttyS0 iommu=soft"
		GRUB_CMDLINE_LINUX_DEFAULT="quiet intel_iommu=off"
		GRUB_CMDLINE_XEN="dom0_mem=2G iommu=no-intremap"
		GRUB_CMDLINE_XEN_DEFAULT="iommu=verbose"
	EOF
	in_machine 'cp /host/default /etc/default/grub; [ ! -e /host/more ] || cat /host/more >> /etc/default/grub
		update-grub 2>&1'
}

# section SCRIPT: what this script of grub-mkconfig's has put into grub.cfg; blanks do not count.
section() {
	in_machine "cat /boot/grub/grub.cfg" | sed -n "/^### BEGIN .*$1/,/^### END/p" | tr -s ' \t' ' ' | sed 's/ $//'
}

# entries FILTER: of each entry that check lists, as jq has it.
entries() {
	in_machine 'iommu-install check --json || true' | jq -r ".entries[] | $1"
}

# stays COMMAND: after it Xen's part of grub.cfg is what it was, and Linux's is not.
stays() {
	local xen linux
	xen=$(section 20_linux_xen) linux=$(section 10_linux)
	in_machine "$1"
	diff <(echo "$xen") <(section 20_linux_xen)
	[ "$(section 10_linux)" != "$linux" ]
}

# bats test_tags=boot
@test "Xen's entries are listed by check, and stay as they are on each mode, rollback and remove; only Linux's count" {
	local suite mode first
	for suite in bullseye trixie; do
		xen_machine "$suite"
		first=$(section 20_linux_xen)
		[[ $first == *"xen-4."*"dom0_mem=2G iommu=no-intremap iommu=verbose"*"root="*\
"iommu=soft quiet intel_iommu=off"* ]]
		for mode in off-for-uio off-for-vfio strict pt; do
			stays "iommu-install $mode --force --initramfs=none --backend=grub"
		done
		# An image that is shared, and a kernel with the words that its line has.
		[ "$(entries 'select(.counted) | .cmdline' | grep -c 'intel_iommu=on amd_iommu=on iommu=pt')" = 3 ]
		[ "$(entries 'select(.counted) | .cmdline' | grep -c .)" = 3 ]
		entries 'select(.counted | not) | "\(.kernel) \(.image) \(.cmdline)"' > "$BATS_TEST_TMPDIR/xen"
		[ "$(wc -l < "$BATS_TEST_TMPDIR/xen")" = "$(grep -c '^ \(multiboot\|module\).* root=' <<< "$first")" ]
		[ "$(grep -c '^6.1.0-1-amd64 /boot/initrd.img-6.1.0-1-amd64 root=.* ro .*iommu=soft' \
			"$BATS_TEST_TMPDIR/xen")" = "$(wc -l < "$BATS_TEST_TMPDIR/xen")" ]
		run -1 grep -E 'placeholder|iommu=pt' "$BATS_TEST_TMPDIR/xen"
		in_machine 'iommu-install check || true' |
			grep -x -- "-         kernel 6.1.0-1-amd64 under Xen, .* by its kernel parameters (not counted)"
		stays 'iommu-install rollback --initramfs=none'
		stays 'iommu-install remove --initramfs=none'
		[ "$(section 20_linux_xen)" = "$first" ]
		[[ $(section 10_linux) == *"iommu=soft quiet intel_iommu=off"* ]]
	done
}

@test "words that are for Xen's kernels alone stay in force, and empty ones are empty" {
	echo 'GRUB_CMDLINE_LINUX_XEN_REPLACE="console=hvc0 iommu=soft"; GRUB_CMDLINE_LINUX_DEFAULT=' \
		> "$BATS_TEST_TMPDIR/more"
	xen_machine sid
	[[ $(section 20_linux_xen) == *" ro console=hvc0 iommu=soft"$'\n'* ]]
	stays 'iommu-install pt --force --initramfs=none --backend=grub'
	echo 'GRUB_CMDLINE_LINUX=; GRUB_CMDLINE_LINUX_DEFAULT=' > "$BATS_TEST_TMPDIR/more"
	xen_machine sid
	[[ $(section 20_linux_xen) == *" ro"$'\n'* ]]
	stays 'iommu-install pt --force --initramfs=none --backend=grub'
}

# bats test_tags=boot
@test "beside Fedora's entries, Xen's are in grub.cfg: listed, not counted, and that file is not touched" {
	fedora_machine
	# The entry is a stand-in, as that script makes it.
	put 644 "$BATS_TEST_TMPDIR/entry" <<-'EOF'
		### BEGIN /etc/grub.d/20_linux_xen ###
		menuentry 'Fedora, with Xen hypervisor' {
			multiboot2	/xen-4.17.gz placeholder iommu=no-intremap ${xen_rm_opts}
			module2	/vmlinuz-6.1.0-90.fc38.x86_64 placeholder root=UUID=1-2 ro iommu=soft
			module2	--nounzip   /initrd.img-6.1.0-90.fc38.x86_64
		}
		### END /etc/grub.d/20_linux_xen ###
	EOF
	in_machine 'cat /host/entry >> /boot/grub2/grub.cfg; sha256sum /boot/grub2/grub.cfg > /host/sum
		iommu-install pt --force --backend=bls --initramfs=none; sha256sum -c /host/sum'
	[ "$(entries 'select(.counted | not) | select(.image | contains("rescue") | not) |
		"\(.kernel) \(.image) \(.cmdline)"')" = \
		"6.1.0-90.fc38.x86_64 /boot/initrd.img-6.1.0-90.fc38.x86_64 root=UUID=1-2 ro iommu=soft" ]
	[ "$(entries 'select(.counted) | .cmdline' | grep -c iommu=pt)" -ge 2 ]
}
