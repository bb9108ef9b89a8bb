// SPDX-License-Identifier: Apache-2.0

#include "verify/check.h"

#include <algorithm>
#include <array>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "checker/reduce.h"
#include "checker/replay.h"
#include "lang/claims.h"
#include "lang/parse.h"
#include "verify/kernel_model.h"
#include "verify/search.h"

namespace knotcheck::verify {

using checker::Status;

namespace {

constexpr char kLookedFirst[] = "looked-first";
constexpr int kMostWrites = 255;  // what State::writes_left holds

// The indices among the writers of the explicit program: of each writer of `program`, and of the
// (first) most general peer of each address space, which is a writer in the explicit program only.
struct WriterIndices {
  static constexpr uint16_t kNone = 0xffff;
  std::vector<uint16_t> known;
  std::array<uint16_t, model::kMaxSpaces> general{};
};
WriterIndices Writers(const model::Program& program, const model::Program& with_writers) {
  WriterIndices indices;
  indices.general.fill(WriterIndices::kNone);
  for (size_t i = 0; i < with_writers.writers.size(); ++i) {
    const size_t known = indices.known.size();
    const model::WriterInfo& writer = with_writers.writers[i];
    if (known < program.writers.size() && program.writers[known].name == writer.name) {
      indices.known.push_back(static_cast<uint16_t>(i));
    } else if (indices.general[writer.space] == WriterIndices::kNone) {
      indices.general[writer.space] = static_cast<uint16_t>(i);
    }
  }
  return indices;
}

// The writer of a word, and the first of its choices that store there.
std::pair<uint16_t, int> WriterOf(const model::Program& program, const WriterIndices& indices,
                                  size_t w) {
  uint8_t space = program.objects[program.words[w].object].space;
  while (indices.general[space] == WriterIndices::kNone ||
         !program.Reaches(space, program.words[w])) {
    space = static_cast<uint8_t>((space + 1) % model::kMaxSpaces);
  }
  int choices = 0;
  for (size_t other = 0; other < w; ++other) {
    const model::Word& word = program.words[other];
    if (word.domain.size() < 2 || !program.Reaches(space, word)) continue;
    choices += static_cast<int>(word.domain.size());
  }
  return {indices.general[space], choices};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Question>> Question::Make(const lang::Scenario& scenario,
                                                         const model::Proposal& proposal,
                                                         const model::Toggles& toggles,
                                                         const lang::CompileOptions& options) {
  auto program = lang::Compile(scenario, proposal, options);
  if (!program.ok()) return program.status();
  auto question = std::make_unique<Question>();
  question->program_ = *std::move(program);
  question->system_ = std::make_unique<model::System>(question->program_, proposal, toggles);
  return question;
}

namespace {

// The graph of a property of whole runs has the limits of the search.
checker::LivenessOptions LivenessOptionsOf(const checker::Options& explore) {
  checker::LivenessOptions options;
  options.max_states = explore.max_states;
  options.max_bytes = explore.max_bytes;
  options.interrupted = explore.interrupted;
  if (explore.progress) {
    options.progress = [&explore](uint64_t states, uint64_t transitions, uint64_t bytes) {
      checker::Progress progress;
      progress.states = states;
      progress.transitions = transitions;
      progress.bytes = bytes;
      explore.progress(progress);
    };
  }
  return options;
}

// The searches of a question, as their files call them.
constexpr char kVerdicts[] = "verdicts";
constexpr char kShortest[] = "shortest";

// A part of a file's name.
std::string FilePart(std::string text) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!absl::ascii_isalnum(byte) && c != '-') c = '_';
  }
  text.resize(std::min<size_t>(text.size(), 100));
  return text;
}

std::string CheckpointFile(const CheckpointOptions& options, const lang::Scenario& scenario,
                           const model::Operand& operand, const char* search) {
  return absl::StrCat(options.directory, "/", FilePart(scenario.header.name), ".",
                      FilePart(ToString(operand)), ".", search, ".checkpoint");
}

// What the states of a search, their order and its end depend on. Limits are left out: who comes
// with more memory goes on.
std::string Identity(const lang::Scenario& scenario, const model::Operand& operand,
                     const CheckOptions& options, uint32_t reductions,
                     const checker::Options& explore, const char* search) {
  return absl::StrCat(
      "program: ", options.checkpoints->build, "\nproposal: ", ToString(operand),
      "\nkernel and fixes: ", absl::StrJoin(model::ToggleNames(options.toggles), " "),
      "\nsearch: ", search, "\nreductions: ", checker::ReductionsText(reductions),
      "\nends early: ", explore.stop_at_violation, " ", explore.stop_when_violated, "\n",
      lang::Print(scenario));
}

// One search of a question, saved and resumed as the options say.
absl::StatusOr<checker::Result> Explored(const lang::Scenario& scenario,
                                         const model::Operand& operand,
                                         const KernelModel& kernel_model,
                                         const CheckOptions& options, uint32_t reductions,
                                         checker::Options explore, const char* search) {
  checker::Checkpoints checkpoints;
  std::unique_ptr<checker::CheckpointReader> from;
  if (options.checkpoints != nullptr) {
    checkpoints.file = CheckpointFile(*options.checkpoints, scenario, operand, search);
    checkpoints.identity = Identity(scenario, operand, options, reductions, explore, search);
    checkpoints.every_s = options.checkpoints->every_s;
    checkpoints.failed = options.checkpoints->failed;
    if (options.checkpoints->resume) {
      auto reader = checker::CheckpointReader::Open(checkpoints.file, checkpoints.identity);
      if (!reader.ok() && !absl::IsNotFound(reader.status())) return reader.status();
      if (reader.ok()) from = *std::move(reader);
    }
    checkpoints.resume = from.get();
    explore.checkpoints = &checkpoints;
  }
  if (reductions == checker::kNoReduction) return checker::Explore(kernel_model, explore);
  return checker::Explore(checker::Reduced<KernelModel>(kernel_model, reductions), explore);
}

// Merged steps hide how short a counterexample can be: looks for the same violations again on a
// graph that keeps distances. Returns the violated properties whose paths may still be too long.
absl::StatusOr<uint64_t> Shorten(const lang::Scenario& scenario, const model::Operand& operand,
                                 const KernelModel& kernel_model, const CheckOptions& options,
                                 uint64_t wanted, checker::Result* result) {
  uint64_t violated = 0;
  for (size_t i = 0; i < result->verdicts.size(); ++i) {
    if (result->verdicts[i].status == Status::kViolated) violated |= uint64_t{1} << i;
  }
  violated &= wanted;
  if (violated == 0 || options.explore.order == checker::Order::kDepthFirst) return violated;
  if (!(options.reductions & checker::kLengthening)) return 0;
  if (options.shortest_states == 0 || result->end != checker::End::kExhausted) return violated;
  checker::Options again = options.explore;
  again.stop_at_violation = false;
  again.stop_when_violated = violated;
  again.max_states = std::min(again.max_states, options.shortest_states);
  const auto second = Explored(scenario, operand, kernel_model, options,
                               options.reductions & ~checker::kLengthening, again, kShortest);
  if (!second.ok()) return second.status();
  const checker::Result& shortest = *second;
  for (size_t i = 0; i < result->verdicts.size(); ++i) {
    if (shortest.verdicts[i].status != Status::kViolated || !(wanted >> i & 1)) continue;
    // What the one search finds and the other does not would be an error in a reduction.
    KNOT_CHECK(violated >> i & 1);
    result->verdicts[i].path = shortest.verdicts[i].path;
    violated &= ~(uint64_t{1} << i);
  }
  KNOT_CHECK(violated == 0 || shortest.end != checker::End::kExhausted);
  return violated;
}

// Fills in the verdict on a property of whole runs.
void JudgeRuns(const model::System& system, const checker::Options& options,
               PropertyVerdict* property, Answer* answer) {
  answer->liveness.push_back(CheckLiveness(system, property->info, LivenessOptionsOf(options)));
  const Liveness& liveness = answer->liveness.back();
  property->status = !liveness.starving.empty() ? Status::kViolated
                     : liveness.complete()      ? Status::kHolds
                                                : Status::kIncomplete;
  if (liveness.starving.empty()) return;
  property->path = liveness.starving[0].lasso.stem;
  property->cycle = liveness.starving[0].lasso.cycle;
}

}  // namespace

