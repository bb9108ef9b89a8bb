#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# conform/kernel/build.sh on a toy kernel, whose make takes no time: the cache, the patches, the
# check of the configuration, and what an interrupted build leaves.
set -euo pipefail

build=$1
directory=$(mktemp -d)
trap 'rm -rf -- "$directory"' EXIT
cd "$directory"
cache=$directory/cache
failures=0
expect() {  # WHAT CONDITION...
  local what=$1
  shift
  "$@" || { echo "FAILED: $what"; failures=$((failures + 1)); }
}

# What a kernel's source must have. bzImage holds the source's text; a symbol named GONE is dropped.
mkdir -p toy/scripts/kconfig toy/tools/testing/selftests/{seccomp,clone3}
cat >toy/Makefile <<'TEXT'
tinyconfig: ; echo CONFIG_TINY=y >$(O)/.config
olddefconfig: ; sed -i /GONE/d $(O)/.config
bzImage:
	echo made >>$(COUNT)
	test ! -e $(WAIT) || { touch $(WAIT).started; sleep 1000; }
	mkdir -p $(O)/arch/x86/boot
	{ head -c 514 /dev/zero; printf HdrS; cat text; } >$(O)/arch/x86/boot/bzImage
headers_install: ; mkdir -p $(O)/usr/include
mrproper: ;
TEXT
# shellcheck disable=SC2016  # for the toy's own shell
printf '#!/bin/sh\nshift 3\nout=$1; shift\ncat "$@" >>"$out"\n' \
  >toy/scripts/kconfig/merge_config.sh
chmod +x toy/scripts/kconfig/merge_config.sh
printf 'one\ntwo\n' >toy/text
echo >toy/Kconfig
echo 'int main(void) { return 0; }' >toy/tools/testing/selftests/seccomp/seccomp_bpf.c
tar -cJf toy.tar.xz toy

printf 'CONFIG_A=y\n# CONFIG_B is not set\n' >a.config
printf 'CONFIG_GONE=y\nCONFIG_N=3\n' >gone.config
cat >two.patch <<'TEXT'
--- a/text
+++ b/text
@@ -1,2 +1,2 @@
 one
-two
+zwei = 2
TEXT
cat >two.mail <<'TEXT'
From: A <a@example.org>
Subject: [PATCH] two
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Words.
---
--- a/text
+++ b/text
@@ -1,2 +1,2 @@
 one
-two
+zwei =3D 2
--=20
2.43.0
TEXT
sed 's/^-two/-three/' two.patch >bad.patch
cat >tests.mail <<'TEXT'
Subject: [PATCH] a program

diff --git a/Makefile b/Makefile
--- a/Makefile
+++ b/Makefile
@@ -1,1 +1,1 @@
its blank got lost, and nobody needs it
-x
+y
diff --git a/tools/testing/selftests/seccomp/extra.c b/tools/testing/selftests/seccomp/extra.c
new file mode 100644
--- /dev/null
+++ b/tools/testing/selftests/seccomp/extra.c
@@ -0,0 +1,1 @@
+int main(void) { return offsetof(struct { int a; int b; }, b) != 4; }
TEXT

export COUNT=$directory/count WAIT=$directory/wait
touch "$COUNT"
made() { wc -l <"$COUNT"; }
status=0
# RUN WANTED-STATUS ARGS...: its last line in $last, its messages in err.
run() {
  local wanted=$1
  shift
  status=0
  timeout 100 "$build" --cache "$cache" --jobs 1 "$@" >out 2>err || status=$?
  last=$(tail -n 1 out)
  if [[ $status != "$wanted" ]]; then
    echo "FAILED: found status $status, expected $wanted, of $*"
    cat err
    failures=$((failures + 1))
  fi
}
nothing_left() {
  [[ ! $(find "$cache" -maxdepth 2 \( -name '.tmp-*' -o -name 'o-*' \)) ]]
}

timeout 100 "$build" --cache "$cache" --source toy --config a.config >out 2>err || status=$?
if [[ $status == 5 ]]; then
  cat err
  exit 77
