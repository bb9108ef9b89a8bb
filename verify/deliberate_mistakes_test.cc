// SPDX-License-Identifier: Apache-2.0
//
// Twenty mistakes in the reductions, in what the model does and in what the properties count, each
// put in on purpose by a switch of this program. One of the checks that `./dev test` makes must
// notice it: in the collection or a wide seed, which it looks at anyway. Mistakes of
// model/kernel/mutations.def and those of the rooms are others.
//
// KNOT_MISTAKES=all: prints what each of the checks says, not only which one noticed.

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "checker/explore.h"
#include "checker/reduce.h"
#include "checker/testing/check_reductions.h"
#include "gtest/gtest.h"
#include "lang/compile.h"
#include "lang/parse.h"
#include "model/testing/second_judge.h"
#include "verify/kernel_model.h"
#include "verify/search.h"
#include "verify/testing/collection.h"
#include "verify/testing/wide_scenario.h"

namespace knotcheck::verify::deliberate_mistakes_test {
namespace {

using model::Event;
using model::State;

// Written before any of them was tried: what is wrong, and which check is to notice, and why.
enum class Mistake : uint8_t {
  kNone,
  // Reductions.
  // A step that wakes sleepers touches nothing. States: a mover makes the sleeper's step possible.
  kWakesTouchNothing,
  // Memory is said to be stable while a peer has stores left. Self-check: the store takes it.
  kMemoryIsStable,
  // No step touches a descriptor table. States: a look-up and a dup2() beside it do not commute.
  kTablesAreForgotten,
  // Identical targets are exchanged, and views of them are not. States: SEND approves other words.
  kViewsStay,
  // Views of a REPLIED notification are cleared although RECV may fault and put it back. States:
  // once it is back, a second SEND approves nothing.
  kRepliedIsOver,
  // Renumbering leaves next_id one too small. Self-check: the next trap gets an id in use.
  kNextIdTooSmall,
  // The buffer of a supervisor that decides by it is cleared. States: it decides otherwise.
  kBufferIsCleared,
  // What the model does.
  // Any SEND forgets all views of its thread. Verdicts: verdicts/two_notifications breaks toctou.
  kSendForgetsLooks,
  // A look at one notification forgets those at others. Judges: the second one remembers them.
  kLookForgetsOthers,
  // A peer's store reaches the other target's memory too. Verdicts: verdicts/two_spaces, `uses`.
  kStoreReachesTwin,
  // SIGKILL does not reach the other threads of the group. Verdicts: progress, since a thread that
  // nobody answers lives on.
  kKillSparesThreads,
  // The id of a notification that is queued beside another is given out again. Judges: one-reply,
  // since one id is answered twice.
  kIdGivenTwice,
  // A completion of n.ready is lost when a signal is pending. Verdicts: notifier/wait_killable,
  // progress, since a task that sleeps killably waits for nothing else.
  kCompletionIsLost,
  // An honest supervisor keeps what it saw in a look that failed. Judges: the second one does not.
  kFailedLookIsKept,
  // Properties.
  // A mismatch counts for word 0 only. Judges: a torn path that differs in its second word.
  kMismatchInWord0,
  // count() is no fetch for fail-closed. Verdicts: attack/execve_argv, whose strings are served.
  kCountIsNoFetch,
  // fd-identity ignores close(). Verdicts: verdicts/fd_close.
  kCloseIsNoLookup,
  // reply-acted-on also for killed tasks. Verdicts: notifier/kill_in_middle holds.
  kKilledCountsToo,
  // single-shot looks at fetches only, not at SEND. Verdicts: verdicts/script_umask fetches
  // nothing.
  kSingleShotAtFetch,
  // toctou counts as reached by any fetch. Judges: also where nobody can store.
  kAnyFetchReaches,
};

// Resources of model/footprint.cc.
constexpr uint64_t kAllTables = uint64_t{0xf} << 16;
constexpr uint64_t kUserMemory = uint64_t{1} << 29;

class Mistaken : public KernelModel {
 public:
  Mistaken(const model::System& system, Mistake mistake) : KernelModel(system), mistake_(mistake) {
    for (const model::TaskInfo& task : p().tasks) {
      for (const model::Op& op : task.ops) predicts_ids_ |= op.code == model::OpCode::kAfter;
    }
  }

