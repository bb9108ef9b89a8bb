// SPDX-License-Identifier: Apache-2.0

#include "report/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "trace/testing/example.h"

namespace knotcheck::report::json_test {
namespace {

using Json = nlohmann::ordered_json;

TEST(ResultsJson, HasStableKeys) {
  const trace::TraceSubject subject = trace::ExampleSubject();
  Entry entry;
  entry.scenario = subject.scenario.header.name;
  entry.file = "\xff.scn";
  entry.proposal = "baseline";
  entry.claim = ClaimText(subject.scenario.header, *model::FindProposal("baseline"));
  entry.state = Entry::State::kAnswered;
  entry.answer = *verify::Check(subject.scenario, *subject.proposal, {});
  entry.traces = {{"toctou", "traces/x.json"}};
  Entry none = entry;
  none.state = Entry::State::kMeansNothing;
  none.claim = "";
  none.reason = "why";
  const RunInfo run = {{}, "bfs", "none", "5.10"};
  const std::string text = ResultsJson(run, {entry, none}, {{"f", "f:1:1: m"}});
  EXPECT_EQ(text, ResultsJson(run, {entry, none}, {{"f", "f:1:1: m"}}));
  const Json json = Json::parse(text);
  EXPECT_EQ(json["format"], "knotcheck-results");
  EXPECT_EQ(json["version"], 2);
  EXPECT_EQ(json["knotcheck"], "0.1.0");
  EXPECT_EQ(json["kernel"], "5.10");
  EXPECT_EQ(json["results"][0]["verdict"], "violated(toctou)");
  EXPECT_EQ(json["results"][0]["agreement"], "ok");
  EXPECT_EQ(json["results"][1]["agreement"], "n/a");
  EXPECT_EQ(json["summary"]["questions"], 1);
  std::vector<std::string> keys;
  for (const auto& [key, value] : json["results"][0].items()) keys.push_back(key);
  EXPECT_EQ(keys, (std::vector<std::string>{"scenario",
                                            "file",
                                            "proposal",
                                            "revision",
                                            "claim",
                                            "verdict",
                                            "agreement",
                                            "reason",
                                            "violated",
                                            "vacuous",
                                            "not_reached",
                                            "absent",
                                            "approves_no_memory",
                                            "notes",
                                            "end",
                                            "states",
                                            "transitions",
                                            "depth",
                                            "at_rest",
                                            "state_bits",
                                            "levels",
                                            "properties"}));
  for (const Json& property : json["results"][0]["properties"]) {
    if (property["name"] != "toctou") continue;
    EXPECT_EQ(property["status"], "violated");
    EXPECT_EQ(property["trace"], "traces/x.json");
    EXPECT_TRUE(property["path"].is_string());
  }
}

TEST(ResultsJson, SaysWhoIsStarved) {
  const trace::TraceSubject subject = trace::ExampleSubject();
  Entry entry;
  entry.scenario = "s";
  entry.state = Entry::State::kAnswered;
  verify::CheckOptions options;
  options.liveness = true;
  options.reductions = checker::kNoReduction;  // to compare the counts
  entry.answer = *verify::Check(subject.scenario, *subject.proposal, options);
  Json json = Json::parse(ResultsJson({{}, "bfs", "none"}, {entry}, {}));
  EXPECT_EQ(json["results"][0]["liveness"][0]["property"], "resumes");
  EXPECT_EQ(json["results"][0]["liveness"][0]["end"], "exhausted");
  EXPECT_EQ(json["results"][0]["liveness"][0]["states"], json["results"][0]["states"]);
  EXPECT_TRUE(json["results"][0]["liveness"][0]["starved"].empty());
  EXPECT_EQ(LivenessText(entry.answer.liveness[0]).rfind("resumes: holds, states ", 0), 0u);
  // Made by hand: what a starved task looks like.
  checker::Lasso lasso;
  lasso.stem.actions = {{0, 0}, {1, 2}};
  lasso.cycle = {{1, 0}};
  entry.answer.liveness[0].starving = {{0, "T", lasso}, {1, "U", {}}};
  for (verify::PropertyVerdict& property : entry.answer.properties) {
    if (property.info.name != "resumes") continue;
    property.status = checker::Status::kViolated;
    property.path = lasso.stem;
    property.cycle = lasso.cycle;
  }
  json = Json::parse(ResultsJson({{}, "bfs", "none"}, {entry}, {}));
  EXPECT_EQ(json["results"][0]["liveness"][0]["starved"],
            Json::array({Json{{"task", "T"}, {"path", "0:ab2(b)"}},
                         Json{{"task", "U"}, {"path", "0:()"}}}));
  for (const Json& property : json["results"][0]["properties"]) {
    if (property["name"] == "resumes") {
      EXPECT_EQ(property["path"], "0:ab2(b)");
    }
  }
  EXPECT_EQ(LivenessText(entry.answer.liveness[0]).rfind("resumes: starved: T, U, states ", 0), 0u);
}

}  // namespace
}  // namespace knotcheck::report::json_test