std::vector<std::string> CheckpointFiles(const CheckpointOptions& options,
                                         const lang::Scenario& scenario,
                                         const model::Operand& operand) {
  return {CheckpointFile(options, scenario, operand, kVerdicts),
          CheckpointFile(options, scenario, operand, kShortest)};
}

absl::StatusOr<Answer> Check(const lang::Scenario& scenario, const model::Operand& operand,
                             const CheckOptions& given) {
  CheckOptions options = given;
  const auto asked = lang::AskedOf(scenario);
  if (!asked.ok()) return asked.status();
  model::Toggles toggles = options.toggles;
  toggles |= operand.toggles;
  const auto question = Question::Make(scenario, *operand.proposal, toggles);
  if (!question.ok()) return question.status();
  KNOT_CHECK(options.coverage == nullptr || options.explore.threads == 1);
  (*question)->Record(options.coverage);
  // Ids without end would make states without end.
  if ((*question)->program().traps_without_end) options.reductions |= checker::kRenumber;
  const model::System& system = (*question)->system();
  const KernelModel kernel_model(system);
  Answer answer;
  auto result = Explored(scenario, operand, kernel_model, options, options.reductions,
                         options.explore, kVerdicts);
  if (!result.ok()) return result.status();
  answer.result = *std::move(result);
  answer.notes = (*question)->program().notes;
  const auto named = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const auto reported = [&](const model::PropertyInfo& info) {
    return !info.only_asked || named(asked->never, info.name);
  };
  uint64_t wanted = 0;
  for (size_t i = 0; i < system.properties().size(); ++i) {
    if (reported(system.properties()[i])) wanted |= uint64_t{1} << i;
  }
  const auto shortened = Shorten(scenario, operand, kernel_model, options, wanted, &answer.result);
  if (!shortened.ok()) return shortened.status();
  const uint64_t long_ones = *shortened;
  for (const auto* names : {&asked->never, &asked->sometimes}) {
    for (const std::string& name : *names) {
      const bool has = std::any_of(system.properties().begin(), system.properties().end(),
                                   [&](const auto& info) { return info.name == name; });
      if (!has && !named(answer.absent, name)) answer.absent.push_back(name);
    }
  }
  for (size_t i = 0; i < system.properties().size(); ++i) {
    const checker::Verdict& verdict = answer.result.verdicts[i];
    PropertyVerdict property;
    property.info = system.properties()[i];
    property.status = verdict.status;
    property.witnesses = verdict.witnesses;
    // What is judged at rest was not judged in runs that never come to rest.
    const bool at_rest = property.info.broken_at_rest != nullptr;
    if (at_rest && (*question)->program().spins && verdict.status == Status::kHolds) {
      property.witnesses = 0;
    }
    property.path = verdict.path;
    property.shortest = !(long_ones >> i & 1);
    property.asked = named(asked->never, property.info.name);
    property.judged = !property.info.on_request || property.asked;
    // What is violated was reached, whatever its witness says.
    if ((property.asked || named(asked->sometimes, property.info.name)) &&
        property.witnesses == 0 && property.status != Status::kViolated) {
      answer.vacuous.push_back(property.info.name);
    }
    if (property.info.name == kLookedFirst) answer.blind = property.status == Status::kViolated;
    if (!reported(property.info)) continue;
    if (property.info.owed != nullptr) {
      if (!property.asked && !options.liveness) continue;
      JudgeRuns(system, options.explore, &property, &answer);
    } else if (property.status == Status::kViolated) {
      // A counterexample that does not replay would be an error of ours, not a finding.
      const checker::Replayed replayed = checker::Replay(kernel_model, property.path);
      KNOT_CHECK(replayed.possible && (replayed.violated >> i & 1));
    }
    if (property.judged && property.status == Status::kViolated) {
      answer.violated.push_back(property.info.name);
    }
    const bool unreached = property.status != Status::kViolated && property.witnesses == 0;
    if (property.judged && unreached && !named(answer.vacuous, property.info.name)) {
      answer.unreached.push_back(property.info.name);
    }
    answer.properties.push_back(std::move(property));
  }
  const lang::Claim* claim = lang::ClaimAbout(scenario.header, operand);
  if (claim != nullptr && claim->kind != lang::Claim::Kind::kUnknown) {
    std::vector<std::string> claimed = claim->properties;
    std::sort(claimed.begin(), claimed.end());
    const bool same = claimed == answer.violated && answer.vacuous.empty();
    // A search that was cut short may still find what is claimed, but it has found too much
    // already.
    const bool too_much = !std::includes(claimed.begin(), claimed.end(), answer.violated.begin(),
                                         answer.violated.end());
    answer.agreement = !answer.complete() && !too_much ? Answer::Agreement::kIncomplete
                       : same                          ? Answer::Agreement::kAgrees
                                                       : Answer::Agreement::kDiffers;
  }
  if (answer.agreement == Answer::Agreement::kNotJudged) {
    // Nobody has judged it yet, but an answer that is none is wrong whatever was expected.
    if (!answer.vacuous.empty()) answer.agreement = Answer::Agreement::kDiffers;
    if (!answer.complete()) answer.agreement = Answer::Agreement::kIncomplete;
  }
  return answer;
}