  // As System::Step, but for the mistake.
  model::System::Shown Step(State* state, int thread, int choice) const {
    const model::StateValue before = *state;
    model::Observations seen;
    auto shown = system().Step(state, thread, choice, nullptr, &seen);
    if (mistake_ == Mistake::kNone || !shown.possible) return shown;
    const Taken taken{before, thread, StepAt(before, thread), seen, shown.events};
    if (!shown.fault) Behave(taken, state);
    Show(taken, *state, &shown);
    return shown;
  }

  checker::Outcome Apply(uint64_t* words, checker::Action action, checker::StateStack&,
                         checker::Effects& effects) const {
    State state = View(words);
    const auto shown = Step(&state, action.thread, action.choice);
    effects = {shown.violated, shown.witnessed};
    if (!shown.possible) return checker::Outcome::kDisabled;
    return shown.fault ? checker::Outcome::kFault : checker::Outcome::kStepped;
  }
  template <class Fn>
  void ForEachSuccessor(const uint64_t* words, int thread, checker::StateStack&, Fn&& fn) const {
    model::StateValue next(system().layout());
    int arity = 1;
    for (int choice = 0; choice < arity; ++choice) {
      next = View(words);
      const auto shown = Step(&next, thread, choice);
      arity = shown.arity;
      if (!shown.possible) continue;
      fn(checker::Action{static_cast<uint16_t>(thread), static_cast<uint16_t>(choice)},
         static_cast<const uint64_t*>(next.words()),
         shown.fault ? checker::Outcome::kFault : checker::Outcome::kStepped,
         checker::Effects{shown.violated, shown.witnessed});
    }
  }

  checker::Footprint FootprintOf(const uint64_t* words, int thread) const {
    checker::Footprint footprint = KernelModel::FootprintOf(words, thread);
    const model::StepInfo* const step = StepAt(View(words), thread);
    const uint32_t touches = step == nullptr ? 0 : step->touches;
    // All that the step touches: it must not be found by another of its bits.
    if (mistake_ == Mistake::kWakesTouchNothing && (touches & model::kWakes)) footprint = {};
    if (mistake_ == Mistake::kTablesAreForgotten) {
      footprint.reads &= ~kAllTables;
      footprint.writes &= ~kAllTables;
    }
    return footprint;
  }
  checker::Hold HoldOf(const uint64_t* words, int thread) const {
    checker::Hold hold = KernelModel::HoldOf(words, thread);
    if (mistake_ == Mistake::kMemoryIsStable) hold.stable |= kUserMemory;
    return hold;
  }
  void Canonicalize(uint64_t* words, uint32_t reductions) const {
    State state = View(words);
    const model::StateValue before = state;
    KernelModel::Canonicalize(words, reductions);
    if (mistake_ == Mistake::kViewsStay && (reductions & checker::kSymmetry)) {
      std::copy_n(before.views.data(), state.layout().views, state.views.data());
    }
    if (!(reductions & checker::kRenumber)) return;
    if (mistake_ == Mistake::kNextIdTooSmall && !predicts_ids_ && state.filter().next_id > 1) {
      --state.filter().next_id;
    }
    for (size_t t = 0; t < p().tasks.size(); ++t) {
      model::Task& task = state.tasks[t];
      const bool replied = task.knotif.listed && task.knotif.state == model::kReplied;
      if (mistake_ == Mistake::kRepliedIsOver && replied) {
        for (int s = 0; s < static_cast<int>(p().tasks.size()); ++s) Forget(&state, s, t);
      }
      if (mistake_ == Mistake::kBufferIsCleared && p().tasks[t].decides) {
        task.ghost_id = 0;
        task.ghost_roles = 0;
        task.ghost &= static_cast<uint8_t>(~model::kGhostTruncated);
        std::fill(std::begin(task.seen), std::end(task.seen), model::kZero);
      }
    }
  }

 private:
  // A step that was taken.
  struct Taken {
    const State& before;
    int thread;
    const model::StepInfo* step;  // nullptr: of no task
    const model::Observations& seen;
    model::EventSet events;
    bool In(const std::string& function) const { return step && step->function == function; }
    bool Is(const std::string& statement) const {
      return step && std::string(step->statement).starts_with(statement);
    }
    const model::Task& Me() const { return before.tasks[thread]; }
  };

