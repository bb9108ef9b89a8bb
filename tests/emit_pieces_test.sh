#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# emit_pieces_test.sh SOURCES: the C files that programs are made of compile with everything that is
# in them, whatever parts a program has, and with the pieces of each room.
set -euo pipefail

command -v cc >/dev/null || exit 77
sources=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
compiled=0

# compile PARTS ROOM: the files in the order in which they stand in a program.
compile() {
  local parts=$1 room=$2 file
  {
    echo '#define _GNU_SOURCE'
    for file in conform/emit/head.c "$room/emit_head.c" conform/emit/testing/program.c \
      conform/emit/control.c conform/emit/world.c conform/emit/need.c "$room/emit_world.c"; do
      [ ! -f "$sources/$file" ] || echo "#include \"$file\""
    done
  } >"$work/all.c"
  # No program has all of them.
  # shellcheck disable=SC2086
  cc -I "$sources" -O1 -Wall -Wextra -Werror -Wno-unused-function -Wno-unused-variable $parts \
    -c -o "$work/all.o" "$work/all.c"
  compiled=$((compiled + 1))
}

# A file that nobody asks for is a mistake.
for file in "$sources"/conform/emit/*.c; do
  case ${file##*/} in
    head.c | control.c | world.c | need.c) ;;
    *) echo "$file is not compiled here" >&2; exit 1 ;;
  esac
done

# Each set of parts.
mapfile -t names < <(grep -rhoE 'EMIT_[A-Z]+' "$sources"/conform/emit/*.c | sort -u)
for ((set = 0; set < 1 << ${#names[@]}; ++set)); do
  parts=
  for ((i = 0; i < ${#names[@]}; ++i)); do
    ((set >> i & 1)) && parts+=" -D${names[i]}"
  done
  compile "$parts" none
done
for room in "$sources"/conform/proposals/* "$sources"/docs/example-proposal/mark; do
  compile '' "${room#"$sources"/}"
done
echo "the pieces compile in $compiled ways"
