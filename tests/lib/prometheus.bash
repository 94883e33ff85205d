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
	local new=$1 work=$1.work apt deb
	rm -rf "$work" "$new"
	mkdir -p "$new"
	apt_apart bookworm "$work" &&
		(cd "$work/files" && apt-get "${apt[@]}" download prometheus prometheus-alertmanager) || return
	for deb in "$work"/files/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$new" --strip-components=2 --wildcards './usr/bin/*' \
			'./usr/share/[!dlm]*' || return
	done
	rm -rf "$work"
}
