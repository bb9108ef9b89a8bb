#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The C of a source run: the kernel's own files of a tree, patched, against the shims of kernel/, as a
# shared object that knot_source loads. Prints its path.
#
#   build.sh --source DIR|TAR [--patch FILE]...
#   build.sh --files: prints which files of the tree it reads
#
# Built once for what goes into it: the cache is named by a hash of all of it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${KNOT_SOURCE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/knotcheck/source}
source='' patches=()

# What is taken from the tree as it is, and what functions are cut from.
whole=(kernel/seccomp.c kernel/task_work.c kernel/sched/completion.c kernel/sched/swait.c
  kernel/sched/wait.c lib/refcount.c include/linux/list.h include/linux/refcount.h
  include/linux/refcount_types.h include/linux/wait.h include/linux/swait.h
  include/linux/completion.h include/linux/task_work.h include/linux/seccomp.h
  include/linux/seccomp_types.h include/uapi/linux/seccomp.h include/uapi/linux/bpf_common.h
  include/uapi/linux/filter.h include/uapi/asm-generic/ioctl.h)
cut=(fs/namei.c fs/exec.c net/socket.c lib/iov_iter.c kernel/fork.c kernel/exit.c)

fail() {
  echo "source: $*" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  case $1 in
    --source) source=${2:?} && shift 2 ;;
    --patch) patches+=("$(realpath -- "${2:?}")") && shift 2 ;;
    --files) printf '%s\n' "${whole[@]}" "${cut[@]}" && exit 0 ;;
    *) fail "found '$1', expected --source DIR|TAR or --patch FILE" ;;
  esac
done
[ -n "$source" ] || fail "expected --source DIR|TAR, a kernel tree"
[ -e "$source" ] || fail "$source: not there, expected a kernel tree"
command -v gcc >/dev/null || fail "found no gcc, expected one: it compiles the kernel's files"
for patch in "${patches[@]}"; do [ -r "$patch" ] || fail "$patch: cannot be read, expected a patch"; done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tree=$work/tree
mkdir "$tree"
if [ -d "$source" ]; then
  for file in "${whole[@]}" "${cut[@]}"; do
    [ -r "$source/$file" ] || [ "$file" != include/linux/refcount_types.h ] || continue
    [ -r "$source/$file" ] || fail "$source: found no $file, expected a tree of Linux"
    mkdir -p "$tree/$(dirname "$file")" && cp "$source/$file" "$tree/$file"
  done
else
  name=$(tar tf "$source" 2>/dev/null | head -1 || true)
  [ -n "$name" ] || fail "$source: cannot be read, expected a tree of Linux or a tar of one"
  tar xf "$source" -C "$tree" --strip-components=1 \
    "${whole[@]/#/${name%%/*}/}" "${cut[@]/#/${name%%/*}/}" 2>"$work/tar" ||
    fail "$source: $(head -1 "$work/tar")"
