# Ansible's way into a host of the tests: a disk, mounted and entered by chroot(8) for each command (tests/lib/on-disk).
# SPDX-License-Identifier: BSD-3-Clause
from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = """
name: disk
short_description: A disk of the tests
description: Runs each command on the disk of that name, below $HOSTS.
options:
  remote_addr:
    description: The disk.
    default: inventory_hostname
    vars:
      - name: inventory_hostname
"""

import os
import subprocess

from ansible.errors import AnsibleError
from ansible.plugins.connection import ConnectionBase


class Connection(ConnectionBase):
    transport = "disk"
    has_pipelining = True

    def _connect(self):
        return self

    def close(self):
        pass

    def _run(self, command, data):
        disk = os.path.join(os.environ["HOSTS"], self._play_context.remote_addr + ".img")
        done = subprocess.run([os.environ["ON_DISK"], disk, command], input=data or b"", capture_output=True)
        return done.returncode, done.stdout, done.stderr

    def exec_command(self, cmd, in_data=None, sudoable=False):
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        return self._run(cmd, in_data)

    def put_file(self, in_path, out_path):
        with open(in_path, "rb") as file:
            status, out, err = self._run("cat > '%s'" % out_path, file.read())
        if status:
            raise AnsibleError("%s: %s" % (out_path, err))

    def fetch_file(self, in_path, out_path):
        status, out, err = self._run("cat '%s'" % in_path, None)
        if status:
            raise AnsibleError("%s: %s" % (in_path, err))
        with open(out_path, "wb") as file:
            file.write(out)
