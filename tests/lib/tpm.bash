# A TPM 2.0 for a machine: swtpm, one for each boot, that keeps what it knows in a directory.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# tpm_start DIR: starts it, for the next machine that is given `"${TPM_QEMU[@]}"`. It ends with that machine.
tpm_start() {
	local dir=$1
	mkdir -p "$dir"
	rm -f "$dir/socket"
	# As a machine's, nothing of the test runner's may stay open in it.
	swtpm socket --tpm2 --tpmstate "dir=$dir" --ctrl "type=unixio,path=$dir/socket" --terminate \
		</dev/null >"$dir/log" 2>&1 3>&- 4>&- &
	while [[ ! -S $dir/socket ]]; do
		kill -0 $! || { cat "$dir/log" && return 1; }
		sleep 0.05
	done
	# shellcheck disable=SC2034 # for the tests
	TPM_QEMU=(-chardev "socket,id=tpm,path=$dir/socket" -tpmdev 'emulator,id=tpm0,chardev=tpm' \
		-device 'tpm-tis,tpmdev=tpm0')
}
