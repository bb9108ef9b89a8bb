// SPDX-License-Identifier: Apache-2.0
//
// The answers of a whole run of `knotcheck check`, as every report of them sees them.

#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lang/ast.h"
#include "model/operand.h"
#include "verify/check.h"

namespace knotcheck::report {

// One question: a scenario under a proposal.
struct Entry {
  enum class State : uint8_t {
    kAnswered,
    kMeansNothing,  // the scenario uses what this proposal does not have
    kNotAsked,      // the run ended before its turn, or memory did
  };
  std::string scenario;  // as its header names it
  std::string file;
  std::string proposal;  // model::ToString(Operand), all that was asked of it
  std::string revision;  // model::RevisionText()
  std::string claim;     // as "# result:" has it; empty: nothing is claimed
  State state = State::kNotAsked;
  std::string reason;  // unless kAnswered
  verify::Answer answer;
  // The trace files that were written, by property.
  std::vector<std::pair<std::string, std::string>> traces;
};

enum class Mark : uint8_t { kAgrees, kDiffers, kNotJudged, kIncomplete, kMeansNothing };

// How the answer stands to the claim. To claim something of what means nothing differs, too.
Mark MarkOf(const Entry& entry);

// "ok", "DIFFERS", "?", "INCOMPLETE", "n/a".
const char* MarkWord(Mark mark);

// The claim about `operand`, as the scenario has it; empty if there is none.
std::string ClaimText(const lang::Header& header, const model::Operand& operand);

// "holds", "violated(a, b)", "incomplete", "violated(a), incomplete", or "n/a".
std::string OutcomeText(const Entry& entry);

// "exhausted", "state limit", "memory limit", "interrupted", "stopped".
const char* EndWord(checker::End end);
const char* EndWord(checker::LivenessEnd end);

// "holds", "violated", "not reached", "incomplete".
const char* StatusWord(const verify::PropertyVerdict& property);

// A violation as text: "0:aab3c", or "0:aab(cb)" of a run that never ends.
std::string PathText(const verify::PropertyVerdict& property);

// "resumes: starved: T, U, states 61, SCCs 58"; without anybody starved "holds" or "incomplete".
std::string LivenessText(const verify::Liveness& liveness);

// What was asked, in one line: "kernel: 5.10; NAME: v1, 2026-05-04; knotcheck 0.1.0". The kernel
// is that of `kernel`, the revisions are of the proposals of `asked`, each once.
std::string OriginText(const model::Operand& kernel, const std::vector<model::Operand>& asked);

struct Summary {
  size_t scenarios = 0;
  size_t agree = 0;
  size_t differ = 0;
  size_t incomplete = 0;
  size_t not_judged = 0;
  size_t mean_nothing = 0;  // not counted as questions
  size_t questions() const { return agree + differ + incomplete + not_judged; }
};

Summary Summarise(const std::vector<Entry>& entries);

// "2 scenarios, 4 questions: 3 agree, 1 differ, 0 incomplete, 0 not judged".
std::string SummaryText(const Summary& summary);

}  // namespace knotcheck::report
