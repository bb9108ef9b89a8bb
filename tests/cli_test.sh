#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The command line from end to end: every exit status, and bad input of every kind. What is tested
# is what a user sees; the pieces have tests of their own.
#
#   tests/cli_test.sh PATH/knotcheck
set -eu

KNOTCHECK=$(realpath "$1")
DIR=$(mktemp -d)
trap 'chmod -R u+w "$DIR"; rm -rf "$DIR"' EXIT
cd "$DIR"
unset NO_COLOR || true
tests=0

fail() {
  echo "FAILED: $*"
  echo "--- stdout"; head -50 out
  echo "--- stderr"; head -50 err
  exit 1
}

# expect STATUS ARGUMENT...: runs knotcheck; its output is in the files out and err.
expect() {
  local wanted=$1 status=0
  shift
  tests=$((tests + 1))
  command=$*
  "$KNOTCHECK" "$@" >out 2>err </dev/null || status=$?
  [ "$status" = "$wanted" ] || fail "exit status $status, expected $wanted: knotcheck $command"
}
out_has() { grep -qF -- "$1" out || fail "stdout lacks '$1': knotcheck $command"; }
out_lacks() { ! grep -qF -- "$1" out || fail "stdout has '$1': knotcheck $command"; }
err_has() { grep -qF -- "$1" err || fail "stderr lacks '$1': knotcheck $command"; }
err_lacks() { ! grep -qF -- "$1" err || fail "stderr has '$1': knotcheck $command"; }
err_empty() { [ ! -s err ] || fail "stderr is not empty: knotcheck $command"; }

# as_printed BEGIN: the first command of `out` whose line begins so does what it says as it stands.
as_printed() {
  sed -n "\\|^$1|,/[^\\\\]\$/{p;/[^\\\\]\$/q}" out | sed '1s/^replay://' >replay.sh
  tests=$((tests + 1))
  bash -eu replay.sh >out 2>err </dev/null || fail "$(cat replay.sh)"
  tr -s '[:space:]' ' ' <out | grep -q 'and violates' || fail "it shows nothing: $(cat replay.sh)"
}

mkdir -p scn/sub empty
cat >scn/sub/race.scn <<'END'
# name:     test/race
# question: Can a peer change the path?
# source:   none
# result:   baseline=violated(toctou)

memory path = "/ok" | "/evil"
target T { openat(AT_FDCWD, path, O_RDONLY) }
peer P shares memory with T
supervisor S { policy: allow openat if path == "/ok", else EACCES }
never toctou
END
sed 's|test/race|test/alone|; s|=violated(toctou)|=holds pin_args=?|; /^peer/d
  s|never toctou|never lock-discipline|' scn/sub/race.scn >scn/alone.scn
sed 's|violated(toctou)|holds|' scn/sub/race.scn >wrong.scn
cat >pins.scn <<'END'
# name:     test/pins
# question: Does it mean anything elsewhere?
# source:   none
# result:   baseline=? pin_args=?

memory path = "/ok"
target T { openat(AT_FDCWD, path, O_RDONLY) }
supervisor S {
  n = recv()
  pin(n, 1: cstring 4096)
  send(n, continue)
}
filter openat
END
cat >big.scn <<'END'
# name:     test/big
# question: How long is too long?
# source:   none
# result:   baseline=?

memory path = "/ok" | "/evil"
memory name = "/a" | "/b"
target T { openat(AT_FDCWD, path, O_RDONLY) }
target U { openat(AT_FDCWD, name, O_RDONLY) }
signals to T: 2, handler restarts
signals to U: 2, handler restarts
peer P shares memory with T
supervisor S[2] { policy: allow openat if path == "/ok", else EACCES }
END
RACE=scn/sub/race.scn

