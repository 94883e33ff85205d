#!/usr/bin/env bats
# Every policy and every doubt, booted: four Debian releases, three kinds of image, three kinds of machine.
#
# `make check-full` only: 252 boots. Each cell's outcome goes to the table that is printed at the end and kept in
# build/matrix.txt. A test looks at all its cells even if one of them is not as it must be.
bats_require_minimum_version 1.5.0
# bats file_tags=full

SUITES=${SUITES:-bullseye bookworm trixie sid}
LAY_OVER=/usr/lib/iommu-test/lay-over

setup_file() {
	load ../lib/early
	local name top=$BATS_TEST_DIRNAME/../..
	mkdir "$BATS_FILE_TMPDIR/results"
	cc -std=c11 -D_GNU_SOURCE -I"$top/src" -o "$BATS_FILE_TMPDIR/lay-over" "$top/tests/tools/lay-over.c" \
		"$top"/build/install/*/*.o -lkmod -ldl
	for name in $SUITES; do
		early_images "$name"
		program_into "$BATS_FILE_TMPDIR/lay-over" "$BATS_FILE_TMPDIR/$name-tree$LAY_OVER"
	done
	echo 'int main(void) { __builtin_trap(); }' | gcc -O2 -static -x c -o "$BATS_FILE_TMPDIR/crash" -
	: > "$BATS_FILE_TMPDIR/empty"
	chmod 755 "$BATS_FILE_TMPDIR/empty"
	echo 'mode=pt, of course' > "$BATS_FILE_TMPDIR/damaged"
	printf 'mode=pt\non-mismatch=poweroff\ndelay=1\n' > "$BATS_FILE_TMPDIR/poweroff"
	printf 'mode=pt\non-mismatch=reboot\n' > "$BATS_FILE_TMPDIR/reboot"
	printf 'mode=off-for-uio\non-mismatch=halt\n' > "$BATS_FILE_TMPDIR/off"
	printf 'mode=pt\non-mismatch=halt\ninterrupts=remapped\n' > "$BATS_FILE_TMPDIR/remapped"
}

setup() {
	load ../lib/trees
	load ../lib/early
	enforcing=halt # the images of that name are those that stop
}

teardown() {
	vm_kill_all
}

teardown_file() {
	local row name generator cell
	{
		printf '%-34s' ''
		for name in $SUITES; do printf '%-30s' "$name"; done
		printf '\n%-34s' ''
		for name in $SUITES; do printf '%-10s%-10s%-10s' dracut+sd dracut i-tools; done
		echo
		while IFS= read -r row; do
			printf '%-34s' "$row"
			for name in $SUITES; do
				for generator in dracut-systemd dracut-plain initramfs-tools; do
					cell=$BATS_FILE_TMPDIR/results/$row/$name-$generator
					printf '%-10s' "$(cat "$cell" 2> /dev/null || echo '-')"
				done
			done
			echo
		done < <(ls "$BATS_FILE_TMPDIR/results" | sort)
	} > "$BATS_TEST_DIRNAME/../../build/matrix.txt"
	sed 's/^/# /' "$BATS_TEST_DIRNAME/../../build/matrix.txt" >&3
}

# each ROW CMD...: does CMD, which makes and boots an image and looks at what came of it, for every release and kind of
# image, and writes down each outcome. Returns whether all were as they must be.
each() {
	local row=$1 bad=0 generator outcome
	shift
	mkdir -p "$BATS_FILE_TMPDIR/results/$row"
	for suite in $SUITES; do
		for generator in $GENERATORS; do
			# Not in the condition itself, where a failing line would be passed over.
			(
				trap - DEBUG ERR EXIT
				set -e
				"$@"
				echo "$VM_END" > "$BATS_TEST_TMPDIR/end"
			) > "$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
			if wait $!; then
				outcome=$(< "$BATS_TEST_TMPDIR/end")
			else
				outcome=WRONG bad=$((bad + 1))
				echo "--- $row, $suite, $generator:"
				cat "$BATS_TEST_TMPDIR/said"
				vm_log vm | tail -n 40
			fi
			echo "$outcome" > "$BATS_FILE_TMPDIR/results/$row/$suite-$generator"
			vm_kill_all
		done
	done
	[ "$bad" = 0 ]
}

# goes_on MACHINE LINE POLICY TEXT [PATH=FILE...]: that image boots to the real root, TEXT having been logged.
goes_on() {
	image "$generator" "$3" "${@:5}"
	start "$1" "$2"
	went_on
	vm_section vm dmesg | grep -F -- "$4"
	VM_END="goes on"
}

# stops MACHINE LINE END TEXT [PATH=FILE...]: the stopping image ends so before udev, TEXT being on the console.
stops() {
	image "$generator" "$enforcing" "${@:5}"
	start "$1" "$2"
	stopped "$3" "$4"
}

@test "the right mode boots on, on Intel" {
	each "intel: match" goes_on intel "quiet $PT" halt "iommu-verify: match: target pt, effective pt"
}

@test "the right mode boots on, on AMD" {
	each "amd: match" goes_on amd "quiet $PT" halt "iommu-verify: match: target pt, effective pt"
}

@test "the right mode boots on where off is wanted and there is no IOMMU" {
	each "none: match" goes_on none "quiet intel_iommu=off amd_iommu=off" halt \
		"iommu-verify: match: target off-for-uio, effective off-for-uio" \
		"etc/iommu.target=$BATS_FILE_TMPDIR/off"
}

@test "a wrong mode under warn is logged and boots on" {
	each "intel: wrong, warn" goes_on intel "quiet $STRICT" warn \
		"iommu-verify: mismatch: target pt, effective strict"
}

@test "a wrong mode under halt halts, on Intel" {
	each "intel: wrong, halt" stops intel "quiet $STRICT" halted "mismatch: target pt, effective strict"
}

@test "a wrong mode under halt halts, on AMD" {
	each "amd: wrong, halt" stops amd "quiet $STRICT" halted "mismatch: target pt, effective strict"
}

@test "a wrong mode under halt halts where there is no IOMMU" {
	each "none: wrong, halt" stops none "quiet $PT" halted "NO_VIOMMU"
}

@test "a wrong mode under poweroff powers off" {
	each "intel: wrong, poweroff" stops intel "quiet $STRICT" poweroff "powering off this machine in 1 seconds" \
		"etc/iommu.target=$BATS_FILE_TMPDIR/poweroff"
}

@test "a wrong mode under reboot reboots" {
	each "intel: wrong, reboot" stops intel "quiet $STRICT" reboot "rebooting this machine in 30 seconds" \
		"etc/iommu.target=$BATS_FILE_TMPDIR/reboot"
}

@test "a damaged target stops an enforcing image" {
	each "intel: target damaged" stops intel "quiet $PT" halted "TARGET_INVALID: /etc/iommu.target:1" \
		"etc/iommu.target=$BATS_FILE_TMPDIR/damaged"
}

# remapping intel|amd on|off: an image that demands remapping, on a unit with it or without.
remapping() {
	image "$generator" halt "etc/iommu.target=$BATS_FILE_TMPDIR/remapped"
	start none "quiet $PT" -- -device "$1-iommu,intremap=$2"
	case $2 in
	on) went_on && VM_END="goes on" ;;
	off) stopped halted "INTERRUPTS_NOT_REMAPPED: " ;;
	esac
}

@test "demanded interrupt remapping that is there boots on, on Intel and on AMD" {
	each "intel: remapped" remapping intel on
	each "amd: remapped" remapping amd on
}

@test "demanded interrupt remapping that is not there halts, on Intel and on AMD" {
	each "intel: not remapped" remapping intel off
	each "amd: not remapped" remapping amd off
}

missing_target() {
	image "$generator" "$enforcing"
	image_without_target "$image" "$BATS_TEST_TMPDIR/image"
	image=$BATS_TEST_TMPDIR/image
	start intel "quiet $PT"
	stopped halted "TARGET_MISSING"
}

@test "no target stops an enforcing image" {
	each "intel: target missing" missing_target
}

mute() {
	stops intel "quiet $PT" poweroff "iommu-verify: no verdict" "usr/sbin/iommu-verify=$BATS_FILE_TMPDIR/$1"
}

@test "no helper stops an enforcing image" {
	each "intel: helper missing" mute empty
}

@test "a helper that crashes stops an enforcing image" {
	each "intel: helper crashes" mute crash
}

# How the images are packed over which something is laid: of each kind all ways that Debian's kernels know and its
# generators offer, one a release.
packing() {
	case $suite-$generator in
	bullseye-dracut-systemd | trixie-initramfs-tools | sid-dracut-plain) echo gzip ;;
	bullseye-dracut-plain | bookworm-dracut-systemd | sid-initramfs-tools) echo lz4 ;;
	bullseye-initramfs-tools | bookworm-dracut-plain | trixie-dracut-systemd) echo xz ;;
	bookworm-initramfs-tools | trixie-dracut-plain | sid-dracut-systemd) echo zstd ;;
	esac
}

# laid_base OUT: an image that wants strict and warns, packed so; in front of dracut's with systemd, microcode.
laid_base() {
	local option=(--) front=$1.front
	[ "$generator" != initramfs-tools ] || option=(-c "")
	option[-1]+=$(packing)
	image_build "$BATS_FILE_TMPDIR/$suite-tree" "$generator" "$1" "${option[@]}" || return
	[ "$generator" = dracut-systemd ] || return 0
	mkdir -p "$front/kernel/x86/microcode" || return
	printf '070701\x1f\x8b\x08\x00%065536d' 0 > "$front/kernel/x86/microcode/GenuineIntel.bin"
	cpio_pack "$front" | cat - "$1" > "$1.both"
	mv "$1.both" "$1"
}

# laid_build OUT: OUT.base as above, and over it pt under halt, by the functions that lay a change over an image.
laid_build() {
	local tree=$BATS_FILE_TMPDIR/$suite-tree
	printf 'mode=strict\non-mismatch=warn\n' > "$tree/etc/iommu.target"
	laid_base "${1%.new}.base" && cp "${1%.new}.base" "$tree/boot/laid" || return
	printf 'mode=pt\non-mismatch=halt\n' > "$tree/etc/iommu.target"
	tree_run "$tree" "$LAY_OVER/ld.so" --library-path "$LAY_OVER" "$LAY_OVER/lay-over" /boot/laid \
		"$(tree_kver "$(debian_tree "$suite")")" && mv "$tree/boot/laid" "$1"
}

# laid CMD...: does CMD with the image over which that was laid as the one that stops.
laid() {
	local enforcing=laid base
	base=$(cached "$BATS_FILE_TMPDIR/$suite-$generator-laid" laid_build).base
	image "$generator" laid
	# Nothing was built: the base is all there, and says how long it is what was laid behind it.
	cmp -n "$(stat -c %s "$base")" "$base" "$image"
	[ "$(base_of "$image")" = "$(stat -c %s "$base")" ]
	[[ $(packed_in "$base") == *" $(packing)" ]]
	"$@"
}

@test "the right mode boots on with a target that was laid over another" {
	each "laid over: match" laid goes_on intel "quiet $PT" laid "iommu-verify: match: target pt, effective pt"
}

@test "a wrong mode halts by a policy that was laid over an image that warns" {
	each "laid over: wrong, halt" laid stops intel "quiet $STRICT" halted "mismatch: target pt, effective strict"
}

@test "no target stops an image that an enforcing one was laid over" {
	each "laid over: target missing" laid missing_target
}

@test "a helper that crashes stops an image that an enforcing target was laid over" {
	each "laid over: helper crashes" laid mute crash
}
