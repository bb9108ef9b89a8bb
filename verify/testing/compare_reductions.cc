// SPDX-License-Identifier: Apache-2.0

#include "verify/testing/compare_reductions.h"

#include "checker/explore.h"
#include "checker/reduce.h"
#include "checker/replay.h"
#include "verify/kernel_model.h"
#include "verify/testing/searches.h"

namespace knotcheck::verify::testing {

namespace {

// The error with the step at which each task stands.
std::string Explained(const Question& question,
                      const checker::testing::ReductionCheck<KernelModel>& check,
                      const std::string& error) {
  std::string text = error.substr(0, 400);
  const size_t at = error.find("state ");
  if (at == std::string::npos) return text;
  const model::System& system = question.system();
  const KernelModel kernel_model(system);
  const auto& words = check.states()[std::stoul(error.substr(at + 6))];
  const model::State& state = kernel_model.View(words.data());
  for (int t = 0; t < static_cast<int>(system.program().tasks.size()); ++t) {
    model::Kernel kernel(system.program(), system.proposal(), system.config());
    const model::StepInfo* step = kernel.NextStep(state, t);
    if (step != nullptr) {
      text += "\n  " + system.ThreadName(t) + ": " + step->function + ": " + step->statement;
    }
  }
  return text;
}

}  // namespace

std::string StateByState(const Question& question, size_t limit) {
  const KernelModel kernel_model(question.system());
  checker::testing::ReductionCheck<KernelModel> check(kernel_model);
  if (!check.Explore(limit)) return "";
  for (const auto& words : check.states()) {
    const model::State& state = kernel_model.View(words.data());
    for (int t = 0; t < kernel_model.ThreadCount(); ++t) {
      if (question.system().IsBlocked(state, t) && question.system().CanStep(state, t)) {
        return question.system().ThreadName(t) + " is said to be blocked, and is not";
      }
    }
  }
  if (auto error = check.Movers()) return Explained(question, check, *error);
  for (const uint32_t reductions : {uint32_t{checker::kSymmetry}, uint32_t{checker::kRenumber},
                                    checker::kSymmetry | checker::kRenumber}) {
    if (auto error = check.Canonical(reductions)) return Explained(question, check, *error);
  }
  return "";
}

std::string Compared(const Question& question, const checker::Result& whole, uint32_t reductions,
                     const checker::Options& options) {
  if (whole.end != checker::End::kExhausted) return "";
  const KernelModel kernel_model(question.system());
  const checker::Result reduced =
      checker::Explore(checker::Reduced<KernelModel>(kernel_model, reductions), options);
  const bool exact = (reductions & checker::kLengthening) == 0;
  if (reduced.end != checker::End::kExhausted) return "not exhausted";
  if (reduced.states > whole.states) return "more states";
  if (exact && reduced.depth > whole.depth) return "deeper";
  for (size_t i = 0; i < whole.verdicts.size(); ++i) {
    const std::string& name = question.system().properties()[i].name;
    const checker::Verdict& a = whole.verdicts[i];
    const checker::Verdict& b = reduced.verdicts[i];
    if (a.status != b.status) return "another verdict: " + name;
    if ((a.witnesses > 0) != (b.witnesses > 0)) return "another witness: " + name;
    if (a.status != checker::Status::kViolated) continue;
    if (exact && a.path.actions.size() != b.path.actions.size()) return "another length: " + name;
    const auto replayed = checker::Replay(kernel_model, b.path);
    if (!replayed.possible || !(replayed.violated >> i & 1)) return "does not replay: " + name;
  }
  return "";
}

}  // namespace knotcheck::verify::testing