# 0: as the result says.
expect 0 check $RACE
err_empty
out_has 'test/race: toctou violated under baseline'
out_has 'P (peer)'
out_has '<-- approved "/ok"'
out_has '1 scenario, 1 question: 1 agree, 0 differ, 0 incomplete, 0 not judged'
expect 0 check scn
out_lacks 'steps shown'
out_has '2 scenarios, 3 questions: 2 agree, 0 differ, 0 incomplete, 1 not judged'
[ "$(grep -n test/alone out | cut -d: -f1)" -lt "$(grep -n test/race out | cut -d: -f1)" ] ||
  fail "scenarios are not sorted by path"
cp out first
expect 0 check scn --jobs 1
cmp -s out first || fail "the output depends on --jobs"
expect 0 check scn --traces first --width 40
awk 'length($0) > 40 { exit 1 }' out || fail "a line exceeds --width 40"
expect 0 check $RACE --all --width 140
out_has '| mutex_lock(&match->notify_lock)'
expect 0 check $RACE --order dfs --traces none
expect 0 check pins.scn
out_has 'n/a'
out_has 'pin() means nothing under baseline'
expect 0 --version
expect 0 --help
out_has 'Exit status'
expect 0 check --help
out_lacks '--mutate'
expect 0 list scenarios scn
out_has 'Can a peer change the path?'
expect 0 list choices $RACE
expect 0 check $RACE --kernel 6.12.117 --json transcribed.json
grep -q '"toggles": \[\]' transcribed.json || fail 'the transcribed release has variants'
expect 2 check $RACE --kernel 5.10 --kernel 6.1
err_has '--kernel: found 6.1 beside 5.10, expected one release'
expect 0 check $RACE --kernel 5.18.3,release_late --kernel recv_garbage --json old.json
for variant in lifo_notifications release_late recv_garbage; do
  grep -q "\"$variant\"" old.json || fail "--kernel: no $variant"
done
expect 0 list kernels
out_has 'in 5.9 to 5.12, mended in 5.10.42, 5.12.9'
for what in proposals properties kernels fixes mutations; do
  expect 0 list $what
  [ -s out ] || fail "list $what prints nothing"
done
expect 0 simulate $RACE --seed 7 --walks 50 --steps 500
out_has 'prove nothing'
cp out first
expect 0 simulate $RACE --seed 7 --walks 50 --steps 500
cmp -s out first || fail "the same seed gives other walks"

# Fixes: named on the command line, in what is written, and in the replay.
cat >pinned.scn <<'END'
# name:     test/pinned
# question: Is CONTINUE_PINNED refused when nothing is pinned?
# source:   none
# result:   pin_args=violated(fail-closed)

