# The early check's boots: an image of each generator that stops and one that warns, on the way to the real root.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154,SC2034 # VM_END is vm_wait's; the tests use the rest

# shellcheck source=tests/lib/vm.bash
. "${BASH_SOURCE[0]%/*}/vm.bash"
# shellcheck source=tests/lib/images.bash
. "${BASH_SOURCE[0]%/*}/images.bash"

suite=bookworm
GENERATORS="dracut-systemd dracut-plain initramfs-tools"
PT="intel_iommu=on amd_iommu=on iommu=pt"
STRICT="intel_iommu=on amd_iommu=on"

# early_images SUITE [POLICY...]: what boots that suite's images, and an image of each generator and policy, wanting pt;
# for setup_file(). Others are made when a test first asks for one.
early_images() {
	local tree suite=$1 dest=$BATS_FILE_TMPDIR/$1-tree policy generator
	shift
	tree=$(debian_tree "$suite") || return
	tree_vmlinux "$tree" > "$BATS_FILE_TMPDIR/$suite-kernel"
	cached_root_disk "$tree" > "$BATS_FILE_TMPDIR/$suite-disk"
	image_tree "$tree" "$dest"
	make -s -C "$BATS_TEST_DIRNAME/../.." install DESTDIR="$dest" DRACUTMODULESDIR=/usr/lib/dracut/modules.d
	! older "$suite" || built_for "$suite" iommu-install "$dest/usr/sbin/iommu-install" || return
	for policy; do
		for generator in $GENERATORS; do
			early_image "$suite" "$generator" "$policy" > /dev/null || return
		done
	done
}

# early_image SUITE GENERATOR POLICY: prints the path of that image, which is made unless it is there.
early_image() {
	cached "$BATS_FILE_TMPDIR/$1-$2-$3" early_build "$BATS_FILE_TMPDIR/$1-tree" "$2" "$3"
}

# One at a time in a tree, which has the target.
early_build() {
	(
		flock 8
		printf 'mode=pt\non-mismatch=%s\n' "$3" > "$1/etc/iommu.target"
		image_build "$1" "$2" "$4" 8>&-
	) 8> "$1.lock"
}

# image GENERATOR POLICY [PATH=FILE...]: makes $image, that one of $suite with these files put over its own.
image() {
	image=$(early_image "$suite" "$1" "$2") || return
	[[ $# -gt 2 ]] || return 0
	cpio_append "$image" "$BATS_TEST_TMPDIR/image" "${@:3}"
	image=$BATS_TEST_TMPDIR/image
}

# packed_in IMAGE: where its packed archive begins, and which program packed it. Before that one there can be another,
# unpacked; and what starts like a packed one may be none.
packed_in() {
	local at packer magic='\x1f\x8b\x08[\x00\x08]|\xfd7zXZ|\x28\xb5\x2f\xfd|\x02\x21\x4c\x18'
	while read -r at; do
		packer=$(packed_by "$1" "$at") || continue
		[[ $(tail -c +$((at + 1)) "$1" | "$packer" -dc | head -c 5 | tr -d '\0') == 07070 ]] || continue
		echo "$at $packer"
		return
	done < <(LC_ALL=C grep -obUaP "$magic" "$1" | cut -d: -f1) 2> /dev/null
	return 1
}

# base_of IMAGE: how long it was before something was laid behind it, as that says; nothing where nothing was.
base_of() {
	LC_ALL=C grep -aoP 'usr/lib/iommu-verify/laid-over\x00+base=\K[0-9]+' "$1"
}

# image_without_target IMAGE OUT: OUT is IMAGE with its target under another name, also in what was laid behind it:
# nothing put over an image can take a file away. In a cpio archive a name follows the check sum's eight digits, and has
# none of its own.
image_without_target() {
	local at packer base targets=1
	read -r at packer < <(packed_in "$1") || return
	base=$(base_of "$1") && targets=2 || base=$(stat -c %s "$1")
	{
		head -c "$at" "$1" && head -c "$base" "$1" | tail -c +$((at + 1)) | "$packer" -dc
	} > "$2.with" || return
	truncate -s %512 "$2.with" || return
	tail -c +$(((base + 515) / 512 * 512 + 1)) "$1" >> "$2.with" # where src/initramfs/tail.c begins it
	LC_ALL=C sed -E 's#(00000000(\./)?)etc/iommu\.target\x00#\1etc/iommu.absent\x00#' "$2.with" > "$2"
	[[ $(cmp -l "$2.with" "$2" | wc -l) == $((5 * targets)) ]] || { # `target` and `absent` share one letter
		echo "no target in $1"
		return 1
	}
	rm "$2.with"
}

# start_vm MACHINE LINE [ARGS...]: starts $image towards $suite's real root; ARGS are vm_start's.
start_vm() {
	echo "$image, $1, '$2'"
	vm_start vm --iommu "$1" --kernel "$(< "$BATS_FILE_TMPDIR/$suite-kernel")" \
		--disk "$(< "$BATS_FILE_TMPDIR/$suite-disk")" \
		--initrd "$image" --append "root=LABEL=iommuroot systemd.unit=iommu-test.target $2" "${@:3}"
}

# start MACHINE LINE [ARGS...]: the same, and waits for the end.
start() {
	start_vm "$@" && vm_wait vm
}

# The console's line number of the first match, or nothing.
line_of() {
	vm_log vm | grep -nm1 -E -- "$1" | cut -d: -f1
}

# The boot came to the real root.
went_on() {
	[ "$VM_END" = poweroff ]
	[ -n "$(line_of 'MARK udevd started')" ]
	[ -n "$(line_of 'MARK root mounted')" ]
	[ -n "$(line_of 'MARK real root')" ]
}

# stopped END TEXT...: the machine ended so, each TEXT is on the console, and nothing came after the check.
stopped() {
	[ "$VM_END" = "$1" ] || { vm_log vm | tail -n 30; echo "ended: $VM_END"; return 1; }
	shift
	local text
	for text; do
		vm_log vm | grep -qF -- "$text" ||
			{ vm_log vm | tail -n 30; echo "not on the console: $text"; return 1; }
	done
	[ -z "$(line_of 'MARK udevd started')" ]
	[ -z "$(line_of 'MARK root mounted')" ]
	[ -z "$(line_of 'MARK real root|EXT4-fs|virtio_blk')" ]
	[ -z "$(line_of "$SHELL_PROMPTS")" ]
}
