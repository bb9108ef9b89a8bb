// SPDX-License-Identifier: Apache-2.0
//
// The tasks of a run: each goes through its script, told by the conductor or (stress) on its own.

#pragma once

#include <cstdint>

#include "conform/runner/control.h"
#include "conform/runner/plan.h"
#include "conform/runner/raw.h"
#include "conform/runner/uapi.h"

namespace knotcheck::runner {

inline constexpr uint64_t kStackBytes = 1 << 16;
inline constexpr uint64_t kStacksBase = 0x1f0000000000;

// A signal's number depends on what the plan says of its receiver: handlers belong to processes,
// and the tasks of one may differ.
int SignalFor(HandlerKind kind);

// What all tasks of a process need to know; set before the first of them starts.
struct World {
  const Plan* plan = nullptr;
  Control* control = nullptr;
  uint64_t root_device = 0;  // of the targets' file system
};
extern World world;

// What a supervisor's ioctls write to, and what it remembers of notifications.
struct Desk {
  seccomp_notif* notif = nullptr;  // a page
  void* request = nullptr;         // of a proposal's ioctl: a page
  char* readback = nullptr;        // whole pages
  uint64_t readback_bytes = 0;
  char* scratch = nullptr;
  seccomp_notif about[2];  // by variable
  // What the last look of each variable saw: for each register its bytes or strings.
  struct Seen {
    bool looked = false;
    bool cut = false;
    uint32_t at = 0;  // in `kept`: strings, each after its length
    uint32_t strings = 0;
  };
  Seen seen[2][6];
  char* kept[2] = {};
  uint32_t kept_bytes[2] = {};
};
extern Desk desks[kMaxTasks];

// Maps the stacks of all tasks. False if the kernel refuses.
bool MapStacks();
// The end of a task's stack, where it begins to use it. The task's number lies at the other end.
void* StackTop(int task);
// Whose stack the caller stands on.
int CurrentTask();

// The script of a task from `first` on. Called on the task's own stack; never returns.
[[noreturn]] void RunTask(int task, int first, int depth = 0);
// After an execve that succeeded: the new program tells that the operation has returned.
void EndExecuted(int task, int depth);
// As the body of a new task: the argument is its number.
void RunTaskFromStart(void* task);

// What SIGUSR1 and SIGUSR2 do: the handler's script.
void OnSignal(int signal);
// Sets what signals do in this process, before the filter or marked as the runner's own.
void SetSignals();

// The result of one operation of a supervisor, with what it saw.
int64_t Supervise(int task, const Op& op, uint32_t options, Level* level);
// Where a stress's script goes on after a jump, or -1 if the operation is none.
int Jump(int task, const Op& op, int64_t last_ret);

// Adds to the details of a level: text, or bytes in hexadecimal digits.
void AddText(Level* level, const char* text);
void AddHex(Level* level, const char* bytes, uint64_t size);
void AddNumber(Level* level, int64_t number);
// A stress's generator: xorshift64*.
uint64_t NextRandom(uint64_t* state);

}  // namespace knotcheck::runner