  const model::Program& p() const { return system().program(); }
  const model::StepInfo* StepAt(const State& state, int thread) const {
    if (thread >= static_cast<int>(p().tasks.size())) return nullptr;
    return model::Kernel(p(), system().proposal(), system().config()).NextStep(state, thread);
  }
  const model::Op& OpOf(const Taken& taken) const {
    return model::testing::CurrentOp(p(), taken.thread, taken.Me());
  }
  model::View* ViewOf(State* state, size_t supervisor, size_t target) const {
    const int view = p().view[supervisor][target];
    return view < 0 ? nullptr : &state->views[view];
  }
  void Forget(State* state, int supervisor, size_t target) const {
    model::View* const view = ViewOf(state, static_cast<size_t>(supervisor), target);
    if (view != nullptr) *view = {};
  }

  // What the step leads to.
  void Behave(const Taken& taken, State* next) const {
    switch (mistake_) {
      case Mistake::kSendForgetsLooks:
        if (!taken.In("seccomp_notify_send") || !taken.Is("ret = mutex_lock")) return;
        for (size_t t = 0; t < p().tasks.size(); ++t) Forget(next, taken.thread, t);
        return;
      case Mistake::kLookForgetsOthers:
        return ForgetOthers(taken, next);
      case Mistake::kStoreReachesTwin:
        for (size_t w = 0; w < p().words.size(); ++w) {
          if (next->memory[w] == taken.before.memory[w]) continue;
          const auto words = static_cast<size_t>(p().words_of_space);
          for (size_t u = w % words; u < p().words.size(); u += words) {
            if (!p().words[u].shared) next->memory[u] = next->memory[w];
          }
        }
        return;
      case Mistake::kKillSparesThreads:
        return SpareThreads(taken, next);
      case Mistake::kIdGivenTwice:
        for (size_t t = 0; t < p().tasks.size() && taken.events.Has(Event::kTrapped); ++t) {
          const bool listed = taken.before.tasks[t].knotif.listed != 0;
          if (listed) next->filter().next_id = taken.before.filter().next_id;
        }
        return;
      case Mistake::kCompletionIsLost:
        for (size_t t = 0; t < p().tasks.size(); ++t) {
          model::Task& task = next->tasks[t];
          if (task.flags & model::kSigPending) {
            task.knotif.ready = std::min(task.knotif.ready, taken.before.tasks[t].knotif.ready);
          }
        }
        return;
      case Mistake::kFailedLookIsKept:
        return KeepFailed(taken, next);
      default:
        return;
    }
  }

  // A look is over when its function is left.
  bool LeavesLook(const Taken& taken, const State& next) const {
    return taken.In("process_vm_rw_core") &&
           !model::testing::Inside(system(), next.tasks[taken.thread],
                                   model::Fn::k_process_vm_rw_core);
  }
  int Target(const Taken& taken) const {
    return taken.Me().variable_task[OpOf(taken).variable] - 1;
  }

  void ForgetOthers(const Taken& taken, State* next) const {
    if (!LeavesLook(taken, *next)) return;
    for (size_t t = 0; t < p().tasks.size(); ++t) {
      if (static_cast<int>(t) != Target(taken)) Forget(next, taken.thread, t);
    }
  }

  void SpareThreads(const Taken& taken, State* next) const {
    // An exec kills the others of its group: that is not kill().
    if (taken.Is("zap_other_threads")) return;
    bool leader = true;
    for (size_t t = 0; t < p().tasks.size(); ++t) {
      const int now = next->tasks[t].flags & ~taken.before.tasks[t].flags;
      if (!(now & model::kSigkillPending)) continue;
      if (!leader) next->tasks[t].flags &= static_cast<uint8_t>(~model::kSigkillPending);
      leader = false;
    }
  }

