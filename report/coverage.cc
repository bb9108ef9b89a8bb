// SPDX-License-Identifier: Apache-2.0

#include "report/coverage.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/json.h"
#include "base/text.h"
#include "fmt/core.h"
#include "nlohmann/json.hpp"

namespace knotcheck::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kHead[] = "kind\tname\twhy";
const std::vector<std::string> kKinds = {"step", "errno", "unreached", "unbroken", "event"};

absl::Status BadGap(const std::string& file, int line, size_t column, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(file, ":", line, ":", column, ": ", what));
}

class Maker {
 public:
  Maker(const std::vector<const model::Proposal*>& proposals, const std::vector<ListedGap>& listed)
      : proposals_(proposals) {
    for (const ListedGap& gap : listed) rows_[{gap.kind, gap.name}] = &gap;
  }

  bool Explored(const model::Proposal* proposal) const {
    return proposal == nullptr ||
           std::find(proposals_.begin(), proposals_.end(), proposal) != proposals_.end();
  }

  // A thing that there is, and whether it was met.
  void Count(Part* part, const std::string& kind, const std::string& name, bool met) {
    ++part->all;
    part->met += met ? 1 : 0;
    if (met) return;
    const auto row = rows_.find({kind, name});
    Gap gap{kind, name, row == rows_.end() ? "" : row->second->why};
    if (row == rows_.end()) {
      report_.unlisted.push_back(gap);
    } else {
      ++report_.listed;
      rows_.erase(row);
    }
    part->gaps.push_back(std::move(gap));
  }
  // A thing that the explored proposals do not have: rows about it are neither right nor wrong.
  void Skip(const std::string& kind, const std::string& name) { rows_.erase({kind, name}); }

  void Functions(const model::Coverage& coverage);
  void Properties(const model::Coverage& coverage);
  void Events(const model::Coverage& coverage);
  CoverageReport Finish(const model::Coverage& coverage);

 private:
  const std::vector<const model::Proposal*>& proposals_;
  std::map<std::pair<std::string, std::string>, const ListedGap*> rows_;
  CoverageReport report_;
};

void Maker::Functions(const model::Coverage& coverage) {
  for (const model::SourceFunction& function : model::SourceFunctions()) {
    FunctionCoverage covered{function.name, function.file, {}, {}};
    const auto returned = coverage.returned.find(function.info);
    const bool explored = Explored(function.proposal);
    const auto count = [&](Part* part, const std::string& kind, const std::string& what, bool met) {
      const std::string name = absl::StrCat(function.name, ": ", what);
      if (explored) {
        Count(part, kind, name, met);
      } else {
        Skip(kind, name);
      }
    };
    for (size_t i = 0; i < function.steps.size(); ++i) {
      count(&covered.steps, "step", function.step_names[i],
            coverage.steps.count(function.steps[i]) != 0);
    }
    for (const int error : function.errors) {
      count(&covered.errors, "errno", model::ErrnoName(error),
            returned != coverage.returned.end() && returned->second[static_cast<size_t>(error)]);
    }
    if (explored) report_.functions.push_back(std::move(covered));
  }
}

void Maker::Properties(const model::Coverage& coverage) {
  const bool some_hooks =
      std::any_of(proposals_.begin(), proposals_.end(),
                  [](const model::Proposal* proposal) { return !proposal->functions.empty(); });
  for (const model::PropertyInfo& property : model::AllProperties()) {
    const bool explored =
        property.proposal.empty() || Explored(model::FindProposal(property.proposal));
    if (!explored || (property.needs_proposal && !some_hooks)) {
      Skip("unreached", property.name);
      Skip("unbroken", property.name);
      continue;
    }
    Count(&report_.reached, "unreached", property.name, coverage.reached.count(property.name) != 0);
    Count(&report_.broken, "unbroken", property.name, coverage.broken.count(property.name) != 0);
  }
}

