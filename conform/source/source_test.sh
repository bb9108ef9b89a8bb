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
says 0 'stress: 5 hold in' --target "source:$tree" --proposal baseline notifier/basic \
  notifier/addfd_send_interrupted notifier/signal notifier/fault_recv_addfd_send notifier/set_flags
