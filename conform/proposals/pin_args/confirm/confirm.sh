#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs programs of this folder on a kernel and says of each whether its finding shows there.
# usage: confirm.sh KNOTCHECK BZIMAGE [--report TEXT] PROGRAM...
# --report: the kernel must also report that, as KASAN does. Exit status 0: all findings show.
set -euo pipefail

knotcheck=$1
bzimage=$2
shift 2
report=
if [ "$1" = --report ]; then
  report=$2
  shift 2
fi
worst=0
for program in "$@"; do
  name=$(basename "$program")
  output=$("$knotcheck" conform --target "qemu:$bzimage" --program "$program" --quiet 2>&1) || true
  shows="the finding shows"
  grep -q '^not ok 1 ' <<<"$output" || shows="the finding does not show"
  if [ -n "$report" ] && ! grep -q "$report" <<<"$output"; then
    shows="the kernel does not report '$report'"
  fi
  echo "$name: $shows"
  grep '^# ' <<<"$output" | sed 's/^/    /' || true
  [ -z "$report" ] || grep -m 1 "$report" <<<"$output" | sed 's/^/    /' || true
  if [ "$shows" != "the finding shows" ]; then
    worst=1
    printf '%s\n' "$output"
  fi
done
exit $worst
