# A PCIe root port whose firmware says that it leads out of the machine, as one of Thunderbolt does: what is below it is
# removable to the kernel, and not trusted.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash disable=SC2034 # external is the tests'

# external_port OUT: writes the ACPI table for QEMU's -acpitable; the port is at 00:05.0, where QEMU's own tables have
# the device S28:
#   DefinitionBlock ("", "SSDT", 2, "TEST", "EXTPORT", 1) {
#     External (\_SB.PCI0.S28, DeviceObj)
#     Scope (\_SB.PCI0.S28) {
#       Name (_DSD, Package () { ToUUID ("efcc06cc-73ac-4bc3-bff0-76143807c389"), Package () {
#         Package () { "ExternalFacingPort", 1 }, Package () { "UID", 0 } } })
#     }
#   }
external_port() {
	base64 -d >"$1" <<-'END'
		U1NEVIsAAAAC61RFU1QAAEVYVFBPUlQAAQAAAElOVEwlCSAgoBQAFVwvA19TQl9QQ0kwUzI4XwYA
		EEEFXC8DX1NCX1BDSTBTMjhfCF9EU0QSOgIREwoQzAbM76xzw0u/8HYUOAfDiRIjAhIXAg1FeHRl
		cm5hbEZhY2luZ1BvcnQAARIIAg1VSUQAAA==
	END
}

# external_port_args TABLE: sets `external` to QEMU's arguments for that port, with a USB controller below it.
external_port_args() {
	external=(-acpitable "file=$1" -device 'pcie-root-port,id=outside,chassis=1,addr=5'
		-device 'qemu-xhci,bus=outside')
}
