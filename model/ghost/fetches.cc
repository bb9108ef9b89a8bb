// SPDX-License-Identifier: Apache-2.0
//
// What a call reads and looks up, held against what its supervisor approved.

#include <algorithm>
#include <string>

#include "model/ghost/probes.h"

namespace knotcheck::model::ghost {
namespace {

// Whether somebody else could have stored that word since the call was made.
bool CouldBeStored(const Kernel& k, int role, int entry, int w) {
  const Program& p = k.p;
  // Nobody stores into a new image.
  if (k.me().flags & kExeced) return false;
  const auto by_others = [&k, &p](int object, int index) {
    if (object < 0) return false;
    const Object& o = p.objects[static_cast<size_t>(object)];
    if (index >= o.words) return false;
    const Word& word = p.words[static_cast<size_t>(o.first_word + index)];
    return word.shared || (word.stored_by & ~(1u << k.cur)) != 0;
  };
  const auto& roles = SyscallOf(k.Number()).roles;
  const Role& r = roles[static_cast<size_t>(role)];
  if (r.parent >= 0 && CouldBeStored(k, r.parent, 0, r.word)) return true;
  const int object = p.ObjectAt(k.RoleAddress(role), k.info().space);
  if (r.shape != Shape::kStrings) return by_others(object, w);
  if (object < 0 || by_others(object, entry)) return object >= 0;
  const Object& table = p.objects[static_cast<size_t>(object)];
  if (entry >= table.words) return false;
  const size_t at = static_cast<size_t>(table.first_word + entry);
  return by_others(p.ObjectAt(k.s->memory[at] ^ p.words[at].domain[0], k.info().space), w);
}

// How many strings the supervisor saw in a table role of an approved call; -1: none was seen.
int ApprovedCount(const Kernel& k, int role) {
  const Task& t = k.me();
  if (!(t.ghost & kGhostApproved) || !(t.ghost_roles >> role & 1)) return -1;
  const SeenLayout& layout = k.p.seen[static_cast<size_t>(k.Number())][static_cast<size_t>(role)];
  int count = 0;
  while (count < layout.entries && t.seen[layout.base + count * layout.stride] != kAbsent) ++count;
  return count;
}

}  // namespace

void Consulted(Kernel& k, int role, bool user) {
  const Task& t = k.me();
  if (!(t.ghost & kGhostApproved) || !(t.ghost & kGhostProtected)) return;
  // Arguments that the supervisor never asked to protect are not its concern, unless it asked for
  // protection and there is none at all.
  const uint8_t asked = t.ghost_roles | t.ghost_asked;
  if (asked != 0 && !(asked >> role & 1)) return;
  k.Raise(Event::kFetchProtected);
  if (!user) return;
  k.Raise(Event::kFetchUnprotected);
  k.Note("read from user memory, although the supervisor was told that it is pinned");
}

void Fetched(Kernel& k, int role, int entry, int w, Value value, bool user) {
  k.Raise(Event::kKernelCopy);
  k.Observe({.kind = Observation::Kind::kCopies,
             .role = static_cast<uint8_t>(role),
             .entry = static_cast<uint8_t>(entry),
             .word = static_cast<uint8_t>(w),
             .value = value,
             .user = user});
  const Task& t = k.me();
  if (value == kUninit) {
    k.Raise(Event::kUninitialisedUse);
    k.Note("acts on bytes that nobody wrote");
  }
  Consulted(k, role, user);
  if (!(t.ghost & kGhostApproved) || !(t.ghost_roles >> role & 1)) return;
  if (CouldBeStored(k, role, entry, w)) k.Raise(Event::kFetch);
  const int slot = SlotOf(k, k.Number(), role, entry, w);
  const Value approved = slot < 0 ? kAbsent : t.seen[slot];
  if (approved != value) {
    k.Raise(Event::kFetchMismatch);
    k.Note("<-- approved {}",
           approved == kAbsent ? std::string("nothing here") : k.ValueText(approved));
  }
}

void Counted(Kernel& k, const CountLocals& l) {
  if (k.PointerArg(SyscallOf(k.Number()).roles[l.role].arg) != kZero) {
    Consulted(k, l.role, l.hook == 0);
  }
  const int approved = ApprovedCount(k, l.role);
  if (approved < 0) return;
  bool racy = false;
  for (int i = 0; i <= l.i; ++i) racy |= CouldBeStored(k, l.role, i, 0);
  if (racy) k.Raise(Event::kFetch);
  if (approved != l.i) {
    k.Raise(Event::kFetchMismatch);
    k.Note("counts {} strings <-- approved {}", static_cast<int>(l.i), approved);
  }
}

void ServedFrom(Kernel& k, int role) {
  // No byte is asked for, so none is missing.
  const Role& r = SyscallOf(k.Number()).roles[static_cast<size_t>(role)];
  if (r.length_arg >= 0 && !r.IsString() && k.RoleBytes(role) == 0) return;
  if (k.IsMapped(role) || k.ret < 0) return;
  k.Raise(Event::kInvented);
  k.Note("nothing is mapped there, and yet the call goes on");
}

void ReadServed(Kernel& k) {
  k.Raise(Event::kReadBody);
  if (k.ret <= 0) return;
  k.Raise(Event::kReadMissed);
  k.Note("returns {}, but the caller's buffer is unchanged", static_cast<int>(k.ret));
}

void LookedUp(Kernel& k, size_t index, int fd, uint8_t file) {
  const uint8_t approved = k.me().ghost_file[index];
  if (!(k.me().ghost & kGhostApproved) || approved == 0) return;
  k.Raise(Event::kFdUsed);
  if (file + 1 != approved) {
    k.Raise(Event::kFdOther);
    k.Note("fd {} is no longer the file that it was when the call was approved", fd);
  }
}

void ActsOn(Kernel& k, const Value* values, int count) {
  const Op& call = k.op();
  k.Observe({.kind = Observation::Kind::kActs, .ret = static_cast<Ret>(count)});
  for (int i = 0; i < count; ++i) {
    k.Observe(
        {.kind = Observation::Kind::kActsOn, .word = static_cast<uint8_t>(i), .value = values[i]});
  }
  if (!call.has_uses) return;
  bool same = true;
  for (int i = 0; i < count; ++i) {
    const Value wanted =
        static_cast<size_t>(i) < call.uses.size() ? call.uses[static_cast<size_t>(i)] : kZero;
    same = same && values[i] == wanted;
  }
  // What the scenario names beyond that was not acted on.
  for (size_t i = static_cast<size_t>(count); i < call.uses.size(); ++i) {
    same = same && call.uses[i] == kZero;
  }
  k.Raise(same ? Event::kExpected : Event::kUnexpected);
  if (!same) k.Note("the scenario expects another value: {}", call.text);
}

uint64_t FilesKnown(const Kernel& k) {
  uint64_t known = 0;
  for (size_t t = 0; t < k.p.tasks.size(); ++t) {
    const Task& task = k.s->tasks[t];
    if (k.p.tasks[t].kind == TaskKind::kSupervisor || task.files != k.me().files) continue;
    for (const uint8_t file : task.ghost_file) known |= (uint64_t{1} << file) >> 1;
  }
  return known;
}

}  // namespace knotcheck::model::ghost