filter openat
memory path = "/ok"
target T { openat(AT_FDCWD, path, O_RDONLY) }
supervisor S {
  n = recv()
  send(n, continue pinned)
  send(n, error EACCES)
}
END
expect 0 check pinned.scn --trace-dir kept
out_lacks 'fixes:'
expect 1 check pinned.scn --fix pinned_needs_record,zeroed_buffers --json fixed.json
out_has 'claimed violated(fail-closed), found holds'
out_has 'fixes: pinned_needs_record,zeroed_buffers'
grep -qF '"pinned_needs_record"' fixed.json || fail "the results do not name the fix"
expect 0 check pinned.scn --fix clear_when_left --fix zeroed_buffers --trace-dir kept --width 200
out_has 'under pin_args+clear_when_left+zeroed_buffers'
grep -qF '"pin_args+clear_when_left+zeroed_buffers"' kept/*.json ||
  fail "the trace does not name the fix"
expect 0 check pinned.scn --fix clear_when_left --fix zeroed_buffers --width 200
out_has '--proposal pin_args+clear_when_left+zeroed_buffers'
expect 0 replay kept/test_pinned.pin_args+clear_when_left+zeroed_buffers.fail-closed.json
out_has 'under pin_args+clear_when_left'
# The same by an operand, whose own claim is none; and one with its own claim.
expect 0 check pinned.scn --proposal pin_args+pinned_needs_record/6.1 --json own.json
grep -qF '"agreement": "?"' own.json || fail "another operand's claim was taken"
sed 's/^# result:.*/&\n# result: pin_args+pinned_needs_record=holds/' pinned.scn >both.scn
expect 0 check both.scn --quiet --width 80
out_has '2 agree'
out_has 'scenario      proposal  outcome'
out_has '  ok          pin_args+pinned_needs_record'
expect 1 check both.scn --fix pinned_needs_record --quiet
sed 's/^# result:.*/# result: pin_args+pinned_need_record=holds/' pinned.scn >typo.scn
expect 3 check typo.scn
err_has "typo.scn:4:20: found 'pinned_need_record', expected a fix"
sed 's|^# result:.*|# result: baseline=holds baseline/5.10=holds|' pinned.scn >older.scn
expect 2 check older.scn --proposal baseline/5.10 --kernel 6.1
err_has 'names no kernel of its own'
expect 3 replay --scenario older.scn --proposal baseline/5.10 0:
expect 2 replay kept/test_pinned.pin_args.fail-closed.json --fix zeroed_buffers
mkdir -p tree/kernel
printf 'long seccomp_notify_send(int a)\n{\n\tcomplete(&knotif->ready);\n}\n' >tree/kernel/seccomp.c
expect 0 show kept/test_pinned.pin_args.fail-closed.json --source tree
out_has 'kernel/seccomp.c:3: seccomp_notify_send(): complete(&knotif->ready);'
expect 2 show kept/test_pinned.pin_args.fail-closed.json --source tree/kernel
err_has "expected a kernel's source tree"
expect 2 show kept/test_pinned.pin_args.fail-closed.json --source tree --all
expect 0 sweep --proposal pin_args openat2 statx --json sweep.json --trace-dir sweeps --quiet
out_has '2 calls, 3 pointer arguments'
out_has 'alone: openat2 how'
out_has '<-- approved "app/yes"'
grep -qF '"knotcheck-sweep"' sweep.json || fail "no JSON of the sweep"
expect 0 replay sweeps/openat2_how.pin_args.toctou.json
expect 0 sweep --proposal pin_args openat2 --fix pinnable_only --quiet
out_lacks 'although SEND said'
expect 0 sweep --proposal pin_args openat2 --scenario-dir sweeps --quiet
expect 0 check sweeps/openat2_filename.scn
expect 2 sweep
expect 2 sweep --proposal pin_args opnat2
err_has "did you mean 'openat2'"
[ "$(wc -c <err)" -lt 200 ] || fail "more names than anybody reads"
expect 0 sweep --proposal pin_args openat2 --quiet
out_has 'kernel: 6.12.117; pin_args: v1, '
as_printed 'replay: '
expect 2 sweep --proposal baseline --json missing/sweep.json
cp $RACE other
expect 2 check other --json ./other
err_has 'which is read'
expect 2 check scn --json $RACE
err_has 'which is read as a scenario'
cmp -s other $RACE || fail 'a scenario was written over'
expect 0 fixes --proposal pin_args pinned.scn --json sets.json --width 200
out_has '1. 1 fix: pinned_needs_record [1]'
out_has '[1] test/pinned: fail-closed'
grep -qF '"knotcheck-fixes"' sets.json || fail "no JSON of the sets"
out_has 'kernel: 6.12.117; pin_args: v1, '
as_printed "    $KNOTCHECK replay"
expect 0 fixes --proposal baseline $RACE
out_has 'not mended by any fix:'
out_has 'test/race: toctou'
out_has '1. 0 fixes'
expect 2 check pinned.scn --fix pinned_need_record
err_has "did you mean 'pinned_needs_record'?"
expect 2 check pinned.scn --fix pinned_needs_record --golden
expect 2 fixes pinned.scn
expect 2 fixes pinned.scn --proposal pin_arg
err_has "did you mean 'pin_args'?"
expect 3 fixes $RACE --proposal pin_args
err_has 'found no scenario'