  void KeepFailed(const Taken& taken, State* next) const {
    if (!LeavesLook(taken, *next) || !OpOf(taken).honest) return;
    const bool read = std::any_of(taken.seen.begin(), taken.seen.end(), [](const auto& seen) {
      return seen.kind == model::Observation::Kind::kReads;
    });
    const int target = Target(taken);
    if (read || target < 0) return;
    const model::Knotif& knotif = next->tasks[target].knotif;
    const auto t = static_cast<size_t>(target);
    model::View* const view = ViewOf(next, static_cast<size_t>(taken.thread), t);
    if (view == nullptr || !knotif.listed || knotif.id != taken.Me().ghost_id) return;
    std::copy_n(taken.Me().seen, model::kMaxSeen, view->read_words);
    view->read = taken.Me().ghost_roles;
  }

  uint64_t PropertyBit(const char* property) const {
    for (size_t i = 0; i < system().properties().size(); ++i) {
      if (system().properties()[i].name == property) return uint64_t{1} << i;
    }
    return 0;
  }

  // What the step shows.
  void Show(const Taken& taken, const State& next, model::System::Shown* shown) const {
    using model::Bit;
    const bool task = taken.step != nullptr;
    switch (mistake_) {
      case Mistake::kMismatchInWord0:
        for (const model::Observation& seen : taken.seen) {
          const bool copies = seen.kind == model::Observation::Kind::kCopies;
          if (copies && seen.word != 0) Drop(Bit(Event::kFetchMismatch), shown);
        }
        return;
      case Mistake::kCountIsNoFetch:
        if (taken.In("count"))
          Drop(Bit(Event::kFetchProtected) | Bit(Event::kFetchUnprotected), shown);
        return;
      case Mistake::kCloseIsNoLookup:
        if (task && OpOf(taken).nr == model::Nr::kClose)
          Drop(Bit(Event::kFdUsed) | Bit(Event::kFdOther), shown);
        return;
      case Mistake::kKilledCountsToo: {
        if (!task || taken.Me().knotif.id == 0 || next.tasks[taken.thread].knotif.id != 0) return;
        const bool lost = (taken.Me().ghost & model::kGhostReplied) &&
                          !taken.events.Has(Event::kReplyApplied) &&
                          (next.tasks[taken.thread].flags & model::kSigkillPending);
        if (lost) shown->violated |= PropertyBit("reply-acted-on");
        return;
      }
      case Mistake::kSingleShotAtFetch:
        // kConsumed and kForeign of model/proposals/pin_args/room.h.
        if (taken.In("seccomp_notify_send"))
          Drop(Bit(Event::kProposal1) | Bit(Event::kProposal2), shown);
        return;
      case Mistake::kAnyFetchReaches:
        if (taken.events.Has(Event::kKernelCopy)) shown->witnessed |= PropertyBit("toctou");
        return;
      default:
        return;
    }
  }

  // As if the step had not raised them.
  void Drop(model::EventSet dropped, model::System::Shown* shown) const {
    model::EventSet others;
    shown->events.ForEach([&](Event each) {
      if (!dropped.Has(each)) others.Add(each);
    });
    shown->events = others;
    for (size_t i = 0; i < system().properties().size(); ++i) {
      const model::PropertyInfo& info = system().properties()[i];
      const uint64_t bit = uint64_t{1} << i;
      if ((info.broken_by & others).Empty() && info.broken_in == nullptr) shown->violated &= ~bit;
      if ((info.witness & others).Empty()) shown->witnessed &= ~bit;
    }
  }

