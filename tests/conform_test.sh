#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# `knotcheck conform` from end to end on this machine's kernel: what matches, wrong models that the
# kernel contradicts, bad input of every kind, and what is left behind when something is killed.
# 77: the kernel has no user notification, or the user may not use it.
#
#   tests/conform_test.sh PATH/knotcheck PATH/knot_runner SOURCES
set -eu

KNOTCHECK=$(realpath "$1")
RUNNER=$(realpath "$2")
SOURCES=$(realpath "$3")
SCENARIOS=$SOURCES/scenarios
DIR=$(mktemp -d)
child=
trap '[ -z "$child" ] || kill -9 $child 2>/dev/null; rm -rf "$DIR"' EXIT
cd "$DIR"
# What knotcheck and the runner leave would be here. The runner has a name that nobody else uses.
mkdir tmp
export TMPDIR=$DIR/tmp
OURS=$DIR/$(basename "$DIR" | tr . _)
cp "$RUNNER" "$OURS"
tests=0

fail() {
  echo "FAILED: $*"
  echo "--- stdout"; head -50 out
  echo "--- stderr"; head -50 err
  exit 1
}

# expect STATUS ARGUMENT...: runs conform with $with; its output is in the files out and err.
with=$OURS
expect() {
  local wanted=$1 status=0
  shift
  tests=$((tests + 1))
  command=$*
  timeout 120 "$KNOTCHECK" conform --runner "$with" --quiet "$@" >out 2>err </dev/null || status=$?
  [ "$status" = "$wanted" ] || fail "exit status $status, expected $wanted: conform $command"
}
out_has() { grep -qF -- "$1" out || fail "stdout lacks '$1': conform $command"; }
out_lacks() { ! grep -qF -- "$1" out || fail "stdout has '$1': conform $command"; }
err_has() { grep -qF -- "$1" err || fail "stderr lacks '$1': conform $command"; }

# The numbers of the processes that execute our copy of the runner.
runners() {
  local exe
  for exe in /proc/[0-9]*/exe; do
    case $(readlink "$exe" 2>/dev/null) in "$OURS"*) exe=${exe#/proc/}; echo "${exe%/exe}" ;; esac
  done
}
# Whoever is killed needs a moment to die.
nothing_left() {
  for _ in $(seq 50); do
    [ -n "$(runners)" ] || break
    sleep 0.1
  done
  [ -z "$(runners)" ] || fail "processes are left: $(runners | tr '\n' ' '): conform $command"
  [ -z "$(ls -A tmp)" ] || fail "files are left: $(ls -A tmp): conform $command"
  ! grep -qF "$DIR" /proc/self/mounts || fail "mounts are left: conform $command"
}

BASIC=$SCENARIOS/notifier/basic.scn
RACE=$SCENARIOS/attack/openat_path.scn

status=0
timeout 120 "$KNOTCHECK" conform --runner "$OURS" --quiet --probe >out 2>err || status=$?
if [ $status != 0 ] || grep -q '^lacks addfd' out; then
  echo "skipped: $(head -1 err) $(grep '^lacks addfd' out || true)"
  exit 77
fi
cp out probe
grep -q '^host: Linux [0-9]' out || fail "the probe does not say what it found"
grep -q '^model: 6.12.117' out || fail "the probe does not say which model it is"

# 0: the kernel does what the model says.
expect 0 "$BASIC" --proposal baseline --stress 5 --json basic.json
out_has 'notifier/basic'
out_has 'forced 1/1  5 runs 1/1'
out_has 'forced: 1 runs match, 0 differ, 0 skipped, 0 lost'
grep -q '"match": "matches"' basic.json || fail "no results in basic.json"
if python3 -c 'import jsonschema' 2>/dev/null; then
  expect 0 "$RACE" "$BASIC" "$SCENARIOS/hunt/one_call.scn" --proposal baseline --stress 3 \
    --json valid.json
  tests=$((tests + 1))
  python3 - "$SOURCES/docs/conform-schema.json" valid.json >out 2>err <<'END' || fail 'wrong JSON'
