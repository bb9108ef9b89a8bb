// SPDX-License-Identifier: Apache-2.0
//
// Models that say what their steps touch: two to four threads in groups of identical ones, each a
// small program over locks, a counter, and variables that are guarded, shared, private, waited for
// or constant once their writers are done. Footprints, holds, canonical forms and orbits come from
// the tables of instructions, not from running them. A model is written by hand or made from a
// seed; SharedModel is wrong on purpose when it is given a Mistake.

#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "checker/footprint.h"
#include "checker/model.h"
#include "checker/reduce.h"

namespace knotcheck::checker::testing {

enum class Op : uint8_t {
  kLock,        // lock `a`
  kTryLock,     // lock `a`, or goes to `target`
  kUnlock,      // lock `a`
  kPut,         // guarded `a` = value; lock `a` is held
  kGet,         // reg = guarded `a`; if its lock is not held, the variable is racy
  kStore,       // shared `a` = value
  kLoad,        // reg = shared `a`
  kPeek,        // shows its bits if shared `a` == value
  kUp,          // counter + 1, as long as the thread has budget
  kDown,        // counter - 1; waits
  kDownOrSkip,  // the same, or else nothing
  kPost,        // mail = 1; lock 0 is held. It stays 1.
  kWait,        // for mail == 1
  kPoke,        // config = value, as long as the thread has budget
  kConfig,      // reg = config
  kTakeId,      // id = the next one, as long as the thread has budget
  kDropId,      // id = 0
  kCompare,     // reg = how id compares with the id of the thread that `mine` names
  kPublish,     // who = this thread; lock 0 is held
  kFetch,       // mine = who; lock 0 is held
  kSet,         // reg = value
  kAdd,         // reg += value
  kChoose,      // reg = 0, or reg = 1
  kBranch,      // to `target` if reg == value
  kFault,       // if reg == value
};

struct Instruction {
  Op op = Op::kSet;
  uint8_t a = 0;
  uint8_t value = 0;  // 0 .. 2
  uint8_t reg = 0;    // of the thread's two
  uint8_t target = 0;
  // Shown after the step if register show_reg == show_value; by kPeek instead of that.
  Effects show = {};
  uint8_t show_reg = 0;
  uint8_t show_value = 0;
};
using Code = std::vector<Instruction>;

struct Group {
  Code code;
  int threads = 1;
};

// What to get wrong; each is a condition that a reduction stands on.
enum class Mistake : uint8_t {
  kNone,
  kForgetRead,      // loads touch nothing
  kForgetWrite,     // stores touch nothing
  kForgetPeek,      // what decides about an effect is not touched
  kClaimShared,     // everybody holds the shared variables for itself
  kFleetingHold,    // everybody holds what lock 0 guards as long as the lock is free
  kAcquireBoth,     // locking touches nothing
  kAcquireLeft,     // locking is said to release
  kPlainPost,       // posting releases nobody
  kFaultMoves,      // a fault touches nothing
  kNextIsNothing,   // what a thread may do next touches nothing; what it does is as it is
  kLoseReferences,  // threads are exchanged without what names them
  kClearLive,       // register 0 is cleared although it is read again
  kLoseOrder,       // ids are numbered in reverse
  kMixGroups,       // threads that differ are exchanged
};

class SharedModel {
 public:
  static constexpr int kThreads = 4, kLocks = 2, kGuarded = 2, kShared = 2;

  struct alignas(8) Thread {
    uint8_t pc, reg[2], budget, id, mine;  // mine: 1 + a thread
    uint8_t zero[2];
  };
  struct alignas(8) State {
    Thread thread[kThreads];
    uint8_t lock[kLocks];  // 1 + the owner
    uint8_t guarded[kGuarded];
    uint8_t shared[kShared];
    uint8_t counter, mail, config, next_id;
    uint8_t who;  // 1 + a thread
    uint8_t zero[5];
  };

  SharedModel(std::vector<Group> groups, int budget, Mistake mistake = Mistake::kNone);

  const std::vector<State>& InitialStates() const { return initial_; }
  int ThreadCount() const { return static_cast<int>(group_.size()); }
  const std::vector<Property>& Properties() const { return properties_; }
  const PackMasks& Masks() const { return masks_; }
  // Bit 6: some thread is not at its end. Bit 7: config was written last by a 1.
  uint64_t AtRest(const State& s) const;

