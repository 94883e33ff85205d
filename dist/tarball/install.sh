#!/bin/sh
# Installs iommu-install from its archive, or a newer one over an older one. Nothing happens before a mode is set.
# SPDX-License-Identifier: BSD-3-Clause
set -eu
cd "$(dirname "$0")"
list=/usr/lib/iommu-verify/installed made=/usr/lib/iommu-verify/made
die() { echo "install.sh: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "needs root"
if dpkg-query -W -f '${db:Status-Status}' iommu-install 2> /dev/null | grep -qx installed; then
	die "the package iommu-install is installed; remove it first, or upgrade it instead"
fi
files/usr/sbin/iommu-install --version > /dev/null ||
	die "iommu-install does not run here; it needs x86_64, libkmod.so.2 and a C library as new as Debian 12's"

old=$(cat "$list" 2> /dev/null || :)
# The directories that were not there before, the inner ones first, are uninstall.sh's to take away.
dirs=$(
	find files -mindepth 1 -depth -type d | while read -r dir; do [ -d "${dir#files}" ] || echo "${dir#files}"; done
	cat "$made" 2> /dev/null || :
)
tar -C files -c . | tar -C / -x --no-same-owner --no-overwrite-dir --keep-directory-symlink
printf '%s\n' "$dirs" > "$made"
for file in $old; do
	grep -qxF "$file" "$list" || rm -f "$file"
done
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	journalctl --update-catalog
fi
# Images that have the check of an older version get this one's.
/usr/sbin/iommu-install internal-images ||
	die "an initramfs still has iommu-verify of the version before, and boots as it did;" \
		"mend what is named above and run this again"
echo "installed; $list has the list, /usr/lib/iommu-verify/uninstall.sh takes it out again"
