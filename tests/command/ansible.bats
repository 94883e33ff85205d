#!/usr/bin/env bats
# The Ansible collection of dist/ansible: linted, on trees, and by a real Ansible on three disks and on a machine.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	mkdir -p "$BATS_TEST_TMPDIR/c/ansible_collections/iommu_install" "$BATS_TEST_TMPDIR/home"
	cp -r "$top/dist/ansible" "$BATS_TEST_TMPDIR/c/ansible_collections/iommu_install/host"
	cd "$BATS_TEST_TMPDIR" || return
	export ANSIBLE_COLLECTIONS_PATH=$BATS_TEST_TMPDIR/c HOME=$BATS_TEST_TMPDIR/home
	export ANSIBLE_CONNECTION_PLUGINS=$top/tests/lib/ansible/connection
	export ANSIBLE_CALLBACK_PLUGINS=$top/tests/lib/ansible/callback
	export PYTHONDONTWRITEBYTECODE=1 ANSIBLE_LOCALHOST_WARNING=False ANSIBLE_NOCOLOR=1
	export ANSIBLE_STDOUT_CALLBACK=told ANSIBLE_LOAD_CALLBACK_PLUGINS=1 ANSIBLE_PIPELINING=True
	export ON_DISK=$top/tests/lib/on-disk HOSTS=$BATS_TEST_TMPDIR
}

teardown() {
	vm_kill_all
	machine_end
}

# info DIR: asks the module about a tree.
info() {
	PATH=$PATH:$top/build run --separate-stderr ansible -i localhost, -c local localhost \
		-m iommu_install.host.iommu_info -a "root=$1"
	echo "$output"
	echo "$stderr"
}

@test "ansible-lint finds nothing in the collection" {
	cd c/ansible_collections/iommu_install/host
	ansible-lint --offline -p --nocolor
}

@test "iommu_info says of a tree what show does, and what show refuses is the message of the failed task" {
	tree "$BATS_TEST_TMPDIR/root" intel "intel_iommu=on iommu=pt" identity identity
	unit root dmar0
	target root mode=strict
	info "$BATS_TEST_TMPDIR/root"
	[ "$status" = 0 ]
	jq -e '.tasks[0] | .verdict == "mismatch" and .effective == "pt" and
		.target.mode == "strict" and .reasons == ["TOKEN_OVERRIDDEN"] and .changed == false' <<< "$output"
	info "$BATS_TEST_TMPDIR/none"
	[ "$status" = 2 ]
	jq -e '.tasks[0] | .failed and (.msg | test("none: No such file"))' <<< "$output"
}

# --- Three hosts ------------------------------------------------------------------------------------------------------

# hosts: three disks with our programs and python3, host1 to host3, and their inventory.
hosts() {
	local host
	DISK_PACKAGES=python3
	machine bookworm initramfs-tools
	for host in host1 host2 host3; do cp --sparse=always "$machine" "$host.img"; done
	printf '%s\n' '[iommu]' 'host[1:3]' '[all:vars]' ansible_connection=disk \
		ansible_python_interpreter=/usr/bin/python3 > inventory
}

# hashes: of every file that a change may touch, on each host.
hashes() {
	local host
	for host in host1 host2 host3; do
		machine=$host.img files_of_machine | sed "s/^/$host /"
	done
}

# play [OPTION]...: the task that sets pt, on all of them; `told` has what became of each host.
play() {
	cat > play.yml <<-END
		- hosts: iommu
		  gather_facts: false
		  tasks:
		    - iommu_install.host.iommu_mode: {mode: pt, on_mismatch: halt, force: [NO_VIOMMU]}
	END
	ansible-playbook -i inventory play.yml "$@" > told.json 2> told.err || { cat told.json told.err; return 1; }
}

# changed: the hosts that the last play has changed, or would have.
changed() {
	jq -r '.hosts | to_entries[] | select(.value.changed > 0) | .key' told.json | sort | xargs
}

# bats test_tags=full
@test "three hosts: check mode changes no file, then all are changed, then none, then the one that has drifted" {
	hosts
	hashes > before
	play --check
	[ "$(changed)" = "host1 host2 host3" ]
	hashes | diff before -
	play
	[ "$(changed)" = "host1 host2 host3" ]
	# A machine without an IOMMU would be stopped at its next boot.
	jq -e '[.tasks[] | .after.mode == "pt" and .reboot == {"required": true, "safe": false} and
		.overridden == ["NO_VIOMMU"]] | length == 3 and all' told.json
	play
	[ "$(changed)" = "" ]
	machine=host2.img in_machine "sed -i 's/ iommu=pt//' /boot/grub/grub.cfg"
	hashes > before
	play --check --diff
	[ "$(changed)" = host2 ]
	hashes | diff before -
}

