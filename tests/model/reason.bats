#!/usr/bin/env bats
# The one table of reasons and refusals: every enumerator has its row, and a reason without one does not compile.
bats_require_minimum_version 1.5.0

setup() {
	src=$BATS_TEST_DIRNAME/../../src
	cp -r "$src/model" "$BATS_TEST_TMPDIR"
	cd "$BATS_TEST_TMPDIR" || return
}

# Calls the table for each enumerator, as a program with UBSan.
list() {
	cat > list.c <<-'EOF'
		#include <stdio.h>
		#include "model/reason.h"
		int main(void)
		{
			for (enum reason r = 0; r < REASON_COUNT; r++)
				printf("%s\t%d\t%s\n", reason_code(r), reason_forcible(r), reason_hint(r));
		}
	EOF
	cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsanitize=undefined -fno-sanitize-recover=all -I. -o list \
		list.c model/reason.c
}

@test "each reason's code is its name, in the order of the header, and all have a row" {
	list
	run -0 ./list
	[ "${#lines[@]}" -ge 38 ]
	diff <(cut -f 1 <<< "$output") <(awk '/^enum reason/ { on = 1; next } /^};/ { on = 0 } on' model/reason.h |
		sed -n 's/^\t\([A-Z_0-9]*\),.*/\1/p')
	[[ $output != *"(null)"* ]]
}

@test "a reason that is added without its row does not compile" {
	list
	sed -i 's/^\tTOKEN_MISSING,/\tPLANTED,\n&/' model/reason.h
	run ! list
	[[ $output == *"each reason has its row"* ]]
}
