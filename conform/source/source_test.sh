#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The C of linux-source-6.12 against the model, and what is said of a tree that is none.
#
#   source_test.sh KNOTCHECK KNOT_SOURCE
#
# 77: there is no such source, or no gcc. KNOT_LINUX: another tree, or a tar of one.
set -eu
knotcheck=$1 program=$2
tree=${KNOT_LINUX:-/usr/src/linux-source-6.12.tar.xz}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
output=$(mktemp)
trap 'rm -f "$output"' EXIT

fail() {
  echo "FAILED: $*"
  head -40 "$output"
  exit 1
}
says() {
  local wanted=$1 text=$2 status=0
  shift 2
  "$knotcheck" conform --runner "$program" --quiet "$@" >"$output" 2>&1 || status=$?
  [ $status = "$wanted" ] || fail "exit status $status, expected $wanted: $*"
  grep -qF -- "$text" "$output" || fail "it lacks '$text': $*"
}

says 2 'expected a kernel tree' --target source:/nowhere notifier/basic
says 2 'expected --target source' --patch x notifier/basic
command -v gcc >/dev/null || exit 77
says 2 'found no kernel/seccomp.c' --target source:/tmp notifier/basic
[ -e "$tree" ] || exit 77
says 2 'which searches all runs and forces none' --target "source:$tree" --forced 3 notifier/basic
all=(notifier/basic notifier/addfd_send_interrupted notifier/signal notifier/fault_recv_addfd_send
  notifier/set_flags notifier/fault_recv_closed notifier/closed_after_recv supervisors/timeout_allows
  attack/openat_path)
says 0 'compared: 9, 9 with the same outcomes on both sides, 0 that differ' --target "source:$tree" \
  --proposal baseline "${all[@]}"

# A model of another kernel differs, and each side shows the run that the other lacks: the C with its
# lines, the model with what it notes.
planted() {
  says 1 "$1" --target "source:$tree" --proposal baseline --kernel "$2" "$3"
  sed -n "/${1%%:*}/,/alone: \|differs: /p" "$output" | grep -q -- "$4" || fail "it shows no run: $2"
}
planted 'the model alone: A[0=1] B[0=1]' lifo_notifications notifier/fifo_ids 'knotif 2: SENT'
planted 'the C alone: T[dead] S[0=-2]' recv_blocks_forever notifier/filter_empty_recv \
  'kernel/seccomp.c:[0-9]'
planted 'the C alone: T[0=2] S[0=0 1=-4 2=0]' addfd_send_interrupted \
  notifier/addfd_send_interrupted 'kernel/seccomp.c:[0-9]'

# So does other C: by an outcome that never comes, by a lock, by memory.
python3 tools/source_mutants.py --source "$tree" --knotcheck "$knotcheck" --runner "$program" \
  --mutant send_does_not_wake --mutant send_keeps_lock --mutant free_leaks \
  notifier/basic notifier/closed_listener >"$output" 2>&1 || fail "source_mutants.py"
grep -qF '3 of 3 are noticed' "$output" || fail "a mutant is not noticed"
grep -qF 'the C: leak' "$output" || fail "a leak is not told"
