# Runs iommu-install and reads the JSON object that it prints.
# SPDX-License-Identifier: BSD-3-Clause
from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json


def run(module, arguments):
    """The object that one command printed. Fails the task where it printed none."""
    command = [module.get_bin_path("iommu-install", required=True, opt_dirs=["/usr/sbin"]), "--json"]
    if module.params["root"]:
        command += ["--root", module.params["root"]]
    status, out, err = module.run_command(command + arguments)
    try:
        return json.loads(out)
    except ValueError:
        said = err.strip() or "printed no JSON"
        module.fail_json(msg="iommu-install %s: %s" % (" ".join(arguments), said), rc=status)
