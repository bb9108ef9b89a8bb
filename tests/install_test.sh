#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# install_test.sh BUILD: what `cmake --install` leaves works from any folder: names of scenarios, the
# lines that are printed, the tables and knot_runner, and the documents' own paths.
set -euo pipefail

build=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
  echo "FAILED: $*" >&2
  [ ! -f "$work/out" ] || head -40 "$work/out" >&2
  exit 1
}

cmake --install "$build" --prefix "$work/usr" >"$work/out" 2>&1 || fail "cmake --install"
share=$work/usr/share/knotcheck
for file in README.md LICENSE docs/language.md docs/coverage-gaps.tsv conform/selftests.tsv \
  scenarios/README.md scenarios/attack/openat_path.expected; do
  [ -s "$share/$file" ] || fail "no $file"
done
[ -x "$share/conform/kernel/build.sh" ] || fail "no kernel/build.sh to be run"
[ -x "$work/usr/libexec/knotcheck/knot_runner" ] || fail "no knot_runner"
# The pages that README leads to.
grep -oE '\]\([^)#:]+\)' "$share/README.md" | sed 's/^](//; s/)$//' | sort -u >"$work/links"
while read -r link; do [ -e "$share/$link" ] || fail "README leads to $link"; done <"$work/links"

# From a folder of its own, as somebody who has it in PATH.
mkdir "$work/here"
cd "$work/here"
PATH=$work/usr/bin:$PATH
says() {  # TEXT COMMAND...
  local text=$1
  shift
  "$@" >"$work/out" 2>&1 </dev/null || fail "exit status $?: $*"
  # However it is wrapped.
  tr -s '[:space:]' ' ' <"$work/out" | grep -qF -- "$text" || fail "no '$text': $*"
}
says 'replay: knotcheck replay' knotcheck check attack/openat_path --proposal baseline
sed -n '/^replay: /,/[^\\]$/p' "$work/out" | sed '1s/^replay: //' >"$work/replay.sh"
says 'and violates toctou' bash -eu "$work/replay.sh"
says '1 agree' knotcheck check openat_path --proposal baseline --traces none
says '0 differ' knotcheck check attack --quiet
says 'attack/openat_path' knotcheck list scenarios
says 'plan attack/openat_path@baseline' knotcheck conform attack/openat_path --proposal baseline --plans
# A line of docs/findings, as it stands there.
sed -n '/^build.release.knotcheck replay/,/[^\\]$/{p;/[^\\]$/q}' "$share/docs/findings/linux.md" |
  sed '1s|^build/release/||' >"$work/replay.sh"
says 'and violates' bash -eu "$work/replay.sh"
# The tables: coverage finds its gaps (and more, of one scenario), the selftests theirs.
knotcheck coverage attack/openat_path --quiet --width 200 >"$work/out" 2>&1 || true
grep -qF "$share/docs/coverage-gaps.tsv" "$work/out" || fail "coverage has no table"
# The runner is asked, whatever this kernel lets it do.
knotcheck conform --probe --quiet >"$work/out" 2>&1 || true
! grep -qE 'found no knot_runner|cannot be run' "$work/out" || fail "conform does not find its runner"
rm "$work/usr/libexec/knotcheck/knot_runner"
if knotcheck conform --probe --quiet >"$work/out" 2>&1; then fail "there is no runner"; fi
grep -q 'cmake --install' "$work/out" || fail "conform does not say what is missing"
echo "installed, and works from anywhere"
