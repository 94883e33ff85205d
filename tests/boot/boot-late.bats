#!/usr/bin/env bats
# The late check on real Debian 12 disks: after a match, without an early check, while a change is pending, and when
# noiommu is switched on at run time.
bats_require_minimum_version 1.5.0
# bats file_tags=boot

setup() {
	load ../lib/trees
	load ../lib/machine
	script=$BATS_TEST_TMPDIR/script
}

teardown() {
	vm_kill_all
	machine_end
}

# at_runtime LINE...: boots $machine on Intel and runs a script in it; $output is what it printed.
at_runtime() {
	printf '%s\n' "$@" > "$script"
	disk_run vm "$machine" "$script" --iommu intel
	output=$(disk_output vm)
	echo "$output"
}

# What a script does until status.json is newer than it was.
FRESH='fresh() { until [ /run/iommu/status.json -nt /tmp/mark ]; do sleep 1; done; cat /run/iommu/status.json; }'

@test "after a match the late check refreshes status.json, again when vfio is loaded, and the target is met" {
	machine bookworm dracut
	in_machine 'iommu-install pt --on-mismatch=halt --force'
	at_runtime "$FRESH" 'cat /run/iommu/status.json' \
		'printf "[Unit]\nRequires=iommu-target-met.target\nAfter=iommu-target-met.target\n\
[Service]\nType=oneshot\nExecStart=/bin/echo\n" > /etc/systemd/system/needs.service' \
		'systemctl daemon-reload; systemctl start needs && systemctl is-active iommu-target-met.target' \
		'systemctl enable iommu-target-met.target && systemctl is-enabled iommu-target-met.target' \
		'journalctl -b -o json IOMMU_VERDICT=match | head -n 1' \
		'iommu-install check --nagios; echo "nagios: $?"; prom=/var/lib/prometheus/node-exporter' \
		'systemctl start iommu-prometheus.service; ls $prom
		mkdir -p $prom && chown 65534 $prom && systemctl start iommu-prometheus.service &&
		cat $prom/iommu.prom' \
		'nfd=/etc/kubernetes/node-feature-discovery/features.d; mkdir -p $nfd; rm -r $prom
		systemctl start iommu-prometheus.service && cat $nfd/iommu; mkdir -p $prom' \
		'systemctl enable --now iommu-prometheus.timer && systemctl list-timers --all | grep iommu' \
		'touch /tmp/mark; setpriv --reuid=65534 --clear-groups sh -c ": < /dev/vfio/vfio"
		lsmod | grep ^vfio; fresh' \
		'echo mode=strict > /etc/iommu.target; touch /tmp/mark; systemctl restart iommu-verify-late; fresh' \
		'rm /run/iommu/early.json; iommu-verify --quiet; echo "without: $?"
		systemctl restart iommu-target-met.service || systemctl start needs || echo "not met"'
	[ "$VM_END" = poweroff ]
	[[ $output == *'"phase": "late"'*'"early": "match"'* ]]
	grep -x active <<< "$output"
	grep -x enabled <<< "$output"
	grep -E '"MESSAGE_ID" *: *"5c6f0ddc3a2d4b5f9b7d8f1e2a4c6e80"' <<< "$output" |
		grep -E '"IOMMU_TARGET" *: *"pt"' | grep -E '"IOMMU_EFFECTIVE" *: *"pt"'
	[[ $output == *'"vfio.enable_unsafe_noiommu_mode": {"value": null, "source": "absent"}'* ]]
	[[ $output == *'"vfio_iommu_type1.allow_unsafe_interrupts": {"value": "N", "source": "live"}'* ]]
	[[ $output == *"IOMMU OK - running pt as wanted; "*"nagios: 0"* ]]
	[[ $output == *"cannot access '/var/lib/prometheus/node-exporter'"* ]]
	local series
	for series in 'iommu_effective_mode{mode="pt"}' 'iommu_next_boot_mode{mode="pt"}' \
		'iommu_early_check_verdict{verdict="match"}'; do
		grep -xF "$series 1" <<< "$output"
	done
	grep -x feature.node.kubernetes.io/iommu-verdict=match <<< "$output"
	[[ $output == *"iommu-prometheus.timer"*"iommu-prometheus.service"* ]]
	[[ $output == *TARGET_STALE* ]]
	[[ $output == *"without: 2"*"not met"* ]]
}

@test "an enforcing machine whose initramfs lost the check is stopped before basic.target: EARLY_CHECK_MISSING" {
	machine bookworm initramfs-tools
	in_machine 'iommu-install pt --on-mismatch=halt --force
		mv /usr/share/initramfs-tools/hooks/iommu-verify /root && update-initramfs -u 2>/dev/null'
	at_runtime 'echo the script ran'
	[ "$VM_END" = halted ]
	vm_log vm | grep -F "iommu-verify: EARLY_CHECK_MISSING"
	vm_log vm | grep -F "iommu-verify: halting this machine: on-mismatch=halt"
	run ! grep -E "Reached target.*[Bb]asic|the script ran|login:" <(vm_log vm)
}

