// SPDX-License-Identifier: Apache-2.0
//
// Both judges (verify/testing/compare_judges.h) on the whole collection: random walks, every run
// where there are few, and every counterexample that the checker finds. They must agree on what is
// violated and on what is reached, but for what stands in kOpen.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "lang/parse.h"
#include "verify/check.h"
#include "verify/testing/compare_judges.h"

namespace knotcheck::verify::second_judge_test {
namespace {

using testing::Difference;

#ifdef __SANITIZE_ADDRESS__
constexpr uint64_t kWalks = 3;
constexpr uint64_t kMostRuns = 500;
constexpr uint64_t kMostStates = 3000;
#else
constexpr uint64_t kWalks = 40;
constexpr uint64_t kMostRuns = 2'000;
constexpr uint64_t kMostStates = 60'000;
#endif

// `./dev test --all` takes more walks, and more runs of what has few.
bool Thorough() { return std::getenv("KNOT_WIDE") != nullptr; }
uint64_t Walks() { return Thorough() ? 1000 : kWalks; }
uint64_t MostRuns() { return Thorough() ? 100'000 : kMostRuns; }

struct Asked {
  std::string name;
  lang::Scenario scenario;
  const model::Proposal* proposal = nullptr;
  std::unique_ptr<Question> question;
};

// Calls fn(asked) for each scenario under each proposal that its header has a result for. What does
// not compile is for other tests.
void ForEachQuestion(const std::function<void(const Asked&)>& fn) {
  const std::string root = KNOTCHECK_SOURCE_DIR "/scenarios/";
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() == ".scn") files.insert(entry.path().string());
  }
  for (const std::string& file : files) {
    std::ifstream stream(file);
    std::stringstream text;
    text << stream.rdbuf();
    const auto scenario = lang::Parse(text.str(), file);
    if (!scenario.ok()) continue;
    for (const lang::Claim& claim : scenario->header.results) {
      Asked asked{scenario->header.name, *scenario, model::FindProposal(claim.operand), nullptr};
      if (asked.proposal == nullptr) continue;
      auto question = Question::Make(*scenario, *asked.proposal, {});
      if (!question.ok()) continue;
      asked.question = *std::move(question);
      fn(asked);
    }
  }
}

// Counts differences and shows the first of each kind.
class Differences {
 public:
  void Note(const Asked& asked, const Difference& difference) {
    const std::string where = asked.name + " under " + asked.proposal->name;
    const std::string kind = difference.property + (difference.OfViolation() ? "!" : "");
    if (++seen_[where + kind] == 1) ADD_FAILURE() << where << ": " << difference.ToString();
  }

 private:
  std::map<std::string, uint64_t> seen_;
};

// About how many runs there are: the product of the choices on the way, averaged over some walks.
double EstimatedRuns(const model::System& system) {
  constexpr int kProbes = 50;
  double sum = 0;
  for (int probe = 0; probe < kProbes; ++probe) {
    std::mt19937_64 random(static_cast<uint64_t>(probe));
    model::StateValue state = system.initial();
    double product = 1;
    for (int step = 0; step < 300; ++step) {
      std::vector<model::StateValue> next;
      for (int t = 0; t < system.thread_count(); ++t) {
        int arity = 1;
        for (int choice = 0; choice < arity; ++choice) {
          model::StateValue after = state;
          const auto shown = system.Step(&after, t, choice);
          arity = shown.arity;
          if (shown.possible && !shown.fault) next.push_back(after);
        }
      }
      if (next.empty()) break;
      product *= static_cast<double>(next.size());
      state = next[random() % next.size()];
    }
    sum += product;
  }
  return sum / kProbes;
}

TEST(SecondJudge, EachPropertyIsJudgedTwice) {
  std::set<std::string> names;
  for (const model::PropertyInfo& property : model::AllProperties()) {
    names.insert(property.name);
    // Of whole runs, which never end.
    if (property.owed != nullptr) continue;
    EXPECT_NE(model::testing::FindJudge(property.name), nullptr) << property.name;
  }
  for (const auto& judge : model::testing::PropertyJudges()) {
    EXPECT_EQ(names.count(judge.property), 1u) << judge.property;
  }
}

TEST(SecondJudge, AgreesOnRandomWalks) {
  Differences differences;
  ForEachQuestion([&](const Asked& asked) {
    for (uint64_t seed = 1; seed <= Walks(); ++seed) {
      for (const Difference& difference : testing::CompareWalk(*asked.question, seed)) {
        differences.Note(asked, difference);
      }
    }
  });
}

TEST(SecondJudge, AgreesOnEveryRunWhereThereAreFew) {
  Differences differences;
  uint64_t complete = 0;
  ForEachQuestion([&](const Asked& asked) {
    // Runs in circles count as one, so the estimate is no bound.
    if (EstimatedRuns(asked.question->system()) > 100.0 * static_cast<double>(MostRuns())) return;
    testing::EveryRun every(*asked.question, MostRuns(), [&](const Difference& difference) {
      differences.Note(asked, difference);
    });
    complete += every.Go() <= MostRuns() ? 1 : 0;
  });
  EXPECT_GT(complete, 0u);
  RecordProperty("complete", static_cast<int>(complete));
}

TEST(SecondJudge, AgreesOnEveryCounterexample) {
  Differences differences;
  ForEachQuestion([&](const Asked& asked) {
    CheckOptions options;
    options.explore.max_states = kMostStates;
    options.shortest_states = kMostStates;
    const auto answer = Check(asked.scenario, *asked.proposal, options);
    ASSERT_TRUE(answer.ok()) << answer.status();
    for (const PropertyVerdict& property : answer->properties) {
      if (property.status != checker::Status::kViolated || property.cycle.has_value()) continue;
      bool possible = false;
      for (const Difference& difference :
           testing::Compare(*asked.question, property.path, &possible)) {
        differences.Note(asked, difference);
      }
      EXPECT_TRUE(possible) << asked.name << ": " << checker::PathToString(property.path);
    }
  });
}

}  // namespace
}  // namespace knotcheck::verify::second_judge_test
