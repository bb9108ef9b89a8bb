// SPDX-License-Identifier: Apache-2.0
//
// How a supervisor looks at the arguments of a call with process_vm_readv(2): the pointer arguments
// that the policy looks at, a string until its NUL, a table entry by entry.

#include "model/user/user.h"

namespace knotcheck::model {
namespace {

// How many pointers in memory lead to a role, and the role at which the way to it stands after
// some of them.
int DepthOf(Nr nr, int role) {
  int depth = 0;
  const auto& roles = SyscallOf(nr).roles;
  for (int r = role; roles[static_cast<size_t>(r)].parent >= 0; ++depth) {
    r = roles[static_cast<size_t>(r)].parent;
  }
  return depth;
}
int AncestorOf(Nr nr, int role, int depth) {
  int r = role;
  for (int i = DepthOf(nr, role); i > depth; --i) {
    r = SyscallOf(nr).roles[static_cast<size_t>(r)].parent;
  }
  return r;
}

// How many bytes of a buffer there are to see.
int BytesOf(const Kernel& k, const Op& call, const Role& role, Value address) {
  if (role.length_arg >= 0) return call.scalars[static_cast<size_t>(role.length_arg)];
  return k.p.objects[static_cast<size_t>(k.p.values[address].object)].bytes;
}

// A pointer of a table has been read: l.str is the string to read, or kAbsent at the end of what
// there is to see. What comes after the end is absent already.
void SeePointer(Kernel& k, VmReadLocals& l, Nr nr, Value pointer) {
  const bool ends = pointer == kZero || ghost::SlotOf(k, nr, l.role, l.entry, 0) < 0;
  l.str = ends ? kAbsent : pointer;
}

// A word of a string or of a buffer has been read: l.str is kZero if there is more, or kAbsent.
void SeeWord(Kernel& k, VmReadLocals& l, const Op& call, Value address, Value word) {
  const Role& role = SyscallOf(call.nr).roles[l.role];
  const int slot = ghost::SlotOf(k, call.nr, l.role, 0, l.w);
  const bool string = role.IsString();
  const int bytes = BytesOf(k, call, role, address);
  const int words = string ? kMaxSeen : (bytes + 7) / 8;
  Value value = word;
  if (!string) {
    const int left = bytes - 8 * l.w;
    if (left < 8) value = k.p.truncated[value][static_cast<size_t>(left)];
  }
  if (slot >= 0) k.me().seen[slot] = value;
  ++l.w;
  const bool more = !(string && k.p.values[word].has_nul) && l.w < words && slot >= 0;
  l.str = more ? kZero : kAbsent;
  if (!more && !string) ghost::NothingBeyond(k, call.nr, l.role, l.w);
}

}  // namespace

Flow process_vm_rw_core(Kernel& k) {
  auto& l = k.Locals<VmReadLocals>();
  FUNCTION_BEGIN;
  for (l.role = 0; l.role < kMaxRoles; ++l.role) {
    {
      if (k.me().variable_task[l.variable] == 0) return k.Return(-kESRCH);
      const Nr nr = user::CalledOf(k, l.variable).nr;
      const bool asked = k.op().roles == 0 || (k.op().roles >> l.role & 1);
      if (!asked || k.p.seen[static_cast<size_t>(nr)][l.role].entries == 0) continue;
      ghost::BeginLook(k, k.me().variable_id[l.variable], nr, l.role);
    }
    // Of a nested role: the pointers that lead to it, outermost first.
    for (l.depth = 0; l.depth < DepthOf(user::CalledOf(k, l.variable).nr, l.role); ++l.depth) {
      STEP("process_vm_readv(pid, ...)", kTargetLife | kReadsMemory);
      const Op& call = user::CalledOf(k, l.variable);
      const auto& roles = SyscallOf(call.nr).roles;
      const int role = AncestorOf(call.nr, l.role, l.depth);
      const Role& child = roles[static_cast<size_t>(AncestorOf(call.nr, l.role, l.depth + 1))];
      const Value from =
          l.depth == 0 ? call.pointers[roles[static_cast<size_t>(role)].arg] : l.pointer;
      const Ret ret =
          process_vm_readv(k, k.me().variable_task[l.variable] - 1, from, child.word, &l.pointer);
      if (ret < 0) return k.Return(ret);
      k.Note("{} leads to {}", child.name, k.ValueText(l.pointer));
    }
    for (l.entry = 0;; ++l.entry) {
      STEP("process_vm_readv(pid, ...)", kTargetLife | kReadsMemory);
      {
        // req.data, as RECV gave it: the target may be elsewhere by now.
        const Op& call = user::CalledOf(k, l.variable);
        const Role& role = SyscallOf(call.nr).roles[l.role];
        const Value address = role.parent < 0 ? call.pointers[role.arg] : l.pointer;
        // The first word of a table's entry is its pointer.
        const bool table = role.shape == Shape::kStrings;
        Value word;
        const Ret ret = process_vm_readv(k, k.me().variable_task[l.variable] - 1, address,
                                         table ? l.entry : l.w, &word);
        if (ret < 0) return k.Return(ret);
        k.Note("{} reads {}", role.name, k.ValueText(word));
        if (table) {
          SeePointer(k, l, call.nr, word);
        } else {
          SeeWord(k, l, call, address, word);
        }
      }
      if (l.str == kAbsent) break;
      if (l.str == kZero) continue;
      // The string of a table's entry.
      for (l.w = 0;; ++l.w) {
        STEP("process_vm_readv(pid, ...)", kTargetLife | kReadsMemory);
        Value word;
        const Ret ret =
            process_vm_readv(k, k.me().variable_task[l.variable] - 1, l.str, l.w, &word);
        if (ret < 0) return k.Return(ret);
        k.Note("reads {}", k.ValueText(word));
        const int slot = ghost::SlotOf(k, user::CalledOf(k, l.variable).nr, l.role, l.entry, l.w);
        if (slot >= 0) k.me().seen[slot] = word;
        if (k.p.values[word].has_nul) break;
      }
      l.str = kZero;
    }
    l.w = 0;
    l.str = kZero;
    l.pointer = kZero;
  }
  l.depth = 0;
  return k.Return(0);
  FUNCTION_END;
}

}  // namespace knotcheck::model