bool Answer::complete() const {
  return result.end == checker::End::kExhausted &&
         std::all_of(liveness.begin(), liveness.end(),
                     [](const Liveness& each) { return each.complete(); });
}

std::string Outcome(const Answer& answer) {
  if (!answer.violated.empty()) {
    return absl::StrCat("violated(", absl::StrJoin(answer.violated, ", "), ")");
  }
  if (!answer.complete()) return "incomplete";
  if (!answer.vacuous.empty()) {
    return absl::StrCat("not reached(", absl::StrJoin(answer.vacuous, ", "), ")");
  }
  return "holds";
}

Run Trace(const model::System& system, const checker::Path& path) {
  Run run;
  if (path.initial != 0) return run;
  model::StateValue state = system.initial();
  bool fault = false;
  for (const checker::Action action : path.actions) {
    if (fault || action.thread >= system.thread_count()) return run;
    RunStep step;
    step.thread = action.thread;
    step.action = action;
    const auto shown = system.Step(&state, action.thread, action.choice, &step.shown);
    if (!shown.possible) return run;
    fault = shown.fault;
    step.violated = shown.violated;
    step.witnessed = shown.witnessed;
    run.violated |= shown.violated;
    run.steps.push_back(std::move(step));
  }
  run.possible = true;
  if (!fault) {
    run.rested = true;
    for (int t = 0; t < system.thread_count() && run.rested; ++t) {
      run.rested = !system.CanStep(state, t);
    }
    if (run.rested) run.violated |= system.BrokenAtRest(state);
  }
  return run;
}