  template <class Fn>
  void ForEachSuccessor(const State& s, int thread, Fn&& fn) const {
    for (uint16_t choice = 0; choice < 2; ++choice) {
      State next = s;
      Effects effects;
      const Action action{static_cast<uint16_t>(thread), choice};
      const Outcome outcome = Apply(next, action, effects);
      if (outcome == Outcome::kStepped || outcome == Outcome::kFault) {
        fn(action, next, outcome, effects);
      }
    }
  }
  Outcome Apply(State& s, Action action, Effects& effects) const;

  Footprint FootprintOf(const State& s, int thread) const;
  Footprint FootprintOf(const State& s, Action action) const;
  Hold HoldOf(const State& s, int thread) const;
  void Canonicalize(State& s, uint32_t reductions) const;
  uint64_t OrbitSize(const State& s) const;

  bool has_twins() const { return permutations_.size() > 1; }

 private:
  // Resources. A lock's bits: whether it is free, as those see it who do not wait for it.
  static uint64_t Lock(int l) { return uint64_t{1} << l; }
  static uint64_t Guarded(int v) { return uint64_t{1} << (8 + v); }
  static uint64_t Shared(int v) { return uint64_t{1} << (16 + v); }
  static uint64_t Id(int t) { return uint64_t{1} << (24 + t); }
  static constexpr uint64_t kCounter = uint64_t{1} << 32, kMail = uint64_t{1} << 33,
                            kConfigured = uint64_t{1} << 34, kNextId = uint64_t{1} << 35,
                            kWho = uint64_t{1} << 36, kWorld = uint64_t{1} << 37;
  // Liveness of a thread's own variables: its registers are bits 0 and 1.
  static constexpr uint8_t kMine = 4;
  using Permutation = std::vector<int>;  // where each thread goes

  const Code& CodeOf(int thread) const { return groups_[group_[static_cast<size_t>(thread)]].code; }
  const Instruction* Next(const State& s, int thread) const {
    const Code& code = CodeOf(thread);
    return s.thread[thread].pc < code.size() ? &code[s.thread[thread].pc] : nullptr;
  }
  void FindHeld(size_t group);
  void FindDead(size_t group);
  void FindPermutations();
  State Permuted(const State& s, const Permutation& to) const;
  void Renumber(State& s) const;

