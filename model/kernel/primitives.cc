// SPDX-License-Identifier: Apache-2.0
//
// What the transcribed functions share: locks, completions, wake-ups, signals, registers, user
// memory, allocations. Each is a part of its caller's step.

#include <algorithm>

#include "model/kernel/kernel.h"

namespace knotcheck::model {

bool Kernel::TryLock() {
  Filter& f = s->filter();
  if (f.notify_lock == cur + 1) {
    Raise(Event::kLockMisuse);
    Note("notify_lock is already held by {}", info().name);
    return true;
  }
  if (f.notify_lock != 0) return false;
  f.notify_lock = static_cast<uint8_t>(cur + 1);
  Raise(Event::kLocked);
  return true;
}

void Kernel::Unlock() {
  if (s->filter().notify_lock != cur + 1) Raise(Event::kLockMisuse);
  s->filter().notify_lock = 0;
}

void Kernel::CompleteReady(int task) {
  uint8_t& done = s->tasks[task].knotif.ready;
  if (done < kMostCompletions) ++done;
}

void Kernel::CompleteAddfd(int task) { s->tasks[task].kaddfd.done = 1; }

void Kernel::WakeUp() {
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    s->tasks[t].flags &= static_cast<uint8_t>(~kOnWqh);
  }
}

void Kernel::SendSigkill(int task) {
  const uint8_t group = p.tasks[static_cast<size_t>(task)].group;
  for (size_t t = 0; t < p.tasks.size(); ++t) {
    if (p.tasks[t].group == group &&
        (s->tasks[t].status == kAlive || s->tasks[t].status == kExiting)) {
      s->tasks[t].flags |= kSigkillPending;
    }
  }
}

void Kernel::SaveRegisters() {
  if (!s->layout().has_registers) return;
  RegisterFile& file = s->registers[cur];
  file.saved = file.now;
  file.now = Registers{};
}

void Kernel::RestoreRegisters() {
  if (!s->layout().has_registers) return;
  RegisterFile& file = s->registers[cur];
  file.now = file.saved;
  file.saved = Registers{};
}

int Kernel::MappedBytes(int task, Value address, uint8_t mm) const {
  if (mm == kNoMm || mm == kNewMm) return 0;
  if (mm == kFirstMm) {
    const int object = p.ObjectAt(address, p.tasks[static_cast<size_t>(task)].space);
    return object < 0 ? 0 : p.objects[static_cast<size_t>(object)].bytes;
  }
  const int object = p.ObjectAt(address, 0);
  if (object < 0) return 0;
  const Object& o = p.objects[static_cast<size_t>(object)];
  return std::max(0, p.images[mm - kNewMm - 1u].bytes[o.whole] - 8 * o.offset);
}

Kernel::UserWord Kernel::ReadUser(int task, Value address, int word_index, uint8_t mm) {
  if (8 * word_index >= MappedBytes(task, address, mm)) return {};
  const uint8_t space = mm == kFirstMm ? p.tasks[static_cast<size_t>(task)].space : uint8_t{0};
  const Object& o = p.objects[static_cast<size_t>(p.ObjectAt(address, space))];
  if (mm > kNewMm) {
    const auto& words = p.images[mm - kNewMm - 1u].words[o.whole];
    const Value value = words[static_cast<size_t>(o.offset + word_index)];
    Observe({.kind = Observation::Kind::kReads,
             .role = o.whole,
             .entry = static_cast<uint8_t>(task != cur),
             .word = static_cast<uint8_t>(word_index),
             .value = value});
    return {.mapped = true, .value = value};
  }
  const size_t index = static_cast<size_t>(o.first_word + word_index);
  const Word& word = p.words[index];
  UserWord result;
  if (word.shared) {
    result.value = word.domain[static_cast<size_t>(Choose(static_cast<int>(word.domain.size())))];
    NoteRead(index, result.value);
  } else {
    result.value = s->memory[index] ^ word.domain[0];
  }
  result.mapped = !p.values[result.value].unmapped;
  if (!result.mapped) return {};
  Observe({.kind = Observation::Kind::kReads,
           .role = o.whole,
           .entry = static_cast<uint8_t>(task != cur),
           .word = static_cast<uint8_t>(word_index),
           .value = result.value});
  return result;
}

bool Kernel::IsMapped(int role) {
  if (MappedBytes(cur, RoleAddress(role), MmOf(cur)) > 0) return true;
  Raise(Event::kUnmapped);
  return false;
}

Kernel::UserWord Kernel::ReadArgument(int role, int word_index) {
  return IsMapped(role) ? ReadUser(cur, RoleAddress(role), word_index) : UserWord{};
}

bool Kernel::WriteArgument(int role, int word_index, Value value) {
  // What a new image has is read-only.
  if (!IsMapped(role) || (me().flags & kExeced)) return false;
  const int object = p.ObjectAt(RoleAddress(role), info().space);
  const Object& o = p.objects[static_cast<size_t>(object)];
  if (word_index >= o.words) return false;
  const size_t index = static_cast<size_t>(o.first_word + word_index);
  const Word& word = p.words[index];
  // What the most general peer may write, it may also write after this store; it may have unmapped
  // what it may unmap.
  if (word.shared) {
    const auto unmapped = std::find_if(word.domain.begin(), word.domain.end(),
                                       [this](Value each) { return p.values[each].unmapped; });
    if (unmapped == word.domain.end()) return true;
    const bool mapped = Choose(2) == 0;
    NoteRead(index, mapped ? word.domain[0] : *unmapped);
    return mapped;
  }
  if (p.values[s->memory[index] ^ word.domain[0]].unmapped) return false;
  s->memory[index] = value ^ word.domain[0];
  return true;
}

int Kernel::RoleBytes(int role) const {
  const Role& r = SyscallOf(Number()).roles[static_cast<size_t>(role)];
  if (r.length_arg >= 0 && !r.IsString()) return ScalarArg(r.length_arg);
  const int object = p.values[RoleAddress(role)].object;
  return object < 0 ? 0 : p.objects[static_cast<size_t>(object)].bytes;
}

bool Kernel::Allocate() {
  if (s->globals().allocation_failures_left == 0) return true;
  if (Choose(2) == 0) return true;
  --s->globals().allocation_failures_left;
  Note("the allocation fails");
  return false;
}

}  // namespace knotcheck::model
