# The early check's boots: an image of each generator that stops and one that warns, on the way to the real root.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2154,SC2034 # VM_END is vm_wait's; the tests use the rest

# shellcheck source=tests/lib/vm.bash
. "${BASH_SOURCE[0]%/*}/vm.bash"
# shellcheck source=tests/lib/images.bash
. "${BASH_SOURCE[0]%/*}/images.bash"

GENERATORS="dracut-systemd dracut-plain initramfs-tools"
PT="intel_iommu=on amd_iommu=on iommu=pt"
STRICT="intel_iommu=on amd_iommu=on"

# early_images: makes two images of each generator, one that stops and one that warns, wanting pt; for setup_file().
early_images() {
	local tree dest=$BATS_FILE_TMPDIR/tree policy generator
	tree=$(debian_tree bookworm)
	tree_vmlinux "$tree" > "$BATS_FILE_TMPDIR/kernel"
	cached_root_disk "$tree" > "$BATS_FILE_TMPDIR/disk"
	image_tree "$tree" "$dest"
	make -s -C "$BATS_TEST_DIRNAME/.." install DESTDIR="$dest"
	for policy in halt warn; do
		printf 'mode=pt\non-mismatch=%s\n' $policy > "$dest/etc/iommu.target"
		for generator in $GENERATORS; do
			image_build "$dest" "$generator" "$BATS_FILE_TMPDIR/$generator-$policy"
		done
	done
}

# start IMAGE MACHINE LINE: boots that image towards the real root.
start() {
	echo "$1, $2, '$3'"
	boot vm --iommu "$2" --kernel "$(< "$BATS_FILE_TMPDIR/kernel")" --disk "$(< "$BATS_FILE_TMPDIR/disk")" \
		--initrd "$1" --append "root=LABEL=iommuroot systemd.unit=iommu-test.target $3"
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
		vm_log vm | grep -qF -- "$text" || { vm_log vm | tail -n 30; echo "not on the console: $text"; return 1; }
	done
	[ -z "$(line_of 'MARK udevd started')" ]
	[ -z "$(line_of 'MARK root mounted')" ]
	[ -z "$(line_of 'MARK real root|EXT4-fs|virtio_blk')" ]
	[ -z "$(line_of "$SHELL_PROMPTS")" ]
}
