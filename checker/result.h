// SPDX-License-Identifier: Apache-2.0
//
// What a search is told, and what it says.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "checker/checkpoint.h"
#include "checker/path.h"

namespace knotcheck::checker {

enum class Order : uint8_t {
  kBreadthFirst,  // a counterexample is as short as any, and the least of the shortest
  kDepthFirst,    // reaches deep states early; counterexamples are long; one thread
};

// How the visited set holds a state.
enum class Storage : uint8_t {
  kSmallest,  // as it is if it has at most 128 bits, else as a tree of shared nodes
  kTree,      // as a tree even if it is small
};

// What a search knows while it runs. Units: states, transitions, steps, states, bytes.
struct Progress {
  uint64_t states = 0;
  uint64_t transitions = 0;
  uint64_t depth = 0;
  uint64_t queued = 0;
  uint64_t bytes = 0;
  // States by depth, complete levels only; nullptr: not breadth-first.
  const std::vector<uint64_t>* levels = nullptr;
};

// A search that is saved from time to time, and one that goes on where another one stopped. Of
// breadth-first searches only.
struct Checkpoints {
  std::string file;
  std::string identity;  // see checkpoint.h
  double every_s = 600;  // between rounds; also when the search is interrupted
  // Where to go on; nullptr: from the initial states.
  CheckpointReader* resume = nullptr;
  // Called when the file cannot be written. The search goes on, and the file before is still there.
  std::function<void(const absl::Status&)> failed;
};

// All results but the time are the same for every number of threads.
struct Options {
  Order order = Order::kBreadthFirst;
  Storage storage = Storage::kSmallest;
  int threads = 1;
  // Never exceeded. A search that finds this many states ends, even if there are no more.
  uint64_t max_states = ~uint64_t{0};
  // Looked at between rounds, that is, every 4,096 states, or as many as a 512th of those found.
  uint64_t max_bytes = ~uint64_t{0};
  // Ends the search at the first violation of any kNever property: breadth-first at the end of
  // the level, depth-first at once.
  bool stop_at_violation = false;
  // Bits of properties. If there are any, the search ends likewise when all of them are violated.
  uint64_t stop_when_violated = 0;
  // Set from outside (a signal handler, say) to end the search early. Looked at as max_bytes is.
  const std::atomic<bool>* interrupted = nullptr;
  // Called between rounds when 2^16 transitions have come on top, by the thread that searches.
  // Must not change anything the search sees.
  std::function<void(const Progress&)> progress;
  const Checkpoints* checkpoints = nullptr;
};

// Why a search ended. Anything but kExhausted is incomplete: what it did not find may still exist.
enum class End : uint8_t { kExhausted, kStateLimit, kMemoryLimit, kInterrupted, kStopped };

enum class Status : uint8_t {
  kHolds,       // every run was seen and none violates it
  kViolated,    // `path` violates it
  kWitnessed,   // a kSometimes property, and `path` shows it
  kNotReached,  // a kSometimes property that no run shows
  kIncomplete,  // nothing found, but the search was cut short
};

struct Verdict {
  Status status = Status::kHolds;
  Path path;               // for kViolated and kWitnessed
  uint64_t witnesses = 0;  // transitions that raised the property's `witnessed` bit
};

struct Result {
  std::vector<Verdict> verdicts;  // one a property, in the model's order
  uint64_t states = 0;
  uint64_t transitions = 0;
  uint64_t depth = 0;            // the longest of the shortest distances (breadth-first only)
  std::vector<uint64_t> levels;  // states at each shortest distance (breadth-first only)
  uint64_t at_rest = 0;          // states without an enabled action
  uint64_t bytes = 0;            // of the visited set
  int state_bits = 0;            // information per state after packing
  End end = End::kExhausted;
};

}  // namespace knotcheck::checker
