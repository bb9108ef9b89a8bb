// SPDX-License-Identifier: Apache-2.0

#include "trace/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "trace/testing/example.h"

namespace knotcheck::trace::json_test {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;

constexpr char kFile[] = "t.json";

std::string Written() { return TraceJson(ExampleTrace("baseline", "toctou")); }

TEST(TraceJson, ComesBackAsItWas) {
  for (const char* property : {"toctou", "dies-with-call"}) {
    const std::string proposal = std::string(property) == "toctou" ? "baseline" : "pin_args";
    const std::string text = TraceJson(ExampleTrace(proposal, property));
    const auto recorded = ParseTrace(text, kFile);
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    const auto trace = Revive(*recorded, kFile);
    ASSERT_TRUE(trace.ok()) << trace.status();
    EXPECT_EQ(Difference(*recorded, *trace), "");
    EXPECT_EQ(TraceJson(*trace), text);
  }
}

TEST(TraceJson, HasNoTimesAndIsTheSameTwice) { EXPECT_EQ(Written(), Written()); }

// Cut anywhere, it is an error with a place, and never anything worse.
TEST(ParseTrace, CutOff) {
  const std::string text = Written();
  for (size_t size = 0; size + 2 < text.size(); size += 7) {
    const auto trace = ParseTrace(absl::string_view(text).substr(0, size), kFile);
    ASSERT_TRUE(absl::IsInvalidArgument(trace.status())) << size;
    ASSERT_THAT(std::string(trace.status().message()),
                testing::AllOf(testing::StartsWith("t.json:"), HasSubstr("it was cut off"),
                               HasSubstr("knotcheck check --trace-dir")))
        << size;
  }
}

TEST(ParseTrace, SaysWhereTheJsonIsWrong) {
  const auto trace = ParseTrace("{\n  \"format\": ,\n}", kFile);
  EXPECT_THAT(std::string(trace.status().message()), HasSubstr("t.json:2:13: no JSON: "));
}

TEST(ParseTrace, TakesNoOtherJson) {
  for (const char* text : {"[]", "1", "null", "{}", "\"knotcheck-trace\""}) {
    EXPECT_FALSE(ParseTrace(text, kFile).ok()) << text;
  }
  EXPECT_FALSE(ParseTrace(std::string(1'000'000, '['), kFile).ok());
  EXPECT_FALSE(ParseTrace(std::string(kMaxTraceBytes + 1, ' '), kFile).ok());
  EXPECT_FALSE(ParseTrace("{\"format\": \"\xff\"}", kFile).ok());
}

struct Edit {
  std::function<void(Json*)> edit;
  const char* message;
};

TEST(ParseTrace, EditedShape) {
  const Json good = Json::parse(Written());
  std::vector<Edit> edits = {
      {[](Json* j) { (*j)["format"] = "other"; }, "the format is 'other'"},
      {[](Json* j) { (*j)["version"] = 1; }, "version 1, this knotcheck reads version 2"},
      {[](Json* j) { (*j)["version"] = "1"; }, "'version' is a string, expected a number"},
      {[](Json* j) { (*j)["version"] = -1; }, "'version' is a number"},
      {[](Json* j) { (*j)["proposal"] = "pin_arg"; }, "did you mean 'pin_args'?"},
      {[](Json* j) { (*j)["property"] = "tocto"; }, "did you mean 'toctou'?"},
      {[](Json* j) { (*j)["proposal"] = "baseline/lifo"; }, "found 'lifo', expected a release"},
      {[](Json* j) { (*j)["toggles"] = Json::array(); }, "found 'toggles', expected a key"},
      {[](Json* j) { (*j)["scenario"] = "target T { opneat() }"; }, "its scenario is wrong"},
      {[](Json* j) { (*j)["scenario"] = ""; }, "its scenario is wrong"},
      {[](Json* j) { (*j)["path"] = "0:A"; }, "'path': path:1:3: expected a thread"},
      {[](Json* j) { (*j)["path"] = 7; }, "'path' is a number, expected a string"},
      {[](Json* j) { (*j)["concrete"]["writes"] = 256; }, "'concrete.writes' is 256"},
      {[](Json* j) { (*j)["concrete"]["writes"] = -1; }, "'concrete.writes' is a number"},
      {[](Json* j) { (*j)["concrete"] = 1; }, "'concrete' is a number, expected a object"},
      {[](Json* j) { (*j)["concrete"].erase("path"); }, "'concrete.path' is missing"},
      {[](Json* j) { (*j)["steps"][2]["thread"] = 99; }, "'steps[2].thread' is 99"},
      {[](Json* j) { (*j)["steps"][2].erase("notes"); }, "'steps[2].notes' is missing"},
      {[](Json* j) { (*j)["steps"][1] = 5; }, "'steps[1].' is no object"},
      {[](Json* j) { (*j)["stpes"] = 5; }, "did you mean 'steps'?"},
  };
  for (const auto& [key, value] : good.items()) {
    const std::string name = key;
    // For readers; traces of before have them not.
    if (name == "knotcheck" || name == "kernel" || name == "revision") continue;
    edits.push_back({[name](Json* j) { j->erase(name); }, "is missing"});
  }
  for (const Edit& edit : edits) {
    Json json = good;
    edit.edit(&json);
    const auto trace = ParseTrace(json.dump(), kFile);
    EXPECT_TRUE(absl::IsInvalidArgument(trace.status())) << edit.message;
    EXPECT_THAT(std::string(trace.status().message()),
                testing::AllOf(testing::StartsWith("t.json: "), HasSubstr(edit.message)));
  }
}

absl::StatusOr<Trace> Revived(const std::function<void(Json*)>& edit) {
  Json json = Json::parse(Written());
  edit(&json);
  const auto recorded = ParseTrace(json.dump(), kFile);
  if (!recorded.ok()) return absl::UnknownError(recorded.status().message());
  return Revive(*recorded, kFile);
}

TEST(Revive, PathsThatCannotBeTaken) {
  const auto impossible = Revived([](Json* j) { (*j)["path"] = "0:zz"; });
  EXPECT_TRUE(absl::IsInvalidArgument(impossible.status()));
  EXPECT_THAT(std::string(impossible.status().message()),
              testing::AllOf(HasSubstr("'path'"), HasSubstr("after 0 of its 2 steps, 'z'")));
  EXPECT_TRUE(absl::IsInvalidArgument(Revived([](Json* j) { (*j)["path"] = "3:aa"; }).status()));
  const auto writes = Revived([](Json* j) { (*j)["concrete"]["writes"] = 0; });
  EXPECT_TRUE(absl::IsInvalidArgument(writes.status()));
  EXPECT_THAT(std::string(writes.status().message()), HasSubstr("'concrete.path'"));
}

TEST(Revive, PathsThatShowNothing) {
  const auto empty = Revived([](Json* j) { (*j)["path"] = "0:"; });
  EXPECT_TRUE(absl::IsNotFound(empty.status())) << empty.status();
  EXPECT_THAT(std::string(empty.status().message()), HasSubstr("does not violate toctou"));
  EXPECT_TRUE(absl::IsNotFound(Revived([](Json* j) { (*j)["property"] = "one-reply"; }).status()));
  EXPECT_TRUE(
      absl::IsNotFound(Revived([](Json* j) { (*j)["concrete"]["path"] = "0:a"; }).status()));
}

TEST(Revive, AScenarioThatMeansNothing) {
  const auto trace = Revived([](Json* j) { (*j)["property"] = "dies-with-call"; });
  EXPECT_TRUE(absl::IsInvalidArgument(trace.status())) << trace.status();
}

TEST(Difference, SaysWhatWasEdited) {
  const std::vector<Edit> edits = {
      {[](Json* j) { (*j)["concrete"] = nullptr; }, "'concrete'"},
      {[](Json* j) { (*j)["concrete"]["writes"] = 2; }, "'concrete'"},
      {[](Json* j) { (*j)["threads"][0]["name"] = "X"; }, "'threads'"},
      {[](Json* j) { (*j)["steps"][3]["function"] = "f"; }, "'steps[3]': its function is 'f'"},
      {[](Json* j) { (*j)["steps"][3]["statement"] = "f"; }, "'steps[3]': its statement"},
      {[](Json* j) { (*j)["steps"][3]["file"] = "f"; }, "'steps[3]': its file"},
      {[](Json* j) { (*j)["steps"][3]["thread"] = 1; }, "'steps[3]': it is of another thread"},
      {[](Json* j) { (*j)["steps"][3]["notes"] = {"f"}; }, "'steps[3]': its notes"},
      {[](Json* j) { (*j)["steps"][3]["violated"] = {"f"}; }, "'steps[3]': it does not violate"},
      {[](Json* j) { (*j)["steps"].erase(3); }, "'steps[3]'"},
      {[](Json* j) { (*j)["steps"].erase((*j)["steps"].size() - 1); }, "it records"},
      {[](Json* j) { (*j)["at_rest"] = {"x"}; }, "'at_rest'"},
  };
  for (const Edit& edit : edits) {
    Json json = Json::parse(Written());
    edit.edit(&json);
    const auto recorded = ParseTrace(json.dump(), kFile);
    ASSERT_TRUE(recorded.ok()) << recorded.status();
    const auto trace = Revive(*recorded, kFile);
    ASSERT_TRUE(trace.ok()) << trace.status();
    EXPECT_THAT(Difference(*recorded, *trace), HasSubstr(edit.message));
  }
}

}  // namespace
}  // namespace knotcheck::trace::json_test
