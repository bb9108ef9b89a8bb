// SPDX-License-Identifier: Apache-2.0
//
// Which steps need no interleaving point, derived from what they touch. A model may say what a
// thread's next step touches (its footprint) and what the thread has for itself in a state (its
// hold); the rest follows.
//
// Sources: R. Lipton, "Reduction: a method of proving properties of parallel programs", CACM 1975
// (movers); C. Flanagan and S. Qadeer, "Transactions for software model checking", SoftMC 2003
// (which sequences of movers are one transition); S. Stoller and E. Cohen, "Optimistic
// synchronization-based state-space reduction", TACAS 2003 (that it is enough to check the
// discipline on the reduced graph).

#pragma once

#include <cstdint>

namespace knotcheck::checker {

// What one step touches, one bit a resource. A resource is whatever part of the state the model
// gives a bit to; what only the thread itself ever touches needs none. Reads and writes may be
// more than the step does, never less.
struct Footprint {
  uint64_t reads = 0;
  uint64_t writes = 0;
  // Takes a lock, or a unit of a counter that others only add to; blocked while there is none.
  // Nothing but acquires and releases touches what is acquired.
  uint64_t acquires = 0;
  // Gives a lock back, or adds to such a counter.
  uint64_t releases = 0;
};

// What a thread may rely on in a state, until it gives it up by a step of its own.
struct Hold {
  uint64_t exclusive = 0;  // no other thread touches it
  uint64_t stable = 0;     // no other thread writes it
};

enum class Mover : uint8_t {
  kNone,   // the order with other threads' steps matters
  kRight,  // may as well happen later: an acquire
  kLeft,   // may as well have happened earlier: a release
  kBoth,   // nobody can tell when it happens
};

// `hold` is that of the stepping thread while it takes the step: with the lock, if it takes one.
inline constexpr Mover Classify(const Footprint& footprint, const Hold& hold) {
  if ((footprint.reads & ~(hold.exclusive | hold.stable)) != 0) return Mover::kNone;
  if ((footprint.writes & ~hold.exclusive) != 0) return Mover::kNone;
  if (footprint.acquires != 0) return footprint.releases != 0 ? Mover::kNone : Mover::kRight;
  return footprint.releases != 0 ? Mover::kLeft : Mover::kBoth;
}

// Whether a step with this footprint takes what another thread holds: then the model's holds are
// wrong, and nothing that was merged because of them is proved.
inline constexpr bool Breaks(const Footprint& footprint, const Hold& other) {
  return ((footprint.reads | footprint.writes) & other.exclusive) != 0 ||
         (footprint.writes & other.stable) != 0;
}

}  // namespace knotcheck::checker
