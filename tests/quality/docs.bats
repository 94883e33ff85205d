#!/usr/bin/env bats
# Manuals, help text, completions, JSON and the code's tables say the same.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/trees
	load ../lib/machine
	top=$BATS_TEST_DIRNAME/../..
	man=$top/dist/man
}

teardown() {
	machine_end
}

# same WHAT ONE OTHER: two lists of lines are the same, in whatever order.
same() {
	local one other
	one=$(sort -u <<< "$2") other=$(sort -u <<< "$3")
	[ -n "$one" ]
	[ "$one" = "$other" ] || { echo "$1:"; diff <(echo "$one") <(echo "$other"); return 1; }
}

# section MANUAL TITLE: its lines.
section() {
	awk -v title="$2" '/^\.S[hs] / { in_it = substr($0, 5) == title; next } in_it' "$man/$1"
}

help_options() {
	"$1" --help | grep -oE -e '--[a-z-]+' | sort -u
}

manual_options() {
	sed -n 's/^\.It Fl -\([a-z-]*\).*/--\1/p' "$man/$1"
}

@test "the manuals are clean for mandoc and for groff" {
	local page said
	for page in "$man"/*; do
		# What other manuals are installed is no matter of these.
		said=$(mandoc -Tlint "$page" 2>&1 |
			grep -v -e "referenced manual not found" -e "outdated mandoc.db" || true)
		# Later versions of groff complain of a line that is one long word.
		said+=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" \
			2>&1 > /dev/null | grep -v "cannot adjust line" || true)
		[ -z "$said" ] || { echo "$said"; return 1; }
	done
	[ "$(printf '%s\n' "$man"/* | wc -l)" = 4 ]
}

@test "a manual that mandoc or groff complains about would be noticed" {
	printf '.Dd November 26, 2026\n.Dt X 8\n.Os\n.Sh NAME\n.Nm x\n.Nd y\n.Sh DESCRIPTION\n.Xx\n' \
		> "$BATS_TEST_TMPDIR/x.8"
	[[ $(mandoc -Tlint "$BATS_TEST_TMPDIR/x.8" 2>&1) == *"unknown macro"* ]]
}

@test "options: --help, manual and completions have the same, for both programs" {
	local shell
	same "iommu-install: help, manual" "$(help_options "$INSTALLER")" "$(manual_options iommu-install.8)"
	same "iommu-verify: help, manual" "$(help_options "$VERIFY")" "$(manual_options iommu-verify.8)"
	for shell in bash zsh fish; do
		same "help, completion for $shell" "$(help_options "$INSTALLER")" \
			"$("$INSTALLER" --print-completion=$shell | grep -v '^#' |
				grep -oE -e '--[a-z-]+' -e ' -l [a-z-]+' | sed 's/^ -l /--/' | grep -vx -e --)"
	done
}

@test "commands: --help, manual and completions have the same" {
	local commands shell
	commands=$("$INSTALLER" --help | awk '/^options/ { exit } /^  / { print $1 }' | tr '|' '\n')
	[ "$(wc -l <<< "$commands")" = 10 ]
	same "help, manual" "$commands" \
		"$(section iommu-install.8 Commands | sed -n 's/^\.It Ic //p' | sed 's/ Op .*//; s/ | /\n/g')"
	same bash "$commands" "$("$INSTALLER" --print-completion=bash |
		sed -n "s/.*\[\[ \$command \]\] || words='\(.*\)'/\1/p" | tr ' ' '\n')"
	same zsh "$commands" "$("$INSTALLER" --print-completion=zsh |
		sed -n '/^commands=/,/^)/s/^\t.\([a-z-]*\):.*/\1/p')"
	same fish "$commands" "$("$INSTALLER" --print-completion=fish | sed -n 's/.*no_command -a \([a-z-]*\) .*/\1/p')"
	# Each is one: none of them is said not to be.
	local command
	for command in $commands; do
		[[ $("$INSTALLER" --root /nonexistent "$command" 2>&1) != *"no such command"* ]]
	done
}

