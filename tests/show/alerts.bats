#!/usr/bin/env bats
# The alerts and the dashboard of dist/prometheus: by Prometheus' own tools, and by itself with a thousand hosts.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/prometheus
	rules=$BATS_TEST_DIRNAME/../../dist/prometheus
	INSTALL=$BATS_TEST_DIRNAME/../../build/iommu-install
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	local pid
	for pid in $(jobs -p); do kill "$pid"; done
	wait
}

# names: the alerts that there are.
names() {
	sed -n 's/^ *- alert: //p' "$rules/iommu.rules.yml"
}

@test "the rules are sound, and each fires where it must and nowhere else" {
	local tool
	tool=$(promtool)
	"$tool" check rules "$rules/iommu.rules.yml"
	"$tool" test rules "$rules/iommu.rules.test.yml"
}

# with NAME EXPRESSION: iommu.rules.yml here, as it is but for what that alert asks.
with() {
	awk -v name="$1" -v expression="$2" '
		/- alert:/ { on = $3 == name }
		on && /^ *expr:/ { print "        expr: " expression; skip = 1 }
		on && /^ *for:/ { skip = 0 }
		!skip' "$rules/iommu.rules.yml" > iommu.rules.yml
}

# bats test_tags=boot
@test "each alert has its test, which fails if it never fires or always does" {
	local tool name expression failed=0
	tool=$(promtool)
	cp "$rules/iommu.rules.test.yml" .
	while read -r name; do
		for expression in 'absent(vector(1))' 'vector(1)'; do
			with "$name" "$expression"
			"$tool" check rules iommu.rules.yml
			run ! "$tool" test rules iommu.rules.test.yml
			failed=$((failed + 1))
		done
	done < <(names)
	[ "$failed" = 18 ]
}

@test "the rules ask for nothing that show does not tell, but what Prometheus and its exporter tell themselves" {
	local asked
	asked=$(grep -oE '\b(iommu|node)_[a-z_]+|\bup\b' "$rules/iommu.rules.yml" | sort -u)
	"$INSTALL" show --prometheus > told
	# These come with root's look at the boot entries.
	printf '# TYPE %s x\n' iommu_boot_entries iommu_boot_entries_unchecked iommu_reboot_safe >> told
	[ "$(sort -u told | sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' | sort -u | comm -13 - <(echo "$asked") | xargs)" = \
		"node_textfile_mtime_seconds up" ]
}

# expressions: those of the dashboard's panels, one a line, for all hosts.
expressions() {
	jq -r '.panels[].targets[].expr' "$rules/iommu.dashboard.json" | sed 's/"\$[a-z]*"/".*"/g'
}

@test "each panel of the dashboard asks what Prometheus can read, of metrics and labels that show tells" {
	local tool told asked value
	tool=$(promtool)
	expressions | jq -R '{record: "a:b", expr: .}' | jq -s '{groups: [{name: "dashboard", rules: .}]}' > panels.yml
	[ "$(jq '.groups[0].rules | length' panels.yml)" -ge 15 ]
	"$tool" check rules panels.yml
	asked=$({ expressions && jq -r '.templating.list[].definition // empty' "$rules/iommu.dashboard.json"; } |
		grep -oE '\b(iommu|node)_[a-z_]+' | sort -u)
	"$INSTALL" show --prometheus > told
	printf '# TYPE %s x\n' iommu_boot_entries iommu_boot_entries_unchecked iommu_reboot_safe >> told
	[ "$(sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' told | sort -u | comm -13 - <(echo "$asked") | xargs)" = \
		node_textfile_mtime_seconds ]
	# What is counted or named by a label has it.
	while read -r value; do grep -F "$value" told; done < <(expressions | grep -oE 'verdict="[a-z-]+"' | sort -u)
	while read -r value; do grep -F "$value=" told; done < <(expressions | sed -n 's/.* by (\([a-z]*\)).*/\1/p')
	jq -e '[.panels[].id] | length == (unique | length)' "$rules/iommu.dashboard.json"
}

# --- A thousand hosts -------------------------------------------------------------------------------------------------

