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
	[ "$(printf '%s\n' "$man"/* | wc -l)" = 5 ]
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
		same "iommu-verify: help, completion for $shell" "$(help_options "$VERIFY")" \
			"$(grep -oE -e '--[a-z-]+' -e ' -l [a-z-]+' "$top/dist/completion/iommu-verify.$shell" |
				sed 's/^ -l /--/')"
	done
}

# short_forms TEXT: OPTION LETTER of each line of a help text that has both.
short_forms() {
	sed -n 's/^  \(--[a-z-]*\), -\([a-zA-Z]\)\( .*\)\{0,1\}$/\1 \2/p' <<< "$1"
}

@test "short options: --help and manual of both programs have the same, and each is its long one" {
	local program forms long letter
	for program in iommu-install iommu-verify; do
		forms=$(short_forms "$("$top/build/$program" --help)")
		same "$program: help, manual" "$forms" \
			"$(sed -n 's/^\.It Fl -\([a-z-]*\) , Fl \([a-zA-Z]\)$/--\1 \2/p' "$man/$program.8")"
		while read -r long letter; do
			run "$top/build/$program" --root "$BATS_TEST_TMPDIR" "$long"
			local said=$output code=$status
			run "$top/build/$program" --root "$BATS_TEST_TMPDIR" "-$letter"
			[ "$output" = "$said" ]
			[ "$status" = "$code" ]
		done <<< "$forms"
	done
	[ "$(short_forms "$("$INSTALLER" --help)" | wc -l)" = 6 ]
	[ "$(short_forms "$("$VERIFY" --help)" | wc -l)" = 4 ]
}

