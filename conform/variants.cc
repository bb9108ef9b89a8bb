// SPDX-License-Identifier: Apache-2.0

#include "conform/variants.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "conform/plan.h"
#include "lang/parse.h"
#include "model/kernel/toggles.h"

namespace knotcheck::conform {
namespace {

using model::Toggle;
using model::Toggles;
using model::Variant;

// A scenario in which a variant shows; docs/kernel-versions.md says what it does. The scenarios of
// the collection are longer where they ask more than that.
struct Row {
  Toggle variant;
  const char* scenario;
};

const Row kRows[] = {
    {Variant::addfd_send_interrupted, R"(filter umask
target T { umask() }
supervisor S {
  n = recv()
  addfd(n, send)
  send(n, value 2)
}
signals to S: 1, handler
)"},
    {Variant::wait_killable_fast_reply, R"(filter wait_killable
filter umask
target T { umask() }
supervisor S {
  n = recv()
  send(n, value 1)
}
supervisor R {
  n = recv()
  send(n, value 1)
}
signals to T: 1, handler restarts
)"},
    {Variant::release_late, R"(filter umask
target T { umask() }
supervisor S {
  n = recv()
  send(n, value 1)
  poll()
}
)"},
    {Variant::recv_blocks_forever, R"(filter umask
target T { umask() }
supervisor S {
  n = recv()
  send(n, value 1)
  recv()
}
)"},
    {Variant::recv_efault_no_wake, R"(filter umask
target T { umask() }
supervisor S { poll(in) }
supervisor R { n = recv(fault) }
)"},
    {Variant::no_set_flags, R"(filter umask
target T { umask() }
supervisor S {
  set_flags(1)
  n = recv()
  send(n, value 1)
}
)"},
    {Variant::lifo_notifications, R"(filter umask
target A { umask() }
target B { umask() }
supervisor S {
  n = recv()
  m = after(n)
  send(n, value 1)
  send(m, value 1)
}
)"},
    {Variant::addfd_not_atomic, R"(filter umask
target T { umask() }
supervisor S {
  n = recv()
  addfd(n, send)
  send(n, value 1)
}
)"},
    {Variant::id_valid_dir, R"(filter umask
target T { umask() }
supervisor S {
  n = recv()
  id_valid(n)
  send(n, value 1)
}
)"},
    {Variant::no_pollhup, R"(filter umask
target T { umask() }
supervisor S {
  n = recv()
  send(n, value 1)
  poll()
}
)"},
    {Variant::no_addfd, R"(filter umask
target T { umask() }
supervisor S {
  n = recv()
  addfd(n)
  send(n, value 1)
}
)"},
    {Variant::no_tsync_esrch, R"(filter umask
target T {
  umask()
  seccomp(NEW_LISTENER|TSYNC)
}
supervisor S {
  n = recv()
  close(listener)
}
)"},
    {Variant::recv_garbage, R"(filter umask
target T { umask() }
supervisor S {
  n = recv(garbage)
  n = recv()
  send(n, value 1)
}
)"},
    {Variant::no_continue, R"(filter umask
target T { umask() }
supervisor S {
  n = recv()
  send(n, continue)
  send(n, value 1)
}
)"},
};

// How the runner ends a plan that needs ADDFD where there is none.
constexpr char kNoAddfd[] = "skipped addfd";

const std::string& NameOf(Toggle toggle) { return model::InfoOf(toggle).name; }

// A run that tells whether a kernel has the variant.
struct Test {
  Toggle variant{Toggle::kVariants, 0};
  std::unique_ptr<lang::Scenario> scenario;
  std::unique_ptr<verify::Question> question;
  ForcedRun run;
  std::string plan;
};

absl::StatusOr<std::unique_ptr<verify::Question>> Ask(const lang::Scenario& scenario,
                                                      Toggles toggles) {
  return verify::Question::Make(scenario, *model::FindProposal("baseline"), toggles);
}

bool Same(const Predicted& a, const Predicted& b) {
  return a.stuck == b.stuck && Matches(a.outcome, b.outcome);
}

// Searches the forced runs with and without the variant for one that tells. Nothing: none does.
absl::StatusOr<std::unique_ptr<Test>> FindTest(const Row& row) {
  auto test = std::make_unique<Test>();
  test->variant = row.variant;
  const std::string name = NameOf(row.variant);
  auto scenario = lang::Parse(ProbeScenario(row.variant), "probe/" + name);
  if (!scenario.ok()) return scenario.status();
  test->scenario = std::make_unique<lang::Scenario>(*std::move(scenario));
  Toggles variant;
  variant.Set(row.variant);
  auto today = Ask(*test->scenario, {});
  if (!today.ok()) return today.status();
  auto then = Ask(*test->scenario, variant);
  if (!then.ok()) return then.status();
  for (const auto* question : {today->get(), then->get()}) {
    for (ForcedRun& run : FindForcedRuns(*question, {}).runs) {
      if (Same(Predict(**today, run.orders), Predict(**then, run.orders))) continue;
      test->run = std::move(run);
      test->question = *std::move(today);
      test->plan = "probe/" + name;
      return test;
    }
  }
  return std::unique_ptr<Test>();
}

// A test that the kernel ran, and what came of it.
struct Evidence {
  const Test* test;
  const PlanAnswer* answer;
};

bool Fits(const Evidence& evidence, Toggles toggles) {
  const PlanAnswer& answer = *evidence.answer;
  if (absl::StartsWith(answer.ended, kNoAddfd)) return toggles.Has(Variant::no_addfd);
  const auto question = Ask(*evidence.test->scenario, toggles);
  if (!question.ok()) return false;
  const Predicted predicted = Predict(**question, evidence.test->run.orders);
  if (predicted.stuck != 0 || answer.stuck != 0) {
    return (predicted.stuck == 0) == (answer.stuck == 0);
  }
  return Matches(predicted.outcome, ObservedOf((*question)->program(), answer));
}

size_t HowManyFit(const std::vector<Evidence>& evidence, Toggles toggles) {
  size_t fit = 0;
  for (const Evidence& one : evidence) fit += Fits(one, toggles) ? 1 : 0;
  return fit;
}

Toggles Flipped(Toggles toggles, Toggle toggle) {
  toggles.Has(toggle) ? toggles.Clear(toggle) : toggles.Set(toggle);
  return toggles;
}

// Variants hide each other and look like each other, so they are not told one by one: from what the
// release's number says, always to the neighbour that explains most.
Toggles Explain(const std::vector<Evidence>& evidence, const std::vector<Toggle>& variants,
                Toggles start) {
  Toggles best = start;
  size_t fit = HowManyFit(evidence, best);
  while (true) {
    Toggles next = best;
    for (const Toggle variant : variants) {
      const size_t here = HowManyFit(evidence, Flipped(best, variant));
      if (here <= fit) continue;
      fit = here;
      next = Flipped(best, variant);
    }
    if (next == best) return best;
    best = next;
  }
}

}  // namespace

std::string ProbeScenario(Toggle variant) {
  for (const Row& row : kRows) {
    if (row.variant != variant) continue;
    return absl::StrCat("# name: probe/", NameOf(variant), "\n# question: Which?\n",
                        "# source: docs/kernel-versions.md\n# result: baseline=holds\n",
                        "# why: a probe\n", row.scenario, "never expectation\n");
  }
  return "";
}

absl::StatusOr<Variants> ProbeVariants(Toggles given, bool search, const Target& target) {
  std::vector<std::unique_ptr<Test>> tests;
  std::string plans;
  for (const Row& row : kRows) {
    if (!search) break;
    auto test = FindTest(row);
    if (!test.ok()) return test.status();
    if (*test == nullptr) continue;
    const auto text = DirectedPlan((*test)->plan, *(*test)->question, (*test)->run);
    if (!text.ok()) continue;
    plans += *text;
    tests.push_back(*std::move(test));
  }
  const auto output = target(plans);
  if (!output.ok()) return output.status();
  const auto answers = ParseAnswers(output->lines);
  if (!answers.ok()) return answers.status();
  if (answers->probe.empty()) {
    return absl::UnavailableError(absl::StrCat(
        "the target said nothing of itself", output->ended.empty() ? "" : ": " + output->ended,
        output->console.empty()
            ? ""
            : "\n" + output->console.substr(
                         output->console.size() > 2000 ? output->console.size() - 2000 : 0)));
  }
  Variants variants;
  variants.probe = answers->probe;
  variants.toggles = given;
  variants.reports = output->reports;
  if (!output->complete) variants.ended = output->ended;
  if (!search) return variants;
  const auto at = variants.probe.find("release");
  std::string number = at == variants.probe.end() ? "" : at->second;
  number = number.substr(0, number.find_first_not_of("0123456789."));
  const auto release = model::ParseRelease(number);
  const auto of_release = release ? model::VariantsOf(*release) : std::nullopt;
  std::vector<Evidence> evidence;
  for (const auto& test : tests) {
    const auto answer = answers->plans.find(test->plan);
    if (answer == answers->plans.end()) continue;
    const bool ran = answer->second.ended == "ok" || answer->second.stuck != 0;
    if (ran || absl::StartsWith(answer->second.ended, kNoAddfd)) {
      evidence.push_back({test.get(), &answer->second});
    }
  }
  std::vector<Toggle> all;
  for (const model::ToggleInfo& info : model::AllToggles()) {
    if (info.variant()) all.push_back(info.toggle);
  }
  const Toggles found = Explain(evidence, all, of_release.value_or(Toggles()));
  variants.toggles |= found;
  // Told is what could not be otherwise.
  const size_t fit = HowManyFit(evidence, found);
  std::vector<std::string> untold;
  size_t told = 0;
  for (const Toggle variant : all) {
    if (HowManyFit(evidence, Flipped(found, variant)) < fit) {
      ++told;
    } else {
      untold.push_back(NameOf(variant));
    }
  }
  variants.how = absl::StrCat(
      told, " variants told by runs; ",
      of_release ? "by the release's number: " : "not told, and the release is not known: ",
      untold.empty() ? "none" : absl::StrJoin(untold, ", "));
  return variants;
}

}  // namespace knotcheck::conform