# Each recorded tree with each of these targets is a host, until there are enough of them. What monitoring gets of it is
# in hosts/N, and what is right by its JSON in hosts.json.
make_hosts() {
	local archive tree target n=0
	mkdir trees hosts
	for archive in "$BATS_TEST_DIRNAME/.."/fixtures/*.tar.xz; do
		mkdir "trees/$(basename "$archive" .tar.xz)"
		tar -xJf "$archive" -C "trees/$(basename "$archive" .tar.xz)" --no-same-owner
	done
	for target in mode=pt mode=strict mode=off-for-uio mode=off-for-vfio modus=pt ""; do
		for tree in trees/*/*/*; do
			[ "$n" -lt 1000 ] || return 0
			mkdir -p "$tree/etc"
			rm -f "$tree/etc/iommu.target"
			[ -z "$target" ] || echo "$target" > "$tree/etc/iommu.target"
			"$INSTALL" --root "$tree" show --prometheus > "hosts/$n"
			"$INSTALL" --root "$tree" show --json >> hosts.json
			n=$((n + 1))
		done
	done
	[ "$n" = 1000 ]
}

# plant FIRST LAST LINE...: what root would see of these hosts' boot entries, or the exporter tell of its file.
plant() {
	local n
	for ((n = $1; n <= $2; n++)); do printf '%s\n' "${@:3}" >> "hosts/$n"; done
}

# api PORT PATH
api() {
	curl -fsS "http://127.0.0.1:$1/api/$2"
}

# asked EXPRESSION: its one value, once Prometheus answers.
asked() {
	api 19090 "v1/query?query=$1" | jq -r '.data.result[0].value[1]'
}

# bats test_tags=full
@test "Prometheus and Alertmanager with 1,000 hosts: each alert comes as often as jq counts hosts that it is for" {
	local usr n
	usr=$(prometheus_usr)
	make_hosts
	plant 0 36 'iommu_boot_entries{verdict="mismatch"} 1' 'iommu_boot_entries{verdict="unknown"} 0'
	plant 37 99 'iommu_boot_entries{verdict="mismatch"} 0' 'iommu_boot_entries{verdict="unknown"} 2'
	plant 100 110 'iommu_boot_entries_unchecked 1'
	plant 0 50 'iommu_reboot_safe 0'
	plant 0 989 "node_textfile_mtime_seconds{file=\"iommu.prom\"} $(($(date +%s) + 86400))"
	plant 990 999 'node_textfile_mtime_seconds{file="iommu.prom"} 1'
	sed 's/^\( *for:\) .*/\1 0s/' "$rules/iommu.rules.yml" > rules.yml
	for ((n = 0; n < 1000; n++)); do
		echo "{\"__metrics_path__\": \"/$n\", \"instance\": \"host$n\"}"
	done | jq -s 'map({targets: ["127.0.0.1:19100"], labels: .})' > targets.json
	cat > prometheus.yml <<-END
		global: {scrape_interval: 15s, evaluation_interval: 5s}
		rule_files: [rules.yml]
		scrape_configs: [{job_name: node, file_sd_configs: [{files: [targets.json]}]}]
		alerting: {alertmanagers: [{static_configs: [{targets: ["127.0.0.1:19093"]}]}]}
	END
	cat > alertmanager.yml <<-END
		route: {receiver: none}
		receivers: [{name: none}]
	END
	python3 -m http.server --bind 127.0.0.1 --directory hosts 19100 > http.log 2>&1 3>&- &
	# Debian's looks for its templates where its package puts them.
	unshare --mount sh -c 'mount -t overlay -o "lowerdir=$1/share:/usr/share" overlay /usr/share && shift &&
		exec "$@"' sh "$usr" "$usr/bin/prometheus-alertmanager" --config.file=alertmanager.yml \
		--storage.path=am --cluster.listen-address= --web.listen-address=127.0.0.1:19093 > am.log 2>&1 3>&- &
	"$usr/bin/prometheus" --config.file=prometheus.yml --storage.tsdb.path=data \
		--web.listen-address=127.0.0.1:19090 > prometheus.log 2>&1 3>&- &
	local server=$!
	until [ "$(asked 'count(up==1)')" = 1000 ]; do sleep 2; done

	local mismatch unknown none targets
	mismatch=$(jq -s 'map(select(.verdict == "mismatch")) | length' hosts.json)
	unknown=$(jq -s 'map(select(.verdict == "unknown")) | length' hosts.json)
	cat > want <<-END
		IommuEntryUnchecked 11
		IommuMetricsStale 10
		IommuModeUnknown $unknown
		IommuModeWrong $mismatch
		IommuNextBootUnknown 63
		IommuNextBootWrong 37
	END
	sed -i '/ 0$/d' want
	for n in {1..150}; do
		api 19093 v2/alerts | jq -r '.[].labels.alertname' | sort | uniq -c | awk '{ print $2, $1 }' > got
		! cmp -s got want || break
		sleep 2
	done
	diff want got
	# Every panel of the dashboard has something to show.
	while read -r n; do
		[ "$(curl -fsS -G --data-urlencode "query=$n" http://127.0.0.1:19090/api/v1/query |
			jq '.data.result | length')" -gt 0 ] || { echo "nothing for $n"; return 1; }
	done < <(expressions)
	echo "# $(xargs < got); slowest scrape $(asked 'max(scrape_duration_seconds)') s;" \
		"$(ps -o rss=,cputime= -p "$server" | xargs) (kB, CPU)" >&3
}