# 1: some verdict differs.
expect 1 check wrong.scn
out_has 'DIFFERS'
out_has 'claimed holds, found violated(toctou)'
expect 1 check $RACE --mutate mutate_no_complete
out_has 'asked but never reached: toctou'
out_has 'then nothing more can happen:'
out_has 'mutations: mutate_no_complete'
expect 1 simulate wrong.scn
out_has 'DIFFERS'

# Liveness: judged where the scenario asks for it, shown where the command line does.
cat >forgets.scn <<'END'
# name:     test/forgets
# question: Does anybody answer?
# source:   none
# result:   baseline=holds

filter umask
target T { umask() }
supervisor S { n = recv() }
signals to T: 1, fatal
END
expect 0 check forgets.scn
out_lacks 'resumes'
expect 0 check forgets.scn --liveness
out_has 'resumes: starved: T, states '
out_has 'without reductions'
out_has 'then nothing more need happen:'
expect 0 check forgets.scn --liveness --width 40
awk 'length($0) > 40 { exit 1 }' out || fail "a line exceeds --width 40"
expect 0 check $RACE --liveness
out_has 'resumes: holds, states '
(cat forgets.scn; echo 'never resumes') >asks.scn
expect 1 check asks.scn
out_has 'claimed holds, found violated(resumes)'
sed -i 's/baseline=holds/baseline=violated(resumes)/' asks.scn
expect 0 check asks.scn --json liveness.json --trace-dir traces_of_asks
grep -q '"starved": \[' liveness.json || fail "no starved tasks in the results"
expect 4 check $RACE --liveness --max-states 10
expect 2 check $RACE --liveness --golden
LASSO=$(sed -n 's/^ *"path": "\(0:[a-z]*()\)".*/\1/p' liveness.json | head -1)
expect 0 replay --scenario asks.scn "$LASSO"
out_has 'violates resumes: T starved'
expect 1 replay --scenario asks.scn '0:a()'
err_has 'it does not violate resumes'
expect 3 replay --scenario asks.scn '0:a(z)'
err_has 'cannot be taken'
expect 3 replay --scenario asks.scn '0:a('
err_has 'expected a cycle in brackets at the end'
expect 3 replay --scenario asks.scn --property toctou "$LASSO"
err_has 'toctou is not about whole runs'

# 2: the command line is wrong.
expect 2
expect 2 chekc scn
err_has "did you mean 'check'?"
expect 2 check --propsal baseline scn
err_has "did you mean '--proposal'?"
expect 2 check --proposal pinargs scn
err_has "did you mean 'pin_args'?"
expect 2 check --kernel lifo_notification scn
err_has "did you mean 'lifo_notifications'?"
expect 2 check --kernel mutate_no_complete scn
for release in 4.19 5.20 5 5.10.x 6.12.; do
  expect 2 check --kernel $release scn
  err_has "found '$release', expected a release from 5.0 to 6.18.44, or a kernel variant"
done
# What uname -r prints, a tag, and what is newer than all that is known, which is said.
while read -r word release; do
  expect 0 check $RACE --kernel "$word" --quiet --json kernel.json
  out_has "violated under baseline/$release,"
  out_has "kernel: $release; knotcheck "
  grep -qF "\"kernel\": \"$release\"" kernel.json || fail "the results do not name kernel $release"
  grep -qF "\"proposal\": \"baseline/$release\"" kernel.json || fail "no baseline/$release"
