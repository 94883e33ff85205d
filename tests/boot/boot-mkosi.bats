#!/usr/bin/env bats
# The recipe of dist/mkosi: built by the real mkosi of Debian 13, and its image by dist/image-test.
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup_file() {
	load ../lib/packages
	make_package deb
}

setup() {
	load ../lib/packages
	load ../lib/efi
	cd "$BATS_TEST_TMPDIR" || return
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
}

# mkosi_tree: prints a Debian 13 that has mkosi and what it needs here; nobody writes to it.
mkosi_tree() {
	local packages=mkosi,systemd-repart,systemd-boot-efi,e2fsprogs,dosfstools,mtools,debian-archive-keyring,kmod
	packages+=,python3-pefile,cpio,zstd,xz-utils,fdisk,reprepro,ca-certificates
	cached "$IOMMU_TEST_CACHE/mkosi-trixie-$(recipe_key "$packages")" mkosi_tree_build "$packages"
}

mkosi_tree_build() {
	local options
	mapfile -t options < <(mirror_options)
	mmdebstrap --variant=minbase --include="$1" --aptopt='Apt::Install-Recommends "false"' "${options[@]}" \
		trixie "$2" "$("$TREE_REPO/dist/debian-mirror")"
}

# in_tree TREE SCRIPT: runs a script of bash there as its root, not by chroot, in which mkosi could make no sandbox. It
# sees $BATS_TEST_TMPDIR as /here; what it writes elsewhere is gone when it ends.
in_tree() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --pid --fork --mount-proc bash -euc '
		top=$(mktemp -d)
		mount -t tmpfs tmpfs "$top"
		mkdir "$top/upper" "$top/work" "$top/root"
		mount -t overlay -o "lowerdir=$1,upperdir=$top/upper,workdir=$top/work" overlay "$top/root"
		cd "$top/root"
		mkdir -p here old
		mount --bind "$2" here
		mount --rbind /dev dev
		mount --rbind /sys sys
		mount -t proc proc proc
		mount -t tmpfs tmpfs run
		cp -L /etc/resolv.conf /etc/hosts etc
		cp /etc/apt/apt.conf.d/* etc/apt/apt.conf.d
		pivot_root . old
		umount -l /old
		cd /here
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 bash -euc "$3"
	' in_tree "$1" "$BATS_TEST_TMPDIR" "$2"
}

# image_test: of the image, with a processor that has no more than it needs.
image_test() {
	run --separate-stderr "$top/dist/image-test" --uefi --accel="$(vm_accel)" --timeout="$VM_PATIENCE" \
		--keep=kept image.raw -- -cpu "$([[ $(vm_accel) == kvm ]] && echo max || echo qemu64,+rdrand)"
	echo "$output$stderr"
	tail -n 5 kept/*.console | tr -d '\r'
	printf 'boot\nboot\n' >> "${TESTS_COUNTS:-/dev/null}"
}

@test "the recipe's image matches with both IOMMUs; with a parameter taken out neither does" {
	local tree entry
	tree=$(mkosi_tree)
	cp -r "$top/dist/mkosi" recipe
	mkdir -p recipe/mkosi.packages apt/etc/apt/sources.list.d tmp out
	cp "$(deb)" recipe/mkosi.packages
	# mkosi's own list names servers that are not this machine's.
	printf '%s\n' "Types: deb" "URIs: $("$top/dist/debian-mirror")" "Suites: trixie" "Components: main" \
		"Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg" > apt/etc/apt/sources.list.d/mkosi.sources
	in_tree "$tree" 'mkosi -C recipe --sandbox-tree=/here/apt:/ --workspace-directory=/here/tmp \
		--output-directory=/here/out build'
	mv out/iommu.raw image.raw
	image_test
	[ "$status" = 0 ]
	entry=$(efi_list image.raw | grep '^/loader/entries/.*\.conf$')
	efi_read image.raw "$entry" | sed 's/ iommu=pt//' > entry
	efi_write image.raw "$entry" entry
	image_test
	[ "$status" = 2 ]
	[ "$(grep -c 'mismatch TOKEN_MISSING' <<< "$stderr")" = 2 ]
}
