#!/usr/bin/env bats
# The real proxmox-boot-tool and its hooks (shell scripts; PROXMOX=/path/to/proxmox-kernel-helper names their sources,
# which are not ours and not in here; 8.1.0 was tried), and iommu-install on the same partitions. Without PROXMOX all of
# it is skipped.
bats_require_minimum_version 1.5.0
# bats file_tags=full

setup() {
	[ -f "${PROXMOX:-}/src/bin/proxmox-boot-tool" ] || skip "PROXMOX= names no sources of proxmox-kernel-helper"
	load ../lib/proxmox
}

teardown() {
	[ ! -f "${PROXMOX:-}/src/bin/proxmox-boot-tool" ] || machine_end
}

@test "the real tool, systemd-boot: four modes, a kernel added by its hooks, refresh finds nothing to do, rollback" {
	proxmox_four_modes systemd-boot 4
}

@test "the real tool, GRUB: four modes, a kernel added in between by its hooks, refresh finds nothing to do, rollback" {
	proxmox_four_modes grub 10
}

@test "the real tool, systemd-boot: rollback gives every file back, remove takes all out, from a newer kernel too" {
	proxmox_gives_back systemd-boot
}

@test "the real tool, GRUB: rollback gives every file back, remove takes all out, from a newer kernel too" {
	proxmox_gives_back grub
}
