// SPDX-License-Identifier: Apache-2.0
//
// knotcheck simulate: random walks, for what is too large to search. They find, and prove nothing.

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/text.h"
#include "checker/explore.h"
#include "checker/model.h"
#include "fmt/core.h"
#include "lang/claims.h"
#include "lang/compile.h"
#include "report/result.h"
#include "tools/commands.h"
#include "tools/common.h"
#include "tools/inputs.h"
#include "tools/progress.h"
#include "verify/check.h"
#include "verify/kernel_model.h"

namespace knotcheck::tools {
namespace {

// The model, noting where the threads of every state that a walk comes through stand.
class Covering {
 public:
  explicit Covering(const model::System& system) : model_(system) {}

  size_t StateWords() const { return model_.StateWords(); }
  const std::vector<uint64_t>& InitialStates() const { return model_.InitialStates(); }
  int ThreadCount() const { return model_.ThreadCount(); }
  const std::vector<checker::Property>& Properties() const { return model_.Properties(); }
  const checker::PackMasks& Masks() const { return model_.Masks(); }
  uint64_t AtRest(const uint64_t* state) const { return model_.AtRest(state); }
  checker::Outcome Apply(uint64_t* state, checker::Action action, checker::StateStack& scratch,
                         checker::Effects& effects) const {
    return model_.Apply(state, action, scratch, effects);
  }
  template <class Fn>
  void ForEachSuccessor(const uint64_t* state, int thread, checker::StateStack& scratch,
                        Fn&& fn) const {
    if (static_cast<size_t>(thread) < model_.system().program().tasks.size()) {
      Note(model_.View(state).tasks[static_cast<size_t>(thread)]);
    }
    model_.ForEachSuccessor(state, thread, scratch, fn);
  }

  size_t functions() const {
    size_t count = 0;
    for (const auto& places : places_) count += places.any() ? 1 : 0;
    return count;
  }
  size_t steps() const {
    size_t count = 0;
    for (const auto& places : places_) count += places.count();
    return count;
  }

 private:
  void Note(const model::Task& task) const {
    for (int i = model::kMaxFrames - 1; i >= 0; --i) {
      if (task.frames[i].function == 0) continue;
      places_[task.frames[i].function].set(task.frames[i].pc);
      return;
    }
  }

  verify::KernelModel model_;
  mutable std::array<std::bitset<256>, 256> places_;  // by function and program counter
};
static_assert(checker::Model<Covering>);

class Simulate {
 public:
  explicit Simulate(const SimulateArguments& arguments)
      : arguments_(arguments), progress_(arguments.quiet) {}
  int Run();

 private:
  void Say(const std::string& text, size_t indent) {
    for (const std::string& line : base::Wrap(base::Ascii(text), width_, indent, indent + 2)) {
      Print(line + "\n");
    }
  }
  // `claimed_as`: the subject's operand without what --kernel and --fix say, whose claim counts.
  absl::Status Under(const trace::TraceSubject& subject, const model::Operand& claimed_as);