@test "a late check in uninterruptible sleep does not keep a machine that only warns from booting" {
	machine bookworm initramfs-tools
	gcc -O2 -static -o "$BATS_TEST_TMPDIR/frozen" "$BATS_TEST_DIRNAME/../tools/frozen.c"
	in_machine 'iommu-install pt --force && cp /host/frozen /usr/sbin/iommu-verify'
	at_runtime 'systemctl is-active basic.target; systemctl show -P Result iommu-verify-late
		echo THAWED > /run/freezer/helper/freezer.state # or the shutdown waits for it
		umount /run/freezer'
	[ "$VM_END" = poweroff ]
	vm_log vm | grep -F 'MARK frozen'
	[ "$(xargs <<< "$output")" = "active timeout" ]
}

@test "a late check that stops the machine has the time of its delay: nothing starts behind it" {
	machine bookworm initramfs-tools
	in_machine 'iommu-install pt --on-mismatch=poweroff --delay=60 --force
		mv /usr/share/initramfs-tools/hooks/iommu-verify /root && update-initramfs -u 2>/dev/null'
	at_runtime 'echo the script ran'
	[ "$VM_END" = poweroff ]
	vm_log vm | grep -F "powering off this machine in 60 seconds: on-mismatch=poweroff"
	run ! grep -E "Reached target.*[Bb]asic|the script ran|login:" <(vm_log vm)
}

@test "what stopped the last boot, where the firmware keeps it, is in the journal and in show of the next one, once" {
	machine bookworm initramfs-tools
	in_machine 'iommu-install pt --on-mismatch=halt --force'
	local erst=(-object "memory-backend-file,id=kept,mem-path=$BATS_TEST_TMPDIR/kept,size=64K,share=on"
		-device acpi-erst,memdev=kept)
	: > "$script"
	disk_run vm "$machine" "$script" --iommu none -- "${erst[@]}"
	[ "$VM_END" = halted ]
	printf '%s\n' 'journalctl -b | grep "the last boot was stopped: mismatch: target pt, effective off-for-uio"' \
		'iommu-install show | grep "^last boot:"; echo "json $(iommu-install show --json | tr -d "\n")"' \
		'grep -rl "this boot is stopped" /sys/fs/pstore /var/lib/systemd/pstore' > "$script"
	disk_run vm "$machine" "$script" --iommu intel -- "${erst[@]}"
	output=$(disk_output vm)
	echo "$output"
	[[ $output == *"the last boot was stopped: "*"last boot:  was stopped: "* ]]
	output=$(sed -n 's/^json //p' <<< "$output")
	[ "$(json .last_stop)" = "mismatch: target pt, effective off-for-uio: NO_VIOMMU; on-mismatch=halt" ]
	# grep has found nothing: what was told is not told again.
	[ "$(disk_status vm)" = 1 ]
}

@test "while a change is pending nothing is stopped, though vfio is loaded and the mode is another one" {
	machine bookworm dracut
	in_machine 'iommu-install strict --on-mismatch=halt --force'
	at_runtime "$FRESH" 'mkdir -p /run/iommu; echo mode=pt > /run/iommu/pending' \
		'printf "mode=pt\non-mismatch=halt\non-late-mismatch=same\n" > /etc/iommu.target' \
		'touch /tmp/mark; setpriv --reuid=65534 --clear-groups sh -c ": < /dev/vfio/vfio"
		fresh; sleep 5; echo still here'
	[ "$VM_END" = poweroff ]
	[[ $output == *'"verdict": "pending"'*'"early": "match"'*"still here"* ]]
}

@test "noiommu switched on at run time is noticed at once, and on-late-mismatch=same shuts down in order" {
	load ../lib/noiommu
	machine bookworm dracut
	local modules
	modules=$(noiommu_modules)
	cp "$modules/vfio.ko" "$BATS_TEST_TMPDIR"
	in_machine 'k=$(ls /lib/modules); mkdir -p /lib/modules/$k/updates; cp /host/vfio.ko /lib/modules/$k/updates
		depmod $k
		iommu-install pt --on-mismatch=poweroff --on-late-mismatch=same --force'
	at_runtime 'modprobe vfio enable_unsafe_noiommu_mode=1; sleep 300; echo still here'
	[ "$VM_END" = poweroff ]
	vm_log vm | grep -F "iommu-verify: NOIOMMU_ENABLED: vfio.enable_unsafe_noiommu_mode is Y (live)"
	vm_log vm | grep -F "in order: on-late-mismatch=same"
	run ! grep "still here" <(vm_log vm)
}