import json, sys, jsonschema
jsonschema.validate(json.load(open(sys.argv[2])), json.load(open(sys.argv[1])))
END
fi
expect 0 "$RACE" --proposal baseline --property toctou --stress 0 --verbose
out_has '#1 matches (violates toctou)'
out_has '| hold T'
out_has '| store 0 "/evil"'
out_lacks '#2'

# A handler's own call is trapped inside the one that the signal interrupts.
expect 0 "$SCENARIOS/notifier/wait_killable_handler.scn" --proposal baseline --stress 20 --verbose
out_has 'forced 9/9'
out_has '| wait T handler'

# Without --verbose no line is longer than a terminal, where nothing differs.
expect 0 "$SCENARIOS/attack" --proposal baseline --stress 2 --forced 4
awk 'length($0) > 80' out >long
[ ! -s long ] || fail "longer than 80 columns: $(head -1 long)"

# 1: three models that are wrong, and three that are old. The kernel contradicts each.
#
# wrong SCENARIO MODEL KERNEL ARGUMENT...: what the line of the model and that of the kernel have.
wrong() {
  local scenario=$1 model=$2 kernel=$3
  shift 3
  expect 1 "$SCENARIOS/$scenario.scn" --proposal baseline --stress 0 "$@"
  out_has 'DIFFERS'
  grep '^ *model ' out | grep -qF -- "$model" || fail "the model has no '$model': $command"
  grep '^ *kernel ' out | grep -qF -- "$kernel" || fail "the kernel has no '$kernel': $command"
}
# The second SEND finds a notification that the target may have left already: no such id is ENOENT,
# an answered one EINPROGRESS; EBUSY is neither.
wrong manual/two_sends '2=-16' '2=-2' --mutate mutate_wrong_errno
# The target has the value that SEND gave it; nothing in the kernel starts a call anew that was
# answered.
wrong notifier/basic 'T[0=-126]' 'T[0=77]' --mutate mutate_drop_reply
# A second reply would be the one that the target returns with. The kernel takes the first only.
wrong manual/two_sends 'T[0=2]' 'T[0=1]' --mutate mutate_reply_twice
# ADDFD|SEND makes the call return the new descriptor's number, which is 6 after 0 to 5.
wrong notifier/addfd_send 'T[0=1]' 'T[0=6]' --mutate mutate_addfd_false_fd
# Since 5.19 notifications are queued at the tail: who traps first is received first. Where the
# model receives the last one, the kernel's other target wakes, and the order cannot be met.
if ! grep -q lifo_notifications out; then
  expect 1 "$SCENARIOS/history/first_in_first_out.scn" --proposal baseline --stress 0 \
    --kernel lifo_notifications
  out_has 'was not met: wait B done'
fi
# A free run shows it, too: what the wrong model does not allow is forbidden.
expect 1 "$BASIC" --proposal baseline --forced 1 --stress 5 --mutate mutate_drop_reply
out_has 'FORBIDDEN'
out_has '5 runs 0/1  DIFFERS'
nothing_left

# 2: the command line is wrong, or there is no target.
expect 2 "$BASIC" --target nonsense
err_has "--target: found 'nonsense', expected host, qemu:BZIMAGE or source:DIR|TAR"
expect 2 "$BASIC" --target qemu:/nonexistent
err_has '/nonexistent: cannot be read: No such file or directory'
expect 2 "$BASIC" --target "qemu:$SOURCES/README.md"
err_has 'README.md: found no kernel, expected an x86 bzImage'
expect 2 "$BASIC" --proposal baselin
err_has "did you mean 'baseline'?"
expect 2 "$BASIC" --mutate mutate_nothing
expect 2 "$BASIC" --stress many
expect 2 "$BASIC" --json /dev/full
err_has 'No space left on device'
expect 2 "$BASIC" --json no/such/directory.json
err_has 'no/such/directory.json: cannot be created'
with=/nonexistent
expect 2 "$BASIC"
err_has '--runner /nonexistent: found no knot_runner'
with=/bin/false
expect 2 "$BASIC"
err_has 'the runner ended with status 1'
with=/bin/echo
expect 2 "$BASIC"
err_has "the runner said '-'"
printf '#!/bin/sh\nexec sleep 1000\n' >hangs
chmod +x hangs
with=./hangs
begin=$(date +%s)
expect 2 "$BASIC" --limit 2
err_has 'the time limit of 2 s'
[ $(($(date +%s) - begin)) -lt 30 ] || fail "--limit 2 took too long"
with=$OURS

