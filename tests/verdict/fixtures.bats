#!/usr/bin/env bats
# iommu-verify on recorded trees: what real kernels showed (tests/record), and what has to be made of it.
bats_require_minimum_version 1.5.0

# What each boot has to give, from knowledge of the kernels, never from what the helper printed. Columns: machines,
# suites, name; the mode by the line, as this vendor's and this kernel's code reads it; the effective mode (`uio` is
# off-for-uio, `vfio` off-for-vfio); for each target `match` or the first reason, by the contract's rules:
#   missing TOKEN_MISSING   overridden TOKEN_OVERRIDDEN   invalid TOKEN_INVALID   kernel KERNEL_OVERRIDE
#   novirt NO_VIOMMU   no-param NOIOMMU_UNSUPPORTED   noiommu NOIOMMU_ENABLED   unsafe UNSAFE_INTERRUPTS
#
# All are Debian's kernels: VT-d is on by default, the default domain translates, vfio has no noiommu.
expectations() {
	cat <<'END'
# machines     suites          name               line    effective uio        vfio       strict     pt

# The tokens of the four modes, iommu=pt alone, and nothing.
intel,amd      *               off-for-uio        uio     uio       match      no-param   missing    missing
intel,amd      *               off-for-vfio       vfio    uio       match      no-param   missing    missing
intel,amd      *               strict             strict  strict    missing    missing    match      missing
intel,amd      *               pt                 pt      pt        missing    missing    overridden match
intel,amd      *               iommu-pt           pt      pt        missing    missing    overridden match
intel,amd      *               nothing            default strict    missing    missing    match      missing
none           *               off-for-uio        uio     uio       match      no-param   novirt     novirt
none           *               off-for-vfio       vfio    uio       match      no-param   novirt     novirt
none           *               strict             strict  uio       match      no-param   novirt     novirt
none           *               pt                 pt      uio       match      no-param   novirt     novirt
none           *               iommu-pt           pt      uio       match      no-param   novirt     novirt
none           *               nothing            default uio       match      no-param   novirt     novirt

# iommu=off sticks, and asks for nothing but off.
intel,amd      *               off-then-pt        uio     uio       match      no-param   missing    missing
# Before 6.1 these two ended the detection of an IOMMU (pci_swiotlb_detect_override()).
intel,amd      bullseye        soft               uio     uio       match      no-param   missing    missing
intel,amd      bookworm+       soft               default strict    missing    missing    match      missing
intel,amd      bullseye        swiotlb-force      uio     uio       match      no-param   missing    missing
intel,amd      bookworm+       swiotlb-force      default strict    missing    missing    match      missing
# usedac ends the list: pt is never read.
intel,amd      *               usedac-pt          default strict    missing    missing    match      missing
intel,amd      *               pt-passthrough-0   strict  strict    missing    missing    match      overridden
intel,amd      *               iommu-strict-1     default strict    missing    missing    match      missing
# Without ACPI the kernel has no table to find an IOMMU in, so this word switches it off, and no table comes first.
intel,amd      *               acpi-off           uio     uio       match      no-param   novirt     novirt
# What stands after -- is init's. On AMD intel_iommu=on says nothing either.
intel          *               after-dashes       strict  strict    missing    missing    match      missing
amd            *               after-dashes       default strict    missing    missing    match      missing
# Intel: the last one counts; an unknown word is none.
intel          *               off-comma-on       strict  strict    overridden overridden match      missing
intel          *               enable             default strict    missing    missing    match      missing
# AMD: off sticks; pt belongs to iommu=; before 6.1 "off" counted inside any word.
amd            *               off-then-on        uio     uio       match      no-param   overridden overridden
amd            *               amd-pt             default strict    missing    missing    match      invalid
amd            bullseye        xoffx              uio     uio       match      no-param   missing    missing
amd            bookworm+       xoffx              default strict    missing    missing    match      missing
amd            *               pt-force-isolation pt      pt        missing    missing    overridden match
# Without pass-through support in the unit: to 6.9 an identity domain in software (si_domain_init()), from 6.12 on a DMA
# domain (device_def_domain_type()).
intel-nopt     *               strict             strict  strict    missing    missing    match      missing
intel-nopt     bullseye        iommu-pt           pt      pt        missing    missing    overridden match
intel-nopt     bookworm        iommu-pt           pt      pt        missing    missing    overridden match
intel-nopt     trixie+         iommu-pt           pt      strict    missing    missing    match      no-pt
intel-caching  *               strict             strict  strict    missing    missing    match      missing
intel-noir     *               pt                 pt      pt        missing    missing    overridden match

# With vfio loaded, and allow_unsafe_interrupts loaded or only asked for: in an off mode it is but a note.
intel,amd      bookworm,trixie strict-loaded      strict  strict    missing    missing    match      missing
intel,amd      bookworm,trixie pt-unsafe-loaded   pt      pt        missing    missing    overridden unsafe
intel          bookworm,trixie pt-unsafe          pt      pt        missing    missing    overridden unsafe
none           bookworm,trixie vfio-loaded        vfio    uio       match      no-param   novirt     novirt
none           bookworm,trixie uio-unsafe-loaded  uio     uio       match      no-param   novirt     novirt
# A vfio that has noiommu, and a device bound to vfio-pci by it.
none           bookworm        noiommu            vfio    vfio      noiommu    match      novirt     novirt
END
}

