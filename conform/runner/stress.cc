// SPDX-License-Identifier: Apache-2.0

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "conform/runner/actor.h"
#include "conform/runner/conductor.h"
#include "conform/runner/layout.h"
#include "conform/runner/observe.h"

namespace knotcheck::runner {
namespace {

constexpr long kPollMicroseconds = 300;
constexpr long kSecondLookMicroseconds = 100;
constexpr int64_t kStillMilliseconds = 30;
// A RECV that fails so often, one time after the other, has nothing more to come.
constexpr uint32_t kFailedRecvs = 4;

bool IsSupervisor(const Task& task) { return task.kind == TaskKind::kSupervisor; }

// One run.
class Run {
 public:
  Run(const Plan& plan, Control* control) : plan_(plan), control_(*control) {}

  Ending Go() {
    uint64_t random = control_.slot[0].random ^ 0x9e3779b97f4a7c15ULL;
    Spread(&random);
    StartHelpers(&random);
    control_.go = 1;
    FutexWake(&control_.go);
    const int64_t until = Now() + static_cast<int64_t>(plan_.limit_ms);
    while (!IsOver()) {
      if (Now() >= until) return Ending::kLimit;
      AwaitEvent(&control_, kPollMicroseconds);
    }
    const std::string text = Outcome();
    control_.outcome_bytes = std::min(text.size(), kOutcomeBytes);
    std::memcpy(control_.outcome, text.data(), control_.outcome_bytes);
    return Ending::kOk;
  }

 private:
  int Count() const { return static_cast<int>(plan_.tasks.size()); }
  const Task& TaskOf(int task) const { return plan_.tasks[static_cast<size_t>(task)]; }

  // Which tasks share a processor varies: all on one, each on one of its own, or as it comes.
  void Spread(uint64_t* random) {
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
    std::vector<size_t> processors;
    for (size_t i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &allowed)) processors.push_back(i);
    }
    const uint64_t how = NextRandom(random) >> 8 & 3;
    if (how == 0 || processors.size() < 2) return;
    const size_t all = processors[(NextRandom(random) >> 8) % processors.size()];
    for (int task = 0; task < Count(); ++task) {
      const int tid = control_.slot[task].tid.load();
      if (tid == 0) continue;
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(how == 1 ? all : processors[(NextRandom(random) >> 8) % processors.size()], &one);
      sched_setaffinity(tid, sizeof(one), &one);
    }
  }

  struct Helper {
    Run* run;
    uint64_t random;
    int sender;  // -1: the writer
  };

  void StartHelpers(uint64_t* random) {
    for (size_t i = 0; i < plan_.senders.size(); ++i) Start(static_cast<int>(i), random);
    if (plan_.writer) Start(-1, random);
  }

  void Start(int sender, uint64_t* random) {
    // The process ends with the run; nothing joins its threads.
    auto* const helper = new Helper{this, NextRandom(random) | 1, sender};
    pthread_t thread;
    pthread_create(&thread, nullptr, Help, helper);
  }

  static void* Help(void* argument) {
    auto* const helper = static_cast<Helper*>(argument);
    while (helper->run->control_.go.load() == 0) FutexWait(&helper->run->control_.go, 0);
    if (helper->sender < 0) {
      helper->run->Write(&helper->random);
    } else {
      helper->run->Send(helper->run->plan_.senders[static_cast<size_t>(helper->sender)],
                        &helper->random);
    }
    return nullptr;
  }

  void Write(uint64_t* random) {
    std::vector<int> words;
    for (int i = 0; i < static_cast<int>(plan_.words.size()); ++i) {
      if (plan_.words[static_cast<size_t>(i)].values.size() > 1) words.push_back(i);
    }
    if (words.empty()) return;
    for (uint64_t i = 0; plan_.writer_stores == 0 || i < plan_.writer_stores; ++i) {
      const int word = words[(NextRandom(random) >> 8) % words.size()];
      const auto& values = plan_.words[static_cast<size_t>(word)].values;
      Store(plan_, word, values[(NextRandom(random) >> 8) % values.size()]);
      if (plan_.writer_stores > 0) Pause(random);
    }
  }

  void Send(const Sender& sender, uint64_t* random) {
    const int signal = sender.fatal ? SIGKILL : SignalFor(TaskOf(sender.task).handler);
    const uint64_t count = NextRandom(random) % (sender.count + 1);
    for (uint64_t i = 0; i < count; ++i) {
      Pause(random);
      const Slot& slot = control_.slot[sender.task];
      if (slot.life.load() != Life::kAlive) continue;
      syscall(SYS_tgkill, slot.pid.load(), slot.tid.load(), signal);
    }
  }

