#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# knotcheck coverage from end to end: a scenario small enough to say what it reaches.
#
#   tests/coverage_test.sh PATH/knotcheck
set -eu

KNOTCHECK=$(realpath "$1")
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
cd "$DIR"
tests=0

fail() {
  echo "FAILED: $*"
  echo "--- stdout"; cat out
  echo "--- stderr"; cat err
  exit 1
}
expect() {
  local wanted=$1 status=0
  shift
  tests=$((tests + 1))
  command=$*
  "$KNOTCHECK" "$@" --width 200 >out 2>err </dev/null || status=$?
  [ "$status" = "$wanted" ] || fail "exit status $status, expected $wanted: knotcheck $command"
}
has() { grep -qE -- "$2" "$1" || fail "$1 lacks '$2': knotcheck $command"; }
lacks() { ! grep -qE -- "$2" "$1" || fail "$1 has '$2': knotcheck $command"; }

cat >deny.scn <<'END'
# name:     test/deny
# question: Is the call refused?
# source:   none
# result:   baseline=holds

filter umask
target T { umask() == EACCES }
supervisor S {
  n = recv()
  send(n, error EACCES)
  set_flags(1)
}
END
printf 'kind\tname\twhy\n' >none.tsv

# Nothing is listed: every gap is asked for.
expect 1 coverage deny.scn --gaps none.tsv
has out '^kernel/seccomp.c$'
has out '^  seccomp_notify_send +3 of 3 steps, 0 of 6 errors$'
has out '^  seccomp_notify_id_valid +0 of 2 steps, 0 of 4 errors$'
has out '^    never: mutex_unlock\(&filter->notify_lock\)  <-- not listed$'
has out '^  recv_wait_event +[1-9] of 6 steps'
has out '^  umask +EACCES$'
has out '^  ioctl\(SEND\) +success$'
has out '^    never reached: toctou  <-- not listed$'
has out '^    never broken: expectation  <-- not listed$'
has out '^    never: ReplyLost  <-- not listed$'
lacks out 'never: (Trapped|Expected|ReplyApplied)'
lacks out 'pin_args|Proposal'
has out '^step	seccomp_notify_id_valid: mutex_unlock\(&filter->notify_lock\)	\.\.\.$'
has out '^event	ReplyLost	\.\.\.$'

# All of them are listed.
(cat none.tsv; sed -n 's/\t\.\.\.$/\tthe scenario is small/p' out) >all.tsv
expect 0 coverage deny.scn --gaps all.tsv --json all.json
has out 'gaps, [1-9][0-9]* listed in all.tsv$'
lacks out 'not listed'
has all.json '"proposals": \['
has all.json '"why": "the scenario is small"'
# ... and what only another proposal has may stand there, too.
(cat all.tsv; printf 'step\tpin_one_fixed [pin_args]: %s\twhy\n' \
  'read = access_remote_vm(mm, user_addr, kbuf, desc->max_bytes, 0)') >more.tsv
expect 0 coverage deny.scn --gaps more.tsv

# Rows that nothing needs.
(cat all.tsv; printf 'event\tTrapped\twhy\nstep\tno_such: thing\twhy\n') >stale.tsv
expect 1 coverage deny.scn --gaps stale.tsv
has out '^2 listed without need'
has out '^stale.tsv:[0-9]+: event Trapped$'
has out '^stale.tsv:[0-9]+: step no_such: thing$'

# Another scenario more closes gaps.
sed 's|test/deny|test/valid|; s|set_flags(1)|id_valid(n)|' deny.scn >valid.scn
expect 1 coverage deny.scn valid.scn --gaps all.tsv
has out '^  seccomp_notify_id_valid +2 of 2 steps, 1 of 4 errors$'
has out '^all.tsv:[0-9]+: errno seccomp_notify_id_valid: ENOENT$'

# Under another proposal than the result names.
expect 1 coverage deny.scn --gaps none.tsv --proposal pin_args
has out '^  pin_one_fixed \[pin_args\] +0 of [0-9]+ steps, 0 of 3 errors$'
has out '^    never: Proposal[0-9]+ \[pin_args\]  <-- not listed$'

# Wrong lists and names.
printf 'kind\tname\n' >bad.tsv
expect 3 coverage deny.scn --gaps bad.tsv
has err '^bad.tsv:1:1: '
printf 'kind\tname\twhy\nsteps\ta\tb\n' >bad.tsv
expect 3 coverage deny.scn --gaps bad.tsv
has err "^bad.tsv:2:1: .*'steps'.*did you mean 'step'"
printf 'kind\tname\twhy\nstep\ta\n' >bad.tsv
expect 3 coverage deny.scn --gaps bad.tsv
has err '^bad.tsv:2:1: found 2 columns'
printf 'kind\tname\twhy\nstep\ta\tb\nstep\ta\tc\n' >bad.tsv
expect 3 coverage deny.scn --gaps bad.tsv
has err "^bad.tsv:3:6: found 'a' again"
expect 3 coverage deny.scn --gaps missing.tsv
has err 'missing.tsv'
expect 3 coverage missing.scn --gaps none.tsv
expect 2 coverage deny.scn --gaps none.tsv --proposal nothing
expect 2 coverage deny.scn --gaps none.tsv --json no/such/directory.json

echo "$tests commands tested"