  const SimulateArguments& arguments_;
  Progress progress_;
  size_t width_ = 80;
  std::vector<std::string> asked_;
  bool differs_ = false;
};

absl::Status Simulate::Under(const trace::TraceSubject& subject, const model::Operand& claimed_as) {
  const auto question = verify::Question::Make(subject.scenario, *subject.proposal, subject.toggles,
                                               lang::CompileOptions());
  if (absl::IsFailedPrecondition(question.status())) {
    Say(absl::StrCat(ToString(subject), ": n/a: ", question.status().message()), 0);
    return absl::OkStatus();
  }
  if (!question.ok()) return question.status();
  const Covering covering((*question)->system());
  checker::WalkOptions options;
  options.seed = arguments_.seed;
  options.walks = arguments_.walks;
  options.max_steps = arguments_.steps;
  options.interrupted = &Interrupted();
  const double begin = progress_.seconds();
  const std::string walks_of = absl::StrCat("walks, ", ToString(subject));
  options.progress = [&](uint64_t walks) {
    if (!progress_.Due()) return;
    progress_.Show(ProgressLine(walks_of, walks, options.walks, progress_.seconds() - begin,
                                progress_.width()));
  };
  const checker::WalkResult result = checker::Walk(covering, options);
  progress_.Clear();

  Say(absl::StrCat(ToString(subject), ": ", result.walks, " walks, ", result.steps, " steps, ",
                   result.at_rest, " came to rest; seen: ", covering.steps(), " steps of ",
                   covering.functions(), " functions, ",
                   result.distinct == checker::WalkResult::kMostDistinct ? "at least " : "",
                   result.distinct, " states; a further step leads to a new one with probability ",
                   fmt::format("{:.2g}", result.Unseen())),
      0);
  std::vector<std::string> violated;
  const auto& properties = (*question)->system().properties();
  for (size_t i = 0; i < properties.size(); ++i) {
    // A walk ends, so it says nothing of what is owed for ever.
    if (properties[i].owed != nullptr) continue;
    const checker::Verdict& verdict = result.verdicts[i];
    const bool asked = std::find(asked_.begin(), asked_.end(), properties[i].name) != asked_.end();
    const bool judged = !properties[i].on_request || asked;
    std::string line = fmt::format("{:<23} ", properties[i].name);
    if (verdict.status == checker::Status::kViolated) {
      if (judged) violated.push_back(properties[i].name);
      absl::StrAppend(&line, "violated", judged ? "" : " (not asked)", ", ",
                      verdict.path.actions.size(), " steps ", PathToString(verdict.path));
    } else if (verdict.witnesses > 0) {
      absl::StrAppend(&line, "not violated, reached ", verdict.witnesses, " times");
    } else {
      absl::StrAppend(&line, "never reached");
    }
    Say(line, 2);
  }
  const lang::Claim* claim = lang::ClaimAbout(subject.scenario.header, claimed_as);
  if (claim == nullptr || claim->kind == lang::Claim::Kind::kUnknown) return absl::OkStatus();
  for (const std::string& name : violated) {
    const auto& claimed = claim->properties;
    if (std::find(claimed.begin(), claimed.end(), name) != claimed.end()) continue;
    Say("DIFFERS: the scenario does not claim that " + name + " is violated", 2);
    differs_ = true;
  }
  return absl::OkStatus();
}

int Simulate::Run() {
  auto subject = LoadScenario(arguments_.scenario);
  if (!subject.ok()) return Fail(subject.status());
  const auto changes = ChangesNamed(arguments_.changes);
  if (!changes.ok()) return FailUsage(changes.status());
  auto operands = OperandsNamed(arguments_.proposals);
  if (!operands.ok()) return FailUsage(operands.status());
  // LoadScenario() has looked at the claims.
  if (operands->empty()) operands = lang::ClaimedOperands(subject->scenario);
  const auto asked = lang::AskedOf(subject->scenario);
  if (!asked.ok()) return Fail(asked.status());
  asked_ = asked->never;
  width_ = arguments_.width != 0 ? arguments_.width : TerminalWidth(STDOUT_FILENO);
  CatchInterrupts();
  for (const model::Operand& operand : *operands) {
    const auto whole = With(operand, *changes);
    if (!whole.ok()) return FailUsage(whole.status());
    static_cast<model::Operand&>(*subject) = *whole;
    if (const absl::Status status = Under(*subject, operand); !status.ok()) return Fail(status);
  }
  Say(report::OriginText(*changes, *operands), 0);
  Say("Random walks prove nothing: what they did not find may still exist. knotcheck check "
      "searches all runs.",
      0);
  if (const absl::Status status = FlushOutput(); !status.ok()) return FailUsage(status);
  if (differs_) return kDiffers;
  return Interrupted().load() ? kIncomplete : kOk;
}

}  // namespace

int RunSimulate(const SimulateArguments& arguments) { return Simulate(arguments).Run(); }

}  // namespace knotcheck::tools
