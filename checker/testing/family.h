// SPDX-License-Identifier: Apache-2.0
//
// A small family of protocols as a toy model: a filter with its lock and notifications, tracees
// that trap, CLONE_VM peers that write argument words, supervisor threads that RECV, pin in the
// phases A, B and C, decide and SEND, and non-fatal signals. bench/peers/ holds the same family
// for two other model checkers; the three must agree on every count.
//
// One ForEachSuccessor call of ours is one transition there: granularity and all choices are fixed
// by bench/peers/README.md.

#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "checker/footprint.h"
#include "checker/model.h"
#include "checker/reduce.h"

namespace knotcheck::checker::testing {

// The parameters, by the names that bench/peers/ uses.
struct FamilyParameters {
  int N = 1;        // tracees, at most 3
  int M = 1;        // peers, at most 2
  int K = 1;        // argument words, at most 3
  int S = 1;        // supervisor threads, at most 3
  int R = 1;        // traps per tracee
  int W = 2;        // writes per peer
  int V = 2;        // values of a word, 0 .. V-1; 0 is the allowed one
  int SIG = 0;      // signals per run
  int MODE = 1;     // 0: plain CONTINUE, 1: PIN_ARGS and CONTINUE_PINNED
  int FIX = 0;      // 1: an interrupted wait drops the pin
  int OUTLIVE = 1;  // 1: check that no pin outlives its notification
};

// Reads "N=2 M=1 ..." into parameters. InvalidArgument names the word and what was expected.
absl::StatusOr<FamilyParameters> ParseFamily(const std::vector<std::string>& words);

class Family {
 public:
  static constexpr int kTracees = 3, kPeers = 2, kSupervisors = 3, kWords = 3;

  // Property indices.
  enum : uint64_t { kToctou = 0, kPinOutlives = 1, kApprovedRead = 2 };

  struct alignas(8) Tracee {
    uint8_t pc, r, k, n_id;
    // n_state in bits 0-1, then ok, n_allow, pin_att, pin_live, pin_busy, tw.
    uint8_t flags;
    uint8_t pin_id;
    uint8_t pin_val;  // 2 bits a word
    uint8_t zero;
  };
  struct alignas(4) Supervisor {
    uint8_t pc, id, snap;  // snap: 2 bits a word
    uint8_t tt_k_err;      // 2 bits each
  };
  struct alignas(8) State {
    Tracee tracee[kTracees];
    Supervisor supervisor[kSupervisors];
    uint8_t lock, sem, next_id, sig;
    uint8_t mem;  // 2 bits a word
    uint8_t writes[kPeers];
    uint8_t zero[5];
  };

  explicit Family(const FamilyParameters& parameters);

  const std::vector<State>& InitialStates() const { return initial_; }
  int ThreadCount() const { return p_.N + p_.M + p_.S; }
  const std::vector<Property>& Properties() const { return properties_; }
  const PackMasks& Masks() const { return masks_; }
  uint64_t AtRest(const State&) const { return 0; }

  // See checker/footprint.h. Everything that has no bit below is touched by its thread only.
  Footprint FootprintOf(const State& s, int thread) const;
  Footprint FootprintOf(const State& s, Action action) const;
  Hold HoldOf(const State& s, int thread) const;

  // Permutations of tracees, of peers and of supervisors; ids by rank; and what a supervisor
  // remembers of a notification that is no longer there.
  void Canonicalize(State& s, uint32_t reductions) const;
  uint64_t OrbitSize(const State& s) const;

  [[gnu::always_inline]] Outcome Apply(State& s, Action action, Effects& effects) const {
    if (action.thread < p_.N) return StepTracee(s, action.thread, action.choice, effects);
    if (action.thread < p_.N + p_.M) return StepPeer(s, action.thread - p_.N, action.choice);
    if (action.choice != 0) return Outcome::kDisabled;
    return StepSupervisor(s, action.thread - p_.N - p_.M, effects);
  }

