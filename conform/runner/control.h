// SPDX-License-Identifier: Apache-2.0
//
// What the processes of a run share: one slot for each task, in memory that is mapped in all of
// them and that an executed program finds again through descriptor kControlFd.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "conform/runner/raw.h"

namespace knotcheck::runner {

inline constexpr int kMaxTasks = 16;
inline constexpr int kMaxObjects = 64;
inline constexpr int kMaxWords = 256;
inline constexpr uint64_t kMaxObjectBytes = 1 << 21;
inline constexpr uint64_t kMaxLook = 1 << 20;

// Descriptors of targets that are the runner's: this memory, /proc, and of supervisors.
inline constexpr int kControlFd = 200;
inline constexpr int kProcFd = 201;
inline constexpr int kListenerFd = 202;
inline constexpr int kGivenFd = 203;

inline constexpr uint64_t kMagic = 0x6b6e6f74636f6e66;
inline constexpr size_t kDetailsBytes = 1 << 16;
inline constexpr size_t kPoolBytes = 1 << 16;
inline constexpr int kMaxTokens = 2048;
inline constexpr size_t kTextBytes = 1 << 20;
inline constexpr size_t kOutcomeBytes = 1 << 18;

enum class Life : uint32_t { kUnborn, kAlive, kGone };
// Of a script: it stands before an operation and waits to be told to begin it; an operation is
// under way; it goes on by itself, to its next operation, into a handler or out of one; it has
// ended.
enum class Phase : uint32_t { kReady, kRunning, kBetween, kThrough };

// Where a task stands: in its script, or in the script of its handler.
struct Level {
  std::atomic<uint32_t> order;      // how many operations it was told to begin
  std::atomic<uint32_t> completed;  // how many have returned
  std::atomic<Phase> phase;
  uint32_t taken;  // how many of the orders it has begun
  // Of the operation that is ordered, under way, or the last that returned.
  int op;
  uint32_t options;
  int64_t ret;
  uint32_t details_bytes;
  char details[kDetailsBytes];
};

// Stress: an operation that began.
struct Token {
  int16_t op;
  bool handler;
  bool returned;
  uint32_t details_at;  // in the pool
  uint32_t details_bytes;
  int64_t ret;
};

struct Slot {
  std::atomic<Life> life;
  std::atomic<int32_t> pid;
  std::atomic<int32_t> tid;
  std::atomic<uint32_t> in_handler;
  std::atomic<uint32_t> executing;  // it is in execve: its tid may become its process's
  uint64_t random;                  // of a stress: the state of the task's own generator
  Level level[2];                   // the script, the handler's script
  std::atomic<uint32_t> tokens;
  std::atomic<uint32_t> pool_bytes;
  std::atomic<uint32_t> failed_recvs;  // of a supervisor, one after the other
  Token token[kMaxTokens];
  char pool[kPoolBytes];
};

struct Control {
  uint64_t magic;
  bool stress;
  std::atomic<uint32_t> events;  // changes, and is woken, when a slot changes
  std::atomic<uint32_t> go;      // stress: the tasks may begin
  std::atomic<uint32_t> stop;    // the run is over
  // The listener's number in the first target; -1: none yet; and what setting up said.
  std::atomic<int32_t> listener;
  std::atomic<uint32_t> listener_taken;
  std::atomic<int32_t> setup_error;
  std::atomic<uint32_t> setup_step;
  uint64_t text_bytes;
  char text[kTextBytes];  // the plan, for executed programs
  uint64_t outcome_bytes;
  char outcome[kOutcomeBytes];  // of one run of a stress
  // Objects whose pages FUSE serves: how often it was asked to drop and hold them, and has; whether
  // it holds the next read, and whether one waits.
  struct Served {
    std::atomic<uint32_t> arm;
    std::atomic<uint32_t> armed;
    std::atomic<uint32_t> hold;
    std::atomic<uint32_t> waiting;
  };
  Served served[kMaxObjects];
  Slot slot[kMaxTasks];
};

// Tells the conductor that a slot has changed.
inline void Changed(Control* control) {
  control->events.fetch_add(1);
  FutexWake(&control->events);
}

}  // namespace knotcheck::runner