fi
expect 'a tree builds' [ "$status" = 0 ]
tree=$(tail -n 1 out)
expect 'the result has its parts' [ -s "$tree/bzImage" -a -s "$tree/config" -a -s "$tree/log" ]
expect 'the inputs are named' grep -q '^config [0-9a-f]* a.config$' "$tree/inputs.txt"
expect 'a tree stays as it was' [ -z "$(find toy -newer toy.tar.xz)" ]
run 0 --source toy --config a.config
expect 'the same inputs are found again' [ "$last" = "$tree" -a "$(made)" = 1 ]
cp a.config b.config
run 0 --source toy --config b.config
expect 'names do not count' [ "$last" = "$tree" ]
rm "$tree/bzImage"
run 0 --source toy --config a.config
expect 'a result without its kernel is none' [ "$(made)" = 2 -a -s "$tree/bzImage" ]

run 0 --source toy.tar.xz --config a.config --patch two.patch
patched=$last
expect 'the patch is in' grep -q 'zwei = 2' "$patched/bzImage"
run 0 --source toy.tar.xz --config a.config --patch two.mail
expect 'a mail is decoded' grep -q 'zwei = 2' "$last/bzImage"
expect 'another patch, another result' [ "$last" != "$patched" ]
run 0 --source toy --config a.config --patch two.patch
expect 'a patched tree' grep -q 'zwei = 2' "$last/bzImage"
expect 'the tree itself is not patched' grep -q two toy/text
run 3 --source toy.tar.xz --config a.config --patch bad.patch
expect "patch's own words" grep -q 'Hunk #1 FAILED' err
run 2 --source toy.tar.xz --config a.config --patch a.config
expect 'no diff' grep -q 'found no diff' err

run 4 --source toy --config a.config --config gone.config
expect 'dropped' grep -q 'gone.config:1: CONFIG_GONE: found n after olddefconfig, expected y' err
run 0 --source toy --config a.config --config gone.config --allow-dropped GONE
printf 'CONFIG_A=n\n' >not.config
run 0 --source toy --config a.config --config not.config --allow-dropped all
run 4 --source toy --config not.config --config a.config --config gone.config

if ! printf '#include <sys/capability.h>\nint main(void) { return cap_free(0); }\n' \
  | gcc -x c - -static -o libcap -lcap 2>/dev/null; then
  echo 'no libcap.a: selftests are not tried'
else
  run 0 --source toy --config a.config --selftest-patch tests.mail
  expect 'both programs' [ -x "$last/seccomp_bpf" -a -x "$last/extra" ]
  expect 'the program is right' "$last/extra"
fi

# Interrupted, and killed: nothing is taken for a result, nothing runs on, nothing stays.
echo three >>toy/text
touch "$WAIT"
for signal in TERM KILL; do
  rm -f "$WAIT.started"
  "$build" --cache "$cache" --source toy --config a.config >out 2>err &
  pid=$!
  for ((i = 0; i < 500; ++i)); do
    [[ ! -e $WAIT.started ]] || break
    sleep 0.02
  done
  expect 'it began' [ -e "$WAIT.started" ]
  kill -s "$signal" "$pid"
  wait "$pid" 2>/dev/null || true
  [[ $signal == KILL ]] || expect 'an interrupted build cleans up' nothing_left
done
rm "$WAIT"
# Its lock is free when all that the killed build had started is gone; then any build removes it.
for ((i = 0; i < 50; ++i)); do
  run 0 --source toy --config not.config
  ! nothing_left || break
  sleep 0.1
done
expect 'what was killed is removed' nothing_left
before=$(made)
run 0 --source toy --config a.config
expect 'and built again' [ "$(made)" = $((before + 1)) ]
touch "$WAIT"
echo four >>toy/text
run 124 --source toy --config a.config --timeout 1
expect 'the limit' grep -q 'time limit of 1 s' err
expect 'nothing is left after the limit' nothing_left

run 2 --source missing --config a.config
run 2 --source a.config
run 2 --source toy
run 2 --source cache --config a.config
run 2 --source toy --config missing
run 2 --source toy --config a.config --jobs x
run 2 --source toy --config
run 2 --frobnicate
run 1 --source a.config --config a.config

((failures == 0)) || exit 1
echo 'all as expected'
