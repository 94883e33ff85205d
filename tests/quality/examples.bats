#!/usr/bin/env bats
# The commands that README, dist/doc and manuals tell people to type: each is run by a test, here or where
# tests/commands says.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	top=$BATS_TEST_DIRNAME/../..
}

teardown() {
	machine_end
}

# documented [FILE...]: the commands of all documents, and of these.
documented() {
	"$BATS_TEST_DIRNAME/../lib/commands.sh" "$top/README.md" "$top"/dist/doc/*.md "$top/tests/README.md" \
		"$top"/dist/man/* "$@" | sort -u
}

# listed [KIND]: from tests/commands, the commands, or HOW<TAB>COMMAND of those that are run so.
listed() {
	awk -v kind="$1" '
		/^(#|$)/ { next }
		/^\t/ { sub(/^\t/, ""); split($0, word, " ")
			if (kind != "" && (word[1] == kind || (kind == "FILE" && word[1] ~ /\.bats:$/)))
				print $0 "\t" command; next }
		{ command = $0; if (kind == "") print }' "$BATS_TEST_DIRNAME/../commands"
}

@test "every command of README, dist/doc and EXAMPLES is in tests/commands, with what runs it, and none that is gone" {
	[ "$(documented | wc -l)" -ge 35 ]
	diff <(documented) <(listed | sort)
	[ "$(listed | wc -l)" = "$(listed | sort -u | wc -l)" ]
	# One line of how below each.
	[ "$(listed | wc -l)" = "$({ listed here; listed machine; listed dracut; listed FILE; listed not; } | wc -l)" ]
	[ "$(listed not | wc -l)" -le 6 ]
}

@test "a command that nobody runs would be noticed" {
	printf '# It\n\n    iommu-install frobnicate   # so\n\nand `iommu-verify --frobnicate` too\n' \
		> "$BATS_TEST_TMPDIR/x.md"
	printf '.Sh EXAMPLES\n.Dl # iommu-install --frob\n.Sh SEE ALSO\n.Dl # not this\n' > "$BATS_TEST_TMPDIR/x.8"
	run -0 diff <(documented "$BATS_TEST_TMPDIR/x.md" "$BATS_TEST_TMPDIR/x.8") \
		<({
			documented
			printf 'iommu-install frobnicate\niommu-verify --frobnicate\niommu-install --frob\n'
		} | sort)
}

# body FILE NAME: that test's lines.
body() {
	awk -v start="@test \"$2\" {" '$0 == start { on = 1 } on; /^}/ { on = 0 }' "$BATS_TEST_DIRNAME"/../*/"$1"
}

@test "the tests that tests/commands names are there, and have the words" {
	local how command file name words looked=0
	while IFS=$'\t' read -r how command; do
		file=${how%%: *} words=${how##* | } name=${how#*: }
		name=${name% | *}
		[[ $(body "$file" "$name") == *"$words"* ]] ||
			{ echo "$command: no test of $file has '$words' in '$name'"; return 1; }
		looked=$((looked + 1))
	done < <(listed FILE)
	[ "$looked" -ge 8 ]
}

# ended HOW STATUS: whether a command that is listed so may end so.
ended() {
	local allowed=${1#* }
	[ "$allowed" != "$1" ] || allowed=0
	[[ " $allowed " == *" $2 "* ]]
}

@test "what only looks is run on this machine, as it stands" {
	local how command ran=0
	export PATH=$top/build:$PATH
	cd "$BATS_TEST_TMPDIR"
	tree tree intel "intel_iommu=on" DMA
	echo pt > wanted
	while IFS=$'\t' read -r how command; do
		run bash -c "$command" < /dev/null
		ended "$how" "$status" || { echo "$command: $status: $output"; return 1; }
		ran=$((ran + 1))
	done < <(listed here)
	[ "$ran" -ge 10 ]
}

# What stands for firmware with an IOMMU, and for a disk that is mounted; a bind mount has no block device of its own.
# shellcheck disable=SC2016
PLACE='mount -t tmpfs tables /sys/firmware && mkdir -p /sys/firmware/acpi/tables /mnt/disk &&
	touch /sys/firmware/acpi/tables/DMAR && mount --bind / /mnt/disk'

# run_all KIND COUNT: all that are listed so, at least COUNT.
run_all() {
	local how command ran=0
	while IFS=$'\t' read -r how command; do
		echo "\$ $command"
		run in_machine "$PLACE && $command"
		echo "$output"
		ended "$how" "$status" || { echo "ended with $status"; return 1; }
		ran=$((ran + 1))
	done < <(listed "$1")
	[ "$ran" -ge "$2" ]
}

# bats test_tags=boot
@test "what changes a machine is run on a Debian 12 disk, as it stands, in order" {
	machine bookworm initramfs-tools
	run_all machine 12
}

# bats test_tags=boot
@test "what changes a machine with dracut too" {
	machine bookworm dracut
	run_all dracut 1
}
