# A vfio that has noiommu, for Debian 12's kernel, which is built without it.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# shellcheck source=tests/lib/tree.bash
. "${BASH_SOURCE[0]%/*}/tree.bash"

# noiommu_modules: prints a directory with vfio.ko and vfio_iommu_type1.ko for the kernel of `debian_tree bookworm`,
# from that kernel's own source, with CONFIG_VFIO_NOIOMMU. They load beside its own vfio-pci and what this needs.
noiommu_modules() {
	local tree kver version
	tree=$(debian_tree bookworm) && kver=$(tree_kver "$tree") &&
		version=$(dpkg-query --admindir="$tree/var/lib/dpkg" -W -f '${Version}' "linux-image-$kver") || return
	cached "$IOMMU_TEST_CACHE/noiommu-$kver-$(recipe_key "$version" "$(declare -f noiommu_build noiommu_fetch)")" \
		noiommu_build bookworm "$kver" "$version"
}

noiommu_build() {
	local suite=$1 kver=$2 version=$3 new=$4 work=$4.work source vfio headers
	rm -rf "$work"
	mkdir -p "$work/source" && work=$(cd "$work" && pwd) || return
	source=linux-source-$(cut -d. -f-2 <<<"$version") vfio=$work/source/drivers/vfio
	headers=$work/usr/src/linux-headers-$kver
	noiommu_fetch "$work" "$suite" "linux-headers-$kver=$version" "linux-headers-${kver%-*}-common=$version" \
		"linux-kbuild-${source##*-}=$version" "$source=$version" || {
		echo "The archive may be at a later kernel than the tree: removing the tree has it built anew."
		return 1
	}
	# Half a megabyte of a gigabyte is needed.
	dpkg-deb --fsys-tarfile "$work/debs/${source}_"*.deb | tar -xO "./usr/src/$source.tar.xz" |
		tar -xJ -C "$work/source" --strip-components=1 "$source/drivers/vfio" || return

	# The one place where the packages rely on being installed.
	sed -i "s#^include /usr/src/#include $work/usr/src/#" "$headers/Makefile"
	# It is read instead of the directory's Makefile. Nothing that the kernel's other vfio modules share with these
	# two depends on the option, so they are left as they are.
	cat >"$vfio/Kbuild" <<-'END'
		ccflags-y += -DCONFIG_VFIO_NOIOMMU=1
		obj-m += vfio.o vfio_iommu_type1.o
		vfio-y := vfio_main.o iova_bitmap.o container.o
	END
	make -C "$headers" "M=$vfio" modules || return
	strip --strip-debug "$vfio/vfio.ko" "$vfio/vfio_iommu_type1.ko"
	mkdir "$new"
	cp "$vfio/vfio.ko" "$vfio/vfio_iommu_type1.ko" "$new" || return
	[[ $(modinfo -F vermagic "$new/vfio.ko") == "$kver "* ]] || return
	[[ $(modinfo -F parm "$new/vfio.ko") == enable_unsafe_noiommu_mode:* ]] || return
	rm -rf "$work"
}

# noiommu_fetch WORK SUITE PACKAGE=VERSION...: fetches these packages to WORK/debs and unpacks the headers' in WORK. As
# in dist/fetch-kmod, apt runs on private lists.
noiommu_fetch() {
	local work=$1 suite=$2 mirror deb
	local apt=(apt-get -qq -o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
	shift 2
	mirror=$("$TREE_REPO/dist/debian-mirror") || return
	mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/debs"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" >"$work/sources.list"
	"${apt[@]}" update && (cd "$work/debs" && "${apt[@]}" download "$@") || return
	for deb in "$work"/debs/*.deb; do
		[[ $deb == */linux-source-* ]] || dpkg-deb -x "$deb" "$work" || return
	done
}
