#!/bin/bash
# Kills iommu-install and all that it has started, with the distribution's own image builder, and looks at what is left.
# SPDX-License-Identifier: BSD-3-Clause
#
# Runs inside a machine, whose mode is set to and fro. usage: kill-real.sh RANDOM-KILLS. Kills after each line that
# iommu-install prints, then at so many random instants. Prints what went wrong, and last: KILLS kills, WRONG wrong.
set -u

WORK=/host/kill-real
# shellcheck source=tests/lib/judge.sh
. "${BASH_SOURCE[0]%/*}/judge.sh"

# change MODE: starts it; its session is $!.
change() {
	: >"$WORK/said"
	setsid iommu-install "$1" --force >"$WORK/said" 2>&1 &
}

end() { # end PID: of a session, in which each program that it starts has a group of its own
	pkill -KILL -s "$1"
	wait "$1" 2>/dev/null
}

look() { # look MODE: at what a kill has left
	judge /boot "$WORK" 2 || return
	iommu-install resume >"$WORK/resumed" 2>&1 || { cat "$WORK/resumed"; return 1; }
	judge /boot "$WORK" 2 || return
	iommu-install "$1" --force >"$WORK/again" 2>&1 || { cat "$WORK/again"; return 1; }
	grep -q "^mode=$1" /etc/iommu.target || return
	if find /boot | grep iommu; then return 1; fi
}

mkdir -p "$WORK"
iommu-install pt --on-mismatch=halt --force >"$WORK/said" 2>&1 || { cat "$WORK/said"; exit 1; }
start=$EPOCHREALTIME
iommu-install strict --force >"$WORK/said" 2>&1 || { cat "$WORK/said"; exit 1; }
took=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
lines=$(wc -l <"$WORK/said")
mode=pt kills=0 wrong=0

for n in $(seq 1 "$((lines - 1))") $(yes random | head -n "$1"); do
	change "$mode"
	pid=$!
	if [ "$n" = random ]; then
		at=$(awk -v t="$took" -v r="$RANDOM" 'BEGIN { print t * r / 32768 }')
		sleep "$at"
	else
		at="line $n"
		until [ "$(grep -c . "$WORK/said")" -ge "$n" ] || ! kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
	fi
	end "$pid"
	kills=$((kills + 1))
	if ! look "$mode" >"$WORK/wrong" 2>&1; then
		wrong=$((wrong + 1))
		echo "--- killed at $at on the way to $mode, after: $(tail -n 1 "$WORK/said")"
		cat "$WORK/wrong"
	fi
	if [ "$mode" = pt ]; then mode=strict; else mode=pt; fi
done
echo "$kills kills, $wrong wrong (a whole change takes $took s)"
[ "$wrong" = 0 ] && [ "$kills" -gt "$1" ]
