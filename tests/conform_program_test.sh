#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# knotcheck conform --program on this machine: what it prints, and its exit status.
#
# usage: conform_program_test.sh KNOTCHECK
set -uo pipefail
knotcheck=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

script() {  # NAME TEXT
  printf '#!/bin/sh\n%s\n' "$2" >"$work/$1"
  chmod 755 "$work/$1"
}

expect() {  # STATUS TEXT ARGUMENTS...
  local status=$1 text=$2
  shift 2
  timeout 60 "$knotcheck" conform --quiet "$@" >"$work/out" 2>&1
  local found=$?
  if [ $found -ne "$status" ] || ! grep -qF -- "$text" "$work/out"; then
    echo "FAILED: conform $*: status $found, expected $status and '$text'; it said:" >&2
    cat "$work/out" >&2
    failures=$((failures + 1))
  fi
}

script good 'echo "ok 1 good"'
script skips 'exit 4'
script bad 'exit 1'
script dies 'kill -KILL $$'
script waits 'sleep 86397'
expect 0 'ok 1 good' --program "$work/good"
expect 0 'good: exit status 0' --program "$work/good" --program "$work/skips"
expect 1 'bad: exit status 1' --program "$work/bad" --program "$work/good"
expect 1 'good: exit status 0' --program "$work/bad" --program "$work/good"
expect 1 'dies: killed by signal 9' --program "$work/dies"
expect 1 'waits: limit' --program "$work/waits" --limit 1
expect 2 'expected a program' --program "$work/nothing"
expect 2 'no blanks' --program "$work/a b"
expect 2 'markdown' --markdown
expect 2 'excludes' --program "$work/good" --selftests "$work"
pgrep -f 'sleep 86397' >/dev/null && { echo "FAILED: a process is left" >&2; failures=1; }

[ $failures -eq 0 ] || exit 1
echo "ok"
