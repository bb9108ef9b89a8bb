#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the plans of testdata/ on this kernel and compares the answers; then what the runner says of
# bad plans, and what is left of it when it is killed. The virtual machine's plans are not for here.
#
# usage: runner_test.sh RUNNER
set -uo pipefail
runner=$1
data=$(dirname "${BASH_SOURCE[0]}")/testdata
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

run() { timeout 120 "$runner" "$@"; }

run --probe >"$work/probe" || { echo "--probe: status $?" >&2; exit 1; }
for need in addfd wait_killable; do
  if ! grep -q "^probe $need yes" "$work/probe"; then
    echo "skipped: $(grep "^probe $need" "$work/probe")"
    exit 77
  fi
done

# Tasks that do not wait for each other may answer in any order: each plan's lines are sorted. What
# this machine skips is taken out of what is expected, too.
by_plan() {
  awk '/^probe/ { next } /^begin/ { plan = $2 } { print plan, $0 }' "$1" | sort
}

run "$data/directed.plan" >"$work/directed" || fail "directed.plan: status $?"
by_plan "$work/directed" >"$work/found"
awk '$2 == "end" && $4 == "skipped" { print $1 }' "$work/found" >"$work/skipped"
[ -s "$work/skipped" ] && echo "skipped here: $(tr '\n' ' ' <"$work/skipped")"
without_skipped() { awk 'NR == FNR { skip[$1] = 1; next } !($1 in skip)' "$work/skipped.all" "$1"; }
{ cat "$work/skipped"; echo "no-plan"; } >"$work/skipped.all"
without_skipped "$work/found" >"$work/found.run"
without_skipped "$data/directed.expected" >"$work/expected.run"
diff -u "$work/expected.run" "$work/found.run" >&2 || fail "directed.plan answers differently"

run "$data/stress.plan" >"$work/stress" || fail "stress.plan: status $?"

# outcomes PLAN: COUNT TEXT of each.
outcomes() {
  sed -n "/^begin $1\$/,/^end $1 ok\$/s/^outcome //p" "$work/stress"
}

# How many runs of PLAN ended as an extended regular expression says.
count() {
  outcomes "$1" | grep -E -- "$2" | awk '{ sum += $1 } END { print sum + 0 }'
}

expect() {  # PLAN REGULAR_EXPRESSION LEAST MOST
  local found
  found=$(count "$1" "$2")
  if [ "$found" -lt "$3" ] || [ "$found" -gt "$4" ]; then
    fail "$1: $found runs with '$2', expected $3 to $4"
    outcomes "$1" >&2
  fi
}

expect value '^[0-9]+ T\[0=3\] S\[0=0 1=0\]$' 100 100
# An honest supervisor refuses all that it does not read as /ok, and the race is there to be seen.
expect openat_path '' 300 300
expect openat_path 'T\[0=-13\] S\[0=0 2=0:r1=2f6576696c 7=0\]' 1 299
expect openat_path 'used=2f6f6b\] S\[0=0 2=0:r1=2f6f6b 5=0\]' 1 299
expect openat_path 'used=2f6576696c\] S\[0=0 2=0:r1=2f6f6b 5=0\]' 1 299
expect openat_path 'r1=2f6576696c 5=' 0 0
expect signals '' 100 100
expect signals 'T\[0=3\]' 1 99
expect signals 'h0=0.*0=asleep\]' 1 99
expect signals '0=-4' 0 0
expect killed '' 30 30
expect killed 'dead\]' 1 29
expect killed 'T\[0=1 1=asleep\] C\[0=asleep\] S\[0=0 1=0 2=0 3=0\]' 1 29

# bad TEXT MESSAGE: a plan that is refused, with its place.
bad() {
  printf '%b' "$1" >"$work/bad"
  run "$work/bad" >"$work/out" 2>"$work/err"
  local status=$?
  [ $status -eq 3 ] || fail "status $status, expected 3, of: $1"
  grep -qF -- "$work/bad:$2" "$work/err" || fail "found '$(cat "$work/err")', expected '$2'"
}
bad 'plan a\nmode wild\nend\n' "2: found 'wild', expected a mode"
bad 'task 0 T target -\n' "1: found 'task', expected 'plan NAME'"
bad 'plan a\n' "1: found the end of the file, expected 'end'"
bad 'plan a\nend\n' '2: found no target'
bad 'plan a\ntrap nosuchcall\nend\n' "2: found 'nosuchcall'"
bad 'plan a\nobject 0 a string 4\nword 0 0 12\nend\n' \
  "3: found '12', expected 16 hexadecimal digits"
bad 'plan a\ntask 0 T target -\nop 0 0 call openat &1\nend\n' "4: found '&1', expected an object"
bad 'plan a\ntask 0 T target -\norder start 0 5\nend\n' '3: found operation 5'
bad 'plan a\ntask 0 T target -\ntask 1 T supervisor 0\nend\n' "3: found '0', expected '-'"
bad 'plan a\ntask 0 T target - more\nend\n' "2: found 'more', expected the end of the line"
run "$work/missing" 2>/dev/null
status=$?
[ $status -eq 3 ] || fail "a file that is missing: status $status"
run 2>/dev/null
status=$?
[ $status -eq 2 ] || fail "no arguments: status $status"

# What it has started ends with it, whatever ends it.
cp "$runner" "$work/runner_copy"
printf 'plan a\nmode directed\nlimit 60000\ntrap umask\ntask 0 T target -\n%s' \
  $'op 0 0 call umask 0\norder start 0 0\norder wait 0 done\nend\n' >"$work/waits"
for signal in TERM KILL; do
  "$work/runner_copy" "$work/waits" >/dev/null &
  pid=$!
  sleep 1
  pgrep -f "$work/runner_copy" | grep -qvx "$pid" || fail "nothing runs before SIG$signal"
  kill -"$signal" "$pid"
  wait "$pid" 2>/dev/null
  for _ in $(seq 50); do
    pgrep -f "$work/runner_copy" >/dev/null || break
    sleep 0.1
  done
  pgrep -f "$work/runner_copy" >/dev/null && fail "processes are left after SIG$signal"
done
grep -q "$work" /proc/mounts && fail "a mount is left"

[ $failures -eq 0 ] || exit 1
echo "ok"
