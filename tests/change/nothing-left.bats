#!/usr/bin/env bats
# What is left behind by a command that is refused, that only looks, or that finds nothing to change: nothing, on a
# machine where iommu-install has never run.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
}

teardown() {
	machine_end
}

LOOK='look() { find / -xdev \( -path /host -o -path /proc -o -path /tmp \) -prune -o ! -path / \
		-printf "%p %y %m %U:%G %s %T@\n" | sort
	find /run -printf "%p %m\n"; }'

# leaves_nothing STATUS COMMAND...: each ends so, and no file, directory, owner, mode or time of the whole system is
# another one after it, its /run included.
leaves_nothing() {
	local wanted=$1 command
	shift
	for command; do
		run -0 in_machine "$LOOK"'; look > /host/before
			status=0; '"$command"' > /host/said 2>&1 || status=$?
			look > /host/after; cat /host/said; echo "status $status"; diff /host/before /host/after'
		[[ $output == *"status $wanted"* ]] || { echo "$command: $output"; return 1; }
	done
}

@test "a mode that is refused leaves nothing behind" {
	quick_machine
	leaves_nothing 5 'iommu-install pt' 'iommu-install pt --on-mismatch=halt' \
		'iommu-install strict --initramfs=none'
	leaves_nothing 1 'iommu-install pt --force --delay=1000' 'iommu-install pt --backend=lilo' \
		'iommu-install pt --initramfs=lilo' \
		'iommu-install strict --frobnicate' 'setpriv --reuid=65534 iommu-install pt'
}

@test "a command that only looks leaves nothing behind" {
	quick_machine
	leaves_nothing 0 'iommu-install' 'iommu-install show --groups' 'iommu-install explain' \
		'iommu-install pt --force --dry-run' \
		'iommu-install pt --emit=kargs.d' 'iommu-install --print-completion bash'
	leaves_nothing 6 'iommu-install check' 'iommu-install status' 'iommu-verify'
}

@test "a command that finds nothing to change leaves nothing behind" {
	quick_machine
	leaves_nothing 0 'iommu-install remove' 'iommu-install resume'
	leaves_nothing 1 'iommu-install rollback'
	# A machine that came with its mode set, as an image builder makes it.
	in_machine 'iommu-install pt --force && rm -rf /var/lib/iommu'
	leaves_nothing 0 'iommu-install pt --force'
}

@test "a change that is undone leaves nothing behind" {
	quick_machine
	local before list='find / -xdev ! -path "/host*" ! -path "/tmp*" -printf "%p %y %m %U:%G %s\n" | sort'
	in_machine 'mv /usr/sbin/update-grub /usr/sbin/update-grub.real
		printf "#!/bin/sh\nexit 1\n" > /usr/sbin/update-grub; chmod 755 /usr/sbin/update-grub
		mkdir -p /etc/default/grub.d'
	before=$(in_machine "$list")
	run -1 in_machine 'iommu-install pt --force --on-mismatch=halt'
	[[ $output == *"everything is as it was before"* ]]
	diff <(in_machine "$list") <(echo "$before")
}

@test "two first changes at the same time: one is done, and the other is done after it or says that it is not alone" {
	quick_machine
	run -0 in_machine 'iommu-install pt --force > /host/one 2>&1 & iommu-install strict --force > /host/two 2>&1
		a=$?; wait $!; b=$?
		cat /host/one /host/two; echo "$a $b"; iommu-install resume; iommu-install rollback'
	[[ $output == *"0 1"* || $output == *"1 0"* || $output == *"0 0"* ]]
	[[ $output == *"no change is unfinished"* ]]
}
