// SPDX-License-Identifier: Apache-2.0

#include "verify/fix_sets.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace knotcheck::verify {
namespace {

// Adds undecided bits to `set` until no cube covers it. Bits that are neither decided nor set may
// still be added.
std::optional<FixSet> Extend(const std::vector<Cube>& cubes, FixSet candidates, int most,
                             FixSet decided, FixSet set) {
  if (std::popcount(set) > most) return std::nullopt;
  const auto covering = std::find_if(cubes.begin(), cubes.end(),
                                     [set](const Cube& cube) { return cube.Covers(set); });
  if (covering == cubes.end()) return set;
  // What it covers has none of its undecided bits, so one must be added; the cases are divided by
  // the first of them.
  for (FixSet rest = covering->asked & candidates & ~decided; rest != 0; rest &= rest - 1) {
    const FixSet bit = rest & -rest;
    decided |= bit;
    if (const auto found = Extend(cubes, candidates, most, decided, set | bit)) return found;
  }
  return std::nullopt;
}

}  // namespace

std::optional<FixSet> Outside(const std::vector<Cube>& cubes, FixSet candidates, int most) {
  return Extend(cubes, candidates, most, 0, 0);
}

FixSearch::FixSearch(size_t questions, FixSet candidates, Ask ask)
    : questions_(questions), candidates_(candidates), ask_(std::move(ask)), answers_(questions) {}

absl::StatusOr<const FixAnswer*> FixSearch::Answer(size_t question, FixSet fixes) {
  std::deque<FixAnswer>& known = answers_[question];
  for (const FixAnswer& answer : known) {
    if (answer.whole.Covers(fixes)) return &answer;
  }
  auto answer = ask_(question, fixes);
  if (!answer.ok()) return answer.status();
  KNOT_CHECK(answer->whole.Covers(fixes));
  for (const Failure& failure : answer->failures) KNOT_CHECK(failure.cube.Covers(fixes));
  ++asked_;
  known.push_back(*std::move(answer));
  return &known.back();
}

absl::StatusOr<bool> FixSearch::IsMendable(const Obligation& obligation) {
  const auto known = mendable_.find(obligation);
  if (known != mendable_.end()) return known->second;
  std::vector<Cube> fails;
  for (const FixAnswer& answer : answers_[obligation.first]) {
    for (const Failure& failure : answer.failures) {
      if (failure.property == obligation.second) fails.push_back(failure.cube);
    }
  }
  bool mendable = false;
  while (!mendable) {
    const auto fixes = Outside(fails, candidates_, std::popcount(candidates_));
    if (!fixes) break;
    const auto answer = Answer(obligation.first, *fixes);
    if (!answer.ok()) return answer.status();
    mendable = true;
    for (const Failure& failure : (*answer)->failures) {
      if (failure.property != obligation.second) continue;
      fails.push_back(failure.cube);
      mendable = false;
    }
  }
  mendable_[obligation] = mendable;
  return mendable;
}

absl::StatusOr<std::vector<std::pair<Obligation, Cube>>> FixSearch::Failing(FixSet fixes) {
  std::vector<std::pair<Obligation, Cube>> failing;
  for (size_t q = 0; q < questions_; ++q) {
    const auto answer = Answer(q, fixes);
    if (!answer.ok()) return answer.status();
    // A copy: deciding what is mendable asks more.
    const std::vector<Failure> failures = (*answer)->failures;
    for (const Failure& failure : failures) {
      const Obligation obligation(q, failure.property);
      const auto mendable = IsMendable(obligation);
      if (!mendable.ok()) return mendable.status();
      if (*mendable) failing.emplace_back(obligation, failure.cube);
    }
  }
  return failing;
}

absl::Status FixSearch::Run() {
  smallest_.clear();
  failing_.clear();
  std::vector<Cube> excluded;  // sets that fail, and sets that have more than they need
  for (int size = 0; size <= std::popcount(candidates_); ++size) {
    while (const auto fixes = Outside(excluded, candidates_, size)) {
      const auto failing = Failing(*fixes);
      if (!failing.ok()) return failing.status();
      for (const auto& [obligation, cube] : *failing) {
        excluded.push_back(cube);
        failing_[obligation].push_back(cube);
      }
      if (!failing->empty()) continue;
      // All smaller sets are excluded, so no part of this one does.
      smallest_.push_back(*fixes);
      excluded.push_back(Cube{*fixes, *fixes});
    }
  }
  std::sort(smallest_.begin(), smallest_.end(), [](FixSet a, FixSet b) {
    if (std::popcount(a) != std::popcount(b)) return std::popcount(a) < std::popcount(b);
    // By the first fix that only one of them has.
    const FixSet differ = a ^ b;
    return (a & differ & -differ) != 0;
  });
  return absl::OkStatus();
}

std::vector<Obligation> FixSearch::Unmended() const {
  std::vector<Obligation> unmended;
  for (const auto& [obligation, mendable] : mendable_) {
    if (!mendable) unmended.push_back(obligation);
  }
  return unmended;
}

std::vector<Obligation> FixSearch::Exclusive() const {
  if (!smallest_.empty()) return {};
  std::map<Obligation, std::vector<Cube>> needed = failing_;
  const auto cover = [&] {
    std::vector<Cube> cubes;
    for (const auto& each : needed) {
      cubes.insert(cubes.end(), each.second.begin(), each.second.end());
    }
    return !Outside(cubes, candidates_, std::popcount(candidates_));
  };
  // Each is left out unless the others then leave some set.
  for (const auto& [obligation, cubes] : failing_) {
    needed.erase(obligation);
    if (!cover()) needed[obligation] = cubes;
  }
  std::vector<Obligation> exclusive;
  for (const auto& each : needed) exclusive.push_back(each.first);
  return exclusive;
}

}  // namespace knotcheck::verify
