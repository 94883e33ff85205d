#!/usr/bin/env bats
# What starts the check in an image, and in how many ways it can be taken away: images of each generator's kind, made by
# hand of the files that we install.
bats_require_minimum_version 1.5.0

setup_file() {
	export UNPACK=$BATS_FILE_TMPDIR/unpack
	local top=$BATS_TEST_DIRNAME/../..
	cc -std=c11 -D_GNU_SOURCE -I"$top/src" -o "$UNPACK" "$top/tests/tools/unpack.c" "$top"/build/install/*/*.o \
		-lkmod -ldl
}

setup() {
	load ../lib/trees
	early=$BATS_TEST_DIRNAME/../../dist/early image=$BATS_TEST_TMPDIR/image
	mkdir -p "$image/usr/sbin" && cd "$image"
	cp "$VERIFY" usr/sbin
}

# of_systemd, of_dracut, of_order, of_hooks: what each generator makes under a policy that stops.
of_systemd() {
	units=usr/lib/systemd/system
	mkdir -p $units/iommu-verify.service.d etc/systemd/system/sysinit.target.requires
	ln -s usr/lib/systemd/systemd init
	cp "$early/iommu-verify.service" $units
	cp "$early/stop.conf" $units/iommu-verify.service.d
	ln -s /$units/iommu-verify.service etc/systemd/system/sysinit.target.requires
}

of_dracut() {
	mkdir -p usr/lib/dracut/hooks/cmdline
	ln -s usr/lib lib
	cp "$early/check-stop.sh" usr/lib/dracut/hooks/cmdline/00-check-stop.sh
}

of_order() {
	mkdir -p scripts/init-top usr/lib/iommu-verify
	cp "$BATS_TEST_DIRNAME/../../initramfs-tools/scripts/init-top/iommu-verify" scripts/init-top
	cp "$early/check-stop.sh" usr/lib/iommu-verify/check.sh
	in_order all_generic_ide iommu-verify udev
}

in_order() {
	printf '/scripts/init-top/%s "$@"\n[ -e /conf/param.conf ] && . /conf/param.conf\n' "$@" \
		> scripts/init-top/ORDER
}

of_hooks() {
	mkdir -p hooks usr/lib/iommu-verify
	cp "$BATS_TEST_DIRNAME/../../dist/mkinitcpio/hooks/iommu-verify" hooks
	cp "$early/check-stop.sh" usr/lib/iommu-verify/check.sh
	printf 'EARLYHOOKS="iommu-verify udev"\nHOOKS="udev"\n' > config
}

# starts HOOK [WORD]: what starts the check in the image as it is now, and that what is said of it has this word.
starts() {
	find . | sort | cpio --quiet -o -H newc > ../packed
	run -0 "$UNPACK" --starts ../packed
	echo "$output"
	[[ $output == "$1 "*"${2-}"* ]]
}

# without HOOK WORD CMD...: the same after a command whose effect is undone then.
without() {
	cp -a . ../whole
	"${@:3}"
	starts "$1" "$2"
	cd .. && rm -r image && mv whole image && cd image
	starts stops
}

dropin() {
	mkdir -p "$1" && printf '%s\n' "${@:3}" > "$1/$2"
}

mask() {
	mkdir -p "${1%/*}" && ln -sf /dev/null "$1"
}

@test "systemd: the unit, its drop-in, and the link of sysinit.target each are missed" {
	of_systemd
	starts stops
	without none iommu-verify.service rm $units/iommu-verify.service
	without warns FailureAction rm $units/iommu-verify.service.d/stop.conf
	without none sysinit.target rm -r etc/systemd/system/sysinit.target.requires
	without none /init rm init
	mkdir etc/systemd/system/sysinit.target.wants
	mv etc/systemd/system/sysinit.target.requires/* etc/systemd/system/sysinit.target.wants
	starts stops
}

@test "systemd: a mask, an empty file, and another unit of that name in /etc are found" {
	of_systemd
	without none masked mask etc/systemd/system/iommu-verify.service
	without none masked mask $units/iommu-verify.service
	without none masked truncate -s 0 $units/iommu-verify.service
	# stop.conf stays the drop-in of that one too.
	without none Type dropin etc/systemd/system iommu-verify.service '[Service]' ExecStart=/bin/true
	without stops '' dropin etc/systemd/system iommu-verify.service '[Service]' Type=oneshot ExecStart=/bin/true
	without warns FailureAction truncate -s 0 $units/iommu-verify.service.d/stop.conf
	without warns FailureAction mask etc/systemd/system/iommu-verify.service.d/stop.conf
	rm $units/iommu-verify.service.d/stop.conf
	dropin etc/systemd/system iommu-verify.service '[Service]' Type=oneshot ExecStart=/bin/true
	starts none ExecStart
}

@test "systemd: another drop-in that resets ExecStart or FailureAction, or adds a condition, is found" {
	of_systemd
	local dir=etc/systemd/system/iommu-verify.service.d
	without none ExecStart dropin $dir zz.conf '[Service]' ExecStart=
	without none ExecStart dropin $dir zz.conf '[Service]' ExecStart= ExecStart=/bin/true
	without warns success dropin $dir zz.conf '[Service]' ExecStart= \
		'ExecStart=-/usr/sbin/iommu-verify --enforce --phase early'
	without warns FailureAction dropin $dir zz.conf '[Unit]' FailureAction=
	without warns FailureAction dropin $dir zz.conf '[Unit]' FailureAction=none
	without warns FailureAction dropin $dir stop.conf '[Unit]' Description=mine
	without none Condition dropin $dir zz.conf '[Unit]' ConditionPathExists=/nowhere
	without none ExecCondition dropin $dir zz.conf '[Service]' ExecCondition=/bin/false
	without warns success dropin $dir zz.conf '[Service]' 'SuccessExitStatus=2 3'
	without none Type dropin $dir zz.conf '[Service]' Type=exec
	without warns FailureAction dropin etc/systemd/system/service.d zz.conf '[Unit]' FailureAction=none
}

@test "systemd: a drop-in that changes nothing that matters, or sorts before ours, is no fault" {
	of_systemd
	dropin etc/systemd/system/iommu-verify.service.d zz.conf '# FailureAction=none' '[Service]' Nice=0
	dropin usr/lib/systemd/system/service.d 10-timeout-abort.conf '[Service]' TimeoutStopFailureMode=abort
	dropin etc/systemd/system/iommu-verify.service.d a.conf '[Service]' ExecStart=
	dropin etc/systemd/system/iommu-verify.service.d b.conf '[Unit]' FailureAction=none
	starts stops
}

@test "dracut's own hook: away, empty, or another one" {
	of_dracut
	starts stops
	without none '' rm usr/lib/dracut/hooks/cmdline/00-check-stop.sh
	without none 00-check-stop.sh truncate -s 0 usr/lib/dracut/hooks/cmdline/00-check-stop.sh
	without none 00-check-stop.sh sed -i '/^.usr.sbin.iommu-verify/d' usr/lib/dracut/hooks/cmdline/00-check-stop.sh
	mv usr/lib/dracut/hooks/cmdline/00-check-stop.sh usr/lib/dracut/hooks/cmdline/00-check-warn.sh
	cp "$early/check-warn.sh" usr/lib/dracut/hooks/cmdline/00-check-warn.sh
	starts warns
}

@test "initramfs-tools: the script's executable bit, its content, and its place in ORDER" {
	of_order
	starts stops
	without none executable chmod -x scripts/init-top/iommu-verify
	without none init-top/iommu-verify truncate -s 0 scripts/init-top/iommu-verify
	without none init-top/iommu-verify rm scripts/init-top/iommu-verify
	without none ORDER rm scripts/init-top/ORDER
	without none ORDER in_order all_generic_ide udev
	without none ORDER in_order udev iommu-verify
	without none ORDER sed -i 's/^.*iommu-verify/#&/' scripts/init-top/ORDER
	without none ORDER sed -i '/iommu-verify/{n;d}' scripts/init-top/ORDER
	without none check.sh truncate -s 0 usr/lib/iommu-verify/check.sh
	without none check.sh rm usr/lib/iommu-verify/check.sh
	in_order iommu-verify
	starts stops
}

@test "mkinitcpio: the hook, its content, and its place among the early ones" {
	of_hooks
	starts stops
	without none hooks/iommu-verify rm hooks/iommu-verify
	without none hooks/iommu-verify truncate -s 0 hooks/iommu-verify
	without none EARLYHOOKS sed -i 's/iommu-verify udev/udev iommu-verify/' config
	without none EARLYHOOKS sed -i 's/iommu-verify udev/iommu-verify-other udev/' config
	without none EARLYHOOKS sed -i '$a EARLYHOOKS="udev"' config
	without none check.sh truncate -s 0 usr/lib/iommu-verify/check.sh
}

@test "one way that starts it is enough, whatever is left over of another" {
	of_order
	of_systemd
	chmod -x scripts/init-top/iommu-verify
	starts stops
}

# bats test_tags=boot
@test "under halt a change whose image would not start the check is undone, and check finds such an image" {
	load ../lib/machine
	quick_machine
	run -1 in_machine 'chmod -x /usr/share/initramfs-tools/scripts/init-top/iommu-verify
		iommu-install pt --force --on-mismatch=halt'
	[[ $output == *"is not executable"* ]]
	run -0 in_machine 'test ! -e /etc/iommu.target
		chmod +x /usr/share/initramfs-tools/scripts/init-top/iommu-verify
		iommu-install pt --force --on-mismatch=halt'
	run -2 in_machine 'chmod -x /usr/share/initramfs-tools/scripts/init-top/iommu-verify
		update-initramfs -u -k all; iommu-install check --json'
	[ "$(jq -r '.entries[0] | .hook, (.why | test("not executable"))' <<< "$output" | xargs)" = "false true" ]
	run -2 in_machine 'chmod +x /usr/share/initramfs-tools/scripts/init-top/iommu-verify
		chmod -x /usr/sbin/iommu-verify; update-initramfs -u -k all; iommu-install check'
}