done <<'END'
6.12.117-1~deb12u1 6.12.117
6.12.0-rc1+ 6.12
5.10-rc1 5.10
v6.6 6.6
6.6.8 6.6.8
7.0 6.18.44
6.18.45-arch1-1 6.18.44
END
err_has '6.18.45-arch1-1: taken as 6.18.44, the newest that is known'
expect 0 check $RACE --kernel 6.12.0-rc1+ --quiet
err_has 'note: --kernel 6.12.0-rc1+: taken as 6.12'
expect 0 check $RACE --kernel v6.6,recv_garbage --quiet
err_empty
out_has 'kernel: 6.6 with recv_garbage'
expect 2 check --kernel 5.10,lifo_notification scn
err_has "did you mean 'lifo_notifications'?"
expect 2 check --mutate no_complete scn
expect 2 check --order sideways scn
# Reductions, threads and the search for the shortest change nothing that they should not.
expect 0 check $RACE --reduce all,self-check
expect 0 check $RACE --threads 1 --json one.json
expect 0 check $RACE --threads 8 --json eight.json
cmp -s one.json eight.json || fail 'the results of 1 and of 8 threads differ'
grep -q '"shortest": false' one.json && fail 'a counterexample that is not the shortest'
expect 0 check $RACE --shortest-states 0 --json long.json
out_has '(perhaps not the shortest)'
grep -q '"shortest": false' long.json || fail 'no word of a longer counterexample'
expect 0 check $RACE --reduce none --profile
out_has 'states by depth'
expect 2 check --reduce half scn
err_has 'merge, symmetry, renumber'
expect 2 check --reduce none --golden scn
expect 2 check --threads 0 scn
for number in 0 -1 many 1e9 0x10 99999999999999999999999 1.5; do
  for option in --max-states --threads --jobs --width; do
    expect 2 check "$option=$number" scn
    err_has "found '$number', expected a whole number from "
  done
done
expect 2 check --shortest-states=-1 scn
err_has "found '-1', expected a whole number from 0 to "
expect 2 simulate $RACE --seed=-1
expect 2 conform scn --limit=-1
expect 2 check $RACE --checkpoint saved --every nan
err_has "found 'nan', expected minutes from 0.001 to 1000000"
expect 0 check $RACE --width 0100 --traces none
for size in 0 -1 12MB 99999999999TiB MiB iB 1iB G ''; do
  expect 2 check "--max-memory=$size" scn
done
for size in 2G 2GiB 512M 100000K 99999999; do
  expect 0 check $RACE "--max-memory=$size" --traces none
done
expect 2 check --width 3 scn
expect 2 check --jobs 0 scn
expect 2 check --traces some scn
expect 2 check --rewrite --proposal baseline scn
expect 2 list
expect 2 list propertis
err_has "did you mean 'properties'?"
expect 2 list kernels scn
expect 2 show
expect 2 replay
expect 2 replay --proposal baseline 0:a
expect 2 simulate
expect 2 simulate $RACE --seed x

# 3: a scenario that cannot be used.
expect 3 check missing.scn
err_has 'missing.scn: cannot be read: No such file or directory'
expect 3 check empty
err_has 'empty: found no *.scn in this directory'
expect 3 check
expect 3 simulate scn
err_has 'found a directory, expected a file'
: >nothing.scn
expect 3 check nothing.scn
err_has 'nothing.scn:1:1: '
# All that is missing at once.
echo '# name: bare' >bare.scn
expect 3 check bare.scn
err_has "'# question: TEXT', '# source: TEXT', '# result: PROPOSAL=holds'"
head -c 10485760 /dev/zero | tr '\0' 'x' >large.scn
expect 3 check large.scn
err_has 'large.scn: found 10485760 bytes, expected at most 1048576'
expect 3 check /dev/zero
err_has 'found more than 1048576 bytes'
head -c 5000 /dev/urandom >random.scn
expect 3 check random.scn
sed 's|openat(AT|opneat(AT|' $RACE >word.scn
expect 3 check word.scn
err_has 'word.scn:7:12: '
err_has "did you mean 'openat' or 'openat2'?"
sed 's|never toctou|never toctuo|' $RACE >never.scn
expect 3 check never.scn
err_has "toctou"
sed 's|violated(toctou)|violated(toctuo)|' $RACE >claim.scn
expect 3 check claim.scn
err_has "claim.scn:4:"
err_has "did you mean 'toctou'?"
sed 's|baseline=|basline=|' $RACE >claim.scn
expect 3 check claim.scn
err_has "did you mean 'baseline'?"
# The others are still checked, and the status is that of the worst.
expect 3 check word.scn $RACE wrong.scn
out_has 'test/race'
out_has 'DIFFERS'
# seccomp() installs filters with a listener only.
for flags in TSYNC new_listener 'NEW_LISTENER|LOG'; do
  sed "s/openat(AT_FDCWD, path, O_RDONLY) }/seccomp($flags) }/" scn/sub/race.scn >install.scn
  expect 3 check install.scn
  err_has 'install.scn:7:'
  err_has 'NEW_LISTENER'
