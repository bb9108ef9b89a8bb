#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# A kernel source in, a bzImage out, cached by content. See README.md beside this file.
#
# Status: 0 done, 1 the build failed, 2 bad arguments or input, 3 a patch does not apply,
# 4 the configuration lacks what a fragment asks for, 5 a package is missing, 124 out of time.
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: build.sh --source TARBALL|TREE --config FRAGMENT [--config FRAGMENT]...
                [--patch FILE]... [--selftests] [--selftest-patch FILE]...
                [--allow-dropped SYMBOL|all]... [--cache DIR] [--jobs N] [--timeout SECONDS]
  --source          a kernel's tarball, or a tree; nothing is written into a tree
  --patch           a diff, or a mail that holds one (patch -p1), in this order
  --config          a fragment over tinyconfig; of two lines for a symbol the last counts
  --selftests       also seccomp_bpf, static
  --selftest-patch  also the seccomp selftest programs that this diff or mail adds
  --allow-dropped   a symbol that may end up otherwise than a fragment says
  --cache           default: $XDG_CACHE_HOME/knotcheck/kernels
  --jobs            default: the number of processors
  --timeout         of the whole build, default 3600
The last line on stdout is the directory with bzImage, config, inputs.txt, log and the selftests.
TEXT
}

fail() {  # STATUS MESSAGE
  echo "build.sh: $2" >&2
  exit "$1"
}

source='' selftests='' cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/knotcheck/kernels
jobs=$(nproc) limit=3600
patches=() fragments=() selftest_patches=() allowed=()
while (($#)); do
  case $1 in
    --selftests) selftests=yes; shift; continue ;;
    -h | --help) usage; exit 0 ;;
    --source | --patch | --config | --selftest-patch | --allow-dropped | --cache | --jobs \
      | --timeout) (($# > 1)) || fail 2 "$1: found nothing after it, expected a value" ;;
    *) usage >&2; fail 2 "found '$1', expected an option" ;;
  esac
  case $1 in
    --source) source=$2 ;;
    --patch) patches+=("$(realpath -m -- "$2")") ;;
    --config) fragments+=("$(realpath -m -- "$2")") ;;
    --selftest-patch) selftest_patches+=("$(realpath -m -- "$2")"); selftests=yes ;;
    --allow-dropped) allowed+=("${2#CONFIG_}") ;;
    --cache) cache=$2 ;;
    --jobs) jobs=$2 ;;
    --timeout) limit=$2 ;;
  esac
  shift 2
