#!/bin/bash
# dracut module: checks the IOMMU mode against /etc/iommu.target before drivers bind and disks unlock.
# SPDX-License-Identifier: BSD-3-Clause
# outfile, initdir, kernel, SYSTEMCTL (not in Debian 11) and systemdsystemunitdir come from dracut
# shellcheck disable=SC2154

# called by dracut
check() {
    # Without a target there is nothing to do: only where somebody asks for it by name.
    [[ -e ${dracutsysrootdir-}/etc/iommu.target || -L ${dracutsysrootdir-}/etc/iommu.target ]] || return 255
}

# called by dracut
install() {
    local target=${dracutsysrootdir-}/etc/iommu.target lib=/usr/lib/iommu-verify
    local unit=iommu-verify.service want=add-wants image

    # A rescue image has to start whatever the mode is.
    [[ -e $target || -L $target ]] || return 0
    ! dracut_module_included rescue && [[ ${outfile##*/} != *0-rescue* ]] || return 0

    if [[ ! -x /usr/sbin/iommu-install ]] && ! grep -Eq 'halt|poweroff|reboot' "$target"; then
        dwarn "/usr/sbin/iommu-install is missing: this initramfs will not check the IOMMU mode"
        return 0
    fi

    # Says what the image needs: "stop", "warn" or nothing. Only exit fails a build; dracut ignores a return.
    image=$(/usr/sbin/iommu-install internal-image "${dracutsysrootdir:-/}" "$initdir" "$kernel") || {
        dfatal "iommu-verify can't be put into this initramfs, which must not start without it: not built."
        exit 1
    }
    [[ $image ]] || return 0

    if ! dracut_module_included systemd; then
        inst_hook cmdline 00 "$lib/check-$image.sh" # before rd.driver.pre and udev
        return 0
    fi

    inst_simple "$lib/$unit" "$systemdsystemunitdir/$unit"
    if [[ $image == stop ]]; then
        want=add-requires
        inst_simple "$lib/stop.conf" "$systemdsystemunitdir/$unit.d/stop.conf"
    fi
    ${SYSTEMCTL:-systemctl} -q --root "$initdir" "$want" sysinit.target "$unit" \
        && [[ -s $initdir$systemdsystemunitdir/$unit ]] \
        && [[ $image != stop || -s $initdir$systemdsystemunitdir/$unit.d/stop.conf ]] && return 0
    dfatal "The unit of iommu-verify can't be put into this initramfs."
    [[ $image != stop ]] || exit 1
}
