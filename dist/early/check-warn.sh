#!/bin/sh
# The early check in an image without systemd whose policy is to warn: whatever happens here, the boot goes on.
# SPDX-License-Identifier: BSD-3-Clause
#
# Read by init's shell or by the init-top script. A helper that hangs is ended after 30 seconds.

/usr/sbin/iommu-verify --enforce --phase early &
iommu_verify_pid=$!
{ sleep 30; kill -9 "$iommu_verify_pid"; } > /dev/null 2>&1 &
iommu_verify_dog=$!
wait "$iommu_verify_pid" || :
kill "$iommu_verify_dog" 2> /dev/null || :
