#!/usr/bin/env bats
# The one table of kernel parameters: nobody knows one that has no row, no other list is beside it, and each column is
# what the program does.
bats_require_minimum_version 1.5.0

setup_file() {
	local src=$BATS_TEST_DIRNAME/../../src
	# A line for each row: key, number of its reader, whose, public or not, digits or -.
	# And one for each item: key, item, whose.
	cat > "$BATS_FILE_TMPDIR/list.c" <<-'END'
		#include <stdio.h>
		#include "model/kernel-parameters.h"
		int main(int argc, char **argv)
		{
			static const char *const ours[] = { "other", "ours", "flush", "items" };
			(void)argv;
			for (const struct kernel_parameter *p = kernel_parameters; p->key; p++) {
				if (argc == 1)
					printf("%s %d %s %s %s\n", p->key, p->reader, ours[p->ours],
					       p->public ? "public" : "hidden", p->contrary[0] ? p->contrary : "-");
				for (const struct parameter_item *i = p->items; argc == 2 && i && i->item; i++)
					printf("%s %s %s\n", p->key, i->item, ours[i->ours]);
			}
		}
	END
	cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -Wno-missing-field-initializers -I "$src" \
		-o "$BATS_FILE_TMPDIR/list" "$BATS_FILE_TMPDIR/list.c" "$src"/model/{kernel-parameters,cmdline-words}.c
	cd "$BATS_FILE_TMPDIR" || return
	./list > rows
	# shellcheck disable=SC2094 # the word is no file
	./list items > items
	[ "$(wc -l < rows)" -ge 20 ]
	[ "$(wc -l < items)" -ge 30 ]
}

setup() {
	load ../lib/trees
	cd "$BATS_FILE_TMPDIR" || return
	root=$BATS_TEST_TMPDIR/root
	src=$BATS_TEST_DIRNAME/../../src
}

# in_table KEY...: each has a row, of its own or of its module; those that have none are printed.
in_table() {
	printf '%s\n' "$@" | tr - _ | awk '
		NR == FNR { row[$1]; next }
		{ module = $1; sub(/[.].*/, ".", module) }
		!($1 in row) && !(module in row) { print "no row: " $1; missing++ }
		END { exit missing > 0 }' rows -
}

# keys [WHOSE...]: of the rows, without modules.
keys() {
	awk -v whose=" $* " '$1 !~ /[.]$/ && (whose == "  " || index(whose, " " $3 " ")) { print $1 }' rows
}

# called DIR: parameters that DIR's sources ask a line for by a name of their own.
called() {
	find "$1" -name '*.[ch]' -exec cat {} + | tr -d '\n\t' | grep -oE 'cmdline_(value|param)\([^;"]*"[^"]*"' |
		sed 's/.*"\(.*\)"/\1/'
}

# literals DIR: the strings in DIR's sources, but for the table and comments, that are a row's key, or have the look of
# one, alone or with one value.
literals() {
	local files
	mapfile -t files < <(find "$1" -name '*.[ch]' ! -name kernel-parameters.c | sort)
	awk -v dir="$1/" '
		NR == FNR { row[$1]; next }
		/^[ \t]*(\/\*|\*)/ { next }
		{
			for (line = $0; match(line, /"([^"\\]|\\.)*"/); line = substr(line, RSTART + RLENGTH)) {
				seen++
				text = key = substr(line, RSTART + 1, RLENGTH - 2)
				sub(/=[^ ]*$/, "", key)
				if (key in row ||
				    text ~ /^[a-z_]*(iommu|vfio)[a-z0-9_]*([.][a-z_]+(=[a-z0-9,]*)?|=[a-z0-9,]*)$/)
					print substr(FILENAME, length(dir) + 1) " " text
			}
		}
		END { if (seen < 2000) print "looked at " seen " only" }' rows "${files[@]}"
}

@test "who knows a kernel parameter has it from the table: it is asked for by no other name, and no other list has it" {
	run -0 called "$src"
	[ "$output" = module_blacklist ] # of any module
	run -0 literals "$src"
	# A link in sysfs, how a boot goes, which is no matter of the mode, and what a person is told to type.
	diff <(printf '%s\n' "${lines[@]}" | grep -v '^helper/stop-message.c ') \
		<(printf '%s\n' 'evidence/pci-device.c iommu' 'model/cmdline.c rd.iommu.verify=warn')
}