  std::vector<Group> groups_;
  Mistake mistake_;
  std::vector<size_t> group_;  // by thread
  // By group and instruction.
  std::vector<std::vector<uint8_t>> held_;  // locks, as bits
  std::vector<std::vector<uint8_t>> dead_;  // variables of the thread that are not read again
  std::vector<bool> pokes_;                 // by group
  bool tried_[kLocks] = {};
  bool racy_[kGuarded] = {};
  bool compares_ = false;
  std::vector<Permutation> permutations_;
  std::vector<State> initial_;
  std::vector<Property> properties_;
  PackMasks masks_;
};

inline SharedModel::SharedModel(std::vector<Group> groups, int budget, Mistake mistake)
    : groups_(std::move(groups)), mistake_(mistake) {
  State state{};
  State mask{};
  for (size_t g = 0; g < groups_.size(); ++g) {
    const Code& code = groups_[g].code;
    held_.emplace_back(code.size() + 1);
    dead_.emplace_back(code.size() + 1);
    pokes_.push_back(false);
    FindHeld(g);
    FindDead(g);
    for (size_t pc = 0; pc < code.size(); ++pc) {
      const Instruction& i = code[pc];
      if (i.op == Op::kTryLock) tried_[i.a] = true;
      if (i.op == Op::kGet && !(held_[g][pc] >> i.a & 1)) racy_[i.a] = true;
      if (i.op == Op::kPoke) pokes_[g] = true;
      if (i.op == Op::kCompare) compares_ = true;
    }
    for (int n = 0; n < groups_[g].threads; ++n) {
      const size_t t = group_.size();
      group_.push_back(g);
      state.thread[t].budget = static_cast<uint8_t>(budget);
      mask.thread[t] = Thread{31, {3, 3}, 3, 15, 7, {}};
    }
  }
  mask.lock[0] = mask.lock[1] = mask.who = 7;
  mask.guarded[0] = mask.guarded[1] = mask.shared[0] = mask.shared[1] = mask.config = 3;
  mask.counter = mask.next_id = 15;
  mask.mail = 1;
  masks_.words.resize(sizeof(State) / 8);
  std::memcpy(masks_.words.data(), &mask, sizeof(State));
  initial_.push_back(state);
  FindPermutations();
  static constexpr const char* kNames[] = {"n0", "n1", "n2", "n3", "s4", "s5", "e6", "e7"};
  for (int p = 0; p < 8; ++p) {
    properties_.push_back(Property{kNames[p],
                                   p < 4   ? PropertyKind::kNever
                                   : p < 6 ? PropertyKind::kSometimes
                                           : PropertyKind::kEventually,
                                   "", ""});
  }
}

// Where locks are taken and given back is the same on all ways to an instruction, as whoever
// writes a program must see to.
inline void SharedModel::FindHeld(size_t group) {
  const Code& code = groups_[group].code;
  uint8_t held = 0;
  for (size_t pc = 0; pc < code.size(); ++pc) {
    held_[group][pc] = held;
    const auto lock = static_cast<uint8_t>(1 << code[pc].a);
    if (code[pc].op == Op::kLock || code[pc].op == Op::kTryLock) held |= lock;
    if (code[pc].op == Op::kUnlock) held &= static_cast<uint8_t>(~lock);
  }
  held_[group][code.size()] = held;
}

inline void SharedModel::FindDead(size_t group) {
  const Code& code = groups_[group].code;
  std::vector<uint8_t> live(code.size() + 1);
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t pc = code.size(); pc-- > 0;) {
      const Instruction& i = code[pc];
      const auto reg = static_cast<uint8_t>(1 << i.reg);
      uint8_t sets = 0, reads = 0;
      switch (i.op) {
        case Op::kGet:
        case Op::kLoad:
        case Op::kConfig:
        case Op::kSet:
        case Op::kChoose:
          sets = reg;
          break;
        case Op::kCompare:
          sets = reg;
          reads = kMine;
          break;
        case Op::kFetch:
          sets = kMine;
          break;
        case Op::kAdd:
          sets = reads = reg;
          break;
        case Op::kBranch:
        case Op::kFault:
          reads = reg;
          break;
        default:
          break;
      }
      uint8_t after = live[pc + 1];
      if (i.op == Op::kBranch || i.op == Op::kTryLock) after |= live[i.target];
      if (i.show.violated | i.show.witnessed) after |= static_cast<uint8_t>(1 << i.show_reg);
      const auto before = static_cast<uint8_t>((after & ~sets) | reads);
      changed |= before != live[pc];
      live[pc] = before;
    }
  }
  for (size_t pc = 0; pc <= code.size(); ++pc) {
    dead_[group][pc] = static_cast<uint8_t>(7 & ~live[pc]);
  }
}

inline void SharedModel::FindPermutations() {
  Permutation to(group_.size());
  std::iota(to.begin(), to.end(), 0);
  do {
    bool same = true;
    for (size_t t = 0; t < to.size(); ++t) {
      same &= group_[t] == group_[static_cast<size_t>(to[t])];
    }
    if (same || mistake_ == Mistake::kMixGroups) permutations_.push_back(to);
  } while (std::next_permutation(to.begin(), to.end()));
}

