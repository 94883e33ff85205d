# Prometheus' own programs, out of their Debian packages: nothing is installed, and no daemon started.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# shellcheck source=tests/lib/tree.bash
. "${BASH_SOURCE[0]%/*}/tree.bash"

# prometheus_usr: prints a directory whose bin/ has promtool, prometheus and prometheus-alertmanager.
prometheus_usr() {
	cached "$IOMMU_TEST_CACHE/prometheus-bookworm" prometheus_fetch
}

# promtool: prints its path.
promtool() {
	echo "$(prometheus_usr)/bin/promtool"
}

prometheus_fetch() {
	local new=$1 work=$1.work mirror apt deb
	mirror=$("$TREE_REPO/dist/debian-mirror") || return
	rm -rf "$work" "$new"
	mkdir -p "$new" "$work"/{lists/partial,cache/archives/partial,files}
	echo "deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" \
		>"$work/sources.list"
	: >"$work/status"
	apt=(-qq -o APT::Architecture=amd64 -o Dir::Etc::SourceList="$work/sources.list"
		-o Dir::Etc::SourceParts=/dev/null
		-o Dir::State::Lists="$work/lists" -o Dir::State::Status="$work/status" -o Dir::Cache="$work/cache"
		-o APT::Sandbox::User=root)
	apt-get "${apt[@]}" -o Acquire::Languages=none update &&
		(cd "$work/files" && apt-get "${apt[@]}" download prometheus prometheus-alertmanager) || return
	for deb in "$work"/files/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$new" --strip-components=2 --wildcards './usr/bin/*' \
			'./usr/share/[!dlm]*' || return
	done
	rm -rf "$work"
}
