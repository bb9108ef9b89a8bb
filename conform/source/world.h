// SPDX-License-Identifier: GPL-2.0 OR Apache-2.0
//
// What a plan's tasks do in user space: scripts, user memory, looks, policies. All that changes of
// it lies in the arena, too.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "conform/runner/plan.h"
#include "conform/source/engine.h"

namespace knotcheck::source {

inline constexpr int kTokens = 16;
inline constexpr size_t kPoolBytes = 320;
inline constexpr size_t kKeptBytes = 96;

struct Token {
  int16_t op;
  bool handler;
  bool returned;
  uint16_t details_at;
  uint16_t details_bytes;
  int32_t ret;
};

// What user space has seen of one task.
struct Log {
  uint16_t tokens;
  uint16_t pool_bytes;
  uint16_t pending_bytes;  // of the operation under way, at the end of the pool
  bool dead;
  Token token[kTokens];
  char pool[kPoolBytes];
};

// What a supervisor remembers of a notification.
struct About {
  uint64_t id;
  uint32_t pid;
  int32_t nr;
  uint64_t args[6];
  struct Seen {
    bool looked;
    bool cut;
    uint8_t at;
    uint8_t strings;
  } seen[6];
  uint8_t kept_bytes;
  char kept[kKeptBytes];
};

// The head of what the run keeps; words of user memory stand behind it, of each address space.
struct Run {
  Log logs[KNOT_TASKS];
  About about[KNOT_TASKS][2];
  uint32_t signals_left[kMaxThreads];
  uint32_t stores_left;
};

// One plan, ready to be searched.
class World {
 public:
  explicit World(const runner::Plan& plan);

  // "" or why this plan cannot be run.
  static std::string Cannot(const runner::Plan& plan);
  // "" or what went wrong.
  const std::string& broken() const { return broken_; }

  const runner::Plan& plan() const { return plan_; }
  int tasks() const { return static_cast<int>(plan_.tasks.size()); }
  int threads() const { return threads_; }
  Arena& arena() { return *arena_; }
  Engine& engine() { return *engine_; }
  Run& run() const { return *static_cast<Run*>(arena_->run()); }

  // Whether the run may end in the state that the arena holds: no task can step.
  bool IsOver() const;
  // What user space has seen, as a runner tells it of a stress.
  std::string Outcome() const;
  // Whether some task waits for a lock.
  bool IsDeadlocked() const;
  // Of a task its name; "signals" and "stores" of the others.
  std::string ThreadName(int thread) const;
  // Which operation a task is in, as the plan numbers it, or "-".
  std::string Doing(int thread) const;

  // Bodies of coroutines, and services of the C.
  void RunThread(int thread);
  void RunHandler();
  unsigned long Read(int space, uint64_t from, char* to, unsigned long bytes);
  unsigned long Write(int space, uint64_t to, const char* from, unsigned long bytes,
                      uintptr_t caller);
  void CopySpace(int from, int to);
  int Image(const char* path) const;
  bool Exists(const char* path) const;
  void Acted(const char* key, const char* bytes, size_t count, uintptr_t caller);
  void ActedBuffer(uint64_t address, size_t count);
  uint64_t AddressOf(const runner::Value& value) const;

  // For rooms: an ioctl on the listener, and what is told and kept of what it shows.
  int64_t Ioctl(unsigned long command, unsigned long argument);
  // Whether its copies to its own memory fail: a scenario says that they may.
  bool MayFault(const runner::Op& op);
  void Forget(int task, int variable);
  About::Seen* Keep(int task, int variable, int reg);
  void AddRegister(int task, char key, int reg);
  void AddText(int task, const char* text, size_t count);
  void Saw(int task, int variable, About::Seen* seen, const char* bytes, size_t count);

 private:
  struct Place {
    int object = -1;
    uint64_t offset = 0;
  };
  Place PlaceOf(uint64_t address) const;
  uint64_t& WordAt(int space, int word) const;
  bool& UnmappedAt(int space, int word) const;
  int SpaceOf(int space, int object) const;
  void StoreValue(int space, int word, const runner::Value& value);
  uint64_t Bits(const runner::Value& value) const;
  void Begin();
  bool IsSignalled(int task) const;
  void RunScript(int task, bool handler);
  static bool IsUninitialised(const char* bytes, size_t count);
  int64_t Execute(int task, const runner::Op& op);
  int64_t Supervise(int task, const runner::Op& op);
  int64_t Look(int task, const runner::Op& op);
  int64_t ReadOne(int task, const runner::Op& op, const runner::Look& look);
  int64_t ReadMemory(uint32_t pid, uint64_t address, char* to, uint64_t most, bool string);
  int Jump(int task, const runner::Op& op, int at, int64_t ret);
  bool Allows(const About& about) const;
  bool LooksAtNothing(const About& about) const;
  void AddHex(int task, const char* bytes, size_t count);
  int SpaceOfTask(int task) const;

  const runner::Plan& plan_;
  int threads_ = 0;
  size_t words_ = 0;
  std::string broken_;
  Arena* arena_ = nullptr;
  Engine* engine_ = nullptr;
};

extern World* world;

}  // namespace knotcheck::source
