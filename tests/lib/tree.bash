# Debian root trees for the tests: built once per recipe, cached, and never written to afterwards.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

TREE_REPO=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
IOMMU_TEST_CACHE=${IOMMU_TEST_CACHE:-$TREE_REPO/build/cache}
# shellcheck disable=SC2034 # for the tests
OWN_SUITE=$(. /etc/os-release && echo "${VERSION_CODENAME:-sid}") # the release that runs the tests

# Keeps the tests to what runs in a VM without graphics, sound or radio: a third of the tree and of every disk.
TREE_EXCLUDE=(
	'/etc/kernel/*' # its hooks would build an image, which is the tests' own job
	'/usr/share/doc/*' '/usr/share/locale/*' '/usr/share/man/*'
	'*/modules/*/kernel/drivers/'{gpu,infiniband,isdn,media,net/wireless,staging}'/*'
	'*/modules/*/kernel/sound/*'
)

# cleared PATH...: takes these away, after what an mmdebstrap that was killed has left mounted below them.
cleared() {
	local path mounted
	for path; do
		tac /proc/mounts | while read -r _ mounted _; do
			[[ $mounted != "$path"/* ]] || umount -l "$mounted"
		done
		rm -rf --one-file-system "$path"
	done
}

# cached PATH CMD...: prints PATH, having made it with `CMD... PATH.new` where there is none. The new one appears whole
# or not at all, and two callers at once make it once. CMD's output is kept in PATH.log and shown if it fails.
cached() {
	local path=$1
	shift
	mkdir -p "${path%/*}"
	(
		flock 9
		[[ -e $path ]] && exit
		cleared "$path.new" "$path.new.work"
		if ! "$@" "$path.new" >"$path.log" 2>&1 9>&- 3>&-; then
			tail -n 30 "$path.log"
			echo "cannot make $path"
			cleared "$path.new"
			exit 1
		fi
		mv "$path.new" "$path"
	) 9>"$path.lock" >&2 || return
	echo "$path"
}

# recipe_key WORD...: a short name for what something is made of, so that a changed recipe has a new place.
recipe_key() {
	printf '%s\n' "$@" | sha256sum | cut -c1-12
}

# tree_packages SUITE: what a tree has on top of the minimal system. Both image generators, in the form that lets them
# live in one tree: `dracut` conflicts with initramfs-tools, which the kernel wants; dracut-core does not.
tree_packages() {
	local packages=(systemd-sysv udev linux-image-amd64 initramfs-tools dracut-core kmod dbus login procps
		klibc-utils zstd lz4 xz-utils e2fsprogs)
	case $1 in
	bullseye) ;; # without busybox initramfs-tools takes klibc's few programs
	bookworm | trixie) packages+=(busybox) ;;
	sid) packages+=(busybox util-linux-extra) ;; # which has switch_root now, and dracut does not ask for it
	*)
		echo "tree_packages: no package list for '$1'" >&2
		return 1
		;;
	esac
	printf '%s\n' "${packages[@]}"
}

# debian_tree SUITE [PACKAGE...]: prints the directory of that suite's tree, which has these packages too.
debian_tree() {
	local packages
	packages=$(tree_packages "$1" && printf '%s\n' "${@:2}") || return
	cached "$IOMMU_TEST_CACHE/tree-$1-$(recipe_key "$packages" "${TREE_EXCLUDE[@]}")" tree_build "$1" "$packages"
}

tree_build() {
	local suite=$1 packages=$2 new=$3 mirror options
	mirror=$("$TREE_REPO/dist/debian-mirror") && mapfile -t options < <(mirror_options) || return
	mmdebstrap --variant=minbase --include="${packages//$'\n'/,}" --aptopt='Apt::Install-Recommends "false"' \
		"${options[@]}" "${TREE_EXCLUDE[@]/#/--dpkgopt=path-exclude=}" "$suite" "$new" "$mirror"
}

# apt_apart SUITE WORK: sets the array `apt` to options by which apt-get downloads from that suite into WORK/files. It
# checks that against the release's signature; its lists are in WORK, and the host's own configuration of packages is
# neither changed nor asked.
apt_apart() {
	local mirror
	mirror=$("$TREE_REPO/dist/debian-mirror") || return
	mkdir -p "$2"/{lists/partial,cache/archives/partial,files}
	echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" \
		>"$2/sources.list"
	: >"$2/status"
	apt=(-qq -o APT::Architecture=amd64 -o Dir::Etc::SourceList="$2/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o Dir::State::Lists="$2/lists" -o Dir::State::Status="$2/status" -o Dir::Cache="$2/cache"
		-o APT::Sandbox::User=root)
	apt-get "${apt[@]}" -o Acquire::Languages=none update
}

# mirror_options: mmdebstrap's, one a line: a mirror can be a copy of some day, which this machine's apt is told to
# believe, or be reached by a proxy.
mirror_options() {
	apt-config dump Acquire | sed -nE 's/^(Acquire::(Check-|https?::|Retries).* ".+");$/--aptopt=\1/p'
}

# unpack SUITE ARCHITECTURE PACKAGES DIR: packages and what they need, unpacked and no more.
unpack() {
	local options
	mapfile -t options < <(mirror_options)
	mmdebstrap --variant=extract --architectures="$2" --include="$3" --aptopt='Apt::Install-Recommends "false"' \
		"${options[@]}" "$1" "$4" "$("$TREE_REPO/dist/debian-mirror")"
	# Where all is below /usr (Debian 13) it is base-files that would make the link.
	[ -e "$4/lib" ] || ln -s usr/lib "$4/lib"
}

# tree_kver TREE: the release of the tree's one kernel.
tree_kver() {
	local kver=("$1"/lib/modules/*)
	[[ ${#kver[@]} == 1 && -d ${kver[0]} ]] || {
		echo "tree_kver: not one kernel in $1" >&2
		return 1
	}
	echo "${kver[0]##*/}"
}

# tree_vmlinuz TREE: that kernel as the package ships it.
tree_vmlinuz() {
	local kver file
	kver=$(tree_kver "$1") || return
	for file in "$1/boot/vmlinuz-$kver" "$1/lib/modules/$kver/vmlinuz"; do
		[[ -f $file ]] && echo "$file" && return
	done
	echo "tree_vmlinuz: no kernel image in $1" >&2
	return 1
}

# tree_vmlinux TREE: the same kernel ready to run, as unpacking itself takes it seconds under emulation; where that
# cannot be had, the packaged one.
tree_vmlinux() {
	local vmlinuz
	vmlinuz=$(tree_vmlinuz "$1") || return
	cached "$IOMMU_TEST_CACHE/vmlinux-${1##*/}-$(tree_kver "$1")" vmlinux_extract "$vmlinuz" 2>/dev/null ||
		echo "$vmlinuz"
}

# packed_by FILE AT: prints which program packed what begins there.
packed_by() {
	case $(od -An -tx1 -j "$2" -N4 "$1") in
	' 1f 8b '*) echo gzip ;;
	' fd 37 7a 58') echo xz ;;
	' 28 b5 2f fd') echo zstd ;;
	' 02 21 4c 18') echo lz4 ;;
	*) echo "unknown compression" && return 1 ;;
	esac
}

# The payload's place stands in the boot protocol's header (Documentation/arch/x86/boot.rst).
vmlinux_extract() {
	local vmlinuz=$1 new=$2 setup offset length unpack
	setup=$(od -An -tu1 -j $((0x1f1)) -N1 "$vmlinuz")
	read -r offset length < <(od -An -tu4 -j $((0x248)) -N8 "$vmlinuz")
	offset=$((offset + (setup + 1) * 512))
	unpack=$(packed_by "$vmlinuz" "$offset") || return
	[[ $unpack != gzip ]] || length=$((length + 4)) # its size is part of the format
	# The kernel's build appends the unpacked size, which is no part of the compressed stream.
	tail -c +$((offset + 1)) "$vmlinuz" | head -c $((length - 4)) | "$unpack" -dc >"$new" &&
		[[ $(head -c 4 "$new") == $'\x7fELF' ]]
}
