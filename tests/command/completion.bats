#!/usr/bin/env bats
# What TAB offers in bash, zsh and fish in a real terminal (tmux's), by the files that `make install` puts there.
bats_require_minimum_version 1.5.0

setup_file() {
	make -s -C "$BATS_TEST_DIRNAME/../.." install DESTDIR="$BATS_FILE_TMPDIR/d" PREFIX=/usr \
		DRACUTMODULESDIR=/usr/lib/dracut/modules.d
	export SHARE=$BATS_FILE_TMPDIR/d/usr/share
	export PATH=$BATS_FILE_TMPDIR/d/usr/sbin:$PATH
}

setup() {
	export HOME=$BATS_TEST_TMPDIR ZDOTDIR=$BATS_TEST_TMPDIR XDG_CONFIG_HOME=$BATS_TEST_TMPDIR \
		XDG_DATA_HOME=$BATS_TEST_TMPDIR
	export XDG_DATA_DIRS=$SHARE:/usr/share LC_ALL=C.UTF-8 INPUTRC=/dev/null
	options=$(iommu-install --help | grep -oE '^  --[a-z-]+')
	terminal='' terminals=0
	commands="show status off-for-uio off-for-vfio strict pt check rollback resume remove explain"
}

teardown() {
	[ -z "$terminal" ] || tmux -S "$terminal" kill-server
}

# The shells with nobody's own settings but what a distribution has in /etc.
settings_of_bash() {
	echo ". /usr/share/bash-completion/bash_completion; bind 'set page-completions off'; PS1='ready> '"
}
settings_of_zsh() {
	echo "fpath=($SHARE/zsh/vendor-completions $SHARE/zsh/site-functions \$fpath); autoload compinit; compinit -u; \
PS1='ready> '; LISTMAX=999"
}
settings_of_fish() {
	echo "function fish_prompt; echo 'ready> '; end"
}

# type_in SHELL LINE: the line and TAB, in a new terminal; bash shows a list at the second one.
type_in() {
	local -A start=([bash]="bash --noprofile --rcfile $BATS_TEST_TMPDIR/bash" [zsh]="zsh -d" [fish]="fish") \
		tab=([bash]="Tab Tab")
	mkdir -p "$BATS_TEST_TMPDIR/fish"
	settings_of_bash > "$BATS_TEST_TMPDIR/bash"
	settings_of_zsh > "$BATS_TEST_TMPDIR/.zshrc"
	settings_of_fish > "$BATS_TEST_TMPDIR/fish/config.fish"
	teardown
	terminal=$BATS_TEST_TMPDIR/terminal-$((++terminals)) # a server that ends still has its socket
	tmux -S "$terminal" -f /dev/null new-session -d -x 150 -y 120 "exec ${start[$1]}"
	offers "ready>"
	# shellcheck disable=SC2086 # keys
	tmux -S "$terminal" send-keys "$2" ${tab[$1]:-Tab}
}

screen() {
	tmux -S "$terminal" capture-pane -p > "$BATS_TEST_TMPDIR/screen"
	grep -qE -e "(^|[[:space:]=])$1([[:space:]=]|$)" "$BATS_TEST_TMPDIR/screen"
}

# offers WORD...: each is on the screen, sooner or later.
offers() {
	local word tries
	for word; do
		for ((tries = 0; tries < 600; tries++)); do
			screen "$word" && continue 2
			sleep 0.1
		done
		echo "no '$word' in:"
		grep . "$BATS_TEST_TMPDIR/screen"
		return 1
	done
}

# offers_not WORD...: behind `offers`, when the list is there.
offers_not() {
	local word
	for word; do
		! screen "$word" || { echo "'$word' in:"; grep . "$BATS_TEST_TMPDIR/screen"; return 1; }
	done
}

offered_in() {
	local line
	for line in "iommu-install " "sudo iommu-install "; do
		type_in "$1" "$line"
		# shellcheck disable=SC2086 # words
		offers $commands $options
	done
}

# What was typed is before the word that is looked for, so that only TAB can have put it there.
narrowed_in() {
	type_in "$1" "iommu-install pt --on-mismatch="
	offers warn halt poweroff reboot
	offers_not lazy strict
	type_in "$1" "sudo iommu-install --initramfs="
	offers dracut initramfs-tools none
	type_in "$1" "iommu-install rollback --"
	offers --backend --initramfs --root --dry-run --json
	offers_not --on-mismatch --groups --force
	type_in "$1" "iommu-install --on-mismatch halt str"
	offers strict
	type_in "$1" "iommu-install check --j"
	offers --json
	type_in "$1" "iommu-install explain VFIO_"
	offers VFIO_DEVICES VFIO_IDS VFIO_IN_USE
	offers_not UIO_DEVICES TOKEN_MISSING status
	type_in "$1" "iommu-install explain TOKEN_MIS"
	offers TOKEN_MISSING
	type_in "$1" "iommu-install check TOKEN_"
	offers_not TOKEN_MISSING
	mkdir -p "$BATS_TEST_TMPDIR/trees/only"
	: > "$BATS_TEST_TMPDIR/trees/file"
	type_in "$1" "iommu-install --root=$BATS_TEST_TMPDIR/trees/"
	offers "iommu-install --root=$BATS_TEST_TMPDIR/trees/only/"
}

verify_in() {
	type_in "$1" "iommu-verify --"
	offers --root --target --phase --enforce --json --quiet --version --help
	type_in "$1" "sudo iommu-verify --phase "
	offers early late
	type_in "$1" "iommu-verify --ve"
	offers --version
	mkdir -p "$BATS_TEST_TMPDIR/trees/only"
	: > "$BATS_TEST_TMPDIR/trees/file"
	type_in "$1" "iommu-verify --root=$BATS_TEST_TMPDIR/trees/"
	offers "iommu-verify --root=$BATS_TEST_TMPDIR/trees/only/"
}

@test "bash: iommu-install TAB and sudo iommu-install TAB offer every command and option" {
	offered_in bash
}

@test "zsh: iommu-install TAB and sudo iommu-install TAB offer every command and option" {
	offered_in zsh
}

@test "fish: iommu-install TAB and sudo iommu-install TAB offer every command and option" {
	offered_in fish
}

@test "bash: the values of an option, the options of a command, directories" {
	narrowed_in bash
}

@test "zsh: the values of an option, the options of a command, directories" {
	narrowed_in zsh
}

@test "fish: the values of an option, the options of a command, directories" {
	narrowed_in fish
}

@test "bash: the options of iommu-verify, its phases, directories" {
	verify_in bash
}

@test "zsh: the options of iommu-verify, its phases, directories" {
	verify_in zsh
}

@test "fish: the options of iommu-verify, its phases, directories" {
	verify_in fish
}
