#!/bin/sh
# Takes words, target and checks out, then everything that install.sh installed.
# SPDX-License-Identifier: BSD-3-Clause
set -eu
list=/usr/lib/iommu-verify/installed made=/usr/lib/iommu-verify/made
die() { echo "uninstall.sh: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || die "needs root"
[ -f "$list" ] || die "nothing was installed by install.sh (no $list)"
/usr/sbin/iommu-install remove ||
	die "the mode and its checks could not be taken out, so all stays;" \
		"mend what is named above and run this again"
dirs=$(cat "$made")
while read -r file; do rm -f "$file"; done < "$list"
rm -f "$list" "$made"
for dir in $dirs; do rmdir "$dir" 2> /dev/null || :; done
rm -rf /var/lib/iommu /run/iommu
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	journalctl --update-catalog
fi
echo "everything of iommu-install is out again"