inline Outcome SharedModel::Apply(State& s, Action action, Effects& effects) const {
  const int t = action.thread;
  if (t >= ThreadCount()) return Outcome::kDisabled;
  const Instruction* i = Next(s, t);
  if (i == nullptr) return Outcome::kDisabled;
  const bool two = i->op == Op::kChoose || i->op == Op::kDownOrSkip;
  if (action.choice > (two ? 1 : 0)) return Outcome::kDisabled;
  Thread& me = s.thread[t];
  uint8_t& reg = me.reg[i->reg];
  uint8_t pc = static_cast<uint8_t>(me.pc + 1);
  const auto self = static_cast<uint8_t>(t + 1);
  const auto spend = [&me] { return me.budget != 0 && me.budget-- != 0; };
  bool shows = true;
  switch (i->op) {
    case Op::kLock:
      if (s.lock[i->a] != 0) return Outcome::kBlocked;
      s.lock[i->a] = self;
      break;
    case Op::kTryLock:
      if (s.lock[i->a] != 0) {
        pc = i->target;
      } else {
        s.lock[i->a] = self;
      }
      break;
    case Op::kUnlock:
      s.lock[i->a] = 0;
      break;
    case Op::kPut:
      s.guarded[i->a] = i->value;
      break;
    case Op::kGet:
      reg = s.guarded[i->a];
      break;
    case Op::kStore:
      s.shared[i->a] = i->value;
      break;
    case Op::kLoad:
      reg = s.shared[i->a];
      break;
    case Op::kPeek:
      shows = s.shared[i->a] == i->value;
      break;
    case Op::kUp:
      if (spend()) ++s.counter;
      break;
    case Op::kDownOrSkip:
      if (action.choice == 1) break;
      [[fallthrough]];
    case Op::kDown:
      if (s.counter == 0) return Outcome::kBlocked;
      --s.counter;
      break;
    case Op::kPost:
      s.mail = 1;
      break;
    case Op::kWait:
      if (s.mail == 0) return Outcome::kBlocked;
      break;
    case Op::kPoke:
      if (spend()) s.config = i->value;
      break;
    case Op::kConfig:
      reg = s.config;
      break;
    case Op::kTakeId:
      if (spend()) me.id = ++s.next_id;
      break;
    case Op::kDropId:
      me.id = 0;
      break;
    case Op::kCompare: {
      const uint8_t other = me.mine != 0 ? s.thread[me.mine - 1].id : me.id;
      reg = other == me.id ? 0 : other < me.id ? 1 : 2;
      break;
    }
    case Op::kPublish:
      s.who = self;
      break;
    case Op::kFetch:
      me.mine = s.who;
      break;
    case Op::kSet:
      reg = i->value;
      break;
    case Op::kAdd:
      reg = static_cast<uint8_t>((reg + i->value) % 3);
      break;
    case Op::kChoose:
      reg = static_cast<uint8_t>(action.choice);
      break;
    case Op::kBranch:
      if (reg == i->value) pc = i->target;
      break;
    case Op::kFault:
      // The state is left as it is: only the outcome says that nothing follows.
      if (reg == i->value) {
        effects = i->show;
        return Outcome::kFault;
      }
      shows = false;
      break;
  }
  if (i->op != Op::kPeek && i->op != Op::kFault) shows = me.reg[i->show_reg] == i->show_value;
  if (shows) effects = i->show;
  me.pc = pc;
  return Outcome::kStepped;
}

inline uint64_t SharedModel::AtRest(const State& s) const {
  uint64_t violated = s.config == 1 ? 1u << 7 : 0;
  for (int t = 0; t < ThreadCount(); ++t) {
    if (Next(s, t) != nullptr) violated |= 1u << 6;
  }
  return violated;
}

inline Footprint SharedModel::FootprintOf(const State& s, Action action) const {
  const int t = action.thread;
  const Instruction* i = Next(s, t);
  if (i == nullptr) return {};
  const Thread& me = s.thread[t];
  const bool spends = me.budget != 0;
  switch (i->op) {
    case Op::kLock:
      if (mistake_ == Mistake::kAcquireBoth) return {};
      if (mistake_ == Mistake::kAcquireLeft) return {.releases = Lock(i->a)};
      return {.writes = tried_[i->a] ? Lock(i->a) : 0, .acquires = Lock(i->a)};
    case Op::kTryLock:
      return {.writes = Lock(i->a), .acquires = Lock(i->a)};
    case Op::kUnlock:
      return {.writes = tried_[i->a] ? Lock(i->a) : 0, .releases = Lock(i->a)};
    case Op::kPut:
      return {.writes = Guarded(i->a)};
    case Op::kGet:
      return {.reads = Guarded(i->a)};
    case Op::kStore:
      return {.writes = mistake_ == Mistake::kForgetWrite ? 0 : Shared(i->a)};
    case Op::kLoad:
      return {.reads = mistake_ == Mistake::kForgetRead ? 0 : Shared(i->a)};
    case Op::kPeek:
      return {.reads = mistake_ == Mistake::kForgetPeek ? 0 : Shared(i->a)};
    case Op::kUp:
      return {.releases = spends ? kCounter : 0};
    case Op::kDown:
      return {.acquires = kCounter};
    case Op::kDownOrSkip:
      return {.acquires = action.choice == 0 ? kCounter : 0};
    case Op::kPost:
      if (s.mail != 0) return {.reads = kMail};
      return {.writes = kMail, .releases = mistake_ == Mistake::kPlainPost ? 0 : kMail};
    case Op::kWait:
      return {.reads = kMail};
    case Op::kPoke:
      return {.writes = spends ? kConfigured : 0};
    case Op::kConfig:
      return {.reads = kConfigured};
    case Op::kTakeId:
      return {.writes = spends ? kNextId | Id(t) : 0};
    case Op::kDropId:
      return {.writes = Id(t)};
    case Op::kCompare:
      return {.reads = me.mine != 0 ? Id(t) | Id(me.mine - 1) : 0};
    case Op::kPublish:
      return {.writes = kWho};
    case Op::kFetch:
      return {.reads = kWho};
    case Op::kFault:
      // What others might still have shown is lost.
      if (mistake_ == Mistake::kFaultMoves) return {};
      return {.writes = me.reg[i->reg] == i->value ? kWorld : 0};
    default:
      return {};
  }
}

