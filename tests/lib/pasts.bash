# What an earlier life can have left on the machine that runs the tests, planted where only one command sees it.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2016,SC2034 # the pasts are scripts for another shell, found by name

PAST_bare=:

PAST_used='mkdir -m 700 -p /var/lib/iommu/change /run/iommu
	printf "mode=strict\non-mismatch=halt\n" | tee /etc/iommu.target /run/iommu/pending > /var/lib/iommu/record
	touch /var/lib/iommu/lock /var/lib/iommu/change/journal /run/reboot-required
	echo "{\"schema\": 1, \"verdict\": \"match\", \"phase\": \"early\"}" |
		tee /run/iommu/status.json > /run/iommu/early.json
	mkdir -p /etc/default/grub.d /etc/modprobe.d
	echo "GRUB_CMDLINE_LINUX=\"intel_iommu=off\"" | tee /etc/default/grub > /etc/default/grub.d/zzz-iommu.cfg
	echo "options vfio enable_unsafe_noiommu_mode=1" > /etc/modprobe.d/vfio.conf
	touch /boot/vmlinuz-6.1.0-1-amd64 /boot/initrd.img-6.1.0-1-amd64
	echo "ro intel_iommu=on iommu=pt vfio.enable_unsafe_noiommu_mode=1" > /run/line &&
		mount --bind /run/line /proc/cmdline'

# Directories for files, files for directories, modes and owners of somebody, and a shell set up by somebody.
PAST_wrong='mkdir -p /etc/iommu.target/x /etc/default/grub /run/reboot-required
	head -c 5000 /dev/urandom | tee /var/lib/iommu /run/iommu > /etc/modprobe.d/x.conf
	chmod 666 /var/lib/iommu /run/iommu
	chown 1000 /run/iommu
	ln -s /nowhere /etc/dracut.conf.d
	mkdir -p /boot/grub/grub.cfg
	umask 077
	export LC_ALL=tr_TR.UTF-8 LANG=de_DE.UTF-8 LANGUAGE=de TZ=Pacific/Chatham TMPDIR=/nowhere HOME=/nowhere \
		POSIXLY_CORRECT=1 NO_COLOR=1 KMOD_LOG=debug MAKEFLAGS=-n BASH_ENV=/nowhere'

# The package, which is in $DEB. What it writes goes to overlays that end with the command.
PAST_package='mkdir -m 755 /run/past && mount -t tmpfs tmpfs /run/past
	for dir in usr var; do
		mkdir -p /run/past/$dir/{new,work}
		mount -t overlay overlay \
			-o "lowerdir=/$dir,upperdir=/run/past/$dir/new,workdir=/run/past/$dir/work" /$dir
	done
	dpkg --force-depends -i "$DEB" >&2
	iommu-install --version >&2'

# with_past PAST COMMAND...: runs a command in surroundings of its own on a machine that has that past.
with_past() {
	local past=PAST_$1
	shift
	# shellcheck disable=SC2154 # top is the test's
	"$top/tests/surroundings" env DEB="${DEB-}" bash -euc "${!past}"'
		unset SURROUNDINGS
		exec "$0" "$@"' "$top/tests/surroundings" "$@"
}
