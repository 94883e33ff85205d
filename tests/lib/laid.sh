# How often the generator runs. For scripts in a machine; judge.sh has what unpacks an image.
# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash

# count_builds PROGRAM: from now on each call of it is a line of /run/builds.
count_builds() {
	cp "$1" "/root/${1##*/}"
	printf '#!/bin/sh\necho "$*" >>/run/builds\nexec /root/%s "$@"\n' "${1##*/}" >"$1"
	chmod 755 "$1"
}

# built COMMAND...: runs it and says how often the generator was called.
built() {
	: >/run/builds
	"$@" >/host/log 2>&1 || { cat /host/log >&2; return 1; }
	wc -l </run/builds
}