@test "values: what --help says an option can be is what manual and completions say" {
	local option values shell
	"$INSTALLER" --help | sed -n 's/^  \(--[a-z-]*\)=[A-Z]* .*: \(.* or .*\)$/\1 \2/p' > "$BATS_TEST_TMPDIR/values"
	[ "$(wc -l < "$BATS_TEST_TMPDIR/values")" -ge 8 ]
	while read -r option values; do
		values=$(sed 's/ or /, /; s/, /\n/g' <<< "$values")
		same "$option in the manual" "$values" \
			"$(awk -v "item=.It Fl -${option#--}" '
				index($0, ".It Fl") == 1 { in_it = index($0 " ", item " ") == 1 }
				in_it && (/^\.It Fl/ || /^\.It Cm/)' "$man/iommu-install.8" |
				sed 's/.* Cm /.It Cm /' | grep '^\.It Cm' | sed 's/^\.It Cm //; s/ | /\n/g')"
		same "$option for bash" "$values" "$("$INSTALLER" --print-completion=bash |
			sed -n "s/.*$option) values='\(.*\)'.*/\1/p" | tr ' ' '\n')"
		same "$option for zsh" "$values" "$("$INSTALLER" --print-completion=zsh |
			sed -n "s/.*'$option=\[.*:(\(.*\))'.*/\1/p" | tr ' ' '\n')"
		same "$option for fish" "$values" "$("$INSTALLER" --print-completion=fish |
			sed -n "s/.* -l ${option#--} .*-a '\([^']*\)'.*/\1/p" | tr ' ' '\n')"
	done < "$BATS_TEST_TMPDIR/values"
}

@test "options: each command of the manual's headings takes its options and no others" {
	local option command word
	# With a tree that is not there, so that nothing is done; an option that is not the command's is told before.
	for option in $(section iommu-install.8 "Options of the commands that set a mode" |
		sed -n 's/^\.It Fl -\([a-z-]*\).*/\1/p'); do
		for command in show check rollback resume remove explain; do
			run "$INSTALLER" --root /nonexistent "$command" "--$option" now
			[[ $output == *"$command: takes no --$option"* || $output == *"--$option: use "* ]] ||
				{ echo "$command --$option: $output"; return 1; }
		done
	done
	for option in $(section iommu-install.8 "Options of the same, and of rollback and remove" |
		sed -n 's/^\.It Fl -\([a-z-]*\).*/\1/p'); do
		word=--$option=none
		[ "$option" != dry-run ] || word=--$option
		for command in show check resume explain; do
			run "$INSTALLER" --root /nonexistent "$command" "$word"
			[[ $output == *"$command: takes no --$option"* ]]
		done
		for command in pt rollback remove; do
			run "$INSTALLER" --root /nonexistent "$command" "$word"
			[[ $output != *"takes no"* ]]
		done
	done
}

codes() {
	awk '/^enum reason/ { on = 1; next } /^};/ { on = 0 } on' "$top/src/model/reason.h" |
		sed -n 's/^\t\([A-Z_0-9]*\),.*/\1/p'
}

@test "reasons: the code's and the manuals' are the same, and so is what --force overrides" {
	same "reasons" "$(codes)" \
		"$(sed -n 's/^\.It Sy \([A-Z_0-9]*\).*/\1/p' "$man/iommu-install.8" "$man/iommu-verify.8")"
	same "--force" "$(sed -n 's/^\tROW(\([A-Z0-9_]*\), FORCED,.*/\1/p' "$top/src/model/reason.c")" \
		"$(sed -n 's/^\.It Sy \([A-Z_0-9]*\) No \*/\1/p' "$man/iommu-install.8")"
	# Each of them has a sentence of what to do.
	local code
	for code in $(codes); do
		grep -hA 4 "^\.It Sy $code" "$man"/*.8 | grep -qvE '^\.It|^--' ||
			{ echo "$code: nothing said"; return 1; }
	done
}

@test "the target: the code's keys and values are the manual's and the README's" {
	local keys
	keys=$(sed -n 's/^\t\[KEY_[A-Z_]*\] = { "\([a-z-]*\)".*/\1/p' "$top/src/model/target.c")
	[ "$(wc -l <<< "$keys")" = 8 ]
	same manual "$keys" "$(sed -n 's/^\.It Cm \([a-z-]*\) Ns = .*/\1/p' "$man/iommu.target.5")"
	same README "$keys" "$(sed -n '/^## \/etc\/iommu.target/,/^## /s/^| `\([a-z-]*\)` |.*/\1/p' "$top/README.md")"
	local key values
	while IFS='|' read -r key values; do
		same "$key" "$values" "$(sed -n "s/^\.It Cm $key Ns = Ns Cm //p" "$man/iommu.target.5" |
			sed 's/ | /\n/g' | paste -sd ' ')"
	done < <(sed -n 's/^\t\[KEY_[A-Z_]*\] = { "\([a-z-]*\)", [a-z_]*, "\(.* or .*\)" },/\1|\2/p' \
		"$top/src/model/target.c" | sed 's/ or / /; s/, / /g')
}

