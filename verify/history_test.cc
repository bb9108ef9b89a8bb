// SPDX-License-Identifier: Apache-2.0
//
// Each variant of an older kernel, with a scenario that knows nothing of it and a property that
// holds there today: under the variant it breaks, and so it does in the last release that had it.
// A variant that no row speaks of fails here.

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "gtest/gtest.h"
#include "lang/parse.h"
#include "model/kernel/toggles.h"
#include "verify/check.h"

namespace knotcheck::verify::history_test {
namespace {

using model::Toggle;

struct Row {
  Toggle variant;
  const char* scenario;
  const char* property;
};

const Row kRows[] = {
    {model::Variant::addfd_early_return, "history/addfd_interrupted", "expectation"},
    {model::Variant::addfd_not_atomic, "history/addfd_send_or_both", "addfd-once"},
    {model::Variant::addfd_send_interrupted, "notifier/addfd_send_interrupted", "addfd-send"},
    {model::Variant::dup_listener_race, "history/two_listeners", "one-listener"},
    {model::Variant::id_valid_dir, "notifier/kill_in_middle", "expectation"},
    {model::Variant::lifo_notifications, "history/first_in_first_out", "expectation"},
    {model::Variant::no_addfd, "notifier/addfd", "expectation"},
    {model::Variant::no_continue, "notifier/continue", "expectation"},
    {model::Variant::no_pollhup, "history/poll_after_the_last", "hangup"},
    {model::Variant::no_set_flags, "notifier/set_flags", "expectation"},
    {model::Variant::no_tsync_esrch, "history/tsync_with_listener", "expectation"},
    {model::Variant::no_wait_killable, "notifier/wait_killable", "reply-acted-on"},
    {model::Variant::recv_blocks_forever, "history/recv_after_the_last", "hangup"},
    {model::Variant::recv_efault_no_wake, "history/poll_and_failed_recv", "progress"},
    {model::Variant::recv_garbage, "notifier/basic", "expectation"},
    {model::Variant::release_late, "history/poll_after_the_last", "hangup"},
    {model::Variant::wait_killable_fast_reply, "notifier/wait_killable", "reply-acted-on"},
};

checker::Status StatusOf(const Row& row, model::Toggles toggles) {
  const std::string file = std::string(KNOTCHECK_SOURCE_DIR "/scenarios/") + row.scenario + ".scn";
  std::ifstream stream(file);
  std::stringstream text;
  text << stream.rdbuf();
  const auto scenario = lang::Parse(text.str(), file);
  EXPECT_TRUE(scenario.ok()) << scenario.status();
  CheckOptions options;
  options.toggles = toggles;
  const auto answer = Check(*scenario, *model::FindProposal("baseline"), options);
  EXPECT_TRUE(answer.ok()) << answer.status();
  for (const PropertyVerdict& property : answer->properties) {
    if (property.info.name == row.property) return property.status;
  }
  ADD_FAILURE() << "no property " << row.property;
  return checker::Status::kIncomplete;
}

TEST(History, EachVariantBreaksWhatHoldsToday) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(model::InfoOf(row.variant).name + " in " + row.scenario);
    EXPECT_EQ(StatusOf(row, {}), checker::Status::kHolds);
    model::Toggles variant;
    variant.Set(row.variant);
    EXPECT_EQ(StatusOf(row, variant), checker::Status::kViolated);
    const auto release = model::VariantsOf(model::InfoOf(row.variant).last);
    ASSERT_TRUE(release.has_value());
    EXPECT_TRUE(release->Has(row.variant));
    EXPECT_EQ(StatusOf(row, *release), checker::Status::kViolated);
  }
}

TEST(History, EachVariantHasARow) {
  std::set<std::string> rows;
  for (const Row& row : kRows) rows.insert(model::InfoOf(row.variant).name);
  for (const model::ToggleInfo& info : model::AllToggles()) {
    if (info.mutation() || info.fix()) continue;
    EXPECT_EQ(rows.count(info.name), 1u) << info.name;
  }
}

}  // namespace
}  // namespace knotcheck::verify::history_test
