#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# example_test.sh SOURCES BUILD: docs/example-proposal, copied out of the tree and built against
# this build, is found by every command and passes the tests of reductions and of both judges.
set -euo pipefail

sources=$1
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$sources/docs/example-proposal" "$work/example"
cd "$work/example"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# says TEXT COMMAND...: the command succeeds, or ends with what STATUS says, and its output has TEXT.
says() {
  local text=$1 status=0
  shift
  "$@" >"$work/out" 2>&1 || status=$?
  [ "$status" -eq "${STATUS:-0}" ] || { cat "$work/out"; fail "$* ended with $status"; }
  grep -qF -- "$text" "$work/out" || { cat "$work/out"; fail "$* does not say '$text'"; }
}

cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DKNOTCHECK="$sources" \
  -DKNOTCHECK_BUILD="$build" -DCMAKE_CXX_COMPILER_LAUNCHER="$(command -v ccache || true)" \
  >"$work/configure" 2>&1 || { cat "$work/configure"; fail configure; }
cmake --build build >"$work/build" 2>&1 || { cat "$work/build"; fail build; }
knotcheck=build/knotcheck

says 'docs/example-proposal' $knotcheck list proposals
says 'old_mark_freed' $knotcheck list fixes
says 'mutate_mark_stays' $knotcheck list mutations
says 'mark-dies (mark only)' $knotcheck list properties
says '6 agree, 0 differ' $knotcheck check scenarios --proposal mark --quiet

# Revisions and fixes, by the one grammar.
says 'v1, without ONCE' $knotcheck list proposals
says '8 agree, 0 differ' $knotcheck check scenarios --quiet
says 'violated under mark' $knotcheck check scenarios/mark/no_flags.scn --proposal mark \
  --trace-dir revision --quiet
says 'violates expectation' $knotcheck replay revision/*.json --quiet
STATUS=2 says "found 'v3', expected a revision of mark" $knotcheck check scenarios --proposal mark@v3

# The mutation breaks the property, and nothing else does; the fix closes the leak.
STATUS=1 says 'violated(mark-dies' \
  $knotcheck check scenarios/mark/marked.scn --mutate mutate_mark_stays --quiet
STATUS=1 says 'claimed violated(no-leak), found holds' \
  $knotcheck check scenarios/mark/marked_twice.scn --fix old_mark_freed --quiet
says 'old_mark_freed' $knotcheck fixes scenarios/mark/marked_twice.scn --proposal mark

says 'toctou' $knotcheck sweep --proposal mark openat --quiet
printf 'kind\tname\twhy\n' >gaps.tsv
STATUS=1 says 'seccomp_notif_mark [mark]              4 of 4 steps' \
  $knotcheck coverage scenarios --gaps gaps.tsv

# Words of the verb: told where they are wrong.
sed 's/mark(n, once) == 0/mark(n, twice) == 0/' scenarios/mark/marked_once.scn >wrong.scn
STATUS=3 says "wrong.scn:11:11: found 'twice', expected an option" $knotcheck check wrong.scn

STATUS=0 says '2 agree' $knotcheck check scenarios/mark/marked_twice.scn --trace-dir traces --quiet
$knotcheck conform --emit-c traces/*.json --output twice.c || fail "there is no C program"
says '.id = req.id' cat twice.c
cc -Wall -Wextra -Werror -O2 -o twice twice.c -lpthread || fail "the C program does not compile"

build/mark_test --gtest_brief=1 >"$work/tests" 2>&1 || { cat "$work/tests"; fail tests; }
echo "the example is a proposal like others"