inline Footprint SharedModel::FootprintOf(const State& s, int thread) const {
  if (mistake_ == Mistake::kNextIsNothing) return {};
  // The first choice touches whatever the second one does.
  return FootprintOf(s, Action{static_cast<uint16_t>(thread), 0});
}

inline Hold SharedModel::HoldOf(const State& s, int thread) const {
  Hold hold;
  const auto at = static_cast<size_t>(thread);
  const uint8_t held = held_[group_[at]][s.thread[thread].pc];
  for (int v = 0; v < kGuarded; ++v) {
    if (!(held >> v & 1)) continue;
    (racy_[v] ? hold.stable : hold.exclusive) |= Guarded(v);
  }
  if (held & 1) {
    hold.exclusive |= kWho;
    // Those that wait do not see it before it is posted.
    if (s.mail == 0) hold.exclusive |= kMail;
  }
  if (s.mail != 0) hold.stable |= kMail;
  (compares_ ? hold.stable : hold.exclusive) |= Id(thread);
  bool pokes = false;
  for (int t = 0; t < ThreadCount(); ++t) {
    pokes |= pokes_[group_[static_cast<size_t>(t)]] && s.thread[t].budget != 0;
  }
  if (!pokes) hold.stable |= kConfigured;
  if (mistake_ == Mistake::kClaimShared) hold.exclusive |= Shared(0) | Shared(1);
  if (mistake_ == Mistake::kFleetingHold && s.lock[0] == 0) hold.exclusive |= Guarded(0);
  return hold;
}

inline SharedModel::State SharedModel::Permuted(const State& s, const Permutation& to) const {
  State result = s;
  const auto name = [&](uint8_t& one_plus) {
    if (one_plus == 0 || mistake_ == Mistake::kLoseReferences) return;
    one_plus = static_cast<uint8_t>(to[one_plus - 1u] + 1);
  };
  for (size_t t = 0; t < to.size(); ++t) {
    Thread& thread = result.thread[to[t]];
    thread = s.thread[t];
    name(thread.mine);
  }
  for (uint8_t& owner : result.lock) name(owner);
  name(result.who);
  return result;
}

inline void SharedModel::Renumber(State& s) const {
  uint32_t used = 0;
  for (int t = 0; t < ThreadCount(); ++t) {
    Thread& thread = s.thread[t];
    // A thread that was wrongly exchanged may stand where its program has no step.
    const auto& dead_at = dead_[group_[static_cast<size_t>(t)]];
    uint8_t dead = thread.pc < dead_at.size() ? dead_at[thread.pc] : uint8_t{0};
    if (mistake_ == Mistake::kClearLive) dead |= 1;
    for (int r = 0; r < 2; ++r) {
      if (dead >> r & 1) thread.reg[r] = 0;
    }
    if (dead & kMine) thread.mine = 0;
    if (thread.id != 0) used |= 1u << thread.id;
  }
  const int count = std::popcount(used);
  for (int t = 0; t < ThreadCount(); ++t) {
    uint8_t& id = s.thread[t].id;
    if (id == 0) continue;
    const int rank = std::popcount(used & ((2u << id) - 1));
    id = static_cast<uint8_t>(mistake_ == Mistake::kLoseOrder ? count + 1 - rank : rank);
  }
  s.next_id = static_cast<uint8_t>(count);
}

inline void SharedModel::Canonicalize(State& s, uint32_t reductions) const {
  if (reductions & kRenumber) Renumber(s);
  if (!(reductions & kSymmetry)) return;
  const State from = s;
  for (const Permutation& to : permutations_) {
    const State other = Permuted(from, to);
    if (std::memcmp(&other, &s, sizeof(State)) < 0) s = other;
  }
}

inline uint64_t SharedModel::OrbitSize(const State& s) const {
  std::vector<State> orbit;
  for (const Permutation& to : permutations_) {
    const State other = Permuted(s, to);
    const auto same = [&](const State& known) {
      return std::memcmp(&known, &other, sizeof(State)) == 0;
    };
    if (std::none_of(orbit.begin(), orbit.end(), same)) orbit.push_back(other);
  }
  return orbit.size();
}

}  // namespace knotcheck::checker::testing
