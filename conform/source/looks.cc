// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// What supervisors see of their targets, and what their policies and jumps make of it.

#include <algorithm>
#include <cstring>

#include "conform/source/kernel_api.h"
#include "conform/source/world.h"

namespace knotcheck::source {

using runner::Code;
using runner::Op;

void World::Saw(int task, int variable, About::Seen* seen, const char* bytes, size_t count) {
  About& about = run().about[task][variable];
  if (seen->strings > 0) AddText(task, ",", 1);
  AddHex(task, bytes, count);
  ++seen->strings;
  if (about.kept_bytes + 1 + count > kKeptBytes) {
    seen->cut = true;
    return;
  }
  about.kept[about.kept_bytes] = static_cast<char>(count);
  std::memcpy(about.kept + about.kept_bytes + 1, bytes, count);
  about.kept_bytes = static_cast<uint8_t>(about.kept_bytes + 1 + count);
}

int64_t World::ReadMemory(uint32_t pid, uint64_t address, char* to, uint64_t most, bool string) {
  uint64_t done = 0;
  while (done < most) {
    // Word by word, as an object ends where nothing is mapped.
    const uint64_t chunk =
        string ? std::min<uint64_t>(8 - (address + done) % 8, most - done) : most - done;
    const int64_t got =
        kernel_api.read_remote(static_cast<int>(pid), address + done, to + done, chunk);
    if (got <= 0) return got == 0 ? -14 : got;
    if (string) {
      const size_t length = strnlen(to + done, static_cast<size_t>(got));
      if (length < static_cast<size_t>(got)) return static_cast<int64_t>(done + length);
    }
    done += static_cast<uint64_t>(got);
    if (!string && static_cast<uint64_t>(got) < chunk) return static_cast<int64_t>(done);
  }
  return static_cast<int64_t>(done);
}

int64_t World::ReadOne(int task, const Op& op, const runner::Look& look) {
  About& about = run().about[task][op.variable];
  char bytes[64] = {};
  const uint64_t address = about.args[look.reg];
  const uint64_t most =
      std::min<uint64_t>(look.length > 0 ? look.length : sizeof(bytes), sizeof(bytes));
  About::Seen& seen = *Keep(task, op.variable, look.reg);
  AddRegister(task, 'r', look.reg);
  if (look.shape != runner::Shape::kStrings) {
    const bool string = look.shape == runner::Shape::kString;
    const int64_t size = ReadMemory(about.pid, address, bytes, string ? most : look.length, string);
    if (size < 0) return size;
    Saw(task, op.variable, &seen, bytes, static_cast<size_t>(size));
    return 0;
  }
  for (uint64_t i = 0; i < 64; ++i) {
    uint64_t pointer = 0;
    const int64_t entry =
        ReadMemory(about.pid, address + 8 * i, reinterpret_cast<char*>(&pointer), 8, false);
    if (entry < 0) return entry;
    if (pointer == 0) break;
    const int64_t size = ReadMemory(about.pid, pointer, bytes, most, true);
    if (size < 0) return size;
    Saw(task, op.variable, &seen, bytes, static_cast<size_t>(size));
  }
  if (seen.strings == 0) AddText(task, "-", 1);
  return 0;
}

int64_t World::Look(int task, const Op& op) {
  About& about = run().about[task][op.variable];
  if (about.pid == 0) return -3;
  Forget(task, op.variable);
  for (const runner::Look& look : op.looks) {
    const int64_t ret = ReadOne(task, op, look);
    if (ret < 0) {
      Forget(task, op.variable);
      return ret;
    }
  }
  return 0;
}

bool World::LooksAtNothing(const About& about) const {
  for (const runner::Rule& rule : plan_.rules) {
    if (rule.nr == about.nr && !rule.conditions.empty()) return false;
  }
  return true;
}

bool World::Allows(const About& about) const {
  for (const About::Seen& seen : about.seen) {
    if (seen.looked && seen.cut) return false;
  }
  for (const runner::Rule& rule : plan_.rules) {
    if (rule.nr != about.nr) continue;
    bool met = true;
    for (const runner::Condition& condition : rule.conditions) {
      const About::Seen& seen = about.seen[condition.reg];
      bool same = seen.looked && !seen.cut && seen.strings == condition.held.size();
      const char* at = about.kept + seen.at;
      for (size_t i = 0; same && i < condition.held.size(); ++i) {
        const std::string& held = condition.held[i];
        same = held.size() == static_cast<size_t>(*at) &&
               std::memcmp(at + 1, held.data(), held.size()) == 0;
        at += 1 + *at;
      }
      switch (condition.test) {
        case runner::Condition::Test::kEqual:
          met = met && same;
          break;
        case runner::Condition::Test::kNotEqual:
          met = met && seen.looked && !seen.cut && !same;
          break;
        case runner::Condition::Test::kAny:
          met = met && seen.looked && !seen.cut;
          break;
        case runner::Condition::Test::kNever:
          met = false;
          break;
      }
    }
    if (met) return true;
  }
  return false;
}

int World::Jump(int task, const Op& op, int at, int64_t ret) {
  const About* const about = run().about[task];
  bool jumps = true;
  switch (op.code) {
    case Code::kJump:
      break;
    case Code::kJumpIfError:
      jumps = op.error == 0 ? ret < 0 : ret == -op.error;
      break;
    case Code::kJumpIfResult:
      jumps = ret == op.number;
      break;
    case Code::kJumpIfCall:
      jumps = about[op.variable].id != 0 && about[op.variable].nr == op.nr;
      break;
    case Code::kJumpIfNothing:
      jumps = LooksAtNothing(about[op.variable]);
      break;
    case Code::kDecide:
      jumps = !Allows(about[op.variable]);
      break;
    case Code::kChoose:
      return op.jumps[engine_->Choose(static_cast<uint32_t>(op.jumps.size()))];
    default:
      return -1;
  }
  return jumps ? op.jumps[0] : at + 1;
}

}  // namespace knotcheck::source
