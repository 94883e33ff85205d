#!/usr/bin/env bats
# The lines that a dry run says are those that the real run then gives, byte for byte, by the same tools: GRUB of sid
# by chroot, where nothing of it is left behind; boot entries on trees.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/grub
	dir=$BATS_TEST_TMPDIR
}

teardown() {
	machine_end
}

# said FILE: what is compared of an object's entries.
said() {
	jq -c '.entries[] | [.kernel, .before, .after, .foreseen]' "$dir/$1"
}

# In the machine: both runs of a command, and what the dry run has left behind.
both() {
	local look='find / -xdev \( -path /host -o -path /proc \) -prune -o ! -path / -printf "%p %y %m %s %T@\n"'
	eval "$look" | sort >/host/before
	iommu-install "$@" --dry-run --json >/host/dry.json
	eval "$look" | sort | diff /host/before -
	iommu-install "$@" --json >/host/real.json 2>/dev/null
}

# alike COMMAND...: both runs say the same lines, of at least three entries.
alike() {
	in_machine "$(declare -f both); both $*"
	[ "$(said real.json | wc -l)" -ge 3 ]
	diff <(said dry.json) <(said real.json)
}

# settings: /etc/default/grub is what is on standard input; a mode, another one, back, and out again.
settings() {
	cat >"$dir/default"
	in_machine 'cp /host/default /etc/default/grub && update-grub 2>/dev/null'
	alike pt --force --initramfs=none --backend=grub
	jq -r '.entries[0].after' "$dir/dry.json"
	[ "$(jq -r '.entries[0].after' "$dir/dry.json")" = "$1" ]
	alike off-for-uio --force --initramfs=none
	alike rollback --initramfs=none
	alike remove --initramfs=none
	in_machine 'rm -f /etc/default/grub.d/zzzz* /etc/grub.d/00_tuned'
}

OURS="intel_iommu=on amd_iommu=on iommu=pt"

# bats test_tags=boot
@test "GRUB: our words in the middle, contrary ones before and behind, recovery entries with a line of their own" {
	grub_machine sid
	local root
	root=$(in_machine 'echo "root=/dev/vda1 ro"; update-grub 2>/dev/null')
	settings "$root one $OURS two" <<-'EOF'
		GRUB_CMDLINE_LINUX="one iommu=soft"
		GRUB_CMDLINE_LINUX_DEFAULT="two intel_iommu=off"
		GRUB_CMDLINE_LINUX_RECOVERY="single iommu=off three"
	EOF
	settings "$root one \"two=a b\" $OURS" <<-'EOF'
		GRUB_CMDLINE_LINUX="one two=\"a b\""
	EOF
}

# bats test_tags=boot
@test "GRUB: a drop-in that is read after ours, TuneD's variable with words that agree, a variable of grubenv" {
	grub_machine sid
	local root='root=/dev/vda1 ro'
	in_machine 'mkdir -p /etc/default/grub.d
		echo "GRUB_CMDLINE_LINUX=\"\$GRUB_CMDLINE_LINUX late\"" > /etc/default/grub.d/zzzz-late.cfg
		printf "#!/bin/sh\necho \x27set tuned_params=\"isolcpus=1 nohz\"\x27\n" > /etc/grub.d/00_tuned
		chmod 755 /etc/grub.d/00_tuned; grub-editenv /boot/grub/grubenv set mine=envword'
	settings "$root one $OURS late two isolcpus=1 nohz envword" <<-'EOF'
		GRUB_CMDLINE_LINUX="one"
		GRUB_CMDLINE_LINUX_DEFAULT="two \$tuned_params \$mine"
	EOF
}

# bats test_tags=boot
@test "GRUB: a tool that fails, and no root: the line is foreseen, and that is said" {
	grub_machine sid
	in_machine 'update-grub 2>/dev/null; chmod 644 /boot/grub/grub.cfg
		mv /usr/sbin/update-grub /usr/sbin/real
		printf "#!/bin/sh\nexit 1\n" >/usr/sbin/update-grub; chmod 755 /usr/sbin/update-grub
		iommu-install pt --force --initramfs=none --backend=grub --dry-run --json >/host/dry.json
		iommu-install pt --force --initramfs=none --backend=grub --dry-run >/host/text
		mv /usr/sbin/real /usr/sbin/update-grub
		setpriv --reuid=65534 --clear-groups iommu-install pt --force --initramfs=none --backend=grub \
			--dry-run --json >/host/user.json || [ $? = 4 ]'
	[ "$(jq -c '[.entries[].foreseen] | unique' "$dir/dry.json" "$dir/user.json" | sort -u)" = '[true]' ]
	"$BATS_TEST_DIRNAME/../tools/validate" change "$dir/dry.json" "$dir/user.json"
	grep 'as foreseen' "$dir/text"
}

# shellcheck disable=SC2016 # GRUB's
@test "GRUB's own boot entries: variables, \$kernelopts of grubenv, and the blank that keeps a length from breaking" {
	local tree=$dir/tree kernel pad seen=0
	mkdir -p "$tree"/{boot/grub2,boot/loader/entries,dev,etc/default,etc/kernel,proc,run,sys,tmp,usr/sbin,var/lib}
	printf 'load_env\nset tuned_params="isolcpus=1"\nblscfg\n' >"$tree/boot/grub2/grub.cfg"
	for kernel in 6.1.0-9.fc38 6.1.0-10.fc38; do
		mkdir -p "$tree/lib/modules/$kernel"
		touch "$tree/boot/vmlinuz-$kernel" "$tree/boot/initramfs-$kernel.img"
		echo '# CONFIG_IOMMU_DEFAULT_PASSTHROUGH is not set' >"$tree/boot/config-$kernel"
		printf 'title F\nversion %s\nlinux /vmlinuz-%s\ninitrd /initramfs-%s.img\noptions %s\n' \
			$kernel $kernel $kernel '$kernelopts $tuned_params' >"$tree/boot/loader/entries/a-$kernel.conf"
	done
	sed -i 's/^options.*/options root=UUID=1 iommu=soft $tuned_params mine/' \
		"$tree/boot/loader/entries/a-6.1.0-10.fc38.conf"
	for pad in $(seq 1 32); do
		{
			printf '# GRUB Environment Block\nkernelopts=root=UUID=1 ro %0*d\n' "$pad" 0
			head -c 1024 /dev/zero | tr '\0' '#'
		} | head -c 1024 >"$tree/boot/grub2/grubenv"
		for mode in pt strict; do
			"$INSTALLER" --root "$tree" $mode --initramfs=none --dry-run --json >"$dir/dry.json"
			"$INSTALLER" --root "$tree" $mode --initramfs=none --json >"$dir/real.json" 2>/dev/null
			[ "$(said real.json | wc -l)" = 2 ]
			diff <(said dry.json) <(said real.json)
			seen=$((seen + 1))
		done
	done
	[ "$seen" = 64 ]
	jq -r '.entries[].after' "$dir/dry.json" | grep -x 'root=UUID=1  *ro 0* intel_iommu=on amd_iommu=on isolcpus=1'
}