@test "commands: --help, manual and completions have the same" {
	local commands shell
	commands=$("$INSTALLER" --help | awk '/^options/ { exit } /^  / { print $1 }' | tr '|' '\n')
	[ "$(wc -l <<< "$commands")" = 11 ]
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
		for command in show status check rollback resume remove explain; do
			run "$INSTALLER" --root /nonexistent "$command" "--$option" now
			[[ $output == *"$command: takes no --$option"* || $output == *"--$option: use "* ]] ||
				{ echo "$command --$option: $output"; return 1; }
		done
	done
	for option in $(section iommu-install.8 "Options of the same, and of rollback and remove" |
		sed -n 's/^\.It Fl -\([a-z-]*\).*/\1/p'); do
		word=--$option=none
		[ "$option" != dry-run ] || word=--$option
		for command in show status check resume explain; do
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

@test "notices: the code's are the manual's and the schema's" {
	local codes
	codes=$(grep -oE '"(VFIO|UIO|KEXEC|IMAGES|ENTRY)_[A-Z_]*"' "$top/src/change/notices.c" | tr -d '"')
	[ "$(wc -l <<< "$codes")" = 8 ]
	same manual "$codes" \
		"$(section iommu-install.8 "What to know before the reboot" | sed -n 's/^\.It Li //p')"
	same schema "$codes" \
		"$(jq -r '.properties.notices.items.properties.code.enum[]' "$top/dist/schema/change.json")"
}

@test "notices: what explain says that a code means is the manual's sentence, and TAB offers each code" {
	local code meaning shell text
	text=$(mandoc -T ascii -O width=1000 "$man/iommu-install.8" | col -b | tr -s ' \t' ' ')
	for code in $(section iommu-install.8 "What to know before the reboot" | sed -n 's/^\.It Li //p') $(codes); do
		for shell in bash zsh fish; do
			"$INSTALLER" --print-completion "$shell" | grep -qw -- "$code" ||
				{ echo "$shell: $code"; return 1; }
		done
	done
	for code in $(section iommu-install.8 "What to know before the reboot" | sed -n 's/^\.It Li //p'); do
		run -0 --separate-stderr "$INSTALLER" explain --json "$code"
		meaning=$(json .meaning)
		[ "$meaning" ] && grep -A 1 "^ $code\b" <<< "$text" | grep -qF -- "$meaning" ||
			{ echo "$code: $meaning"; grep -A 1 "^ $code\b" <<< "$text"; return 1; }
	done
}

@test "reasons: what explain says that a code means is the manual's sentence, in each manual that has it" {
	local code page meaning checked=0
	for page in iommu-verify iommu-install; do
		# Plain text, a line for each code and a line for what is said of it.
		mandoc -T ascii -O width=1000 "$man/$page.8" | col -b | tr -s ' \t' ' ' > "$BATS_TEST_TMPDIR/$page"
	done
	for code in $(codes); do
		run -0 --separate-stderr "$INSTALLER" explain --json "$code"
		meaning=$(json .meaning)
		[ -n "$meaning" ] || { echo "$code: src/model/reason-meaning.c has no row"; return 1; }
		for page in $(json '(select(.verdict) | "iommu-verify"), (select(.refusal) | "iommu-install")'); do
			grep -A 1 "^ $code\b" "$BATS_TEST_TMPDIR/$page" | grep -qF -- "$meaning" || {
				echo "$page: $code: $meaning"
				grep -A 1 "^ $code\b" "$BATS_TEST_TMPDIR/$page"
				return 1
			}
			checked=$((checked + 1))
		done
	done
	[ "$checked" -ge 42 ]
}

@test "messages: those that iommu-install(8) quotes are in the code" {
	local texts message messages=
	# Literals that stand side by side are one.
	texts=$(cat "$top"/src/command/*.c "$top"/src/change/*.c "$top"/src/show/*.c "$top"/src/*.c | tr -d '\n' |
		sed 's/"[[:space:]]*"//g')
	while read -r message; do
		# Up to what stands for something else.
		message=$(sed -E 's, ?(\(process N|\.\.\.|MODE).*,,; s,( halt|; did you mean|: damaged).*,,' \
			<<< "${message#NAME: }")
		[ "${#message}" -ge 9 ] && [[ $texts == *"$message"* ]] ||
			{ echo "not in the code: $message"; return 1; }
		messages+=1
	done < <(awk '/^Other messages/ { on = 1 } /^\.El/ { on = 0 } on && /^\.It / { print substr($0, 5) }' \
		"$man/iommu-install.8")
	[ "${#messages}" -ge 8 ]
}

@test "glossary: what manuals and messages call things is in iommu-modes(7), in its order" {
	local term terms
	terms=$(section iommu-modes.7 GLOSSARY | sed -n 's/^\.It //p')
	[ "$terms" = "$(LC_ALL=C sort -f <<< "$terms")" ]
	for term in "boot entry" counted "default domain" image initramfs "IOMMU group" "kernel parameter" sealing \
		target; do
		grep -qx "$term" <<< "$terms" || { echo "$term" && return 1; }
	done
}

@test "the target: the code's keys and values are the manual's" {
	local keys
	keys=$(sed -n 's/^\t\[KEY_[A-Z_]*\] = { "\([a-z-]*\)".*/\1/p' "$top/src/model/target.c")
	[ "$(wc -l <<< "$keys")" = 10 ]
	same manual "$keys" "$(sed -n 's/^\.It Cm \([a-z-]*\) Ns = .*/\1/p' "$man/iommu.target.5")"
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

# block FILE [NAME]: the first fenced block behind that comment, or of the file.
block() {
	awk -v name="$2" 'BEGIN { on = name == "" } $0 == "<!-- output: " name " -->" { on = 1 }
		on && /^```/ { if (inside) exit; inside = 1; next } inside' "$top/$1"
}

# printed FILE NAME TEXT: that block is this text.
printed() {
	[ -n "$3" ] && diff <(block "$1" "$2") <(echo "$3")
}

# A laptop with a dock, and the three names of its devices.
laptop() {
	root=$BATS_TEST_TMPDIR/laptop
	tree "$root" intel "BOOT_IMAGE=/boot/vmlinuz-6.12.48+deb13-amd64 root=UUID=2f0c ro quiet splash \
intel_iommu=on iommu=pt" identity identity identity identity identity identity DMA DMA
	echo 6.12.48+deb13-amd64 > "$root/proc/sys/kernel/osrelease"
	unit "$root" dmar0
	unit "$root" dmar1
	device "$root" 0 0000:00:02.0 8086:3e92 0300 dmar0
	device "$root" 1 0000:00:1f.6 8086:15bb 0200 dmar0
	device "$root" 5 0000:01:00.0 144d:a808 0108 dmar1
	device "$root" 6 0000:2b:00.0 8086:15ec 0c03 dmar1 removable
	device "$root" 7 0000:2c:00.0 144d:a808 0108 dmar1 removable
	mkdir -p "$root/usr/share/misc"
	printf '%s\n' '8086  Intel Corporation' $'\t15bb  Ethernet Connection (7) I219-LM' \
		$'\t15ec  JHL7540 Thunderbolt 3 USB Controller [Titan Ridge 4C 2018]' \
		$'\t3e92  CoffeeLake-S GT2 [UHD Graphics 630]' 'C 02  Network controller' \
		$'\t00  Ethernet controller' 'C 03  Display controller' $'\t00  VGA compatible controller' \
		'C 0c  Serial bus controller' $'\t03  USB controller' > "$root/usr/share/misc/pci.ids"
	target "$root" mode=pt
}

@test "output: what README and dist/doc/output.md show of a tree is what is printed of it" {
	local name
	tree "$BATS_TEST_TMPDIR/four" intel "intel_iommu=on amd_iommu=on iommu=pt" identity identity identity identity
	target "$BATS_TEST_TMPDIR/four" mode=pt
	printed README.md "" "$("$VERIFY" --root "$BATS_TEST_TMPDIR/four" | head -n 3)"
	laptop
	printed dist/doc/output.md laptop "$("$INSTALLER" show --root "$root")"
	printed dist/doc/output.md groups "$("$INSTALLER" show --groups --root "$root" |
		sed -n '/^groups:/p; /00:1f.6/p; /^ .*2b:00.0 USB/p')"
	target "$root" mode=strict
	printed dist/doc/output.md overridden "$("$INSTALLER" show --root "$root" | sed -n '/^checks:/,$p')"
	target "$root" mode=pt
	echo DMA > "$root/sys/kernel/iommu_groups/5/type"
	printed dist/doc/output.md mixed "$("$INSTALLER" show --root "$root" | sed -n '/^verdict:/,$p')"
	echo 6.1.0 > "$root/proc/sys/kernel/osrelease"
	printed dist/doc/output.md explain "$("$INSTALLER" explain --root "$root" \
		'intel_iommu=enable amd_iommu=on iommu=pt iommu=nopt')"
	mkdir "$BATS_TEST_TMPDIR/trees"
	tar -xf "$top/tests/fixtures/bookworm-6.1.tar.xz" -C "$BATS_TEST_TMPDIR/trees" --no-same-owner
	printed dist/doc/output.md modes "$(
		for name in none/off-for-uio none/noiommu amd/strict intel/pt; do
			"$INSTALLER" show --root "$BATS_TEST_TMPDIR/trees/$name" | grep -E '^(mode|effective|flush):'
			[ "$name" = intel/pt ] || echo
		done)"
	# Every block that has a name was compared.
	[ "$(grep -c '^<!-- output: ' "$top/dist/doc/output.md")" = 6 ]
}

@test "README: at most 220 lines and 10 kB, and what people look for is in the first screen of its section" {
	[ "$(wc -l < "$top/README.md")" -le 220 ]
	[ "$(wc -c < "$top/README.md")" -le 10240 ]
	local title words looked=0
	while IFS='|' read -r title words; do
		sed -n "/^## $title\$/,/^## /p" "$top/README.md" | head -n 24 | grep -qF -- "$words" ||
			{ echo "$title: nothing of '$words'"; return 1; }
		looked=$((looked + 1))
	done <<- "EOF"
	Thirty seconds|    iommu-install pt
	Thirty seconds|    iommu-verify
	Everyday commands, and undo|    iommu-install rollback
	Everyday commands, and undo|    iommu-install remove
	My machine stops at boot|intel_iommu=on amd_iommu=on iommu=pt
	My machine stops at boot|Press Ctrl-X
	What is supported|Fedora
	EOF
	[ "$looked" = 7 ]
	# The words that people search for.
	for words in IOMMU VT-d AMD-Vi VFIO DPDK SPDK passthrough iommu=pt initramfs; do
		head -n 24 "$top/README.md" | grep -qwF -- "$words" || { echo "nothing of $words"; return 1; }
	done
}

@test "README: the parameters to add at the boot menu are the modes' own" {
	local mode words rows
	rows=$(sed -n 's/^ *| `\(off-for-uio\|off-for-vfio\|strict\|pt\)` | `\([^`]*\)` |$/\1|\2/p' "$top/README.md")
	[ "$(wc -l <<< "$rows")" = 4 ]
	while IFS='|' read -r mode words; do
		run -0 "$INSTALLER" "$mode" --emit=ukify-addon
		[[ $output == *"Cmdline=$words"* ]]
	done <<< "$rows"
}

# documents: those of people, Markdown.
documents() {
	(cd "$top" && ls README.md dist/doc/*.md tests/README.md src/README.md)
}

# anchors FILE: those of its headings, as GitHub names them.
anchors() {
	sed '/^```/,/^```/d' "$1" | sed -n 's/^#\{1,6\} //p' | tr '[:upper:]' '[:lower:]' |
		sed 's/[^a-z0-9 _-]//g; s/ /-/g'
}

# dead FILE BASE: its links that lead nowhere; relative ones are from BASE.
dead() {
	local link path anchor
	while read -r link; do
		[[ $link != http*://* ]] || continue
		path=${link%%#*} anchor=
		[[ $link != *'#'* ]] || anchor=${link#*#}
		[ -z "$path" ] && path=$1 || path=$2/$path
		[ -e "$path" ] || { echo "$1: $link"; continue; }
		[ -z "$anchor" ] || anchors "$path" | grep -qxF -- "$anchor" || echo "$1: $link"
	done < <(sed '/^```/,/^```/d' "$1" | tr '\n' ' ' | grep -oE '\]\([^) ]+\)' | sed 's/^](//; s/)$//')
}

@test "every link in README and the documents leads to a file or a heading that is there" {
	local file links=0
	cd "$top"
	for file in $(documents); do
		run -0 dead "$file" "$(dirname "$file")"
		[ -z "$output" ] || { echo "$output" && return 1; }
		links=$((links + $(grep -oE '\]\([^) ]+\)' "$file" | wc -l)))
	done
	[ "$links" -ge 25 ]
	# One that leads nowhere would be noticed.
	printf '# A title: of `it`\n[a](#a-title-of-it) [b](#no) [c](x.md) [d](d.md#a-title-of-it)\n' \
		> "$BATS_TEST_TMPDIR/d.md"
	run -0 dead "$BATS_TEST_TMPDIR/d.md" "$BATS_TEST_TMPDIR"
	[ "${#lines[@]}" = 2 ] && [[ ${lines[0]} == *"#no" && ${lines[1]} == *"x.md" ]]
}

@test "every manual is named in README, every document in a document, and every manual in the others" {
	local file manual
	cd "$top"
	for file in dist/doc/*.md; do
		cat README.md dist/doc/*.md tests/README.md | grep -qF "$(basename "$file"))" ||
			cat README.md dist/doc/*.md tests/README.md | grep -qF "$(basename "$file")#" ||
			{ echo "$file: nobody names it"; return 1; }
	done
	for file in dist/man/*; do
		grep -qF "($file)" README.md || { echo "README: nothing of $file"; return 1; }
		for manual in dist/man/*; do
			[ "$manual" = "$file" ] ||
				grep -qE "^\.Xr $(basename "${file%.*}") ${file##*.}" "$manual" ||
				{ echo "$manual: nothing of $file"; return 1; }
		done
	done
}

@test "boot loaders: the code's back ends and those it refuses are those of iommu-bootloaders(7)" {
	local page=$man/iommu-bootloaders.7
	same "back ends" "$(cd "$top" && sed -n '/^#define BACKENDS/,/^$/s/.*ROW(\(backend_[a-z_]*\)).*/\1/p' \
		src/bootloader/backend.h | while read -r row; do
		grep -hA 3 "^const struct backend $row = {" src/bootloader/*.c | sed -n 's/.*\.name = "\(.*\)",/\1/p'
	done)" "$(sed -n '/^\.Sh BACK ENDS/,/^\.Sh IMAGE/s/^\.Ss \([a-z-]*\)$/\1/p' "$page")"
	same "refused" "$(sed -n '/^static const struct unsupported table/,/^};/s/^\t\t"\([^"]*\)",$/\1/p' \
		"$top/src/bootloader/unsupported.c")" \
		"$(sed -n '/^\.Sh NOT CHANGED/,/^\.El/s/^\.It \(.*\) Ta .*/\1/p' "$page" |
			sed '1d; s/ No (.*//; s/ Ta .*//')"
	same "generators" "$("$INSTALLER" --help | sed -n 's/^  --initramfs=.*: //p' | sed 's/ or /, /; s/, /\n/g')" \
		"$(sed -n '/^\.Sh IMAGE/,/^\.Sh NOT/s/^\.It Cm //p' "$page")"
}

@test "metrics: the code's are those of dist/doc/monitoring.md" {
	same metrics "$(grep -o '"iommu_[a-z_]*"' "$top/src/show/prometheus.c" | tr -d '"')" \
		"$(sed -n '/^| metric/,/^$/s/^| \(`iommu_[^|]*\) |.*/\1/p' "$top/dist/doc/monitoring.md" |
			grep -o 'iommu_[a-z_]*')"
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
	mkdir -p "$root/var/lib/iommu" "$root/boot"
	printf '%s\n' kernel=6.0.0-other mode=strict "words=intel_iommu=on iommu=pt" > "$root/var/lib/iommu/matched"
	echo CONFIG_VFIO_NOIOMMU=y > "$root/boot/config-6.0.0-other"
	echo CONFIG_IOMMUFD=m > "$root/boot/config-6.1.0-test"
	run --separate-stderr "$INSTALLER" show --root "$root" --json --groups=05:00.0
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
	printed+=$'\n'$("$INSTALLER" explain --json 'iommu=pt iommu=nopt' | keys_of)
	printed+=$'\n'$("$INSTALLER" explain --json TOKEN_MISSING | keys_of)
	printed+=$'\nearly' # of status.json alone
	grep -qF '\"early\":' "$top/src/verdict/report.c"
	printed+=$'\nforeseen' # of a dry run whose tool can't run
	grep -qF '\"foreseen\":' "$top/src/show/change-report.c"
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

@test "all advice that is given stands in tests/advice.txt, with a test that does it" {
	local where what test file
	same advice "$("$top/tests/tools/advice" "$top/src")" "$(grep -v '^#' "$top/tests/advice.txt" | cut -f 1,2)"
	[ "$(grep -vc '^#' "$top/tests/advice.txt")" -ge 100 ]
	while IFS=$'\t' read -r where what test; do
		case $test in
		'- '?*) continue ;; # nothing of a disk's is touched by it, or another machine's
		*.bats:\ ?*) file=$top/tests/${test%%: *} ;;
		*) false ;;
		esac && grep -qF "@test \"${test#*: }" "$file" || { echo "$where: $what: $test"; return 1; }
	done < <(grep -v '^#' "$top/tests/advice.txt")
}
