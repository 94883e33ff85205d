#!/usr/bin/python
# Sets the IOMMU mode of a host's next boot, or takes it back.
# SPDX-License-Identifier: BSD-3-Clause
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: iommu_mode
short_description: Sets the IOMMU mode of a host's next boot
description:
  - Runs C(iommu-install), which writes the kernel parameters through the host's boot loader, has the initramfs check
    the mode at each boot, and reads everything back.
  - Nothing is rebooted. Look at C(reboot) in what is returned, and at the role C(iommu_install.host.mode), which
    verifies the mode after the reboot.
version_added: 1.0.0
author:
  - The iommu-install authors (@iommu-install)
options:
  mode:
    description: The mode that is wanted; for I(state=present).
    type: str
    choices: [off-for-uio, off-for-vfio, strict, pt]
  state:
    description:
      - C(present) sets the mode. C(absent) takes parameters, target and checks out again.
      - C(rolled_back) goes back to what was before the last change; that is a change each time it runs.
    type: str
    choices: [present, absent, rolled_back]
    default: present
  on_mismatch:
    description: What a boot in another mode does. An option that is not given keeps its value in the target.
    type: str
    choices: [warn, halt, poweroff, reboot]
  on_late_mismatch:
    description: What happens when that is found after the boot.
    type: str
    choices: [warn, same]
  delay:
    description: How long the message stays before the machine stops, in seconds.
    type: int
  flush:
    description: How soon unmapped memory must be out of a device's reach.
    type: str
    choices: [any, sync, lazy]
  interrupts:
    description: Whether interrupts must be remapped.
    type: str
    choices: [any, remapped]
  exposed:
    description: Whether removable devices must be translated.
    type: str
    choices: [any, translated]
  allow_unsafe_interrupts:
    description: Whether vfio may be told to do without interrupt remapping.
    type: bool
  allow_override:
    description: Whether a word on the kernel command line may turn a stop into a warning.
    type: bool
  backend:
    description: The boot loader's back end, where it can't be told.
    type: str
  initramfs:
    description: The generator of initramfs images, where it can't be told.
    type: str
    choices: [dracut, initramfs-tools, mkinitcpio, none]
  force:
    description:
      - Codes of refusals that are overridden, and no others. C(iommu-install explain CODE) says what each means.
    type: list
    elements: str
    default: []
  root:
    description: A system that is installed below this directory, instead of the running one.
    type: path
notes:
  - With C(--diff) whole files are shown, and a kernel command line can hold secrets. Set C(no_log) for a task whose
    output goes where these must not.
attributes:
  check_mode:
    description: Says what would change, and changes nothing.
    support: full
  diff_mode:
    description: Shows what becomes of each file.
    support: full
seealso:
  - module: iommu_install.host.iommu_info
"""

EXAMPLES = r"""
- name: Set pass-through, and warn where it is missed
  iommu_install.host.iommu_mode:
    mode: pt
    on_mismatch: warn
  register: iommu

- name: In a virtual machine that has no IOMMU yet
  iommu_install.host.iommu_mode:
    mode: strict
    force: [NO_VIOMMU]

- name: Take it out again
  iommu_install.host.iommu_mode:
    state: absent
"""

RETURN = r"""
before:
  description: The target before; none if there was none.
  type: dict
  returned: always
after:
  description: The target after.
  type: dict
  returned: always
files:
  description: What became of each file, its C(path) and C(action).
  type: list
  elements: dict
  returned: always
images:
  description: The initramfs images and what was done about each.
  type: list
  elements: dict
  returned: always
notices:
  description: What is no refusal and should be known.
  type: list
  elements: dict
  returned: always
overridden:
  description: Those of I(force) that were.
  type: list
  elements: str
  returned: always
reboot:
  description: Whether a reboot is C(required), and whether it is C(safe).
  type: dict
  returned: always
refusal:
  description: Its C(code), C(message) and C(hint).
  type: dict
  returned: when the change is refused
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.iommu_install.host.plugins.module_utils.iommu_install import run

VALUES = ("on_mismatch", "on_late_mismatch", "delay", "flush", "interrupts", "exposed", "backend", "initramfs")
SWITCHES = ("allow_unsafe_interrupts", "allow_override")
RETURNED = ("before", "after", "images", "notices", "overridden", "reboot")


def arguments(params):
    """The command and its options."""
    if params["state"] == "absent":
        return ["remove"]
    if params["state"] == "rolled_back":
        return ["rollback"]
    given = [params["mode"]]
    for name in VALUES:
        if params[name] is not None:
            given.append("--%s=%s" % (name.replace("_", "-"), params[name]))
    for name in SWITCHES:
        if params[name] is not None:
            given.append("--%s=%s" % (name.replace("_", "-"), "yes" if params[name] else "no"))
    return given


def refused(module, said):
    refusal = said["refusal"]
    module.fail_json(msg="%s: %s" % (refusal["code"], refusal["message"]), refusal=refusal)


def force(module, given):
    """The option that overrides refusals, if all that it would override are among those that may be."""
    codes = module.params["force"]
    if not codes or module.params["state"] != "present":
        return []
    said = run(module, given + ["--dry-run"])
    if said["result"] != "refused":
        return []
    forced = run(module, given + ["--dry-run", "--force"])
    if said["refusal"]["code"] not in codes or set(forced["overridden"]) - set(codes):
        refused(module, said)
    return ["--force"]


def main():
    spec = {name: {"type": "str"} for name in VALUES}
    spec.update({name: {"type": "bool"} for name in SWITCHES})
    spec.update(
        mode={"type": "str", "choices": ["off-for-uio", "off-for-vfio", "strict", "pt"]},
        state={"type": "str", "choices": ["present", "absent", "rolled_back"], "default": "present"},
        on_mismatch={"type": "str", "choices": ["warn", "halt", "poweroff", "reboot"]},
        on_late_mismatch={"type": "str", "choices": ["warn", "same"]},
        delay={"type": "int"},
        flush={"type": "str", "choices": ["any", "sync", "lazy"]},
        interrupts={"type": "str", "choices": ["any", "remapped"]},
        exposed={"type": "str", "choices": ["any", "translated"]},
        initramfs={"type": "str", "choices": ["dracut", "initramfs-tools", "mkinitcpio", "none"]},
        force={"type": "list", "elements": "str", "default": []},
        root={"type": "path"},
    )
    module = AnsibleModule(argument_spec=spec, required_if=[("state", "present", ["mode"])], supports_check_mode=True)

    given = arguments(module.params)
    given += force(module, given)
    said = run(module, given + (["--dry-run"] if module.check_mode else []))
    if said["result"] == "refused":
        refused(module, said)
    if said["result"] in ("failed", "interrupted"):
        module.fail_json(msg=said["error"], resume=said["resume"])

    result = {name: said[name] for name in RETURNED}
    result["files"] = [{"path": f["path"], "action": f["action"]} for f in said["files"]]
    diff = [{"prepared": f["diff"]} for f in said["files"] if f["diff"]]
    module.exit_json(changed=said["changed"], diff=diff, **result)


if __name__ == "__main__":
    main()
