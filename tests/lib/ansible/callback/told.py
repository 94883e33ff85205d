# Prints what an Ansible run told: one JSON object at its end. (Ansible's own such callback is not in Debian's core.)
# SPDX-License-Identifier: BSD-3-Clause
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = """
name: told
type: stdout
short_description: One JSON object
description: Results of each task by host, and the counts of each host.
"""

import json

from ansible.parsing.ajson import AnsibleJSONEncoder
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "told"

    def __init__(self):
        super().__init__()
        self.tasks = []

    def _note(self, result, **more):
        name, host = result._task.get_name().strip(), result._host.get_name()
        self.tasks.append(dict(result._result, task=name, host=host, **more))

    def v2_runner_on_ok(self, result):
        self._note(result)

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._note(result, failed=True)

    def v2_runner_on_unreachable(self, result):
        self._note(result, unreachable=True)

    def v2_playbook_on_stats(self, stats):
        hosts = {host: stats.summarize(host) for host in stats.processed}
        print(json.dumps({"tasks": self.tasks, "hosts": hosts}, cls=AnsibleJSONEncoder))
