// SPDX-License-Identifier: Apache-2.0

#include "verify/fixes.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "lang/claims.h"

namespace knotcheck::verify {
namespace {

// What the taking of a path depends on. `to_rest`: also that nothing more can happen after it.
FixSet AskedAlong(const lang::Scenario& scenario, const model::Operand& operand, FixSet fixes,
                  const checker::Path& path, bool to_rest) {
  std::atomic<uint64_t> asked{0};
  model::Toggles toggles = TogglesOf(operand, fixes);
  toggles.asked = &asked;
  const auto question = Question::Make(scenario, *operand.proposal, toggles);
  KNOT_CHECK(question.ok());
  const model::System& system = (*question)->system();
  model::StateValue state = system.initial();
  for (const checker::Action action : path.actions) {
    KNOT_CHECK(system.Step(&state, action.thread, action.choice).possible);
  }
  for (int t = 0; to_rest && t < system.thread_count(); ++t) {
    model::StateValue next = state;
    static_cast<void>(system.Step(&next, t, 0));
  }
  return asked.load() & FixesOf(operand);
}

absl::StatusOr<Answer> Asked(const lang::Scenario& scenario, const model::Operand& operand,
                             FixSet fixes, const checker::Options& explore, bool shortest,
                             std::atomic<uint64_t>* asked) {
  CheckOptions options;
  options.explore = explore;
  options.toggles = TogglesOf(operand, fixes);
  options.toggles.asked = asked;
  if (!shortest) options.shortest_states = 0;
  auto answer = Check(scenario, operand, options);
  if (!answer.ok()) return answer;
  if (!answer->complete()) {
    if (explore.interrupted != nullptr && explore.interrupted->load()) {
      return absl::CancelledError("interrupted");
    }
    return absl::DeadlineExceededError(
        absl::StrCat(scenario.header.name, ": a limit ended the search"));
  }
  return answer;
}

// The sets for which a violation is the same.
Cube CubeOf(const lang::Scenario& scenario, const model::Operand& operand, FixSet fixes,
            const PropertyVerdict& property, FixSet whole) {
  // A run that goes on for ever is one of the whole graph.
  if (property.cycle) return Cube{whole, fixes & whole};
  const bool to_rest = property.info.broken_at_rest != nullptr;
  const FixSet asked = AskedAlong(scenario, operand, fixes, property.path, to_rest);
  return Cube{asked, fixes & asked};
}

bool Fails(const lang::Scenario& scenario, const model::Operand& operand,
           const PropertyVerdict& property) {
  return property.status == checker::Status::kViolated &&
         CountsUnderFixes(scenario, operand, property);
}

}  // namespace

FixSet FixesOf(const model::Operand& operand) {
  FixSet fixes = 0;
  for (const model::ToggleInfo* info : model::FixesFor(*operand.proposal)) {
    fixes |= model::FixBit(info->toggle);
  }
  return fixes;
}

model::Toggles TogglesOf(const model::Operand& operand, FixSet fixes) {
  model::Toggles toggles = operand.toggles;
  for (const model::ToggleInfo* info : model::FixesFor(*operand.proposal)) {
    if (fixes & model::FixBit(info->toggle)) toggles.Set(info->toggle);
  }
  return toggles;
}

bool CountsUnderFixes(const lang::Scenario& scenario, const model::Operand& operand,
                      const PropertyVerdict& property) {
  if (!property.judged) return false;
  if (property.info.name != "expectation" || property.asked) return true;
  const lang::Claim* claim = lang::ClaimAbout(scenario.header, operand);
  if (claim == nullptr) return false;
  const auto& claimed = claim->properties;
  return std::find(claimed.begin(), claimed.end(), property.info.name) != claimed.end();
}

absl::StatusOr<FixAnswer> AskUnderFixes(const lang::Scenario& scenario,
                                        const model::Operand& operand, FixSet fixes,
                                        const checker::Options& explore) {
  std::atomic<uint64_t> asked{0};
  const auto answer = Asked(scenario, operand, fixes, explore, false, &asked);
  if (!answer.ok()) return answer.status();
  const FixSet whole = asked.load() & FixesOf(operand);
  FixAnswer result;
  result.whole = Cube{whole, fixes & whole};
  for (const PropertyVerdict& property : answer->properties) {
    if (!Fails(scenario, operand, property)) continue;
    result.failures.push_back(
        {property.info.name, CubeOf(scenario, operand, fixes, property, whole)});
  }
  return result;
}

namespace {

// Whether the witness's run breaks its property under these fixes.
bool Shows(const lang::Scenario& scenario, const model::Operand& operand, const FixWitness& witness,
           FixSet fixes) {
  if (witness.cube.Covers(fixes)) return true;
  // A run that goes on for ever is not taken again.
  if (witness.cycle) return false;
  const auto question = Question::Make(scenario, *operand.proposal, TogglesOf(operand, fixes));
  KNOT_CHECK(question.ok());
  const Run run = Trace((*question)->system(), witness.path);
  const auto& properties = (*question)->system().properties();
  for (size_t i = 0; i < properties.size(); ++i) {
    if (properties[i].name == witness.property) return run.possible && (run.violated >> i & 1);
  }
  return false;
}

// The shortest run among the failures of `fixes`; of several the first.
absl::StatusOr<FixWitness> ShortestOf(const std::vector<std::pair<Obligation, Cube>>& failing,
                                      const std::vector<const lang::Scenario*>& scenarios,
                                      const model::Operand& operand, FixSet fixes,
                                      const checker::Options& explore) {
  std::optional<FixWitness> shortest;
  const auto steps = [](const checker::Path& path,
                        const std::optional<std::vector<checker::Action>>& cycle) {
    return path.actions.size() + (cycle ? cycle->size() : 0);
  };
  for (size_t i = 0; i < failing.size(); ++i) {
    const size_t index = failing[i].first.first;
    if (i > 0 && failing[i - 1].first.first == index) continue;
    const lang::Scenario& scenario = *scenarios[index];
    std::atomic<uint64_t> asked{0};
    const auto answer = Asked(scenario, operand, fixes, explore, true, &asked);
    if (!answer.ok()) return answer.status();
    for (const auto& [obligation, cube] : failing) {
      if (obligation.first != index) continue;
      for (const PropertyVerdict& property : answer->properties) {
        if (property.info.name != obligation.second) continue;
        KNOT_CHECK(property.status == checker::Status::kViolated);
        if (shortest &&
            steps(shortest->path, shortest->cycle) <= steps(property.path, property.cycle)) {
          continue;
        }
        FixWitness witness;
        witness.scenario = index;
        witness.property = obligation.second;
        witness.path = property.path;
        witness.cycle = property.cycle;
        witness.cube = CubeOf(scenario, operand, fixes, property, asked.load() & FixesOf(operand));
        witness.fixes = witness.cube.set;
        shortest = std::move(witness);
      }
    }
  }
  KNOT_CHECK(shortest.has_value());
  // Fixes that the run meets need not change it.
  for (FixSet rest = shortest->fixes; rest != 0; rest &= rest - 1) {
    const FixSet fewer = shortest->fixes & ~(rest & -rest);
    if (Shows(*scenarios[shortest->scenario], operand, *shortest, fewer)) {
      shortest->fixes = fewer;
    }
  }
  return *std::move(shortest);
}

}  // namespace

absl::StatusOr<FixSets> SmallestFixSets(const std::vector<const lang::Scenario*>& scenarios,
                                        const model::Operand& operand,
                                        const checker::Options& explore,
                                        const std::function<void(size_t)>& begins) {
  FixSets result;
  const FixSet candidates = FixesOf(operand);
  for (const model::ToggleInfo* info : model::FixesFor(*operand.proposal)) {
    result.candidates.push_back(info->toggle);
  }
  FixSearch search(scenarios.size(), candidates, [&](size_t question, FixSet fixes) {
    if (begins) begins(question);
    return AskUnderFixes(*scenarios[question], operand, fixes, explore);
  });
  if (const absl::Status status = search.Run(); !status.ok()) return status;
  result.smallest = search.smallest();
  for (const FixSet set : result.smallest) {
    result.why.emplace_back();
    for (const model::Toggle toggle : result.candidates) {
      const FixSet bit = model::FixBit(toggle);
      if ((set & bit) == 0) continue;
      const FixSet without = set & ~bit;
      size_t known = 0;
      const auto shows = [&](const FixWitness& witness) {
        return Shows(*scenarios[witness.scenario], operand, witness, without);
      };
      while (known < result.witnesses.size() && !shows(result.witnesses[known])) ++known;
      if (known == result.witnesses.size()) {
        const auto failing = search.Failing(without);
        if (!failing.ok()) return failing.status();
        auto witness = ShortestOf(*failing, scenarios, operand, without, explore);
        if (!witness.ok()) return witness.status();
        result.witnesses.push_back(*std::move(witness));
      }
      result.why.back().push_back(known);
    }
  }
  result.unmended = search.Unmended();
  result.exclusive = search.Exclusive();
  result.asked = search.asked();
  return result;
}

}  // namespace knotcheck::verify
