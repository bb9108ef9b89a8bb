// SPDX-License-Identifier: Apache-2.0
//
// What comes from the rows of a state's table, by forgetting it: a row of the kernel's part and one
// of a proposal's each lose what one consumer needs, and that one fails.

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "checker/explore.h"
#include "checker/reduce.h"
#include "checker/testing/check_reductions.h"
#include "gtest/gtest.h"
#include "lang/compile.h"
#include "lang/parse.h"
#include "verify/check.h"
#include "verify/kernel_model.h"
#include "verify/testing/searches.h"

namespace knotcheck::verify::layout_test {
namespace {

constexpr char kHead[] =
    "# name: inline\n# question: q\n# source: s\n# result: pin_args=?\n# why: w\n"
    "filter openat\n"
    "memory path = \"/ok\"\n";
// Two targets, whose names change places.
constexpr char kTwo[] =
    "target T { openat(AT_FDCWD, path, O_RDONLY) }\n"
    "target U { openat(AT_FDCWD, path, O_RDONLY) }\n"
    "supervisor S {\n n = recv()\n pin(n, 1: cstring 16)\n send(n, continue pinned)\n}\n";
// Two calls, whose ids become the same.
constexpr char kTwice[] =
    "target T { openat(AT_FDCWD, path, O_RDONLY); openat(AT_FDCWD, path, O_RDONLY) }\n"
    "supervisor S {\n"
    " n = recv()\n pin(n, 1: cstring 16)\n send(n, continue)\n"
    " m = recv()\n pin(m, 1: cstring 16)\n send(m, continue pinned)\n}\n";

struct Made {
  model::Program program;
  const model::Proposal* proposal;
  std::unique_ptr<model::System> system;
};

// The scenario with this row of the table changed: all fields whose names end with `name`.
template <class Fn>
std::unique_ptr<Made> Make(const char* text, const std::string& name, const Fn& edit) {
  const auto scenario = lang::Parse(std::string(kHead) + text, "inline.scn");
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  auto made = std::make_unique<Made>();
  made->proposal = model::FindProposal("pin_args");
  auto program = lang::Compile(*scenario, *made->proposal, {});
  EXPECT_TRUE(program.ok()) << program.status();
  made->program = *std::move(program);
  int edited = 0;
  made->system = std::make_unique<model::System>(
      made->program, *made->proposal, model::Toggles(), [&](std::vector<model::Field>* fields) {
        for (model::Field& field : *fields) {
          if (!field.name.ends_with(name)) continue;
          edit(&field);
          ++edited;
        }
        std::erase_if(*fields, [](const model::Field& field) { return field.mask == 0; });
      });
  EXPECT_GT(edited, 0) << name;
  return made;
}

std::unique_ptr<Made> Make(const char* text) {
  return Make(text, ".status", [](model::Field*) {});
}

void Explore(const Made& made, uint32_t reductions) {
  const KernelModel model(*made.system);
  checker::Options options;
  options.max_states = 30'000;
  static_cast<void>(checker::Explore(checker::Reduced<KernelModel>(model, reductions), options));
}

// What is wrong with canonical forms; "" is right.
std::string CanonicalError(const Made& made) {
  const KernelModel model(*made.system);
  checker::testing::ReductionCheck<KernelModel> check(model);
  static_cast<void>(check.Explore(20'000));
  for (const uint32_t reductions : {uint32_t{checker::kSymmetry}, uint32_t{checker::kRenumber}}) {
    if (const auto error = check.Canonical(reductions)) return error->substr(0, 60);
  }
  return "";
}

// The names of all fields that some step changes, as they are printed.
std::set<std::string> Changes(const Made& made) {
  const KernelModel model(*made.system);
  checker::testing::ReductionCheck<KernelModel> check(model);
  static_cast<void>(check.Explore(20'000));
  std::set<std::string> changes;
  checker::StateStack scratch(model.StateWords());
  for (const auto& words : check.states()) {
    for (int t = 0; t < model.ThreadCount(); ++t) {
      model.ForEachSuccessor(
          words.data(), t, scratch,
          [&](checker::Action, const uint64_t* next, checker::Outcome, const checker::Effects&) {
            const std::string text = model::Difference(made.system->fields(),
                                                       model.View(words.data()), model.View(next));
            for (const absl::string_view change : absl::StrSplit(text, ", ")) {
              changes.emplace(change.substr(0, change.find(' ')));
            }
          });
    }
  }
  return changes;
}

constexpr uint32_t kChecked = checker::kAllReductions | checker::kSelfCheck;

TEST(Layout, NothingIsWrongAsItIs) {
  for (const char* text : {kTwo, kTwice}) {
    const auto made = Make(text);
    Explore(*made, kChecked);
    EXPECT_EQ(CanonicalError(*made), "");
  }
}

// The rows: the notification of a target, and the record that hangs on it.
TEST(LayoutDeathTest, PackingNeedsTheBits) {
  for (const char* row : {".knotif.state", ".pinned_args"}) {
    const auto made = Make(kTwice, row, [](model::Field* field) { field->mask = 0; });
    EXPECT_EXIT(Explore(*made, checker::kNoReduction), ::testing::ExitedWithCode(70),
                "beyond its declared width")
        << row;
  }
}

TEST(Layout, PrintingNeedsTheRow) {
  const std::set<std::string> whole = Changes(*Make(kTwice));
  for (const char* row : {"T.knotif.state", "T.pinned_args"}) {
    EXPECT_EQ(whole.count(row), 1u) << row;
    const auto made = Make(kTwice, row, [](model::Field* field) { field->mask = 0; });
    EXPECT_EQ(Changes(*made).count(row), 0u) << row;
  }
}

// An id that keeps its number, on a target and in a record; a task that keeps its name.
TEST(Layout, CanonicalFormNeedsTheNames) {
  const auto plain = [](model::Field* field) { field->names = model::kPlain; };
  EXPECT_NE(CanonicalError(*Make(kTwice, ".knotif.id", plain)), "");
  EXPECT_NE(CanonicalError(*Make(kTwice, ".notif_id", plain)), "");
  EXPECT_NE(CanonicalError(*Make(kTwo, ".variable_task0", plain)), "");
}

// What other threads write is not a task's own.
TEST(LayoutDeathTest, FootprintsNeedTheResource) {
  for (const char* row : {".knotif.state", ".flags.on_wqh", ".pinned_args"}) {
    const auto made =
        Make(kTwice, row, [](model::Field* field) { field->resource = model::Resource::kOwn; });
    EXPECT_EXIT(Explore(*made, kChecked), ::testing::ExitedWithCode(70), "no footprint of") << row;
  }
}

}  // namespace
}  // namespace knotcheck::verify::layout_test