done

# Traces.
expect 0 check $RACE --trace-dir traces --json results.json --width 500
TRACE=traces/test_race.baseline.toctou.json
[ -s $TRACE ] || fail "no $TRACE"
out_has "replay: $KNOTCHECK replay $TRACE"
for said in '"knotcheck": "' '"kernel": "6.12.117"' '"revision": "6.12.117"'; do
  grep -qF "$said" $TRACE || fail "the trace lacks $said"
done
[ -s results.json ] || fail "no results.json"
cp results.json first
cp $TRACE first_trace
expect 0 check $RACE --trace-dir traces --json results.json --jobs 2
cmp -s results.json first || fail "the results differ from run to run"
cmp -s $TRACE first_trace || fail "the trace differs from run to run"
expect 0 show $TRACE
out_has 'toctou violated under baseline'
expect 0 show $TRACE --format json
cmp -s out $TRACE || fail "show --format json is not the file"
expect 0 replay $TRACE
out_has 'replays, and violates toctou'
expect 0 replay $TRACE --quiet
# The line that a counterexample prints is a command.
expect 0 check $RACE --width 30
as_printed 'replay: '
out_has 'violates toctou'
PATH_TEXT=$(sed -n 's/^  "path": "\(.*\)",/\1/p' $TRACE)
expect 0 replay --scenario $RACE --property toctou "$PATH_TEXT"
expect 1 replay --scenario $RACE --property one-reply "$PATH_TEXT"
expect 1 replay --scenario $RACE 0:a
err_has 'violates nothing'
expect 3 replay --scenario $RACE 0:aaaaaaaaaaaaaaaa
err_has 'the path cannot be taken'
expect 3 replay --scenario $RACE 0:A
err_has 'path:1:3: '
expect 3 replay --scenario missing.scn 0:a
expect 2 replay --scenario $RACE --proposal x 0:a

# 3 and 1: traces that cannot be used, or do not show what they say.
expect 3 show missing.json
expect 3 show scn
err_has 'found a directory, expected a file'
expect 3 show nothing.scn
err_has 'it was cut off'
expect 3 show $RACE
err_has 'race.scn:1:1: no JSON'
head -c 1500 $TRACE >cut.json
for command in show replay; do
  expect 3 $command cut.json
  err_has 'cut.json:'
  err_has 'it was cut off'
done
head -c 17000000 /dev/zero >large.json
expect 3 show large.json
err_has 'expected at most 16777216'
sed 's|"version": 2|"version": 1|' $TRACE >version.json
expect 3 replay version.json
err_has 'version 1, this knotcheck reads version 2'
sed 's|"path": "0:a|"path": "0:z|' $TRACE >edited.json
expect 3 replay edited.json
err_has 'cannot be taken'
sed '/"property"/d' $TRACE >key.json
expect 3 replay key.json
err_has "'property' is missing"
sed 's|"path": "0:.*"|"path": "0:aaa"|' $TRACE >short.json
expect 1 replay short.json
err_has 'does not violate toctou'
sed 's|knotif 1: SENT|knotif 2: SENT|' $TRACE >note.json
expect 1 replay note.json
err_has "'steps["
expect 1 show note.json

# Goldens: written only by --rewrite.
expect 1 check scn --golden
out_has 'there is no golden file'
expect 0 check scn
[ -z "$(find scn -name '*.expected')" ] || fail "check wrote a golden file"
expect 0 check scn --rewrite
for golden in scn/alone.expected scn/sub/race.expected; do
  [ -s $golden ] || fail "no $golden"