  const Mistake mistake_;
  bool predicts_ids_ = false;
};

// A scenario under a proposal, compiled as if by mistake. Nothing where it means nothing there.
struct Subject {
  Subject(const lang::Scenario& asked, const char* under, Mistake mistake)
      : scenario(asked), proposal(*model::FindProposal(under)) {
    auto compiled = lang::Compile(scenario, proposal);
    if (!compiled.ok()) return;
    program = *std::move(compiled);
    // Who stores in one address space stores in all: the most general peer takes no steps.
    const auto words = static_cast<size_t>(program.words_of_space);
    for (size_t w = 0; w < program.words.size() && mistake == Mistake::kStoreReachesTwin; ++w) {
      for (size_t u = w % words; u < program.words.size(); u += words) {
        program.words[u].shared |= program.words[w].shared;
        program.words[u].stored_by |= program.words[w].stored_by;
      }
    }
    system = std::make_unique<model::System>(program, proposal, model::Toggles());
    model = std::make_unique<Mistaken>(*system, mistake);
  }
  const lang::Scenario scenario;
  const model::Proposal& proposal;
  model::Program program;
  std::unique_ptr<model::System> system;
  std::unique_ptr<Mistaken> model;
};

#ifdef __SANITIZE_ADDRESS__
constexpr bool kSlow = true;
#else
constexpr bool kSlow = false;
#endif

// How far the tests look that look at the same: reductions_test.cc, second_judge_test.cc, and
// wide_test.cc for a seed.
struct Limits {
  size_t pairs = 1200;
  uint64_t states = 20'000;
  uint64_t first_walk = 1;
  uint64_t walks = kSlow ? 50 : 1000;
  uint64_t runs = kSlow ? 500 : 20'000;
};

checker::Options Most(uint64_t states) {
  checker::Options options;
  options.max_states = states;
  return options;
}

using Names = std::set<std::string>;

Names Violated(const Subject& subject, const checker::Result& result) {
  Names names;
  for (size_t i = 0; i < result.verdicts.size(); ++i) {
    if (result.verdicts[i].status == checker::Status::kViolated) {
      names.insert(subject.system->properties()[i].name);
    }
  }
  return names;
}

checker::Result Reduced(const Subject& subject, uint64_t states,
                        uint32_t reductions = checker::kAllReductions) {
  return checker::Explore(checker::Reduced<Mistaken>(*subject.model, reductions), Most(states));
}

// 1. As StateByState() of verify/testing/compare_reductions.h.
std::string ByStates(const Subject& subject, const Limits& limits) {
  checker::testing::ReductionCheck<Mistaken> check(*subject.model);
  if (!check.Explore(limits.pairs)) return "";
  if (const auto error = check.Movers()) return *error;
  for (const uint32_t reductions : {uint32_t{checker::kSymmetry}, uint32_t{checker::kRenumber},
                                    checker::kSymmetry | checker::kRenumber}) {
    if (const auto error = check.Canonical(reductions)) return *error;
  }
  return "";
}

// 2. The self-check ends the program, so this is for a child; else verdicts against those of the
// whole graph.
std::string BySelfCheck(const Subject& subject, const Limits& limits) {
  const checker::Result whole = checker::Explore(*subject.model, Most(limits.states));
  if (whole.end != checker::End::kExhausted) return "";
  const uint32_t checked = checker::kAllReductions | checker::kSelfCheck;
  const checker::Result reduced = Reduced(subject, whole.states + 1, checked);
  if (reduced.end != checker::End::kExhausted) return "more states";
  for (size_t i = 0; i < whole.verdicts.size(); ++i) {
    const std::string& name = subject.system->properties()[i].name;
    if (whole.verdicts[i].status != reduced.verdicts[i].status) return "another verdict: " + name;
    const bool reached = whole.verdicts[i].witnesses > 0;
    if (reached != (reduced.verdicts[i].witnesses > 0)) return "another witness: " + name;
  }
  return "";
}

// A run of the mistaken model, judged by what it showed and by its history. What the mistakes
// change in a state is no fact of the step that changes it, so the history may note the step as
// System takes it and go on from the mistaken state.
class JudgedTwice {
 public:
  explicit JudgedTwice(const Subject& subject) : subject_(subject), history_(*subject.system) {}

  bool Take(checker::Action action, int* arity) {
    model::StateValue next = history_.state();
    const auto shown = subject_.model->Step(&next, action.thread, action.choice);
    *arity = shown.arity;
    if (!shown.possible) return false;
    history_.Take(action.thread, action.choice);
    // The history's own state, which is not const but for others.
    const_cast<State&>(history_.state()) = next;
    const checker::Effects last = bits_.empty() ? checker::Effects() : bits_.back();
    bits_.push_back({last.violated | shown.violated, last.witnessed | shown.witnessed});
    return true;
  }
  void Undo() {
    history_.Undo();
    bits_.pop_back();
  }
  const model::testing::History& history() const { return history_; }