  template <class Fn>
  void ForEachSuccessor(const State& s, int thread, Fn&& fn) const {
    int choices = 1;
    if (thread < p_.N) {
      // Only the wait has a second outcome.
      choices = s.tracee[thread].pc == kWait && s.sig != 0 ? 2 : 1;
      if (s.lock && (kTraceeLocks >> s.tracee[thread].pc & 1)) return;
    } else if (thread < p_.N + p_.M) {
      choices = s.writes[thread - p_.N] < p_.W ? p_.K * p_.V : 0;
    } else if (s.lock && (kSupervisorLocks >> s.supervisor[thread - p_.N - p_.M].pc & 1)) {
      return;
    }
    for (int choice = 0; choice < choices; ++choice) {
      const Action action{static_cast<uint16_t>(thread), static_cast<uint16_t>(choice)};
      State next = s;
      Effects effects;
      const Outcome outcome = Apply(next, action, effects);
      if (outcome == Outcome::kStepped) fn(action, next, outcome, effects);
    }
  }

 private:
  enum NState : uint8_t { kFree, kInit, kSent, kReplied };
  enum Flag : uint8_t {
    kOk = 4,
    kAllow = 8,
    kPinAttached = 16,
    kPinLive = 32,
    kPinBusy = 64,
    kTaskWork = 128
  };
  enum Errno : uint8_t { kNoError, kEnoent, kEexist, kEbusy };
  enum TraceePc : uint8_t {
    kTrap,
    kNew,
    kUnlockNew,
    kWait,
    kLockReply,
    kDelete,
    kUnlockReply,
    kRead,
    kLockInterrupted,
    kDeleteInterrupted,
    kUnlockInterrupted,
    kReturnInterrupted
  };
  enum SupervisorPc : uint8_t {
    kRecv,
    kLockRecv,
    kFind,
    kUnlockRecv,
    kLockA,
    kPhaseA,
    kUnlockA,
    kCopy,
    kPick,
    kPhaseC,
    kUnlockC,
    kLockSend,
    kSend,
    kUnlockSend
  };

  // The steps that take the lock, by pc: most that are not enabled wait for it, and to see that is
  // cheaper than to try them.
  static constexpr uint32_t kTraceeLocks = 1u << kTrap | 1u << kLockReply | 1u << kLockInterrupted;
  static constexpr uint32_t kSupervisorLocks =
      1u << kLockRecv | 1u << kLockA | 1u << kPick | 1u << kLockSend;

  static NState StateOf(const Tracee& t) { return static_cast<NState>(t.flags & 3); }
  static void SetState(Tracee& t, NState n) { t.flags = static_cast<uint8_t>((t.flags & ~3) | n); }
  static int Get2(uint8_t v, int i) { return v >> (2 * i) & 3; }
  static uint8_t Set2(uint8_t v, int i, int x) {
    return static_cast<uint8_t>((v & ~(3 << (2 * i))) | x << (2 * i));
  }
  static int TaskOf(const Supervisor& u) { return u.tt_k_err & 3; }
  static int WordOf(const Supervisor& u) { return u.tt_k_err >> 2 & 3; }
  static Errno ErrorOf(const Supervisor& u) { return static_cast<Errno>(u.tt_k_err >> 4 & 3); }
  static void SetWord(Supervisor& u, int k) {
    u.tt_k_err = static_cast<uint8_t>((u.tt_k_err & ~12) | k << 2);
  }
  static void SetError(Supervisor& u, Errno e) {
    u.tt_k_err = static_cast<uint8_t>((u.tt_k_err & ~48) | e << 4);
  }
  static bool TryLock(State& s) {
    if (s.lock) return false;
    s.lock = 1;
    return true;
  }
  static void ClearPin(Tracee& t) {
    t.flags &= static_cast<uint8_t>(~(kPinAttached | kPinLive | kTaskWork));
    t.pin_id = 0;
    t.pin_val = 0;
  }
  static void FreeNotification(Tracee& t) {
    t.flags &= static_cast<uint8_t>(~(3 | kAllow));
    t.n_id = 0;
  }
  void CheckOutlive(const Tracee& t, Effects& effects) const {
    if (p_.OUTLIVE && (t.flags & kPinAttached) && !(t.flags & kPinLive) &&
        !(StateOf(t) != kFree && t.n_id == t.pin_id)) {
      effects.violated |= uint64_t{1} << kPinOutlives;
    }
  }