done
expect 0 check scn --golden
expect 0 check scn --rewrite
out_lacks 'wrote'
sed -i 's/states [0-9]*/states 7/' scn/sub/race.expected
expect 1 check scn --golden
out_has '-  end exhausted, states 7,'
out_has '+  end exhausted, states '
out_has 'golden files that differ: 1'

# 4: incomplete is never a pass.
expect 4 check $RACE --max-states 10
out_has 'INCOMPLETE'
out_has 'the limit of states was hit'
expect 4 check big.scn --max-memory 4MiB --traces none --golden
out_has 'the limit of memory was hit'
expect 1 check wrong.scn big.scn --max-memory 8MiB
for signal in INT TERM; do
  rm -f interrupted.json
  "$KNOTCHECK" check big.scn $RACE --jobs 1 --json interrupted.json >out 2>err &
  child=$!
  sleep 1
  kill -$signal $child
  status=0
  wait $child || status=$?
  tests=$((tests + 1))
  command="check big.scn (SIG$signal)"
  [ $status = 4 ] || fail "exit status $status after SIG$signal, expected 4"
  out_has 'the search was interrupted'
  out_has 'interrupted before its turn'
  out_has '2 incomplete'
  grep -q '"end": "interrupted"' interrupted.json || fail "no results after SIG$signal"
done
# The system has no more memory to give: what is known is told. (ASan reserves all there is.)
if ! grep -q __asan_init "$KNOTCHECK"; then
  for kilobytes in 30000 50000; do
    status=0
    (ulimit -v $kilobytes; exec timeout 60 "$KNOTCHECK" check big.scn --traces none --threads 2) \
      >out 2>err || status=$?
    tests=$((tests + 1))
    command="check big.scn (ulimit -v $kilobytes)"
    [ $status = 4 ] || fail "exit status $status without memory, expected 4"
    out_has 'INCOMPLETE'
  done
fi

# 1: what was asked for and never reached is no answer, judged or not. 0: and it is told otherwise.
sed 's|=holds pin_args=?|=?|; s|never lock-discipline|never toctou|' scn/alone.scn >hollow.scn
expect 1 check hollow.scn
out_has 'not reached(toctou)'
out_has 'asked but never reached: toctou'
sed -i '/^never/d' hollow.scn
expect 0 check hollow.scn
out_has 'not reached: '
err_has "hollow.scn:6:1: note: nobody can store another alternative of 'path'"

# Outputs that cannot be written.
expect 2 check $RACE --json no/such/directory.json
err_has 'no/such/directory.json: cannot be created'
expect 2 check $RACE --json scn
expect 2 check $RACE --trace-dir $RACE
if [ -w /dev/full ]; then
  expect 2 check $RACE --json /dev/full
  err_has 'No space left on device'
  [ -c /dev/full ] || fail "/dev/full was replaced"
  status=0
  "$KNOTCHECK" --help >/dev/full 2>err || status=$?
  [ $status = 2 ] || fail "--help with a full disk: exit status $status"
  status=0
  "$KNOTCHECK" list properties >/dev/full 2>err || status=$?
  [ $status = 2 ] || fail "exit status $status with a full stdout, expected 2"
  grep -q 'standard output' err || fail "a full stdout is not reported"
fi
if [ "$(id -u)" != 0 ]; then
  mkdir readonly
  cp $RACE readonly/race.scn
  chmod a-w readonly
  expect 2 check $RACE --json readonly/x.json
  expect 2 check readonly --rewrite
fi
# What a writer that was killed has left goes with the next one.
touch -d '1 hour ago' .stale.json.2000000000.0.tmp
expect 0 check $RACE --json stale.json
[ -z "$(find . -name '*.tmp')" ] || fail "temporary files are left: $(find . -name '*.tmp')"

