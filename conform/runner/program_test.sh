#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Plans that execute programs: what they write, how they end, what is left of them.
#
# usage: program_test.sh RUNNER
set -uo pipefail
runner=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  echo "FAILED: $*" >&2
  failures=$((failures + 1))
}

script() {  # NAME TEXT
  printf '#!/bin/sh\n%s\n' "$2" >"$work/$1"
  chmod 755 "$work/$1"
}

run() { timeout 60 "$runner" - | grep -v '^probe'; }

expect() {  # WHAT PLANS LINES
  local found
  found=$(printf '%s\n' "$2" | run)
  [ "$found" = "$3" ] || fail "$1: found '$found', expected '$3'"
}

# shellcheck disable=SC2016  # the script expands it
script says 'echo "one  two $1"; printf "a\\tb\\\\\n" >&2; printf end; ls /tmp; exit 3'
expect output "program says $work/says arg
limit 10000
end" "begin says
out one  two arg
out a\\x09b\\x5c
out end
exit 3
end says ok"

script dies 'kill -SEGV $$'
expect signal "program dies $work/dies
end" "begin dies
killed 11
end dies ok"

# In the plan's own /tmp the runner would not be found.
elsewhere=$(mktemp -d -p /var/tmp)
trap 'rm -rf "$work" "$elsewhere"' EXIT
cp "$runner" "$elsewhere/true"
script runs_true "exec $elsewhere/true --version"
expect true "program true $work/runs_true
end" "begin true
exit 0
end true ok"

# What outlives the program ends with it, and what outlives its limit does, too.
script leaves "sleep 86399 & setsid sleep 86399 & echo left"
expect leaves "program leaves $work/leaves
limit 20000
end" "begin leaves
out left
exit 0
end leaves ok"
script waits "echo waits; setsid sleep 86398 & sleep 86398"
begin=$SECONDS
expect limit "program waits $work/waits
limit 1000
end" "begin waits
out waits
end waits limit"
[ $((SECONDS - begin)) -lt 20 ] || fail "the limit of 1 s took $((SECONDS - begin)) s"
script floods 'exec cat /dev/zero'
printf 'program floods %s\nlimit 30000\nend\n' "$work/floods" | run | tail -1 >"$work/end"
grep -qx 'end floods limit' "$work/end" || fail "endless output: $(cat "$work/end")"

expect missing "program missing $work/nothing
end" "begin missing
end missing broken $work/nothing: No such file or directory"

bad() {  # PLANS MESSAGE
  printf '%b' "$1" >"$work/bad"
  timeout 60 "$runner" "$work/bad" >/dev/null 2>"$work/err"
  local status=$?
  [ $status -eq 3 ] || fail "status $status, expected 3, of: $1"
  grep -qF -- "$work/bad:$2" "$work/err" || fail "found '$(cat "$work/err")', expected '$2'"
}
bad 'program a\nend\n' '1: found the end of the line, expected the path of a program'
bad 'program a /x\ntrap umask\nend\n' "2: found 'trap', expected 'limit MS' or 'end'"
bad 'program a /x\nlimit 0\nend\n' "2: found '0', expected milliseconds"

# Killed, the runner leaves nothing behind.
printf 'program waits %s\nlimit 60000\nend\n' "$work/waits" >"$work/plan"
"$runner" "$work/plan" >"$work/out" &
pid=$!
for _ in $(seq 100); do
  grep -q waits "$work/out" && break
  sleep 0.1
done
kill -KILL $pid
wait $pid 2>/dev/null
for _ in $(seq 50); do
  pgrep -f 'sleep 8639[89]' >/dev/null || break
  sleep 0.1
done
pgrep -f 'sleep 8639[89]' >/dev/null && fail "processes are left"
grep -q "$work" /proc/mounts && fail "a mount is left"

[ $failures -eq 0 ] || exit 1
echo "ok"
