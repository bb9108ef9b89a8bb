// SPDX-License-Identifier: Apache-2.0
//
// What user space sees of a run, task by task: the results of its operations, what they acted on,
// what supervisors read. The same words as docs/plan-format.md uses for a real kernel.

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/observation.h"
#include "model/program.h"
#include "model/state.h"

namespace knotcheck::conform {

// An operation that began. Details are "used", "argv", "rR", "cR" with their values in hex; '?' is
// a half byte that nobody can predict, "*" is anything.
struct Token {
  uint8_t call = 0;  // as Kernel::CallIndex()
  bool returned = false;
  bool abandoned = false;   // it never returns: a handler has executed a program
  bool any_result = false;  // what exactly it returned is not modelled
  int64_t ret = 0;
  std::map<std::string, std::string> details;
};

// Whether a signal's handler has executed a program, which returns nowhere.
bool ExecutesInHandler(const model::Program& program, const model::Observation& observation);
// "4", or "h4" of a handler's script.
std::string CallName(uint8_t call);
// "3=-13:used=2f6f6b".
std::string TokenText(const Token& token);

struct Observed {
  std::vector<std::vector<Token>> tasks;  // by task, in the order in which they began
  std::vector<bool> dead;                 // killed, not at the end of its script
};

// "T[0=6:used=2f6f6b] S[0=0 1=0]" of the tasks that began anything.
std::string ObservedText(const model::Program& program, const Observed& outcome);

// Whether what was observed is what `predicted` says: the results are the same, and so is each
// detail that is predicted.
bool Matches(const Token& predicted, const Token& observed);
bool Matches(const Observed& predicted, const Observed& observed);

// Gathers an outcome from what a run's steps let user space see.
class Recorder {
 public:
  explicit Recorder(const model::Program& program) : program_(&program) {
    tokens_.resize(program.tasks.size());
    pending_.resize(program.tasks.size());
  }
  // After a step that led to `state`.
  void Add(const model::Observations& observations, const model::State& state);
  // Whether the task has begun an operation that has not returned.
  bool Active(int task) const;
  // Whether a kBegins is of an operation that has not begun yet: a signal lets calls begin anew.
  bool IsFirst(const model::Observation& begins) const;
  // By task, in the order in which they began, those that Finish() leaves out included.
  const std::vector<std::vector<Token>>& tokens() const { return tokens_; }
  // What there is to see when the run ends in `state`. A supervisor with a policy receives for
  // ever: RECVs of it that fail or sleep are left out.
  Observed Finish(const model::State& state) const;
  // All that was gathered, as a key.
  std::string Key() const;

 private:
  // Of an operation that has not returned yet.
  struct Pending {
    std::vector<model::Value> acts_on;
    std::map<std::pair<uint8_t, uint8_t>, model::Value> copies;  // of argv: entry, word
    int argc = -1;
    bool cut = false;
    std::map<uint8_t, bool> cuts;                  // by register
    std::map<int, std::vector<model::Value>> saw;  // by role
  };
  void Return(int task, Token& token, Pending& pending, model::Ret ret, const model::State& state);

  const model::Program* program_;
  std::vector<std::vector<Token>> tokens_;
  std::vector<Pending> pending_;
};

// Whether a task with these results is at the end of its script: its death is none that somebody
// brought about.
bool IsAtEnd(const model::TaskInfo& task, const std::vector<Token>& tokens);
// Whether the task's script is a policy's, which receives for ever.
bool FollowsPolicy(const model::TaskInfo& task);
// The operation of a task that a call index names.
const model::Op& OpOf(const model::Program& program, int task, uint8_t call);

}  // namespace knotcheck::conform