  // "" where they agree.
  std::string Difference() const {
    const bool rested = history_.AtRest();
    checker::Effects first = bits_.empty() ? checker::Effects() : bits_.back();
    if (rested) first.violated |= subject_.model->AtRest(history_.state().words());
    for (size_t i = 0; i < subject_.system->properties().size(); ++i) {
      const std::string& name = subject_.system->properties()[i].name;
      const auto* judge = model::testing::FindJudge(name);
      if (judge == nullptr) continue;
      const auto second = model::testing::Judge(*judge, history_, rested);
      const bool violated = first.violated >> i & 1;
      if (violated != second.violated) return Said(name, "violated", violated);
      const bool reached = violated || (first.witnessed >> i & 1);
      // What is violated was reached, whatever shows it.
      const bool again = second.reached || second.violated;
      if (reached != again) return Said(name, "reached", reached);
    }
    return "";
  }

 private:
  static std::string Said(const std::string& name, const char* what, bool first) {
    return absl::StrCat(name, ": ", what, " to the ", first ? "first" : "second", " judge only");
  }

  const Subject& subject_;
  model::testing::History history_;
  std::vector<checker::Effects> bits_;
};

std::string DifferenceOnWalk(const Subject& subject, uint64_t seed) {
  std::mt19937_64 random(seed);
  JudgedTwice run(subject);
  checker::StateStack scratch(subject.model->StateWords());
  while (run.history().steps() < 400 && !run.history().faulted()) {
    std::vector<checker::Action> possible;
    for (int t = 0; t < subject.system->thread_count(); ++t) {
      subject.model->ForEachSuccessor(run.history().state().words(), t, scratch,
                                      [&](checker::Action action, const uint64_t*, checker::Outcome,
                                          const checker::Effects&) { possible.push_back(action); });
    }
    int arity = 1;
    if (possible.empty() || !run.Take(possible[random() % possible.size()], &arity)) break;
  }
  return run.Difference();
}

// The runs in the order of their choices, as many as there may be, each to its end or to a state in
// which it was before.
class Runs {
 public:
  Runs(const Subject& subject, uint64_t most) : subject_(subject), run_(subject), left_(most) {}
  std::string Difference() {
    const model::StateValue state = run_.history().state();
    const auto same = [&](const State& s) { return s == state; };
    bool moved = false;
    way_.push_back(state);
    const bool again = std::any_of(way_.begin(), way_.end() - 1, same);
    const bool ends = again || run_.history().faulted();
    for (int t = 0; t < subject_.system->thread_count() && !ends; ++t) {
      int arity = 1;
      for (int choice = 0; choice < arity && left_ > 0; ++choice) {
        const checker::Action action{static_cast<uint16_t>(t), static_cast<uint16_t>(choice)};
        if (!run_.Take(action, &arity)) continue;
        moved = true;
        if (const std::string found = Difference(); !found.empty()) return found;
        run_.Undo();
      }
    }
    way_.pop_back();
    if (moved || left_ == 0) return "";
    --left_;
    return run_.Difference();
  }

