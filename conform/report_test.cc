// SPDX-License-Identifier: Apache-2.0

#include "conform/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "conform/testing/fake_runner.h"
#include "nlohmann/json.hpp"

namespace knotcheck::conform::report_test {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

bool HasType(const json& value, const std::string& type) {
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "boolean") return value.is_boolean();
  if (type == "array") return value.is_array();
  return type == "object" && value.is_object();
}

// What of `value` is not as the schema says: ["/cases/0: no 'forced'"]. Of JSON Schema only what
// the schemas of docs use; all else is a fault, too.
void Validate(const json& schema, const json& value, const std::string& place,
              std::vector<std::string>* faults) {
  const auto fault = [&](const std::string& what) { faults->push_back(place + ": " + what); };
  for (const auto& [key, rule] : schema.items()) {
    if (key == "$schema" || key == "title" || key == "description" || key == "properties") continue;
    if (key == "type") {
      if (!HasType(value, rule)) fault(absl::StrCat("expected ", rule.get<std::string>()));
    } else if (key == "const") {
      if (value != rule) fault("another constant");
    } else if (key == "enum") {
      if (std::find(rule.begin(), rule.end(), value) == rule.end()) fault("not in the enum");
    } else if (key == "minimum") {
      if (value < rule) fault("too small");
    } else if (key == "required") {
      for (const auto& name : rule) {
        if (!value.contains(name)) fault(absl::StrCat("no '", name.get<std::string>(), "'"));
      }
    } else if (key == "items") {
      for (size_t i = 0; value.is_array() && i < value.size(); ++i) {
        Validate(rule, value[i], absl::StrCat(place, "/", i), faults);
      }
    } else if (key == "additionalProperties") {
      for (const auto& [name, member] : value.items()) {
        const std::string here = absl::StrCat(place, "/", name);
        if (schema.contains("properties") && schema["properties"].contains(name)) {
          Validate(schema["properties"][name], member, here, faults);
        } else if (rule.is_object()) {
          Validate(rule, member, here, faults);
        } else {
          fault(absl::StrCat("unknown '", name, "'"));
        }
      }
    } else {
      fault(absl::StrCat("the schema's '", key, "' is not known here"));
    }
  }
}

std::vector<std::string> Faults(const json& value) {
  std::ifstream file(KNOTCHECK_SOURCE_DIR "/docs/conform-schema.json");
  const json schema = json::parse(file);
  std::vector<std::string> faults;
  Validate(schema, value, "", &faults);
  return faults;
}

// attack/openat_path with one forced run of each kind, a stress with a forbidden outcome and a torn
// one; and a scenario that no plan can say.
class ReportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    raced_ = testing::Collected("attack/openat_path");
    anything_ =
        testing::ParsedBody("filter umask\ntarget T { umask() }\nsupervisor S { anything }\n");
    for (const lang::Scenario* scenario : {&raced_, &anything_}) {
      auto one = MakeCase(*scenario, *model::FindProposal("baseline"), {});
      ASSERT_TRUE(one.ok()) << one.status();
      campaign_.cases.push_back(*std::move(one));
    }
    auto& forced = Raced().forced;
    ASSERT_EQ(forced.size(), 3u);
    forced[0].match = Match::kMatches;
    forced[0].reason = "";
    forced[0].observed = forced[0].predicted;
    forced[1].match = Match::kDiffers;
    forced[1].reason = "another outcome";
    forced[1].observed = "T[0=-1] S[0=0]";
    forced[2].match = Match::kSkipped;
    forced[2].reason = "hold: one processor";
    StressResult& stress = Raced().stress;
    stress.match = Match::kDiffers;
    stress.reason = "an outcome that the model does not allow";
    stress.runs = 12;
    stress.allowed = 3;
    stress.rows = {{10, "T[0=-13]", true, false, {}},
                   {1, "T[0=6:used=2f6f6b]", true, true, {}},
                   {1, "T[0=7]", false, false, {}}};
    stress.unseen = {{0, "T[0=6:used=2f6576696c]", true, false, {"toctou"}}};
    campaign_.probe = {{"release", "6.12.117"}, {"machine", "x86_64"}, {"processors", "2"},
                       {"root", "no"},          {"addfd", "yes"},      {"fuse", "no /dev/fuse"}};
    header_.target = "host";
  }
  Case& Raced() { return campaign_.cases[0]; }

  lang::Scenario raced_;
  lang::Scenario anything_;
  Campaign campaign_;
  ReportHeader header_;
};

