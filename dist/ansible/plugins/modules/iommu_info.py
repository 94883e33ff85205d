#!/usr/bin/python
# What IOMMU mode a host is in, wants, and would come up in.
# SPDX-License-Identifier: BSD-3-Clause
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: iommu_info
short_description: The IOMMU mode that a host is in, wants, and would come up in
description:
  - Asks C(iommu-install show), and changes nothing.
  - Root sees what the boot entries would give; others see the running machine.
version_added: 1.0.0
author:
  - The iommu-install authors (@iommu-install)
options:
  root:
    description: A system that is installed below this directory, instead of the running one.
    type: path
attributes:
  check_mode:
    description: Is the same in check mode.
    support: full
seealso:
  - module: iommu_install.host.iommu_mode
"""

EXAMPLES = r"""
- name: Ask
  iommu_install.host.iommu_info:
  register: iommu

- name: Fail where the host is not in the mode that it wants
  ansible.builtin.assert:
    that: iommu.verdict == "match"
"""

RETURN = r"""
verdict:
  description: How the running machine compares with its target.
  type: str
  returned: always
  sample: match
effective:
  description: The mode that the machine is in.
  type: str
  returned: always
  sample: pt
target:
  description: What C(/etc/iommu.target) asks for; none where there is no valid one.
  type: dict
  returned: always
next_boot:
  description: The mode that the boot entries ask for; unknown without root.
  type: str
  returned: always
  sample: pt
reasons:
  description: The codes of what is wrong, the most important one first.
  type: list
  elements: str
  returned: always
entries:
  description: How many boot entries the early check would find to be what; none where they can't be seen.
  type: dict
  returned: always
reboot:
  description: Whether a reboot is C(required), and whether it is C(safe); none where the entries can't be seen.
  type: dict
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.iommu_install.host.plugins.module_utils.iommu_install import run


def main():
    module = AnsibleModule(argument_spec={"root": {"type": "path"}}, supports_check_mode=True)
    shown = run(module, ["show"])
    module.exit_json(
        changed=False,
        verdict=shown["verdict"],
        effective=shown["effective"]["mode"],
        target=shown["target"],
        next_boot=shown["next_boot"],
        reasons=[reason["code"] for reason in shown["reasons"]],
        entries=shown.get("entries"),
        reboot=shown.get("reboot"),
    )


if __name__ == "__main__":
    main()