void Maker::Events(const model::Coverage& coverage) {
  model::EventSet raised;
  for (const auto& [proposal, events] : coverage.events) raised |= events;
  const int core = static_cast<int>(model::Event::kProposal0);
  for (int e = 0; e < core; ++e) {
    Count(&report_.events, "event", model::EventName(static_cast<model::Event>(e)),
          raised.Has(static_cast<model::Event>(e)));
  }
  // A proposal has those that its properties look at.
  for (const model::Proposal* proposal : model::AllProposals()) {
    model::EventSet own;
    for (const model::PropertyInfo& property : model::AllProperties()) {
      if (property.proposal == proposal->name) own |= property.broken_by | property.witness;
    }
    const auto events = coverage.events.find(proposal);
    for (int e = core; e < static_cast<int>(model::Event::kCount); ++e) {
      if (!own.Has(static_cast<model::Event>(e))) continue;
      const std::string name =
          absl::StrCat(model::EventName(static_cast<model::Event>(e)), " [", proposal->name, "]");
      if (Explored(proposal)) {
        Count(&report_.events, "event", name,
              events != coverage.events.end() && events->second.Has(static_cast<model::Event>(e)));
      } else {
        Skip("event", name);
      }
    }
  }
}

CoverageReport Maker::Finish(const model::Coverage& coverage) {
  report_.calls.assign(coverage.answered.begin(), coverage.answered.end());
  for (const auto& [key, row] : rows_) report_.stale.push_back(*row);
  std::sort(report_.stale.begin(), report_.stale.end(),
            [](const ListedGap& a, const ListedGap& b) { return a.line < b.line; });
  return std::move(report_);
}

std::string ResultsText(const model::Results& results) {
  std::vector<std::string> names;
  if (results[0]) names.push_back("success");
  for (size_t e = 1; e < results.size(); ++e) {
    if (results[e]) names.push_back(model::ErrnoName(static_cast<int>(e)));
  }
  return absl::StrJoin(names, " ");
}

std::string PartText(const Part& part, absl::string_view what) {
  return absl::StrCat(part.met, " of ", part.all, " ", what);
}

Json PartJson(const Part& part) {
  Json json{{"met", part.met}, {"all", part.all}, {"gaps", Json::array()}};
  for (const Gap& gap : part.gaps) {
    json["gaps"].push_back(Json{{"name", gap.name},
                                {"listed", !gap.why.empty()},
                                {"why", gap.why.empty() ? Json(nullptr) : Json(gap.why)}});
  }
  return json;
}

}  // namespace

absl::StatusOr<std::vector<ListedGap>> ParseGaps(absl::string_view text, const std::string& file) {
  std::vector<ListedGap> gaps;
  std::set<std::pair<std::string, std::string>> names;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (number == 1) {
      if (line == kHead) continue;
      return BadGap(file, 1, 1,
                    "found another first line, expected the columns kind, name, why "
                    "with tabs between them");
    }
    if (line.empty()) continue;
    const std::vector<std::string> cells = absl::StrSplit(line, '\t');
    if (cells.size() != 3 || cells[1].empty() || cells[2].empty()) {
      return BadGap(file, number, 1,
                    absl::StrCat("found ", cells.size(), cells.size() == 1 ? " column" : " columns",
                                 " or an empty one, expected kind, name, why with tabs between "
                                 "them"));
    }
    if (std::find(kKinds.begin(), kKinds.end(), cells[0]) == kKinds.end()) {
      return BadGap(file, number, 1, base::UnknownName("a kind of gap", cells[0], kKinds));
    }
    if (!names.insert({cells[0], cells[1]}).second) {
      return BadGap(
          file, number, cells[0].size() + 2,
          absl::StrCat("found '", base::Ascii(cells[1]), "' again, expected one row a gap"));
    }
    gaps.push_back({cells[0], cells[1], cells[2], number});
  }
  return gaps;
}

CoverageReport MakeCoverageReport(const model::Coverage& coverage,
                                  const std::vector<const model::Proposal*>& proposals,
                                  const std::vector<ListedGap>& listed) {
  Maker maker(proposals, listed);
  maker.Functions(coverage);
  maker.Properties(coverage);
  maker.Events(coverage);
  return maker.Finish(coverage);
}