# bats test_tags=full
@test "the rollout stops at a canary that would come up wrong, has its files back, and touches no other host" {
	run -0 ansible-galaxy collection install "$top/dist/ansible" -p installed
	hosts
	# A rollback makes grub.cfg and image anew: they are from here already, not from another machine.
	machine=host1.img in_machine 'update-grub && update-initramfs -u'
	hashes > before
	rollout=(ansible-playbook -i inventory iommu_install.host.rollout -e mode_mode=pt -e mode_on_mismatch=halt
		-e '{"mode_force": ["NO_VIOMMU"], "ansible_become": false}')
	# Without an IOMMU no boot would be in that mode.
	run ! --separate-stderr "${rollout[@]}"
	echo "$output" > told.json
	[ "$(jq -r '[.tasks[].host] | unique[]' told.json)" = host1 ]
	[ "$(jq -r '.tasks[] | select(.failed) | .task' told.json | sort | xargs)" = \
		"iommu_install.host.mode : Demand that it is iommu_install.host.mode : Fail" ]
	jq -e '.tasks[-1].msg | test("A boot entry would come up in another mode.*taken back")' told.json
	# An image that is made again is another file.
	diff <(grep -v '^host1 /boot/initrd' before) <(hashes | grep -v '^host1 /boot/initrd')
	machine=host1.img run ! in_machine 'lsinitramfs /boot/initrd.img-* | grep iommu-verify'
	hashes > before
	run -0 --separate-stderr "${rollout[@]}" --check
	[ "$(jq -r '.hosts | to_entries[] | select(.value.changed > 0) | .key' <<< "$output" | sort | xargs)" = \
		"host1 host2 host3" ]
	hashes | diff before -
}

# bats test_tags=full
@test "a refusal that is not among those forced fails the task with its code, and nothing is changed" {
	hosts
	hashes > before
	run ! --separate-stderr ansible -i inventory iommu -m iommu_install.host.iommu_mode -a "mode=pt"
	jq -e '[.tasks[] | .failed and .refusal.code == "NO_VIOMMU"] | length == 3 and all' <<< "$output"
	run ! --separate-stderr ansible -i inventory iommu -m iommu_install.host.iommu_mode \
		-a '{"mode": "pt", "force": ["LIVE_SYSTEM"]}'
	jq -e '[.tasks[] | .failed and .refusal.code == "NO_VIOMMU"] | length == 3 and all' <<< "$output"
	hashes | diff before -
}

# --- A host that really reboots ---------------------------------------------------------------------------------------

# ssh_host: starts a virtual machine with an Intel IOMMU and sshd, which boots its disk again and again; host1 of the
# inventory.
ssh_host() {
	local port=0 limit=$((SECONDS + VM_PATIENCE))
	DISK_PACKAGES="python3 openssh-server"
	machine bookworm initramfs-tools
	ssh-keygen -q -t ed25519 -N '' -f key
	in_machine 'install -D -m 600 /host/key.pub /root/.ssh/authorized_keys
		printf "%s\n" "[Match]" Type=ether "[Network]" Address=10.0.2.15/24 > /etc/systemd/network/test.network
		systemctl enable systemd-networkd ssh'
	port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
	disk_start vm "$machine" "" --iommu intel -- -action reboot=reset \
		-netdev "user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:$port-:22" -device virtio-net-pci,netdev=net
	on_host=(ssh -q -i key -p "$port" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null
		-o ConnectTimeout=60 root@127.0.0.1)
	printf '%s\n' '[iommu]' host1 '[all:vars]' ansible_host=127.0.0.1 "ansible_port=$port" ansible_user=root \
		"ansible_ssh_private_key_file=$PWD/key" ansible_become=false \
		ansible_python_interpreter=/usr/bin/python3 > inventory
	export ANSIBLE_HOST_KEY_CHECKING=False ANSIBLE_TIMEOUT=300 ANSIBLE_SSH_RETRIES=3
	until "${on_host[@]}" true; do
		[ "$SECONDS" -lt "$limit" ] || { vm_log vm | tail; return 1; }
		sleep 3
	done
}

# bats test_tags=full
@test "a host that really reboots: a match, then the policy is raised; a word lost before the reboot: taken back" {
	ssh_host
	rollout=(ansible-playbook -i inventory iommu_install.host.rollout)
	run -0 --separate-stderr "${rollout[@]}" -e mode_mode=strict -e mode_on_mismatch=halt
	echo "$output$stderr"
	[ "$(jq -r '.tasks[] | select(.rebooted) | .task' <<< "$output")" = "iommu_install.host.mode : Reboot" ]
	run -0 "${on_host[@]}" iommu-verify --json
	jq -e '.verdict == "match" and .effective.mode == "strict" and .target.mode == "strict"' <<< "$output"
	"${on_host[@]}" cat /etc/iommu.target | grep -xF on-mismatch=halt

	# Somebody's drop-in, after the host was found safe to reboot.
	cat > drain.yml <<-'END'
		- name: Plant a drop-in that sorts after ours
		  ansible.builtin.shell: >-
		    echo 'GRUB_CMDLINE_LINUX=${GRUB_CMDLINE_LINUX% iommu=pt}' > /etc/default/grub.d/zzz-theirs.cfg &&
		    update-grub
	END
	run ! --separate-stderr "${rollout[@]}" -e mode_mode=pt -e mode_on_mismatch=halt \
		-e "mode_drain=$PWD/drain.yml"
	echo "$output$stderr"
	[ "$(jq -r '.tasks[] | select(.rebooted) | .task' <<< "$output" | xargs)" = \
		"iommu_install.host.mode : Reboot iommu_install.host.mode : Reboot into what was before" ]
	[ "$(jq -r '.tasks[] | select(.failed) | .task' <<< "$output" | sort | xargs)" = \
		"iommu_install.host.mode : Demand the mode iommu_install.host.mode : Fail" ]
	jq -e '.tasks[-1].msg |
		test("in strict, not in pt: TOKEN_MISSING.*taken back.*in strict, its verdict is match")' <<< "$output"
	run -0 "${on_host[@]}" iommu-verify --json
	jq -e '.verdict == "match" and .effective.mode == "strict" and .target.on_mismatch == "halt"' <<< "$output"
}
