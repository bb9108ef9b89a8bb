// SPDX-License-Identifier: Apache-2.0
//
// A scenario's question, asked and answered: compile, explore, judge, and replay what was found.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "checker/path.h"
#include "checker/reductions.h"
#include "checker/result.h"
#include "lang/ast.h"
#include "lang/compile.h"
#include "model/operand.h"
#include "model/system.h"
#include "verify/liveness.h"

namespace knotcheck::verify {

// A scenario compiled for one proposal and one kernel.
class Question {
 public:
  // The error is lang::Compile's.
  static absl::StatusOr<std::unique_ptr<Question>> Make(const lang::Scenario& scenario,
                                                        const model::Proposal& proposal,
                                                        const model::Toggles& toggles,
                                                        const lang::CompileOptions& options = {});
  const model::Program& program() const { return program_; }
  const model::System& system() const { return *system_; }
  void Record(model::Coverage* coverage) { system_->Record(coverage); }

 private:
  model::Program program_;
  std::unique_ptr<model::System> system_;
};

struct PropertyVerdict {
  model::PropertyInfo info;
  checker::Status status = checker::Status::kHolds;
  uint64_t witnesses = 0;
  // Whether the scenario's result speaks of it: always, but for on-request ones.
  bool judged = true;
  bool asked = false;    // named after "never"
  checker::Path path;    // of a violation; of a lasso its stem
  bool shortest = true;  // no violation of it is fewer steps away
  // A violation by a whole run (PropertyInfo::owed): what follows `path` for ever. Empty: nothing.
  std::optional<std::vector<checker::Action>> cycle;
};

// The answer of one scenario under one operand.
struct Answer {
  // By name. Those of whole runs are there only if the scenario or the options ask for them.
  std::vector<PropertyVerdict> properties;
  std::vector<std::string> violated;  // judged properties, by name
  std::vector<std::string> vacuous;   // asked properties (never or sometimes) that were not reached
  std::vector<std::string> unreached;  // judged ones that were not, and not asked
  std::vector<std::string> absent;     // asked ones that the proposal has not
  bool blind = false;  // some CONTINUE approved no memory, as nothing had been seen of it
  std::vector<std::string> notes;  // what of the scenario has no effect
  checker::Result result;
  std::vector<Liveness> liveness;  // one a property of whole runs that was looked at
  // Against the scenario's "# result:".
  enum class Agreement : uint8_t {
    kAgrees,
    kDiffers,
    kNotJudged,
    kIncomplete
  } agreement = Agreement::kNotJudged;
  bool complete() const;
};

// Where the searches of a question are saved; see checker/checkpoint.h.
struct CheckpointOptions {
  std::string directory;
  std::string build;  // of the program: another one may have another model
  double every_s = 600;
  // Each search goes on from its file; one that has none begins at its beginning.
  bool resume = false;
  // When a file cannot be written.
  std::function<void(const absl::Status&)> failed;
};

// The files that the searches of a question are saved in.
std::vector<std::string> CheckpointFiles(const CheckpointOptions& options,
                                         const lang::Scenario& scenario,
                                         const model::Operand& operand);

struct CheckOptions {
  checker::Options explore;
  // Beside those of the operand, whose claim the answer is held against all the same.
  model::Toggles toggles;
  // Looks for starvation in every scenario. Only those that ask for it are judged by it.
  // Of the search for verdicts; see checker/reductions.h. Merging lengthens paths and is left out
  // of a second search, which finds the shortest counterexamples as long as it needs no more than
  // `shortest_states` states.
  uint32_t reductions = checker::kAllReductions;
  uint64_t shortest_states = 2'000'000;
  bool liveness = false;
  // What the searches go through is noted there, if set; needs explore.threads == 1.
  model::Coverage* coverage = nullptr;
  // Breadth-first only; the search of properties of whole runs is not saved.
  const CheckpointOptions* checkpoints = nullptr;
};

// InvalidArgument and FailedPrecondition as lang::Compile and checker::CheckpointReader::Open say.
absl::StatusOr<Answer> Check(const lang::Scenario& scenario, const model::Operand& operand,
                             const CheckOptions& options);

// "holds" or "violated(a, b)" of the judged properties, "incomplete" when the search was cut short
// and found nothing.
std::string Outcome(const Answer& answer);

// A run in full: what every step showed. `thread` is the index into System's threads.
struct RunStep {
  int thread = 0;
  checker::Action action;
  model::TraceStep shown;
  uint64_t violated = 0;
  uint64_t witnessed = 0;
};
struct Run {
  std::vector<RunStep> steps;
  uint64_t violated = 0;  // property bits, at rest included
  bool possible = false;
  bool rested = false;
};
Run Trace(const model::System& system, const checker::Path& path);

// A counterexample against the most general peer with real stores instead: the program in which a
// peer makes at most `writes` of them, and the path in which it does. The stores are the fewest
// that give every racy read its value.
struct Concrete {
  std::unique_ptr<Question> question;
  checker::Path path;
  int writes = 0;
};
// Internal when the concrete path does not replay or does not violate `property`: then the
// abstraction is wrong and nothing must be shown.
absl::StatusOr<Concrete> Concretise(const lang::Scenario& scenario, const model::Proposal& proposal,
                                    const model::Toggles& toggles, const Question& question,
                                    const checker::Path& path, const std::string& property);

}  // namespace knotcheck::verify
