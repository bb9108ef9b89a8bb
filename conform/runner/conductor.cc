// SPDX-License-Identifier: Apache-2.0

#include "conform/runner/conductor.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "conform/runner/actor.h"
#include "conform/runner/fuse.h"
#include "conform/runner/hold.h"
#include "conform/runner/layout.h"
#include "conform/runner/observe.h"
#include "conform/runner/park.h"
#include "conform/runner/room.h"

namespace knotcheck::runner {
namespace {

constexpr long kPollMicroseconds = 1000;
constexpr long kSleepMilliseconds = 3;
constexpr long kRestMilliseconds = 10;

class Conductor {
 public:
  Conductor(const Plan& plan, Control* control)
      : plan_(plan), control_(*control), about_(plan.tasks.size()) {}

  std::string Run() {
    int number = 0;
    for (const Order& order : plan_.orders) {
      ++number;
      if (Execute(order)) continue;
      std::string text = "stuck " + std::to_string(number);
      if (!order.text.empty()) text += " " + order.text;
      PrintLine(text);
      break;
    }
    const bool rests = Rest();
    if (slipped_) return "a task that was held has run";
    return rests ? "" : "a task still runs at the end";
  }

 private:
  // What the conductor knows of a task.
  struct About {
    std::array<uint32_t, 2> printed = {};
    int last_level = 0;  // of the operation that was started last and has not returned
    bool held = false;
    uint64_t switches = 0;  // of its processor, when it was held
    void* page = nullptr;   // to park on
    int object = -1;        // that is held
    bool dead = false;
  };

  Slot& SlotOf(int task) { return control_.slot[task]; }
  About& AboutOf(int task) { return about_[static_cast<size_t>(task)]; }
  int Count() const { return static_cast<int>(plan_.tasks.size()); }

  // Prints the operations that have returned.
  void Collect() {
    for (int task = 0; task < Count(); ++task) {
      for (const int depth : {1, 0}) {
        Level& level = SlotOf(task).level[depth];
        if (level.completed.load() == AboutOf(task).printed[static_cast<size_t>(depth)]) continue;
        AboutOf(task).printed[static_cast<size_t>(depth)] = level.completed.load();
        std::string line = "done " + std::to_string(task) + " " + Label(task, depth) + " " +
                           std::to_string(level.ret);
        if (level.details_bytes > 0) line += " " + std::string(level.details, level.details_bytes);
        PrintLine(line);
      }
    }
  }

  // The operation that is under way, or has returned last.
  const Op& OpAt(int task, int depth) {
    const Task& t = plan_.tasks[static_cast<size_t>(task)];
    const Script& script = depth == 0 ? t.script : t.handler_script;
    return script[static_cast<size_t>(SlotOf(task).level[depth].op)];
  }

  std::string Label(int task, int depth) {
    return (depth == 1 ? "h" : "") + std::to_string(OpAt(task, depth).label);
  }

  // Waits until `met` says so; false after a quarter of the plan's limit, or when `task` has died.
  template <typename Met>
  bool Await(int task, Met met) {
    const int64_t until = Now() + std::max<int64_t>(1, static_cast<int64_t>(plan_.limit_ms / 4));
    for (;;) {
      const bool late = Now() >= until;
      // Who is in execve() may only seem to be: the new image takes its time.
      const bool dead = task >= 0 && SlotOf(task).executing.load() == 0 && IsDead(SlotOf(task));
      Collect();
      if (met()) {
        Collect();
        return true;
      }
      if (late || dead) return false;
      AwaitEvent(&control_, kPollMicroseconds);
    }
  }

  bool StandsBefore(int task, int depth) {
    const Slot& slot = SlotOf(task);
    const Level& level = slot.level[depth];
    return slot.life.load() == Life::kAlive && LevelOf(slot) == depth &&
           level.phase.load() == Phase::kReady && level.completed.load() == level.order.load();
  }

  bool Start(const Order& order) {
    const Task& task = plan_.tasks[static_cast<size_t>(order.task)];
    const int depth = order.handler ? 1 : 0;
    const Op& op =
        (order.handler ? task.handler_script : task.script)[static_cast<size_t>(order.op)];
    if (op.code == Code::kEnd) return true;
    if (!Await(order.task, [&] { return StandsBefore(order.task, depth); })) return false;
    Level& level = SlotOf(order.task).level[depth];
    level.op = order.op;
    level.options = order.options;
    About& about = AboutOf(order.task);
    about.last_level = depth;
    if ((order.options & kPark) != 0) {
      Desk& desk = desks[order.task];
      about.page = op.code == Code::kVerb ? op.verb->written(desk, op) : desk.notif;
    }
    if ((order.options & kHoldObject) != 0) {
      if (!ArmObject(&control_, order.object)) return false;
      about.object = order.object;
    }
    level.order.fetch_add(1);
    FutexWake(&level.order);
    return true;
  }