@test "a parameter that is asked for beside the table, and a list beside it, would be found" {
	cp -r "$src" "$BATS_TEST_TMPDIR/src"
	cat >> "$BATS_TEST_TMPDIR/src/model/cmdline.c" <<-'END'
		bool planted(const char *word)
		{
			return strcmp(word, "vfio.planted=1") == 0 || cmdline_value(word,
										    "iommu.planted");
		}
	END
	run -0 called "$BATS_TEST_TMPDIR/src"
	[[ $output == *iommu.planted* ]]
	run -1 in_table iommu.passthrough vfio-pci.ids iommu.planted
	[ "$output" = "no row: iommu.planted" ]
	echo 'static const char *const planted[] = { "amd_iommu", "swiotlb=force" };' \
		>> "$BATS_TEST_TMPDIR/src/show/public-report.c"
	run -0 literals "$BATS_TEST_TMPDIR/src"
	[[ $output == *"model/cmdline.c vfio.planted=1"*"model/cmdline.c iommu.planted"* ]]
	[[ $output == *"show/public-report.c amd_iommu"*"show/public-report.c swiotlb=force"* ]]
}

@test "what the model of the kernel reads has a row with a reader, and what a verdict tells of modules has a row" {
	local known key
	mapfile -t known < <(grep -oE 'named\(param, "[^"]*"|"[a-z_]*iommu="' "$BATS_TEST_DIRNAME/cmdline.c" |
		sed 's/.*"\(.*\)"/\1/; s/=$//' | sort -u)
	[ "${#known[@]}" -ge 7 ]
	for key in "${known[@]}"; do
		awk -v key="$key" '$1 == key && $2 > 0 { found = 1 } END { exit !found }' rows ||
			{ echo "$key: no reader" && return 1; }
	done
	tree "$root" intel "" DMA
	verify "$root"
	mapfile -t known < <(json '.modules | keys[]')
	[ "${#known[@]}" = 3 ]
	for key in "${known[@]}"; do grep -q "^$key " rows; done
}

@test "what a mode writes is ours by the table" {
	local mode words=() key
	for mode in off-for-uio off-for-vfio strict pt "strict --flush=sync" "pt --allow-unsafe-interrupts"; do
		# shellcheck disable=SC2086 # options
		run -0 "$INSTALLER" $mode --emit=ukify-addon
		read -ra words <<< "${words[*]} $(sed -n 's/^Cmdline=//p' <<< "$output")"
	done
	[ "${#words[@]}" -ge 18 ]
	for key in "${words[@]%%=*}"; do
		keys ours flush items | grep -qFx "$key" || { echo "$key: not ours" && return 1; }
	done
}

@test "a key has one row; a module's row stands behind its parameters'; a list has items, and nothing else has" {
	[ -z "$(cut -d ' ' -f 1 rows | sort | uniq -d)" ]
	run ! grep -e '^[^ ]*[-=]' rows
	awk '{ module = $1; sub(/[.].*/, ".", module) } module in seen && $1 != module { exit 1 } { seen[$1] }' rows
	diff <(awk '$2 == 2 || $2 == 3 { print $1 }' rows | sort) <(cut -d ' ' -f 1 items | sort -u)
	diff <(awk '$2 == 2 { print $1 }' rows | sort) <(keys items | sort)
	# Only what is ours has values that a mode excludes.
	diff <(keys ours flush | sort) <(awk '$5 != "-" { print $1 }' rows | sort)
}

@test "each reader has a row, and one that has no function does not compile" {
	local readers
	readers=$(awk '/^enum parameter_reader/ { on = 1; next } /^};/ { on = 0 } on' "$src/model/kernel-parameters.h" |
		grep -c '^.READ_')
	[ "$readers" -ge 8 ]
	diff <(cut -d ' ' -f 2 rows | sort -nu) <(seq 0 $((readers - 1)))
	cp -r "$src/model" "$BATS_TEST_TMPDIR"
	sed -i 's/^\tREAD_ACPI,/&\n\tREAD_PLANTED,/' "$BATS_TEST_TMPDIR/model/kernel-parameters.h"
	run ! cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -c -I "$BATS_TEST_TMPDIR" -o /dev/null \
		"$BATS_TEST_TMPDIR/model/cmdline.c"
	[[ $output == *READ_PLANTED* ]]
}