done
[[ $source ]] || fail 2 "found no --source, expected a kernel's tarball or tree"
((${#fragments[@]})) || fail 2 "found no --config, expected a fragment, such as base.config"
for number in "$jobs" "$limit"; do
  [[ $number =~ ^[1-9][0-9]{0,5}$ ]] || fail 2 "found '$number', expected a number from 1"
done
for file in "${patches[@]}" "${fragments[@]}" "${selftest_patches[@]}"; do
  [[ -f $file && -r $file ]] || fail 2 "$file: found no readable file"
done
[[ -e $source ]] || fail 2 "$source: found nothing, expected a kernel's tarball or tree"
source=$(realpath -- "$source")
[[ $(uname -m) == x86_64 ]] || fail 2 "found a $(uname -m) machine, expected x86_64"

# What the build needs, before it has run for minutes.
missing=()
need() {  # PACKAGE COMMAND
  command -v "$2" >/dev/null || missing+=("$1")
}
need_header() {  # PACKAGE HEADER
  echo "#include <$2>" | gcc -E -x c - >/dev/null 2>&1 || missing+=("$1")
}
need gcc gcc; need make make; need flex flex; need bison bison; need bc bc; need xz-utils xz
need patch patch; need rsync rsync; need cpio cpio; need python3 python3
if command -v gcc >/dev/null; then
  need_header libelf-dev gelf.h
  need_header libssl-dev openssl/opensslv.h
  [[ ! $selftests ]] || need_header libcap-dev sys/capability.h
fi
((${#missing[@]} == 0)) \
  || fail 5 "missing packages: ${missing[*]} (apt-get install ${missing[*]})"

mkdir -p -- "$cache" || fail 2 "$cache: cannot be created"
cache=$(realpath -- "$cache")
[[ $cache$source != *[[:space:]:]* ]] \
  || fail 2 "$cache, $source: found a blank or a colon, which the kernel's make does not allow"

hash_of() { sha256sum | cut -d' ' -f1; }
hash_file() { hash_of <"$1"; }

is_git_tree() { [[ $(git -C "$source" rev-parse --show-toplevel 2>/dev/null) == "$source" ]]; }
# A tree's files, NUL-separated: of a git work tree what git does not ignore.
tree_files() {
  if is_git_tree; then
    git -C "$source" ls-files -z -co --exclude-standard --deduplicate
  else
    (cd "$source" && find . \( -type f -o -type l \) -print0)
  fi | LC_ALL=C sort -z
}
hash_tree() {
  tree_files | (cd "$source" && python3 -c '
import hashlib, os, sys
total = hashlib.sha256()
for name in sys.stdin.buffer.read().split(b"\0"):
    if os.path.islink(name):
        kind, data = b"link", os.readlink(name)
    elif os.path.isfile(name):
        kind = b"program" if os.access(name, os.X_OK) else b"file"
        data = open(name, "rb").read()
    else:  # deleted in the work tree
        continue
    total.update(b"%s %s %s\n" % (kind, name, hashlib.sha256(data).hexdigest().encode()))
print(total.hexdigest())')
}
if [[ -f $source ]]; then
  source_hash=$(hash_file "$source")
else
  for file in Makefile Kconfig scripts/kconfig/merge_config.sh; do
    [[ -f $source/$file ]] || fail 2 "$source: found no $file, expected a kernel's source"
  done
  if is_git_tree && [[ ! $(git -C "$source" status --porcelain) ]]; then
    source_hash=$(git -C "$source" rev-parse 'HEAD^{tree}')
  else
    source_hash=$(hash_tree)
  fi
fi

describe_inputs() {
  echo "source $source_hash $(basename -- "$source")"
  local file
  for file in "${patches[@]}"; do echo "patch $(hash_file "$file") $(basename -- "$file")"; done
  [[ $1 == all ]] || return 0
  for file in "${fragments[@]}"; do echo "config $(hash_file "$file") $(basename -- "$file")"; done
  for file in "${selftest_patches[@]}"; do
    echo "selftest-patch $(hash_file "$file") $(basename -- "$file")"
  done
  echo "selftests ${selftests:-no}"
  echo "allow-dropped ${allowed[*]:--}"
  echo "build.sh $(hash_file "${BASH_SOURCE[0]}")"
  echo "compiler $(gcc --version | head -n 1)"
}
# File names do not count, only what is in them.
key_of() { sed -E 's/^(source|patch|config|selftest-patch) ([0-9a-f]+) .*/\1 \2/' | hash_of; }
inputs=$(describe_inputs all)
key=$(key_of <<<"$inputs" | cut -c1-20)
result=$cache/$key

# A directory belongs to whoever holds the lock of its key, so one whose lock is free is a dead
# build's. The children of a build inherit the lock.
lock() {  # KEY FD
  eval "exec $2>\"\$cache/.lock-$1\""
  flock -w "$limit" "$2" || fail 124 "another build of $1 takes longer than $limit s"
}
remove_stale() {
  local directory
  for directory in "$cache"/.tmp-* "$cache"/src-*/o-*; do
    [[ -d $directory ]] || continue
    (exec 7>"$cache/.lock-${directory##*-}" && flock -n 7 && rm -rf -- "$directory") || true
  done
}
remove_stale

is_kernel() { [[ -f $1 && $(dd if="$1" bs=1 skip=514 count=4 2>/dev/null) == HdrS ]]; }
finish_if_built() {
  is_kernel "$result/bzImage" || return 0
  [[ ! $selftests || -x $result/seccomp_bpf ]] || return 0
  echo "$result"
  exit 0
}
finish_if_built

# Whatever this script starts ends with it: timeout forwards its signal to all of its children.
deadline=$((SECONDS + limit))
child='' work='' build='' unpacking='' log=/dev/null
run() {  # COMMAND...; its output goes to the log
  local left=$((deadline - SECONDS)) status=0
  ((left > 0)) || fail 124 "the time limit of $limit s is over"
  setpriv --pdeathsig TERM timeout -k 5 "$left" "$@" >>"$log" 2>&1 &
  child=$!
  wait "$child" || status=$?
  child=''
  ((status != 124)) || fail 124 "the time limit of $limit s is over, in: ${*:1:4}"
  return "$status"
}
clean_up() {
  trap '' INT TERM HUP
  set +e
  if [[ $child ]]; then
    kill -TERM "$child" 2>/dev/null
    wait "$child" 2>/dev/null
    # timeout leads the group; compilers may outlive it by a moment, and write.
    for ((i = 0; i < 50; ++i)); do
      kill -KILL -- "-$child" 2>/dev/null || break
      sleep 0.1
    done
  fi
  [[ ! $work ]] || rm -rf -- "$build" "$cache/.tmp-$key"
  [[ ! $unpacking ]] || rm -rf -- "$unpacking"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
step_failed() {  # WHAT
  echo "--- the end of the log:" >&2
  tail -n 40 "$log" >&2
  cp -- "$log" "$cache/failed.log"
  fail 1 "$1 (the whole log: $cache/failed.log)"
}

lock "$key" 8
finish_if_built
out=$cache/.tmp-$key
work=$out/work
log=$out/log
rm -rf -- "$out"
mkdir -p -- "$work"

# The diff of a file as downloaded: a mail's body is decoded first. Of a selftest's patch only the
# programs are of interest, and their names are printed.
extract_diff() {  # IN OUT [selftests]
  python3 - "$@" <<'PYTHON'
import email, re, sys
data = open(sys.argv[1], "rb").read()
message = email.message_from_bytes(data)
if message["Subject"] or message["Message-ID"]:
    parts = [p.get_payload(decode=True) or b"" for p in message.walk() if not p.is_multipart()]
    data = b"\n".join(parts).replace(b"\r\n", b"\n")
if not re.search(rb"^--- .*\n\+\+\+ .*\n@@ ", data, re.M):
    sys.exit(f"{sys.argv[1]}: found no diff, expected lines '---', '+++' and '@@'")
if len(sys.argv) > 3:
    folder = rb"b/tools/testing/selftests/seccomp/"
    kept = []
    for piece in re.split(rb"^(?=diff --git )", data, flags=re.M):
        name = re.search(rb"^--- (.*)\n\+\+\+ " + folder + rb"([a-z0-9_]+)\.(c|h)$", piece, re.M)
        if not name:
            continue
        kept.append(piece)
        if name[1] == b"/dev/null" and name[3] == b"c":
            print(name[2].decode())
    data = b"".join(kept)
    if not kept:
        sys.exit(f"{sys.argv[1]}: found no C file in {folder[2:].decode()}")
open(sys.argv[2], "wb").write(data)
PYTHON
}
apply_patch() {  # TREE PATCH [selftests]
  local diff=$work/diff
  extract_diff "$2" "$diff" "${@:3}" >"$work/programs" || fail 2 "$2 cannot be used"
  echo "== patch $(basename -- "$2")" >>"$log"
  if ! (cd "$1" && patch -p1 --force --no-backup-if-mismatch -r - -i "$diff") \
    >"$work/patch.out" 2>&1; then
    cat "$work/patch.out" >&2
    fail 3 "$2 does not apply; above is what patch(1) said"
  fi
  cat "$work/patch.out" >>"$log"
}

# The source. A tree without patches is used as it is. Everything else is unpacked and patched once
# for all configurations.
src=$source
if [[ -f $source || ${#patches[@]} -gt 0 ]]; then
  source_key=$(describe_inputs source | key_of | cut -c1-20)
  src=$cache/src-$source_key
  lock "$source_key" 9
  if [[ ! -d $src ]]; then
    echo "build.sh: unpacking and patching" >&2
    unpacking=$cache/.tmp-$source_key
    rm -rf -- "$unpacking"
    mkdir -- "$unpacking"
    if [[ -f $source ]]; then
      run tar -xf "$source" --strip-components=1 -C "$unpacking" \
        || step_failed "$source cannot be unpacked"
      [[ -f $unpacking/scripts/kconfig/merge_config.sh ]] \
        || fail 2 "$source: found no scripts/kconfig, expected a kernel's tarball"
    else
      tree_files | (cd "$source" && tar --null -T - -cf - --ignore-failed-read) \
        | tar -xf - -C "$unpacking" || fail 1 "$source cannot be copied"
      run make -C "$unpacking" mrproper || step_failed "make mrproper"
    fi
    for file in "${patches[@]}"; do apply_patch "$unpacking" "$file"; done
    mv -- "$unpacking" "$src"
    unpacking=''
  fi
  exec 9>&-
fi

# As a direct child of the source the build names its files relative to it, so that ccache finds
# them again in any cache directory.
build=$work/o
if [[ $src != "$source" ]]; then
  build=$src/o-$key
  rm -rf -- "$work/diff" "$build"
fi
mkdir -p -- "$build"
cc=gcc
if command -v ccache >/dev/null; then
  cc='ccache gcc'
  export CCACHE_DIR=${CCACHE_DIR:-$cache/ccache}
fi
# The same inputs give the same bytes.
export KBUILD_BUILD_TIMESTAMP='1970-01-01' KBUILD_BUILD_USER=knotcheck KBUILD_BUILD_HOST=knotcheck
export KBUILD_BUILD_VERSION=1 LOCALVERSION='' LC_ALL=C
kmake() { run make -C "$src" O="$build" CC="$cc" HOSTCC="$cc" "-j$jobs" "$@"; }

echo "build.sh: configuring" >&2
kmake tinyconfig || step_failed "make tinyconfig"
# merge_config.sh leaves temporary files where it runs.
run env -C "$build" "$src/scripts/kconfig/merge_config.sh" -m -O "$build" "$build/.config" \
  "${fragments[@]}" || step_failed "merge_config.sh"
kmake olddefconfig || step_failed "make olddefconfig"

dropped=$(awk -v allowed=" ${allowed[*]:-} " '
  # A line of a fragment or of the configuration: SYMBOL, value ("n" if it is not set).
  function parse(line) {
    symbol = ""
    if (match(line, /^CONFIG_[A-Za-z0-9_]+=/)) {
      symbol = substr(line, 8, RLENGTH - 8); value = substr(line, RLENGTH + 1)
    } else if (match(line, /^# CONFIG_[A-Za-z0-9_]+ is not set/)) {
      symbol = substr(line, 10, RLENGTH - 20); value = "n"
    }
    return symbol != ""
  }
  part == 1 { if (parse($0)) final[symbol] = value; next }
  parse($0) { wanted[symbol] = value; where[symbol] = FILENAME ":" FNR }
  END {
    for (symbol in wanted) {
      found = (symbol in final) ? final[symbol] : "n"
      if (found == wanted[symbol]) continue
      if (allowed ~ / all / || index(allowed, " " symbol " ")) continue
      print where[symbol] ": CONFIG_" symbol ": found " found " after olddefconfig, expected " \
        wanted[symbol]
    }
  }
' part=1 "$build/.config" part=2 "${fragments[@]}" | sort)
if [[ $dropped ]]; then
  echo "$dropped" >&2
  fail 4 "kconfig has dropped symbols: a dependency is missing, another line excludes it, or this \
kernel has none of that name (--allow-dropped SYMBOL accepts it)"
fi

echo "build.sh: building with $jobs jobs" >&2
kmake bzImage || step_failed "make bzImage"
is_kernel "$build/arch/x86/boot/bzImage" || step_failed "make bzImage gave no kernel"
cp -- "$build/arch/x86/boot/bzImage" "$out/bzImage"
cp -- "$build/.config" "$out/config"

if [[ $selftests ]]; then
  echo "build.sh: building the selftests" >&2
  kmake headers_install || step_failed "make headers_install"
  tests=$work/tests/tools/testing/selftests
  mkdir -p -- "$tests"
  for file in "$src"/tools/testing/selftests/{*.h,seccomp,clone3}; do
    [[ ! -e $file ]] || cp -r -- "$file" "$tests/"
  done
  programs=(seccomp_bpf)
  for file in "${selftest_patches[@]}"; do
    apply_patch "$work/tests" "$file" selftests
    mapfile -t -O "${#programs[@]}" programs <"$work/programs"
  done
  for program in "${programs[@]}"; do
    # The tests use offsetof(), which not every libc's headers bring along.
    run gcc -static -O2 -D_GNU_SOURCE -include stddef.h -isystem "$build/usr/include" \
      -ffile-prefix-map="$work/tests/=" -o "$out/$program" "$tests/seccomp/$program.c" \
      -lpthread -lcap \
      || step_failed "the selftest $program does not compile"
  done
fi

echo "$inputs" >"$out/inputs.txt"
rm -rf -- "$work" "$build" "$result"
mv -- "$out" "$result"
work=''
echo "$result"
