#!/bin/sh
# What a person is told who stands before a machine that stops because its check is missing, crashes or gives up.
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: stop-message.sh [STATUS]
#
# Run by check-stop.sh, and by systemd after every end of the service. What stops the machine is not here.

[ "${SERVICE_RESULT-}" != success ] || exit 0
status=${1-${EXIT_STATUS-none}} policy=halt

while IFS='=' read -r key value; do
	[ "$key" != enforce ] || policy=$value
done < /usr/lib/iommu-verify/image.conf

text="
iommu-verify: no verdict (status $status): powering off in ten seconds
The check of the IOMMU mode is missing here, crashed, or could read no target.
On purpose: on-mismatch=$policy in /etc/iommu.target, when this image was made.
To start it: switch it on, take another entry of the boot menu (an older kernel,
rescue); or in a live system, disk at /mnt, MODE as in /mnt/etc/iommu.target:
    /mnt/usr/sbin/iommu-install --root /mnt MODE
Manual: iommu-verify(8), \"A machine that stops at boot\""

# The kernel's log stays off the consoles from here on, but for its last words.
echo 1 > /proc/sys/kernel/printk
echo "<2>iommu-verify: no verdict (status $status): powering off" > /dev/kmsg
# For the next boot, where the machine keeps it: the late check looks for this line.
stopped="iommu-verify: this boot is stopped: no verdict (status $status); on-mismatch=$policy"
echo "<2>$stopped" > /dev/kmsg
echo Y > /sys/module/printk/parameters/always_kmsg_dump
[ ! -c /dev/pmsg0 ] || echo "$text
$stopped" > /dev/pmsg0

# In the background: a console that is slow or stopped (^S) holds up none of the others.
read -r consoles < /sys/class/tty/console/active || consoles=console
for console in $consoles; do
	echo "$text" > "/dev/$console" &
done
sleep 10