  // Resources, as bits of a footprint. A notification, its pin and `pin_busy` are a tracee's each.
  enum Resource : uint64_t { kLock = 1, kSem = 2, kNextId = 4, kSig = 8, kMem = 16 };
  static uint64_t Notification(int n) { return uint64_t{1} << (8 + n); }
  static uint64_t Pin(int n) { return uint64_t{1} << (16 + n); }
  static uint64_t Busy(int n) { return uint64_t{1} << (24 + n); }
  static uint64_t Reply(int n) { return uint64_t{1} << (32 + n); }
  bool PeersDone(const State& s) const {
    for (int m = 0; m < p_.M; ++m) {
      if (s.writes[m] < p_.W) return false;
    }
    return true;
  }
  static bool HoldsLock(const Tracee& t) {
    return t.pc == kNew || t.pc == kUnlockNew || t.pc == kDelete || t.pc == kUnlockReply ||
           t.pc == kDeleteInterrupted || t.pc == kUnlockInterrupted;
  }
  static bool HoldsLock(const Supervisor& u) {
    return u.pc == kFind || u.pc == kUnlockRecv || u.pc == kPhaseA || u.pc == kUnlockA ||
           u.pc == kPhaseC || u.pc == kUnlockC || u.pc == kSend || u.pc == kUnlockSend;
  }
  Footprint FootprintOfTracee(const State& s, int n) const;
  Footprint FootprintOfSupervisor(const State& s, int i) const;
  // Whether it matters to a supervisor which tracee it works for.
  bool HasTracee(const Supervisor& u) const { return u.id != 0 || HoldsBusy(u); }
  bool HoldsBusy(const Supervisor& u) const {
    return p_.MODE && ErrorOf(u) == kNoError &&
           (u.pc == kUnlockA || u.pc == kCopy || u.pc == kPick || u.pc == kPhaseC);
  }
  void Renumber(State& s) const;
  void SortThreads(State& s) const;

  Outcome StepTracee(State& s, int n, int choice, Effects& effects) const;
  Outcome StepPeer(State& s, int m, int choice) const;
  Outcome StepSupervisor(State& s, int i, Effects& effects) const;