absl::StatusOr<Concrete> Concretise(const lang::Scenario& scenario, const model::Proposal& proposal,
                                    const model::Toggles& toggles, const Question& question,
                                    const checker::Path& path, const std::string& property) {
  const model::Program& program = question.program();
  const Run run = Trace(question.system(), path);
  if (!run.possible) return absl::InternalError("the path does not replay");

  // The explicit program, run along with more stores than can be needed: a store is needed where
  // its memory does not hold what the read returned. Scripts and the kernel write there too.
  lang::CompileOptions along;
  along.explicit_writes = kMostWrites;
  const auto explicit_question = Question::Make(scenario, proposal, toggles, along);
  if (!explicit_question.ok()) return explicit_question.status();
  const model::System& system = (*explicit_question)->system();
  const model::Program& with_writers = (*explicit_question)->program();
  const size_t others = program.tasks.size() + program.senders.size();
  const WriterIndices writer_of = Writers(program, with_writers);

  Concrete concrete;
  concrete.path.initial = path.initial;
  model::StateValue state = system.initial();
  const auto take = [&](checker::Action action) {
    concrete.path.actions.push_back(action);
    return system.Step(&state, action.thread, action.choice).possible;
  };
  bool possible = true;
  for (const RunStep& step : run.steps) {
    checker::Action action = step.action;
    if (action.thread >= others) {
      action.thread = static_cast<uint16_t>(others + writer_of.known[action.thread - others]);
    }
    for (const auto& [word, value] : step.shown.reads) {
      const auto w = static_cast<size_t>(word);
      action.choice = 0;
      const auto& domain = program.words[w].domain;
      if ((state.memory[w] ^ domain[0]) == value) continue;
      const auto at = std::find(domain.begin(), domain.end(), value) - domain.begin();
      const auto [writer, first] = WriterOf(program, writer_of, w);
      possible = possible &&
                 take({static_cast<uint16_t>(others + writer), static_cast<uint16_t>(first + at)});
      ++concrete.writes;
    }
    possible = possible && concrete.writes <= kMostWrites && take(action);
    if (!possible) return absl::InternalError("a step has no counterpart with real stores");
  }
  lang::CompileOptions options;
  options.explicit_writes = concrete.writes;
  auto made = Question::Make(scenario, proposal, toggles, options);
  if (!made.ok()) return made.status();
  concrete.question = *std::move(made);
  const Run replayed = Trace(concrete.question->system(), concrete.path);
  const auto& properties = concrete.question->system().properties();
  for (size_t i = 0; i < properties.size(); ++i) {
    if (properties[i].name == property && replayed.possible && (replayed.violated >> i & 1)) {
      return concrete;
    }
  }
  return absl::InternalError(
      absl::StrCat("the counterexample to ", property, " does not replay with real stores"));
}

}  // namespace knotcheck::verify