  static void Pause(uint64_t* random) {
    const uint64_t draw = NextRandom(random);
    const uint64_t spins = draw >> 16 & ((uint64_t{1} << (draw & 15)) - 1);
    for (uint64_t i = 0; i < spins; ++i) __asm__ volatile("pause");
    if ((draw >> 8 & 3) == 0) usleep(static_cast<useconds_t>(draw >> 40 & 255));
  }

  enum class State { kUnborn, kThrough, kDead, kAsleep, kBusy };

  State StateOf(int task) {
    const Slot& slot = control_.slot[task];
    if (slot.life.load() == Life::kUnborn) return State::kUnborn;
    if (IsDead(slot)) return State::kDead;
    if (LevelOf(slot) == 0 && slot.level[0].phase.load() == Phase::kThrough) {
      return State::kThrough;
    }
    if (IsSupervisor(TaskOf(task)) && slot.failed_recvs.load() >= kFailedRecvs) {
      return State::kThrough;
    }
    return IsAsleep(slot, nullptr) ? State::kAsleep : State::kBusy;
  }

  // What changes when anything goes on.
  uint64_t Signature() {
    uint64_t sum = 0;
    for (int task = 0; task < Count(); ++task) {
      const Slot& slot = control_.slot[task];
      sum = sum * 31 + slot.tokens.load();
      for (const Level& level : slot.level) sum = sum * 31 + level.completed.load();
    }
    return sum;
  }

  // Whether all are at rest, and whether those that are not supervisors have nothing more to do.
  void Look(bool* rest, bool* finished) {
    *rest = *finished = true;
    for (int task = 0; task < Count(); ++task) {
      const State state = StateOf(task);
      if (state == State::kBusy) *rest = *finished = false;
      if (state == State::kAsleep && !IsSupervisor(TaskOf(task))) *finished = false;
      // Somebody who died in fork() may have a child that has not yet come up.
      if (state == State::kUnborn && IsDead(control_.slot[TaskOf(task).of])) *finished = false;
      if (!*rest) return;
    }
  }

  bool IsOver() {
    bool rest = false;
    bool finished = false;
    Look(&rest, &finished);
    const uint64_t signature = Signature();
    const int64_t now = Now();
    if (!rest || signature != signature_) {
      signature_ = signature;
      still_since_ = now;
      if (!rest) return false;
    }
    // A supervisor that only waits for a lock looks asleep, too.
    if (finished) {
      usleep(kSecondLookMicroseconds);
      Look(&rest, &finished);
      if (finished && Signature() == signature) return true;
    }
    return now - still_since_ >= kStillMilliseconds;
  }

  std::string TokenText(int task, const Token& token) {
    const Task& t = TaskOf(task);
    const Script& script = token.handler ? t.handler_script : t.script;
    const Op& op = script[static_cast<size_t>(token.op)];
    const bool loops = IsSupervisor(t) && !plan_.rules.empty();
    if (op.code == Code::kRecv && loops && (!token.returned || token.ret < 0)) return "";
    std::string text = (token.handler ? "h" : "") + std::to_string(op.label) + "=";
    if (!token.returned) return Exits(op) ? "" : text + "asleep";
    text += std::to_string(token.ret);
    if (token.details_bytes == 0) return text;
    std::string details(control_.slot[task].pool + token.details_at, token.details_bytes);
    std::replace(details.begin(), details.end(), ' ', ':');
    return text + ":" + details;
  }

  std::string Outcome() {
    std::string text;
    for (int task = 0; task < Count(); ++task) {
      const Slot& slot = control_.slot[task];
      const State state = StateOf(task);
      std::string tokens;
      const auto count = std::min<uint32_t>(slot.tokens.load(), kMaxTokens);
      for (uint32_t i = 0; i < count; ++i) {
        const std::string token = TokenText(task, slot.token[i]);
        if (!token.empty()) tokens += (tokens.empty() ? "" : " ") + token;
      }
      if (state == State::kDead) tokens += tokens.empty() ? "dead" : " dead";
      text += (text.empty() ? "" : " ") + TaskOf(task).name + "[" + tokens + "]";
    }
    return text;
  }

  const Plan& plan_;
  Control& control_;
  uint64_t signature_ = 0;
  int64_t still_since_ = 0;
};

}  // namespace

Ending Stress(const Plan& plan, Control* control) { return Run(plan, control).Go(); }

}  // namespace knotcheck::runner
