// SPDX-License-Identifier: Apache-2.0
//
// SharedModels from seeds: the same model on every machine. Deadlocks, endless local loops with and
// without choices, faults, locks that are never given back, and every status of a property occur.

#pragma once

#include <cstdint>
#include <vector>

#include "checker/testing/random_model.h"
#include "checker/testing/shared_model.h"

namespace knotcheck::checker::testing {

class SharedModelMaker {
 public:
  explicit SharedModelMaker(uint64_t seed) : random_(seed) {}

  SharedModel Make(Mistake mistake = Mistake::kNone) {
    const int threads = random_.OneIn(4) ? 4 : random_.From(2, 3);
    std::vector<Group> groups;
    // The more threads, the shorter their programs.
    const int length = threads == 2 ? random_.From(5, 10) : threads == 3 ? random_.From(3, 6) : 3;
    racy_ = random_.OneIn(4);
    tried_ = random_.OneIn(4);
    const int first = random_.OneIn(3) ? threads : random_.From(1, threads - 1);
    groups.push_back(Group{MakeCode(length), first});
    if (first < threads) groups.push_back(Group{MakeCode(length), threads - first});
    return SharedModel(std::move(groups), random_.From(0, 2), mistake);
  }

 private:
  Code MakeCode(int length) {
    Code code;
    std::vector<uint8_t> held;
    Block(code, held, 0, length, 0);
    held.push_back(End(code, held));
    // A jump leads to where the same locks are held.
    for (size_t pc = 0; pc < code.size(); ++pc) {
      if (code[pc].op != Op::kBranch && code[pc].op != Op::kTryLock) continue;
      std::vector<uint8_t> targets;
      for (size_t to = 0; to < held.size(); ++to) {
        if (held[to] == held[pc]) targets.push_back(static_cast<uint8_t>(to));
      }
      code[pc].target =
          targets[static_cast<size_t>(random_.Below(static_cast<int>(targets.size())))];
    }
    return code;
  }

  // The locks that are held behind the last instruction.
  static uint8_t End(const Code& code, const std::vector<uint8_t>& held) {
    if (code.empty()) return 0;
    const auto lock = static_cast<uint8_t>(1 << code.back().a);
    if (code.back().op == Op::kLock || code.back().op == Op::kTryLock) return held.back() | lock;
    if (code.back().op == Op::kUnlock) return held.back() & static_cast<uint8_t>(~lock);
    return held.back();
  }

  // At least `length` instructions with these locks held at their beginning.
  void Block(Code& code, std::vector<uint8_t>& held, uint8_t locks, int length, int depth) {
    const size_t end = code.size() + static_cast<size_t>(length);
    while (code.size() < end) {
      const int lock = random_.Below(SharedModel::kLocks);
      if (depth < 2 && !(locks >> lock & 1) && random_.OneIn(3)) {
        Add(code, held, locks, tried_ && random_.OneIn(3) ? Op::kTryLock : Op::kLock, lock);
        const auto inner = static_cast<uint8_t>(locks | 1 << lock);
        Block(code, held, inner, random_.From(1, 3), depth + 1);
        if (locks == 0 && random_.OneIn(12) && code.size() >= end) return;
        Add(code, held, inner, Op::kUnlock, lock);
      } else {
        Statement(code, held, locks);
      }
    }
  }

  void Statement(Code& code, std::vector<uint8_t>& held, uint8_t locks) {
    const int variable = random_.Below(2);
    if (locks != 0 && random_.OneIn(2)) {
      static constexpr Op kUnderFirst[] = {Op::kPut,     Op::kGet,   Op::kPost,
                                           Op::kPublish, Op::kFetch, Op::kGet};
      const int guarded = locks == 3 ? variable : locks >> 1;
      Op op = guarded == 0 ? kUnderFirst[random_.Below(6)] : random_.OneIn(2) ? Op::kPut : Op::kGet;
      Add(code, held, locks, op, guarded);
      return;
    }
    if (racy_ && random_.OneIn(8)) return Add(code, held, locks, Op::kGet, variable);
    static constexpr Op kAny[] = {
        Op::kStore, Op::kStore,  Op::kLoad,      Op::kLoad,    Op::kPeek,   Op::kUp,
        Op::kDown,  Op::kWait,   Op::kPoke,      Op::kConfig,  Op::kTakeId, Op::kDropId,
        Op::kSet,   Op::kBranch, Op::kBranch,    Op::kCompare, Op::kAdd,    Op::kChoose,
        Op::kFault, Op::kUp,     Op::kDownOrSkip};
    Add(code, held, locks, kAny[random_.Below(sizeof(kAny) / sizeof(kAny[0]))], variable);
  }

  void Add(Code& code, std::vector<uint8_t>& held, uint8_t locks, Op op, int a) {
    Instruction i;
    i.op = op;
    i.a = static_cast<uint8_t>(a);
    i.value = static_cast<uint8_t>(random_.Below(3));
    // Mostly what was read last is looked at next.
    const bool looks = op == Op::kBranch || op == Op::kFault || op == Op::kAdd;
    i.reg = looks && !random_.OneIn(4) ? last_ : static_cast<uint8_t>(random_.Below(2));
    const bool reads = op == Op::kGet || op == Op::kLoad || op == Op::kConfig || op == Op::kCompare;
    if (reads) last_ = i.reg;
    i.show_reg = reads || random_.OneIn(2) ? i.reg : static_cast<uint8_t>(random_.Below(2));
    i.show_value = static_cast<uint8_t>(random_.Below(3));
    if (op == Op::kPeek || op == Op::kFault || random_.OneIn(reads ? 2 : 4)) {
      i.show.violated = random_.Next() & random_.Next() & 15;
      i.show.witnessed = random_.Next() & random_.Next() & 63;
    }
    held.push_back(locks);
    code.push_back(i);
  }

  Random random_;
  uint8_t last_ = 0;  // register
  bool racy_ = false;
  bool tried_ = false;
};

}  // namespace knotcheck::checker::testing
