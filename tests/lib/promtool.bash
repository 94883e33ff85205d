# Prometheus's own tool for metrics, out of its Debian package: nothing is installed, and no daemon started.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# shellcheck source=tests/lib/tree.bash
. "${BASH_SOURCE[0]%/*}/tree.bash"

# promtool: prints its path.
promtool() {
	cached "$IOMMU_TEST_CACHE/promtool-bookworm" promtool_fetch
}

promtool_fetch() {
	local new=$1 work=$1.work mirror apt
	mirror=$("$TREE_REPO/dist/debian-mirror") || return
	rm -rf "$work"
	mkdir -p "$work"/{lists/partial,cache/archives/partial,files}
	echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" \
		>"$work/sources.list"
	: >"$work/status"
	apt=(-qq -o APT::Architecture=amd64 -o Dir::Etc::SourceList="$work/sources.list"
		-o Dir::Etc::SourceParts=/dev/null
		-o Dir::State::Lists="$work/lists" -o Dir::State::Status="$work/status" -o Dir::Cache="$work/cache"
		-o APT::Sandbox::User=root)
	apt-get "${apt[@]}" -o Acquire::Languages=none update &&
		(cd "$work/files" && apt-get "${apt[@]}" download prometheus) &&
		dpkg-deb --fsys-tarfile "$work"/files/prometheus_*.deb | tar -xO ./usr/bin/promtool >"$new" &&
		chmod 755 "$new" && rm -rf "$work"
}
