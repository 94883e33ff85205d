#!/bin/sh
# Prints the commands that documents tell people to type, one a line: commands.sh README MANUAL...
# SPDX-License-Identifier: BSD-3-Clause
#
# In the README: lines indented by four blanks behind an empty line, up to a comment, and code in the text that starts
# with a program and has an argument (with MODE, NAME or DIR in it it is a pattern). In manuals: .Dl lines of EXAMPLES.
# shellcheck disable=SC2016 # Markdown's backquotes are no shell's
set -eu
readme=$1
shift
sed '/^```/,/^```/d' "$readme" | awk '
	!/^    [^ ]/ { block = $0 == ""; next }
	block { sub(/^    /, ""); sub(/  +#.*/, ""); print }'
sed '/^```/,/^```/d; /^    /d' "$readme" | tr -s '\n ' '  ' | grep -oE '`[^`]*`' | tr -d '`' |
	grep -E '^(iommu-install|iommu-verify|make|dracut|update-initramfs|systemctl|journalctl|mount|cp|bats) [^ ]' |
	grep -vE '\b(MODE|NAME|DIR)\b' || :
for manual; do
	awk '/^\.Sh / { on = $0 == ".Sh EXAMPLES" } on && sub(/^\.Dl [#$] /, "")' "$manual"
done