fi
# Of a patch what is about these files, and new ones of kernel/.
for patch in "${patches[@]}"; do
  awk -v tree="$tree" '
    /^diff --git / { name = $3; sub(/^a\//, "", name); header = ""; deciding = 1; taken = 0 }
    deciding { header = header $0 "\n" }
    deciding && /^\+\+\+ / {
      taken = system("test -e \"" tree "/" name "\"") == 0 ||
              (header ~ /\nnew file mode/ && name ~ /^kernel\/[a-z_]+\.[ch]$/)
      if (taken) printf "%s", header
      deciding = 0
      next
    }
    taken && !deciding' "$patch" >"$work/taken"
  [ -s "$work/taken" ] || fail "$patch: found nothing about kernel/seccomp.c and what is compiled with it"
  patch -d "$tree" -p1 --force --silent <"$work/taken" >"$work/patch" 2>&1 ||
    fail "$patch: does not apply: $(head -1 "$work/patch")"
done

key=$( (gcc --version | head -1 && cd "$tree" && find . -type f -print0 | sort -z | xargs -0 sha256sum &&
  cd "$here" && sha256sum build.sh cut.awk kernel/*) | sha256sum | cut -c1-20)
out=$cache/$key
if [ -e "$out/knot_kernel.so" ]; then
  echo "$out/knot_kernel.so"
  exit 0
fi

# A name that no header is taken for stands for kernel.h.
include=$work/include
mkdir "$include"
for file in "${whole[@]}"; do
  case $file in
    include/*)
      [ -r "$tree/$file" ] || continue
      mkdir -p "$include/$(dirname "${file#include/}")" && cp "$tree/$file" "$include/${file#include/}"
      ;;
  esac
done
grep -rhoE '^#[ ]*include <[^>]+>' "$tree/kernel" "$tree/lib/refcount.c" "$include" "$here/kernel" |
  sed 's/.*<\(.*\)>/\1/' | sort -u | while read -r name; do
  [ -e "$include/$name" ] && continue
  mkdir -p "$include/$(dirname "$name")"
  echo '#include "kernel.h"' >"$include/$name"
done
{
  echo '#include "kernel.h"'
  echo '#include "cut.h"'
  for from in \
    fs/namei.c:getname_kernel,getname_flags,getname,putname \
    fs/exec.c:get_user_arg_ptr,count,copy_string_kernel,copy_strings_from_pin,copy_strings \
    net/socket.c:move_addr_to_kernel lib/iov_iter.c:import_ubuf kernel/fork.c:copy_seccomp; do
    awk -v names="${from#*:}" -v file="${from%%:*}" -f "$here/cut.awk" "$tree/${from%%:*}"
  done
  echo 'void knot_exit_seccomp(struct task_struct *tsk) {'
  grep -nE '^	seccomp_[a-z_]+\(tsk\);' "$tree/kernel/exit.c" |
    sed 's|^\([0-9]*\):\(.*\)|#line \1 "kernel/exit.c"\n\2|'
  echo '}'
} >"$work/cut.c"
cat >"$work/sched.c" <<'C'
#include "kernel.h"
#include "kernel/sched/wait.c"
#include "kernel/sched/swait.c"
#include "kernel/sched/completion.c"
C

flags=(-std=gnu11 -O1 -g -w -fPIC -fno-strict-aliasing -fno-builtin -mno-red-zone -mgeneral-regs-only
  -ftrivial-auto-var-init=zero -fno-omit-frame-pointer -fno-stack-protector
  # The last that fits counts. What is compiled in $work is a tree of its own to debuggers.
  "-ffile-prefix-map=$work=/linux" "-ffile-prefix-map=$tree=/linux"
  "-ffile-prefix-map=$here=/linux/conform/source"
  -I "$here/kernel" -I "$include" -I "$tree" -I "$tree/kernel")
watched=(-fsanitize=thread --param tsan-distinguish-volatile=1 --param tsan-instrument-func-entry-exit=0)
compile() {
  (cd "$work" && gcc "${flags[@]}" "${@:3}" -c "$1" -o "$2") 2>"$2.err" ||
    fail "gcc: $(sed "s|$tree/||g; s|$work/||g" "$2.err" | grep -m1 -E 'error' || head -1 "$2.err")"
}
objects=()
units=("$tree/kernel/seccomp.c" "$tree/kernel/task_work.c" "$work/sched.c" "$tree/lib/refcount.c" "$work/cut.c")
[ ! -e "$tree/kernel/seccomp_pin.c" ] || units+=("$tree/kernel/seccomp_pin.c")
for unit in "${units[@]}"; do
  object=$work/$(basename "${unit%.c}").o
  compile "$unit" "$object" "${watched[@]}" &
  objects+=("$object")
done
for unit in "$here"/kernel/*.c; do
  object=$work/knot_$(basename "${unit%.c}").o
  compile "$unit" "$object" &
  objects+=("$object")
done
for job in $(jobs -p); do wait "$job"; done
mkdir -p "$cache"
staged=$(mktemp -d "$cache/.new.XXXXXX")
gcc -shared -nostdlib -Wl,-z,lazy "${objects[@]}" -o "$staged/knot_kernel.so" 2>"$work/gcc" ||
  { rm -rf "$staged"; fail "ld: $(head -1 "$work/gcc")"; }
mv -T "$staged" "$out" 2>/dev/null || rm -rf "$staged"
echo "$out/knot_kernel.so"