  FamilyParameters p_;
  std::vector<State> initial_;
  std::vector<Property> properties_;
  PackMasks masks_;
};

inline Outcome Family::StepTracee(State& s, int n, int choice, Effects& effects) const {
  Tracee& t = s.tracee[n];
  // Only the wait has a second outcome: the signal.
  if (choice == 1) {
    if (t.pc != kWait || s.sig == 0) return Outcome::kDisabled;
    --s.sig;
    t.pc = kLockInterrupted;
    return Outcome::kStepped;
  }
  switch (t.pc) {
    case kTrap:
      if (t.r >= p_.R) return Outcome::kDisabled;
      if (!TryLock(s)) return Outcome::kBlocked;
      t.pc = kNew;
      break;
    case kNew:
      t.n_id = s.next_id++;
      SetState(t, kInit);
      ++s.sem;
      CheckOutlive(t, effects);
      t.pc = kUnlockNew;
      break;
    case kUnlockNew:
      s.lock = 0;
      t.pc = kWait;
      break;
    case kWait:
      if (StateOf(t) != kReplied) return Outcome::kBlocked;
      t.pc = kLockReply;
      break;
    case kLockReply:
      if (!TryLock(s)) return Outcome::kBlocked;
      t.pc = kDelete;
      break;
    case kDelete:
      if (t.flags & kAllow) t.flags |= kOk;
      FreeNotification(t);
      if ((t.flags & kPinAttached) && !(t.flags & kPinLive)) ClearPin(t);
      CheckOutlive(t, effects);
      t.pc = kUnlockReply;
      break;
    case kUnlockReply:
      s.lock = 0;
      t.pc = kRead;
      break;
    case kRead:
      if ((t.flags & kOk) && t.k < p_.K) {
        const bool pinned = (t.flags & kPinAttached) && (t.flags & kPinLive);
        const int value = pinned ? Get2(t.pin_val, t.k) : Get2(s.mem, t.k);
        if (value != 0) effects.violated |= uint64_t{1} << kToctou;
        effects.witnessed |= uint64_t{1} << kApprovedRead;
        ++t.k;
      } else {
        if (t.flags & kTaskWork) ClearPin(t);
        t.flags &= static_cast<uint8_t>(~kOk);
        t.k = 0;
        ++t.r;
        t.pc = kTrap;
      }
      break;
    case kLockInterrupted:
      if (!TryLock(s)) return Outcome::kBlocked;
      t.pc = kDeleteInterrupted;
      break;
    case kDeleteInterrupted:
      FreeNotification(t);
      if (p_.FIX) ClearPin(t);
      CheckOutlive(t, effects);
      t.pc = kUnlockInterrupted;
      break;
    case kUnlockInterrupted:
      s.lock = 0;
      t.pc = kReturnInterrupted;
      break;
    default:
      if (t.flags & kTaskWork) ClearPin(t);
      t.pc = kTrap;
      break;
  }
  return Outcome::kStepped;
}

inline Outcome Family::StepPeer(State& s, int m, int choice) const {
  if (s.writes[m] >= p_.W) return Outcome::kDisabled;
  s.mem = Set2(s.mem, choice / p_.V, choice % p_.V);
  ++s.writes[m];
  return Outcome::kStepped;
}

inline Outcome Family::StepSupervisor(State& s, int i, Effects& effects) const {
  Supervisor& u = s.supervisor[i];
  Tracee& t = s.tracee[TaskOf(u)];
  const auto finish = [&u] { u = Supervisor{}; };
  switch (u.pc) {
    case kRecv:
      if (s.sem == 0) return Outcome::kBlocked;
      --s.sem;
      u.pc = kLockRecv;
      break;
    case kLockRecv:
      if (!TryLock(s)) return Outcome::kBlocked;
      u.pc = kFind;
      break;
    case kFind:
      for (int n = 0; n < p_.N; ++n) {
        const Tracee& candidate = s.tracee[n];
        if (StateOf(candidate) == kInit && (u.id == 0 || candidate.n_id < u.id)) {
          u.id = candidate.n_id;
          u.tt_k_err = static_cast<uint8_t>(n);
        }
      }
      if (u.id != 0) SetState(s.tracee[TaskOf(u)], kSent);
      u.pc = kUnlockRecv;
      break;
    case kUnlockRecv:
      s.lock = 0;
      if (u.id == 0) {
        finish();
      } else {
        u.pc = p_.MODE ? kLockA : kCopy;
      }
      break;
    case kLockA:
      if (!TryLock(s)) return Outcome::kBlocked;
      u.pc = kPhaseA;
      break;
    case kPhaseA:
      if (StateOf(t) != kSent || t.n_id != u.id) {
        SetError(u, kEnoent);
      } else if (t.flags & kPinAttached) {
        SetError(u, kEexist);
      } else if (t.flags & kPinBusy) {
        SetError(u, kEbusy);
      } else {
        t.flags |= kPinBusy;
      }
      u.pc = kUnlockA;
      break;
    case kUnlockA:
      s.lock = 0;
      if (ErrorOf(u) == kEnoent) {
        finish();
      } else {
        u.pc = ErrorOf(u) == kEbusy ? kLockSend : kCopy;
      }
      break;
    case kCopy: {
      const int k = WordOf(u);
      u.snap = Set2(u.snap, k, Get2(s.mem, k));
      if (k < p_.K - 1) {
        SetWord(u, k + 1);
      } else {
        SetWord(u, 0);
        u.pc = p_.MODE ? kPick : kLockSend;
      }
      break;
    }
    case kPick:
      if (!TryLock(s)) return Outcome::kBlocked;
      u.pc = ErrorOf(u) == kNoError ? kPhaseC : kSend;
      break;
    case kPhaseC:
      t.flags &= static_cast<uint8_t>(~kPinBusy);
      if (StateOf(t) == kSent && t.n_id == u.id) {
        t.flags |= kPinAttached;
        t.pin_id = u.id;
        t.pin_val = u.snap;
        CheckOutlive(t, effects);
      } else {
        SetError(u, kEnoent);
      }
      u.pc = kUnlockC;
      break;
    case kUnlockC:
      s.lock = 0;
      if (ErrorOf(u) == kEnoent) {
        finish();
      } else {
        u.pc = kLockSend;
      }
      break;
    case kLockSend:
      if (!TryLock(s)) return Outcome::kBlocked;
      u.pc = kSend;
      break;
    case kSend: {
      const bool allow = ErrorOf(u) != kEbusy && u.snap == 0;
      if (StateOf(t) == kSent && t.n_id == u.id) {
        SetState(t, kReplied);
        if (allow) t.flags |= kAllow;
        if (p_.MODE && allow && (t.flags & kPinAttached)) t.flags |= kPinLive | kTaskWork;
        CheckOutlive(t, effects);
      }
      u.pc = kUnlockSend;
      break;
    }
    default:
      s.lock = 0;
      finish();
      break;
  }
  return Outcome::kStepped;
}

inline Footprint Family::FootprintOfTracee(const State& s, int n) const {
  const Tracee& t = s.tracee[n];
  const uint64_t notification = Notification(n), pin = Pin(n);
  switch (t.pc) {
    case kTrap:
      return t.r >= p_.R ? Footprint{} : Footprint{.acquires = kLock};
    case kNew:
      return {.reads = pin, .writes = notification | kNextId, .releases = kSem};
    case kWait:
      return {.reads = notification, .writes = s.sig != 0 ? uint64_t{kSig} : 0};
    case kLockReply:
    case kLockInterrupted:
      return {.acquires = kLock};
    case kDelete:
    case kDeleteInterrupted:
      return {.writes = notification | pin};
    case kRead: {
      if (!(t.flags & kOk) || t.k >= p_.K) return {.writes = pin};
      const bool pinned = (t.flags & kPinAttached) && (t.flags & kPinLive);
      return {.reads = pinned ? pin : pin | kMem};
    }
    case kReturnInterrupted:
      return {.writes = pin};
    default:
      return {.releases = kLock};
  }
}

inline Footprint Family::FootprintOfSupervisor(const State& s, int i) const {
  const Supervisor& u = s.supervisor[i];
  const int n = TaskOf(u);
  const Tracee& t = s.tracee[n];
  const bool live = StateOf(t) == kSent && t.n_id == u.id;
  switch (u.pc) {
    case kRecv:
      return {.acquires = kSem};
    case kFind: {
      Footprint footprint;
      for (int m = 0; m < p_.N; ++m) {
        footprint.reads |= Notification(m);
        if (StateOf(s.tracee[m]) == kInit) footprint.writes |= Notification(m);
      }
      return footprint;
    }
    case kLockRecv:
    case kLockA:
    case kPick:
    case kLockSend:
      return {.acquires = kLock};
    case kPhaseA:
      return {.reads = live ? Notification(n) | Pin(n) : Notification(n),
              .writes = live ? Busy(n) : 0};
    case kCopy:
      return {.reads = kMem};
    case kPhaseC:
      return {.reads = Notification(n), .writes = live ? Busy(n) | Pin(n) : Busy(n)};
    case kSend:
      // The tracee waits for it.
      return {.reads = Notification(n),
              .writes = live ? Notification(n) | Pin(n) : 0,
              .releases = live ? Reply(n) : 0};
    default:
      return {.releases = kLock};
  }
}

inline Footprint Family::FootprintOf(const State& s, int thread) const {
  if (thread < p_.N) return FootprintOfTracee(s, thread);
  if (thread < p_.N + p_.M) {
    return {.writes = s.writes[thread - p_.N] < p_.W ? uint64_t{kMem} : 0};
  }
  return FootprintOfSupervisor(s, thread - p_.N - p_.M);
}

inline Footprint Family::FootprintOf(const State& s, Action action) const {
  if (action.thread < p_.N && s.tracee[action.thread].pc == kWait) {
    if (action.choice == 1) return {.writes = kSig};
    return {.reads = Notification(action.thread)};
  }
  return FootprintOf(s, static_cast<int>(action.thread));
}

inline Hold Family::HoldOf(const State& s, int thread) const {
  Hold hold;
  if (PeersDone(s)) hold.stable |= kMem;
  if (s.sig == 0) hold.stable |= kSig;
  bool locked = false;
  if (thread < p_.N) {
    const Tracee& t = s.tracee[thread];
    locked = HoldsLock(t);
    // While its notification is not listed, nobody looks at a tracee's pin but itself; and once it
    // is answered, nobody else changes it.
    if (StateOf(t) == kFree) hold.exclusive |= Pin(thread);
    if (StateOf(t) == kFree || StateOf(t) == kReplied) hold.stable |= Notification(thread);
    if (locked) hold.exclusive |= Notification(thread);
  } else if (thread >= p_.N + p_.M) {
    locked = HoldsLock(s.supervisor[thread - p_.N - p_.M]);
  }
  if (locked) {
    // Not the lock itself: others look whether it is free.
    hold.exclusive |= kNextId;
    for (int n = 0; n < p_.N; ++n) {
      const NState state = StateOf(s.tracee[n]);
      hold.exclusive |= Busy(n);
      hold.stable |= Notification(n);
      if (state == kInit || state == kSent) hold.exclusive |= Notification(n);
      if (state != kFree) hold.exclusive |= Pin(n);
    }
  }
  return hold;
}

}  // namespace knotcheck::checker::testing