keys_of() {
	jq -r '[paths | map(select(type == "string"))[-1]] | unique[] | select(. != null)'
}

manual_keys() {
	{ section iommu-verify.8 JSON; section iommu-install.8 JSON; } | sed -n 's/^\.\(It \)\{0,1\}Va //p' |
		sed 's/ No .*//; s/ , / /g; s/,$//; s/ [.:;)]*$//' | tr ' ' '\n' | grep . | sort -u
}

@test "JSON: every key that is printed is in the manuals, and the other way round" {
	local root=$BATS_TEST_TMPDIR/root
	# An outlier, a reason and a note: all there is to print.
	tree "$root" intel "intel_iommu=on iommu=pt" identity identity DMA
	target "$root" mode=strict
	mkdir -p "$root/sys/kernel/iommu_groups/2/devices" "$root/sys/devices/pci0000:00/0000:00:1c.0/0000:05:00.0"
	ln -s ../../../../devices/pci0000:00/0000:00:1c.0/0000:05:00.0 \
		"$root/sys/kernel/iommu_groups/2/devices/0000:05:00.0"
	for file in vendor:0x8086 device:0x1234 class:0x010802 removable:removable; do
		echo "${file#*:}" > "$root/sys/devices/pci0000:00/0000:00:1c.0/0000:05:00.0/${file%%:*}"
	done
	run --separate-stderr "$INSTALLER" show --root "$root" --json --groups
	[ "$(json '.effective.outliers[0].why')" = removable ]
	[ "$(json '.reasons | length')" -gt 0 ]
	local printed
	printed=$(keys_of <<< "$output")
	quick_machine
	run -0 --separate-stderr in_machine 'iommu-install off-for-uio --json'
	printed+=$'\n'$(keys_of <<< "$output")
	run -0 --separate-stderr in_machine 'iommu-install show --json'
	printed+=$'\n'$(keys_of <<< "$output")
	run -0 in_machine 'iommu-install check --json'
	printed+=$'\n'$(keys_of <<< "$output")
	printed+=$'\nearly' # of status.json alone
	grep -qF '\"early\":' "$top/src/verdict/report.c"
	same keys "$printed" "$(manual_keys)"
}

@test "exit codes: the code's are the manuals'" {
	local codes
	codes=$(sed -n '/^enum {$/,/^};/s/^\tEXIT_[A-Z_]* = \([0-9]\),.*/\1/p' "$top/src/model/mode.h")
	same "both manuals" "$codes" \
		"$(cat "$man"/*.8 | sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/s/^\.It \([0-9]\)$/\1/p')"
	same "iommu-verify" "$(grep -vx 5 <<< "$codes")" \
		"$(section iommu-verify.8 "EXIT STATUS" | sed -n 's/^\.It \([0-9]\)$/\1/p')"
}

@test "the modes' words: the code's are those of iommu-modes(7), and those that are written" {
	local mode words
	while IFS='|' read -r mode words; do
		[[ $(sed -n "/^\.It Cm $mode\$/{n;p}" "$man/iommu-modes.7") == ".Sq $words" ]] ||
			{ echo "$mode in the manual"; return 1; }
		run -0 "$INSTALLER" "$mode" --emit=ukify-addon
		[[ $output == *"Cmdline=$words"* ]]
	done < <(sed -n 's/^\t\[MODE_[A-Z_]*\] = { "\([a-z-]*\)", "\(..*\)" },/\1|\2/p' "$top/src/model/mode.c")
}