  void Resume(int task, bool fault) {
    About& about = AboutOf(task);
    if (about.held) {
      const Slot& slot = SlotOf(task);
      // Who dies has run, too.
      slipped_ = slipped_ || IsDead(slot) || SwitchesOf(slot) != about.switches;
      Release(slot.tid.load());
    }
    about.held = false;
    if (about.page != nullptr) Unpark(about.page, fault);
    about.page = nullptr;
    if (about.object >= 0) ReleaseObject(&control_, about.object);
    about.object = -1;
  }

  bool Signal(const Order& order) {
    const Slot& slot = SlotOf(order.task);
    if (slot.life.load() != Life::kAlive) return false;
    const int signal =
        order.fatal ? SIGKILL : SignalFor(plan_.tasks[static_cast<size_t>(order.task)].handler);
    syscall(SYS_tgkill, slot.pid.load(), slot.tid.load(), signal);
    return true;
  }

  bool Execute(const Order& order) {
    const int task = order.task;
    switch (order.code) {
      case OrderCode::kStart:
        return Start(order);
      case OrderCode::kWaitDone: {
        int& depth = AboutOf(task).last_level;
        const Level& level = SlotOf(task).level[depth];
        if (!Await(task, [&] { return level.completed.load() == level.order.load(); })) {
          return false;
        }
        depth = 0;
        return true;
      }
      case OrderCode::kWaitAsleep:
        return Await(task, [&] { return SleepsOn(SlotOf(task), kSleepMilliseconds); });
      case OrderCode::kWaitParked:
        return Await(task, [&] {
          const About& about = AboutOf(task);
          return (about.page != nullptr && IsParked(about.page)) ||
                 (about.object >= 0 && IsObjectHeld(control_, about.object));
        });
      case OrderCode::kWaitDead:
        return Await(-1, [&] { return IsDead(SlotOf(task)); });
      case OrderCode::kWaitHandler:
        return Await(task, [&] { return StandsBefore(task, 1); });
      case OrderCode::kHold:
        Hold(SlotOf(task).tid.load());
        AboutOf(task).held = true;
        AboutOf(task).switches = SwitchesOf(SlotOf(task));
        return true;
      case OrderCode::kResume:
        Resume(task, order.fault);
        return true;
      case OrderCode::kSignal:
        return Signal(order);
      case OrderCode::kStore:
        Store(plan_, order.word, order.value);
        return true;
      case OrderCode::kFinish:
        for (int i = 0; i < Count(); ++i) Resume(i, false);
        return true;
    }
    return false;
  }

  // Whether nothing goes on any more: what was started has returned, sleeps or is dead.
  bool IsResting() {
    const uint32_t events = control_.events.load();
    std::vector<std::pair<int, uint64_t>> sleepers;
    for (int task = 0; task < Count(); ++task) {
      Slot& slot = SlotOf(task);
      if (slot.life.load() != Life::kAlive || IsDead(slot)) continue;
      const Level& level = slot.level[LevelOf(slot)];
      const Phase phase = level.phase.load();
      if (level.completed.load() == level.order.load() &&
          (phase == Phase::kReady || phase == Phase::kThrough)) {
        continue;
      }
      uint64_t switches = 0;
      if (!IsAsleep(slot, &switches)) return false;
      sleepers.push_back({task, switches});
    }
    if (sleepers.empty()) return events == control_.events.load();
    usleep(kRestMilliseconds * 1000);
    for (const auto& [task, before] : sleepers) {
      uint64_t after = 0;
      if (!IsAsleep(SlotOf(task), &after) || before != after) return false;
    }
    return events == control_.events.load();
  }

  // False: somebody runs on; whether those who have not returned sleep is not known.
  bool Rest() {
    for (int i = 0; i < Count(); ++i) Resume(i, false);
    const bool rests = Await(-1, [&] { return IsResting(); });
    for (int task = 0; task < Count(); ++task) {
      Slot& slot = SlotOf(task);
      for (const int depth : {0, 1}) {
        const Level& level = slot.level[depth];
        if (level.completed.load() == level.order.load()) continue;
        if (Exits(OpAt(task, depth)) && IsDead(slot)) continue;
        PrintLine("asleep " + std::to_string(task) + " " + Label(task, depth));
      }
      if (IsDead(slot)) PrintLine("dead " + std::to_string(task));
    }
    return rests;
  }

  const Plan& plan_;
  Control& control_;
  std::vector<About> about_;
  bool slipped_ = false;
};

}  // namespace

std::string Conduct(const Plan& plan, Control* control) { return Conductor(plan, control).Run(); }

}  // namespace knotcheck::runner