# 3: scenarios and traces that cannot be used.
sed 's|umask()|umsak()|' "$BASIC" >typo.scn
expect 3 typo.scn
err_has "typo.scn:$(grep -n umsak typo.scn | head -1 | cut -d: -f1):"
err_has "did you mean 'umask'?"
expect 3 missing.scn
echo '{"format": "knot' >broken.json
expect 3 --emit-c broken.json
err_has 'broken.json:1:'
expect 3 --emit-c missing.json
expect 3 --emit-c "$BASIC"

# A counterexample becomes a program, which shows it on this kernel.
timeout 60 "$KNOTCHECK" check "$RACE" --proposal baseline --trace-dir traces --quiet >out 2>err ||
  fail "no trace"
expect 0 --emit-c traces/attack_openat_path.baseline.toctou.json --output race.c
if command -v cc >/dev/null; then
  tests=$((tests + 1))
  cc -static -o race race.c -lpthread >out 2>err || fail "the program does not compile"
  status=0
  timeout 60 ./race >out 2>err || status=$?
  grep -q '^not ok 1' out || fail "the program does not show the race, status $status"
fi

# A counterexample is followed, step by step as far as user space can order it.
TRACE=traces/attack_openat_path.baseline.toctou.json
expect 0 --trace "$TRACE" --stress 0 --json trace.json
out_has 'and signals, in its order'
out_has '#1 matches (violates toctou)'
out_has 'traces: 1 are followed, 1 of them in their whole order; 0 cannot be forced'
grep -q '"differences": \[\]' trace.json || fail "no trace in trace.json"
# Two of one scenario are two plans; a signal that drops a reply needs two tasks inside the kernel.
timeout 60 "$KNOTCHECK" check "$SCENARIOS/notifier/addfd_signal.scn" --proposal baseline \
  --trace-dir traces --quiet >out 2>err || fail "no traces"
expect 0 --trace traces --stress 0
out_has 'traces: 2 are followed, 2 of them in their whole order; 1 cannot be forced'
awk 'length($0) > 80' out >long
[ ! -s long ] || fail "longer than 80 columns: $(head -1 long)"
expect 1 --trace traces/notifier_addfd_signal.baseline.reply-acted-on.json --stress 0
out_has 'which no run that user space can force breaks'
expect 3 --trace broken.json
err_has 'broken.json:1:'
expect 2 --trace "$TRACE" "$BASIC"
timeout 60 "$KNOTCHECK" check "$RACE" --proposal pin_args --trace-dir pinned --quiet >out 2>err ||
  fail "no trace"
if grep -q '^lacks pin_args' probe; then
  expect 2 --trace pinned/attack_openat_path.pin_args.dies-with-call.json
  err_has 'which this kernel does not have'
fi

expect 2 "$BASIC" --target qemu:
err_has 'expected a bzImage'
expect 2 "$BASIC" --property toctuo
err_has "did you mean 'toctou'?"
for wrong in '--stress -1' '--limit 0' '--forced 5000' '--seed 18446744073709551615' \
  '--probe --json x.json' '--output x.c'; do
  read -ra words <<<"$wrong"
  expect 2 "$BASIC" "${words[@]}"
