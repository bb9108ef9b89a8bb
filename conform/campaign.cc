// SPDX-License-Identifier: Apache-2.0

#include "conform/campaign.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "conform/exhaustive.h"
#include "conform/plan.h"
#include "conform/process.h"

namespace knotcheck::conform {
namespace {

// The most general peer becomes one with this many stores: two are enough to take a value away and
// to bring it back.
constexpr int kExplicitWrites = 2;

// Of a scenario. More are not searched.
constexpr size_t kMostForced = 1000;

// A busy machine lets a held task run now and then, or starves one; the runner notices, and such a
// plan is made again.
constexpr int kTries = 3;
constexpr absl::string_view kSlipped[] = {"broken a task that was held has run",
                                          "broken a task still runs at the end"};

struct Plan {
  std::string name;
  std::string text;
};

std::string StressName(const Case& one) {
  return absl::StrCat(one.name, "@", one.proposal->name, "#stress");
}

std::vector<Plan> PlansOf(const Case& one, const CampaignOptions& options) {
  std::vector<Plan> plans;
  if (!one.cannot.empty()) return plans;
  for (const ForcedResult& forced : one.forced) {
    const auto text = DirectedPlan(forced.plan, *one.question, forced.run);
    if (text.ok()) plans.push_back({forced.plan, *text});
  }
  if (one.stress.asked && one.outcomes.complete) {
    const auto text =
        StressPlan(StressName(one), *one.free_question, options.stress_runs, options.seed);
    if (text.ok()) plans.push_back({StressName(one), *text});
  }
  return plans;
}

// What both kinds of plan have in common: whether there is anything to judge.
bool Judged(const PlanAnswer& answer, Match* match, std::string* reason) {
  if (answer.ended == "ok") return true;
  if (absl::StartsWith(answer.ended, "skipped")) {
    *match = Match::kSkipped;
    *reason = answer.ended.substr(std::min<size_t>(8, answer.ended.size()));
  } else {
    *match = Match::kLost;
    *reason = answer.ended == "limit" ? "the time limit of the plan" : answer.ended;
  }
  return false;
}

void JudgeForced(const Case& one, const PlanAnswer& answer, ForcedResult* forced) {
  const model::Program& program = one.question->program();
  const Observed observed = ObservedOf(program, answer);
  forced->observed = ObservedText(program, observed);
  if (absl::StartsWith(answer.ended, "broken")) {
    Judged(answer, &forced->match, &forced->reason);
    return;
  }
  if (answer.stuck != 0) {
    forced->match = Match::kDiffers;
    forced->reason =
        absl::StrCat("order ", answer.stuck, " was not met: ",
                     answer.stuck <= forced->run.orders.size()
                         ? OrderText(program, forced->run.orders[answer.stuck - 1], true)
                         : "finish");
    return;
  }
  if (!Judged(answer, &forced->match, &forced->reason)) return;
  const bool same = Matches(forced->run.outcome, observed);
  forced->match = same ? Match::kMatches : Match::kDiffers;
  forced->reason = same ? "" : "another outcome";
}

// What the runner cannot tell of a free run: of supervisors beside a policy's, RECVs that fail or
// sleep; what a call acted on when somebody else can close or exchange its descriptor before the
// runner looks.
void LeaveOut(const model::Program& program, Observed* observed) {
  bool shared = false;
  for (size_t a = 0; a < program.tasks.size(); ++a) {
    for (size_t b = 0; b < a; ++b) {
      shared |= program.tasks[a].kind != model::TaskKind::kSupervisor &&
                program.tasks[b].kind != model::TaskKind::kSupervisor &&
                program.tasks[a].files == program.tasks[b].files;
    }
  }
  for (size_t t = 0; t < program.tasks.size(); ++t) {
    const model::TaskInfo& task = program.tasks[t];
    auto& tokens = observed->tasks[t];
    if (task.kind == model::TaskKind::kSupervisor) {
      if (program.policy.empty()) continue;
      std::erase_if(tokens, [&task](const Token& token) {
        return task.ops[token.call].code == model::OpCode::kRecv &&
               (!token.returned || token.ret < 0);
      });
      continue;
    }
    if (!shared) continue;
    for (Token& token : tokens) {
      if (token.details.count("argv") == 0) token.details.erase("used");
    }
  }
}

// How an object may have come to hold `bytes`.
enum class Origin : uint8_t { kNever, kTorn, kWhole };
Origin OriginIn(const model::Program& program, const model::Object& object,
                const std::string& bytes) {
  if (object.kind == model::Object::Kind::kPointers) return Origin::kNever;
  if (bytes.empty() || bytes.size() > 8u * object.words) return Origin::kNever;
  // A string ends where a NUL may stand, or with the object.
  const size_t end = bytes.size();
  if (object.kind == model::Object::Kind::kString && end < 8u * object.words) {
    const auto& domain = program.words[object.first_word + end / 8].domain;
    const bool ends = std::any_of(domain.begin(), domain.end(), [&](model::Value value) {
      return program.values[value].bytes[end % 8] == 0;
    });
    if (!ends) return Origin::kNever;
  }
  bool whole = true;
  for (size_t at = 0; at < bytes.size(); at += 8) {
    const auto& domain = program.words[object.first_word + at / 8].domain;
    const size_t n = std::min<size_t>(8, bytes.size() - at);
    for (size_t i = 0; i < n; ++i) {
      const bool known = std::any_of(domain.begin(), domain.end(), [&](model::Value value) {
        return program.values[value].bytes[i] == static_cast<uint8_t>(bytes[at + i]);
      });
      if (!known) return Origin::kNever;
    }
    const std::string read = bytes.substr(at, n);
    whole &= std::any_of(domain.begin(), domain.end(), [&](model::Value value) {
      std::string word(program.values[value].bytes.begin(), program.values[value].bytes.end());
      // Bytes may end where a length says so, strings at a NUL only.
      if (object.kind != model::Object::Kind::kString) return word.compare(0, n, read) == 0;
      word.erase(word.find_last_not_of('\0') + 1);
      return word == read.substr(0, read.find_last_not_of('\0') + 1);
    });
  }
  return whole ? Origin::kWhole : Origin::kTorn;
}

// Whether the bytes were read of memory while a word of it changed: each of them stood there, but
// never all of a word together.
bool IsTorn(const model::Program& program, const std::string& hex) {
  const std::string bytes = absl::HexStringToBytes(hex);
  bool torn = false;
  for (size_t o = 0; o < program.objects.size(); ++o) {
    if (!program.IsNamed(o)) continue;
    const Origin origin = OriginIn(program, program.objects[o], bytes);
    if (origin == Origin::kWhole) return false;
    torn |= origin == Origin::kTorn;
  }
  return torn;
}

// Whether an entry of a table that somebody stores to may have been read half old and half new:
// process_vm_readv(2), NOTES, is "not guaranteed to be atomic in any way". What it then names is
// anything, or not there.
bool FollowsStored(const model::Program& program, const model::TaskInfo& task, const Token& token) {
  if (task.kind != model::TaskKind::kSupervisor || (token.call & 0x80) != 0 ||
      task.ops[token.call].code != model::OpCode::kReadArgs) {
    return false;
  }
  return std::any_of(program.objects.begin(), program.objects.end(), [&](const auto& object) {
    if (object.kind != model::Object::Kind::kPointers) return false;
    for (int w = 0; w < object.words; ++w) {
      if (program.words[object.first_word + w].domain.size() > 1) return true;
    }
    return false;
  });
}

// Whether some string of a table is one that no object ever held.
bool NamesWhatWasNeverThere(const model::Program& program, const std::string& table) {
  for (const absl::string_view hex : absl::StrSplit(table, ',')) {
    const std::string bytes = hex == "-" ? "" : absl::HexStringToBytes(hex);
    const bool known = std::any_of(
        program.objects.begin(), program.objects.end(),
        [&](const auto& object) { return OriginIn(program, object, bytes) == Origin::kWhole; });
    if (!known) return true;
  }
  return false;
}

// Takes for anything what was torn in what one task did. Where an entry that names nothing was
// read, what a supervisor would have done with a name is left out. False: the two have other calls.
bool Loosen(const model::Program& program, const model::TaskInfo& task,
            const std::vector<Token>& observed, std::vector<Token>* loose) {
  for (size_t i = 0; i < observed.size(); ++i) {
    if (i >= loose->size()) return false;
    Token& token = (*loose)[i];
    const bool follows = FollowsStored(program, task, token);
    if (follows && observed[i].returned && observed[i].ret == -EFAULT) {
      token.ret = -EFAULT;
      token.details.clear();
      const auto next = loose->begin() + static_cast<ptrdiff_t>(i) + 1;
      loose->erase(next, std::find_if(next, loose->end(), [&](const Token& other) {
                     return i + 1 < observed.size() && other.call == observed[i + 1].call;
                   }));
    }
    for (auto& [key, value] : token.details) {
      const auto seen = observed[i].details.find(key);
      if (seen == observed[i].details.end()) return false;
      if (seen->second != "-" && IsTorn(program, seen->second)) value = "*";
      if (follows && NamesWhatWasNeverThere(program, seen->second)) value = "*";
    }
  }
  return loose->size() == observed.size();
}

// Whether an allowed outcome becomes the observed one when what was torn is taken for anything.
bool MatchesTorn(const model::Program& program, const Observed& allowed, const Observed& observed) {
  Observed loose = allowed;
  for (size_t t = 0; t < loose.tasks.size(); ++t) {
    if (!Loosen(program, program.tasks[t], observed.tasks[t], &loose.tasks[t])) return false;
  }
  return Matches(loose, observed);
}

// What of the model's outcomes was seen, and what else.
absl::Status Compare(const PlanAnswer& answer, bool exhaustive, Case* one) {
  StressResult& stress = one->stress;
  const model::Program& program = one->free_question->program();
  for (Outcomes::One& allowed : one->outcomes.outcomes) {
    LeaveOut(program, &allowed.observed);
  }
  std::vector<bool> seen(one->outcomes.outcomes.size());
  std::map<std::string, StressRow> rows;
  for (const auto& [count, text] : answer.outcomes) {
    auto observed = ParseOutcome(program, text);
    if (!observed.ok()) return observed.status();
    LeaveOut(program, &*observed);
    StressRow& row = rows[ObservedText(program, *observed)];
    row.told = text;
    row.count += count;
    stress.runs += count;
    uint64_t violated = ~uint64_t{0};
    for (size_t i = 0; i < seen.size(); ++i) {
      const Outcomes::One& allowed = one->outcomes.outcomes[i];
      if (!Matches(allowed.observed, *observed)) continue;
      seen[i] = true;
      row.allowed = true;
      violated &= allowed.violated;
    }
    for (size_t i = 0; i < seen.size() && !row.allowed && !exhaustive; ++i) {
      const Observed& allowed = one->outcomes.outcomes[i].observed;
      row.allowed = row.torn = MatchesTorn(program, allowed, *observed);
    }
    if (row.allowed && !row.torn) row.violates = PropertyNames(*one->free_question, violated);
  }
  for (auto& [text, row] : rows) {
    row.text = text;
    stress.rows.push_back(std::move(row));
  }
  std::stable_sort(stress.rows.begin(), stress.rows.end(),
                   [](const StressRow& a, const StressRow& b) { return a.count > b.count; });
  for (size_t i = 0; i < seen.size(); ++i) {
    if (seen[i]) continue;
    const Outcomes::One& outcome = one->outcomes.outcomes[i];
    StressRow row;
    row.text = ObservedText(program, outcome.observed);
    row.allowed = true;
    row.violates = PropertyNames(*one->free_question, outcome.violated);
    row.path = outcome.path;
    stress.unseen.push_back(std::move(row));
  }
  stress.allowed = seen.size();
  return absl::OkStatus();
}

absl::Status JudgeStress(const PlanAnswer& answer, const CampaignOptions& options, Case* one) {
  StressResult& stress = one->stress;
  if (absl::Status status = Compare(answer, options.exhaustive, one); !status.ok()) return status;
  if (options.exhaustive) {
    const bool ended = Judged(answer, &stress.match, &stress.reason);
    JudgeExhaustive(answer, ended, one);
    return absl::OkStatus();
  }
  const bool forbidden = std::any_of(stress.rows.begin(), stress.rows.end(),
                                     [](const StressRow& row) { return !row.allowed; });
  if (forbidden) {
    stress.match = Match::kDiffers;
    stress.reason = "an outcome that the model does not allow";
    return absl::OkStatus();
  }
  if (!Judged(answer, &stress.match, &stress.reason)) return absl::OkStatus();
  if (stress.runs != options.stress_runs) {
    stress.match = Match::kLost;
    stress.reason =
        absl::StrCat("found outcomes of ", stress.runs, " runs, expected ", options.stress_runs);
    return absl::OkStatus();
  }
  stress.match = Match::kMatches;
  stress.reason = "";
  return absl::OkStatus();
}

// Runs plans, in a fresh target as often as one breaks off.
absl::Status RunPlans(const std::vector<Plan>& plans, const CampaignOptions& options,
                      const Target& target, Campaign* campaign,
                      std::map<std::string, PlanAnswer>* answers) {
  size_t next = 0;
  for (int guest = 0; guest < options.guests; ++guest) {
    if (next >= plans.size() && guest > 0) break;
    std::string text;
    for (size_t i = next; i < plans.size(); ++i) text += plans[i].text;
    const auto output = target(text);
    if (!output.ok()) return output.status();
    auto parsed = ParseAnswers(output->lines);
    if (!parsed.ok()) return parsed.status();
    if (campaign->probe.empty()) campaign->probe = parsed->probe;
    campaign->reports.insert(campaign->reports.end(), output->reports.begin(),
                             output->reports.end());
    // The plan that the target was doing when it broke off is not tried again.
    size_t done = next;
    while (done < plans.size()) {
      const auto at = parsed->plans.find(plans[done].name);
      if (at == parsed->plans.end()) break;
      if (at->second.ended.empty()) {
        at->second.ended = absl::StrCat("broken ", output->ended);
      }
      (*answers)[plans[done].name] = std::move(at->second);
      ++done;
    }
    if (output->complete && done >= plans.size()) break;
    if (output->complete) {
      return absl::InvalidArgumentError(
          absl::StrCat("the runner came to its end without an answer to ", plans[done].name));
    }
    campaign->breaks.push_back(
        absl::StrCat(output->ended, done == next ? ", before the first plan"
                                                 : absl::StrCat(", in ", plans[done - 1].name)));
    const bool hopeless = done == next || output->ended == kInterrupted ||
                          absl::StartsWith(output->ended, kTimeLimit);
    next = done;
    if (hopeless) break;
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> PropertyNames(const verify::Question& question, uint64_t bits) {
  std::vector<std::string> names;
  const auto& properties = question.system().properties();
  for (size_t i = 0; i < properties.size(); ++i) {
    if (bits >> i & 1) names.push_back(properties[i].name);
  }
  return names;
}

absl::StatusOr<Case> MakeCase(const lang::Scenario& scenario, const model::Proposal& proposal,
                              const CampaignOptions& options) {
  Case one;
  one.name = scenario.header.name;
  one.scenario = &scenario;
  one.proposal = &proposal;
  lang::CompileOptions explicit_peer;
  explicit_peer.explicit_writes = kExplicitWrites;
  auto question = verify::Question::Make(scenario, proposal, options.toggles, explicit_peer);
  if (!question.ok()) return question.status();
  one.question = *std::move(question);
  auto free = verify::Question::Make(scenario, proposal, options.toggles);
  if (!free.ok()) return free.status();
  one.free_question = *std::move(free);
  if (const absl::Status can = CanRun(*one.question); !can.ok()) {
    one.cannot = std::string(can.message());
    return one;
  }
  ForcedOptions forced;
  forced.max_runs = kMostForced;
  ForcedRuns runs = FindForcedRuns(*one.question, forced);
  one.all_forced = runs.complete;
  std::set<std::string> forced_texts;
  for (ForcedRun& run : runs.runs) {
    forced_texts.insert(ObservedText(one.question->program(), run.outcome));
    ForcedResult result;
    result.violates = PropertyNames(*one.question, run.violated);
    const bool wanted =
        options.property.empty() || std::find(result.violates.begin(), result.violates.end(),
                                              options.property) != result.violates.end();
    if (!wanted) continue;
    if (one.forced.size() >= options.forced_runs) {
      one.all_forced = false;
      continue;
    }
    result.plan = absl::StrCat(one.name, "@", proposal.name, "#", one.forced.size() + 1);
    result.predicted = ObservedText(one.question->program(), run.outcome);
    result.run = std::move(run);
    one.forced.push_back(std::move(result));
  }
  if (options.stress_runs == 0) return one;
  if (const absl::Status can = CanStress(*one.free_question); !can.ok()) {
    one.stress.asked = true;
    one.stress.match = Match::kSkipped;
    one.stress.reason = std::string(can.message());
    return one;
  }
  one.outcomes = AllOutcomes(*one.free_question, options.max_states);
  for (const Outcomes::One& outcome : one.outcomes.outcomes) {
    const std::string text = ObservedText(one.free_question->program(), outcome.observed);
    if (forced_texts.count(text) == 0) ++one.unforced;
  }
  one.stress.asked = true;
  if (!one.outcomes.complete) {
    one.stress.match = Match::kSkipped;
    one.stress.reason =
        absl::StrCat("not all outcomes are known after ", options.max_states, " states");
  }
  return one;
}

// How the target comes to what the model forbids: one more search for each.
absl::Status AskForWays(const CampaignOptions& options, const Target& target, Campaign* campaign) {
  std::vector<Plan> plans;
  std::map<std::string, StressRow*> rows;
  for (Case& one : campaign->cases) {
    for (StressRow& row : one.stress.rows) {
      if (row.allowed) continue;
      const auto text =
          StressPlan(StressName(one), *one.free_question, options.stress_runs, options.seed);
      if (!text.ok()) return text.status();
      const std::string name = absl::StrCat(StressName(one), "#", rows.size() + 1);
      plans.push_back({name, WithWanted(*text, name, row.told)});
      rows[name] = &row;
    }
  }
  if (plans.empty()) return absl::OkStatus();
  std::map<std::string, PlanAnswer> answers;
  const absl::Status status = RunPlans(plans, options, target, campaign, &answers);
  for (auto& [name, answer] : answers) rows[name]->way = std::move(answer.wanted);
  return status;
}

absl::Status RunCampaign(const CampaignOptions& options, const Target& target, Campaign* campaign) {
  campaign->exhaustive = options.exhaustive;
  std::vector<Plan> plans;
  for (const Case& one : campaign->cases) {
    for (Plan& plan : PlansOf(one, options)) plans.push_back(std::move(plan));
  }
  std::map<std::string, PlanAnswer> answers;
  absl::Status status = RunPlans(plans, options, target, campaign, &answers);
  for (int tries = 0; tries < kTries && status.ok() && campaign->breaks.empty(); ++tries) {
    std::vector<Plan> slipped;
    for (const Plan& plan : plans) {
      const auto at = answers.find(plan.name);
      if (at == answers.end()) continue;
      const bool again = std::find(std::begin(kSlipped), std::end(kSlipped), at->second.ended) !=
                         std::end(kSlipped);
      if (again) slipped.push_back(plan);
    }
    if (slipped.empty()) break;
    status = RunPlans(slipped, options, target, campaign, &answers);
  }
  if (!status.ok()) return status;
  for (Case& one : campaign->cases) {
    for (ForcedResult& forced : one.forced) {
      const auto at = answers.find(forced.plan);
      if (at != answers.end()) JudgeForced(one, at->second, &forced);
    }
    const auto at = answers.find(StressName(one));
    if (!one.stress.asked || at == answers.end()) continue;
    if (status = JudgeStress(at->second, options, &one); !status.ok()) return status;
  }
  return options.exhaustive ? AskForWays(options, target, campaign) : absl::OkStatus();
}

}  // namespace knotcheck::conform