@test "explain tells of each row with a reader, and of none without" {
	local key reader said
	tree "$root" intel "" DMA
	echo 5.10.0-test > "$root/proc/sys/kernel/osrelease" # swiotlb= says something there
	while read -r key reader _; do
		[ "$key" != "${key%.}" ] && key+=planted
		said=told
		[ "$reader" != 0 ] || said=silent
		run -0 "$INSTALLER" explain --root "$root" "$key=force $key=off $key=noats"
		[ "$(grep -q "^  $key=" <<< "$output" && echo told || echo silent)" = $said ] ||
			{ echo "$key: $output" && return 1; }
		[ $said = told ] || [[ $output == *"no parameter about the IOMMU"* ]]
	done < rows
}

@test "explain tells of no word that has no row, but to say what was meant by it" {
	local line key told
	tree "$root" intel "" DMA
	# Each key of the model's lines once.
	tr -s ' \t\r' '\n' < "$BATS_TEST_DIRNAME/lines.txt" |
		LC_ALL=C sed 's/=.*//; s/"//g; /^--$/d; /^$/d; s/$/=on/' | LC_ALL=C sort -u |
		paste -sd ' ' | LC_ALL=C fold -s -w 2000 | while IFS= read -r line; do
		"$INSTALLER" explain --root "$root" - <<< "$line"
	done > "$BATS_TEST_TMPDIR/said"
	mapfile -t told < <(LC_ALL=C sed -n '/^  mode: /d; /^  no parameter/d; /^   /d; s/^  \([^ =][^ =]*\).*/\1/p' \
		"$BATS_TEST_TMPDIR/said" | LC_ALL=C sort -u)
	[ "${#told[@]}" -ge 20 ]
	for key in "${told[@]}"; do
		in_table "$key" > /dev/null ||
			[[ $("$INSTALLER" explain --root "$root" - <<< "$key=on") == *IGNORED* ]] ||
			{ echo "$key" && return 1; }
	done
}

@test "the writer takes out what is ours and leaves the rest, items of lists too" {
	local key whose item
	while read -r key _ whose _; do
		[ "$key" != "${key%.}" ] && key+=planted
		[ "$whose" = items ] || echo "$key=1 $whose"
	done < rows > "$BATS_TEST_TMPDIR/words"
	while read -r key item whose; do
		echo "$key=$item $whose"
	done < items >> "$BATS_TEST_TMPDIR/words"
	while read -r item whose; do
		[ "$("$INSTALLER" internal-words "quiet $item" "")" = "quiet$([ "$whose" = ours ] || echo " $item")" ]
		[ "$("$INSTALLER" internal-words --flush "quiet $item" "")" = \
			"quiet$([ "$whose" != other ] || echo " $item")" ]
	done < "$BATS_TEST_TMPDIR/words"
	[ "$(grep -c " flush$" "$BATS_TEST_TMPDIR/words")" = 3 ]
}

@test "an advice names what the table has as contrary, less what is wanted" {
	local contrary
	mkdir -p "$root"/{boot,dev,etc,proc,run,sys,usr/bin,var/lib,ostree/repo}
	touch "$root/boot/vmlinuz-6.1.0-1-amd64" "$root/usr/bin/rpm-ostree"
	run -5 "$INSTALLER" --root "$root" strict --flush=sync
	contrary=$({ awk '$5 != "-" { for (i = 1; i <= length($5); i++) print $1 "=" substr($5, i, 1) }' rows
		awk '$3 != "other" { print $1 "=" $2 }' items; } |
		grep -vxE '(intel|amd)_iommu=on|iommu=nopt|iommu.strict=1' | sort)
	[ "$(wc -l <<< "$contrary")" -ge 12 ]
	diff <(grep -oE -e '--delete-if-present=[^ ]*' <<< "$output" | sed 's/.*present=//' | sort) - <<< "$contrary"
}

@test "a public report shows the value of what is public, and of nothing else" {
	local key public
	while read -r key _ _ public _; do
		[ "$key" != "${key%.}" ] && key+=planted
		echo "$key=7 $public"
	done < rows > "$BATS_TEST_TMPDIR/words"
	tree "$root" intel "$(cut -d ' ' -f 1 "$BATS_TEST_TMPDIR/words" | tr '\n' ' ') iommuplanted.x=7" DMA
	run -0 "$INSTALLER" show --root "$root" --report
	diff <(sed -n 's/^cmdline: *//p' <<< "$output" | tr ' ' '\n') \
		<(awk '$2 == "hidden" { sub(/=7/, "=...") } { print $1 }' "$BATS_TEST_TMPDIR/words"
			echo iommuplanted.x=...)
}