std::string CoverageText(const CoverageReport& report, const std::string& gaps_file, size_t width) {
  std::string text;
  const auto say = [&](const std::string& line, size_t indent, size_t hang) {
    for (const std::string& each : base::Wrap(base::Ascii(line), width, indent, hang)) {
      absl::StrAppend(&text, each, "\n");
    }
  };
  const auto gaps = [&](const Part& part, const std::string& said_already) {
    for (const Gap& gap : part.gaps) {
      const size_t skip = gap.name.rfind(said_already, 0) == 0 ? said_already.size() : 0;
      say(absl::StrCat("never: ", gap.name.substr(skip), gap.why.empty() ? "  <-- not listed" : ""),
          4, 6);
    }
  };
  std::string file;
  for (const FunctionCoverage& function : report.functions) {
    if (function.file != file) say(function.file.empty() ? "(no file)" : function.file, 0, 0);
    file = function.file;
    say(fmt::format("{:<38} {}{}", function.name, PartText(function.steps, "steps"),
                    function.errors.all == 0
                        ? ""
                        : absl::StrCat(", ", PartText(function.errors, "errors"))),
        2, 4);
    gaps(function.steps, function.name + ": ");
    gaps(function.errors, function.name + ": ");
  }
  say("what user space got", 0, 0);
  for (const auto& [call, results] : report.calls) {
    say(fmt::format("{:<38} {}", call, ResultsText(results)), 2, 41);
  }
  say(absl::StrCat("properties: ", PartText(report.reached, "reached"), ", ",
                   PartText(report.broken, "broken")),
      0, 2);
  for (const Gap& gap : report.reached.gaps) {
    say(absl::StrCat("never reached: ", gap.name, gap.why.empty() ? "  <-- not listed" : ""), 4, 6);
  }
  for (const Gap& gap : report.broken.gaps) {
    say(absl::StrCat("never broken: ", gap.name, gap.why.empty() ? "  <-- not listed" : ""), 4, 6);
  }
  say(absl::StrCat("events: ", PartText(report.events, "raised")), 0, 2);
  gaps(report.events, "");
  say(absl::StrCat(report.listed + report.unlisted.size(), " gaps, ", report.listed, " listed in ",
                   gaps_file),
      0, 2);
  if (!report.unlisted.empty()) {
    say(absl::StrCat(report.unlisted.size(),
                     " not listed. For each write a scenario that reaches "
                     "it, or, where none can, add its row to ",
                     gaps_file, " with the reason:"),
        0, 2);
    for (const Gap& gap : report.unlisted) {
      absl::StrAppend(&text, base::Ascii(gap.kind), "\t", base::Ascii(gap.name), "\t...\n");
    }
  }
  if (!report.stale.empty()) {
    say(absl::StrCat(report.stale.size(),
                     " listed without need: either a scenario reaches it now "
                     "or nothing has that name. Remove the row:"),
        0, 2);
    for (const ListedGap& row : report.stale) {
      absl::StrAppend(&text, base::Ascii(gaps_file), ":", row.line, ": ", base::Ascii(row.kind),
                      " ", base::Ascii(row.name), "\n");
    }
  }
  return text;
}

std::string CoverageJson(const CoverageReport& report,
                         const std::vector<const model::Proposal*>& proposals,
                         const std::vector<std::string>& toggles) {
  Json json;
  json["version"] = kCoverageVersion;
  json["proposals"] = Json::array();
  for (const model::Proposal* proposal : proposals) json["proposals"].push_back(proposal->name);
  json["kernel"] = toggles;
  json["functions"] = Json::array();
  for (const FunctionCoverage& function : report.functions) {
    json["functions"].push_back(Json{{"name", function.name},
                                     {"file", function.file},
                                     {"steps", PartJson(function.steps)},
                                     {"errors", PartJson(function.errors)}});
  }
  json["calls"] = Json::array();
  for (const auto& [call, results] : report.calls) {
    Json errors = Json::array();
    for (size_t e = 1; e < results.size(); ++e) {
      if (results[e]) errors.push_back(model::ErrnoName(static_cast<int>(e)));
    }
    json["calls"].push_back(
        Json{{"name", call}, {"succeeds", results[0]}, {"errors", std::move(errors)}});
  }
  json["properties_reached"] = PartJson(report.reached);
  json["properties_broken"] = PartJson(report.broken);
  json["events"] = PartJson(report.events);
  json["stale"] = Json::array();
  for (const ListedGap& row : report.stale) {
    json["stale"].push_back(Json{{"kind", row.kind}, {"name", row.name}, {"line", row.line}});
  }
  return JsonText(json);
}

}  // namespace knotcheck::report