TARGETS=(off-for-uio off-for-vfio strict pt)

# code WORD: the reason that a word of the table stands for.
code() {
	case $1 in
	match) echo - ;;
	missing) echo TOKEN_MISSING ;;
	overridden) echo TOKEN_OVERRIDDEN ;;
	invalid) echo TOKEN_INVALID ;;
	kernel) echo KERNEL_OVERRIDE ;;
	no-pt) echo PASSTHROUGH_IMPOSSIBLE ;;
	novirt) echo NO_VIOMMU ;;
	no-param) echo NOIOMMU_UNSUPPORTED ;;
	noiommu) echo NOIOMMU_ENABLED ;;
	unsafe) echo UNSAFE_INTERRUPTS ;;
	*) return 1 ;;
	esac
}

# expand: the table, sorted, with a line for each tree: SUITE/MACHINE/NAME and the other columns.
expand() {
	local machines suites name columns machine suite
	expectations | grep -vE '^(#|$)' | tr -s ' ' | while read -r machines suites name columns; do
		case $suites in
		'*') suites='bullseye bookworm trixie sid' ;;
		bookworm+) suites='bookworm trixie sid' ;;
		trixie+) suites='trixie sid' ;;
		esac
		for machine in ${machines//,/ }; do
			for suite in ${suites//,/ }; do
				echo "$suite/$machine/$name $columns"
			done
		done
	done | sort
}

# Unpacks every archive to trees/SUITE, and asks the helper once for each answer: out/TREE/TARGET, and out/TREE/none
# without a target. out/TREE/boot is what it said on the machine.
setup_file() {
	load ../lib/trees
	local archive suite tree target
	cd "$BATS_FILE_TMPDIR" || return
	for archive in "$BATS_TEST_DIRNAME/.."/fixtures/*.tar.xz; do
		suite=$(basename "$archive" | cut -d - -f 1)
		mkdir -p "trees/$suite"
		tar -xJf "$archive" -C "trees/$suite" --no-same-owner
	done
	for target in "${TARGETS[@]}"; do
		echo "mode=$target" > "target-$target"
	done
	for tree in trees/*/*/*; do
		tree=${tree#trees/}
		mkdir -p "out/$tree"
		cp "trees/$tree/helper.json" "out/$tree/boot"
		ask "$tree" none
		for target in "${TARGETS[@]}"; do
			ask "$tree" "$target" --target "target-$target"
		done
	done
	expand > table
}

# ask TREE NAME [OPTION]...
ask() {
	local status=0
	"$VERIFY" --root "trees/$1" --json "${@:3}" > "out/$1/$2" 2> "out/$1/$2.stderr" || status=$?
	echo "$status" > "out/$1/$2.status"
}

# Tests run side by side: each has its own `want` and `got`.
setup() {
	cd "$BATS_TEST_TMPDIR" || return
	ln -s "$BATS_FILE_TMPDIR"/{trees,out,table} .
}

# told NAME FILTER: what jq makes of that answer, for each tree.
told() {
	jq -r "(input_filename | split(\"/\")[1:4] | join(\"/\")) + \" \" + ($2)" out/*/*/*/"$1"
}

# column N: that column of the table, for each tree; modes in full.
column() {
	cut -d ' ' -f "1,$1" table | sed -E 's/ (uio|vfio)$/ off-for-\1/'
}

# file PATH: that file's one line, for each tree.
file() {
	local tree
	for tree in trees/*/*/*; do
		printf '%s %s\n' "${tree#trees/}" "$(< "$tree/$1")"
	done
}

# same WHAT: compares the lines of `got` with those of `want`, shows every one that differs, and tells how many.
same() {
	echo "# $(wc -l < got) $1, $(sort got | comm -12 - <(sort want) | wc -l) right" >&3
	[ -s want ] || return 1
	diff --unchanged-line-format= --old-line-format='want %L' --new-line-format='got  %L' <(sort want) <(sort got)
}

@test "every recorded tree has its line in the table, and every line its tree" {
	column 1 > want
	printf '%s\n' trees/*/*/* | sed 's#^trees/##' > got
	same "trees"
}

@test "the helper says of a tree what it said on the machine" {
	local what='[.effective.mode, .effective.units, .effective.groups, .modules] | tojson'
	told boot "$what" > want
	told none "$what" > got
	same "answers as in their boots"
	file helper.status > want
	for tree in trees/*/*/*; do
		tree=${tree#trees/}
		echo "$tree $(< "out/$tree/none.status")"
	done > got
	same "exit statuses as in their boots"
}

@test "the mode is the one those words give on that machine with that kernel" {
	column 3 > want
	told none .effective.mode > got
	same "modes"
}

@test "the mode is what the groups' types say to a shell" {
	file types > want
	sed -Ei 's/ (DMA|DMA-FQ)$/ strict/; s/ identity$/ pt/; s/ unknown$/ off-for-vfio/; s/ $/ off-for-uio/' want
	told none .effective.mode > got
	same "modes by type"
}

@test "the mode by the line is what that kernel reads in it" {
	column 2 > want
	told none .cmdline.mode > got
	same "lines"
}

@test "verdict, exit status and first reason are right for each target" {
	local tree target word rest
	while read -r tree _ _ rest; do
		for target in "${TARGETS[@]}"; do
			read -r word rest <<< "$rest"
			if [ "$word" = match ]; then
				echo "$tree $target 0 match -"
			else
				echo "$tree $target 2 mismatch $(code "$word")"
			fi
		done
	done < table > want
	for target in "${TARGETS[@]}"; do
		told "$target" '.verdict + " " + (.reasons[0].code // "-")' | while read -r tree rest; do
			echo "$tree $target $(< "out/$tree/$target.status") $rest"
		done
	done > got
	same "verdicts"
}

@test "kernel, boot and line are the tree's, not the host's" {
	local host
	file proc/sys/kernel/osrelease > want
	told none .kernel > got
	same "kernels"
	file proc/sys/kernel/random/boot_id > want
	told none .boot_id > got
	same "boots"
	host=$(< /proc/sys/kernel/random/boot_id)
	run ! grep -F "$host" got
	file proc/cmdline > want
	told none .cmdline.text > got
	same "lines' texts"
}

@test "units are named as the drivers name them, and an IOMMU that is off has none" {
	while read -r tree _ mode _; do
		case $mode,$tree in
		uio,* | vfio,*) echo "$tree " ;;
		*/intel*) echo "$tree dmar0" ;;
		*/amd/*) echo "$tree ivhd0" ;;
		esac
	done < table > want
	told none '.effective.units | join(" ")' > got
	same "units"
}

# From 5.15 the type tells a lazy flush (DMA-FQ) from one in step (DMA). In step are: iommu.strict=1; QEMU's AMD unit,
# and an Intel one in caching mode, as they must be told of each change; from 6.12 a unit without pass-through support,
# whose driver asks for DMA by name.
@test "the flush policy is what that kernel does on that machine" {
	local tree mode
	while read -r tree _ mode _; do
		case $mode,$tree in
		strict,bullseye/*) echo "$tree unknown" ;;
		strict,*/amd/* | strict,*/intel-caching/* | strict,*/iommu-strict-1) echo "$tree sync" ;;
		strict,trixie/intel-nopt/* | strict,sid/intel-nopt/*) echo "$tree sync" ;;
		strict,*) echo "$tree lazy" ;;
		*) echo "$tree none" ;;
		esac
	done < table > want
	told none .effective.flush > got
	same "flush policies"
}

@test "the helper has nothing to say on standard error" {
	run cat out/*/*/*/*.stderr
	[ -z "$output" ]
}