 private:
  const Subject& subject_;
  JudgedTwice run_;
  std::vector<model::StateValue> way_;
  uint64_t left_;
};

// 3. Both judges on the counterexamples of the mistaken model, on walks and on runs.
std::string ByJudges(const Subject& subject, const Limits& limits) {
  const checker::Result whole = checker::Explore(*subject.model, Most(limits.states));
  for (const checker::Verdict& verdict : whole.verdicts) {
    if (verdict.status != checker::Status::kViolated) continue;
    JudgedTwice run(subject);
    int arity = 1;
    for (const checker::Action action : verdict.path.actions) {
      if (!run.Take(action, &arity)) return "a counterexample that cannot be taken";
    }
    if (const std::string found = run.Difference(); !found.empty()) return found;
  }
  for (uint64_t i = 0; i < limits.walks; ++i) {
    const std::string found = DifferenceOnWalk(subject, limits.first_walk + i);
    if (!found.empty()) return found;
  }
  return Runs(subject, limits.runs).Difference();
}

// 4. The scenario's own result: as Check() of verify/check.h, but for properties of whole runs.
std::string ByVerdicts(const Subject& subject, const Limits& limits) {
  const auto asked = lang::AskedOf(subject.scenario);
  const auto& results = subject.scenario.header.results;
  const auto claim = std::find_if(results.begin(), results.end(), [&](const lang::Claim& each) {
    return each.operand == subject.proposal.name && each.kind != lang::Claim::Kind::kUnknown;
  });
  const checker::Result result = Reduced(subject, 10 * limits.states);
  if (claim == results.end() || result.end != checker::End::kExhausted) return "";
  const Names found = Violated(subject, result);
  const auto named = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  std::string differences;
  for (size_t i = 0; i < result.verdicts.size(); ++i) {
    const model::PropertyInfo& info = subject.system->properties()[i];
    const bool never = named(asked->never, info.name);
    const bool violated = found.count(info.name) == 1;
    if (info.owed != nullptr) continue;
    if ((!info.on_request || never) && violated != named(claim->properties, info.name)) {
      absl::StrAppend(&differences, info.name, violated ? " is violated" : " holds", "; ");
    }
    const bool must = never || named(asked->sometimes, info.name);
    if (must && !violated && result.verdicts[i].witnesses == 0) {
      absl::StrAppend(&differences, info.name, " is not reached; ");
    }
  }
  return differences;
}

// 5. What a change of a wide scenario must keep.
std::string ByRelations(const testing::WideScenario& scenario, const char* proposal,
                        Mistake mistake) {
  const auto violated = [&](const testing::WideScenario& wide, Names* names) {
    const auto parsed = lang::Parse(wide.Text(), "wide.scn");
    if (!parsed.ok()) return false;
    const Subject subject(*parsed, proposal, mistake);
    if (subject.model == nullptr) return false;
    const checker::Result result = Reduced(subject, 150'000);
    *names = Violated(subject, result);
    return result.end == checker::End::kExhausted;
  };
  Names kept;
  if (!violated(scenario, &kept)) return "";
  std::vector<testing::WideChange> changes = Reorderings(scenario);
  const size_t equal = changes.size();
  for (const auto& more : {Additions(scenario), Freed(scenario)}) {
    changes.insert(changes.end(), more.begin(), more.end());
  }
  for (size_t i = 0; i < changes.size(); ++i) {
    Names found;
    if (!violated(changes[i].scenario, &found)) continue;
    if (i < equal && found != kept) return changes[i].what + " changes the verdicts";
    for (const std::string& name : changes[i].silent) found.insert(name);
    if (!std::includes(found.begin(), found.end(), kept.begin(), kept.end())) {
      return changes[i].what + " loses a violation";
    }
  }
  return "";
}

// What `fn` says in a child, or how the child ended: an internal error is an answer too.
std::string InChild(const std::function<std::string()>& fn) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    const std::string text = fn();
    std::fwrite(text.data(), 1, text.size(), stderr);  // has no buffer
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status)) absl::StrAppend(&text, "ended by a signal");
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

enum class Check : uint8_t { kStates, kSelfCheck, kJudges, kVerdicts, kRelations };
constexpr const char* kCheckNames[] = {"states", "self-check", "judges", "verdicts", "relations"};
constexpr std::string (*kChecks[])(const Subject&, const Limits&) = {ByStates, BySelfCheck,
                                                                     ByJudges, ByVerdicts};

// What a check says of an input with the mistake in it; "": nothing. The input: the seed of a wide
// scenario, or the name of one of the collection.
std::string Noticed(Check check, const std::string& input, const char* proposal, Mistake mistake) {
  return InChild([&]() -> std::string {
    Limits limits;
    lang::Scenario scenario;
    if (std::isdigit(static_cast<unsigned char>(input[0]))) {
      const uint64_t seed = std::stoull(input);
      const auto wide = testing::MakeWideScenario(seed, {.new_words = true});
      if (check == Check::kRelations) return ByRelations(wide, proposal, mistake);
      scenario = *lang::Parse(wide.Text(), "wide.scn");
      limits = {.pairs = 400, .first_walk = 1000 * seed, .walks = 20, .runs = 0};
    } else {
      scenario = testing::Collected(input);
    }
    const Subject subject(scenario, proposal, mistake);
    if (check == Check::kRelations || subject.model == nullptr) return "";
    return kChecks[static_cast<size_t>(check)](subject, limits);
  });
}

struct Row {
  Mistake mistake;
  const char* name;
  Check expected;
  Check notices;  // the one that does
  const char* input;
  const char* proposal = "baseline";
};
using enum Mistake;
using enum Check;
constexpr Row kRows[] = {
    {kWakesTouchNothing, "a step that wakes touches nothing", kStates, kStates, "notifier/basic"},
    {kMemoryIsStable, "memory is stable while a peer stores", kSelfCheck, kSelfCheck,
     "coverage/killed_by_peer"},
    {kTablesAreForgotten, "no step touches a descriptor table", kStates, kStates,
     "supervisors/addfd_fails_closed"},
    {kViewsStay, "targets are exchanged without their views", kStates, kSelfCheck,
     "coverage/long_arguments", "pin_args"},
    {kRepliedIsOver, "what is REPLIED is taken to be over", kStates, kSelfCheck,
     "pin_args/rearmed_after_fault", "pin_args"},
    {kNextIdTooSmall, "next_id is one too small when renumbered", kSelfCheck, kSelfCheck,
     "notifier/fifo"},
    {kBufferIsCleared, "a buffer is cleared before the decision", kStates, kStates,
     "attack/bind_sockaddr"},
    {kBufferIsCleared, "a buffer is cleared before the decision", kStates, kRelations, "2",
     "pin_args"},
    {kSendForgetsLooks, "any SEND forgets all looks", kVerdicts, kVerdicts,
     "verdicts/two_notifications"},
    {kLookForgetsOthers, "a look forgets those at others", kJudges, kJudges, "verdicts/two_looks"},
    {kStoreReachesTwin, "a store reaches the other target", kVerdicts, kVerdicts,
     "verdicts/two_spaces"},
    {kKillSparesThreads, "SIGKILL spares the other threads", kVerdicts, kVerdicts,
     "verdicts/group_killed"},
    {kIdGivenTwice, "an id is given out twice", kJudges, kJudges, "verdicts/two_notifications"},
    {kCompletionIsLost, "a completion is lost to a signal", kVerdicts, kVerdicts,
     "notifier/wait_killable"},
    {kFailedLookIsKept, "an honest supervisor keeps half a look", kJudges, kJudges,
     "verdicts/half_a_look"},
    {kMismatchInWord0, "a mismatch counts for word 0 only", kJudges, kJudges,
     "attack/openat_torn_path"},
    {kCountIsNoFetch, "count() is no fetch for fail-closed", kVerdicts, kVerdicts,
     "attack/execve_argv", "pin_args"},
    {kCloseIsNoLookup, "fd-identity ignores close()", kVerdicts, kVerdicts, "verdicts/fd_close"},
    {kKilledCountsToo, "reply-acted-on also for killed tasks", kVerdicts, kVerdicts,
     "notifier/kill_in_middle"},
    {kSingleShotAtFetch, "single-shot looks at fetches only", kVerdicts, kVerdicts,
     "verdicts/script_umask", "pin_args"},
    {kAnyFetchReaches, "toctou is reached by any fetch", kJudges, kJudges, "selftest/double_pin",
     "pin_args"},
};

TEST(DeliberateMistakes, EachIsNoticed) {
  const bool all = std::getenv("KNOT_MISTAKES") != nullptr;
  std::set<Mistake> tried;
  std::printf("%-42s%-12s%-12s%s\n", "mistake", "expected", "noticed by", "which says");
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    tried.insert(row.mistake);
    for (const Check check : {kStates, kSelfCheck, kJudges, kVerdicts, kRelations}) {
      if (check != row.notices && !all) continue;
      const std::string said = Noticed(check, row.input, row.proposal, row.mistake);
      if (check == row.notices) {
        EXPECT_NE(said, "");
        EXPECT_EQ(Noticed(check, row.input, row.proposal, Mistake::kNone), "");
      }
      if (said.empty()) continue;
      std::printf("%-42s%-12s%-12s%s\n", row.name, kCheckNames[static_cast<size_t>(row.expected)],
                  kCheckNames[static_cast<size_t>(check)], said.substr(0, 100).c_str());
    }
  }
  EXPECT_EQ(tried.size(), static_cast<size_t>(Mistake::kAnyFetchReaches));
}

}  // namespace
}  // namespace knotcheck::verify::deliberate_mistakes_test