done
[ ! -e x.json ] || fail "an output without a result"
[ ! -e x.c ] || fail "an output without a result"
cp "$BASIC" other.scn
expect 3 "$BASIC" other.scn --stress 0
err_has 'other.scn: found the name notifier/basic, which'

# 1: what the kernel reports is no success, whatever the runs show. QEMU is one that runs the
# guest's plans here.
if command -v python3 >/dev/null; then
  mkdir bin
  cat >bin/qemu-system-x86_64 <<'END'
#!/usr/bin/env python3
import os, subprocess
archive = open('/proc/self/fd/3', 'rb').read()
at, plans = 0, b''
while at < len(archive):
    field = lambda i: int(archive[at + 6 + 8 * i:at + 14 + 8 * i], 16)
    content = at + (110 + field(11) + 3) // 4 * 4
    name = archive[at + 110:at + 110 + field(11) - 1]
    if name in (b'plans', b'TRAILER!!!'):
        plans = archive[content:content + field(6)]
        break
    at = content + (field(6) + 3) // 4 * 4
said = subprocess.run([os.environ['OURS'], '-'], input=plans, stdout=subprocess.PIPE).stdout
for line in said.decode().splitlines():
    print('KNOT ' + line)
    if 'KASAN' in os.environ and line.startswith('begin notifier/basic'):
        bar = '[    9.123456] ' + '=' * 66
        print(bar)
        print('[    9.123457] BUG: KASAN: slab-use-after-free in seccomp_notify_ioctl+0x1/0x2')
        print(bar)
print('KNOT bye')
END
  chmod +x bin/qemu-system-x86_64
  head -c 514 /dev/zero >kernel
  printf 'HdrS%512s' '' >>kernel
  real_path=$PATH
  export PATH=$PWD/bin:$PATH OURS
  expect 0 "$BASIC" --proposal baseline --stress 0 --target qemu:kernel
  out_has 'forced: 1 runs match, 0 differ, 0 skipped, 0 lost'
  KASAN=1 expect 1 "$BASIC" --proposal baseline --stress 0 --target qemu:kernel
  out_has 'forced: 1 runs match, 0 differ, 0 skipped, 0 lost'
  out_has 'BUG: KASAN: slab-use-after-free in seccomp_notify_ioctl'
  export PATH=$real_path
fi

# 4: what breaks off is no success. A stress of the race is busy for long enough.
#
# begin_stress: knotcheck in the background, as $child, until the runner executes a stress.
begin_stress() {
  tests=$((tests + 1))
  command="$RACE --stress 1000000 ($1)"
  "$KNOTCHECK" conform --runner "$OURS" --quiet "$RACE" --proposal baseline --forced 0 \
    --stress 1000000 --kernel 6.12.117 >out 2>err </dev/null &
  child=$!
  for _ in $(seq 100); do
    [ "$(runners | wc -l)" -lt 2 ] || break
    sleep 0.1
  done
  sleep 2
  [ "$(runners | wc -l)" -ge 2 ] || fail "no stress began: conform $command"
}
# ended STATUS
ended() {
  local status=0
  for _ in $(seq 150); do
    kill -0 "$child" 2>/dev/null || break
    sleep 0.1
  done
  kill -0 "$child" 2>/dev/null && { kill -9 "$child"; fail "still there: conform $command"; }
  wait "$child" || status=$?
  child=
  [ $status = "$1" ] || fail "exit status $status, expected $1: conform $command"
}

begin_stress 'the runner is killed'
# The runner is the child of knotcheck, the others are its own.
read -ra runner <"/proc/$child/task/$child/children" || true  # no newline at its end
kill -9 "${runner[@]}"
ended 4
out_has 'the target broke off: the runner was killed by signal 9, in'
nothing_left

begin_stress 'Ctrl-C'
kill -INT "$child"
ended 4
out_has 'the target broke off: interrupted'
nothing_left

begin_stress 'knotcheck is killed'
kill -9 "$child"
ended 137
nothing_left

echo "$tests commands tested"
