#!/bin/sh
# The early check in an image without systemd whose policy is to stop: only a clear "go on" goes on.
# SPDX-License-Identifier: BSD-3-Clause
#
# Read by the shell that is init, so nothing here may exit: a panic is what comes after that.

# The helper stops the machine itself; this is for one that is missing or crashes.
iommu_verify_stop() {
	trap '' HUP INT QUIT TERM TSTP
	sh /usr/lib/iommu-verify/stop-message.sh "$1" ||
		echo "<2>iommu-verify: no verdict (status $1): powering off" > /dev/kmsg
	echo o > /proc/sysrq-trigger
	while :; do
		sleep 5
		poweroff -f
	done
}

/usr/sbin/iommu-verify --enforce --phase early || iommu_verify_stop $?
# A shell runs an empty file as a script and calls that success; the record tells that the helper itself ran.
[ -s /run/iommu/early.json ] || iommu_verify_stop none
