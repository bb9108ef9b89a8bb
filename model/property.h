// SPDX-License-Identifier: Apache-2.0
//
// What is promised. Steps raise events, which are facts and not judgements; a property says which
// events break it and which show that its window was reached. A new property is one new file in
// model/properties/ that ends with KNOT_REGISTER_PROPERTY.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/program.h"
#include "model/state.h"

namespace knotcheck::model {

// What a step may report. The comment says when; "approved" is explained in docs/glossary.md.
enum class Event : uint8_t {
  kFetch,             // the kernel fetched a word that was approved and that somebody could store
  kFetchMismatch,     // the kernel fetched a word that was approved: not what had been seen
  kFetchProtected,    // ... of an argument for which SEND had accepted "protected"
  kFetchUnprotected,  // ... from user memory
  kContinueMemory,    // SEND accepted a CONTINUE of a call that has memory
  kContinueBlind,     // ... of which nothing had been seen
  kAllocated,         // a kernel object with a lifetime was allocated
  kFreed,             // ... was freed
  kUseAfterFree,
  kDoubleFree,
  kLeak,              // ... can no longer be reached and was not freed
  kObjectUsed,        // ... was read
  kUninitialisedUse,  // the kernel acted on bytes that nobody wrote
  kKernelCopy,        // the kernel acted on bytes that it had copied
  kUninitialisedOut,  // bytes that nobody wrote went to user space
  kCopyOut,           // kernel bytes went to user space
  kReplyAccepted,     // SEND or ADDFD|SEND stored a reply
  kReplyTwice,        // ... a second one for the same notification
  kReplyApplied,      // the task left its notification with that reply
  kReplyLost,         // the task left its notification, alive and not dying, without it
  kAddfdSent,         // ADDFD|SEND returned a descriptor
  kAddfdFalse,        // the task's call returned a number under which nothing was installed
  kInstalled,         // ADDFD installed a descriptor
  kInstalledLost,     // ... and the call that it was for was interrupted
  kExpected,          // an expectation of the scenario was met
  kUnexpected,        // ... was not
  kLocked,            // notify_lock was taken
  kLockMisuse,        // it was taken twice by one task, or released by a task that had it not
  kReturnedToUser,    // a task returned to user mode
  kReturnedLocked,    // ... and held notify_lock
  kReadBody,          // read(2) delivered its data
  kReadMissed,        // ... elsewhere than into the caller's buffer
  kFdUsed,            // an approved call looked up its descriptor
  kFdOther,           // ... and it named another file than when it was approved
  kTrapped,           // a notification was queued
  kForked,            // a task was cloned
  kUnused,            // the last task with the filter released it
  kFilterAttached,    // seccomp(2) attached a filter with a listener
  kUnmapped,          // a call came to an address at which nothing is mapped
  kInvented,          // ... and its fetch was served
  kProposal0,         // events of the proposal's own, by the names that its room gives them
  kProposal1,
  kProposal2,
  kProposal3,
  kProposal4,
  kProposal5,
  kProposal6,
  kProposal7,
  kProposal8,
  kProposal9,
  kProposal10,
  kProposal11,
  kProposal12,
  kProposal13,
  kProposal14,
  kProposal15,
  kCount,
};

// A set of events.
class EventSet {
 public:
  constexpr EventSet() = default;
  constexpr explicit EventSet(Event event) { Add(event); }
  constexpr void Add(Event event) {
    words_[static_cast<size_t>(event) / 64] |= uint64_t{1} << (static_cast<size_t>(event) % 64);
  }
  constexpr bool Has(Event event) const {
    return words_[static_cast<size_t>(event) / 64] >> (static_cast<size_t>(event) % 64) & 1;
  }
  constexpr bool Empty() const { return (words_[0] | words_[1]) == 0; }
  constexpr EventSet& operator|=(const EventSet& other) {
    words_[0] |= other.words_[0];
    words_[1] |= other.words_[1];
    return *this;
  }
  friend constexpr EventSet operator|(EventSet a, const EventSet& b) { return a |= b; }
  friend constexpr EventSet operator&(const EventSet& a, const EventSet& b) {
    EventSet both;
    both.words_[0] = a.words_[0] & b.words_[0];
    both.words_[1] = a.words_[1] & b.words_[1];
    return both;
  }
  friend constexpr bool operator==(const EventSet&, const EventSet&) = default;
  // Calls fn(event) for each, in the order of the enumeration.
  template <class Fn>
  void ForEach(Fn&& fn) const {
    for (size_t w = 0; w < 2; ++w) {
      for (uint64_t rest = words_[w]; rest != 0; rest &= rest - 1) {
        fn(static_cast<Event>(64 * w + static_cast<size_t>(std::countr_zero(rest))));
      }
    }
  }

 private:
  uint64_t words_[2] = {};
};
static_assert(static_cast<int>(Event::kCount) <= 128);

inline constexpr EventSet Bit(Event event) { return EventSet(event); }

struct PropertyInfo {
  std::string name;
  // Plain English, in the present tense, true when the property holds.
  std::string sentence;
  // The document that promises it, and where.
  std::string source;
  EventSet broken_by = {};
  EventSet witness = {};  // show that it could have been broken
  // Looked at in states from which nothing more happens, if set: true when the property is broken.
  bool (*broken_at_rest)(const Program&, const State&) = nullptr;
  // Looked at after each step, if set: true when the property is broken.
  bool (*broken_in)(const Program&, const State&) = nullptr;
  // A property of whole runs, if set: true while `task`, which has the filter, is owed something.
  // Broken by a fair run on which that is so for ever. On request, since it needs the whole graph.
  bool (*owed)(const Program&, const State&, int task) = nullptr;
  // Only for this proposal; empty: for all.
  std::string proposal = {};
  // Speaks of what proposals add; the baseline has nothing that could break or show it.
  bool needs_proposal = false;
  // Off unless the scenario asks for it by name: what no document promises.
  bool on_request = false;
  // ... and not even reported unless it does: most scenarios have nothing to do with it.
  bool only_asked = false;
};

// Every registered property, by name.
const std::vector<PropertyInfo>& AllProperties();

int RegisterProperty(PropertyInfo info);

}  // namespace knotcheck::model

// Put into one new .cc file: KNOT_REGISTER_PROPERTY(name_of_file, {.name = ...});
#define KNOT_REGISTER_PROPERTY(id, ...)                  \
  [[maybe_unused]] static const int knot_property_##id = \
      ::knotcheck::model::RegisterProperty(::knotcheck::model::PropertyInfo __VA_ARGS__)
