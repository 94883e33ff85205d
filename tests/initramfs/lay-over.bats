#!/usr/bin/env bats
# A change of mode without the generator: what is laid behind an image, when the generator has to run all the same, and
# what takes the place of what was laid there.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/machine
	load ../lib/kill
	laid=$(cat "$BATS_TEST_DIRNAME"/../lib/{judge,laid}.sh)
	cp "$BATS_TEST_DIRNAME/../lib/update-initramfs" "$BATS_TEST_TMPDIR/dracut"
}

teardown() {
	machine_end
}

# in_laid SCRIPT: in $machine, with what judge.sh and laid.sh have.
in_laid() {
	in_machine "set -e; $laid
		image=\$(ls /boot/init*6* /boot/initramfs-linux.img 2> /dev/null | head -n 1)
		$1"
}

# changes GENERATOR: how often it runs in a first change under halt, a change of mode and its rollback, to warn, to halt
# again, with nothing to do, and in the removal. Each time the image is what it is to be.
changes() {
	in_laid "count_builds $1
		"'right() { # POLICY
			local k=${image#*initrd.img-} && k=${k#*initramfs-}
			unpack $image /i && cmp /i/etc/iommu.target /etc/iommu.target &&
				cmp /i/usr/sbin/iommu-verify /usr/sbin/iommu-verify &&
				grep -qx "enforce=$1" /i/usr/lib/iommu-verify/image.conf &&
				! ls /boot/*.iommu-* 2> /dev/null
		}
		built iommu-install pt --on-mismatch=halt --force; right halt
		built iommu-install strict --on-mismatch=halt --force; right halt
		iommu-install show --json > /host/show.json
		built iommu-install rollback; right halt; grep -q "^mode=pt" /i/etc/iommu.target
		built iommu-install pt --on-mismatch=warn --force; right no
		built iommu-install pt --on-mismatch=poweroff --force; right poweroff
		built iommu-install pt --on-mismatch=poweroff --force; right poweroff
		built iommu-install remove; unpack $image /i; test ! -e /i/etc/iommu.target' | xargs
}

# dracut_machine: a quick machine whose generator is a dracut.
dracut_machine() {
	quick_machine
	in_machine "${1-:}"'; install /host/dracut /usr/bin/dracut; rm /usr/sbin/update-initramfs
		k=$(ls /lib/modules); dracut --force --quiet /boot/initrd.img-$k $k'
}

@test "initramfs-tools: built for the first change and the removal, not for a mode, a policy or a rollback" {
	quick_machine
	[ "$(changes /usr/sbin/update-initramfs)" = "1 0 0 0 0 0 1" ]
	[ "$(jq -c '.images[] | [.mode, .on_mismatch]' "$BATS_TEST_TMPDIR/show.json")" = '["strict","halt"]' ]
}

# bats test_tags=boot
@test "three kernels: each image is built once, and then none" {
	quick_machine
	in_machine 'k=$(ls /lib/modules); for n in 98 99; do
			cp -al /lib/modules/$k /lib/modules/6.1.0-$n-amd64
			cp -l /boot/config-$k /boot/config-6.1.0-$n-amd64
			cp -l /boot/vmlinuz-$k /boot/vmlinuz-6.1.0-$n-amd64; update-initramfs -c -k 6.1.0-$n-amd64
		done; update-grub' > "$BATS_TEST_TMPDIR/log" 2>&1
	[ "$(changes /usr/sbin/update-initramfs)" = "3 0 0 0 0 0 3" ]
}

# bats test_tags=boot
@test "dracut without systemd: the same, as an empty hook does nothing" {
	dracut_machine
	[ "$(changes /usr/bin/dracut)" = "1 0 0 0 0 0 1" ]
}

@test "dracut with systemd: the same, as what was laid over a warning image is all that made it stop" {
	dracut_machine 'touch /etc/stand-in-systemd'
	[ "$(changes /usr/bin/dracut)" = "1 0 0 0 0 0 1" ]
}

# bats test_tags=boot
@test "dracut with systemd: an image that was built to stop is built again to warn" {
	dracut_machine 'touch /etc/stand-in-systemd'
	run -0 in_laid 'count_builds /usr/bin/dracut
		iommu-install pt --on-mismatch=halt --force; k=$(ls /lib/modules); dracut --force --quiet $image $k
		built iommu-install strict --on-mismatch=halt --force
		iommu-install strict --on-mismatch=warn --dry-run --json --force > /host/json
		built iommu-install strict --on-mismatch=warn --force; unpack $image /i
		! ls /i/etc/systemd/system/sysinit.target.requires/iommu-verify.service'
	[ "$(grep -xE '[0-9]+' <<< "$output" | xargs)" = "0 1" ]
	[ "$(jq -r '.images[0].how' "$BATS_TEST_TMPDIR/json")" = built ]
	jq -e '.images[0].why | test("taken out")' "$BATS_TEST_TMPDIR/json"
}

# bats test_tags=boot
@test "mkinitcpio: the same, with both images of its preset" {
	load ../lib/arch
	arch_machine
	[ "$(changes /usr/bin/mkinitcpio)" = "2 0 0 0 0 0 2" ]
}

@test "entries that are only mended touch no image, also under halt; a tool that fails is tried before any is built" {
	quick_machine
	run -0 in_laid 'count_builds /usr/sbin/update-initramfs
		mv /usr/sbin/update-grub /root; printf "#!/bin/sh\nexit 7\n" > /usr/sbin/update-grub
		chmod 755 /usr/sbin/update-grub; sha256sum $image > /sum
		: > /run/builds; ! iommu-install pt --on-mismatch=halt --force > /host/log 2>&1; wc -l < /run/builds
		sha256sum --quiet -c /sum; test ! -e /etc/iommu.target; mv /root/update-grub /usr/sbin
		iommu-install pt --on-mismatch=halt --force > /host/log 2>&1
		stat -c "%i %Z" $image > /stat; sed -i "s/ iommu=pt//" /boot/grub/grub.cfg
		iommu-install pt --on-mismatch=halt --force --json > /host/json 2> /host/log
		grep -q iommu=pt /boot/grub/grub.cfg; stat -c "%i %Z" $image | cmp - /stat'
	[ "$output" = 0 ]
	[ "$(jq -c '[.result, .images[0].how]' "$BATS_TEST_TMPDIR/json")" = '["done","kept"]' ]
}

@test "what is laid over three times is as large as what is laid over once, and behind it stands nothing" {
	quick_machine
	run -0 in_laid 'iommu-install pt --on-mismatch=halt --force > /host/log 2>&1; stat -c %s $image
		for mode in strict pt; do iommu-install $mode --on-mismatch=halt --force; done > /host/log 2>&1
		stat -c %s $image; LC_ALL=C grep -c -a usr/lib/iommu-verify/laid-over $image
		update-initramfs -u -k all; unpack $image /i; cmp /i/etc/iommu.target /etc/iommu.target
		stat -c %s $image; ! LC_ALL=C grep -q -a usr/lib/iommu-verify/laid-over $image'
	[ "${lines[0]}" = "${lines[1]}" ]
	[ "${lines[2]}" = 1 ]
	((lines[3] < lines[1]))
}

@test "an image is unpacked again only once its file is another one" {
	quick_machine
	run -0 in_laid 'iommu-install pt --on-mismatch=halt --force > /host/log 2>&1
		unpack $image /i; rm /i/usr/lib/iommu-verify/laid-over
		(cd /i && find . | cpio --quiet -o -H newc | gzip) > $image
		count_builds /usr/bin/gzip
		built iommu-install strict --on-mismatch=halt --force'
	[ "$output" -le 9 ] # it, and what it was before it was laid over; twice laid over, then renamed, and settled
}

@test "what somebody writes into an image meanwhile is read, also where its size and its time stay" {
	quick_machine
	run -0 in_laid 'iommu-install pt --on-mismatch=warn --force > /host/log 2>&1
		mv /usr/sbin/update-grub /root
		cat > /usr/sbin/update-grub <<-END
			#!/bin/sh
			if at=\$(grep -obUam1 mode=strict $image); then
				touch -r $image /run/time
				echo -n mode=strixt | dd of=$image bs=1 seek=\${at%%:*} conv=notrunc status=none
				touch -d "\$(stat -c %y /run/time)" $image
			fi
			exec /root/update-grub "\$@"
		END
		chmod 755 /usr/sbin/update-grub
		iommu-install strict --on-mismatch=warn --force
		ls /run/time; unpack $image /i; cmp /i/etc/iommu.target /etc/iommu.target
		cmp /i/usr/sbin/iommu-verify /usr/sbin/iommu-verify'
}

# bats test_tags=boot
@test "settings of a file in modprobe.d that is gone are not in the image any more, and those of a new one are" {
	quick_machine
	run -0 in_laid 'echo "options vfio_iommu_type1 dma_entry_limit=7" > /etc/modprobe.d/a.conf
		count_builds /usr/sbin/update-initramfs
		iommu-install pt --on-mismatch=halt --force > /host/log 2>&1; unpack $image /i
		grep -c dma_entry_limit=7 /i/usr/lib/iommu-verify/modprobe.d/a.conf
		mv /etc/modprobe.d/a.conf /etc/modprobe.d/b.conf
		built iommu-install strict --on-mismatch=halt --force; unpack $image /i
		grep -c dma_entry_limit=7 /i/usr/lib/iommu-verify/modprobe.d/b.conf
		! grep . /i/usr/lib/iommu-verify/modprobe.d/a.conf'
	[ "$(xargs <<< "$output")" = "1 0 1" ]
}

# What is written is what the kernel says of each call; beside images, what the rest of the change comes to.
# bats test_tags=boot
@test "bytes: an image is written once for each target it gets, by a repair and by the removal not at all" {
	quick_machine
	strace_into "$BATS_TEST_TMPDIR/strace"
	run -0 in_laid 'iommu-install pt --on-mismatch=halt --force > /host/log 2>&1
		unpack $image /i; rm /i/usr/lib/iommu-verify/laid-over; head -c 9000000 /dev/zero > /i/zero
		(cd /i && find . | cpio --quiet -o -H newc) > $image; size=$(stat -c %s $image)
		written() { # COMMAND...: images, in whole ones, and KiB of all else
			/host/strace/ld.so --library-path /host/strace /host/strace/strace -y -o /host/trace \
				-e trace=write,pwrite64,copy_file_range,sendfile iommu-install "$@" > /host/log 2>&1
			awk -v size=$size "/^(write|pwrite64)\([12]</ || /memfd:|pipe:/ || !/ = [0-9]+\$/ { next }
				/initrd/ { images += \$NF; next } { rest += \$NF }
				END { print int(images / size + 0.5), int(rest / 1024) }" /host/trace
		}
		written strict --on-mismatch=halt --force; written rollback
		written pt --on-mismatch=warn --force; written pt --on-mismatch=halt --force
		sed -i "s/ iommu=pt//" /boot/grub/grub.cfg; written pt --on-mismatch=halt --force; written remove'
	[ "$(cut -d ' ' -f 1 <<< "$output" | xargs)" = "2 2 1 2 0 0" ]
	[ "$(cut -d ' ' -f 2 <<< "$output" | sort -n | tail -n 1)" -lt 64 ]
	echo "# images and KiB written: $(paste -sd ';' <<< "$output")" >&3
}

# bats test_tags=boot
@test "how long building took is kept, and by it the next change says how long it will take" {
	quick_machine
	run -0 in_laid 'count_builds /usr/sbin/update-initramfs; sed -i "2i sleep 2" /usr/sbin/update-initramfs
		iommu-install pt --force > /host/first; stat -c %a /var/lib/iommu/build-time
		cat /var/lib/iommu/build-time; echo initramfs-tools=140 > /var/lib/iommu/build-time
		'"$SIGN_IMAGES"' iommu-install strict --force > /host/second
		echo junk > /var/lib/iommu/build-time; iommu-install pt --force > /host/third'
	[[ $output =~ ^600$'\n'initramfs-tools=([0-9]+)$ ]]
	[ "${BASH_REMATCH[1]}" -ge 2 ]
	grep -F minutes "$BATS_TEST_TMPDIR/first"
	grep -F '2 min' "$BATS_TEST_TMPDIR/second"
	grep -F minutes "$BATS_TEST_TMPDIR/third"
}

# refuses_to_lay WORD SCRIPT [TIMES]: once the image is changed so, a change of mode has to build it, and says why; and
# then it is right.
refuses_to_lay() {
	quick_machine
	run in_laid 'count_builds /usr/sbin/update-initramfs
		iommu-install pt --on-mismatch=halt --force > /host/log 2>&1
		repack() { (cd /i && find . | cpio --quiet -o -H newc) > $image; }
		unpack $image /i; rm -f /i/usr/lib/iommu-verify/laid-over
		'"$2"'
		iommu-install strict --on-mismatch=halt --dry-run --json --force > /host/json
		built iommu-install strict --on-mismatch=halt --force; unpack $image /i
		cmp /i/etc/iommu.target /etc/iommu.target; iommu-install check || [ $? -le 3 ]'
	echo "$output"; cat "$BATS_TEST_TMPDIR/log"; [ "$status" = 0 ]
	[ "$(grep -xE "[0-9]+" <<< "$output" | xargs)" = "${3-1}" ]
	[ "$(jq -r '.images[0].how' "$BATS_TEST_TMPDIR/json")" = built ]
	jq -r '.images[0].why' "$BATS_TEST_TMPDIR/json" | grep -F "$1"
}

@test "built all the same: an image with another version of the helper" {
	refuses_to_lay 'another version of iommu-verify' 'echo >> /i/usr/sbin/iommu-verify; repack'
}

# bats test_tags=boot
@test "built all the same: an image with a signature beside it" {
	refuses_to_lay signature 'touch $image.sig' 2
}

# bats test_tags=boot
@test "built all the same: a file that has other names in the image, or is a link there" {
	refuses_to_lay 'other names' 'ln /i/etc/iommu.target /i/etc/other; repack'
}

# bats test_tags=boot
@test "built all the same: a file that is a link in the image" {
	refuses_to_lay 'another type' 'mv /i/etc/iommu.target /i/etc/t; ln -s t /i/etc/iommu.target; repack'
}

# bats test_tags=boot
@test "built all the same: an image that does not start the check" {
	refuses_to_lay executable 'chmod -x /i/scripts/init-top/iommu-verify; repack'
}

# bats test_tags=boot
@test "built all the same: an image with something behind what was laid over it" {
	refuses_to_lay behind '(cd /tmp && echo x > x && echo x | cpio --quiet -o -H newc) >> $image'
}

@test "built all the same: an image whose laid-over part is cut short, and check says that it can't be read" {
	refuses_to_lay unpacked 'truncate -s $(($(stat -c %s $image) - 700)) $image
		! iommu-install check --json > /host/check'
	[ "$(jq -r '.entries[0].verdict' "$BATS_TEST_TMPDIR/check")" != match ]
}