TEST_F(ReportTest, Header) {
  EXPECT_EQ(HeaderText(campaign_, header_),
            "host: Linux 6.12.117 x86_64, 2 processors, not as root\n"
            "lacks fuse: /dev/fuse\n"
            "model: 6.12.117; knotcheck 0.1.0\n");
  header_.variants = "6.12.117 with lifo_notifications";
  header_.how = "as --kernel says";
  campaign_.probe = {{"root", "yes"}};
  EXPECT_EQ(HeaderText(campaign_, header_),
            "host: Linux ? ?, ? processors, as root\n"
            "model: 6.12.117 with lifo_notifications (as --kernel says); knotcheck "
            "0.1.0\n");
}

// A counterexample is told with what is not as in it, and its run even where it matches.
TEST_F(ReportTest, ACounterexample) {
  Raced().trace = TraceNotes{"dir/t.json", "toctou", 6, {"'a' is over when 'b' begins"}};
  Raced().forced.resize(1);
  EXPECT_THAT(CasesText(campaign_, false),
              HasSubstr("  dir/t.json: toctou, 6 operations, stores and signals, in its order but "
                        "for\n    this:\n"
                        "    'a' is over when 'b' begins\n"
                        "  #1 matches"));
  EXPECT_THAT(CasesText(campaign_, false), Not(HasSubstr(" | start")));
  EXPECT_THAT(TotalsText(campaign_), HasSubstr("traces: 1 are followed, 0 of them in their whole "
                                               "order; 0 cannot be forced\n"));
  const json written = json::parse(CampaignJson(campaign_, header_));
  EXPECT_EQ(written["cases"][0]["trace"]["differences"][0], "'a' is over when 'b' begins");
  Raced().trace->differences.clear();
  EXPECT_THAT(TotalsText(campaign_), HasSubstr("1 of them in their whole order"));
  Raced().forced.clear();
  EXPECT_THAT(CasesText(campaign_, false),
              HasSubstr("toctou, which no run that user space can force breaks"));
  EXPECT_THAT(TotalsText(campaign_), HasSubstr("1 cannot be forced"));
}

TEST_F(ReportTest, TheTable) {
  const std::string text = CasesText(campaign_, false);
  EXPECT_THAT(text, HasSubstr("attack/openat_path "));
  EXPECT_THAT(text, HasSubstr("forced 1/3  12 runs 2/3  DIFFERS\n"));
  EXPECT_THAT(text, Not(HasSubstr("#1 ")));
  EXPECT_THAT(text, HasSubstr("#2 differs: another outcome"));
  EXPECT_THAT(text, HasSubstr("kernel  T[0=-1] S[0=0]\n"));
  EXPECT_THAT(text, HasSubstr("     | start T 0    # openat(AT_FDCWD, path, O_RDONLY)\n"));
  EXPECT_THAT(text, HasSubstr("#3 skipped: hold: one processor"));
  EXPECT_THAT(text, HasSubstr("       1 FORBIDDEN T[0=7]\n"));
  EXPECT_THAT(text, HasSubstr("       1 (torn) T[0=6:used=\"/ok\"]\n"));
  EXPECT_THAT(text, Not(HasSubstr("used=\"/evil\"]  violates toctou\n")));
  EXPECT_THAT(text, Not(HasSubstr("cannot be run")));
}

TEST_F(ReportTest, Verbose) {
  const std::string text = CasesText(campaign_, true);
  EXPECT_THAT(text, HasSubstr("#1 matches (violates"));
  EXPECT_THAT(text, HasSubstr("     | store 0 \"/evil\"    # path\n"));
  EXPECT_THAT(text, HasSubstr("       0   T[0=6:used=\"/evil\"]  violates toctou\n"));
  EXPECT_THAT(text, HasSubstr("test/it baseline: cannot be run on a real kernel: "
                              "a supervisor may do anything\n"));
}