# Standard input and output: the scenario, the trace, and JSON with nothing else.
expect 0 check $RACE --width 500
cp out plain.txt
expect 0 check $RACE --json plain.json
expect 0 check $RACE --json -
cmp -s out plain.json || fail "--json - is not the file"
[ ! -e ./- ] || fail "--json - made a file"
expect 0 sweep --proposal pin_args openat2 --quiet --json -
python3 -c 'import json; json.load(open("out"))' || fail "sweep --json - is no JSON"
expect 0 fixes --proposal pin_args pinned.scn --json -
python3 -c 'import json; json.load(open("out"))' || fail "fixes --json - is no JSON"
piped() {  # FILE ARGUMENT...
  local file=$1
  shift
  tests=$((tests + 1))
  command="$* (of a pipe)"
  # shellcheck disable=SC2002  # a pipe is what is tested
  cat "$file" | "$KNOTCHECK" "$@" >out 2>err || fail "exit status $?: knotcheck $command"
}
piped $RACE check - --width 500
out_has '1 agree'
sed "s|--scenario -|--scenario $RACE|" out | cmp -s - plain.txt || fail "check - differs from check FILE"
piped $RACE replay --scenario - "$PATH_TEXT"
piped $RACE simulate - --walks 5
piped $TRACE replay -
out_has 'replays, and violates toctou'
expect 2 check - --golden
err_has 'found -, expected scenarios in files'

# Names, of the collection in this folder. (An installed one: install_test.sh.)
expect 3 check nowhere
err_has 'no collection is here'
mkdir -p scenarios/attack scenarios/other scenarios/more scenarios/most
for name in attack/race attack/alone other/race more/race most/race; do
  sed "s|test/race|$name|" $RACE >scenarios/$name.scn
done
expect 0 check attack/race
out_has 'scenarios/attack/race.scn --proposal baseline'
as_printed 'replay: '
expect 0 check alone --quiet
out_has 'attack/alone: toctou violated'
expect 0 check attack
out_has '2 scenarios'
expect 0 list scenarios attack
expect 0 simulate alone --walks 5
expect 0 replay --scenario alone "$PATH_TEXT"
expect 0 check
out_has '5 scenarios'
expect 3 check race
err_has "the name of 4 scenarios, expected one: 'attack/race', 'more/race' or 'most/race'"
err_lacks 'other/race'
expect 3 check atack/race
err_has "did you mean 'attack/race'?"
expect 3 check rcae
err_has "did you mean 'attack/race', 'more/race' or 'most/race'?"
expect 3 check xyzzy
err_has "found 'xyzzy', expected a file, a directory or a scenario's name"

# A knot_runner that is not there: what has to be built.
mkdir built
cp "$KNOTCHECK" built/knotcheck
expect 2 conform attack --runner nowhere/knot_runner
err_has '--runner nowhere/knot_runner: found no knot_runner'
KNOTCHECK_BUILT=$KNOTCHECK
KNOTCHECK=$DIR/built/knotcheck
expect 2 conform attack
err_has 'build its target knot_runner'
touch built/CMakeCache.txt
expect 2 conform attack
err_has "cmake --build $DIR/built --target knot_runner"
KNOTCHECK=$KNOTCHECK_BUILT

# Progress where there is a terminal: for long commands, and never longer than a line.
if command -v script >/dev/null; then
  for long in "check big.scn --max-states 100000 --traces none" \
    "simulate big.scn --walks 400 --steps 3000"; do
    tests=$((tests + 1))
    command="$long (on a terminal)"
    script -qec "$KNOTCHECK $long" /dev/null </dev/null >out 2>err || true
    tr '\r' '\n' <out | sed 's/\x1b\[[0-9;]*[A-Za-z]//g' >lines
    grep -qE '^(about .* left|about .* states|[0-9.]+[kM]? states|[0-9]+ of )' lines ||
      fail "no progress: knotcheck $long"
    awk 'length($0) > 80 { exit 1 }' lines || fail "a line exceeds the terminal: knotcheck $long"
  done
fi

# No colour and no control characters where there is no terminal.
expect 0 check $RACE
! grep -q "$(printf '\033')" out || fail "colour without a terminal"

echo "$tests commands tested"
