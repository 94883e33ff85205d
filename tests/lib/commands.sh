#!/bin/sh
# Prints the commands that documents tell people to type, one a line: commands.sh FILE.md|MANUAL...
# SPDX-License-Identifier: BSD-3-Clause
#
# In Markdown: lines indented by four blanks behind an empty line, up to a comment, and code in the text that starts
# with a program and has an argument (with MODE, NAME or DIR in it, FOLDER or FILE, it is a pattern). In manuals: .Dl
# lines of EXAMPLES.
# shellcheck disable=SC2016 # Markdown's backquotes are no shell's
set -eu
programs='iommu-install|iommu-verify|make|dracut|update-initramfs|systemctl|journalctl|mount|cp|bats|chroot'
for file; do
	case $file in
	*.md)
		sed '/^```/,/^```/d' "$file" | awk '
			!/^    [^ ]/ { block = $0 == ""; next }
			block { sub(/^    /, ""); sub(/ +#.*/, ""); print }'
		sed '/^```/,/^```/d; /^    /d' "$file" | tr -s '\n ' '  ' | grep -oE '`[^`]*`' | tr -d '`' |
			grep -E "^($programs) [^ ]" | grep -vE '\b(MODE|NAME|DIR|FOLDER|FILE)\b' || :
		;;
	*) awk '/^\.Sh / { on = $0 == ".Sh EXAMPLES" } on && sub(/^\.Dl [#$] /, "")' "$file" ;;
	esac
done