// Whatever the numbers, the table fits a terminal.
TEST_F(ReportTest, LongLines) {
  Raced().name = "pin_args/two_threads_one_notification";
  for (int i = 0; i < 13; ++i) {
    ForcedResult& forced = Raced().forced.emplace_back();
    forced.plan = "x#1";
    forced.match = Match::kMatches;
  }
  Raced().stress.runs = 1000;
  Raced().stress.allowed = 99;
  header_.how = std::string(60, 'x') + " " + std::string(60, 'y');
  const std::string text = absl::StrCat(HeaderText(campaign_, header_), CasesText(campaign_, false),
                                        TotalsText(campaign_));
  EXPECT_THAT(text, HasSubstr("forced 14/16  1000 runs 98/99\n  DIFFERS\n"));
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const bool outcome = absl::StrContains(line, "[");
    EXPECT_TRUE(outcome || line.size() <= 80) << line;
  }
}

TEST_F(ReportTest, TotalsOfAllKinds) {
  const Totals totals = TotalsOf(campaign_);
  EXPECT_EQ(totals.matches, 1u);
  EXPECT_EQ(totals.differs, 1u);
  EXPECT_EQ(totals.skipped, 1u);
  EXPECT_EQ(totals.lost, 0u);
  EXPECT_EQ(totals.stressed, 0u);
  EXPECT_EQ(totals.stress_differs, 1u);
  EXPECT_EQ(totals.stress_runs, 12u);
  EXPECT_EQ(totals.cannot, 1u);
  campaign_.breaks = {"panic, in x#1"};
  campaign_.reports = {"BUG: KASAN: in f"};
  const std::string text = TotalsText(campaign_);
  EXPECT_THAT(text, HasSubstr("forced: 1 runs match, 1 differ, 1 skipped, 0 lost\n"));
  EXPECT_THAT(text, HasSubstr("stress: 0 hold in 12 runs, 1 show what is forbidden, 0 skipped"));
  EXPECT_THAT(text, HasSubstr("not run: 1 scenarios (--verbose)\n"));
  EXPECT_THAT(text, HasSubstr("the target broke off: panic, in x#1\n"));
  EXPECT_THAT(text, HasSubstr("the kernel reports:\nBUG: KASAN: in f\n"));
}

TEST_F(ReportTest, JsonIsAsTheSchemaSays) {
  campaign_.breaks = {"panic, in x#1"};
  campaign_.reports = {"not \xff UTF-8"};
  const json found = json::parse(CampaignJson(campaign_, header_));
  EXPECT_THAT(Faults(found), ::testing::IsEmpty());
  const json& one = found["cases"][0];
  EXPECT_EQ(one["scenario"], "attack/openat_path");
  EXPECT_EQ(one["forced"][1]["match"], "differs");
  EXPECT_EQ(one["forced"][1]["observed"], "T[0=-1] S[0=0]");
  EXPECT_EQ(one["stress"]["observed"][2]["allowed"], false);
  EXPECT_EQ(one["stress"]["observed"][1]["torn"], true);
  EXPECT_EQ(one["stress"]["never_observed"][0]["violates"], json({"toctou"}));
  EXPECT_EQ(found["cases"][1]["cannot"], "a supervisor may do anything");
  EXPECT_FALSE(found["cases"][1].contains("stress"));
  EXPECT_EQ(found["probe"]["fuse"], "no /dev/fuse");

  // The check is one: what is missing, unknown or of another kind is found.
  json wrong = found;
  wrong["cases"][0].erase("forced");
  wrong["cases"][0]["stress"]["runs"] = -1;
  wrong["cases"][1]["forced"] = "none";
  wrong["version"] = 2;
  wrong["more"] = 1;
  EXPECT_THAT(Faults(wrong), ::testing::UnorderedElementsAre(
                                 "/cases/0: no 'forced'", "/cases/0/stress/runs: too small",
                                 "/cases/1/forced: expected array", "/version: another constant",
                                 ": unknown 'more'"));
}

TEST_F(ReportTest, NothingAtAll) {
  const Campaign nothing;
  EXPECT_EQ(CasesText(nothing, true), "");
  EXPECT_EQ(TotalsText(nothing), "forced: 0 runs match, 0 differ, 0 skipped, 0 lost\n");
  EXPECT_THAT(Faults(json::parse(CampaignJson(nothing, header_))), ::testing::IsEmpty());
}

}  // namespace
}  // namespace knotcheck::conform::report_test
