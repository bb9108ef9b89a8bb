#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# kill -9 at random moments of a search, resumed each time: the result is byte for byte that of an
# uninterrupted one. And what is refused.
#
#   tests/checkpoint_test.sh PATH/knotcheck SCENARIO PROPOSAL KILLS SECONDS
#
# SECONDS: about how long the search takes; it is killed within a part of that, and says how often
# it was.
set -eu

KNOTCHECK=$(realpath "$1")
SCENARIO=$(realpath "$2")
PROPOSAL=$3
KILLS=$4
LONG=$5
DIR=$(mktemp -d)
trap 'rm -rf "$DIR"' EXIT
cd "$DIR"
RANDOM=1

fail() { echo "FAILED: $*"; exit 1; }
check() {
  "$KNOTCHECK" check "$SCENARIO" --proposal "$PROPOSAL" --traces none --quiet "$@"
}

status=0
check --json whole.json >whole.txt || status=$?
[ $status = 0 ] || fail "exit status $status without checkpoints"
killed=0
resume=(--checkpoint saved)
while [ $killed -lt "$KILLS" ]; do
  setsid "$KNOTCHECK" check "$SCENARIO" --proposal "$PROPOSAL" --traces none --quiet "${resume[@]}" \
    --every 0.001 --json resumed.json >resumed.txt 2>err &
  pid=$!
  sleep "$(awk -v r=$RANDOM -v long="$LONG" -v kills="$KILLS" \
    'BEGIN { print r / 32768 * (long / kills * 2 + 0.2) }')"
  if kill -9 $pid 2>/dev/null; then
    killed=$((killed + 1))
    wait $pid 2>/dev/null || true
    # Killed before anything was saved, it begins at the beginning.
    if compgen -G 'saved/*.checkpoint' >/dev/null; then resume=(--resume saved); fi
  else
    status=0
    wait $pid || status=$?
    [ $status = 0 ] || { cat err; fail "exit status $status"; }
    cmp whole.json resumed.json || fail "other results after $killed kills"
    resume=(--checkpoint saved)
  fi
done
status=0
check "${resume[@]}" --json resumed.json >resumed.txt || status=$?
[ $status = 0 ] || fail "exit status $status in the end"
cmp whole.json resumed.json || fail "other results after $killed kills"
cmp whole.txt resumed.txt || fail "other output after $killed kills"
! compgen -G 'saved/*' >/dev/null || fail "checkpoints are left behind"
echo "killed $killed times; the same results"
